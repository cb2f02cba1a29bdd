#!/usr/bin/env python3
"""floors.py TREE [--objects FILE…] - the layering rules of the house, from the #include lines.

A room includes only from lower floors, never sideways. Pure rooms know nothing of the host: no
host headers, no system headers beyond the C standard's, no calls that end the process or write to
it, and (from the objects) no global variable that can change. Before it looks at the tree, the
test breaks each rule in a small tree of its own and expects to catch it.
"""
import os
import re
import subprocess
import sys
import tempfile

LOW = {"trace", "policy", "store", "report"}

# room: the rooms that it may include, beside itself. A room that is not here has no floor.
MAY_INCLUDE = {
    "base": set(),
    "host": {"base"},
    "trace": {"base"},
    "policy": {"base"},
    "store": {"base"},
    "report": {"base"},
    "replay": {"base"} | LOW,
    "machine": {"base"} | LOW,
    "live": {"base", "host"} | LOW,
    "record": {"base", "host"} | LOW,
    "os": {"base", "machine"} | LOW,
    "scenario": {"base", "os", "machine", "replay"} | LOW,
    "kilburn.h": {"base", "host", "os", "machine", "replay", "live", "record", "scenario"} | LOW,
    "cli": {"kilburn.h"},
    "lab": {"kilburn.h"},
}

PURE = {"base", "policy", "trace", "machine", "os", "scenario", "replay", "report"}
PURE_FILES = {"store/" + name for name in ("store.h", "store.c", "memory.c", "failing.c", "sum.c")}

STANDARD = {name + ".h" for name in (
    "assert ctype errno float inttypes iso646 limits math stdalign stdarg stdbool stddef stdint "
    "stdio stdlib stdnoreturn string tgmath").split()}

CALLS = ("exit _Exit quick_exit abort printf fprintf vprintf vfprintf puts fputs putchar putc perror "
         "fopen freopen fdopen getenv system rand srand setlocale").split()
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(CALLS))

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
COMMENT_OR_TEXT = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without(text, strings):
    """The text without comments (and strings); lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return '""' if strings else token
        return " " + "\n" * token.count("\n")
    return COMMENT_OR_TEXT.sub(blank, text)


def sources(tree):
    """(path, room, name below src) of every source of the tree."""
    for top in ("src", "include", "lab"):
        for folder, _, names in sorted(os.walk(os.path.join(tree, top))):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".def")):
                    path = os.path.relpath(os.path.join(folder, name), tree)
                    yield path, room_of(path), path.partition("/")[2]


def room_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] in ("src", "include") else parts[0]


def resolve(tree, includer, name):
    """The file, relative to the tree, that #include "name" means."""
    for base in (os.path.dirname(includer), "src", "include"):
        path = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(tree, path)):
            return path
    return None


def check_tree(tree):
    problems = []
    for path, room, below in sources(tree):
        if room not in MAY_INCLUDE:
            problems.append(f"{path}: the room {room} has no floor; give it one in floors.py")
            continue
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            text = file.read()
        pure = room in PURE or below in PURE_FILES
        code = without(text, strings=False)
        for match in INCLUDE.finditer(code):
            where = f"{path}:{code.count(chr(10), 0, match.start(1 if match.group(1) else 2)) + 1}"
            mine, system = match.groups()
            if system is not None:
                if pure and system not in STANDARD:
                    problems.append(f"{where}: <{system}> is not pure C")
                continue
            target = resolve(tree, path, mine)
            if target is None:
                problems.append(f'{where}: "{mine}" is not found')
            elif room_of(target) != room and room_of(target) not in MAY_INCLUDE[room]:
                problems.append(f"{where}: {room} may not include {room_of(target)} ({mine})")
        if pure:
            code = without(text, strings=True)
            for match in CALL.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                problems.append(f"{path}:{line}: a pure room does not call {match.group(1)}()")
    return problems


def check_objects(objects):
    """Symbols in sections that can be written to. Tables of pointers are in .data.rel.ro, which
    the loader closes before the program begins."""
    problems = []
    environment = dict(os.environ, LC_ALL="C")
    for path in objects:
        listing = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True,
                                 env=environment)
        for line in listing.stdout.splitlines():
            # 0000000000000000 l     O .bss<TAB>0000000000000004 counter
            match = re.match(r"[0-9a-f]+ .{7} (\S+)\t[0-9a-f]+\s+(.*)", line)
            if not match or match.group(1) == match.group(2):  # the section's own symbol
                continue
            section, symbol = match.groups()
            constant = section.startswith(".data.rel.ro")
            if re.match(r"\.t?(data|bss)|\*COM\*", section) and not constant:
                problems.append(f"{os.path.basename(path)}: {symbol} is a mutable global ({section})")
    return problems


def write(tree, files):
    for name, text in files.items():
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


GOOD = {
    "include/kilburn.h": '#include "base/status.h"\n#include "replay/replay.h"\n',
    "src/base/status.h": "#include <stddef.h>\n",
    "src/host/file.c": '#include "base/status.h"\n#include <pthread.h>\nint f(void) { exit(1); }\n',
    "src/trace/reader.h": '#include "base/status.h"\n',
    "src/policy/policy.h": '#include "base/status.h"\n',
    "src/store/file.c": '#include "base/status.h"\n#include <unistd.h>\n',
    "src/policy/lru.c": '#include "policy.h"\n// printf("no")\n/* abort() */ char *s = "exit(1)";\n'
                        "int g(struct t *t) { return t->exit(1) + snprintf(0, 0, s); }\n",
    "src/replay/replay.h": '#include "trace/reader.h"\n#include "policy/policy.h"\n',
    "src/cli/main.c": '#include "kilburn.h"\n#include "cli.h"\n#include <unistd.h>\n',
    "src/cli/cli.h": "",
}

BAD = [
    ("base may not include trace", {"src/base/x.c": '#include "trace/reader.h"\n'}),
    ("trace may not include policy", {"src/trace/x.c": '#include "policy/policy.h"\n'}),
    ("replay may not include host",
     {"src/replay/x.c": '#include "host/file.h"\n', "src/host/file.h": ""}),
    ("machine may not include replay", {"src/machine/x.c": '#include "replay/replay.h"\n'}),
    ("cli may not include base", {"src/cli/x.c": '#  include "base/status.h"\n'}),
    ("base may not include trace", {"src/base/x.c": '#include "../trace/reader.h"\n'}),
    ("host may not include trace", {"src/host/x.c": '#include "trace/reader.h"\n'}),
    ("is not found", {"src/base/x.c": '#include "base/nowhere.h"\n'}),
    ("has no floor", {"src/attic/x.c": ""}),
    ("<pthread.h> is not pure", {"src/replay/x.c": "#include <pthread.h>\n"}),
    ("<sys/mman.h> is not pure", {"src/base/x.h": "#include <sys/mman.h>\n"}),
    ("<unistd.h> is not pure", {"src/store/memory.c": "#include <unistd.h>\n"}),
    ("<unistd.h> is not pure", {"src/store/failing.c": "#include <unistd.h>\n"}),
    ("call exit()", {"src/report/x.c": "int f(void) { exit (2); }\n"}),
    ("call printf()", {"src/policy/x.c": 'void f(void) { printf("x"); }\n'}),
    ("x.c:3: a pure room", {"src/trace/x.c": "/* a\n b */\nvoid *p = fopen(0, 0);\n"}),
    ("call getenv()", {"src/base/x.c": "char *p = getenv(0);\n"}),
]

BAD_OBJECTS = ["int x;", "int x = 1;", "static int x; int *f(void) { return &x; }",
               "int f(void) { static int x = 3; return x++; }", "_Thread_local int x;",
               "int y; int *x = &y;"]
GOOD_OBJECT = ('static const char *const t[] = {"a", "b"}; const int k = 1;\n'
               "const char *f(int i) { return t[i]; }\n")


def self_test():
    problems = []
    with tempfile.TemporaryDirectory() as tree:
        write(tree, GOOD)
        problems += [f"self-test: a good tree is refused: {p}" for p in check_tree(tree)]
    for wanted, files in BAD:
        with tempfile.TemporaryDirectory() as tree:
            write(tree, GOOD)
            write(tree, files)
            found = check_tree(tree)
            if len(found) != 1 or wanted not in found[0]:
                problems.append(f"self-test: wanted one problem “{wanted}”, found {found}")
    with tempfile.TemporaryDirectory() as tree:
        for number, text in enumerate([GOOD_OBJECT] + BAD_OBJECTS):
            source, made = os.path.join(tree, "x.c"), os.path.join(tree, "x.o")
            write(tree, {"x.c": text})
            subprocess.run(["cc", "-O1", "-fPIC", "-c", source, "-o", made], check=True)
            if bool(check_objects([made])) != bool(number):
                problems.append(f"self-test: wrong verdict on the globals of: {text}")
    return problems


def main():
    tree, *rest = sys.argv[1:]
    objects = rest[1:] if rest[:1] == ["--objects"] else []
    problems = self_test() or check_tree(tree) + check_objects(objects)
    count = sum(1 for _ in sources(tree))
    if count == 0:
        problems.append("there are no sources in the tree")
    for problem in problems:
        print(problem)
    print(f"{count} sources, {len(objects)} objects, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
