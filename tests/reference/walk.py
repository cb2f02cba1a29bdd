"""A second page-table walker, written from the manuals and not from the C.

RISC-V: Privileged Architecture 20240411, 10.3.2 "Virtual Address Translation Process" and the
tables of 10.3.1, 10.4.1, 10.5.1. x86: Intel SDM volume 3, tables 4-4 to 4-6 (32-bit paging) and
4-15 to 4-20 (4-level paging), 4.6 (access rights). Bits are looked up in text form, as the manuals'
figures are drawn, which is slow, and unlike the C.

    python3 walk.py PATH_TO_DRIVER [--walks 60000] [--seed 1]                compares with tests/walks.c
    python3 walk.py --cli PATH_TO_KILBURN [--walks 600] [--seed 1]           with kilburn explain --json
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

# What tests/walks.c prints of a leaf: the numbers of machine/format.h.
REPORT = {"V": 1, "R": 2, "W": 4, "X": 8, "U": 16, "G": 32, "A": 64, "D": 128, "leaf": 256}


class Stop(Exception):
    """The walk ends in this fault."""


@dataclass
class Shape:
    """A format, as its manual's first page describes it."""

    name: str
    fields: list  # widths of the indexes, root first
    offset: int
    entry: int  # bytes
    maker: str  # riscv or intel
    canonical: bool
    physical: int

    def width(self):
        return sum(self.fields) + self.offset


SHAPES = [
    Shape("sv32", [10, 10], 12, 4, "riscv", False, 34),
    Shape("sv39", [9] * 3, 12, 8, "riscv", True, 56),
    Shape("sv48", [9] * 4, 12, 8, "riscv", True, 56),
    Shape("sv57", [9] * 5, 12, 8, "riscv", True, 56),
    Shape("x86-32", [10, 10], 12, 4, "intel", False, 40),
    Shape("x86-64", [9] * 4, 12, 8, "intel", True, 52),
    Shape("4,3,6:4", [4, 3], 6, 4, "riscv", False, 28),
    Shape("8,10:8", [8], 10, 8, "riscv", False, 54),
    Shape("3,2,4,2,3,7:8", [3, 2, 4, 2, 3], 7, 8, "riscv", False, 51),
]
NAMED = [s for s in SHAPES if s.name[0] in "sx"]


def bits(word, high, low):
    """Word[high:low], as manuals write it."""
    text = format(word, "064b")
    return int(text[63 - high : 64 - low], 2)


@dataclass
class Memory:
    base: int
    data: bytearray

    def load(self, address, count):
        at = address - self.base
        if at < 0 or at + count > len(self.data):
            raise Stop("bus")
        return int.from_bytes(self.data[at : at + count], "little")

    def store(self, address, count, word):
        at = address - self.base
        if 0 <= at and at + count <= len(self.data):
            self.data[at : at + count] = word.to_bytes(count, "little")


@dataclass
class Access:
    kind: str  # r w x a
    user: bool
    sum: bool = False
    mxr: bool = False
    ad_fault: bool = False

    def letters(self):
        return (self.kind + ("u" if self.user else "s") + ("S" if self.sum else "")
                + ("M" if self.mxr else "") + ("A" if self.ad_fault else ""))


@dataclass
class Walk:
    fault: str = "none"
    depth: int = 0
    entries: list = field(default_factory=list)
    physical: int = None
    report: int = 0

    def line(self):
        physical = "-" if self.physical is None else format(self.physical, "x")
        return (f"{self.fault} {self.depth} {len(self.entries)} {physical} {self.report:x} "
                + ",".join(format(e, "x") for e in self.entries))


def parts(shape, address):
    """The indexes, root first, and the offset."""
    binary = format(address, "064b")[64 - shape.width():]
    found, at = [], 0
    for width in shape.fields:
        found.append(int(binary[at : at + width], 2))
        at += width
    return found, int(binary[at:], 2)


def check_address(shape, address):
    binary = format(address, "064b")
    rest = binary[: 64 - shape.width()]
    if shape.canonical:
        if set(rest + binary[64 - shape.width()]) != {binary[0]}:
            raise Stop("non-canonical")
    elif "1" in rest:
        raise Stop("overflow")


def walk(shape, memory, root, address, access):
    result = Walk()
    try:
        check_address(shape, address)
        steps = riscv if shape.maker == "riscv" else intel
        result.physical = steps(shape, memory, root, address, access, result)
    except Stop as stop:
        result.fault = str(stop)
    return result


def report(result, letters, **named):
    result.report = sum(REPORT[l] for l in letters) + sum(REPORT[n] for n, on in named.items() if on)


def riscv(shape, memory, root, address, access, result):
    """10.3.2, step by step; i counts down as there."""
    indexes, offset = parts(shape, address)
    vpn = indexes[::-1]  # vpn[0] is the lowest
    levels = len(vpn)
    a, i, everywhere = root, levels - 1, False
    while True:
        # 2. Let pte be the value of the PTE at address a + va.vpn[i] * PTESIZE.
        result.depth = levels - 1 - i
        pte = memory.load(a + vpn[i] * shape.entry, shape.entry)
        result.entries.append(pte)
        v, r, w, x, u, g, acc, dirty = (bits(pte, n, n) for n in range(8))
        ppn_bits = shape.physical - shape.offset
        ppn = bits(pte, 10 + ppn_bits - 1, 10)
        # 3. v = 0, or r = 0 and w = 1, or any reserved bit.
        if not v:
            raise Stop("invalid")
        if (not r and w) or bits(pte, 63, 10 + ppn_bits):
            raise Stop("reserved")
        # 4. A leaf has r = 1 or x = 1.
        if r or x:
            break
        # "For non-leaf PTEs, the D, A, and U bits are reserved"; i below 0 is a page fault.
        if dirty or acc or u or i == 0:
            raise Stop("reserved")
        everywhere = everywhere or bool(g)
        i -= 1
        a = ppn * 2**shape.offset
    report(result, [], V=True, R=r, W=w, X=x, U=u, G=g or everywhere, A=acc, D=dirty, leaf=True)
    # 5. If i > 0 and pte.ppn[i-1:0] is not 0: misaligned.
    low = sum(shape.fields[::-1][:i])
    if ppn % 2**low:
        raise Stop("misaligned")
    # 6. 7. Whether the access is allowed.
    if access.kind != "a":
        if access.user and not u:
            raise Stop("privilege")
        if not access.user and u and (access.kind == "x" or not access.sum):
            raise Stop("privilege")
        allowed = {"r": r or (x and access.mxr), "w": w, "x": x}[access.kind]
        if not allowed:
            raise Stop("protection")
        # 9. a = 0, or a store and d = 0.
        if access.ad_fault and not acc:
            raise Stop("accessed")
        if access.ad_fault and access.kind == "w" and not dirty:
            raise Stop("dirty")
    # 10. pa.pgoff = va.pgoff; the low i parts of pa.ppn come from va.vpn.
    low_vpn = 0
    for k in range(i - 1, -1, -1):
        low_vpn = low_vpn * 2 ** shape.fields[::-1][k] + vpn[k]
    return (ppn + low_vpn) * 2**shape.offset + offset


def intel(shape, memory, root, address, access, result):
    """Tables 4-4 to 4-6 or 4-15 to 4-20; MAXPHYADDR 52."""
    long = shape.entry == 8
    names = ["PML4E", "PDPTE", "PDE", "PTE"] if long else ["PDE", "PTE"]
    write = user = True
    execute_disable = False
    table = root
    for depth, name in enumerate(names):
        high = {"PML4E": 47, "PDPTE": 38, "PDE": 29, "PTE": 20}[name] if long else \
               {"PDE": 31, "PTE": 21}[name]
        low = {"PML4E": 39, "PDPTE": 30, "PDE": 21, "PTE": 12}[name] if long else \
              {"PDE": 22, "PTE": 12}[name]
        result.depth = depth
        entry = memory.load(table + bits(address, high, low) * shape.entry, shape.entry)
        result.entries.append(entry)
        if not bits(entry, 0, 0):
            raise Stop("invalid")
        ps = bits(entry, 7, 7)
        leaf = name == "PTE" or (name in ("PDE", "PDPTE") and ps)
        if name == "PML4E" and ps:
            raise Stop("reserved")
        if leaf and name != "PTE":
            zeros = {("PDPTE", True): (29, 13), ("PDE", True): (20, 13), ("PDE", False): (21, 21)}
            if bits(entry, *zeros[name, long]):
                raise Stop("reserved")
        write = write and bool(bits(entry, 1, 1))
        user = user and bool(bits(entry, 2, 2))
        execute_disable = execute_disable or (long and bool(bits(entry, 63, 63)))
        if leaf:
            break
        table = bits(entry, 51, 12) << 12 if long else bits(entry, 31, 12) << 12
    report(result, "VR", W=write, X=not execute_disable, U=user, A=bits(entry, 5, 5),
           D=bits(entry, 6, 6), G=bits(entry, 8, 8), leaf=True)
    # 4.6: user-mode accesses only where U/S is 1 throughout; writes need R/W (CR0.WP = 1).
    if access.kind != "a":
        if access.user and not user:
            raise Stop("privilege")
        if (access.kind == "w" and not write) or (access.kind == "x" and execute_disable):
            raise Stop("protection")
    if name == "PTE":
        frame = bits(entry, 51, 12) << 12 if long else bits(entry, 31, 12) << 12
    elif long:
        frame = bits(entry, 51, low) << low
    else:
        frame = bits(entry, 31, 22) << 22 | bits(entry, 20, 13) << 32
    return frame + bits(address, low - 1, 0)


# ---- random tables ----


class Builder:
    """An image with tables that some addresses lead through."""

    def __init__(self, rng, shape):
        self.rng, self.shape = rng, shape
        self.span = max(2**shape.offset, max(2**f for f in shape.fields) * shape.entry)
        self.tables = rng.randint(1, 2 * len(shape.fields) + 2)
        size = self.tables * self.span
        if rng.random() < 0.3:  # the last table is cut off
            size -= rng.randrange(1, self.span)
        pages = [0, 1, 2, 2**8, 2**19 - 1, 2**15 * 5]
        self.base = rng.choice(pages) * self.span
        self.memory = Memory(self.base, bytearray(size))
        self.root = self.base + self.span * rng.randrange(self.tables)

    def somewhere(self):
        """A table: mostly one of ours, now and then off by one image, or far away."""
        roll = self.rng.random()
        if roll < 0.93:
            return self.base + self.span * self.rng.randrange(self.tables)
        if roll < 0.96:
            return self.base + self.span * self.tables
        return self.span * self.rng.randrange(2**20)

    def pointer(self):
        """A pointer as it should be, or with one of its bits wrong."""
        rng = self.rng
        if self.shape.maker == "riscv":
            entry = (self.somewhere() >> self.shape.offset) << 10 | 1
            entry |= rng.choice([0, 0, 32, 1 << 8, 1 << 9])
            if rng.random() < 0.04:
                entry |= rng.choice([16, 64, 128, 4])
        else:
            entry = self.somewhere() | 1 | rng.choice([6, 6, 6, 2, 4, 0, 6 | 32 | 64 | 1 << 8])
            if self.shape.entry == 8 and rng.random() < 0.15:
                entry |= rng.choice([1 << 63, 1 << 55, 1 << 62])
        return entry

    def leaf(self, depth):
        rng, shape = self.rng, self.shape
        inside = shape.offset + sum(shape.fields[depth + 1 :])
        frame = rng.randrange(2 ** max(1, shape.physical - inside)) << inside
        if shape.maker == "riscv":
            if rng.random() < 0.15:  # misaligned, if this is a superpage
                frame |= 1 << rng.randrange(shape.offset, inside + 1)
            frame &= 2**shape.physical - 1
            entry = frame >> shape.offset << 10 | rng.randrange(4) << 8
            rights = rng.choice([2, 2 | 4, 2 | 8, 8, 2 | 4 | 8] * 4 + [4, 4 | 8])
            return entry | 1 | rights | rng.choice([0, 16]) | rng.choice([0, 32]) | rng.choice(
                [0, 64, 192, 192, 128])
        large = depth + 1 < len(shape.fields)
        entry = rng.choice([1, 1 | 2, 1 | 4, 1 | 2 | 4, 1 | 2 | 4]) | rng.choice([0, 32, 64, 96])
        entry |= rng.choice([0, 1 << 8]) | rng.choice([0, 8, 16]) | rng.randrange(8) << 9
        entry |= 128 if large else rng.choice([0, 128])
        if shape.entry == 4:
            entry |= frame & 0xFFFFF000 if not large else frame & 0xFFC00000 | rng.randrange(256) << 13
        else:
            entry |= frame | rng.choice([0, 0, 1 << 63, 1 << 52])
        if large:
            entry |= rng.choice([0, 1 << 12])
            if rng.random() < 0.2:
                entry |= 1 << rng.randrange(13, inside)
        return entry

    def entry(self, depth):
        rng, last = self.rng, depth + 1 == len(self.shape.fields)
        roll = rng.random()
        if roll < 0.04:
            found = rng.getrandbits(64)  # anything
        elif roll < 0.07:
            found = rng.getrandbits(64) & ~1  # invalid, with the system's own bits
        elif roll < 0.10 and self.shape.entry == 8:
            found = self.leaf(depth) | 1 << rng.randrange(51, 64)
        elif last:
            found = self.leaf(depth) if roll < 0.97 else self.pointer()
        else:
            found = self.pointer() if roll < 0.88 else self.leaf(depth)
        return found & 2 ** (8 * self.shape.entry) - 1

    def lead(self, address):
        """Fill what is still empty on the way of this address."""
        table, (indexes, _) = self.root, parts(self.shape, address)
        for depth, index in enumerate(indexes):
            at = table + index * self.shape.entry
            try:
                found = self.memory.load(at, self.shape.entry)
            except Stop:
                return
            if found == 0:
                found = self.entry(depth)
                self.memory.store(at, self.shape.entry, found)
            if self.shape.maker == "riscv":
                table = bits(found, 53 if self.shape.entry == 8 else 31, 10) << self.shape.offset
            else:
                table = bits(found, 51, 12) << 12

    def address(self):
        rng, width = self.rng, self.shape.width()
        low = rng.getrandbits(width)
        if rng.random() < 0.1:  # the ends
            low = rng.choice([0, 2**width - 1, 2 ** (width - 1), 2 ** (width - 1) - 1])
        if self.shape.canonical and low >> (width - 1):
            low |= (2**64 - 1) >> width << width
        if width < 64 and rng.random() < 0.04:
            low ^= 1 << rng.randrange(width, 64)
        return low


def access(rng):
    return Access(rng.choice("rrwwxa"), rng.random() < 0.6, rng.random() < 0.5, rng.random() < 0.5,
                  rng.random() < 0.5)


def tables(rng, shapes, walks, each):
    """(builder, [(address, access)]): so many walks in all."""
    while walks > 0:
        builder = Builder(rng, rng.choice(shapes))
        known = [builder.address() for _ in range(each // 4)]
        for address in known:
            builder.lead(address)
        cases = []
        for _ in range(each):
            address = rng.choice(known) if rng.random() < 0.9 else builder.address()
            if rng.random() < 0.7:  # another byte of the page
                address ^= rng.getrandbits(builder.shape.offset)
            cases.append((address, access(rng)))
        yield builder, cases
        walks -= each


def every_access(shapes):
    """All access × mode × sum × mxr × ad for each combination of the eight low bits of one leaf, at
    each depth, with tables above it that grant all."""
    for shape in shapes:
        for depth in range(len(shape.fields)):
            builder = Builder(random.Random(0), shape)
            span = builder.span
            builder.base, builder.root = span, span
            builder.memory = Memory(span, bytearray(span * len(shape.fields)))
            for k in range(depth):
                table = span * (k + 2)
                entry = table >> shape.offset << 10 | 1 if shape.maker == "riscv" else table | 7
                builder.memory.store(span * (k + 1), shape.entry, entry)
            for low in range(256):
                # 2^41 is free in every entry of 8 bytes, and aligned for a page of 1 GiB or 512 GiB.
                entry = low | (0 if shape.entry == 4 else 1 << 50)
                builder.memory.store(span * (depth + 1), shape.entry, entry)
                yield builder, [(5, Access(k, u, s, m, a)) for k in "rwxa" for u in (0, 1)
                                for s in (0, 1) for m in (0, 1) for a in (0, 1)]


def lines_of(builder, cases):
    shape, memory = builder.shape, builder.memory
    yield f"format {shape.name}\n"
    yield f"memory {memory.base:x} {memory.data.hex()}\n"
    for address, how in cases:
        yield f"walk {builder.root:x} {address:x} {how.letters()}\n"


def compare(driver, groups, seen):
    """The number of walks; AssertionError at the first difference."""
    text, wanted = [], []
    for builder, cases in groups:
        text += lines_of(builder, cases)
        for address, how in cases:
            found = walk(builder.shape, builder.memory, builder.root, address, how)
            seen[builder.shape.name, found.fault] = seen.get((builder.shape.name, found.fault), 0) + 1
            wanted.append((builder.shape, builder.root, address, how, found))
    done = subprocess.run([driver], input="".join(text).encode(), stdout=subprocess.PIPE, timeout=300)
    answers = done.stdout.decode().splitlines()
    if done.returncode != 0 or len(answers) != len(wanted):
        raise AssertionError(f"the driver ended with {done.returncode} after {len(answers)} answers")
    for (shape, root, address, how, found), answer in zip(wanted, answers):
        if answer.rstrip() != found.line().rstrip():
            raise AssertionError(f"{shape.name} root {root:#x} address {address:#x} {how.letters()}:\n"
                                 f"  the reference: {found.line()}\n  the C walker:  {answer}")
    return len(wanted)


# Faults that the random tables must have met for each format, or the test says too little.
def expected_faults(shape):
    always = {"none", "bus", "invalid", "reserved", "privilege", "protection"}
    always.add("non-canonical" if shape.canonical else "overflow")
    if shape.maker == "riscv":
        always |= {"accessed", "dirty"}
        if len(shape.fields) > 1:
            always.add("misaligned")
    return always


def driver_test(driver, walks, seed):
    rng, seen, count = random.Random(seed), {}, 0
    chunk = []
    for group in tables(rng, SHAPES, walks, 120):
        chunk.append(group)
        if len(chunk) == 40:
            count += compare(driver, chunk, seen)
            chunk = []
    count += compare(driver, chunk, seen)
    for shape in SHAPES:
        missing = expected_faults(shape) - {fault for name, fault in seen if name == shape.name}
        if missing:
            raise AssertionError(f"{shape.name}: no walk ended in {missing}; the tables are too tame")
    sweep = {}
    for group in every_access(NAMED):
        count += compare_later(driver, group, sweep)
    count += compare_later(driver, None, sweep)
    faults = {}
    for (_, fault), number in seen.items():
        faults[fault] = faults.get(fault, 0) + number
    print(f"{count} walks agree; of the random ones: "
          + ", ".join(f"{number} {fault}" for fault, number in sorted(faults.items())))


PENDING = []


def compare_later(driver, group, seen):
    """As compare, in large batches; None ends. The builder's memory changes, so it is copied."""
    if group is not None:
        builder, cases = group
        copy = Builder.__new__(Builder)
        copy.shape, copy.root = builder.shape, builder.root
        copy.memory = Memory(builder.memory.base, bytearray(builder.memory.data))
        PENDING.append((copy, cases))
        if len(PENDING) < 256:
            return 0
    groups = PENDING[:]
    PENDING.clear()
    return compare(driver, groups, seen) if groups else 0


# ---- through the command line ----


def ask(kilburn, path, builder, address, how):
    command = [kilburn, "explain", hex(address), "--format", builder.shape.name, "--root",
               hex(builder.root), "--memory", f"{path}@{builder.base:#x}", "--json"]
    if how.kind != "a":
        command += ["--access", how.kind]
    command += ["--mode", "u" if how.user else "s", "--ad", "fault" if how.ad_fault else "set"]
    command += ["--sum"] * how.sum + ["--mxr"] * how.mxr
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"status {done.returncode} of {' '.join(command)}: {done.stderr}")
    return command, json.loads(done.stdout)


def check_answer(builder, address, how, answer):
    shape = builder.shape
    found = walk(shape, builder.memory, builder.root, address, how)
    wanted = {"virtual": hex(address), "fault": None,
              "physical": None if found.physical is None else hex(found.physical)}
    if found.fault != "none":
        unread = found.fault in ("non-canonical", "overflow")
        level = len(shape.fields) - found.depth - (shape.maker == "riscv")
        wanted["fault"] = {"kind": found.fault, "level": None if unread else level}
    got = {key: answer[key] for key in wanted}
    if got["fault"] is not None:
        why = got["fault"].pop("why")
        assert why and "%" not in why, f"why: {why!r}"
    entries = [int(s["entry"], 16) for s in answer["steps"] if s["entry"] is not None]
    assert entries == found.entries, f"entries {entries}, not {found.entries}"
    assert len(answer["steps"]) == len(entries) + (found.fault == "bus"), "steps"
    assert got == wanted, f"{got}, not {wanted}"
    indexes, offset = parts(shape, address)
    assert [s["index"] for s in answer["steps"]] == indexes[: len(answer["steps"])], "indexes"
    assert answer["offset"] == hex(offset), "offset"


def cli_test(kilburn, walks, seed):
    rng, count, seen = random.Random(seed), 0, set()
    with tempfile.TemporaryDirectory(prefix="kilburn-walk-") as folder, ThreadPoolExecutor(2) as hands:
        for number, (builder, cases) in enumerate(tables(rng, NAMED, walks, 12)):
            path = os.path.join(folder, f"{number}.img")
            with open(path, "wb") as file:
                file.write(builder.memory.data)
            if builder.memory.data[:2] == b"\x1f\x8b":
                continue  # would be unpacked
            jobs = [hands.submit(ask, kilburn, path, builder, *case) for case in cases]
            for job, (address, how) in zip(jobs, cases):
                command, answer = job.result()
                try:
                    check_answer(builder, address, how, answer)
                except AssertionError as error:
                    raise AssertionError(f"{' '.join(command)}: {error}") from None
                seen.add("none" if answer["fault"] is None else answer["fault"]["kind"])
                count += 1
    if len(seen) < 8:
        raise AssertionError(f"only {seen} were met")
    print(f"{count} answers of kilburn explain agree")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--cli", action="store_true")
    options.add_argument("--walks", type=int)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    try:
        if given.cli:
            cli_test(os.path.abspath(given.program), given.walks or 600, given.seed)
        else:
            driver_test(os.path.abspath(given.program), given.walks or 60000, given.seed)
    except AssertionError as error:
        print(f"DIFFERENT: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
