#!/bin/bash
# machine.sh - kilburn sim on the whole machine: the counts of plain sim, those of the TLB and the
# disk worked out by hand, processes, events, time lines, and what is refused.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$CLI_TESTS
"$KILBURN" trace generate phases -o t1.kbt -q || fail "no trace"

# 1. Machine = replay: every policy on every shipped trace.
policies=$("$KILBURN" sim t1.kbt --policy all --frames 8 --csv | awk -F, 'NR > 1 {print $1}' | paste -sd,)
for trace in "$KILBURN_SOURCE"/traces/*.kbt; do
    run sim "$trace" --policy "$policies" --frames 40 --limit 100000 --json
    expect 0
    mv out plain.json
    run sim "$trace" --policy "$policies" --frames 40 --limit 100000 --json --machine
    mv out machine.json
    checks=$((checks + 1))
    python3 - <<'PY' || fail "$trace: the machine and plain sim differ"
import json, sys
plain, machine = (json.load(open(name + ".json")) for name in ("plain", "machine"))
keys = ("policy", "frames", "references", "faults", "cold_faults", "evictions", "write_backs",
        "still_dirty", "hit_ratio")
assert plain["trace"] == machine["trace"], (plain["trace"], machine["trace"])
compared = 0
for a, b in zip(plain["results"], machine["results"]):
    if a["frames"] is None:  # variable space: the machine's 40 frames may be too few for it
        continue
    assert [a[k] for k in keys] == [b[k] for k in keys], (a, b)
    compared += 1
assert compared == 18, compared
PY
done
# Those that need no number of frames get memory for every page, unless told otherwise.
run sim t1.kbt --policy ws,pff --json
mv out plain.json
run sim t1.kbt --policy ws,pff --machine --json
true_of '[x["frames"] for x in r] == [84, 84]' \
    '[[x[k] for k in ("faults", "evictions", "write_backs", "still_dirty")] for x in r] == [[x[k] for k in ("faults", "evictions", "write_backs", "still_dirty")] for x in plain]' \
    'all(x["released"] == x["evictions"] for x in r)'
run sim t1.kbt --policy ws --frames 6 --machine --json
true_of 'r[0]["frames"] == 6 and r[0]["resident_peak"] == 6 and r[0]["evictions"] > r[0]["released"]'

# 2. Memory for all: two copies have twice one's faults, and nothing leaves.
run sim t1.kbt --policy lru --frames 200 --processes 1,2 --quantum 100 --json
true_of 'r[1]["faults"] == 2 * r[0]["faults"] == 168' 'r[1]["evictions"] == 0' \
    '[x["processes"] for x in r] == [1, 2] == [x["copies"] for x in r]' \
    '[p["process"] for p in r[1]["by_process"]] == ["t1", "t1#2"]' \
    'all(p["faults"] == 84 and p["references"] == 10000 and p["resident_peak"] == 84 for p in r[1]["by_process"])' \
    'r[1]["switches"] == 200 and r[0]["switches"] == 1' 'r[1]["still_dirty"] == 2 * r[0]["still_dirty"]' \
    'data["trace"]["references"] == 10000 and r[1]["references"] == 20000'

# 3. Registers of T1, as worked out in its row: hits; the rest are walks, twice where a page faults.
for pair in 1:808 4:3216 8:6561 12:9901 16:9912; do
    for levels in 1 2 3; do
        run sim t1.kbt --policy lru --frames 84 --tlb ${pair%:*} --levels $levels --json
        # A walk to a page that is not there ends at the first entry that is not valid.
        true_of "r[0]['tlb_hits'] == ${pair#*:}" "r[0]['tlb_misses'] == 10000 - ${pair#*:} + 84" \
            "$levels > 1 or r[0]['table_reads'] == 10084 - ${pair#*:}" \
            "r[0]['table_reads'] >= $levels * (10000 - ${pair#*:})" \
            "r[0]['cycles'] == 10000 + r[0]['table_reads']" \
            "near(r[0]['speed'], 10000 / r[0]['cycles']) and near(r[0]['cycles_per_reference'], r[0]['cycles'] / 10000)" \
            "near(r[0]['tlb_hit_ratio'], ${pair#*:} / 10084)" \
            "near(r[0]['effective_access_ns'], r[0]['cycles'] * 100 / 10000)"
    done
done
# Without a TLB each reference reads each level; the fault's two walks read what there is.
run sim t1.kbt --policy lru --frames 84 --tlb none --levels 1 --json
true_of 'r[0]["tlb_hits"] == 0 and r[0]["table_reads"] == 10084 and data["machine"]["tlb"] is None'
# By hand: pages 1 2 1 2 1 1 with a TLB of 1 and one level: 2 faults of 2 walks each, 3 more walks.
echo 1 2 1 2 1 1 >hand.txt
run sim hand.txt --policy fifo --frames 2 --tlb 1 --levels 1 --memory-time 50ns --json
true_of 'r[0]["tlb_hits"] == 1 and r[0]["tlb_misses"] == 7 and r[0]["table_reads"] == 7 and r[0]["cycles"] == 13' \
    'near(r[0]["effective_access_ns"], 13 * 50 / 6)' 'r[0]["disk_transfers"] == 0' \
    'r[0]["tables"] == 1 and r[0]["table_bytes"] == 4 * 8'
# A second level holds what the first one lost.
run sim hand.txt --policy fifo --frames 2 --tlb 1 --tlb2 2 --levels 1 --json
true_of 'r[0]["tlb_hits"] == 1 and r[0]["tlb2_hits"] == 3 and r[0]["tlb_misses"] == 4 and r[0]["table_reads"] == 4'
# Two pages that are written, in one frame: 1w 2w 1w 2w: 3 victims written, 2 pages read again.
echo 1w 2w 1w 2w >swap.txt
run sim swap.txt --policy fifo --frames 1 --tlb none --levels 1 --disk seek=10ms,latency=5ms,rate=1000K --memory-time 1us --json
true_of 'r[0]["faults"] == 4 and r[0]["write_backs"] == 3 and r[0]["swap_reads"] == 2 and r[0]["zero_fills"] == 2' \
    'r[0]["disk_transfers"] == 5 and r[0]["disk_bytes"] == 5 * 4096 and r[0]["slots_peak"] == 2' \
    'near(r[0]["disk_ms"], 5 * (15 + 4096 / 1024000 * 1000))' \
    'r[0]["cycles"] == 4 + 8' 'near(r[0]["effective_access_ns"], (12 * 1000 + 5 * 19e6) / 4)' \
    'data["machine"]["disk"] == {"seek_ms": 10, "latency_ms": 5, "bytes_per_second": 1024000}' \
    'r[0]["traps"] == {"invalid": 4} and r[0]["soft_faults"] == 0' \
    'r[0]["by_process"][0]["disk_reads"] == 2 and r[0]["by_process"][0]["write_backs"] == 3'

# 4. The quantum, ASIDs, formats.
run sim t1.kbt --policy lru --frames 200 --processes 2 --quantum 50 --tlb 64 --json
mv out flushed.json
run sim t1.kbt --policy lru --frames 200 --processes 2 --quantum 50 --tlb 64 --asids 4 --json
true_of 'r[0]["tlb_hits"] > results("flushed.json")[0]["tlb_hits"]' \
    'data["machine"]["asids"] == 4' 'r[0]["faults"] == results("flushed.json")[0]["faults"]'
for pair in sv32:2 sv39:3 sv48:4 sv57:5 x86-32:2 x86-64:4 inverted:1 generic:1; do
    run sim t1.kbt --policy clock --frames 12 --table-format ${pair%:*} --json
    true_of "data['machine']['table_format'] == '${pair%:*}' and data['machine']['levels'] == ${pair#*:}" \
        'r[0]["faults"] == 100 and r[0]["write_backs"] == 88'
done
run sim "$KILBURN_SOURCE/traces/python.kbt" --policy fifo --frames 40 --limit 20000 --page-size 512 --machine --json
true_of 'data["machine"]["page_size"] == 512 and 2 <= data["machine"]["levels"] <= 5'
# What a trace is called; files that end in several points, and equal names.
mkdir -p other
cp t1.kbt other/t1.kbt
gzip -k hand.txt && mv hand.txt.gz name.of.txt.gz
run sim t1.kbt other/t1.kbt name.of.txt.gz --policy lru --frames 300 --processes 2 --json
true_of '[p["process"] for p in r[0]["by_process"]] == ["t1", "t1#2", "name", "t1#3", "t1#4", "name#2"]' \
    'r[0]["processes"] == 6 and r[0]["copies"] == 2' 'data["trace"]["format"] is None' \
    '[t["file"] for t in data["traces"]] == ["t1.kbt", "other/t1.kbt", "name.of.txt.gz"]' \
    'r[0]["references"] == 2 * data["trace"]["references"] == 2 * sum(t["references"] for t in data["traces"])' \
    'sum(p["faults"] for p in r[0]["by_process"]) == r[0]["faults"]'
# One that ends early leaves its memory to the others: 84 + 2 pages, but never at once.
run sim hand.txt t1.kbt --policy lru --frames 84 --quantum 10 --json
true_of 'r[0]["evictions"] == 0 and r[0]["faults"] == 86'
# Standard input, and a pipe with a name, are read once and serve every process.
input=t1.kbt
run sim - --policy lru,clock --frames 12,84 --processes 1,2 --json
input=/dev/null
true_of '[x["faults"] for x in r][:1] == [99] and len(r) == 8' 'r[0]["by_process"][0]["process"] == "stdin"'
run sim <(cat t1.kbt) --policy lru --frames 12 --machine --json
true_of 'r[0]["faults"] == 99'
# Skip and limit hold for each trace; threads change nothing.
run sim t1.kbt other/t1.kbt --policy lru --frames 20 --skip 100 --limit 2000 --json
true_of 'r[0]["references"] == 4000 and [p["references"] for p in r[0]["by_process"]] == [2000, 2000]'
for threads in 1 3; do
    run sim t1.kbt --policy fifo,lru,clock --frames 8..16:4 --processes 1..3 --threads $threads --json
    mv out threads.$threads
done
same_files "threads" threads.1 threads.3

# 5. Events: what plain --events counts; passed over without.
make() { # make NAME BLOCKS
    python3 -c "import kbt; kbt.write('$1.kbt', $2)" || fail "$1.kbt could not be written"
}
make unmap '[[("w", 1), ("r", 2), ("unmap", 1, 1), ("r", 1), ("r", 2)]]'
make release '[[("w", 1), ("r", 2), ("release", 1, 1), ("r", 1), ("r", 2)]]'
make range '[[("w", p) for p in range(10, 16)] + [("unmap", 11, 3)] + [("r", p) for p in range(10, 16)]]'
make room '[[("r", 1), ("r", 2), ("unmap", 1, 1), ("r", 3), ("r", 2), ("r", 1)]]'
make edges '[[("map", 1, 9), ("unmap", 5, 1), ("w", 1), ("unmap", 1, 1)], [("unmap", 1, 1)], [("w", 1), ("release", 1, 1), ("release", 1, 1)], [("r", 1), ("thread", 3), ("process", 0), ("r", 1)]]'
for trace in unmap release range room edges; do
    for option in "" --events; do
        for frames in 2 8; do
            # shellcheck disable=SC2086
            run sim $trace.kbt --policy fifo,lru,clock,nru,2q,arc,sieve --frames $frames $option --json
            mv out plain.json
            # shellcheck disable=SC2086
            run sim $trace.kbt --policy fifo,lru,clock,nru,2q,arc,sieve --frames $frames $option --machine --json
            true_of '[[x[k] for k in ("faults", "evictions", "write_backs", "still_dirty", "cold_faults")] for x in r] == [[x[k] for k in ("faults", "evictions", "write_backs", "still_dirty", "cold_faults")] for x in plain]'
        done
    done
done
# The same at random, for every policy; 200 frames hold all pages.
python3 - <<'PY'
import kbt, random
random.seed(3)
items = []
for i in range(20000):
    items.append((random.choice("rrwx"), random.randrange(200), random.randrange(1, 5)))
    if random.random() < 0.02:
        items.append((random.choice(["unmap", "release"]), random.randrange(200), random.randrange(1, 30)))
kbt.write("random.kbt", [items[:9000], items[9000:]])
PY
policies=${policies/opt,/} # it does not go with events
for frames in 20 60 200; do
    run sim random.kbt --policy "$policies" --frames $frames --events --json
    mv out plain.json
    run sim random.kbt --policy "$policies" --frames $frames --events --machine --json
    true_of '[[x[k] for k in ("policy", "faults", "evictions", "write_backs", "still_dirty", "cold_faults")] for x in r if x["policy"] not in ("ws", "pff") or x["frames"] == 200] == [[x[k] for k in ("policy", "faults", "evictions", "write_backs", "still_dirty", "cold_faults")] for x in plain if x["frames"] is not None or r[0]["frames"] == 200]'
done
# The processes of a trace are processes.
make family '[[("r", 1), ("process", 7), ("r", 2), ("process", 0), ("r", 1)]]'
run sim family.kbt --policy lru --frames 8 --machine --json
true_of '[(p["process"], p["references"]) for p in r[0]["by_process"]] == [("family", 2), ("family/7", 1)]' \
    'r[0]["switches"] == 3 and r[0]["processes"] == 2 and r[0]["copies"] == 1'
run sim family.kbt --policy opt --frames 1 --machine --json; true_of 'r[0]["faults"] == 3'

# 6. What is refused, and what fails.
simple=(sim t1.kbt --policy lru --frames 12)
for option in --study --steps --advice "--per-interval 10"; do
    # shellcheck disable=SC2086
    run "${simple[@]}" --tlb 8 $option; expect 2 --tlb "${option%% *}"
done
run sim t1.kbt other/t1.kbt --policy lru --frames 12 --steps; expect 2 "several traces" --steps
for tlb in "" x 3x4 4x 0x1 -1 16x4x2 2097152 all; do
    run "${simple[@]}" --tlb "$tlb"; expect 2 --tlb 16x4 none
done
run "${simple[@]}" --tlb none --tlb2 64; expect 2 --tlb2 --tlb
run "${simple[@]}" --table-format sv40; expect 2 sv40 generic sv39 x86-64 inverted
run "${simple[@]}" --table-format sv39 --levels 3; expect 2 --levels sv39
run "${simple[@]}" --levels 6; expect 2 --levels 5
run sim "$KILBURN_SOURCE/traces/python.kbt" --policy lru --frames 12 --page-size 512 --table-format sv39
expect 2 sv39 4096 512 --page-size generic
run sim "$KILBURN_SOURCE/traces/sort.kbt" --policy lru --frames 12 --table-format sv32 --limit 1000
expect 2 sv32 --table-format
echo 9007199254740993 >far.txt
run sim far.txt --policy lru --frames 12 --machine; expect 2 9007199254740993 generic
for disk in "" seek seek= seek=x speed=1 seek=1,rate=0 latency=-1 seek=1m; do
    run "${simple[@]}" --disk "$disk"; expect 2 --disk seek=8ms,latency=4ms,rate=100M
done
run "${simple[@]}" --disk rate=1M --json; true_of 'data["machine"]["disk"]["seek_ms"] == 8'
for time in 0 -1 1m x 0x10 ""; do
    run "${simple[@]}" --memory-time "$time"; expect 2 --memory-time 100ns
done
run "${simple[@]}" --memory-time 0.2us --json; true_of 'data["machine"]["memory_ns"] == 200'
run "${simple[@]}" --quantum 0; expect 2 --quantum
run "${simple[@]}" --processes 0; expect 2 "is not a size"
run "${simple[@]}" --processes 1..500:*10; expect 0
run "${simple[@]}" --processes 5000; expect 2 5000 4096
run "${simple[@]}" --asids 70000; expect 2 --asids 65535
run sim t1.kbt --policy opt,lru --frames 12 --processes 1,2; expect 2 opt "by itself"
run sim t1.kbt other/t1.kbt --policy opt --frames 12; expect 2 opt
run sim t1.kbt --policy opt --frames 12 --machine --events; expect 2 --events opt
run sim - - --policy lru --frames 12; expect 2 "standard input"
run sim t1.kbt --policy lru --machine; expect 2 --frames --memory
run sim t1.kbt missing.kbt --policy lru --frames 12; expect 1 missing.kbt
run "${simple[@]}" --swap 5; expect 1 "process t1" "paging file is full" "reference 1"
run "${simple[@]}" --swap 84; expect 0
run sim t1.kbt other/t1.kbt --policy fifo,lru --frames 8,12 --swap 40; expect 1 "paging file is full"
"$KILBURN" trace generate uniform:pages=5000:references=2000000 -o long.kbt --pack raw -q || fail "no trace"
python3 - <<'PY'
data = bytearray(open("long.kbt", "rb").read())
data[len(data) * 3 // 4] ^= 1
open("damaged.kbt", "wb").write(data)
PY
run sim t1.kbt damaged.kbt --policy lru --frames 12; expect 1 damaged.kbt byte "is damaged"
run sim swap.txt "$KILBURN_SOURCE/traces/sort.kbt" --policy lru --frames 12 --limit 100 --page-size 8K
expect 2 "page numbers" --page-size
python3 -c "import kbt; kbt.write('large.kbt', [[('r', 1)]], grain=8192)"
run sim large.kbt t1.kbt --policy lru --frames 12; expect 2 large.kbt 8192 t1.kbt 4096 --page-size

# 7. Texts: tables, both languages, CSV; the plot.
run sim t1.kbt hand.txt --policy lru --frames 12
expect 0 "Machine: pages of 4 KiB" "TLB: 16x4" "~^policy +frames +processes +faults" "~^process +references" "~^t1 +10000"
run sim t1.kbt hand.txt --policy lru --frames 12 --lang es
expect 0 "Máquina: páginas de 4 KiB" "~^política +marcos +procesos +fallos" "aciertos TLB"
run --lang es "${simple[@]}" --swap 5; expect 1 "la máquina terminó el proceso t1" "archivo"
run sim t1.kbt --policy lru,fifo --frames 12,16 --machine; expect 0 "~^lru +12 +99 " "~^fifo +16 +95 "
checks=$((checks + 1))
[ "$(awk '{ if (length > most) most = length } END { print most }' out)" -le 120 ] || fail "a wide table"
run sim t1.kbt --policy lru,fifo --frames 4..16:4 --machine --plot; expect 0 "frames" "a lru" "b fifo"
run sim t1.kbt --policy lru --frames 30 --processes 1..4 --plot; expect 0 "faults per 1000 references" processes
run "${simple[@]}" --machine --plot; expect 0 "Nothing to plot"
run sim t1.kbt --policy lru,ws --frames 12 --processes 1,2 --csv
mv out results.csv
run sim t1.kbt --policy lru,ws --frames 12 --processes 1,2 --json
checks=$((checks + 1))
python3 - <<'PY' || fail "CSV and JSON differ"
import csv, json
results = json.load(open("out"))["results"]
rows = list(csv.DictReader(open("results.csv")))
assert len(rows) == len(results) == 4
for row, result in zip(rows, results):
    assert set(row) == set(result) - {"traps", "by_process"}, set(row) ^ set(result)
    for key, text in row.items():
        value = result[key]
        if value is None:  # times, without a clock
            assert text == "", (key, text)
            continue
        assert text == value if isinstance(value, str) else abs(float(text) - value) <= 2e-6 * max(1, abs(value)), (key, text, value)
PY
checks=$((checks + 1))
python3 - "$KILBURN_SOURCE/docs/cli.md" <<'PY' || fail "docs/cli.md does not name every key"
import json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
section = re.search(r"^## `kilburn sim TRACE… --machine`\n(.*?)^## ", text, re.M | re.S).group(1)
named = set(re.findall(r"`(\w+)`", section))


def keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "traps":
                yield from keys(inner)
            yield key
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


# Those of plain sim are in its section.
plain = {"pages", "writes", "executes", "format"}
missing = set(keys(json.load(open("out")))) - named - plain
assert not missing, missing
PY
mv out english
run --lang es sim t1.kbt --policy lru,ws --frames 12 --processes 1,2 --json
same_files "JSON does not depend on the language" english out

# 8. The time line.
run "${simple[@]}" --processes 3 --quantum 100 --timeline line.json --json; expect 0
cp out results.json
checks=$((checks + 1))
python3 - <<'PY' || fail "the time line does not fit its results"
import json
line, result = json.load(open("line.json"))["timeline"], json.load(open("results.json"))["results"][0]
assert line["version"] == 1 and line["unit"] == "references" and line["end"] == 30000
assert [p["name"] for p in line["processes"]] == ["t1", "t1#2", "t1#3"]
ran = sorted(span[1:] for p in line["processes"] for span in p["spans"])
assert ran[0][0] == 0 and ran[-1][1] == 30000
assert all(a[1] == b[0] for a, b in zip(ran, ran[1:])), "somebody runs at each time"
for p, r in zip(line["processes"], result["by_process"]):
    assert sum(b - a for _, a, b in p["spans"]) == 10000
    assert p["totals"] == {k: r[k] for k in p["totals"]}
    s = p["samples"]
    assert len({len(v) for v in s.values()}) == 1 and p["begin"] <= s["at"][0] and s["at"][-1] <= p["end"]
    assert s["faults"] == sorted(s["faults"]) and max(s["resident"]) <= 12
m = line["machine"]["samples"]
assert 200 <= len(m["at"]) <= 512 and m["at"][0] == 0 and m["at"][-1] == 30000 and m["free"][0] == 12
assert m["tlb_misses"][-1] == result["tlb_misses"] and m["disk_transfers"][-1] == result["disk_transfers"]
PY
run "${simple[@]}" --timeline -; expect 2 --timeline
run sim t1.kbt --policy lru,fifo --frames 12 --timeline x.json; expect 2 --timeline
run sim t1.kbt --policy lru --frames 12,13 --timeline x.json; expect 2 --timeline
run sim t1.kbt --policy lru --frames 12 --processes 1,2 --timeline x.json; expect 2 --timeline
run "${simple[@]}" --swap 5 --timeline x.json; expect 1 full
checks=$((checks + 1))
[ ! -e x.json ] || fail "a failed run leaves a time line"
run "${simple[@]}" --timeline no/such/folder/x.json; expect 1 no/such/folder
finish
