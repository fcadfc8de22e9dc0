#!/usr/bin/env python3
"""Writes model_data.c: what the API's inputs must look like, as C tables.

    model_gen.py stepfunctions.json > model_data.c

The argument is the service model in botocore's form (service-2.json). Only what inputs are checked by is
kept: types, required members, lengths and ranges, patterns, enumerations. Run by hand when the model
changes; the build does not need it.
"""
import json
import sys

TYPES = {"structure": "STRUCTURE", "list": "LIST", "map": "MAP", "string": "STRING", "integer": "INTEGER",
         "long": "LONG", "float": "DOUBLE", "double": "DOUBLE", "boolean": "BOOLEAN",
         "timestamp": "TIMESTAMP", "blob": "BLOB"}

# Java classes that PCRE2 spells otherwise.
REGEX = {r"\p{ASCII}*": r"[\x00-\x7f]*"}

# Inputs that the service itself examines, with an answer of its own: recorded to be let through by the model.
UNBOUNDED = {("ValidateStateMachineDefinition", "definition"), ("TestState", "definition")}

# Enumerations that AWS was seen to print in another order than its model has.
RECORDED_ORDER = {"ExecutionStatus": ["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(n):
    return str(int(n))


class Table:
    def __init__(self, model):
        self.model = model["shapes"]
        self.index = {}
        self.rows = []

    def shape(self, name, unbounded=False):
        key = (name, unbounded)
        if key in self.index:
            return self.index[key]
        self.index[key] = at = len(self.rows)
        self.rows.append(None)
        s = self.model[name]
        row = {"name": name, "type": TYPES[s["type"]], "shape": s, "unbounded": unbounded}
        if s["type"] == "structure":
            row["members"] = [(n, self.shape(m["shape"]), n in s.get("required", []))
                              for n, m in s["members"].items()]
        elif s["type"] == "list":
            row["element"] = self.shape(s["member"]["shape"])
        elif s["type"] == "map":
            row["element"] = self.shape(s["value"]["shape"])
        self.rows[at] = row
        return at

    def operation(self, name, shape):
        at = self.shape(shape)
        for op, member in UNBOUNDED:
            if op == name:
                row = self.rows[at]
                row["members"] = [(n, self.shape(self.rows[i]["name"], True) if n == member else i, r)
                                  for n, i, r in row["members"]]
        return at


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        model = json.load(f)
    table = Table(model)
    operations = [(n, table.operation(n, o["input"]["shape"])) for n, o in sorted(model["operations"].items())]
    out = ["/* Made by model_gen.py from the service model; not to be edited. */", "",
           '#include "runtime/service/model.h"', "", "#include <stddef.h>", ""]
    out.append(f"static const struct model_shape shapes[{len(table.rows)}];")
    out.append("")
    for i, row in enumerate(table.rows):
        s = row["shape"]
        if row.get("members"):
            out.append(f"static const struct model_member members_{i}[] = {{")
            for n, at, required in row["members"]:
                out.append(f"    {{{quoted(n)}, &shapes[{at}], {'true' if required else 'false'}}},")
            out.append("};")
        if "enum" in s:
            words = ", ".join(quoted(w) for w in RECORDED_ORDER.get(row["name"], s["enum"]))
            out.append(f"static const char *const values_{i}[] = {{{words}, NULL}};")
    out += ["", f"static const struct model_shape shapes[{len(table.rows)}] = {{"]
    for i, row in enumerate(table.rows):
        s = row["shape"]
        f = [f".name = {quoted(row['name'])}", f".type = MODEL_{row['type']}"]
        if "min" in s and not row["unbounded"]:
            f.append(f".has_min = true, .min = {number(s['min'])}")
        if "max" in s:
            f.append(f".has_max = true, .max = {number(s['max'])}")
        if s.get("sensitive"):
            f.append(".sensitive = true")
        if "pattern" in s:
            f.append(f".pattern = {quoted(s['pattern'])}")
            f.append(f".regex = {quoted(REGEX.get(s['pattern'], s['pattern']))}")
        if "enum" in s:
            f.append(f".values = values_{i}")
        if row.get("members"):
            f.append(f".members = members_{i}, .member_count = {len(row['members'])}")
        if "element" in row:
            f.append(f".element = &shapes[{row['element']}]")
        out.append(f"    [{i}] = {{{', '.join(f)}}},")
    out += ["};", "", "const struct model_operation model_operations[] = {"]
    out += [f"    {{{quoted(n)}, &shapes[{at}]}}," for n, at in operations]
    out += ["};", "const size_t model_operation_count = sizeof model_operations / sizeof model_operations[0];"]
    print("\n".join(out))


main()
