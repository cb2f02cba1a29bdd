#!/bin/bash
# memory.sh - kilburn sim on the whole machine: shares of the frames, writes in clusters and in
# advance, page tables in frames.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$CLI_TESTS
traces=$KILBURN_SOURCE/traces
"$KILBURN" trace generate phases -o t1.kbt -q || fail "no trace"
policies=$("$KILBURN" sim t1.kbt --policy all --frames 8 --csv | awk -F, 'NR > 1 && $1 !~ /^opt/ {print $1}' | paste -sd,)
fixed=${policies/,ws,/,} fixed=${fixed/,pff/}

# 1. Equal shares: each process counts as it does alone in half the frames. They take turns of one
# reference, so that only the last one of the second process is made when the first has ended.
# (That one is no fault here, under any policy.)
part="--skip 300000 --limit 6000"
for trace in cc1 python; do
    # shellcheck disable=SC2086
    run sim "$traces/$trace.kbt" --policy "$fixed" --frames 14 $part --json
    expect 0
    mv out alone.$trace
done
python3 - <<'PY'
import json
both = [json.load(open("alone." + name))["results"] for name in ("cc1", "python")]
json.dump({"results": [list(pair) for pair in zip(*both)]}, open("plain.json", "w"))
PY
# shellcheck disable=SC2086
run sim "$traces"/{cc1,python}.kbt --policy "$fixed" --frames 28 $part --quantum 1 --allocation equal --json
true_of 'len(r) == len(plain) == 17' \
    '[[counts(p) for p in x["by_process"]] for x in r] == [[counts(p) for p in pair] for pair in plain]' \
    'all(p["allocation"] == 14 for x in r for p in x["by_process"])' \
    'all(x["faults"] > 150 and x["evictions"] > 100 for pair in plain for x in pair)' \
    'data["machine"]["allocation"] == "equal" and data["machine"]["minimum"] == 1'
# With a reserve beside the shares, too: what stands by is not read again, and nobody waits.
# shellcheck disable=SC2086
run sim "$traces"/{cc1,python}.kbt --policy "${fixed#random,}" --frames 37 $part --quantum 1 --allocation equal --reserve 3,9 --json
true_of 'all(p["allocation"] == 14 for x in r for p in x["by_process"])' \
    '{x["policy"]: [p["faults"] + p["soft_faults"] for p in x["by_process"]] for x in r} == {pair[0]["policy"]: [p["faults"] for p in pair] for pair in plain if pair[0]["policy"] != "random"}' \
    'all(x["rescues"] == x["soft_faults"] > 0 and x["synchronous_writes"] == 0 < x["background_writes"] for x in r)' \
    'data["machine"]["reserve"] == {"low": 3, "high": 9}'
rm plain.json

# 2. Proportional shares: 62 frames for 10 and 127 pages are 4 and 57.
seq 1 10 >ten.txt
seq 1 127 >many.txt
run sim ten.txt many.txt --policy lru --frames 62 --quantum 1 --allocation proportional --json
true_of '[p["allocation"] for p in r[0]["by_process"]] == [4, 57]' \
    '[p["resident_peak"] for p in r[0]["by_process"]][0] == 4'
run sim ten.txt many.txt --policy lru --frames 62 --allocation proportional --minimum 6 --json
true_of '[p["allocation"] for p in r[0]["by_process"]] == [6, 56]' 'data["machine"]["minimum"] == 6'
run sim ten.txt many.txt --policy lru --frames 62 --processes 1,2 --allocation proportional --json
true_of '[p["allocation"] for p in r[1]["by_process"]] == [2, 28, 2, 28]'
run sim ten.txt many.txt --policy lru --frames 62 --machine --json
true_of 'all(p["allocation"] is None for p in r[0]["by_process"])' 'data["machine"]["minimum"] is None'
# Policies with a window: each process has its own, and as many frames as it has pages.
cp t1.kbt t2.kbt
run sim t1.kbt --policy ws,pff --json
mv out plain.json
run sim t1.kbt t2.kbt --policy ws,pff --allocation proportional --quantum 100 --json
true_of '[x["frames"] for x in r] == [168, 168]' \
    '[[counts(p) for p in x["by_process"]] for x in r] == [2 * [counts(x)] for x in plain]'
rm plain.json
# What is refused.
run sim ten.txt many.txt --policy lru --frames 62 --allocation equal --minimum 32; expect 2 "equal" "2 processes" "32 frames" "62 frames"
run sim ten.txt many.txt --policy lru --frames 62 --allocation equal --minimum 31; expect 0
run sim ten.txt many.txt --policy lru --frames 62 --allocation equal --minimum 27 --reserve 4,9; expect 2 "53 frames"
run sim ten.txt many.txt --policy lru --frames 1 --allocation equal; expect 2 "2 processes" "1 frames"
run sim ten.txt --policy lru --frames 62 --minimum 3; expect 2 --minimum --allocation
python3 -c "import kbt; kbt.write('family.kbt', [[('r', 1), ('process', 7), ('r', 2)]])"
run sim family.kbt --policy lru --frames 9 --allocation equal --minimum 5; expect 1 family/7 "5 frames"
for allocation in equal proportional; do
    run sim ten.txt --policy lru,opt --frames 5 --allocation $allocation; expect 2 opt "--allocation $allocation" global
done
run sim ten.txt many.txt --policy opt --frames 5 --allocation equal; expect 2 opt "by itself"
run --lang es sim ten.txt --policy opt --frames 5 --allocation equal; expect 2 opt "propia política"
run sim ten.txt --policy lru --frames 5 --allocation local; expect 2 --allocation local "global, equal, proportional, variable"

# 3. A reserve: the faults of lru are the same, rescues come on top, and no write is waited for.
# (That fifo has no more, either, is no theorem, but so on parts that are long enough.)
for trace in t1.kbt "$traces/sqlite.kbt"; do
    run sim "$trace" --policy lru,fifo,clock --frames 40 --limit 200000 --json
    mv out plain.json
    for reserve in 1,1 2,6 20,39; do
        run sim "$trace" --policy lru,fifo,clock --frames 40 --limit 200000 --reserve $reserve --json
        true_of 'r[0]["faults"] == plain[0]["faults"]' 'r[1]["faults"] <= plain[1]["faults"]' \
            'all(x["synchronous_writes"] == 0 and x["background_writes"] == x["write_backs"] for x in r)' \
            'all(x["rescues"] == x["soft_faults"] for x in r)' 'r[0]["write_backs"] >= plain[0]["write_backs"] > 0' \
            'all(x["faults"] == x["zero_fills"] + x["swap_reads"] for x in r)'
    done
    rm plain.json
done
run sim t1.kbt --policy lru --frames 12 --machine --json
true_of 'r[0]["rescues"] == r[0]["background_writes"] == 0 and r[0]["synchronous_writes"] == r[0]["write_backs"] == 87'
run sim t1.kbt --policy lru --frames 12 --reserve 4,8; expect 0 rescues waited transfers "Below 4 free frames" "until there are 8" "~ 0 +[0-9]+ +0\.[0-9]+ +[0-9.]+ +[0-9]+$"
for reserve in "" 4 "4," ,4 0,4 5,4 4,5,6 x,4 -1,4; do
    run sim t1.kbt --policy lru --frames 12 --reserve "$reserve"; expect 2 --reserve LOW,HIGH
done
run sim t1.kbt --policy lru --frames 12..30 --reserve 4,12; expect 2 --reserve 4,12 "12 frames"

# 4. Clusters: the same faults, fewer transfers, fewer writes that are waited for.
run sim "$traces/sqlite.kbt" --policy lru,fifo,clock --frames 40 --limit 200000 --machine --json
mv out plain.json
for cluster in 1 2 8 64; do
    run sim "$traces/sqlite.kbt" --policy lru,fifo,clock --frames 40 --limit 200000 --cluster $cluster --json
    true_of '[x["faults"] for x in r] == [x["faults"] for x in plain]' \
        "$cluster > 1 or r == plain" "data['machine']['cluster'] == $cluster" \
        "$cluster == 1 or all(x['disk_transfers'] < y['disk_transfers'] for x, y in zip(r, plain))" \
        "$cluster == 1 or all(x['synchronous_writes'] < y['synchronous_writes'] and x['write_backs'] >= y['write_backs'] for x, y in zip(r, plain))"
done
rm plain.json
# By hand: eight neighbours are written, then others come: one transfer of eight pages.
echo 1w 2w 3w 4w 5w 6w 7w 8w 21 22 23 24 25 26 27 28 >row.txt
run sim row.txt --policy fifo --frames 8 --cluster 8 --json
true_of 'r[0]["disk_transfers"] == 1 and r[0]["disk_bytes"] == 8 * 4096 and r[0]["write_backs"] == 8' \
    'r[0]["synchronous_writes"] == 1 and r[0]["background_writes"] == 7'
run sim row.txt --policy fifo --frames 8 --machine --json; true_of 'r[0]["disk_transfers"] == 8'
for cluster in 0 65 x; do
    run sim t1.kbt --policy lru --frames 12 --cluster $cluster; expect 2 --cluster
done

# 5. Page tables: apart they cost nothing; resident ones take frames; pageable ones give them back.
# One page in each of 40 parts of the space, three times over: a table of the last level each.
python3 -c "print(*[str(i * 1024) + 'w' for _ in range(3) for i in range(40)])" >sparse.txt
for tables in apart resident pageable; do
    run sim sparse.txt --policy lru --frames 64 --table-format x86-32 --tables $tables --json
    cp out $tables.json
    true_of "data['machine']['tables'] == '$tables'" 'r[0]["table_faults"] == r[0]["by_process"][0]["table_faults"]'
done
true_of 'r[0]["table_faults"] == 80 and r[0]["table_writes"] == 88' 'r[0]["tables"] == 33 and r[0]["by_process"][0]["resident_peak"] == 31' \
    '[json.load(open(x + ".json"))["results"][0]["faults"] for x in ("apart", "resident", "pageable")] == [40, 120, 120]' \
    '[json.load(open(x + ".json"))["results"][0]["tables"] for x in ("apart", "resident")] == [41, 41]' \
    '[json.load(open(x + ".json"))["results"][0]["by_process"][0]["resident_peak"] for x in ("apart", "resident")] == [40, 23]' \
    '[json.load(open(x + ".json"))["results"][0]["table_writes"] for x in ("apart", "resident")] == [0, 0]'
run sim sparse.txt --policy lru --frames 64 --table-format x86-32 --tables pageable
expect 0 "table faults" "can go to the paging file"
run sim sparse.txt --policy lru --frames 64 --lang es --tables resident; expect 0 "ocupan marcos, y se quedan"
# Smaller pages have smaller tables: more levels, unless they are said.
run sim "$traces/python.kbt" --policy lru --frames 400 --page-size 512 --limit 20000 --tables pageable --json
true_of 'data["machine"]["levels"] == 5'
run sim "$traces/python.kbt" --policy lru --frames 400 --page-size 512 --limit 20000 --tables resident --levels 4; expect 2 "tables can only lie in frames"
run sim sparse.txt --policy lru --frames 64 --table-format inverted --tables resident; expect 2 "tables can only lie in frames"
run sim sparse.txt --policy lru --frames 2 --table-format x86-32 --tables resident; expect 1 "process sparse" "every frame is held"
run sim sparse.txt --policy lru --frames 64 --tables below; expect 2 --tables "apart, resident, pageable"
# Shares are of what tables leave.
run sim sparse.txt ten.txt --policy lru --frames 64 --table-format x86-32 --tables resident --allocation equal --json
true_of '[p["allocation"] for p in r[0]["by_process"]] == [31, 31]'

# 6. All at once: every policy, and the texts.
run sim t1.kbt t2.kbt --policy "$policies" --frames 60 --allocation proportional --minimum 3 --cluster 4 --reserve 2,5 --tables pageable --json
true_of 'len(r) == 19 and all(x["references"] == 20000 and x["faults"] >= 168 for x in r)' \
    'all(x["write_backs"] == x["background_writes"] + x["synchronous_writes"] for x in r)' \
    'all(sum(p["table_faults"] for p in x["by_process"]) == x["table_faults"] for x in r)'
run sim t1.kbt t2.kbt --policy lru,clock --frames 60 --allocation equal --cluster 4 --reserve 2,5 --tables pageable
expect 0 "Each process replaces its own pages: equal shares of the frames, 1 at least" "up to 4 pages a transfer" \
    "~^policy .*rescues +table faults .*waited +transfers" "~ share$"
checks=$((checks + 1))
[ "$(awk '{ if (length > most) most = length } END { print most }' out)" -le 120 ] || fail "a wide table"
run --lang es sim t1.kbt t2.kbt --policy lru --frames 60 --allocation proportional --reserve 2,5 --cluster 4
expect 0 "partes proporcionales" "se pueden rescatar" "~ parte$" "rescates" "esperadas"
run sim t1.kbt t2.kbt --policy lru --frames 60 --allocation equal --cluster 4 --reserve 2,5 --csv
expect 0 rescues,cold_faults write_backs,background_writes,synchronous_writes, table_faults,table_writes
finish
