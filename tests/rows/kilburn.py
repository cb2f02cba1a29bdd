"""Run the program on small traces and read its JSON; helpers of the row tests."""

import json
import os
import subprocess
import sys
import tempfile
import time


class Failure(Exception):
    """A row does not hold."""


def must(condition, message):
    if not condition:
        raise Failure(message)


def same(found, wanted, what):
    must(found == wanted, f"{what}: wanted {wanted}, found {found}")


def reads(pages):
    return [(page, "r") for page in pages]


class Kilburn:
    """The command line program."""

    def __init__(self, path):
        self.path = path
        self.folder = tempfile.TemporaryDirectory(prefix="kilburn-rows-")
        self.traces = {}

    def run(self, *arguments):
        """The finished process, whatever its status."""
        command = [self.path, *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            raise Failure(f"no end after 120 s: {' '.join(command)[:500]}") from None

    def json(self, *arguments):
        done = self.run(*arguments, "--json")
        if done.returncode != 0:
            raise Failure(f"status {done.returncode} of {' '.join(arguments)[:500]}: {done.stderr[-500:]}")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise Failure(f"{' '.join(arguments)[:500]}: no JSON ({error}): {done.stdout[:300]}") from None

    def write(self, text, format_name):
        """A trace file with this content; written once."""
        if (text, format_name) not in self.traces:
            path = os.path.join(self.folder.name, f"{len(self.traces)}.{format_name}")
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            self.traces[text, format_name] = path
        return self.traces[text, format_name]

    def trace(self, refs):
        """Arguments that name a trace of these references: `pages` if all are reads, else `rw`."""
        if all(kind == "r" for _, kind in refs):
            return [self.write(" ".join(str(page) for page, _ in refs) + "\n", "pages"), "--format", "pages"]
        lines = "".join(f"{page * 4096:08x} {kind.upper()}\n" for page, kind in refs)
        return [self.write(lines, "rw"), "--format", "rw"]

    def addresses(self, addresses, page_size):
        """Arguments that name a trace of reads of these addresses."""
        lines = "".join(f"{address:08x} R\n" for address in addresses)
        return [self.write(lines, "rw"), "--format", "rw", "--page-size", str(page_size)]

    def sim(self, trace, policies, frames=None):
        """The whole answer of `kilburn sim`. `trace` comes from trace() or addresses()."""
        policies = [policies] if isinstance(policies, str) else policies
        arguments = ["sim", *trace, "--policy", ",".join(policies)]
        if frames is not None:
            arguments += ["--frames", frames if isinstance(frames, str) else ",".join(map(str, frames))]
        answer = self.json(*arguments)
        for result in answer["results"]:
            check_result(result, answer["trace"])
        return answer

    def results(self, refs, policies, frames=None):
        return self.sim(self.trace(refs), policies, frames)["results"]

    def one(self, refs, policy, frames):
        """The only result of one policy at one number of frames."""
        results = self.results(refs, policy, [frames])
        same(len(results), 1, f"results of {policy} at {frames}")
        return results[0]

    def faults(self, refs, policy, frames):
        """Faults of one policy at each of these numbers of frames, in this order."""
        return self.column(refs, policy, frames, "faults")

    def column(self, refs, policy, frames, key):
        by_frames = {result["frames"]: result[key] for result in self.results(refs, policy, frames)}
        same(sorted(by_frames), sorted(frames), f"frames in the results of {policy}")
        return [by_frames[f] for f in frames]

    def steps(self, refs, policy, frames=None):
        arguments = ["sim", *self.trace(refs), "--policy", policy, "--steps"]
        if frames is not None:
            arguments += ["--frames", str(frames)]
        answer = self.json(*arguments)
        same([s["reference"] for s in answer["steps"]], list(range(1, len(refs) + 1)), "numbers of the steps")
        same([s["page"] for s in answer["steps"]], [page for page, _ in refs], "pages of the steps")
        same("".join(s["kind"] for s in answer["steps"]).lower(), "".join(k for _, k in refs), "kinds")
        return answer["steps"]

    def victims(self, refs, policy, frames):
        return [s["victim"] for s in self.steps(refs, policy, frames) if s["victim"] is not None]


def check_result(result, trace):
    """What every result must fulfil."""
    policy = result["policy"]
    same(result["references"], trace["references"], f"{policy}: references")
    same(result["cold_faults"], trace["pages"], f"{policy}: cold faults")
    ratio = 1 - result["faults"] / result["references"]
    must(abs(result["hit_ratio"] - ratio) < 1e-6, f"{policy}: hit ratio {result['hit_ratio']}, not {ratio}")
    if result["frames"] is not None:
        wanted = max(0, result["faults"] - result["frames"])
        same(result["evictions"], wanted, f"{policy} at {result['frames']}: evictions")
    for key in ("write_backs", "still_dirty", "work"):
        must(key in result, f"{policy}: no {key}")


def main(rows, usage, arguments):
    """What a file of rows does when it is run: lists its rows, or checks all or one. rows: the
    function of each row by its id. The exit status."""
    if arguments == ["--list"]:
        print("\n".join(rows))
        return 0
    if len(arguments) not in (1, 2) or arguments[1:] and arguments[1] not in rows:
        print(usage, file=sys.stderr)
        return 2
    kilburn = Kilburn(os.path.abspath(arguments[0]))
    failed = 0
    for name in arguments[1:] or rows:
        begin = time.monotonic()
        try:
            rows[name](kilburn)
            print(f"ok      {name}  {rows[name].__doc__} [{time.monotonic() - begin:.1f} s]")
        except (Failure, KeyError, IndexError, TypeError, ValueError) as error:
            failed += 1
            kind = "" if isinstance(error, Failure) else f"{type(error).__name__}: "
            print(f"FAILED  {name}  {rows[name].__doc__}\n        {kind}{error}")
    return 1 if failed else 0
