#!/usr/bin/env python3
"""kbt_docs.py TREE KILBURN - the files that docs/kbt.md shows byte by byte are what it says: the
writer in tests/cli/kbt.py, made from the tables, gives the same bytes, and Kilburn reads them."""
import os
import re
import subprocess
import sys
import tempfile

tree, kilburn = sys.argv[1:3]
sys.path.insert(0, os.path.join(tree, "tests", "cli"))
import kbt

LINE = re.compile(r"^([0-9a-f]{3})  ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:   |$)")
PLAIN = [("r", 0x400), ("w", 0x7F1, 3), ("unmap", 0x7F2, 1), ("x", 0x400, 300)]
STORY = [("map", 0x400, 2), ("name", "/bin/demo"), ("protect", 0x400, 2, "rx")]


def shown(block):
    """The bytes that a block shows, and where they begin."""
    data, start = b"", None
    for line in block.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        start = int(match[1], 16) if start is None else start
        if start + len(data) != int(match[1], 16):
            sys.exit(f"kbt.md: at {start + len(data):#x} another offset: {line}")
        data += bytes.fromhex(match[2])
    return data, start


def same(what, wanted, found):
    if wanted != found:
        sys.exit(f"kbt.md: {what}: wanted {wanted!r}, found {found!r}")


with open(os.path.join(tree, "docs", "kbt.md"), encoding="utf-8") as file:
    text = file.read()
blocks = [shown(block) for block in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)]
(plain, at), (story, story_at) = [block for block in blocks if block[0]]
assert at == 0 and story_at == 0x90, (at, story_at)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "demo.kbt")
    kbt.write(path, [PLAIN], program=b"demo")
    with open(path, "rb") as file:
        same("the file", file.read(), plain)
    with open(path, "wb") as file:
        file.write(plain)
    subprocess.run([kilburn, "trace", "verify", path], check=True, stdout=subprocess.DEVNULL)
    kbt.write(path, [STORY + PLAIN], program=b"demo")
    with open(path, "rb") as file:
        whole = file.read()
    same("the records of the story", whole[story_at:story_at + len(story)], story)
    checksum, words = re.search(r"checksum (0x[0-9a-f]{8})\).*?has (\d+) words", text).groups()
    same("its header", int.from_bytes(whole[60:64], "little"), int(checksum, 16))
    same("its words", int.from_bytes(whole[104:108], "little") - 9, int(words))
    same("its version", whole[8], 2)
    subprocess.run([kilburn, "trace", "verify", path], check=True, stdout=subprocess.DEVNULL)
