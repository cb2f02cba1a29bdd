"""Properties that hold for every trace, and statistics over seeds, on the C engine.

    python3 properties.py PATH_TO_DRIVER [--seed 1]

Each property names its row of the requirements matrix.
"""

import argparse
import random
import sys
import time
from fractions import Fraction

from differential import random_refs
from driver import Driver
from policies import FIXED
from vectors import BEL, parse, reads, t1

PROPERTIES = []
SEEDS = range(1, 10001)
EXPECTED_ON_BEL = {3: Fraction(2183, 243), 4: Fraction(6965, 1024)}


def prop(function):
    PROPERTIES.append(function)
    return function


def must(condition, message):
    if not condition:
        raise AssertionError(message)


def traces(rng, count, length=300):
    """Random traces with up to 20 pages."""
    found = []
    for _ in range(count):
        alphabet = rng.sample(range(100), rng.randint(2, 20))
        found.append(random_refs(rng, alphabet, rng.randint(1, length)))
    return found


def fault_table(driver, specs, frames, refs_list):
    """faults[spec][trace][frames]"""
    cases = [(s, f, refs) for s in specs for refs in refs_list for f in frames]
    answers = iter(driver.answers(cases))
    return {s: [{f: next(answers)[0] for f in frames} for _ in refs_list] for s in specs}


@prop
def opt_is_best(driver, rng):
    """I02: OPT never has more faults than another policy (200 traces, F = 1..8)."""
    refs_list = traces(rng, 200)
    table = fault_table(driver, list(FIXED), range(1, 9), refs_list)
    for spec in FIXED:
        for number, refs in enumerate(refs_list):
            for frames in range(1, 9):
                least, found = table["opt"][number][frames], table[spec][number][frames]
                must(least <= found, f"{spec} has {found} faults, opt {least}, F={frames}: {refs}")


@prop
def inclusion(driver, rng):
    """I05, I06: the faults of LRU and OPT never rise with F (300 traces, F = 1..20)."""
    refs_list = traces(rng, 300)
    table = fault_table(driver, ["lru", "opt"], range(1, 21), refs_list)
    for spec in ("lru", "opt"):
        for number, refs in enumerate(refs_list):
            faults = [table[spec][number][f] for f in range(1, 21)]
            must(faults == sorted(faults, reverse=True), f"{spec}: {faults} on {refs}")


@prop
def second_chance_is_clock(driver, rng):
    """I16: second chance and clock have the same victims, load-bit 0 and 1 (1,000 traces each)."""
    for load_bit in (0, 1):
        pairs = [(rng.randint(1, 12), refs) for refs in traces(rng, 1000)] + [(12, t1()), (4, t1())]
        clock = driver.answers([(f"clock:load-bit={load_bit}", f, refs) for f, refs in pairs])
        second = driver.answers([(f"second-chance:load-bit={load_bit}", f, refs) for f, refs in pairs])
        for pair, one, other in zip(pairs, clock, second):
            must(one == other, f"load-bit={load_bit}, F={pair[0]}: {pair[1]}")


@prop
def evictions_when_full(driver, rng):
    """I01: evictions = faults - F once full, none before, for every fixed policy."""
    refs_list = traces(rng, 100)
    cases = [(s, f, refs) for s in FIXED for refs in refs_list for f in (1, 2, 3, 7, 20)]
    for (spec, frames, refs), answer in zip(cases, driver.answers(cases)):
        wanted = max(0, answer[0] - frames)
        must(answer[2] == wanted == len(answer[5]), f"{spec}, F={frames}: {answer} on {refs}")


@prop
def cold_faults(driver, rng):
    """G01: cold faults are the distinct pages, under every policy."""
    refs_list = traces(rng, 50)
    cases = [(s, f, refs) for s in FIXED for refs in refs_list for f in (3, 20)]
    cases += [(s, 0, refs) for s in ("ws:window=9", "pff:threshold=5") for refs in refs_list]
    for (spec, frames, refs), answer in zip(cases, driver.answers(cases)):
        must(answer[1] == len({page for page, _ in refs}), f"{spec}, F={frames}: {refs}")


def mean_on_bel(driver, form):
    for frames, exact in EXPECTED_ON_BEL.items():
        runs = driver.answers([(form.format(seed), frames, reads(BEL)) for seed in SEEDS])
        mean = sum(answer[0] for answer in runs) / len(runs)
        must(abs(mean - exact) <= 0.05, f"F={frames}: mean {mean}, wanted {float(exact):.4f}")


@prop
def random_mean(driver, rng):
    """I03: random on BEL, mean of 10,000 seeds: 2183/243 at F = 3, 6965/1024 at F = 4, +-0.05."""
    mean_on_bel(driver, "random:seed={}")


@prop
def nur_is_random(driver, rng):
    """I12: NUR without resets and writes has the expectation of random on BEL."""
    mean_on_bel(driver, "nru:period=0:seed={}")


def victim_frames(refs, frames, victims):
    """The frame of each victim, when every reference is a fault."""
    slots = [page for page, _ in refs[:frames]]
    found = []
    for (page, _), victim in zip(refs[frames:], victims, strict=True):
        found.append(slots.index(victim))
        slots[found[-1]] = page
    return found


@prop
def random_is_even(driver, rng):
    """I03: 10,000 victims among 4 frames, each 2500 +- 174 (seeds 1 to 5)."""
    refs = reads(range(10004))
    for seed in range(1, 6):
        (answer,) = driver.answers([(f"random:seed={seed}", 4, refs)])
        found = victim_frames(refs, 4, answer[5])
        counts = [found.count(frame) for frame in range(4)]
        must(len(found) == 10000, f"{len(found)} victims")
        must(all(abs(count - 2500) <= 174 for count in counts), f"seed {seed}: {counts}")


@prop
def random_repeats(driver, rng):
    """I03: the same seed gives the same run, another seed another."""
    refs = t1()[:2000]
    first, again, other = driver.answers([(f"random:seed={s}", 8, refs) for s in (5, 5, 6)])
    must(first == again, "the same seed differs")
    must(first[5] != other[5], "another seed has the same victims")


@prop
def random_next_page(driver, rng):
    """I03: on the 5-page loop with F = 4 the next page is the victim 1/4 of the time (4 sigma)."""
    pages = [1, 2, 3, 4, 5] * 10000
    (answer,) = driver.answers([("random:seed=1", 4, reads(pages))])
    victims = iter(answer[5])
    resident, hits, total = set(), 0, 0
    for now, page in enumerate(pages):
        if page not in resident and len(resident) == 4:
            victim = next(victims)
            resident.remove(victim)
            total += 1
            hits += now + 1 < len(pages) and victim == pages[now + 1]
        resident.add(page)
    limit = 4 * (total * 0.25 * 0.75) ** 0.5
    must(abs(hits - total / 4) <= limit, f"{hits} of {total}")


@prop
def nur_groups(driver, rng):
    """I12: two pages a group, 10,000 draws: those of group 1 leave 5000 +- 200 times, others never."""
    refs = parse("1r 2r 3w 4w 5r 6r 7w 8w 5r 6r 7r 8r 9r")
    counts = {}
    for answer in driver.answers([(f"nru:period=8:seed={seed}", 8, refs) for seed in SEEDS]):
        (victim,) = answer[5]
        counts[victim] = counts.get(victim, 0) + 1
    must(set(counts) == {1, 2}, f"victims {counts}")
    must(all(abs(count - 5000) <= 200 for count in counts.values()), f"victims {counts}")


def fifo_anomalies(length):
    """All strings up to renaming, of 1..length references, with more FIFO faults at 4 than at 3 frames.

    The strings are restricted growth strings (a new page has the next number), so every string over
    every alphabet is one of them after renaming. A repeated reference changes no queue and no count,
    therefore only strings without immediate repetition are walked: if none shorter than n has the
    anomaly, none of length n with a repetition has it either.
    """
    found = []
    string = []
    walked = 0

    def walk(pages, three, four, more):
        nonlocal walked
        for page in range(pages + 1):
            if string and string[-1] == page:
                continue
            walked += 1
            now = more + (page not in four) - (page not in three)
            string.append(page)
            if now > 0:
                found.append([p + 1 for p in string])
            if len(string) < length:
                next3 = three if page in three else (three + (page,))[-3:]
                next4 = four if page in four else (four + (page,))[-4:]
                walk(max(pages, page + 1), next3, next4, now)
            string.pop()

    walk(0, (), (), 0)
    return found, walked


@prop
def shortest_anomalies(driver, rng):
    """I05: no string shorter than 12 has the anomaly 3 -> 4; 8 of length 12, BEL the only one with 5 pages."""
    found, walked = fifo_anomalies(12)
    must(all(len(s) == 12 for s in found), f"shorter: {[s for s in found if len(s) < 12]}")
    must(len(found) == 8, f"{len(found)} strings: {found}")
    must([s for s in found if max(s) == 5] == [BEL], f"5 pages: {found}")
    must(all(max(s) >= 5 for s in found), f"fewer than 5 pages: {found}")
    answers = driver.answers([("fifo", f, reads(s)) for s in found for f in (3, 4)])
    for number, string in enumerate(found):
        three, four = answers[2 * number][0], answers[2 * number + 1][0]
        must(four == three + 1, f"the engine has {three} and {four} faults on {string}")
    return f"{walked} strings walked, complete to length 12"


def strings_without_repetition(length):
    """All strings of exactly `length` pages up to renaming, no page twice in a row."""
    strings = [[1]]
    for _ in range(length - 1):
        strings = [s + [p] for s in strings for p in range(1, max(s) + 2) if p != s[-1]]
    return strings


@prop
def engine_below_12(driver, rng):
    """I05: the engine itself shows no anomaly 3 -> 4 on any string shorter than 12."""
    total = 0
    for length in range(1, 12):
        strings = strings_without_repetition(length)
        total += len(strings)
        three = driver.answers([("fifo", 3, reads(s)) for s in strings])
        four = driver.answers([("fifo", 4, reads(s)) for s in strings])
        for string, few, many in zip(strings, three, four):
            must(many[0] <= few[0], f"{few[0]} and {many[0]} faults on {string}")
    return f"{total} strings, all up to renaming, without immediate repetition"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("driver")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    driver = Driver(options.driver)
    failed = 0
    for function in PROPERTIES:
        begin = time.monotonic()
        try:
            note = function(driver, random.Random(f"{options.seed} {function.__name__}"))
            took = f"{time.monotonic() - begin:.1f} s"
            print(f"ok      {function.__doc__} [{note + ', ' if note else ''}{took}]")
        except AssertionError as error:
            failed += 1
            print(f"FAILED  {function.__doc__}\n        {error}")
    print(f"{len(PROPERTIES) - failed} of {len(PROPERTIES)} properties hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
