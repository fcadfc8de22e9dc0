#!/usr/bin/env python3
"""What stands in a web shop: asks for a quote over HTTP and has the answer in the same request.

usage: client.py URL MACHINE_ARN KG
"""
import json
import sys
import urllib.request

url, machine, kg = sys.argv[1:]
body = {"stateMachineArn": machine, "input": json.dumps({"kg": float(kg)})}
headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.StartSyncExecution"}
with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
    execution = json.load(answer)
if execution["status"] == "SUCCEEDED":
    print(kg, "kg:", execution["output"])
else:
    print(kg, "kg:", execution["status"], execution["error"] + ":", execution["cause"])
