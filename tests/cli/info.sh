#!/bin/bash
# info.sh - trace info: a program's story against a naive count of the same trace, in JSON; the text
# that a person sees; parts of a trace, larger pages, and recordings that were killed.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$CLI_TESTS

# ---- a program that loads a library, grows its heap, maps a file, and executes another image ----
cat >program.py <<'PY'
"""The blocks of a trace as a recorder writes it: program.py FILE [no-footer]."""
import random, sys
import kbt

draw = random.Random(5)
text, data, bss, heap, lib, stack, cache = 0x400, 0x410, 0x414, 0x500, 0x7F00, 0x7FFF0, 0x6000

def image(path):
    return [("map", text, 16), ("name", path), ("protect", text, 16, "rx"),
            ("map", data, 4), ("name", path), ("protect", data, 4, "rw"),
            ("map", bss, 2), ("protect", bss, 2, "rw"),
            ("map", stack, 8), ("name", "[stack]"), ("protect", stack, 8, "rw")]

def library():
    path = "/usr/lib/x86_64-linux-gnu/libexample.so.6"
    return [("map", lib, 30), ("name", path), ("protect", lib, 30, "r"), ("r", lib, 3),
            ("unmap", lib + 4, 20), ("map", lib + 4, 20), ("name", path), ("protect", lib + 4, 20, "rx"),
            ("protect", lib + 26, 4, "rw")]

def work(n, ranges):
    out = []
    for _ in range(n):
        kind, first, pages = draw.choice(ranges)
        out.append((kind, first + int(pages * draw.random() ** 3), draw.choice([1, 1, 2, 7, 30])))
    return out

common = [("x", text, 16), ("r", data, 4), ("w", data, 4), ("w", stack, 3), ("x", lib + 4, 20), ("r", lib, 4)]
first = (image("/usr/bin/first") + work(50, common[:4]) + library() + work(600, common) +
         [("map", heap, 4), ("name", "[heap]"), ("protect", heap, 4, "rw")] + work(300, common + [("w", heap, 4)]) +
         [("map", heap + 4, 12), ("name", "[heap]"), ("protect", heap + 4, 12, "rw"), ("thread", 1)] +
         work(400, common + [("w", heap, 16), ("r", heap, 16)]) + [("thread", 0)])
second = ([("kernel", 1), ("w", heap, 1), ("w", heap + 1, 1), ("kernel", 0),
           ("map", cache, 6), ("name", "/etc/ld.so.cache"), ("protect", cache, 6, "r")] + work(50, [("r", cache, 6)]) +
          [("unmap", cache, 6), ("discard", heap, 2), ("map", 0x9000, 1000), ("protect", 0x9000, 1000, ""),
           ("protect", 0x9000, 10, "rw")] + work(300, common + [("w", 0x9000, 10)]) + [("r", 0xDEAD, 5)])
offsets = kbt.write(sys.argv[1], [first, second], program=b"first", footer="no-footer" not in sys.argv)
print(*offsets)
PY
cat >naive.py <<'PY'
"""naive.py FILE [SKIP]: the story of a raw trace of program.py, counted one reference at a time."""
import json, struct, sys

def items_of(path):
    raw, at, names, name = open(path, "rb").read(), 64, [], b""
    while raw[at:at + 4] == b"KBLK":
        stored, _, new = struct.unpack_from("<III", raw, at + 8)
        words = struct.unpack_from("<I", raw, at + 40)[0]
        body = at + 64
        names += struct.unpack_from(f"<{new}Q", raw, body)
        records = struct.unpack_from(f"<{words}I", raw, body + 8 * new)
        i = 0
        while i < words:
            page, kind, count = records[i] >> 10, records[i] >> 8 & 3, records[i] & 255
            i += 1
            if kind == 3:
                yield page, *struct.unpack("<QQ", struct.pack("<4I", *records[i:i + 4]))
                i += 4
                continue
            if count == 255:
                count, i = records[i], i + 1
            for _ in range(count):
                yield "rwx"[kind], names[page]
        at = body + stored

skip = int(sys.argv[2]) if len(sys.argv) > 2 else 0
space, uses, pages, seen, told = {}, {}, {}, 0, [0, 0, ""]
kernel, order, threads, thread, in_kernel = 0, [], set(), 0, False
for item in items_of(sys.argv[1]):
    if isinstance(item[0], str):
        seen += 1
        if seen <= skip:
            continue
        use = uses.setdefault(space.get(item[1], ("", "none")), {"pages": set(), "r": 0, "w": 0, "x": 0})
        use["pages"].add(item[1])
        use[item[0]] += 1
        pages.setdefault(item[1], []).append(item[0])
        order.append(item[1])
        kernel += in_kernel
        threads.add(thread)
    elif item[0] == 2:
        thread = item[1]
    elif item[0] == 3:
        told = [item[1], item[2], ""]
        space.update({p: ("", "data") for p in range(item[1], item[1] + item[2])})
    elif item[0] == 4:
        for p in range(item[1], item[1] + item[2]):
            space.pop(p, None)
    elif item[0] == 7:
        told[2] += struct.pack("<QQ", *item[1:]).rstrip(b"\0").decode()
        space.update({p: (told[2], space[p][1]) for p in range(told[0], told[0] + told[1])})
    elif item[0] == 8:
        in_kernel = item[1] == 1
    elif item[0] >= 16:
        part = "reserved" if item[0] == 16 else "code" if item[0] - 16 & 4 else "data"
        space.update({p: (space[p][0], part) for p in range(item[1], item[1] + item[2])})
stack, distances = [], []
for page in order:
    distances.append(stack.index(page) + 1 if page in stack else None)
    if page in stack:
        stack.remove(page)
    stack.insert(0, page)
def frames(share):
    faults = int(len(order) * (1000 - share) // 1000)
    fits = [f for f in range(1, len(pages) + 1) if sum(d is None or d > f for d in distances) <= faults]
    return fits[0] if fits else None
counts = sorted(map(len, pages.values()))
def window(size):
    sizes, last = [], {}
    for at, page in enumerate(order, 1):
        last[page] = at
        sizes.append(sum(use > at - size for use in last.values()))
    return sizes
json.dump({"uses": [[name or None, part, len(u["pages"]), u["r"] + u["w"] + u["x"], u["w"], u["x"]]
                    for (name, part), u in uses.items()],
           "references": len(order), "kernel": kernel, "threads": len(threads), "once": counts.count(1),
           "median": counts[(len(counts) - 1) // 2], "most": counts[-1],
           "executed": sum("x" in k for k in pages.values()), "written": sum("w" in k for k in pages.values()),
           "only_read": sum(set(k) == {"r"} for k in pages.values()),
           "frames": [frames(900), frames(990), frames(999)], "sets": window(1000)}, sys.stdout)
PY
cat >compare.py <<'PY'
"""compare.py TOLD COUNTED: trace info's JSON is what was counted."""
import json, sys
told, counted = json.load(open(sys.argv[1]))["trace"], json.load(open(sys.argv[2]))
found = [[m["name"], m["part"], m["pages"], m["references"], m["writes"], m["executes"]]
         for m in told["mappings"] if m["pages"] > 0]
outside = told["unmapped"]
if outside["pages"] > 0:
    found.append([None, "none", outside["pages"], outside["references"], outside["writes"], outside["executes"]])
reuse, sets = told["reuse"], told["working_set"]
def same(what, a, b):
    if a != b:
        sys.exit(f"{what}: wanted {b}, told {a}")
same("mappings", sorted(found, key=str), sorted(counted["uses"], key=str))
same("references", told["references"], counted["references"])
same("kernel", told["kernel_references"], counted["kernel"])
same("threads", told["threads"], counted["threads"])
for ours, theirs in (("once", "pages_used_once"), ("median", "references_median"), ("most", "references_most"),
                     ("executed", "pages_executed"), ("written", "pages_written"), ("only_read", "pages_only_read")):
    same(ours, reuse[theirs], counted[ours])
same("frames", [h["frames"] for h in reuse["lru_hits"]], counted["frames"])
same("bytes", [h["bytes"] for h in reuse["lru_hits"]], [f and f * 4096 for f in counted["frames"]])
if sets["window"] == 1000:
    step = sets["step"]
    same("sizes", sets["sizes"], counted["sets"][step - 1::step])
    same("peak", [sets["peak"], sets["peak_at"]], [max(counted["sets"]), counted["sets"].index(max(counted["sets"])) + 1])
PY

read -ra offsets <<<"$(python3 program.py first.kbt)" || fail "no trace"
run trace verify first.kbt; expect 0
told() { # told WHAT COUNTED OPTION…: trace info's JSON against a count
    local what=$1 counted=$2 problem
    shift 2
    run trace info "$@" --json
    expect 0
    checks=$((checks + 1))
    problem=$(python3 compare.py out "$counted" 2>&1) || fail "$what ($ran): $problem"
}
python3 naive.py first.kbt >counted || fail "no count"
told "the whole" counted first.kbt --window 1000
told "another window" counted first.kbt
references=$(python3 -c 'import json; print(json.load(open("counted"))["references"])')
true_of "data['trace']['version'] == 2" "data['trace']['working_set']['window'] == 100" \
    "data['trace']['events_by_type']['map'] == 10" "data['trace']['processes'] == 1" \
    "sorted((m['kind'], m['part'], m['mapped_pages'], m['mapped_pages_at_end']) for m in data['trace']['mappings'] if m['name'] and '.so.6' in m['name']) == [('library', 'code', 20, 20), ('library', 'data', 10, 10)]" \
    "{(m['kind'], m['part']): m['mapped_pages'] for m in data['trace']['mappings'] if m['kind'] not in ('library', 'program')} == {('anonymous', 'data'): 12, ('stack', 'data'): 8, ('heap', 'data'): 16, ('file', 'data'): 6, ('anonymous', 'reserved'): 1000}" \
    "[m['mapped_pages_at_end'] for m in data['trace']['mappings'] if m['name'] == '/etc/ld.so.cache'] == [0]" \
    "[m['name'] for m in data['trace']['mappings'] if m['kind'] == 'program'] == ['/usr/bin/first'] * 2"
# A pipe, and packed: the same. (Its length is not known beforehand.)
run trace info first.kbt --json --window 1000; cp out wanted
"$KILBURN" trace info - --json --window 1000 <first.kbt >out 2>err; same_files "from a pipe" wanted out
run trace convert first.kbt -o packed.kbt --pack zstd -q
run trace info packed.kbt --json --window 1000
same "packed" "$(python3 -c 'import json; t = json.load(open("wanted"))["trace"]; t["blocks"] = 0; print(t)')" \
    "$(python3 -c 'import json; t = json.load(open("out"))["trace"]; t["blocks"] = 0; print(t)')"
# A part knows what was mapped before it; so does a part that was copied.
for skip in 1 50 400 5000 $((references / 2)) $((references - 3)); do
    python3 naive.py first.kbt "$skip" >counted || fail "no count"
    told "a part" counted first.kbt --skip "$skip" --window 1000
    run trace convert first.kbt -o part.kbt --skip "$skip" -q; expect 0
    told "a copied part" counted part.kbt --window 1000
done

# ---- what a person sees ----
run trace info first.kbt
expect 0 "version      2" "program      first" "~^kinds +[0-9.]+ % reads, " "kernel       2 references" "threads      2; processes: 1" \
    "10 map, 2 unmap" "LRU hits     90.0 % with" "working set  pages of the last 100 references" "┤" "⣿" \
    "~^NAME +KIND +MAPPED +TOUCHED +PAGES +REFERENCES +SHARE +WRITES" "~^libexample\.so\.6 +library code +80 KiB" \
    "~^first +program code +64 KiB" "~^\[heap\] +heap +64 KiB" "~^\[stack\] +stack +32 KiB" "~^ld\.so\.cache +file" \
    "reserved, no rights" "~^- +in no mapping .* 5 "
run --lang es trace info first.kbt
expect 0 "versión      2" "~^clases +[0-9.]+ % lecturas" "núcleo       2 referencias" "hilos        2; procesos: 1" \
    "aciertos LRU 90.0 % con" "conjunto de trabajo" "~^NOMBRE +CLASE +MAPEADO" "~ código de biblioteca " "~ montículo " "en ningún mapeo"
# Without events there is no table, and nothing of threads or the kernel.
echo "1 2 3 4 1 2 5 1 2 3 4 5" >belady.txt
run trace info belady.txt
expect 0 "use          0 pages executed, 0 written, 5 only read; 0 used once only" "references a page: median 2, most 3 (page 0x1)" \
    "90.0 % with no memory: 41.67 % are the first of their page" "pages of the last 10 references"
same "tables without events" 0 "$(grep -cE "NAME|kernel|threads|version" out)"
run trace info belady.txt --json
true_of "data['trace']['working_set']['sizes'] == [1, 2, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5]" "data['trace']['version'] is None" \
    "'mappings' not in data['trace']" "[h['frames'] for h in data['trace']['reuse']['lru_hits']] == [None] * 3"
# A strip's first and last values: a loop of 50 pages, in a window of 10.
run trace generate loop:pages=50:passes=40 -o loop.kbt -q
run trace info loop.kbt --window 10
expect 0 "mean 10.0, most 10 (10)"
same "a level strip" 3 "$(grep -cE '(⣿){60}' out)"
# --brief is the totals, as ever.
run trace info first.kbt --brief
same "--brief" "format version program references pages grain runs events" "$(awk '{print $1}' out | paste -sd' ')"
run trace info first.kbt --brief --json
true_of "'reuse' not in data['trace'] and data['trace']['references'] == $references"
run trace info first.kbt --brief --window 5; expect 2 --brief --window
run trace info first.kbt --window 0; expect 2 --window
run trace info first.kbt --at 5; expect 2 --at
run trace convert first.kbt -o x.kbt --brief; expect 2 --brief

# ---- larger pages: what lies in a part of a page lies in the page ----
run trace info first.kbt --page-size 64K --json
true_of "sum(m['references'] for m in data['trace']['mappings']) + data['trace']['unmapped']['references'] == $references" \
    "data['trace']['unmapped']['references'] == 5" \
    "{m['name'] for m in data['trace']['mappings'] if m['pages']} >= {'/usr/bin/first', '[heap]', '[stack]'}"

# ---- a recorder that was killed ----
python3 program.py killed.kbt no-footer >/dev/null || fail "no trace"
size=$(wc -c <killed.kbt)
for command in "trace info killed.kbt" "trace info killed.kbt --json" "trace info killed.kbt --brief" "trace verify killed.kbt"; do
    # shellcheck disable=SC2086
    run $command
    expect 1 killed.kbt footer --recover
done
python3 naive.py first.kbt >counted || fail "no count"
told "killed" counted killed.kbt --recover --window 1000
true_of "data['trace']['lost_bytes'] == 0"
checks=$((checks + 1))
[ ! -s err ] || fail "nothing is lost, but: $(cat err)"
head -c $((size - 7)) killed.kbt >cut.kbt
run trace info cut.kbt --recover --json
true_of "data['trace']['lost_bytes'] == $((size - 7 - offsets[1]))" "data['trace']['blocks'] == 1" \
    "data['trace']['events_by_type']['discard'] == 0"
same "the loss is told" 1 "$(grep -c "last $((size - 7 - offsets[1])) bytes" err)"
run trace info cut.kbt --recover; expect 0 "~^\[heap\] +heap"
run trace info cut.kbt --recover --brief; expect 0 "references"
finish
