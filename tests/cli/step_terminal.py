#!/usr/bin/env python3
"""step_terminal.py KILBURN - plays with kilburn step at a pseudo-terminal: the prompt is there, a line
can be edited and called back, and the end of the input ends it."""
import os
import pty
import select
import sys
import time

PROMPT = b"kilburn> "
LEFT, UP, END = b"\x1b[D", b"\x1b[A", b"\x04"


class Terminal:
    def __init__(self, *command):
        self.child, self.file = pty.fork()
        if self.child == 0:
            os.environ["TERM"] = "xterm"
            os.execv(command[0], command)
        self.seen = b""

    def read_until(self, text, count=1):
        """Up to the count-th text that has not been read yet; what came."""
        limit = time.monotonic() + 60
        while self.seen.count(text) < count:
            if time.monotonic() > limit:
                sys.exit(f"no {text!r} in {self.seen!r}")
            if not select.select([self.file], [], [], 1)[0]:
                continue
            try:
                more = os.read(self.file, 65536)
            except OSError:
                more = b""
            if not more:
                sys.exit(f"it ended without {text!r}: {self.seen!r}")
            self.seen += more
        got, _, self.seen = self.seen.rpartition(text) if count > 1 else self.seen.partition(text)
        return got + text

    def type(self, text):
        try:
            os.write(self.file, text)
        except OSError:  # it has ended meanwhile
            pass

    def end_by(self, text):
        """Types a text that ends it, and again: what comes while the editor turns the terminal to
        single letters may be lost. The exit status."""
        time.sleep(0.3)  # the prompt comes before the editor is ready
        limit, again = time.monotonic() + 60, 0.0
        while time.monotonic() < limit:
            if time.monotonic() > again:
                self.type(text)
                again = time.monotonic() + 3
            if select.select([self.file], [], [], 0.1)[0]:
                try:
                    os.read(self.file, 65536)
                except OSError:
                    pass
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
        sys.exit("it does not end")


def main():
    kilburn = sys.argv[1]
    terminal = Terminal(kilburn, "step")
    terminal.read_until(PROMPT)
    terminal.type(b"process P\n")
    terminal.read_until(b"> process P")
    terminal.read_until(PROMPT)
    # `P touc 17`, and the h is put in with the cursor among the letters
    terminal.type(b"P touc 17" + LEFT * 3 + b"h\n")
    terminal.read_until(b"> P touch 17")
    terminal.read_until(PROMPT)
    terminal.type(UP + b"\n")  # the same line once more
    terminal.read_until(b"> P touch 17")
    terminal.read_until(PROMPT)
    terminal.type(b"expect references 2\n")
    terminal.read_until(b"as expected: references 2")
    terminal.read_until(PROMPT)
    terminal.type(b"back\n")
    terminal.read_until(b"undone: expect references 2")
    terminal.read_until(PROMPT)
    if terminal.end_by(END) != 0:
        sys.exit("the end of the input gives another status than 0")
    terminal = Terminal(kilburn, "step", "--lang", "es")
    terminal.read_until(PROMPT)
    if terminal.end_by(b"quit\n") != 0:
        sys.exit("quit gives another status than 0")
    print("played")


if __name__ == "__main__":
    main()
