#!/usr/bin/env python3
"""events_schema.py TEST_NARRATE - every event that tests/test_narrate.c makes, and every one of
placement without a machine in the scenarios, is as docs/events.schema.json says, and docs/events.md
names every event and every field of it.

The validator knows the part of JSON Schema (2020-12) that the schema uses; any other keyword is an
error. It is tried on wrong events first.
"""
import copy
import glob
import json
import os
import re
import subprocess
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "null": type(None)}
NOTES = {"$schema", "$defs", "title", "description"}


def is_type(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


def equal(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


class Schema:
    def __init__(self, root):
        self.root = root

    def problems(self, value, schema=None, path="$"):
        """What is wrong with the value; nothing if it is valid."""
        schema = self.root if schema is None else schema
        found = []
        for keyword, wanted in schema.items():
            if keyword not in NOTES:
                check = getattr(self, "check_" + keyword.strip("$"), None)
                if check is None:
                    raise ValueError(f"the validator does not know {keyword}")
                found += check(wanted, value, schema, path)
        return found

    def check_ref(self, wanted, value, _, path):
        prefix, _, name = wanted.rpartition("/")
        if prefix != "#/$defs":
            raise ValueError(f"the validator does not know the reference {wanted}")
        return self.problems(value, self.root["$defs"][name], path)

    def check_type(self, wanted, value, _, path):
        names = wanted if isinstance(wanted, list) else [wanted]
        return [] if any(is_type(value, n) for n in names) else [f"{path}: {value!r} is no {wanted}"]

    def check_const(self, wanted, value, _, path):
        return [] if equal(value, wanted) else [f"{path}: {value!r} is not {wanted!r}"]

    def check_enum(self, wanted, value, _, path):
        return [] if any(equal(value, w) for w in wanted) else [f"{path}: {value!r} is not in {wanted}"]

    def check_pattern(self, wanted, value, _, path):
        wrong = isinstance(value, str) and not re.search(wanted, value)
        return [f"{path}: {value!r} does not match {wanted}"] if wrong else []

    def check_minimum(self, wanted, value, _, path):
        return [f"{path}: {value} is below {wanted}"] if is_type(value, "integer") and value < wanted else []

    def check_maxItems(self, wanted, value, _, path):
        return [f"{path}: too many"] if isinstance(value, list) and len(value) > wanted else []

    def check_items(self, wanted, value, _, path):
        items = value if isinstance(value, list) else []
        return [p for i, item in enumerate(items) for p in self.problems(item, wanted, f"{path}[{i}]")]

    def check_properties(self, wanted, value, _, path):
        present = [k for k in wanted if isinstance(value, dict) and k in value]
        return [p for k in present for p in self.problems(value[k], wanted[k], f"{path}.{k}")]

    def check_required(self, wanted, value, _, path):
        return [f"{path}: {k} is missing" for k in wanted if isinstance(value, dict) and k not in value]

    def check_additionalProperties(self, wanted, value, schema, path):
        extra = set(value) - set(schema.get("properties", {})) if isinstance(value, dict) else ()
        if wanted is not False:
            raise ValueError("the validator knows only additionalProperties: false")
        return [f"{path}: {k} is not a field of it" for k in sorted(extra)]

    def check_anyOf(self, wanted, value, _, path):
        tried = [self.problems(value, s, path) for s in wanted]
        return [] if any(not t for t in tried) else min(tried, key=len)

    def check_oneOf(self, wanted, value, _, path):
        tried = [self.problems(value, s, path) for s in wanted]
        valid = sum(not t for t in tried)
        return [] if valid == 1 else [f"{path}: {valid} alternatives fit"] + min(tried, key=len)


def events_of(schema):
    """{event: its schema}"""
    found = {}
    for definition in schema["$defs"].values():
        name = definition.get("properties", {}).get("event", {}).get("const")
        if name is not None:
            found[name] = definition
    return found


def self_test(schema, output):
    """Each event is broken in every field; each breakage must be seen."""
    problems, validator = [], Schema(schema)
    first = {}
    for event in output["events"]:
        first.setdefault(event["event"], event)
    for name, event in sorted(first.items()):
        whole = dict(output, events=[event])
        for field in event:
            for change in ("missing", "wrong"):
                broken = copy.deepcopy(whole)
                if change == "missing":
                    del broken["events"][0][field]
                else:
                    broken["events"][0][field] = {"no": "such"}
                if not validator.problems(broken):
                    problems.append(f"self-test: {name}.{field}: {change} passes")
        if not validator.problems(dict(output, events=[dict(event, stranger=1)])):
            problems.append(f"self-test: a strange field of {name} passes")
    for field in schema["required"]:
        if not validator.problems({k: v for k, v in output.items() if k != field}):
            problems.append(f"self-test: without {field} it passes")
    line = {"event": "command", "line": 1, "text": "P load 0"}
    expect = {"event": "expect", "line": 2, "what": "faults", "wanted": "9", "found": "9",
              "passed": True}
    show = {"event": "show", "what": "frames", "rows": []}
    for extra in (line, expect, show):
        problems += validator.problems(dict(output, events=[extra]))
    return problems


def check_reference(schema, text):
    """events.md has a heading and every field of each event."""
    problems = []
    sections = dict(re.findall(r"^### `([\w-]+)`\n(.*?)(?=^#|\Z)", text, re.M | re.S))
    for name, definition in sorted(events_of(schema).items()):
        if name not in sections:
            problems.append(f"events.md: no section on {name}")
            continue
        named = set(re.findall(r"`(\w+)`", sections[name]))
        for field in definition["properties"]:
            if field not in {"event", "time", "process"} and field not in named:
                problems.append(f"events.md: {name}: the field {field} is not named")
    for name in sorted(set(sections) - set(events_of(schema))):
        problems.append(f"events.md: {name} is not in the schema")
    return problems


def placements(tree):
    """The events of scenarios about placement alone."""
    found = []
    for folder in ("h-placement", "m-fragmentation", "x-beyond"):
        for path in sorted(glob.glob(os.path.join(tree, "scenarios", folder, "*.kb"))):
            with open(path, encoding="utf-8") as file:
                if re.search("^holes ", file.read(), re.M) is None:
                    continue
            told = subprocess.run([os.environ["KILBURN"], "step", "--json", path], check=True,
                                  stdout=subprocess.PIPE).stdout
            found += [e for e in json.loads(told)["events"] if e["event"].startswith("holes")]
    return found


def main():
    tree = os.environ.get("KILBURN_SOURCE", ".")
    with open(os.path.join(tree, "docs/events.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    with open(os.path.join(tree, "docs/events.md"), encoding="utf-8") as file:
        text = file.read()
    output = json.loads(subprocess.run([sys.argv[1], "--json"], check=True,
                                       stdout=subprocess.PIPE).stdout)
    output["events"] += placements(tree)
    problems = Schema(schema).problems(output)
    problems += self_test(schema, output) + check_reference(schema, text)
    made = {event["event"] for event in output["events"]}
    told_by_steps = {"command", "expect", "show"}
    problems += [f"no event {name} was made" for name in
                 sorted(set(events_of(schema)) - made - told_by_steps)]
    for problem in problems[:40]:
        print(problem)
    print(f"{len(output['events'])} events of {len(made)} kinds, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
