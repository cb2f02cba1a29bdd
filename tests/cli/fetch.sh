#!/bin/bash
# fetch.sh - pages that come ahead, in plain sim and on the machine, and the machine's clock: known
# answers (G02), the two hosts against each other on real traces, and what is refused.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$CLI_TESTS
seq 0 63 >sequential
seq 0 8 56 >strides
seq 0 63 | sed 's/$/w/' >written
seq 0 63 >>written

# 1. Sequential, 64 pages: free frames only, and with others that may go.
input=sequential
for machine in "" --machine; do
    run sim - $machine --policy fifo --frames 16,64 --fetch sequential:depth=3 --json
    true_of '[x["faults"] for x in r] == [52, 16]' \
        '[x["prefetches"] for x in r] == [x["useful_prefetches"] for x in r] == [12, 48]' \
        'all(x["wasted_prefetches"] == x["unused_prefetches"] == 0 for x in r)'
    run sim - $machine --policy fifo --frames 16 --fetch sequential:depth=7:evict=yes --json
    true_of 'r[0]["faults"] == 8 and r[0]["prefetches"] == 56'
done
run sim - --policy fifo --frames 64 --fetch sequential --json
true_of 'r[0]["faults"] == r[0]["cold_faults"] == 32' 'r[0]["reads"] == 64'
run sim - --machine --policy fifo --frames 64 --fetch sequential --json
true_of 'r[0]["cold_faults"] is None' 'r[0]["zero_fills"] == 64 and r[0]["soft_faults"] == 32' \
    'data["machine"]["fetch"] == "sequential" and data["machine"]["cycle_ns"] is None' \
    'r[0]["elapsed_ms"] is None and r[0]["cpu_use"] is None'
input=strides
for machine in "" --machine; do
    run sim - $machine --policy fifo --frames 64 --fetch sequential --json
    true_of 'r[0]["faults"] == 8 and r[0]["prefetches"] == r[0]["unused_prefetches"] == 8'
    run sim - $machine --policy fifo --frames 64 --fetch stride --json
    true_of 'r[0]["faults"] == 5 and r[0]["useful_prefetches"] == r[0]["prefetches"] == 3'
    run sim - $machine --policy fifo --frames 4 --fetch sequential:evict=yes --json
    true_of 'r[0]["wasted_prefetches"] == 6 and r[0]["unused_prefetches"] == 2'
done
input=/dev/null
run sim strides --policy fifo --frames 64 --fetch demand --json
true_of '"prefetches" not in r[0] and r[0]["faults"] == 8'

# 2. Both hosts agree on real traces, for every policy.
policies=$("$KILBURN" sim --policy help | sed -nE 's/^([a-z0-9][a-z0-9-]*) .*/\1/p' |
    grep -vxE 'opt|ws|pff' | paste -sd,)
for trace in sqlite python; do
    part="--limit 200000"
    [ $trace = python ] && part="--skip 20000000 $part" # before, its loop has no strides over pages
    for fetch in sequential:depth=2 stride:depth=3:evict=yes:on=use history:depth=2:evict=yes; do
        # shellcheck disable=SC2086
        run sim "$KILBURN_SOURCE/traces/$trace.kbt" --policy "$policies" --frames 60 $part \
            --fetch $fetch --json
        expect 0
        mv out plain.json
        # shellcheck disable=SC2086
        run sim "$KILBURN_SOURCE/traces/$trace.kbt" --policy "$policies" --frames 60 $part \
            --fetch $fetch --json --machine
        expect 0
        checks=$((checks + 1))
        python3 - <<'PY' || fail "$trace, $fetch: the machine and plain sim differ"
import json
plain, machine = json.load(open("plain.json"))["results"], json.load(open("out"))["results"]
keys = ("policy", "faults", "evictions", "write_backs", "still_dirty", "prefetches",
        "useful_prefetches", "wasted_prefetches", "unused_prefetches")
assert len(plain) == len(machine) == 17, len(plain)
ahead = 0
for a, b in zip(plain, machine):
    assert [a[k] for k in keys] == [b[k] for k in keys], (a, b)
    ahead += a["prefetches"]
assert ahead > 0
PY
    done
done

# 3. The same alone and at once, with threads, and as CSV and a table.
trace=$KILBURN_SOURCE/traces/sqlite.kbt
for frames in 50 100; do
    "$KILBURN" sim "$trace" --policy lru --frames $frames --limit 100000 --fetch stride --csv | tail -n 1
done >alone
"$KILBURN" sim "$trace" --policy lru --frames 50,100 --limit 100000 --fetch stride --csv --threads 2 |
    tail -n 2 >together
same_files "sizes at once" alone together
run sim sequential --policy fifo --frames 64 --fetch sequential --csv
expect 0 ",examined,reads,prefetches,useful_prefetches,wasted_prefetches,unused_prefetches" \
    "~,64,32,32,0,0$"
run sim sequential --policy fifo --frames 64 --fetch sequential
expect 0 "ahead" "wasted"
run sim sequential --policy fifo --frames 64 --fetch sequential --lang es
expect 0 "adelantadas" "en vano"

# 4. The clock: 64 modified pages in 8 frames go and come. In the second half each fault waits for
# one write and one read, but the first ones' victims are those of the end of the first half.
run sim written --machine --policy fifo --frames 8 --cycle-time 1us --tlb none \
    --disk seek=20ms,latency=8ms,rate=2000000 --json
# 120 victims, of which 64 are modified; 64 pages are read back
true_of 'r[0]["write_backs"] == 64 and r[0]["swap_reads"] == 64' \
    'abs(r[0]["disk_busy_ms"] - 128 * 30.048) < 1e-6' \
    'abs(r[0]["elapsed_ms"] - r[0]["idle_ms"] - r[0]["cycles"] / 1000 + r[0]["idle_ms"]) < 0.002' \
    'abs(r[0]["elapsed_ms"] - r[0]["disk_busy_ms"] - (r[0]["references"] + r[0]["table_reads"]) / 1000) < 1e-6' \
    'data["machine"]["cycle_ns"] == 1000 and data["machine"]["memory_ns"] == 1000'
run sim written written --machine --policy fifo --frames 8 --cycle-time 1us
expect 0 "elapsed ms" "CPU, per cent"
run sim written written written written --machine --policy lru --frames 2 --cycle-time 1us --json
true_of 'r[0]["references"] == 512'

# 5. Refusals, and the list.
run sim --fetch help
expect 0 "sequential" "Joseph 1970" ":evict=no,yes" ":entries=4096"
run sim sequential --policy fifo --frames 4 --fetch magic
expect 2 "no fetch strategy" "demand, sequential, stride, history"
run sim sequential --policy fifo --frames 4 --fetch sequential:depth=0
expect 2 "from 1 to 64"
for policy in opt ws pff; do
    run sim sequential --policy $policy --frames 4 --fetch sequential
    expect 2 "policy $policy"
done
run sim sequential --machine --policy opt --frames 4 --fetch sequential
expect 2 "policy opt"
run sim sequential --machine --policy ws --frames 64 --fetch sequential --json
true_of 'r[0]["prefetches"] == 32'
for option in --events "--per-interval 5" --steps --advice; do
    run sim sequential --policy fifo --frames 4,8 --fetch sequential $option
    expect 2 "--fetch"
done
for time in 0.5ns 101ms fast -1 ""; do
    run sim sequential --machine --policy fifo --frames 4 --cycle-time "$time"
    expect 2 "--cycle-time"
done
run sim sequential --machine --policy fifo --frames 4 --cycle-time 1us --memory-time 1us
expect 2 "cannot be used together"
run sim sequential --machine --policy fifo --frames 4 --cycle-time 1us --disk seek=20000ms
expect ${clock_status:-1} "a transfer"
finish
