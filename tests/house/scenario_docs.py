#!/usr/bin/env python3
"""scenario_docs.py TREE KILBURN - every example of docs/scenario.md, a block marked ```kb, runs as it
stands; one marked ```kb fails does not, and says where. The page names every command, option and
quantity that the program knows.

scenario_docs.py --write TREE FOLDER - writes the examples, one a file: seeds for the fuzzer."""
import json
import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```kb( fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text):
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, bool(match.group(1)), match.group(2)


def check(kilburn, folder, scenario, fails):
    path = os.path.join(folder, "block.kb")
    with open(path, "w", encoding="utf-8") as file:
        file.write(scenario)
    for view in (["--quiet"], ["--json"], ["--lang", "es"]):
        run = subprocess.run([kilburn, "step", *view, path], capture_output=True, text=True,
                             check=False, timeout=60)
        said = (run.stdout if view == ["--quiet"] else "") + run.stderr
        if run.returncode != fails:
            return f"{view[0]}: exit status {run.returncode}: {said}"
        if fails and view == ["--quiet"] and "block.kb:" not in said:
            return f"does not say where it failed: {said}"
    return None


def unnamed(kilburn, text):
    """What the program knows and the page does not say in code."""
    code = " ".join(re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)))
    with subprocess.Popen([kilburn, "step", "--json", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as run:
        counters = json.loads(run.communicate("machine\n")[0])["counters"]
    usage = subprocess.run([kilburn, "step", "--help"], capture_output=True, text=True,
                           check=True).stdout.partition("docs/scenario.md")[2]
    usage = re.sub(r"   .*", "", usage)  # what a comment says is no word of the language
    for name in sorted(set(counters) | set(re.findall(r"\b[a-z][a-z0-9-]*=?", usage))):
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-]|$)" if not name.endswith("=") else
                     rf"(?<![\w-]){re.escape(name)}", code + " ") is None:
            yield f"docs/scenario.md does not name {name}"


def write(tree, folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(tree, "docs", "scenario.md"), encoding="utf-8") as page:
        for line, _, scenario in blocks(page.read()):
            with open(os.path.join(folder, f"line-{line}.kb"), "w", encoding="utf-8") as file:
                file.write(scenario)
    return 0


def main():
    if sys.argv[1] == "--write":
        return write(*sys.argv[2:])
    tree, kilburn = sys.argv[1], os.path.abspath(sys.argv[2])
    page = os.path.join(tree, "docs", "scenario.md")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    found = list(blocks(text))
    problems = list(unnamed(kilburn, text))
    if len(found) < 10:
        problems.append(f"{len(found)} blocks are too few")
    with tempfile.TemporaryDirectory() as folder:
        for line, fails, scenario in found:
            what = check(kilburn, folder, scenario, fails)
            if what is not None:
                problems.append(f"docs/scenario.md:{line}: {what.rstrip()}")
    for problem in problems:
        print(problem)
    print(f"{len(found)} blocks, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
