#!/usr/bin/env python3
"""timeline_schema.py KILBURN - time lines of real runs are as docs/timeline.schema.json says, and
docs/timeline.md names every field of it. The schema is tried on wrong files first.
"""
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

from events_schema import Schema


def places(value, path=()):
    """The path of every field of every object."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(value, dict) or key == 0:
            if isinstance(value, dict):
                yield path + (key,)
            yield from places(inner, path + (key,))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def self_test(validator, line):
    """Each field is left out, and then is of a wrong type; each must be seen."""
    problems = []
    for path in places(line):
        for change in ("missing", "wrong"):
            broken = copy.deepcopy(line)
            parent = at(broken, path[:-1])
            if change == "missing":
                del parent[path[-1]]
            else:
                parent[path[-1]] = {"no": "such"}
            if not validator.problems(broken):
                problems.append(f"self-test: {path}: {change} passes")
    for path in {p[:-1] for p in places(line)}:
        broken = copy.deepcopy(line)
        at(broken, path)["stranger"] = 1
        if not validator.problems(broken):
            problems.append(f"self-test: a strange field in {path} passes")
    broken = copy.deepcopy(line)
    broken["timeline"]["processes"][0]["spans"][0] = ["sleeping", 0, 1]
    if not validator.problems(broken):
        problems.append("self-test: a strange state passes")
    return problems


def consistent(line, shared=False):
    """What a schema cannot say."""
    t, problems = line["timeline"], []
    step = t["step"]
    if step & (step - 1):
        problems.append(f"step {step} is no power of two")
    spans = sorted(span[1:] + [p["name"]] for p in t["processes"] for span in p["spans"])
    for (_, to, _), (start, end, name) in zip(spans, spans[1:]):
        if to > start or start >= end:
            problems.append(f"spans overlap at {start} ({name})")
    for samples in [p["samples"] for p in t["processes"]] + [t["machine"]["samples"]]:
        if len({len(column) for column in samples.values()}) != 1:
            problems.append("columns of different lengths")
        if any(a >= b for a, b in zip(samples["at"], samples["at"][1:])):
            problems.append("times do not rise")
    machine = t["machine"]["samples"]
    if machine["at"][0] != 0 or machine["at"][-1] != t["end"]:
        problems.append("the machine is not sampled from the beginning to the end")
    for i, time in enumerate(machine["at"]):
        held = sum(p["samples"]["resident"][p["samples"]["at"].index(time)] for p in t["processes"]
                   if time in p["samples"]["at"])
        if not shared and held + machine["free"][i] != t["machine"]["frames"]:
            problems.append(f"at {time} {held} frames are held and {machine['free'][i]} free")
    return problems


def fields(schema):
    """Names of all properties."""
    found = set(schema.get("properties", {}))
    for inner in [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]:
        found |= fields(inner)
    return found


def main():
    program, tree = sys.argv[1], os.environ.get("KILBURN_SOURCE", ".")
    with open(os.path.join(tree, "docs/timeline.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    with open(os.path.join(tree, "docs/timeline.md"), encoding="utf-8") as file:
        named = set(re.findall(r"`(\w+)`", file.read()))
    validator = Schema(schema)
    problems = [f"timeline.md: the field {name} is not named" for name in sorted(fields(schema) - named - {"timeline"})]
    traces = os.path.join(tree, "traces")
    runs = [
        [f"{traces}/sort.kbt", "--frames", "60", "--limit", "30000"],
        [f"{traces}/sort.kbt", f"{traces}/sqlite.kbt", "--frames", "100", "--limit", "300000"],
        [f"{traces}/matrix.kbt", "--frames", "100", "--limit", "40000", "--processes", "3", "--quantum", "10"],
    ]
    lessons = [f"{tree}/scenarios/{name}.kb" for name in
               ("f-faults/f06-reading-the-page", "g-fetch/g05-release", "x-beyond/x07-copy-on-write",
                "b-mmu/b06-kernel-everywhere")]
    with tempfile.TemporaryDirectory(prefix="kilburn-timeline-") as folder:
        path = os.path.join(folder, "line.json")
        for lesson in lessons:
            subprocess.run([program, "step", "--quiet", lesson, "--timeline", path], check=True)
            with open(path, encoding="utf-8") as file:
                line = json.load(file)
            problems += [f"{lesson}: {problem}" for problem in validator.problems(line) + consistent(line, "x07" in lesson)]
        for i, arguments in enumerate(runs):
            subprocess.run([program, "sim", *arguments, "--policy", "clock", "--timeline", path],
                           check=True, stdout=subprocess.DEVNULL)
            with open(path, encoding="utf-8") as file:
                line = json.load(file)
            problems += validator.problems(line) + consistent(line)
            if i == 0:
                problems += self_test(validator, line)
            cut = line["timeline"]["spans_until"]
            if (cut is not None) != (i == 2):
                problems.append(f"run {i}: spans_until is {cut}")
    for problem in problems[:40]:
        print(problem)
    print(f"{len(runs) + len(lessons)} time lines, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
