"""Compare the C engine with the naive policies, victim by victim.

    python3 differential.py PATH_TO_DRIVER [--traces 1000] [--seed 1] [--policy NAME]

The driver reads one case a line, `SPEC FRAMES REF REF ...` (FRAMES is 0 for ws and pff), and
answers one line each: `faults cold evictions write_backs still_dirty | v1 v2 ...`.
At the first difference the trace is shortened and printed, and the exit status is 1.
"""

import argparse
import random
import sys
import time

from driver import Driver
from policies import NAMES, VARIABLE, simulate
from vectors import text

# The policies with the most state get more traces than the others.
TIMES = {"arc": 2, "lirs": 3, "clock-pro": 3}

LISTED = {
    "random": ["random:seed=7"],
    "lfu": ["lfu:keep=1", "lfu:tie=lru", "lfu:keep=1:tie=lru"],
    "nru": ["nru:period=7:seed=5", "nru:period=0", "nru:period=1"],
    "second-chance": ["second-chance:load-bit=0"],
    "clock": ["clock:load-bit=0"],
    "enhanced-clock": ["enhanced-clock:load-bit=0"],
    "aging": ["aging:period=5:bits=3", "aging:fresh=0:period=5", "aging:period=1:bits=1"],
    "wsclock": ["wsclock:tau=20", "wsclock:tau=1"],
    "2q": ["2q:kin=50:kout=100", "2q:kin=100:kout=1"],
    "lirs": ["lirs:hir=30:ghosts=50", "lirs:hir=100", "lirs:hir=50:ghosts=70"],
    "s3-fifo": ["s3-fifo:small=30:move=1", "s3-fifo:small=100"],
    "ws": ["ws:window=9", "ws:window=1"],
    "pff": ["pff:threshold=5", "pff:threshold=5:reset=shrink", "pff:threshold=1"],
}


def vary(rng, name):
    """A specification with random options, small enough that they matter in short traces."""
    period = rng.choice([1, 2, 3, 5, 7, 10, 16, 30])
    if name == "random":
        return f"random:seed={rng.randrange(2**32)}"
    if name == "lfu":
        return f"lfu:keep={rng.randrange(2)}:tie={rng.choice(['fifo', 'lru'])}"
    if name == "nru":
        return f"nru:period={period}:seed={rng.randrange(1000)}"
    if name in ("second-chance", "clock", "enhanced-clock"):
        return f"{name}:load-bit={rng.randrange(2)}"
    if name == "aging":
        return f"aging:period={period}:bits={rng.randint(1, 8)}:fresh={rng.randrange(2)}"
    if name == "wsclock":
        return f"wsclock:tau={rng.choice([1, 3, 8, 20, 50, 100])}"
    if name == "2q":
        return f"2q:kin={rng.randint(1, 100)}:kout={rng.randint(1, 100)}"
    if name == "lirs":
        return f"lirs:hir={rng.randint(1, 100)}:ghosts={rng.randint(1, 100)}"
    if name == "s3-fifo":
        return f"s3-fifo:small={rng.randint(1, 100)}:move={rng.randint(1, 3)}"
    if name == "ws":
        return f"ws:window={rng.randint(1, 60)}"
    if name == "pff":
        return f"pff:threshold={rng.randint(1, 30)}:reset={rng.choice(['fault', 'shrink'])}"
    return name


def pick_spec(rng, name, number):
    """The plain policy first, then the listed variants, then random ones with the plain between."""
    listed = [name] + LISTED.get(name, [])
    if number < len(listed):
        return listed[number]
    return name if number % 6 == 0 else vary(rng, name)


# Page patterns: each gives `count` pages out of `alphabet`.


def uniform(rng, alphabet, count):
    return rng.choices(alphabet, k=count)


def skewed(rng, alphabet, count):
    power = rng.choice([0.7, 1.0, 1.5])
    weights = [1 / (rank + 1) ** power for rank in range(len(alphabet))]
    return rng.choices(alphabet, weights, k=count)


def loop(rng, alphabet, count):
    length = rng.randint(1, len(alphabet))
    start = rng.randrange(len(alphabet))
    return [alphabet[(start + k % length) % len(alphabet)] for k in range(count)]


def phases(rng, alphabet, count):
    pages = []
    while len(pages) < count:
        some = rng.sample(alphabet, rng.randint(1, min(8, len(alphabet))))
        pages += rng.choices(some, k=rng.randint(5, 40))
    return pages[:count]


def scan_and_return(rng, alphabet, count):
    """A few hot pages, interrupted by single passes over the rest."""
    hot = alphabet[: max(1, len(alphabet) // 4)]
    pages = []
    while len(pages) < count:
        pages += rng.choices(hot, k=rng.randint(3, 20))
        pages += alphabet[len(hot) :]
    return pages[:count]


def recent(rng, alphabet, count):
    """By depth in the stack of recent pages: mostly near the top, sometimes the bottom."""
    stack = rng.sample(alphabet, len(alphabet))
    depth = rng.choice([1.5, 4, 10])
    pages = []
    for _ in range(count):
        place = len(stack) - 1 if rng.random() < 0.2 else int(rng.expovariate(1 / depth))
        stack.insert(0, stack.pop(min(place, len(stack) - 1)))
        pages.append(stack[0])
    return pages


PATTERNS = [uniform, skewed, loop, phases, scan_and_return, recent, recent]


def random_refs(rng, alphabet, length):
    """Pieces of several patterns; 30 % writes; often runs of one page and kind."""
    refs = []
    run = rng.choice([0, 0, 0.1, 0.4])
    while len(refs) < length:
        piece = rng.randint(1, length)
        for page in rng.choice(PATTERNS)(rng, alphabet, piece):
            kind = rng.choices("rwx", (65, 30, 5))[0]
            refs.append((page, kind))
            while rng.random() < run:
                refs.append((page, kind))
    return refs[:length]


def random_case(rng, name, number):
    if rng.random() < 0.03:  # beyond one machine word of frames
        pages, frames, length = rng.randint(30, 150), rng.randint(21, 100), rng.randint(200, 800)
    else:
        pages, length = rng.randint(2, 40), rng.randint(1, 400)
        frames = rng.randint(1, rng.choice([20, 6, max(1, min(20, pages * 2 // 3))]))
    alphabet = rng.sample(range(rng.choice([pages, 200, 1000])), pages)
    spec = pick_spec(rng, name, number)
    return spec, 0 if name in VARIABLE else frames, random_refs(rng, alphabet, length)


def wanted_answer(case):
    """The answer that the driver should give."""
    spec, frames, refs = case
    run = simulate(spec, frames, refs)
    return (run.faults, run.cold, run.evictions, run.write_backs, run.still_dirty, run.flat())


def smaller(case, size):
    """All cases with one piece of `size` references less, then with a frame less."""
    spec, frames, refs = case
    for start in range(0, len(refs), size):
        rest = refs[:start] + refs[start + size :]
        if rest:
            yield spec, frames, rest
    if frames > 1:
        yield spec, frames - 1, refs


def shorten(driver, case, alone):
    """Greedy: drop pieces, halving their size, as long as the answers still differ."""
    size = max(1, len(case[2]) // 2)
    while True:
        candidates = list(smaller(case, size))
        difference = driver.first_difference(candidates, wanted_answer, alone)
        if difference:
            case = candidates[difference[0]]
        elif size > 1:
            size //= 2
        else:
            return case


def show(answer):
    if answer is None or isinstance(answer, str):
        return answer or "no answer (crashed or did not end)"
    counts = "faults {} cold {} evictions {} write_backs {} still_dirty {}".format(*answer[:5])
    return f"{counts} | victims {' '.join(map(str, answer[5]))}"


def report(driver, case, number, answer):
    spec, frames, refs = case
    short = shorten(driver, case, alone=answer is None)
    print(f"DIFFERENCE in {spec}, trace {number}, {frames} frames, {len(refs)} references")
    print(f"shortened to {short[1]} frames, {len(short[2])} references:")
    print(f"  {short[0]} {short[1]} {text(short[2])}")
    print(f"  wanted {show(wanted_answer(short))}")
    print(f"  found  {show(driver.alone(short))}")


def compare(driver, name, traces, seed):
    """True if all traces of this policy agree."""
    rng = random.Random(f"{seed} {name}")
    cases = [random_case(rng, name, number) for number in range(traces * TIMES.get(name, 1))]
    difference = driver.first_difference(cases, wanted_answer)
    if difference:
        number, answer = difference
        report(driver, cases[number], number, answer)
    return difference is None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("driver")
    parser.add_argument("--traces", type=int, default=1000, help="a policy (arc twice, lirs and clock-pro three times as many)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policy", choices=NAMES, action="append")
    options = parser.parse_args()
    names = options.policy or NAMES
    driver = Driver(options.driver)
    begin = time.monotonic()
    bad = [name for name in names if not compare(driver, name, options.traces, options.seed)]
    count = sum(options.traces * TIMES.get(name, 1) for name in names if name not in bad)
    seconds = time.monotonic() - begin
    print(f"{count} traces of {len(names) - len(bad)} policies agree, seed {options.seed}, {seconds:.1f} s")
    if bad:
        print(f"different: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
