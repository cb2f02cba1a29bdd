#!/bin/bash
# machine.sh - kilburn sim on the whole machine: the counts of plain sim, those of the TLB and the
# disk worked out by hand, processes, events, time lines, and what is refused.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$CLI_TESTS
"$KILBURN" trace generate phases -o t1.kbt -q || fail "no trace"

true_of() { # true_of TEST…: Python on the last run's JSON: data, r (its results), a function near
    local test
    expect 0
    for test in "$@"; do
        checks=$((checks + 1))
        python3 - "$test" <<'PY' || fail "$ran: not true: $test: $(head -c 1500 out)"
import json, sys
data = json.load(open("out"))
r = data["results"]
near = lambda a, b: abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1)
sys.exit(not eval(sys.argv[1]))
PY
    done
}

# 1. Machine = replay: every policy on every shipped trace.
policies=$("$KILBURN" sim t1.kbt --policy all --frames 8 --csv | awk -F, 'NR > 1 {print $1}' | paste -sd,)
for trace in "$KILBURN_SOURCE"/traces/*.kbt; do
    run sim "$trace" --policy "$policies" --frames 40 --limit 150000 --json
    expect 0
    mv out plain.json
    run sim "$trace" --policy "$policies" --frames 40 --limit 150000 --json --machine
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
    '[[x[k] for k in ("faults", "evictions", "write_backs", "still_dirty")] for x in r] == [[x[k] for k in ("faults", "evictions", "write_backs", "still_dirty")] for x in json.load(open("plain.json"))["results"]]' \
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
finish
