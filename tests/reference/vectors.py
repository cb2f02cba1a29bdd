"""The named reference strings of the requirements matrix, and helpers to write them down.

A reference is a pair (page, kind); kind is 'r', 'w' or 'x'.
"""

BEL = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5]
SIL = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1]
STA = [2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2]
LOOP5 = [1, 2, 3, 4, 5] * 100
W_EXAMPLE = [2, 6, 1, 5, 7, 7, 7, 7, 5, 1, 6, 2, 3, 4, 1, 2, 3, 4, 4, 4, 3, 4, 3, 4, 4, 4]


def reads(pages):
    """All references as reads."""
    return [(page, "r") for page in pages]


def t1(length=10000):
    """T1: the minimal standard generator (Lewis, Goodman, Miller 1969; a = 48271), ten phases."""
    x = 1
    refs = []
    for k in range(length):
        x = 48271 * x % (2**31 - 1)
        page = 8 * (k // 1000) + (x >> 8) % 12
        refs.append((page, "w" if (x >> 20) % 4 == 0 else "r"))
    return refs


def text(refs):
    """`12r 3w 7x`, as the victims driver reads it."""
    return " ".join(f"{page}{kind}" for page, kind in refs)


def parse(line):
    """The reverse of text; a bare page number is a read."""
    refs = []
    for word in line.split():
        if word[-1] in "rwx":
            refs.append((int(word[:-1]), word[-1]))
        else:
            refs.append((int(word), "r"))
    return refs
