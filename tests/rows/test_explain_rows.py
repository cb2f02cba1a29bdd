"""Rows of the requirements matrix that `kilburn explain` answers, one test a row.

    python3 test_explain_rows.py --list                    the ids, one a line
    python3 test_explain_rows.py PATH_TO_KILBURN [ROW]     all rows, or one
"""

import os
import struct
import sys

from kilburn import main, must, same

ROWS = {}


def row(name):
    def register(function):
        ROWS[name] = function
        return function

    return register


def near(found, wanted, by, what):
    must(found is not None and abs(found - wanted) <= by, f"{what}: wanted {wanted} +- {by}, found {found}")


def columns(rows, *keys):
    return [tuple(r[key] for key in keys) for r in rows]


def physical(kilburn, *arguments):
    return kilburn.json("explain", *arguments)["physical"]


def text(kilburn, *arguments):
    done = kilburn.run("explain", *arguments)
    same(done.returncode, 0, f"status of {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def x86_image(kilburn, mapping):
    """A 4 GiB space of x86-32 tables: directory at 0, a table at 0x1000; {page: frame}, all below 4 MiB
    of one directory entry each."""
    memory, tables = bytearray(0x1000), {}
    for page, frame in mapping.items():
        directory, table = page >> 10, page & 1023
        if directory not in tables:
            tables[directory] = len(memory)
            struct.pack_into("<I", memory, 4 * directory, len(memory) | 7)
            memory += bytes(0x1000)
        struct.pack_into("<I", memory, tables[directory] + 4 * table, frame << 12 | 7)
    path = os.path.join(kilburn.folder.name, f"image-{len(os.listdir(kilburn.folder.name))}")
    with open(path, "wb") as file:
        file.write(memory)
    return ["--format", "x86-32", "--root", "0", "--memory", path]


@row("A03")
def a03(kilburn):
    """Logical, linear and physical: 0x3004 + 0x400000, directory 1, table 3, frame 0x55."""
    for rest in (["--format", "x86-32", "--frame", "0x55"], x86_image(kilburn, {0x403: 0x55})):
        answer = kilburn.json("explain", "0x3004", "--base", "0x00400000", *rest)
        same((answer["virtual"], answer["linear"], answer["physical"]), ("0x3004", "0x403004", "0x55004"),
             "logical, linear, physical")
        same([i["index"] for i in answer["indexes"]], [1, 3], "directory, table")
        same(answer["offset"], "0x4", "offset")


@row("A04")
def a04(kilburn):
    """Base and displacement: 14000 + 346; beyond the limit a fault."""
    base = ["--base", "14000", "--limit", "1000"]
    same(physical(kilburn, "346", *base), hex(14346), "346")
    same(physical(kilburn, "999", *base), hex(14999), "999")
    fault = kilburn.json("explain", "1000", *base)
    same((fault["physical"], fault["fault"]["kind"]), (None, "overflow"), "1000")
    same(physical(kilburn, "0x1234", "--base", "0x1000"), "0x2234", "0x1234")


@row("A05")
def a05(kilburn):
    """Page number and offset of 0x1234 at six sizes."""
    answer = kilburn.json("explain", "0x1234", "--page-size", "512..16K:*2")
    wanted = [(512, "0x9", "0x34"), (1024, "0x4", "0x234"), (2048, "0x2", "0x234"), (4096, "0x1", "0x234"),
              (8192, "0x0", "0x1234"), (16384, "0x0", "0x1234")]
    same(columns(answer["splits"], "page_size", "page", "offset"), wanted, "splits")


@row("A06")
def a06(kilburn):
    """Page 1 in frame 2: 0x2234 by concatenation, not the sum 0x236; page 2 in frame 0: 0x0234."""
    same(physical(kilburn, "0x1234", "--page-size", "4K", "--frame", "0x2"), "0x2234", "frame 2")
    same(physical(kilburn, "0x2234", "--page-size", "4K", "--frame", "0"), "0x234", "frame 0")
    image = x86_image(kilburn, {1: 2, 2: 0})
    same(physical(kilburn, "0x1234", *image), "0x2234", "through tables")
    same(physical(kilburn, "0x2234", *image), "0x234", "through tables")
    shown = text(kilburn, "0x1234", "--page-size", "4K", "--frame", "2")
    must("0x2234" in shown and "not the sum 0x236" in shown, f"the text: {shown}")
    must("= 0x236" not in shown and ": 0x236" not in shown, f"the sum stands as the answer: {shown}")


def speeds(kilburn, *arguments):
    return kilburn.json("explain", "--speed", *arguments)["speeds"]


@row("B15")
def b15(kilburn):
    """Cycles without a TLB: paging 2, paged segmentation 3, L levels L + 1."""
    found = speeds(kilburn, "0", "--accesses", "1,2,3,4,5")
    same(columns(found, "accesses", "cycles"), [(n, n + 1) for n in range(1, 6)], "cycles")


@row("B16")
def b16(kilburn):
    """Bytes of tables: flat, two levels with three areas, one page, all; the five parts of an address."""
    def tables(ranges, name):
        return kilburn.json("explain", "--tables", ranges, "--format", name)

    areas = "0+4M,0x400000+4M,0xffc00000+4M"
    for name in ("10,10,12", "sv32", "x86-32"):
        same(tables(areas, name)["bytes"], 16384, f"{name}: three areas")
        same(tables(areas, name)["flat_bytes"], 4194304, f"{name}: flat")
        same(tables("0x5000+1", name)["bytes"], 8192, f"{name}: one page")
        same(tables("all", name)["bytes"], 4198400, f"{name}: everything")
    same(tables("all", "20,12:4")["bytes"], 4194304, "one level")
    for name in ("x86-64", "sv48", "9,9,9,9,12"):
        answer = kilburn.json("explain", "0x7F1234567ABC", "--format", name)
        same([i["index"] for i in answer["indexes"]], [254, 72, 418, 359], f"{name}: indexes")
        same(answer["offset"], "0xabc", f"{name}: offset")


@row("C07")
def c07(kilburn):
    """Waste is the end of the last page: 72,766 bytes at 2048 are 36 pages and 962; at most P - 1."""
    program = kilburn.json("explain", "--waste", "72766", "--page-size", "2048")["programs"]
    same(columns(program, "pages", "waste"), [(36, 962)], "72766")
    for page in (512, 4096):
        found = kilburn.json("explain", "--waste", f"{page}..{2 * page}", "--page-size", str(page))
        if found["programs"]:
            same(max(p["waste"] for p in found["programs"]), page - 1, f"{page}: most waste")
            same(found["programs"][0]["waste"], 0, f"{page}: of a whole page")
        else:
            same(found["totals"][0]["waste"], sum(-s % page for s in range(page, 2 * page + 1)), "sum")


Q3 = """512 8192 32768 256 33024 28.256 0.91 231.473
1024 4096 16384 512 16896 28.512 1.80 116.785
2048 2048 8192 1024 9216 29.024 3.53 59.441
4096 1024 4096 2048 6144 30.048 6.82 30.769
8192 512 2048 4096 6144 32.096 12.76 16.433
16384 256 1024 8192 9216 36.192 22.63 9.265"""
Q3_ROWS = [[float(word) for word in line.split()] for line in Q3.splitlines()]


def study(kilburn, *arguments):
    return kilburn.json("explain", "--page-sizes", "4M", *arguments)


@row("J02")
def j02(kilburn):
    """Pages and table bytes of 4 MiB by page size."""
    found = columns(study(kilburn)["page_sizes"], "page_size", "pages", "table_bytes")
    same(found, [tuple(map(int, r[:3])) for r in Q3_ROWS], "page size, pages, table bytes")


@row("J03")
def j03(kilburn):
    """Every process has its own table: ten of them."""
    found = study(kilburn, "--processes", "10", "--page-size", "1K,8K")["page_sizes"]
    same(columns(found, "all_tables_bytes"), [(163840,), (20480,)], "bytes of ten tables")


@row("J04")
def j04(kilburn):
    """Half of the last page is wasted: (P - 1) / 2 over whole bytes; 2047.5 over 1 .. 1 MiB."""
    found = study(kilburn, "--page-size", "512,8192")["page_sizes"]
    same(columns(found, "mean_waste", "exact_waste"), [(256, 255.5), (4096, 4095.5)], "means")
    total = kilburn.json("explain", "--waste", "1..1M", "--page-size", "4096")["totals"][0]
    same((total["programs"], total["mean_waste"]), (1 << 20, 2047.5), "programs of 1 byte to 1 MiB")


@row("J05")
def j05(kilburn):
    """Seek, latency, transfer: 28.256 ms a page of 512; one page of 1024 against two of 512."""
    found = study(kilburn, "--seek", "20", "--latency", "8", "--rate", "2000000")["page_sizes"]
    for answer, wanted in zip(found, Q3_ROWS, strict=True):
        near(answer["page_ms"], wanted[5], 5e-7, f"ms of {wanted[0]}")
        near(answer["transfer_percent"], wanted[6], 0.005, f"transfer of {wanted[0]}")
    near(2 * found[0]["page_ms"], 56.512, 1e-6, "two pages of 512")
    slow = study(kilburn, "--seek", "0", "--latency", "0", "--rate", "1000", "--page-size", "1K")
    near(slow["page_sizes"][0]["page_ms"], 1024, 1e-6, "another disk")


@row("J06")
def j06(kilburn):
    """No single best size: tables and waste against I/O."""
    answer = study(kilburn)
    for found, wanted in zip(answer["page_sizes"], Q3_ROWS, strict=True):
        same(found["table_and_waste"], wanted[4], f"table and waste of {wanted[0]}")
        near(found["space_seconds"], wanted[7], 5e-4, f"whole space at {wanted[0]}")
    near(answer["best_size"], 5792.6, 0.05, "best size")


@row("N10")
def n10(kilburn):
    """Effective access time and the faults that a slowdown allows."""
    found = kilburn.json("explain", "--access-time", "200", "--service", "8", "--faults", "0.001",
                         "--slower", "10%")["access_time"][0]
    near(found["access_ns"], 8199.8, 1e-4, "access time")
    near(found["slowdown"], 41.0, 0.05, "slowdown")
    near(found["most_faults"], 2.50006e-6, 5e-12, "at most 10 % slower")
    near(1 / found["most_faults"], 399990, 0.5, "one in")
    must("1 in 399990" in text(kilburn, "--access-time", "200", "--service", "8"), "the text")
    found = kilburn.json("explain", "--access-time", "100", "--service", "8", "--dirty-service", "20",
                         "--dirty", "70%", "--slower", "100%")["access_time"][0]
    near(found["limit_ns"], 200, 1e-6, "limit")
    near(found["most_faults"], 6.1e-6, 5e-8, "70 % dirty")


@row("X18")
def x18(kilburn):
    """TLB reach: 16 entries cover 64 KiB, or 32 MiB with pages of 2 MiB."""
    found = kilburn.json("explain", "--reach", "16", "--page-size", "4K,2M")["reach"]
    same(columns(found, "reach_bytes"), [(64 << 10,), (32 << 20,)], "reach")


@row("E08")
def e08(kilburn):
    """Segment and page tables of many processes take main memory: 792 bytes each of 64 KiB."""
    found = kilburn.json("explain", "--table-share", "64K", "--segments", "64,64,64", "--segment-entry", "8",
                         "--entry", "4", "--page-size", "512", "--processes", "1,10,40,82,83")
    same([found["process_bytes"], found["most_processes"]], [792, 82], "a process, the most")
    rows = [(r["processes"], round(r["share_percent"], 3)) for r in found["table_share"]]
    same(rows, [(1, 1.208), (10, 12.085), (40, 48.340), (82, 99.097), (83, 100.305)], "share")
    same([r["frames"] for r in found["table_share"]][-2:], [1, 0], "frames left of 512 bytes")


@row("X23")
def x23(kilburn):
    """CPU use 1 - p^n: p = 0.8: 20, 36, 59.0, 83.2 % for 1, 2, 4, 8 processes."""
    found = kilburn.json("explain", "--cpu-use", "0.8", "--processes", "1,2,4,8")["cpu_use"]
    for answer, n, wanted in zip(found, (1, 2, 4, 8), (20, 36, 59.04, 83.2228), strict=True):
        same([answer["wait"], answer["processes"]], [0.8, n], "p, n")
        near(answer["cpu_use"], wanted, 5e-5, f"n = {n}")
    # the curve beside the measured one is the same arithmetic, with the p of one process
    study = kilburn.json("study", "multiprogramming", "--degrees", "1..4", "--load-control", "none")
    for answer in study["rows"]:
        near(answer["one_minus_p_n"], 100 * (1 - study["p"] ** answer["degree"]), 1e-4, "1 - p^n")
    near(study["rows"][0]["cpu_use"], 100 * (1 - study["p"]), 1e-4, "one process")


@row("X19")
def x19(kilburn):
    """Inverted table: 1 GiB, 4 KiB, 16 bytes an entry: 4 MiB."""
    found = kilburn.json("explain", "--inverted", "1G", "--page-size", "4K", "--entry", "16")["inverted"]
    same(columns(found, "frames", "table_bytes"), [(262144, 4 << 20)], "frames, bytes")


Q4 = """0 0.3333 0.3226 0.3125 0.5000 0.2000
0.50 0.5000 0.4762 0.4545 0.6667 0.3333
0.80 0.7143 0.6667 0.6250 0.8333 0.5556
0.90 0.8333 0.7692 0.7143 0.9091 0.7143
17/18 0.9000 0.8257 0.7627 0.9474 0.8182
0.98 0.9615 0.8772 0.8065 0.9804 0.9259
0.99 0.9804 0.8929 0.8197 0.9901 0.9615
1 1.0000 0.9091 0.8333 1.0000 1.0000"""


@row("Q4")
def q4(kilburn):
    """Relative speed by hit ratio, and the hit ratio that 90 % needs."""
    lines = [line.split() for line in Q4.splitlines()]
    hits = ",".join(line[0] for line in lines)
    found = speeds(kilburn, hits, "--accesses", "2", "--search", "0,0.1,0.2") + \
        speeds(kilburn, hits, "--accesses", "1,4")
    same(len(found), 5 * len(lines), "speeds")
    for i, answer in enumerate(found):
        wanted = float(lines[i % len(lines)][1 + i // len(lines)])
        near(answer["speed"], wanted, 5.01e-5, f"h = {answer['hits']}, n = {answer['accesses']}")

    def needed(*arguments):
        return speeds(kilburn, "0", *arguments)[0]["hits_needed"]

    near(needed("--accesses", "2"), 17 / 18, 1e-8, "n = 2")
    near(needed("--accesses", "2", "--search", "0.1"), 0.99444, 5e-6, "a = 0.1")
    near(needed("--accesses", "1"), 8 / 9, 1e-8, "n = 1")
    near(needed("--accesses", "4"), 0.97222, 5e-6, "n = 4")
    same(needed("--search", "0.1112"), None, "a above 1/9")
    must(needed("--search", "0.111") is not None, "a below 1/9")


if __name__ == "__main__":
    sys.exit(main(ROWS, __doc__, sys.argv[1:]))
