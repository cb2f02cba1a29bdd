"""Talk to the victims driver: many cases a process, and find the one that stops it."""

import subprocess

from vectors import text

BATCH = 20000
BULK_SECONDS = 120
ALONE_SECONDS = 2


def parse_answer(line):
    """(faults, cold, evictions, write_backs, still_dirty, victims), or the line if it is no answer."""
    try:
        counts, victims = line.split("|")
        numbers = [int(word) for word in counts.split()]
        if len(numbers) != 5:
            return line
        return (*numbers, [int(word) for word in victims.split()])
    except ValueError:
        return line


class Driver:
    """The program that runs the C engine."""

    def __init__(self, path):
        self.path = path

    def run(self, cases, seconds):
        """The answers that come before the end, a crash or the time limit."""
        lines = "".join(f"{spec} {frames} {text(refs)}\n" for spec, frames, refs in cases)
        try:
            done = subprocess.run([self.path], input=lines.encode(), stdout=subprocess.PIPE, timeout=seconds)
            output = done.stdout
        except subprocess.TimeoutExpired as error:
            output = error.stdout or b""
        whole = output[: output.rfind(b"\n") + 1].decode(errors="replace")
        return [parse_answer(line) for line in whole.splitlines()[: len(cases)]]

    def alone(self, case):
        """The answer of a process with this one case; None if it crashed or did not end."""
        found = self.run([case], ALONE_SECONDS)
        return found[0] if found else None

    def answers(self, cases):
        """All answers, for callers that expect no trouble."""
        found = []
        for start in range(0, len(cases), BATCH):
            batch = cases[start : start + BATCH]
            found += self.run(batch, BULK_SECONDS)
            if len(found) < start + len(batch):
                spec, frames, refs = cases[len(found)]
                raise AssertionError(f"the driver stopped near: {spec} {frames} {text(refs)}")
        for case, answer in zip(cases, found):
            if isinstance(answer, str):
                raise AssertionError(f"the driver said {answer!r} to {case[0]} {case[1]} {text(case[2])}")
        return found

    def first_difference(self, cases, wanted, alone=False):
        """(number, answer) of the first case that is not answered as `wanted(case)`, or None."""
        found = [] if alone else self.run(cases, BULK_SECONDS)
        for number, case in enumerate(cases):
            answer = found[number] if number < len(found) else self.alone(case)
            if answer != wanted(case):
                return number, answer
        return None
