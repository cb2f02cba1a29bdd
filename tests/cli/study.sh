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
finish
