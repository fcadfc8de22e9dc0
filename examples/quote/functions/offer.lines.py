#!/usr/bin/env python3
"""What a carrier asks for a parcel; a line handler. {"carrier","kg"} -> {"carrier","cents"}, or the error NoOffer."""
import json
import sys

TARIFFS = {"bike": (300, 110, 5), "post": (450, 60, 20), "rail": (900, 15, 30)}  # base, per kg, kg at most


class NoOffer(Exception):
    pass


def offer(parcel):
    base, cents_per_kg, kg_max = TARIFFS[parcel["carrier"]]
    if parcel["kg"] > kg_max:
        raise NoOffer("too heavy")
    return {"carrier": parcel["carrier"], "cents": base + cents_per_kg * parcel["kg"]}


for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = {"id": call["id"], "result": offer(call["payload"])}
    except Exception as error:
        answer = {"id": call["id"], "error": {"errorType": type(error).__name__, "errorMessage": str(error)}}
    print(json.dumps(answer), flush=True)
