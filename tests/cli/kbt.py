"""kbt.py - writes native traces as src/trace/kbt.h lays them out, independently of Kilburn's writer.

write(path, blocks, grain=4096): each block is a list of ("r" | "w" | "x", page[, count]) and of
events ("process" | "thread" | "map" | "unmap" | "release" | "discard" | "kernel", first[, pages]),
("name", text) and ("protect", first, pages, "rwx"). Pages are numbers. The file has version 2 if any
event needs it. Returns the offsets of the blocks in the file, and that of the footer."""
import struct

KINDS = {"r": 0, "w": 1, "x": 2}
EVENTS = {"process": 1, "thread": 2, "map": 3, "unmap": 4, "release": 5, "discard": 6, "kernel": 8}
STORY = {"discard", "kernel", "name", "protect"} # version 2
TABLE = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def block_bytes(magic, payload, new_pages, pages_before, references_before, references, words,
                flags, events, process=0):
    header = struct.pack("<4sIIIIIQQIBBHIII", magic, crc32c(payload), len(payload), len(payload),
                         new_pages, pages_before, references_before, references, words, 0, flags, 0,
                         events, process, 0)
    return header + struct.pack("<I", crc32c(header)) + payload


def event_words(item):
    """The records of an event, each 5 words."""
    def one(type, first, pages):
        return [type << 10 | 3 << 8 | 4, *struct.unpack("<4I", struct.pack("<QQ", first, pages))]
    if item[0] == "name":
        text = item[1].encode("utf-8", "surrogateescape")
        pieces = [text[i:i + 16].ljust(16, b"\0") for i in range(0, len(text), 16)]
        return [one(7, *struct.unpack("<QQ", piece)) for piece in pieces]
    if item[0] == "protect":
        return [one(16 + sum({"r": 1, "w": 2, "x": 4}[c] for c in item[3]), item[1], item[2])]
    return [one(EVENTS[item[0]], item[1], item[2] if len(item) > 2 else 0)]


def write(path, blocks, grain=4096, program=b"", footer=True, kinds=KINDS):
    ids, totals, index = {}, {"r": 0, "w": 0, "x": 0}, []
    version = 2 if any(item[0] in STORY for block in blocks for item in block) else 1
    shift = 255 if grain is None else grain.bit_length() - 1
    header = struct.pack("<8sHB5x44s", b"\x89KBT\r\n\x1a\n", version, shift, program)
    data = header + struct.pack("<I", crc32c(header))
    references = runs = 0
    for block in blocks:
        words, fresh, before, flags, events, process = [], [], references, 0, 0, 0
        for item in block:
            if item[0] in EVENTS or item[0] in STORY:
                for record in event_words(item):
                    words += record
                    flags |= 4
                    events += 1
                continue
            count = item[2] if len(item) > 2 else 1
            if item[1] not in ids:
                fresh.append(item[1])
                ids[item[1]] = len(ids)
            words.append(ids[item[1]] << 10 | kinds[item[0]] << 8 | min(count, 255))
            if count >= 255:
                words.append(count)
                flags |= 2
            references += count
            runs += 1
            totals[item[0]] += count
        index.append((len(data), before, len(ids) - len(fresh), process))
        payload = struct.pack(f"<{len(fresh)}Q{len(words)}I", *fresh, *words)
        data += block_bytes(b"KBLK", payload, len(fresh), len(ids) - len(fresh), before,
                            references - before, len(words), flags, events)
    offset = len(data)
    if footer:
        payload = struct.pack("<QQQIIQQQ", references, runs, len(blocks), len(ids), 0, totals["r"],
                              totals["w"], totals["x"])
        payload += b"".join(struct.pack("<QQII", *entry) for entry in index)
        payload += struct.pack(f"<{len(ids)}Q", *ids)
        data += block_bytes(b"KFTR", payload, 0, len(ids), references, 0, 0, 0, 0)
        data += struct.pack("<Q8s", offset, b"KBTEND\r\n")
    with open(path, "wb") as file:
        file.write(data)
    return [entry[0] for entry in index] + [offset]
