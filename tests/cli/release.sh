#!/bin/bash
# release.sh - trace annotate-release against a model that looks forward from each reference, on
# traces with processes, unmaps and releases of their own; and trace working-set's bad usage.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1
PYTHONPATH=$CLI_TESTS python3 - "$KILBURN" >said <<'PY' || fail "$(cat said)"
import json, random, struct, subprocess, sys
import kbt

def items_of(path):
    """References, one by one, and events of a raw native trace, as docs/kbt.md lays it out."""
    data, at, names, found = open(path, "rb").read(), 64, [], []
    while data[at:at + 4] == b"KBLK":
        stored, _, new = struct.unpack_from("<III", data, at + 8)
        words, codec, flags = struct.unpack_from("<IBB", data, at + 40)
        assert codec == 0 and not flags & 9, (codec, flags)
        body = at + 64
        names += struct.unpack_from(f"<{new}Q", data, body)
        records = struct.unpack_from(f"<{words}I", data, body + 8 * new)
        i = 0
        while i < words:
            page, kind, count = records[i] >> 10, records[i] >> 8 & 3, records[i] & 255
            i += 1
            if kind == 3:
                first, pages = struct.unpack("<QQ", struct.pack("<4I", *records[i:i + 4]))
                found.append((kbt_name[page], first, pages))
                i += 4
                continue
            if count == 255:
                count, i = records[i], i + 1
            found += [("rwx"[kind], names[page])] * count
        at = body + stored
    return found

kbt_name = {number: name for name, number in kbt.EVENTS.items()}

def model(items, distance):
    """The same with releases, and what is told of them."""
    out, told = [], {"releases": 0, "last_releases": 0, "returns": 0, "replaced": 0,
                     "product_before": 0, "product_after": 0}
    before, after = set(), set()
    for at, item in enumerate(items):
        if item[0] == "release":
            told["replaced"] += 1
            continue
        out.append(item)
        if item[0] in ("unmap", "discard"):
            gone = set(range(item[1], item[1] + item[2]))
            before, after = before - gone, after - gone
        if item[0] not in "rwx":
            continue
        page = item[1]
        told["returns"] += page in before and page not in after
        before.add(page)
        after.add(page)
        told["product_before"] += len(before)
        told["product_after"] += len(after)
        steps, again = 0, None
        for later in items[at + 1:]:
            if later[0] in "rwx":
                steps += 1
                if later[1] == page:
                    again = steps
                    break
        if again is None or (distance is not None and again >= distance):
            told["releases"] += 1
            told["last_releases"] += again is None
            out.append(("release", page, 1))
            after.discard(page)
    return out, told

def runs_of(items):
    return [item + (1,) if item[0] in "rwx" else item for item in items]

draw = random.Random(7)
for case in range(30):
    blocks = []
    for _ in range(draw.choice([1, 1, 3])):
        block = []
        for _ in range(draw.randrange(1, 90)):
            dice = draw.random()
            if dice < 0.06:
                block.append((draw.choice(["unmap", "release", "map", "thread", "discard", "kernel"]), draw.randrange(12), draw.randrange(1, 4)))
            else:
                block.append((draw.choice("rwx"), draw.randrange(12), draw.choice([1, 1, 1, 2, 5, 300])))
        if all(item[0] not in "rwx" for item in block):
            block.append(("r", 0, 1))
        blocks.append(block)
    kbt.write("in.kbt", blocks)
    flat = [one for block in blocks for item in block
            for one in ([item[:2]] * item[2] if item[0] in "rwx" else [item])]
    distance = draw.choice([None, None, 2, 3, 10, 100])
    arguments = [sys.argv[1], "trace", "annotate-release", "in.kbt", "-o", "out.kbt", "--pack", "raw", "--json", "-q"]
    if distance is not None:
        arguments += ["--distance", str(distance)]
    told = json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)["annotation"]
    wanted, numbers = model(flat, distance)
    if items_of("out.kbt") != wanted:
        sys.exit(f"case {case}: other events: print {[i for i in items_of('out.kbt') if i not in wanted][:5]}")
    for key, value in numbers.items():
        if told[key] != value:
            sys.exit(f"case {case}: {key}: wanted {value}, found {told[key]}")
    if told["references"] != sum(item[0] in "rwx" for item in flat) or told["distance"] != distance:
        sys.exit(f"case {case}: {told}")
    # Done again, it changes nothing.
    arguments[3:6] = ["out.kbt", "-o", "again.kbt"]
    again = json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)["annotation"]
    if open("out.kbt", "rb").read() != open("again.kbt", "rb").read() or again["replaced"] != told["releases"]:
        sys.exit(f"case {case}: a second time gives another trace")
PY
checks=$((checks + 1))

# The numbers of a small trace, and the words.
PYTHONPATH=$CLI_TESTS python3 -c '
import kbt
kbt.write("one.kbt", [[("r", 1), ("r", 2), ("r", 1), ("w", 3)]])'
run trace annotate-release one.kbt -o told.kbt --json
true_of "data['annotation'] == {'references': 4, 'distance': None, 'releases': 3, 'last_releases': 3, 'replaced': 0, 'returns': 0, 'product_before': 8, 'product_after': 5}"
same "summary" "3 releases, 3 of them of pages that are never used again; 0 references will find their page released
pages in memory × references: 8 without releases (2.00 pages), 5 with them (1.25)" "$(tail -2 err)"
run trace annotate-release one.kbt -o told.kbt --distance 2 --json -q
true_of "data['annotation']['releases'] == 4" "data['annotation']['returns'] == 1"
[ ! -s err ] || fail "--quiet speaks: $(cat err)"
run --lang es trace annotate-release one.kbt -o told.kbt; expect 0
same "Spanish" 1 "$(grep -c '3 liberaciones' err)"

for bad in "" "one.kbt" "one.kbt -o x.kbt --distance 1" "one.kbt -o x.kbt --distance no" "- -o x.kbt" \
    "one.kbt -o - --json" "one.kbt -o x.kbt --window 3" "one.kbt two.kbt -o x.kbt"; do
    # shellcheck disable=SC2086
    run trace annotate-release $bad
    expect 2
done
run trace annotate-release none.kbt -o x.kbt; expect 1 none.kbt
head -c 100 one.kbt >cut.kbt
run trace annotate-release cut.kbt -o x.kbt; expect 1 cut.kbt
[ ! -e x.kbt ] || fail "a result of a failed run was left"

echo "5 5 6 5" >w.txt
run trace working-set w.txt --window 2 --at 3,1,3 --json
true_of "data['working_set']['at'] == [{'reference': 1, 'size': 1, 'pages': [5]}, {'reference': 3, 'size': 2, 'pages': [5, 6]}]" \
    "data['working_set']['curve'] == [[1, 1], [2, 1], [3, 2], [4, 2]]" "data['working_set']['mean'] == 1.5" \
    "data['working_set']['product'] == 6" "(data['working_set']['peak'], data['working_set']['peak_at']) == (2, 3)" \
    "data['working_set']['entries'] == 2" "data['working_set']['references'] == 4" "data['working_set']['window'] == 2"
run trace working-set w.txt --window 2 --plot; expect 0 "mean size    1.500" "a W"
run trace working-set - --window 2; expect 1
input=w.txt; run trace working-set - --window 2; expect 0 "references   4"; input=/dev/null
run trace working-set w.txt; expect 2 --window
run trace working-set w.txt --window 0; expect 2 --window
run trace working-set w.txt --window 2 --at 5; expect 2 "--at 5" "4 references"
run trace working-set w.txt --window 2 --at 0; expect 2
run trace working-set w.txt --window 2 --json --plot; expect 2 --plot
run trace working-set w.txt --window 2 -o x; expect 2 -o
# A long trace: the curve is thinned, and stays exact where it has points.
run trace generate loop:pages=50:passes=2000 -o loop.kbt -q; expect 0
run trace working-set loop.kbt --window 30 --json
true_of "511 < len(data['working_set']['curve']) <= 1024" "all(size == min(t, 30) for t, size in data['working_set']['curve'])" \
    "data['working_set']['product'] == 30 * 100000 - sum(range(30))" "data['working_set']['entries'] == 100000"
finish
