"""Answers true_of of lib.bash: a line of expressions, separated by \\x1f, each about the JSON in the
file out; back comes a line with those that are not true. In them: data, r (its results), plain (the
results in plain.json), results of any file, counts of a result, near."""
import json
import os
import sys

COUNTS = ("references", "faults", "evictions", "write_backs", "still_dirty")


def results(name):
    with open(name) as file:
        return json.load(file)["results"]


def counts(result):
    return [result[key] for key in COUNTS]


def near(a, b):
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1)


def is_true(test, names):
    try:
        return eval(test, names)
    except Exception as error:
        print(test, error, file=sys.stderr)
        return False


for line in sys.stdin:
    try:
        with open("out") as file:
            data = json.load(file)
        names = {"json": json, "results": results, "counts": counts, "near": near,
                 "data": data, "r": data.get("results"),
                 "plain": results("plain.json") if os.path.exists("plain.json") else None}
        wrong = [test for test in line.rstrip("\n").split("\x1f") if not is_true(test, names)]
    except (OSError, ValueError) as error:
        wrong = [str(error)]
    print("; ".join(wrong), flush=True)
