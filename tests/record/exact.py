#!/usr/bin/env python3
"""exact.py FOLDER PROGRAM.S… | --random COUNT - records assembly programs and compares the traces,
reference by reference, with what is written down in the programs themselves.

Behind each instruction that runs stands what it does, in a comment:

    add %eax, data(%rip)      #: R data:4 W data:4

R and W are loads and stores: an expression of symbols and numbers, and a size in bytes. `:16/8`:
QEMU makes it in pieces of 8 bytes, which only --exact puts together. `|` is another round of a
repeated string instruction, with a fetch of its own. `kernel W buffer:10,other:5`: what a system call
touches. Other words are events: `map A BYTES RIGHTS NAME`, `protect A BYTES RIGHTS`, `unmap`, `release`,
`discard A BYTES`. A `;` stands between two. Programs run straight on: all instructions that run stand
in their order, each once. Data begin at 0x410000, other data at 0x420000.

Environment: KILBURN, KILBURN_BUILD, CC."""
import os
import random
import re
import subprocess
import sys

KILBURN = os.environ["KILBURN"]
STREAM = os.path.join(os.environ["KILBURN_BUILD"], "tests", "stream")
LAYOUT = ["-Wl,--section-start=.text=0x401000", "-Wl,--section-start=.data=0x410000",
          "-Wl,--section-start=.bss=0x420000"]
ENDS_BLOCK = re.compile(r"\s*(rep\w*\s|jmp|call|ret|j[a-z]+\s|syscall|loop)")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


class Program:
    """An assembly file, built; its instructions as (address, size, ends a block, rounds)."""

    def __init__(self, folder, name, text):
        self.name = name
        self.path = os.path.join(folder, name)
        lines, notes = [], []
        for line in text.splitlines():
            code, mark, note = line.partition("#:")
            if mark:
                lines.append(f"begin_{len(notes)}: {code}\nend_{len(notes)}:")
                notes.append((code, note))
            else:
                lines.append(line)
        with open(self.path + ".s", "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        built = run(os.environ.get("CC", "cc"), "-nostdlib", "-static", "-no-pie", *LAYOUT,
                    "-Wl,--build-id=none", "-o", self.path, self.path + ".s")
        if built.returncode != 0:
            sys.exit(f"{name}: {built.stderr}")
        self.symbols = {}
        for line in run("nm", self.path).stdout.splitlines():
            value, _, symbol = line.split()
            self.symbols[symbol] = int(value, 16)
        self.instructions = []
        for i, (code, note) in enumerate(notes):
            begin, end = self.symbols[f"begin_{i}"], self.symbols[f"end_{i}"]
            self.instructions.append((begin, end - begin, ENDS_BLOCK.match(code) is not None,
                                      [self.actions(part) for part in note.split("|")]))

    def value(self, text):
        return eval(text, {"__builtins__": {}}, self.symbols)  # our own programs' expressions

    def range(self, text):
        """ADDRESS:SIZE or ADDRESS:SIZE/PIECE."""
        address, size = text.rsplit(":", 1)
        size, _, piece = size.partition("/")
        return self.value(address), int(size), int(piece or size)

    def actions(self, note):
        """("R", address, size, piece), ("kernel", "R", ranges), ("event", name, bytes…)"""
        done = []
        for part in note.split(";"):
            words = part.split()
            while words:
                word = words.pop(0)
                if word in "RW":
                    done.append((word, *self.range(words.pop(0))))
                elif word == "kernel":
                    kind, ranges = words.pop(0), words.pop(0).split(",")
                    done.append(("kernel", kind, [self.range(r) for r in ranges]))
                else:
                    address, size = self.value(words.pop(0)), self.value(words.pop(0))
                    done.append(("event", word, address, size, *words))
                    words = []
        return done


class Expected:
    """The stream of a program at a grain: as begun, until it is taken as merged lines."""

    def __init__(self, program, grain, exact, data_only):
        self.grain, self.exact, self.data_only = grain, exact, data_only
        self.lines = []
        block, here = [], None  # instructions of the block that is being gathered; its page
        for address, size, ends, rounds in program.instructions:
            crosses = address // 4096 != (address + size - 1) // 4096
            if block and (crosses or here != address // 4096):
                block = self.end(block, crosses)
            for number, actions in enumerate(rounds):
                here = address // 4096
                block.append((address, size, actions))
                if exact or ends or crosses or number + 1 < len(rounds):
                    block = self.end(block)
        self.end(block)

    def pages(self, address, size):
        return range(address // self.grain, (address + size - 1) // self.grain + 1)

    def end(self, block, before_crossing=False):
        """All fetches, then the data; but an instruction that ends a block within 8 bytes of its
        page's end comes by itself."""
        if len(block) > 1 and not before_crossing and (block[-1][0] + block[-1][1] - 1) % 4096 >= 4088:
            self.end(block[:-1], True)
            block = block[-1:]
        for address, size, _ in block:
            if not self.data_only:
                self.lines += [("X", page) for page in self.pages(address, size)]
        for _, _, actions in block:
            for action in actions:
                self.act(action)
        return []

    def tell(self, name, address, size, rights="", file=""):
        if name in ("unmap", "release", "discard"):  # only pages that lie in it whole
            first, end = -(-address // self.grain), (address + size) // self.grain
        else:
            first, end = address // self.grain, -(-(address + size) // self.grain)
        where = f"{first:x} {end - first}"
        if name == "map":
            self.lines += [f"map {where} {file}".rstrip(), f"protect {where} {rights}"]
        elif end > first:
            self.lines.append(f"{name} {where} {rights}".rstrip())

    def act(self, action):
        if action[0] == "kernel":
            self.lines.append("kernel 1")
            for address, size, _ in action[2]:
                self.lines += [(action[1], page) for page in self.pages(address, size)]
            self.lines.append("kernel 0")
        elif action[0] == "event":
            self.tell(*action[1:])
        else:
            kind, address, size, piece = action
            if self.exact:
                piece = size
            for at in range(address, address + size, piece):
                self.lines += [(kind, page) for page in self.pages(at, piece)]


def merged(lines):
    """(kind, page) in a row become "R 410 3"; events stay as they are."""
    done, last, count = [], None, 0
    for line in [*lines, None]:
        if last is not None and line != last:
            done.append(f"{last[0]} {last[1]:x} {count}")
            last, count = None, 0
        if isinstance(line, tuple):
            last, count = line, count + 1
        elif line is not None:
            done.append(line)
    return done


def record(program, grain, options):
    trace = program.path + ".kbt"
    done = run(KILBURN, "record", "-q", "-o", trace, "--grain", str(grain), *options, "--",
               program.path)
    if done.returncode != 7 or done.stdout or done.stderr:
        return None, f"exit status {done.returncode}, 7 is the program's own; {done.stderr}"
    lines = run(STREAM, trace).stdout.splitlines()
    at = 0
    while at < len(lines) and lines[at].startswith(("map", "protect")):
        at += 1  # the image; image.sh looks at it
    return lines[at:], None


def check(program, grain, exact, data_only):
    options = ["--exact"] * exact + ["--data-only"] * data_only
    title = f"{program.name}, grain {grain} {' '.join(options)}"
    got, wrong = record(program, grain, options)
    wanted = merged(Expected(program, grain, exact, data_only).lines)
    if wrong is None and got != wanted:
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b),
                  min(len(got), len(wanted)))
        wrong = (f"line {at + 1} of {len(wanted)}: wanted {wanted[at - 3:at + 4]}, "
                 f"got {got[at - 3:at + 4]}")
    if wrong is not None:
        print(f"FAILED: {title}: {wrong}")
    return wrong is None


ALL = [(grain, exact, data_only) for grain in (4096, 512) for exact in (True, False)
       for data_only in (False, True)] + [(64, True, False), (65536, True, False)]


# ---- random programs ----

def one_access(chance, stores):
    """Code and note of one random access; its address is in two pages of data and may cross."""
    size = chance.choice([1, 2, 4, 8, 16])
    name = {1: "al", 2: "ax", 4: "eax", 8: "rax", 16: "xmm0"}[size]
    at = chance.choice([chance.randrange(0, 8192 - 16), 4096 - chance.randrange(0, 17),
                        512 * chance.randrange(1, 15) - chance.randrange(0, 17)])
    where, note = f"data+{at}(%rip)", f"data+{at}:{size}" + ("/8" if size == 16 else "")
    move = "movups" if size == 16 else "mov"
    kind = chance.choice(stores)
    if kind == "load":
        return f"{move} {where}, %{name}", f"R {note}"
    if kind == "store":
        return f"{move} %{name}, {where}", f"W {note}"
    if size == 16:
        return f"paddq data+{at // 16 * 16}(%rip), %xmm1", f"R data+{at // 16 * 16}:16/8"
    code = chance.choice([f"add %{name}, {where}", f"not{'bwlq'[(1, 2, 4, 8).index(size)]} {where}",
                          f"lock xadd %{name}, {where}", f"xchg %{name}, {where}"])
    return code, f"R {note} W {note}"


def random_program(folder, number):
    chance = random.Random(number)
    lines = [".globl _start", ".text", "_start:"]
    for _ in range(chance.randrange(20, 300)):
        code, note = one_access(chance, ["load", "store", "both"])
        lines.append(f"{code} #: {note}")
        if chance.random() < 0.1:
            lines.append("jmp 1f #:")
            lines += [f".skip {chance.choice([3, 60, 500, 3000])}, 0x90", "1:"]
    lines += ["mov $60, %eax #:", "mov $7, %edi #:", "syscall #:", ".data", "data: .skip 8192, 0x55"]
    return Program(folder, f"random-{number}", "\n".join(lines))


def main():
    folder, failed, checks = sys.argv[1], 0, 0
    if sys.argv[2] == "--random":
        for number in range(int(sys.argv[3])):
            program = random_program(folder, number)
            chosen = [ALL[number % 8], ALL[(number * 3 + 1) % len(ALL)]]
            for setting in dict.fromkeys(chosen):
                checks += 1
                failed += not check(program, *setting)
    else:
        for path in sys.argv[2:]:
            with open(path, encoding="utf-8") as file:
                program = Program(folder, os.path.basename(path)[:-2], file.read())
            for setting in ALL:
                checks += 1
                failed += not check(program, *setting)
    print(f"{checks} traces, {failed} failed")
    sys.exit(failed > 0)


main()
