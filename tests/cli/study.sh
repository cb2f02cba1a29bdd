#!/bin/bash
# study.sh - kilburn study: its list, wrong requests, and the numbers of organisations (L11).
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3

run study
expect 2
run study --help
expect 0
grep -q organisations out || fail "the help does not list organisations"
run study nothing
expect 2
run study organisations x
expect 2
run study organisations --json --csv
expect 2
for wrong in --jobs=a:5 --jobs=:5:5 --jobs=a:0:5 --jobs=a:5:0 --jobs=a:5K:1:::6K --jobs=a:x:1 \
    --jobs=a:1:1:1:1:1:1 --memory=0 --os=64K --partitions=0 --page-size=100 --policy=opt --no-plot; do
    run study organisations "$wrong"
    expect 2
done
run study organisations --jobs nofile
expect 1
run study organisations --partitions 64K
expect 1
run study organisations --jobs a:5K:10000000000
expect 1

# The numbers of L01 to L04 and L11, and a verdict that follows the data.
cat >rows.py <<'EOF'
import json
wanted = {"single-user": (3, 1, 30), "fixed-absolute": (3, 1, 20), "fixed-relocatable": (3, 1, 10),
          "variable": (3, 1, 10), "paging": (4, 0, 20), "segmentation": (4, 0, 20),
          "paged-segmentation": (4, 0, 20)}
found = json.load(open("out"))
rows = {r["organisation"]: r for r in found["rows"]}
for name, (admitted, refused, makespan) in wanted.items():
    r = rows[name]
    assert (r["admitted"], r["refused"], r["makespan"]) == (admitted, refused, makespan), r
assert rows["fixed-absolute"]["internal"] == 4096 and rows["fixed-absolute"]["external"] == 16384
assert rows["fixed-relocatable"]["internal"] == 15360 and rows["variable"]["internal"] == 0
assert found["verdict"]["holds"] is True
EOF
run study organisations --json
expect 0
python3 rows.py || fail "the rows of organisations"
printf '# the same\nA:6K:10:1 B:5K:10:1\nC:30K:10:3,D:57K:10\n' >jobs.txt
run study organisations --json --jobs jobs.txt
python3 rows.py || fail "the rows of organisations, jobs from a file"
# one job alone that fills its partition and whole pages: nothing to cure
run study organisations --json --jobs A:8K:5:1
python3 -c 'import json; assert json.load(open("out"))["verdict"]["holds"] is False' ||
    fail "the verdict on one job"
run study organisations --csv
[ "$(wc -l <out)" = 8 ] || fail "CSV has $(wc -l <out) lines"
run --lang es study organisations
grep -q "^Afirmación: " out || fail "no claim in Spanish"
grep -q "^Se cumple. " out || fail "no verdict in Spanish"
# The thrashing curve: CPU use with p of one process beside it, load control, other workloads.
run study multiprogramming --degrees 1,2,16 --json
expect 0
cat >multi.py <<'END'
import json
found = json.load(open("out"))
rows = found["rows"]
assert [(r["degree"], r["load_control"]) for r in rows] == [(d, c) for c in ("none", "working-set") for d in (1, 2, 16)]
assert all(0 <= r["cpu_use"] <= 100 and 0 <= r["disk_use"] <= 100 for r in rows)
assert rows[2]["cpu_use"] < rows[0]["cpu_use"] < rows[1]["cpu_use"], "it rises and falls"
assert rows[2]["suspensions"] == 0 < rows[5]["suspensions"] and rows[5]["active"] < 16
assert rows[0]["faults"] * 2 <= rows[1]["faults"], "each copy faults by itself"
assert abs(rows[1]["one_minus_p_n"] - 100 * (1 - found["p"] ** 2)) < 1e-4
END
python3 multi.py || fail "the rows of multiprogramming"
run study multiprogramming --degrees 2 --load-control none --csv
expect 0
[ "$(wc -l <out)" = 2 ] || fail "CSV has $(wc -l <out) lines"
# a working set that fits always: it does not fall
run study multiprogramming --workload loop:pages=4:passes=500 --degrees 1..4 --no-plot
expect 0 "It does not fall"
for control in fault-rate working-set:window=50:suspend=largest fault-rate:suspend=smallest:faults=5; do
    run study multiprogramming --degrees 12 --load-control $control --frames 40 --allocation variable \
        --policy ws:window=100 --no-plot
    expect 0 "${control%%:*}"
done
run study multiprogramming "$KILBURN_SOURCE/traces/sort.kbt" --degrees 2 --frames 300 --cycle-time 1us --quantum 1000 --no-plot
expect 0 " 300 frames"
run --lang es study multiprogramming --degrees 1,8
expect 0 "Afirmación: " "control de carga"
for wrong in --degrees=0 --degrees=600 --frames=0 --load-control=most --load-control=working-set:window=0 \
    --workload=none --policy=opt --cycle-time=x --quantum=0 --window=0; do
    run study multiprogramming --degrees 2 "$wrong"
    expect 2
done
run study multiprogramming --workload loop loop.kbt
expect 2 --workload loop.kbt

# Load control of traces: sim.
run trace generate loop:pages=30:passes=200:writes=50 -o loop.kbt -q
expect 0
for how in working-set:window=100 fault-rate; do
    run sim loop.kbt --policy lru --frames 50 --processes 4 --quantum 40 --cycle-time 10us --load-control $how --json
    expect 0
    python3 -c '
import json
found = json.load(open("out"))
r = found["results"][0]
assert found["machine"]["load_control"] == "'$how'", found["machine"]
assert r["suspensions"] == r["resumptions"] > 0 and r["degree"] < r["degree_most"] == 4, r
assert r["references"] == 4 * 6000' || fail "sim --load-control $how"
done
run sim loop.kbt --policy lru --frames 50 --processes 4 --load-control fault-rate
expect 2 fault-rate --cycle-time service=
run sim loop.kbt --policy lru --frames 50 --load-control thrash
expect 2 thrash "none, working-set, fault-rate"
run sim loop.kbt --policy ws:window=100 --frames 80 --processes 4 --allocation variable --load-control working-set:window=100
expect 0 "working-set:window=100" "whoever holds most"

finish
