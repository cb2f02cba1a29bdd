#!/usr/bin/env python3
"""scenarios.py TREE KILBURN - each scenario is a lesson: it has a title in English and in Spanish, it
stands in the folder of its row's section, it checks something, and it can be told in both languages
and as JSON. A failing expectation in each of them must be noticed.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile


def run(kilburn, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([kilburn, "step", *arguments], cwd=folder, capture_output=True,
                              text=True, check=False, timeout=600)


def titles(path, lines):
    """The row's id, if the first two lines are its titles."""
    row = os.path.basename(path).partition("-")[0].upper()
    for number in (0, 1):
        if not re.fullmatch(rf"# {row}: \S.*", lines[number]):
            return None
    return row if lines[0] != lines[1] else None


def check(kilburn, path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    row = titles(path, lines)
    if row is None:
        yield "the first two lines are not `# ROW: title`, in English and in Spanish"
        return
    if not os.path.basename(os.path.dirname(path)).startswith(row[0].lower() + "-"):
        yield f"row {row} stands in the folder of another section"
    expectations = [i for i, line in enumerate(lines) if re.match(r"expect |\w+ verify ", line)]
    if not expectations:
        yield "nothing is expected"
        return
    told = json.loads(run(kilburn, "--json", path).stdout)
    if told["failed"] != 0 or told["expectations"] < len(expectations):
        yield f"as JSON: {told['failed']} failed of {told['expectations']}"
    english, spanish = run(kilburn, path), run(kilburn, "--lang", "es", path)
    if english.returncode != 0 or spanish.returncode != 0 or english.stdout == spanish.stdout:
        yield "told in English and Spanish it is the same, or fails"
    with tempfile.NamedTemporaryFile("w", suffix=".kb") as wrong:
        wrong.write("\n".join(lines) + "\nexpect references 123456789\n")
        wrong.flush()
        if run(kilburn, "--quiet", wrong.name).returncode != 1:
            yield "a failing expectation at its end was not noticed"


def main():
    tree, kilburn = sys.argv[1], os.path.abspath(sys.argv[2])
    paths = sorted(glob.glob(os.path.join(os.path.abspath(tree), "scenarios", "*", "*.kb")))
    problems = [f"{os.path.relpath(p, tree)}: {what}" for p in paths for what in check(kilburn, p)]
    rows = [os.path.basename(p).partition("-")[0] for p in paths]
    problems += [f"{row}: two scenarios" for row in set(rows) if rows.count(row) > 1]
    for problem in problems:
        print(problem)
    print(f"{len(paths)} scenarios, {len(problems)} problems")
    return 1 if problems or len(paths) < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
