#!/usr/bin/env python3
"""Writes C tables of what JSON must look like, from service models in botocore's form (service-2.json).

    model_gen.py inputs stepfunctions.json > model_data.c
    model_gen.py outputs mock_models.json states,sfn=stepfunctions.json sqs=sqs.json ... > mock_data.c

`inputs`: the inputs of the API's operations. `outputs`: the answers of other services' operations, by which
TestState checks mocked results; those of mock_models.json are written down by hand, short: operation to
{member: shape}. Only types, required members, lengths and ranges, patterns and enumerations are kept. Run by
hand when a model changes; the build does not need it.
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

# What carries an input or a result: how long it may be is a setting of ours.
PAYLOADS = {"SensitiveData"}

# Enumerations that AWS was seen to print in another order than its model has.
RECORDED_ORDER = {"ExecutionStatus": ["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(n):
    return str(int(n))


# Answers whose shape Step Functions changes: a function's payload is any JSON.
FREE = {("InvocationResponse", "Payload")}


class Table:
    def __init__(self):
        self.model = {}
        self.scope = ""
        self.index = {}
        self.rows = []
        self.capital = False  # Step Functions starts the names of members with a capital letter

    def use(self, scope, shapes, capital=False):
        self.scope, self.model, self.capital = scope, shapes, capital

    def member_name(self, name):
        return name[0].upper() + name[1:] if self.capital else name

    def shape(self, name, unbounded=False):
        key = (self.scope, name, unbounded)
        if key in self.index:
            return self.index[key]
        self.index[key] = at = len(self.rows)
        self.rows.append(None)
        s = self.model[name]
        row = {"name": name, "type": TYPES[s["type"]], "shape": s, "unbounded": unbounded}
        if s["type"] == "structure":
            row["members"] = [(self.member_name(n), self.shape(m["shape"]), n in s.get("required", []))
                              for n, m in s["members"].items() if (name, n) not in FREE]
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


def write(table, operations, list_name):
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
        if row["name"] in PAYLOADS:
            f.append(".payload = true")
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
    out += ["};", "", f"const struct model_operation {list_name}s[] = {{"]
    out += [f"    {{{quoted(n)}, &shapes[{at}]}}," for n, at in sorted(operations)]
    out += ["};", f"const size_t {list_name}_count = sizeof {list_name}s / sizeof {list_name}s[0];"]
    print("\n".join(out))


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def lower_first(name):
    return name[0].lower() + name[1:]


def inputs(path):
    model, table = load(path), Table()
    table.use("", model["shapes"])
    operations = [(n, table.operation(n, o["input"]["shape"])) for n, o in model["operations"].items()]
    write(table, operations, "model_operation")


def outputs(short, *models):
    table, operations = Table(), []
    for names, model in load(short).items():
        shapes = dict(model["shapes"])
        for n, members in model["operations"].items():
            shapes[n] = {"type": "structure", "members": {k: {"shape": v} for k, v in members.items()}}
        table.use(names, shapes)
        for service in names.split(","):
            operations += [(f"{service}:{lower_first(n)}", table.shape(n)) for n in model["operations"]]
    for argument in models:
        names, path = argument.split("=", 1)
        model = load(path)
        table.use(names, model["shapes"], capital=True)
        for service in names.split(","):
            operations += [(f"{service}:{lower_first(n)}", table.shape(o["output"]["shape"]))
                           for n, o in model["operations"].items() if "output" in o]
    write(table, operations, "mock_operation")


{"inputs": inputs, "outputs": outputs}[sys.argv[1]](*sys.argv[2:])
