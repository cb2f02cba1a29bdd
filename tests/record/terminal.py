#!/usr/bin/env python3
"""terminal.py KILBURN PROGRAM - a recording at a pseudo-terminal: progress is shown and erased, Ctrl-C
reaches the program once, the file t.kbt is whole."""
import os
import pty
import re
import select
import subprocess
import sys
import time

INTERRUPT = b"\x03"


def play(command, keys, after, patience=60):
    """What the terminal has seen, and the exit status. keys are typed so many seconds after "ready"."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    seen, typed, ready, limit = b"", False, None, time.monotonic() + patience
    while time.monotonic() < limit:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                more = os.read(terminal, 65536)
            except OSError:
                more = b""
            if not more:
                break
            seen += more
        if ready is None and b"ready" in seen:
            ready = time.monotonic()
        if ready is not None and not typed and time.monotonic() > ready + after:
            os.write(terminal, keys)
            typed = True
    else:
        sys.exit(f"{command} does not end: {seen!r}")
    return seen, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check(true, what):
    if not true:
        sys.exit(f"terminal.py: {what}")


def main():
    kilburn, program = sys.argv[1:3]
    record = [kilburn, "record", "-o", "t.kbt"]
    seen, status = play([*record, "--", program, "handle"], INTERRUPT, 0.2)
    check(status == 42 and seen.count(b"caught 2") == 1, f"Ctrl-C, handled: {status}, {seen!r}")
    seen, status = play([*record, "--", program, "spin"], INTERRUPT, 1.5)
    check(status == 130, f"Ctrl-C: {status}, {seen!r}")
    line = re.search(rb"\r[^\r\n]*[0-9.]+ [MG] references  [0-9.]+ M/s  [0-9]+ pages  [0-9.]+ [KM]iB", seen)
    check(line, f"no progress: {seen!r}")
    last = seen.rfind(b"\r\x1b[K")
    check(last > line.start() and b"t.kbt: " in seen[last:], f"progress is not erased: {seen!r}")
    subprocess.run([kilburn, "trace", "verify", "t.kbt"], check=True, stdout=subprocess.DEVNULL)
    seen, status = play([*record, "-q", "--", program, "spin"], INTERRUPT, 1.2)
    check(status == 130 and seen.replace(b"^C", b"").strip() == b"ready", f"--quiet: {seen!r}")


main()
