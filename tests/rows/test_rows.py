"""Rows of the requirements matrix that `kilburn sim` shows, one test a row.

    python3 test_rows.py --list                    the ids, one a line
    python3 test_rows.py PATH_TO_KILBURN [ROW]     all rows, or one
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))

from kilburn import main, must, reads, same  # noqa: E402
from policies import NAMES, simulate  # noqa: E402
from vectors import BEL, LOOP5, SIL, STA, W_EXAMPLE, parse, t1  # noqa: E402

T1 = t1()
ROWS = {}


def row(name):
    def register(function):
        ROWS[name] = function
        return function

    return register


def in_groups(specs, size=250):
    for start in range(0, len(specs), size):
        yield specs[start : start + size]


def mean_by_frames(kilburn, refs, form, frames, seeds):
    """The mean number of faults over all seeds, by number of frames."""
    runs = {f: [] for f in frames}
    for specs in in_groups([form.format(seed) for seed in seeds]):
        for result in kilburn.results(refs, specs, frames):
            runs[result["frames"]].append(result["faults"])
    for count in runs.values():
        same(len(count), len(seeds), "results")
    return {f: sum(found) / len(found) for f, found in runs.items()}


def near(found, wanted, by, what):
    must(abs(found - wanted) <= by, f"{what}: wanted {wanted:.4f} +- {by}, found {found:.4f}")


def step_string(steps, key):
    return " ".join("".join(map(str, step[key])) for step in steps)


@row("I01")
def i01(kilburn):
    """Replace only when full: evictions = faults - F."""
    same(kilburn.column(reads(BEL), "fifo", [3, 4, 5], "evictions"), [6, 6, 0], "BEL")
    for number, step in enumerate(kilburn.steps(reads(BEL), "fifo", 4), 1):
        full = number > 4 and step["fault"]
        same(step["victim"] is not None, full, f"a victim at reference {number}")


@row("I02")
def i02(kilburn):
    """OPT."""
    same(kilburn.faults(reads(BEL), "opt", [1, 2, 3, 4, 5]), [12, 9, 7, 6, 5], "BEL")
    same(kilburn.faults(reads(SIL), "opt", [3]), [9], "SIL")
    same(kilburn.faults(T1, "opt", [12]), [84], "T1")
    fixed = [name for name in NAMES if name not in ("ws", "pff")]
    for refs in (reads(BEL), reads(SIL), reads(STA), T1):
        frames = [1, 2, 3, 4, 8, 12]
        least = dict(zip(frames, kilburn.faults(refs, "opt", frames)))
        for result in kilburn.results(refs, fixed, frames):
            must(result["faults"] >= least[result["frames"]], f"fewer faults than OPT: {result}")


@row("I03")
def i03(kilburn):
    """Random: expectation, equal probability, the next page, the same seed."""
    means = mean_by_frames(kilburn, reads(BEL), "random:seed={}", [3, 4], range(1, 10001))
    near(means[3], 2183 / 243, 0.05, "BEL, F=3")
    near(means[4], 6965 / 1024, 0.05, "BEL, F=4")

    steps = kilburn.steps(reads(range(10004)), "random:seed=1", 4)
    counts = [0] * 4
    for step in steps[4:]:
        counts[step["frame"]] += 1
    same(sum(counts), 10000, "victims")
    must(all(abs(count - 2500) <= 174 for count in counts), f"victims by frame: {counts}")

    pages = [1, 2, 3, 4, 5] * 4000
    steps = kilburn.steps(reads(pages), "random:seed=1", 4)
    pairs = [(s["victim"], after) for s, after in zip(steps, pages[1:]) if s["victim"] is not None]
    share = sum(victim == after for victim, after in pairs) / len(pairs)
    near(share, 0.25, 4 * (0.1875 / len(pairs)) ** 0.5, "the next page is the victim")

    first = kilburn.victims(T1[:2000], "random:seed=5", 8)
    same(kilburn.victims(T1[:2000], "random:seed=5", 8), first, "the same seed")
    must(kilburn.victims(T1[:2000], "random:seed=6", 8) != first, "another seed gives the same victims")


@row("I04")
def i04(kilburn):
    """FIFO."""
    same(kilburn.faults(reads(BEL), "fifo", [3]), [9], "BEL")
    same(kilburn.victims(reads(BEL), "fifo", 3), [1, 2, 3, 4, 1, 2], "BEL, victims")
    same(kilburn.faults(reads(SIL), "fifo", [3]), [15], "SIL")
    same(kilburn.faults(reads(STA), "fifo", [3]), [9], "STA")
    same(kilburn.faults(T1, "fifo", [8, 12, 16]), [3478, 119, 95], "T1")


@row("I05")
def i05(kilburn):
    """Belady's anomaly is flagged at 3 -> 4 only; FIFO and clock have it, LRU and OPT do not."""
    trace = kilburn.trace(reads(BEL))
    for policy in ("fifo", "clock"):
        answer = kilburn.sim(trace, policy, "1..6")
        wanted = [{"policy": policy, "frames": [3, 4], "faults": [9, 10]}]
        same(answer.get("anomalies"), wanted, f"anomalies of {policy}")
    for policy in ("lru", "opt"):
        same(kilburn.sim(trace, policy, "1..6").get("anomalies", []), [], f"anomalies of {policy}")
    together = kilburn.sim(trace, ["fifo", "lru", "opt", "clock"], "3,4").get("anomalies", [])
    same(sorted(a["policy"] for a in together), ["clock", "fifo"], "anomalies of four policies")


@row("I06")
def i06(kilburn):
    """LRU; its faults never rise with F."""
    same(kilburn.faults(reads(BEL), "lru", [3, 4]), [10, 8], "BEL")
    same(kilburn.faults(reads(SIL), "lru", [3]), [12], "SIL")
    same(kilburn.faults(reads(STA), "lru", [3]), [7], "STA")
    same(kilburn.faults(T1, "lru", [8, 12, 16]), [3439, 99, 88], "T1")
    for refs in (reads(BEL), reads(SIL), reads(STA), T1):
        faults = kilburn.faults(refs, "lru", list(range(1, 33)))
        same(faults, sorted(faults, reverse=True), "faults by F")


@row("I07")
def i07(kilburn):
    """LRU's cost and the clock's on T1, F = 12."""
    lru, clock = kilburn.one(T1, "lru", 12), kilburn.one(T1, "clock", 12)
    same((lru["faults"], clock["faults"]), (99, 100), "faults")
    same(lru["work"]["time_marks"], 10000, "time marks of LRU")
    same((clock["work"]["bit_sets"], clock["work"]["bit_clears"]), (138, 126), "bits of clock")


@row("I08")
def i08(kilburn):
    """LFU and its variants."""
    same(kilburn.faults(reads(BEL), "lfu", [2, 3, 4]), [12, 10, 8], "BEL")
    same(kilburn.faults(reads(SIL), "lfu", [3]), [13], "SIL")
    same(kilburn.faults(reads(STA), "lfu", [3]), [6], "STA")
    same(kilburn.faults(reads(SIL), "lfu:tie=lru", [3]), [11], "SIL, ties by LRU")
    same(kilburn.faults(reads(BEL), "lfu:keep=1", [2]), [11], "BEL, counts kept")
    stale = reads([1, 1, 1, 2, 2, 3, 4, 3, 4, 5])
    same(kilburn.victims(stale, "lfu", 3), [3, 4, 3, 4], "victims, reset")
    same(kilburn.victims(stale, "lfu:keep=1", 3), [3, 4, 2, 3], "victims, kept")


@row("I09")
def i09(kilburn):
    """Wrong decisions, held against OPT."""
    for policy, wanted in (("opt", 84), ("fifo", 119), ("lfu", 8062)):
        same(kilburn.faults(T1, policy, [12]), [wanted], f"T1 {policy}")
    for policy, wanted in (("fifo", 500), ("lru", 500), ("clock", 500), ("opt", 128)):
        same(kilburn.faults(reads(LOOP5), policy, [4]), [wanted], f"loop {policy}")
    mean = mean_by_frames(kilburn, reads(LOOP5), "random:seed={}", [4], range(1, 1001))[4]
    near(mean, 202, 1, "loop, random")


NUR = parse("1w 1w 1w 2r 3w 4r 3r 4r 5r 6r 7r")  # a b c d, reset after 6, touch c d, then e f g


def classes(step):
    return [1 + 2 * r + m for r, m in zip(step["referenced"], step["modified"])]


@row("I10")
def i10(kilburn):
    """NUR: e evicts b, f evicts a with a write-back, then d, e or f, never c."""
    last = set()
    for seed in range(1, 101):
        steps = kilburn.steps(NUR, f"nru:period=6:seed={seed}", 4)
        same(classes(steps[7]), [2, 1, 4, 3], "classes of a b c d")
        same([s["victim"] for s in steps[8:10]], [2, 1], "victims of e and f")
        same([s["write_back"] for s in steps[8:10]], [False, True], "write-backs of e and f")
        last.add(steps[10]["victim"])
    same(last, {4, 5, 6}, "third victim over 100 seeds")


@row("I11")
def i11(kilburn):
    """The four groups by (R, M)."""
    refs = parse("1r 2w 3r 4w 3r 4r")
    step = kilburn.steps(refs, "nru:period=4", 4)[5]
    same((step["referenced"], step["modified"]), ([0, 0, 1, 1], [0, 1, 0, 1]), "bits")
    same(classes(step), [1, 2, 3, 4], "groups")


@row("I12")
def i12(kilburn):
    """Lower groups first, a random choice inside; without resets and writes NUR = random."""
    setting = parse("1r 2r 3w 4w 5r 6r 7w 8w 5r 6r 7r 8r 9r")
    left = {}
    for page in (1, 2):  # a tenth fault at the end tells that this page was the victim
        refs = setting + [(page, "r")]
        left[page] = 0
        for specs in in_groups([f"nru:period=8:seed={seed}" for seed in range(1, 10001)]):
            left[page] += sum(r["faults"] == 10 for r in kilburn.results(refs, specs, [8]))
    same(left[1] + left[2], 10000, "victims in group 1")
    near(left[1], 5000, 200, "first page of group 1")
    means = mean_by_frames(kilburn, reads(BEL), "nru:period=0:seed={}", [3, 4], range(1, 10001))
    near(means[3], 2183 / 243, 0.05, "NUR without resets, BEL, F=3")
    near(means[4], 6965 / 1024, 0.05, "NUR without resets, BEL, F=4")


@row("I13")
def i13(kilburn):
    """The reset clears R, not M; the page is still written back."""
    steps = kilburn.steps(parse("1w 2r 3r 4r"), "nru:period=2", 2)
    same((steps[0]["referenced"], steps[0]["modified"]), ([1, 0], [1, 0]), "before the reset")
    same((steps[1]["referenced"], steps[1]["modified"]), ([0, 0], [1, 0]), "after the reset")
    same([s["victim"] for s in steps[2:]], [2, 1], "victims")
    same([s["write_back"] for s in steps[2:]], [False, True], "write-backs")
    same(kilburn.one(parse("1w 2r 3r 4r"), "nru:period=2", 2)["write_backs"], 1, "write_backs")


@row("I14")
def i14(kilburn):
    """Of two unreferenced pages the clean one goes, without a write."""
    for refs, victim in (("1w 2r 3r", 2), ("1r 2w 3r", 1)):
        step = kilburn.steps(parse(refs), "nru:period=2", 2)[2]
        same((step["victim"], step["write_back"]), (victim, False), refs)
        same(kilburn.one(parse(refs), "nru:period=2", 2)["write_backs"], 0, refs)


@row("I15")
def i15(kilburn):
    """Second chance."""
    same(kilburn.faults(reads(STA), "second-chance", [3]), [8], "STA")
    same(kilburn.victims(reads(STA), "second-chance", 3), [2, 3, 1, 5, 4], "STA, victims")
    same(kilburn.faults(reads(SIL), "second-chance", [3]), [14], "SIL")
    same(kilburn.faults(reads(STA), "second-chance:load-bit=0", [3]), [6], "STA, load-bit=0")
    all_set = reads([1, 2, 3, 4, 2, 3, 5, 3, 4, 6, 4, 5, 7])  # R = 1 everywhere at each fault
    same(kilburn.victims(all_set, "second-chance", 3), [1, 2, 3, 4], "all R = 1")
    same(kilburn.victims(all_set, "fifo", 3), [1, 2, 3, 4], "FIFO on the same")


@row("I16")
def i16(kilburn):
    """Clock: bits and hand; the victims of second chance."""
    steps = kilburn.steps(reads(STA), "clock", 3)
    same([s["victim"] for s in steps if s["victim"] is not None], [2, 3, 1, 5, 4], "STA, victims")
    bits = "100 110 110 111 100 110 111 111 100 110 101 111"
    same(step_string(steps, "referenced"), bits, "STA, R bits")
    same([s["hand"] for s in steps], [1, 2, 2, 0, 1, 2, 0, 0, 1, 1, 0, 0], "STA, hand")
    same((steps[-1]["slots"], steps[-1]["hand"]), ([3, 2, 5], 0), "STA, at the end")
    same(kilburn.faults(reads(BEL), "clock", [3, 4]), [9, 10], "BEL")
    same(kilburn.faults(reads(BEL), "clock:load-bit=0", [3, 4]), [10, 8], "BEL, load-bit=0")
    rng = random.Random(1)
    for _ in range(20):
        refs = [(rng.randrange(12), rng.choice("rrw")) for _ in range(300)]
        frames, load_bit = rng.randint(1, 10), rng.randint(0, 1)
        clock = kilburn.victims(refs, f"clock:load-bit={load_bit}", frames)
        second = kilburn.victims(refs, f"second-chance:load-bit={load_bit}", frames)
        same(second, clock, f"F={frames}, load-bit={load_bit}")


@row("I17")
def i17(kilburn):
    """Strategies are selectable on the same workload; what cannot be is refused with a reason."""
    eight = ["opt", "random", "fifo", "lru", "lfu", "nru", "second-chance", "clock"]
    results = kilburn.results(T1, eight, [8])
    same([r["policy"] for r in results], eight, "policies of the results")
    must(len({r["faults"] for r in results}) >= 6, "the choice does not condition the conduct")
    trace = kilburn.trace(reads(BEL))
    for bad in (
        ["--policy", "nosuch", "--frames", "3"],
        ["--policy", "fifo:period=5", "--frames", "3"],
        ["--policy", "lfu:tie=9", "--frames", "3"],
        ["--policy", "fifo", "--frames", "0"],
        ["--policy", "fifo"],
    ):
        done = kilburn.run("sim", *trace, *bad, "--json")
        same(done.returncode, 2, f"status of {bad}")
        must(done.stderr.strip(), f"no reason for {bad}")
        same(done.stdout, "", f"standard output of {bad}")
    listed = kilburn.run("sim", "--policy", "help")
    same(listed.returncode, 0, "status of --policy help")
    words = (listed.stdout + listed.stderr).replace(":", " ").replace(",", " ").split()
    same([name for name in NAMES if name not in words], [], "policies that help does not list")


@row("G01")
def g01(kilburn):
    """Demand fetch: with 84 frames and more T1 has 84 faults and no eviction."""
    fixed = [name for name in NAMES if name not in ("ws", "pff")]
    for result in kilburn.results(T1, fixed, [84, 85, 200]):
        same((result["faults"], result["evictions"]), (84, 0), f"{result['policy']} {result['frames']}")


@row("G07")
def g07(kilburn):
    """32 pages, 100 references each: 32 releases, much earlier than a working set. Positions from 0."""
    trace = os.path.join(kilburn.folder.name, "sequential.kbt")
    told = os.path.join(kilburn.folder.name, "released.kbt")
    same(kilburn.run("trace", "generate", "sequential:pages=32:each=100", "-o", trace).returncode, 0, "generate")
    found = kilburn.json("trace", "annotate-release", trace, "-o", told)["annotation"]
    same((found["releases"], found["last_releases"], found["returns"]), (32, 32, 0), "releases")
    same((found["product_before"], found["product_after"]), (52800, 3200), "products")
    # Where they are: behind 99, 199, ..., 3199 the page's frame is free, one reference before it is not.
    program = "".join(
        f"machine frames=32\nprocess P\nP run file={told} events=yes limit={n}\n"
        f"expect releases {n // 100}\nexpect resident {int(n % 100 != 0)}\n"
        for n in [99, *range(100, 3201, 100), 3150]
    )
    program += f"machine frames=32\nprocess P\nP run file={told} events=yes\nexpect page-time 3200\nexpect faults 32\n"
    result = kilburn.run("step", "--quiet", kilburn.write(program, "kb"))
    same(result.returncode, 0, result.stdout + result.stderr)
    # Page 0 is free at 100; a working set frees it at 1,099, that is with the 1,100th reference.
    sets = kilburn.json("trace", "working-set", trace, "--window", "1000", "--at", "1099,1100")["working_set"]["at"]
    same([0 in s["pages"] for s in sets], [True, False], "page 0 in W(1099) and W(1100)")
    for window, product in (1000, 29678), (100, 6269):
        spec = f"ws:window={window}"
        (without,) = kilburn.json("sim", trace, "--policy", spec)["results"]
        (released,) = kilburn.json("sim", told, "--policy", spec, "--events")["results"]
        near(without["resident_mean"] * 3200, product, 0.01, f"product of {spec}")
        near(released["resident_mean"] * 3200, 3200, 0.01, f"product of {spec} with releases")
        same(released["faults"], 32, f"faults of {spec} with releases")
        set_of = kilburn.json("trace", "working-set", trace, "--window", str(window))["working_set"]
        same(set_of["product"], product, f"sum of |W(t, {window})|")


@row("X06")
def x06(kilburn):
    """The resident set of `ws` is W(t, window), the sets of `trace working-set`, and those by definition."""
    generator = random.Random(6)
    loops = [page for start in range(0, 40, 5) for _ in range(6) for page in range(start, start + 9)]
    uniform = [generator.randrange(30) for _ in range(400)]
    for pages in (W_EXAMPLE, loops, uniform, [page for page in range(20) for _ in range(30)]):
        for window in 1, 2, 10, 50, 1000:
            everywhere = f"1..{len(pages)}"
            found = kilburn.json("trace", "working-set", *kilburn.trace(reads(pages)), "--window", str(window),
                                 "--at", everywhere)["working_set"]
            wanted = [sorted(set(pages[max(0, t - window):t])) for t in range(1, len(pages) + 1)]
            same([s["pages"] for s in found["at"]], wanted, f"W(t, {window})")
            same([s["size"] for s in found["at"]], [len(w) for w in wanted], "sizes")
            same(found["curve"], [[t, len(w)] for t, w in enumerate(wanted, 1)], "curve")
            same(found["peak"], max(map(len, wanted)), "peak")
            steps = kilburn.steps(reads(pages), f"ws:window={window}")
            same([s["slots"] for s in steps], wanted, f"resident sets of ws, window {window}")
    for window in 10, 100, 3000:
        found = kilburn.json("trace", "working-set", *kilburn.trace(T1), "--window", str(window))["working_set"]
        (result,) = kilburn.results(T1, f"ws:window={window}")
        same((found["entries"], found["peak"]), (result["faults"], result["resident_peak"]), f"T1, {window}")
        near(found["mean"], result["resident_mean"], 1e-6, f"T1, {window}: mean")


@row("G08")
def g08(kilburn):
    """Working sets: W(10, 10) = {1,2,5,6,7}, W(26, 10) = {3,4}."""
    refs = reads(W_EXAMPLE)
    printed = kilburn.run("trace", "working-set", *kilburn.trace(refs), "--window", "10", "--at", "10,26")
    must("W(10, 10) = {1, 2, 5, 6, 7}: 5 pages\nW(26, 10) = {3, 4}: 2 pages\n" in printed.stdout, printed.stdout)
    steps = kilburn.steps(refs, "ws:window=10")
    same(steps[9]["slots"], [1, 2, 5, 6, 7], "after reference 10")
    same(steps[25]["slots"], [3, 4], "after reference 26")
    wanted = simulate("ws:window=10", None, refs, steps=True)
    same([s["slots"] for s in steps], [s["slots"] for s in wanted.steps], "all sets")
    same([s["released"] for s in steps], wanted.victims, "released")
    (result,) = kilburn.results(refs, "ws:window=10")
    same(result["frames"], None, "frames")
    same((result["faults"], result["evictions"]), (wanted.faults, wanted.evictions), "faults, evictions")
    same(result["resident_peak"], wanted.resident_peak, "peak")
    near(result["resident_mean"], wanted.resident_mean, 0.001, "mean")


@row("E07")
def e07(kilburn):
    """16 associative registers and 64 pages at random, x>>8 mod 64: 25,008 hits of 100,000, 0.4 of the speed."""
    x, pages = 1, []
    for _ in range(100000):
        x = 48271 * x % 2147483647
        pages.append((x >> 8) % 64)
    trace = kilburn.trace(reads(pages))[0]
    program = kilburn.write(
        "machine organisation=paged-segmentation split=4,8 page=4K frames=64 load=all tlb=16\n"
        "process P\nP segment all size=256K\nreset counters\n"
        f"P run file={trace} format=pages\nexpect references 100000\nexpect tlb-hits 25008\n"
        "expect speed 0.4 +-0.00005\n",
        "kb",
    )
    result = kilburn.run("step", "--quiet", str(program))
    same(result.returncode, 0, result.stdout)


@row("N05")
def n05(kilburn):
    """Locality shifts: T1, LRU, F = 12; at the end of each phase its 12 pages are resident."""
    result = kilburn.one(T1, "lru", 12)
    found = (result["faults"], result["write_backs"], result["still_dirty"])
    same(found, (99, 87, 12), "faults, write-backs, dirty")
    steps = kilburn.steps(T1, "lru", 12)
    for phase in range(10):
        wanted = list(range(8 * phase, 8 * phase + 12))
        same(sorted(steps[1000 * phase + 999]["slots"]), wanted, f"resident after phase {phase}")


@row("N09")
def n09(kilburn):
    """A 128 x 128 matrix of words, one row a page of 512 bytes, walked by rows and by columns."""
    span = range(128)
    rows = kilburn.addresses([512 * r + 4 * c for r in span for c in span], 512)
    columns = kilburn.addresses([512 * r + 4 * c for c in span for r in span], 512)
    for result in kilburn.sim(rows, ["fifo", "lru"], "1..128")["results"]:
        same(result["faults"], 128, f"by rows, {result['policy']}, F={result['frames']}")
    for result in kilburn.sim(columns, ["fifo", "lru"], "1..128")["results"]:
        wanted = 16384 if result["frames"] <= 127 else 128
        same(result["faults"], wanted, f"by columns, {result['policy']}, F={result['frames']}")


@row("N11")
def n11(kilburn):
    """Less memory: T1, LRU, F = 32, 16, 12, 8."""
    same(kilburn.faults(T1, "lru", [32, 16, 12, 8]), [84, 88, 99, 3439], "T1")


@row("X09")
def x09(kilburn):
    """T1, LRU, F = 1..16."""
    wanted = [9192, 8375, 7588, 6784, 5936, 5134, 4249, 3439, 2578, 1782, 919, 99, 95, 92, 90, 88]
    results = kilburn.results(T1, "lru", "1..16")
    same([r["frames"] for r in results], list(range(1, 17)), "frames")
    same([r["faults"] for r in results], wanted, "faults")


@row("X15")
def x15(kilburn):
    """The modern baselines: as the second implementation has them; LIRS and CLOCK-Pro resist the loop."""
    same(kilburn.faults(reads(LOOP5), "lru", [4]), [500], "loop, LRU")
    for policy in ("lirs", "clock-pro"):
        (found,) = kilburn.faults(reads(LOOP5), policy, [4])
        must(found < 500, f"{policy} has {found} faults on the loop")
    modern = ["aging", "enhanced-clock", "2q", "arc", "lirs", "clock-pro", "wsclock", "sieve", "s3-fifo"]
    for policy in modern:
        for refs in (reads(BEL), reads(SIL), reads(STA), reads(LOOP5), T1):
            for result in kilburn.results(refs, policy, [1, 2, 3, 4, 8, 12]):
                wanted = simulate(policy, result["frames"], refs)
                keys = ("faults", "evictions", "write_backs", "still_dirty")
                found = [result[key] for key in keys]
                same(found, [getattr(wanted, key) for key in keys], f"{policy}, F={result['frames']}")


def slot_lines(steps, frames):
    lines = []
    for slot in range(frames):
        cells = (step["slots"][slot] for step in steps)
        lines.append(" ".join("-" if cell is None else str(cell) for cell in cells))
    return lines


@row("Q1")
def q1(kilburn):
    """Belady's tables."""
    three = kilburn.steps(reads(BEL), "fifo", 3)
    same("".join("F" if s["fault"] else "." for s in three), "FFFFFFF..FF.", "faults, 3 frames")
    same([s["victim"] for s in three], [None] * 3 + [1, 2, 3, 4, None, None, 1, 2, None], "victims, 3 frames")
    wanted = ["1 1 1 4 4 4 5 5 5 5 5 5", "- 2 2 2 1 1 1 1 1 3 3 3", "- - 3 3 3 2 2 2 2 2 4 4"]
    same(slot_lines(three, 3), wanted, "slots, 3 frames")
    four = kilburn.steps(reads(BEL), "fifo", 4)
    same("".join("F" if s["fault"] else "." for s in four), "FFFF..FFFFFF", "faults, 4 frames")
    same([s["victim"] for s in four], [None] * 6 + [1, 2, 3, 4, 5, 1], "victims, 4 frames")
    wanted = [
        "1 1 1 1 1 1 5 5 5 5 4 4",
        "- 2 2 2 2 2 2 1 1 1 1 5",
        "- - 3 3 3 3 3 3 2 2 2 2",
        "- - - 4 4 4 4 4 4 3 3 3",
    ]
    same(slot_lines(four, 4), wanted, "slots, 4 frames")
    text = kilburn.run("sim", *kilburn.trace(reads(BEL)), "--policy", "fifo", "--frames", "3", "--steps")
    same(text.returncode, 0, "status of the text form")
    must(len(text.stdout.splitlines()) >= 4, "the text form is empty")


Q2_FRAMES = {"BEL": [1, 2, 3, 4, 5], "SIL": [2, 3, 4, 5, 6], "STA": [2, 3, 4, 5], "T1": [4, 8, 12, 16, 32]}
Q2_REFS = {"BEL": reads(BEL), "SIL": reads(SIL), "STA": reads(STA), "T1": T1}
Q2_FAULTS = {
    "BEL": "fifo 12/12/9/10/5 lru 12/12/10/8/5 opt 12/9/7/6/5 clock 12/12/9/10/5 lfu 12/12/10/8/5",
    "SIL": "fifo 15/15/10/9/6 lru 17/12/8/7/6 opt 13/9/8/7/6 clock 15/14/9/9/6 lfu 15/13/9/7/6",
    "STA": "fifo 10/9/6/5 lru 10/7/6/5 opt 7/6/5/5 clock 10/8/6/5 lfu 8/6/6/5",
    "T1": "fifo 6778/3478/119/95/84 lru 6784/3439/99/88/84 opt 4310/1547/84/84/84 "
    "clock 6772/3440/100/90/84 lfu 8871/8455/8062/7556/5790",
}
Q2_WRITES = {
    "fifo": "2192(2)/1792(5)/107(12)/79(16)/52(32)",
    "lru": "2168(2)/1653(5)/87(12)/72(16)/52(32)",
    "clock": "2182(2)/1710(5)/88(12)/74(16)/52(32)",
}
SIL_VICTIMS = {
    "fifo": [7, 0, 1, 2, 3, 0, 4, 2, 3, 0, 1, 2],
    "lru": [7, 1, 2, 3, 0, 4, 0, 3, 2],
    "opt": [7, 1, 0, 4, 3, 2],
    "clock": [7, 1, 2, 0, 3, 4, 2, 0, 3, 1, 2],
}


@row("Q2")
def q2(kilburn):
    """Fault counts, write-backs on T1, victims on SIL."""
    for trace, cells in Q2_FAULTS.items():
        words = cells.split()
        for policy, wanted in zip(words[::2], words[1::2]):
            found = kilburn.faults(Q2_REFS[trace], policy, Q2_FRAMES[trace])
            same("/".join(map(str, found)), wanted, f"{trace} {policy}")
    for policy, wanted in Q2_WRITES.items():
        written = kilburn.column(T1, policy, Q2_FRAMES["T1"], "write_backs")
        dirty = kilburn.column(T1, policy, Q2_FRAMES["T1"], "still_dirty")
        found = "/".join(f"{w}({d})" for w, d in zip(written, dirty))
        same(found, wanted, f"T1 {policy}: write-backs (dirty left)")
    for policy, wanted in SIL_VICTIMS.items():
        same(kilburn.victims(reads(SIL), policy, 3), wanted, f"SIL {policy}: victims")
    summary = kilburn.sim(kilburn.trace(T1), "lru", [12])["trace"]
    found = (summary["references"], summary["pages"], summary["writes"])
    same(found, (10000, 84, 2424), "T1: references, pages, writes")


@row("X05")
def x05(kilburn):
    """Thrashing: where the working sets of all processes pass the memory, the fault rate jumps."""
    trace = os.path.join(kilburn.folder.name, "loop.kbt")
    made = kilburn.run("trace", "generate", "loop:pages=30:passes=400:writes=50", "-o", trace, "-q")
    same(made.returncode, 0, "status of trace generate")
    for policy in ("lru", "clock", "fifo"):
        found = kilburn.json("sim", trace, "--policy", policy, "--frames", "100", "--processes", "1..6",
                             "--quantum", "300")["results"]
        same([r["processes"] for r in found], [1, 2, 3, 4, 5, 6], "processes")
        rates = [r["faults"] / r["references"] for r in found]
        for r in found[:3]:  # 30, 60, 90 pages in 100 frames: each page comes once
            same(r["faults"], 30 * r["processes"], f"{policy}: faults of {r['processes']}")
            same(r["evictions"], 0, f"{policy}: evictions of {r['processes']}")
        for r in found[3:]:  # 120 pages and more: a turn brings its process's pages in again
            must(r["faults"] / r["references"] > 20 * rates[2], f"{policy}: no jump at {r['processes']}")
            must(r["effective_access_ns"] > 100 * found[2]["effective_access_ns"], f"{policy}: no loss")
        must(rates[3] <= rates[4] <= rates[5], f"{policy}: the curve falls: {rates}")
    drawn = kilburn.run("sim", trace, "--policy", "lru,clock", "--frames", "100", "--processes", "1..6",
                        "--quantum", "300", "--plot")
    must("faults per 1000 references" in drawn.stdout and "a lru" in drawn.stdout, "no curve is drawn")
    # with a clock: CPU use falls as well, and suspending processes restores it
    study = kilburn.json("study", "multiprogramming", "--degrees", "4,12")
    few, many, few_controlled, controlled = study["rows"]
    must(few["degree"] * study["working_set"] < study["frames"] < many["degree"] * study["working_set"],
         "4 working sets fit, 12 do not")
    must(many["faults_per_1000"] > 20 * few["faults_per_1000"], "the fault rate jumps")
    must(many["cpu_use"] < few["cpu_use"] / 10, "CPU use falls")
    must(few_controlled["suspensions"] == 0 < controlled["suspensions"], "suspensions")
    must(controlled["cpu_use"] > 0.8 * few["cpu_use"], "load control restores CPU use")
    same(study["verdict"]["holds"], True, "the verdict")


if __name__ == "__main__":
    sys.exit(main(ROWS, __doc__, sys.argv[1:]))
