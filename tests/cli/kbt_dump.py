"""kbt_dump.py FILE: the runs and events of a raw native trace (kilburn trace convert --pack raw), one a
line, read as docs/kbt.md has them: "w 55d0c8a05 12" (kind, page in hexadecimal, count), "thread 1 0"
(event, first, pages). Independent of Kilburn's reader."""
import struct
import sys

EVENTS = {1: "process", 2: "thread", 3: "map", 4: "unmap", 5: "release", 6: "discard", 7: "name", 8: "kernel"}


def items(path):
    with open(path, "rb") as file:
        raw = file.read()
    at, pages = 64, []
    while raw[at:at + 4] == b"KBLK":
        stored, new = struct.unpack_from("<I", raw, at + 12)[0], struct.unpack_from("<I", raw, at + 16)[0]
        records, codec, flags = struct.unpack_from("<IBB", raw, at + 40)
        assert codec == 0, "not raw"
        body = at + 64
        pages += struct.unpack_from(f"<{new}Q", raw, body)
        body += new * (12 if flags & 8 else 8)
        words = struct.unpack_from(f"<{records * (2 if flags & 1 else 1)}I", raw, body)
        i = 0
        while i < len(words):
            if flags & 1:
                page, kind, count = words[i], words[i + 1] & 3, words[i + 1] >> 2
                i += 2
            else:
                page, kind, count = words[i] >> 10, words[i] >> 8 & 3, words[i] & 255
                i += 1
            if kind == 3:
                first, length = struct.unpack("<QQ", struct.pack("<4I", *words[i:i + 4]))
                i += 4
                yield EVENTS.get(page, f"protect{page - 16}"), first, length
                continue
            if count == 255 and not flags & 1:
                count, i = words[i], i + 1
            yield "rwx"[kind], pages[page], count
        at += 64 + stored


if __name__ == "__main__":
    for name, first, count in items(sys.argv[1]):
        print(name, f"{first:x}" if name in ("r", "w", "x") else first, count)
