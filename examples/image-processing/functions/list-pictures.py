#!/usr/bin/env python3
"""The names of the files in $PICTURES/in, in order; a command."""
import json
import os

print(json.dumps(sorted(os.listdir(os.path.join(os.environ["PICTURES"], "in")))))
