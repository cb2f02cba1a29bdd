#!/usr/bin/env python3
"""prose.py TREE - what people read holds no left-overs: no path of a build machine, no TODO, no link
to a file that is not there."""
import os
import re
import sys

MACHINE_PATH = re.compile(r"(?<![\w.~$}>])/(?:root|home|Users|work|workspace|mnt|builds?)/[\w.-]+")
LEFT_OVER = re.compile(r"\b(?:TODO|FIXME|XXX|TBD|[Ll]orem ipsum)\b")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def prose(tree):
    for name in sorted(os.listdir(tree)):
        if name.endswith(".md") or name in ("README", "LICENSE"):
            yield name
    for top in ("docs", "man"):
        for folder, _, names in sorted(os.walk(os.path.join(tree, top))):
            for name in sorted(names):
                if not name.endswith((".png", ".gz", ".zst", ".kbt")):
                    yield os.path.relpath(os.path.join(folder, name), tree)


def check(tree, path, text):
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in ((MACHINE_PATH, "a path of one machine"), (LEFT_OVER, "left over")):
            for match in pattern.finditer(line):
                problems.append(f"{path}:{number}: {match.group(0)}: {what}")
        if path.endswith(".md"):
            for match in LINK.finditer(line):
                target = match.group(1)
                if "://" not in target and not target.startswith("mailto:") and not os.path.exists(
                        os.path.join(tree, os.path.dirname(path), target)):
                    problems.append(f"{path}:{number}: the link {target} leads nowhere")
    return problems


def self_test():
    bad = ["see /home/bob/main/x", "in /home/ann/kilburn", "`/root/x`", "TODO: write", "a FIXME",
           "[x](nowhere.md)"]
    good = ["/usr/share/kilburn", "/tmp/x.kbt", "docs/home/x", "[x](https://a/b)", "XXXXXX"]
    return [f"self-test: {line}" for line in bad if not check(".", "x.md", line)] + \
           [f"self-test: {line}" for line in good if check(".", "x.md", line)]


def main():
    tree = sys.argv[1]
    problems, files = self_test(), list(prose(tree))
    for path in files:
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            problems += check(tree, path, file.read())
    if "README.md" not in files:
        problems.append("there is no README.md")
    for problem in problems:
        print(problem)
    print(f"{len(files)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
