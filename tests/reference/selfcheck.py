"""Hold the naive policies against the numbers of the requirements matrix; no driver needed.

    python3 selfcheck.py

Each check names its row. The numbers were computed by others; they are never adapted here.
"""

import sys
import time
from fractions import Fraction

from policies import FIXED, NAMES, SplitMix64, simulate
from vectors import BEL, LOOP5, SIL, STA, W_EXAMPLE, parse, reads, t1

T1 = t1()
FIXED_SPECS = list(FIXED)

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: wanted {wanted}, found {found}")


def faults(spec, frames, refs):
    return simulate(spec, frames, refs).faults


# Q2. policy -> faults in the order of the columns.
Q2_FRAMES = {"BEL": [1, 2, 3, 4, 5], "SIL": [2, 3, 4, 5, 6], "STA": [2, 3, 4, 5], "T1": [4, 8, 12, 16, 32]}
Q2_REFS = {"BEL": reads(BEL), "SIL": reads(SIL), "STA": reads(STA), "T1": T1}
Q2 = {
    "BEL": {
        "fifo": [12, 12, 9, 10, 5],
        "lru": [12, 12, 10, 8, 5],
        "opt": [12, 9, 7, 6, 5],
        "clock": [12, 12, 9, 10, 5],
        "lfu": [12, 12, 10, 8, 5],
    },
    "SIL": {
        "fifo": [15, 15, 10, 9, 6],
        "lru": [17, 12, 8, 7, 6],
        "opt": [13, 9, 8, 7, 6],
        "clock": [15, 14, 9, 9, 6],
        "lfu": [15, 13, 9, 7, 6],
    },
    "STA": {
        "fifo": [10, 9, 6, 5],
        "lru": [10, 7, 6, 5],
        "opt": [7, 6, 5, 5],
        "clock": [10, 8, 6, 5],
        "lfu": [8, 6, 6, 5],
    },
    "T1": {
        "fifo": [6778, 3478, 119, 95, 84],
        "lru": [6784, 3439, 99, 88, 84],
        "opt": [4310, 1547, 84, 84, 84],
        "clock": [6772, 3440, 100, 90, 84],
        "lfu": [8871, 8455, 8062, 7556, 5790],
    },
}
Q2_WRITES = {
    "fifo": [(2192, 2), (1792, 5), (107, 12), (79, 16), (52, 32)],
    "lru": [(2168, 2), (1653, 5), (87, 12), (72, 16), (52, 32)],
    "clock": [(2182, 2), (1710, 5), (88, 12), (74, 16), (52, 32)],
}


@check
def t1_vector():
    """T1: 10,000 references, 2,424 writes, 84 pages, starts 8w 11 11 5 0 9w 2 0 8 10."""
    same(T1[:10], parse("8w 11 11 5 0 9w 2 0 8 10"), "start")
    same(sum(kind == "w" for _, kind in T1), 2424, "writes")
    same(len({page for page, _ in T1}), 84, "pages")


@check
def splitmix():
    """SplitMix64's published first outputs for seed 1234567 (here as `below 2^64`)."""
    random = SplitMix64(1234567)
    found = [random.below(2**64) for _ in range(5)]
    same(
        found,
        [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
            4593380528125082431,
            16408922859458223821,
        ],
        "outputs",
    )


def columns(result, frames):
    """The slot columns of a Q1 table as strings."""
    rows = []
    for slot in range(frames):
        cells = (step["slots"][slot] for step in result.steps)
        rows.append(" ".join("-" if cell is None else str(cell) for cell in cells))
    return rows


@check
def q1():
    """Q1: both FIFO tables of Belady's string."""
    three = simulate("fifo", 3, reads(BEL), steps=True)
    same("".join("F" if s["fault"] else "." for s in three.steps), "FFFFFFF..FF.", "faults, 3")
    same([s["victim"] for s in three.steps], [None] * 3 + [1, 2, 3, 4, None, None, 1, 2, None], "victims, 3")
    same(
        columns(three, 3),
        ["1 1 1 4 4 4 5 5 5 5 5 5", "- 2 2 2 1 1 1 1 1 3 3 3", "- - 3 3 3 2 2 2 2 2 4 4"],
        "slots, 3",
    )
    four = simulate("fifo", 4, reads(BEL), steps=True)
    same("".join("F" if s["fault"] else "." for s in four.steps), "FFFF..FFFFFF", "faults, 4")
    same([s["victim"] for s in four.steps], [None] * 6 + [1, 2, 3, 4, 5, 1], "victims, 4")
    same(
        columns(four, 4),
        [
            "1 1 1 1 1 1 5 5 5 5 4 4",
            "- 2 2 2 2 2 2 1 1 1 1 5",
            "- - 3 3 3 3 3 3 2 2 2 2",
            "- - - 4 4 4 4 4 4 3 3 3",
        ],
        "slots, 4",
    )


@check
def q2_faults():
    """Q2: the fault counts; second chance as clock."""
    for trace, rows in Q2.items():
        for policy, wanted in rows.items():
            found = [faults(policy, f, Q2_REFS[trace]) for f in Q2_FRAMES[trace]]
            same(found, wanted, f"{trace} {policy}")
        found = [faults("second-chance", f, Q2_REFS[trace]) for f in Q2_FRAMES[trace]]
        same(found, rows["clock"], f"{trace} second-chance")


@check
def q2_writes():
    """Q2: write-backs at eviction and pages left dirty on T1."""
    for policy, wanted in Q2_WRITES.items():
        results = [simulate(policy, f, T1) for f in Q2_FRAMES["T1"]]
        same([(r.write_backs, r.still_dirty) for r in results], wanted, policy)


@check
def q2_victims():
    """Q2: victims of SIL at F = 3, and the clock's bits and hand on STA."""
    wanted = {
        "fifo": [7, 0, 1, 2, 3, 0, 4, 2, 3, 0, 1, 2],
        "lru": [7, 1, 2, 3, 0, 4, 0, 3, 2],
        "opt": [7, 1, 0, 4, 3, 2],
        "clock": [7, 1, 2, 0, 3, 4, 2, 0, 3, 1, 2],
    }
    for policy, victims in wanted.items():
        same(simulate(policy, 3, reads(SIL)).flat(), victims, policy)
    clock = simulate("clock", 3, reads(STA), steps=True)
    bits = " ".join("".join(map(str, s["referenced"])) for s in clock.steps)
    same(bits, "100 110 110 111 100 110 111 111 100 110 101 111", "bits")
    same([s["hand"] for s in clock.steps], [1, 2, 2, 0, 1, 2, 0, 0, 1, 1, 0, 0], "hand")


@check
def i01():
    """I01: evictions = faults - F once full, for every fixed policy."""
    same([simulate("fifo", f, reads(BEL)).evictions for f in (3, 4, 5)], [6, 6, 0], "BEL")
    for spec in FIXED_SPECS:
        for frames in (1, 2, 3, 5, 12):
            for refs in (reads(BEL), reads(SIL), T1[:2500]):
                result = simulate(spec, frames, refs)
                same(result.evictions, max(0, result.faults - frames), f"{spec} {frames}")


@check
def i02():
    """I02: OPT's counts, and never more than another policy."""
    same([faults("opt", f, reads(BEL)) for f in range(1, 6)], [12, 9, 7, 6, 5], "BEL")
    same(faults("opt", 3, reads(SIL)), 9, "SIL")
    same(faults("opt", 12, T1), 84, "T1")
    for spec in FIXED_SPECS:
        for frames in (2, 3, 4, 8):
            for refs in (reads(BEL), reads(SIL), reads(STA), T1[:2500]):
                if faults(spec, frames, refs) < faults("opt", frames, refs):
                    raise AssertionError(f"{spec} has fewer faults than OPT at {frames}")


def expected_random(pages, frames):
    """The exact mean number of faults of random replacement, over all draws."""
    states = {(): Fraction(1)}
    total = Fraction(0)
    for page in pages:
        after = {}
        for resident, weight in states.items():
            if page in resident:
                after[resident] = after.get(resident, 0) + weight
                continue
            total += weight
            if len(resident) < frames:
                nexts = [tuple(sorted(resident + (page,)))]
            else:
                nexts = [tuple(sorted(set(resident) - {out} | {page})) for out in resident]
            for state in nexts:
                after[state] = after.get(state, 0) + weight / len(nexts)
        states = after
    return total


@check
def i03():
    """I03: random's exact expectations, the mean of 10,000 seeds, 10,000 victims among 4."""
    wanted = {3: Fraction(2183, 243), 4: Fraction(6965, 1024)}
    for frames, exact in wanted.items():
        same(expected_random(BEL, frames), exact, f"exact, {frames}")
        for spec in ("random:seed={}", "nru:period=0:seed={}"):
            runs = [faults(spec.format(seed), frames, reads(BEL)) for seed in range(1, 10001)]
            mean = sum(runs) / len(runs)
            if abs(mean - exact) > 0.05:
                raise AssertionError(f"{spec}, F={frames}: mean {mean}, wanted {float(exact)}")
    result = simulate("random", 4, reads(range(10004)), steps=True)
    counts = [0] * 4
    for step in result.steps[4:]:
        counts[step["frame"]] += 1
    if sum(counts) != 10000 or any(abs(count - 2500) > 174 for count in counts):
        raise AssertionError(f"victims by frame: {counts}")


@check
def i03_loop():
    """I03: on the 5-page loop with 4 frames the next page is the victim 1/4 of the time."""
    pages = [1, 2, 3, 4, 5] * 5000
    result = simulate("random", 4, reads(pages))
    hits = total = 0
    for now, victims in enumerate(result.victims[:-1]):
        if victims:
            total += 1
            hits += victims[0] == pages[now + 1]
    if abs(hits / total - 0.25) > 0.0175:
        raise AssertionError(f"{hits} of {total}")


@check
def i04():
    """I04: FIFO."""
    same(simulate("fifo", 3, reads(BEL)).flat(), [1, 2, 3, 4, 1, 2], "BEL")
    same([faults("fifo", 3, reads(v)) for v in (SIL, STA)], [15, 9], "SIL, STA")
    same([faults("fifo", f, T1) for f in (8, 12, 16)], [3478, 119, 95], "T1")


@check
def i05():
    """I05: the anomaly is at 3 -> 4 only; FIFO and clock have it, LRU and OPT do not."""
    for policy, has in (("fifo", True), ("clock", True), ("lru", False), ("opt", False)):
        counts = [faults(policy, f, reads(BEL)) for f in range(1, 7)]
        rises = [f for f in range(1, 6) if counts[f] > counts[f - 1]]
        same(rises, [3] if has else [], policy)


@check
def i06_x09_n11():
    """I06, X09, N11: LRU."""
    same([faults("lru", f, reads(BEL)) for f in (3, 4)], [10, 8], "BEL")
    wanted = [9192, 8375, 7588, 6784, 5936, 5134, 4249, 3439, 2578, 1782, 919, 99, 95, 92, 90, 88]
    same([faults("lru", f, T1) for f in range(1, 17)], wanted, "T1 F=1..16")
    same([faults("lru", f, T1) for f in (32, 16, 12, 8)], [84, 88, 99, 3439], "N11")


@check
def i07():
    """I07: clock sets a bit 138 times and clears one 126 times on T1 at F = 12."""
    clock = simulate("clock", 12, T1)
    same((clock.faults, clock.bit_sets, clock.bit_clears), (100, 138, 126), "clock")


@check
def i08():
    """I08: LFU and its variants."""
    same([faults("lfu", f, reads(BEL)) for f in (2, 3, 4)], [12, 10, 8], "BEL")
    same([faults("lfu", 3, reads(v)) for v in (SIL, STA)], [13, 6], "SIL, STA")
    same(faults("lfu:tie=lru", 3, reads(SIL)), 11, "tie=lru")
    same(faults("lfu:keep=1", 2, reads(BEL)), 11, "keep=1")
    stale = reads([1, 1, 1, 2, 2, 3, 4, 3, 4, 5])
    same(simulate("lfu", 3, stale).flat(), [3, 4, 3, 4], "reset")
    same(simulate("lfu:keep=1", 3, stale).flat(), [3, 4, 2, 3], "kept")


@check
def i09():
    """I09: wrong decisions against OPT."""
    same([faults(p, 12, T1) for p in ("opt", "fifo", "lfu")], [84, 119, 8062], "T1")
    same([faults(p, 4, reads(LOOP5)) for p in ("fifo", "lru", "clock", "opt")], [500, 500, 500, 128], "loop")
    exact = expected_random(LOOP5, 4)
    if abs(exact - 202) > 1:
        raise AssertionError(f"random on the loop: {float(exact)}")


NUR = "1w 1w 1w 2r 3w 4r 3r 4r 5r 6r 7r"  # a b c d, reset after 6, touch c d, then e f g


@check
def i10_i11_i13():
    """I10, I11, I13: NUR's classes, its victims, and M untouched by the reset."""
    last = set()
    for seed in range(1, 201):
        run = simulate(f"nru:period=6:seed={seed}", 4, parse(NUR), steps=True)
        classes = [1 + 2 * r + m for r, m in zip(run.steps[7]["referenced"], run.steps[7]["modified"])]
        same(classes, [2, 1, 4, 3], "classes of a b c d")
        same(run.flat()[:2], [2, 1], "victims")
        same(run.write_backs - (run.flat()[2] == 3), 1, "write-backs")
        last.add(run.flat()[2])
    same(last, {4, 5, 6}, "third victim")
    reset = run.steps[5]
    same((reset["referenced"], reset["modified"]), ([0, 0, 0, 0], [1, 0, 1, 0]), "after the reset")


GROUPS = "1r 2r 3w 4w 5r 6r 7w 8w 5r 6r 7r 8r 9r"  # two pages in each group after the tick at 8


@check
def i12():
    """I12: only the two pages of group 1 leave, each 5000 +- 200 of 10,000 times."""
    counts = {}
    for seed in range(1, 10001):
        (victim,) = simulate(f"nru:period=8:seed={seed}", 8, parse(GROUPS)).flat()
        counts[victim] = counts.get(victim, 0) + 1
    if set(counts) != {1, 2} or abs(counts[1] - 5000) > 200:
        raise AssertionError(f"victims: {counts}")


@check
def i14():
    """I14: of two unreferenced pages the clean one goes, without a write."""
    for refs, victim in (("1w 2r 3r", 2), ("1r 2w 3r", 1)):
        for spec in ("nru:period=2", "enhanced-clock:load-bit=0"):
            run = simulate(spec, 2, parse(refs))
            same((run.flat(), run.write_backs), ([victim], 0), f"{spec} {refs}")


@check
def i15_i16():
    """I15, I16: second chance and clock."""
    for spec in ("second-chance", "clock"):
        same(faults(spec, 3, reads(STA)), 8, spec)
        same(simulate(spec, 3, reads(STA)).flat(), [2, 3, 1, 5, 4], spec)
        same(faults(spec, 3, reads(SIL)), 14, spec)
        same([faults(spec, f, reads(BEL)) for f in (3, 4)], [9, 10], spec)
        off = spec + ":load-bit=0"
        same([faults(off, f, reads(BEL)) for f in (3, 4)], [10, 8], off)
        same(faults(off, 3, reads(STA)), 6, off)
    final = simulate("clock", 3, reads(STA), steps=True).steps[-1]
    same((final["slots"], final["hand"]), ([3, 2, 5], 0), "STA, at the end")
    for load_bit in (0, 1):
        for frames in (1, 4, 8, 12):
            one = simulate(f"clock:load-bit={load_bit}", frames, T1).victims
            same(simulate(f"second-chance:load-bit={load_bit}", frames, T1).victims, one, "T1")


@check
def g01():
    """G01: with 84 frames and more, 84 faults and no eviction under every policy."""
    for spec in FIXED_SPECS:
        for frames in (84, 100):
            run = simulate(spec, frames, T1)
            same((run.faults, run.evictions), (84, 0), f"{spec} {frames}")


@check
def g08():
    """G08: W(10, 10) = {1,2,5,6,7}, W(26, 10) = {3,4}."""
    run = simulate("ws:window=10", None, reads(W_EXAMPLE), steps=True)
    same(run.steps[9]["slots"], [1, 2, 5, 6, 7], "after 10")
    same(run.steps[25]["slots"], [3, 4], "after 26")


@check
def n05():
    """N05: LRU on T1 at F = 12."""
    run = simulate("lru", 12, T1)
    same((run.faults, run.write_backs, run.still_dirty), (99, 87, 12), "LRU")


@check
def n09():
    """N09: a 128 x 128 matrix, one row a page."""
    rows = reads([row for row in range(128) for _ in range(128)])
    columns_ = reads([row for _ in range(128) for row in range(128)])
    for spec in ("fifo", "lru"):
        for frames in (1, 16, 127):
            same((faults(spec, frames, rows), faults(spec, frames, columns_)), (128, 16384), f"{spec} {frames}")
        same((faults(spec, 128, rows), faults(spec, 128, columns_)), (128, 128), f"{spec} 128")


@check
def x15():
    """X15: LIRS and CLOCK-Pro stay below LRU's 500 on the 5-page loop at F = 4."""
    same(faults("lru", 4, reads(LOOP5)), 500, "lru")
    for spec in ("lirs", "clock-pro"):
        if faults(spec, 4, reads(LOOP5)) >= 500:
            raise AssertionError(f"{spec} does not resist the loop")


@check
def all_run():
    """Every policy runs on every vector with every number of frames."""
    for spec in NAMES:
        for frames in range(1, 9):
            for refs in (reads(BEL), reads(SIL), reads(STA), T1[:500]):
                run = simulate(spec, frames, refs)
                same(run.cold, len({page for page, _ in refs}), f"{spec} cold")


def main():
    failed = 0
    begin = time.monotonic()
    for function in CHECKS:
        try:
            function()
            print(f"ok      {function.__doc__}")
        except AssertionError as error:
            failed += 1
            print(f"FAILED  {function.__doc__}\n        {error}")
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks hold, {time.monotonic() - begin:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
