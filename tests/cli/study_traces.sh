#!/bin/bash
# study_traces.sh - kilburn study associative, page-size and allocation: T1's known numbers, the
# arithmetic of 4 MiB, segments whose waste is known, shares as sim has them; verdicts that follow.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
"$KILBURN" trace generate phases -o t1.kbt -q || fail "no T1"

# ---- associative ----
run study associative t1.kbt --registers 1,4,8,12,16 --json
true_of "[row['hits'] for row in data['rows']] == [0, 808, 3216, 6561, 9901, 9912]" \
    "[round(row['speed_paged_segmentation'], 4) for row in data['rows']][3:] == [0.5925, 0.9806, 0.9827]" \
    "[round(data['rows'][0]['speed_' + k], 4) for k in ('paging', 'paged_segmentation', 'four_levels')] == [0.5, 0.3333, 0.2]" \
    "all(near(row['speed_four_levels'], 1 / (1 + 4 * (1 - row['hit_ratio']))) for row in data['rows'])" \
    "near(data['hits_needed'], 17 / 18)" "data['registers_needed'] == 12" "data['verdict']['holds'] is True" \
    "data['study'] == 'associative'"
# A loop of 17 pages misses 16 registers always, one of 16 pages hardly ever.
for pages in 16 17; do
    run trace generate loop:pages=$pages:references=16000 -o loop.kbt -q; expect 0
    run study associative loop.kbt --json
    if [ $pages -eq 16 ]; then
        true_of "data['rows'][5]['hits'] == 15984" "data['verdict']['holds'] is True" "data['registers_needed'] == 16"
    else
        true_of "data['rows'][5]['hits'] == 0" "data['verdict']['holds'] is False" "data['registers_needed'] == 17"
    fi
done
run study associative t1.kbt --search 0.2 --json
true_of "data['hits_needed'] > 1" "data['registers_needed'] is None" "data['verdict']['holds'] is False"
run study associative --json
true_of "[round(row['speed_paged_segmentation'], 4) for row in data['rows']] == [0.3333, 0.5, 0.7143, 0.8333, 0.9, 0.9615, 0.9804, 1]" \
    "[round(row['speed_paging'], 4) for row in data['rows']] == [0.5, 0.6667, 0.8333, 0.9091, 0.9474, 0.9804, 0.9901, 1]" \
    "[round(row['speed_four_levels'], 4) for row in data['rows']] == [0.2, 0.3333, 0.5556, 0.7143, 0.8182, 0.9259, 0.9615, 1]" \
    "all(row['registers'] is None for row in data['rows'])" "data['verdict']['holds'] == 'partly'"
run study associative --search 0.1 --csv
same "a=0.1" "0.322580645 0.825688073 0.909090909" "$(awk -F, 'NR == 2 || NR == 6 || NR == 9 {print $5}' out | paste -sd' ')"
run study associative t1.kbt; expect 0 "12 registers" "relative speed" "0.9827"
run --lang es study associative t1.kbt --no-plot; expect 0 "12 registros"
run study associative t1.kbt --registers 5000; expect 2 4096
run study associative t1.kbt --registers 0; expect 2
run study associative t1.kbt --search x; expect 2 --search
run study associative t1.kbt t1.kbt; expect 2
run study associative none.kbt; expect 1 none.kbt

# ---- page-size ----
run study page-size --json
true_of "[row['overhead'] for row in data['rows']] == [33024, 16896, 9216, 6144, 6144, 9216]" \
    "[row['pages'] for row in data['rows']] == [8192, 4096, 2048, 1024, 512, 256]" \
    "[row['page_ms'] for row in data['rows']] == [28.256, 28.512, 29.024, 30.048, 32.096, 36.192]" \
    "[round(row['space_seconds'], 3) for row in data['rows']] == [231.473, 116.785, 59.441, 30.769, 16.433, 9.265]" \
    "round(data['best_size'], 1) == 5792.6" "data['verdict']['holds'] is True"
run study page-size --space 1M --entry 8 --disk 0,0,1000 --page-sizes 1K,4K --csv
same "other numbers" "1024 1024 8192 512 8704 1024 100 1048.576" "$(sed -n 2p out | tr , ' ')"
# Three segments of 1000, 5000 and 9000 bytes, far apart, each byte of them in blocks of 8 used once,
# twice over: what their last pages waste is arithmetic.
python3 - >segments.rw <<'PY'
for _ in range(2):
    for base, length in (0, 1000), (1 << 20, 5000), (1 << 24, 9000):
        for at in range(0, length, 8):
            print(f"{base + at:x} {'W' if at % 64 == 0 else 'R'}")
PY
run study page-size segments.rw --page-sizes 512..16384:*2 --json
true_of "data['segments'] == 3" \
    "[row['pages'] for row in data['rows']] == [sum(-(-n // p) for n in (1000, 5000, 9000)) for p in (512, 1024, 2048, 4096, 8192, 16384)]" \
    "[row['table_bytes'] for row in data['rows']] == [4 * row['pages'] for row in data['rows']]" \
    "all(row['frames'] == data['memory'] // row['page_size'] for row in data['rows'])" \
    "all(near(row['io_seconds'], (row['faults'] + row['write_backs']) * (28 + row['page_size'] / 2000) / 1000) for row in data['rows'])" \
    "all(near(row['segment_waste'], 32 + sum(-n % row['page_size'] for n in (1024, 5056, 9024)) / 3) for row in data['rows'])" \
    "all(near(row['overhead'], row['table_bytes'] + 3 * row['segment_waste']) for row in data['rows'])"
# Faults are those of sim, with as many frames as the memory has pages.
run study page-size segments.rw --page-sizes 512,4K --memory 8K --policy fifo --csv
same "faults as in sim" "$("$KILBURN" sim segments.rw --policy fifo --frames 16 --page-size 512 --csv | awk -F, 'NR == 2 {print $2, $4, $8}')
$("$KILBURN" sim segments.rw --policy fifo --frames 2 --page-size 4K --csv | awk -F, 'NR == 2 {print $2, $4, $8}')" \
    "$(awk -F, 'NR > 1 {print $7, $8, $9}' out)"
"$KILBURN" trace convert segments.rw --page-size 2K -o coarse.kbt -q
run study page-size coarse.kbt --json
true_of "[row['page_size'] for row in data['rows']] == [2048, 4096, 8192, 16384]" "data['rows'][0]['segment_waste'] is None"
run study page-size coarse.kbt --page-sizes 1K; expect 2 2048
run study page-size segments.rw; expect 0 "3 segments" "page size"
run study page-size t1.kbt; expect 2 "page numbers"
run study page-size segments.rw --memory 4K; expect 2 8192
run study page-size --page-sizes 1000; expect 2 "power of two"
run study page-size --disk 20ms,8ms; expect 2 --disk
run study page-size --disk 20ms,8ms,0; expect 2 --disk
run study page-size -; expect 2 "standard input"

# ---- allocation ----
"$KILBURN" trace generate loop:pages=12:references=6000 -o loop.kbt -q
"$KILBURN" trace generate uniform:pages=60:references=6000:writes=30 -o random.kbt -q
run study allocation loop.kbt random.kbt --frames 40 --quantum 100 --json
cp out study.json
true_of "[row['allocation'] for row in data['rows']] == ['global'] * 3 + ['equal'] * 3 + ['proportional'] * 3" \
    "[row['process'] for row in data['rows']] == ['loop', 'random', None] * 3" \
    "[row['share'] for row in data['rows']] == [None] * 3 + [20, 20, None] + [6, 33, None]" \
    "all(data['rows'][i]['faults'] == data['rows'][i - 1]['faults'] + data['rows'][i - 2]['faults'] for i in (2, 5, 8))"
for way in global equal proportional; do
    run sim loop.kbt random.kbt --policy lru --frames 40 --quantum 100 --allocation $way --json
    expect 0
    checks=$((checks + 1))
    python3 - $way <<'PY' || fail "allocation $way: not as sim has it"
import json, sys
rows = [row for row in json.load(open("study.json"))["rows"] if row["allocation"] == sys.argv[1]]
result, = json.load(open("out"))["results"]
found = [(p["faults"], p["write_backs"], p["references"]) for p in result["by_process"] + [result]]
sys.exit(found != [(row["faults"], row["write_backs"], row["references"]) for row in rows])
PY
done
# A loop that just fits an equal share, and not a proportional one: LRU misses always.
run study allocation loop.kbt random.kbt --frames 40 --quantum 100
expect 0 "global" "proportional"
python3 - <<'PY' || fail "the verdict is not that of the numbers"
import json, sys
study = json.load(open("study.json"))
together = [row["faults"] for row in study["rows"] if row["process"] is None]
best, shares = together[0] <= min(together), together[2] <= together[1]
sys.exit(study["verdict"]["holds"] != (True if best and shares else "partly" if best or shares else False))
PY
run study allocation loop.kbt; expect 2
run study allocation loop.kbt random.kbt; expect 2 --frames
run study allocation loop.kbt random.kbt --frames 1; expect 2
run study allocation loop.kbt random.kbt --frames 40 --policy lru,fifo; expect 2 "one policy"
run study allocation loop.kbt none.kbt --frames 40; expect 1 none.kbt
finish
