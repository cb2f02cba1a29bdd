#!/bin/bash
# json.sh - what scripts rely on: JSON with the keys and types that docs/cli.md names, CSV with its
# columns, and the same numbers in JSON, CSV and the table.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
echo "1 2 3 4 1 2 5 1 2 3 4 5" >belady.txt
"$KILBURN" trace generate phases -o phases.kbt -q || fail "no trace"
printf '1000 R\n2000 W\n3000 R\n1000 W\n' >small.rw

cat >shape.py <<'PY'
import json, sys
NUMBER, TEXT, REAL, NULL, BOOL = int, str, (int, float), type(None), bool


def check(what, value, shape):
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{what} is no object"]
        wanted = {key.rstrip("?") for key in shape}
        problems = [f"{what}.{key}: unexpected" for key in value if key not in wanted]
        for key, inner in shape.items():
            if key.rstrip("?") in value:
                problems += check(f"{what}.{key.rstrip('?')}", value[key.rstrip("?")], inner)
            elif not key.endswith("?"):
                problems.append(f"{what}.{key}: missing")
        return problems
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{what} is no array"]
        return [p for i, item in enumerate(value) for p in check(f"{what}[{i}]", item, shape[0])]
    kinds = shape if isinstance(shape, tuple) else (shape,)
    fine = type(value) in kinds
    return [] if fine else [f"{what} is {value!r}, wanted {kinds}"]


TRACE = {"references": NUMBER, "pages": NUMBER, "writes": NUMBER, "executes": NUMBER,
         "page_size": (NUMBER, NULL), "format": TEXT}
RESULT = {"policy": TEXT, "frames": (NUMBER, NULL), "references": NUMBER, "faults": NUMBER,
          "cold_faults": NUMBER, "evictions": NUMBER, "write_backs": NUMBER, "still_dirty": NUMBER,
          "hit_ratio": REAL, "resident_mean?": REAL, "resident_peak?": NUMBER,
          "work": {"time_marks": NUMBER, "bit_sets": NUMBER, "bit_clears": NUMBER,
                   "examined": NUMBER},
          "state_bytes": NUMBER, "faults_per_interval?": [NUMBER]}
ANOMALY = {"policy": TEXT, "frames": [NUMBER], "faults": [NUMBER]}
ADVICE = {"policy": TEXT, "frames": NUMBER, "faults": NUMBER, "fewest_faults": NUMBER,
          "opt_faults?": NUMBER, "mean_ratio_to_opt?": REAL}
SIM = {"trace": TRACE, "interval?": NUMBER, "results": [RESULT], "anomalies": [ANOMALY],
       "advice?": ADVICE}
STEP = {"reference": NUMBER, "page": NUMBER, "kind": TEXT, "fault": BOOL, "victim": (NUMBER, NULL),
        "write_back": BOOL, "frame": NUMBER, "slots": [(NUMBER, NULL)], "referenced?": [NUMBER],
        "modified?": [NUMBER], "released?": [NUMBER], "hand": (NUMBER, NULL), "why": (TEXT, NULL)}
STEPS = {"policy": TEXT, "frames": (NUMBER, NULL), "steps": [STEP], "faults": NUMBER,
         "write_backs": NUMBER}
TABLES = {"tables": [STEPS]}
TOTALS = {"format": TEXT, "references": NUMBER, "pages": NUMBER, "reads": NUMBER,
          "writes": NUMBER, "executes": NUMBER, "runs": NUMBER, "blocks": NUMBER,
          "events": NUMBER, "page_size": (NUMBER, NULL), "grain": (NUMBER, NULL),
          "program": (TEXT, NULL), "version": (NUMBER, NULL), "lost_bytes?": NUMBER}
USE = {"pages": NUMBER, "bytes": (NUMBER, NULL), "references": NUMBER, "writes": NUMBER,
       "executes": NUMBER}
STORY = {"kernel_references": NUMBER, "threads": NUMBER, "processes": NUMBER,
         "events_by_type": {"process": NUMBER, "thread": NUMBER, "map": NUMBER, "unmap": NUMBER,
                            "release": NUMBER, "discard": NUMBER, "name": NUMBER,
                            "kernel": NUMBER, "protect": NUMBER},
         "reuse": {"pages_executed": NUMBER, "pages_written": NUMBER, "pages_only_read": NUMBER,
                   "pages_used_once": NUMBER, "references_median": NUMBER,
                   "references_most": NUMBER, "most_page": NUMBER, "most_process": NUMBER,
                   "pages_with_half": NUMBER, "pages_with_nine_tenths": NUMBER,
                   "lru_hits": [{"share": REAL, "frames": (NUMBER, NULL), "bytes": (NUMBER, NULL)}]},
         "working_set": {"window": NUMBER, "mean": REAL, "peak": NUMBER, "peak_at": NUMBER,
                         "step": NUMBER, "sizes": [NUMBER]},
         "mappings?": [{"name": (TEXT, NULL), "kind": TEXT, "part": TEXT, "mapped_pages": NUMBER,
                        "mapped_bytes": (NUMBER, NULL), "mapped_pages_at_end": NUMBER, **USE}],
         "unmapped?": USE}
INFO = {"trace": {**TOTALS, **STORY}}
BRIEF = {"trace": TOTALS}
VERIFIED = {"trace": TOTALS, "whole": BOOL}


def pairs(items):
    keys = [key for key, _ in items]
    if len(keys) != len(set(keys)):
        sys.exit(f"a key stands twice: {keys}")
    return dict(items)


shape, name, tests = globals()[sys.argv[1]], sys.argv[2], sys.argv[3:]
data = json.loads(open(name, "rb").read().decode("utf-8"), object_pairs_hook=pairs)
problems = check("", data, shape)
for test in tests:
    if not eval(test, dict(data=data)):
        problems.append(f"not true: {test}")
print("\n".join(problems[:10]))
PY
shape() { # shape SHAPE [TEST…]: of the last run's standard output
    checks=$((checks + 1))
    [ "$status" -eq 0 ] || fail "$ran: exit status $status: $(cat err)"
    local problems
    problems=$(python3 shape.py "$1" out "${@:2}" 2>&1)
    [ -z "$problems" ] || fail "$ran: $problems"
    python3 -m json.tool out >/dev/null 2>err || fail "$ran: python3 -m json.tool: $(cat err)"
}

run sim belady.txt --policy fifo,lru,ws --frames 3,4 --json
shape SIM 'data["trace"] == {"references": 12, "pages": 5, "writes": 0, "executes": 0, "page_size": None, "format": "pages"}' \
    '[(r["policy"], r["frames"], r["faults"], r["evictions"]) for r in data["results"][:4]] == [("fifo", 3, 9, 6), ("fifo", 4, 10, 6), ("lru", 3, 10, 7), ("lru", 4, 8, 4)]' \
    'data["results"][4]["frames"] is None and data["results"][4]["resident_peak"] == 5' \
    '"resident_mean" not in data["results"][0]' \
    'data["anomalies"] == [{"policy": "fifo", "frames": [3, 4], "faults": [9, 10]}]' \
    '"advice" not in data and "interval" not in data'
run sim phases.kbt --study --json
shape SIM 'len({r["policy"] for r in data["results"]}) == 20' 'data["advice"]["policy"] != "opt"' \
    'data["advice"]["faults"] >= data["advice"]["fewest_faults"]' \
    'data["advice"]["faults"] in [r["faults"] for r in data["results"] if (r["policy"], r["frames"]) == (data["advice"]["policy"], data["advice"]["frames"])]'
run sim belady.txt --policy lru --frames 3 --advice --json
checks=$((checks + 1))
python3 -c 'import json; assert json.load(open("out"))["advice"] is None' || fail "$ran: advice is not null"
run sim belady.txt --policy lfu:keep=1:tie=lru --frames 3 --per-interval 5 --json
shape SIM 'data["interval"] == 5' 'data["results"][0]["policy"] == "lfu:keep=1:tie=lru"' \
    'len(data["results"][0]["faults_per_interval"]) == 3' \
    'sum(data["results"][0]["faults_per_interval"]) == data["results"][0]["faults"]'
for policy in fifo clock opt lru nru lirs ws pff:threshold=2; do
    run sim belady.txt --policy $policy --frames 3 --steps --json
    shape STEPS 'len(data["steps"]) == 12' 'data["faults"] == sum(s["fault"] for s in data["steps"])' \
        'all(s["kind"] in "RWX" and s["reference"] == i + 1 for i, s in enumerate(data["steps"]))' \
        'all((s["victim"] is None) <= (data["frames"] is None or s["why"] is None) for s in data["steps"])' \
        'all(s["page"] in s["slots"] for s in data["steps"])'
done
run sim small.rw --policy fifo --frames 1 --steps --json
shape STEPS 'data["write_backs"] == 1' '[s["victim"] for s in data["steps"]] == [None, 1, 2, 3]' \
    '[s["write_back"] for s in data["steps"]] == [False, False, True, False]'
run sim belady.txt --policy fifo,ws --frames 3,4 --steps --json
shape TABLES '[(t["policy"], t["frames"], t["faults"]) for t in data["tables"]] == [("fifo", 3, 9), ("fifo", 4, 10), ("ws", None, 5)]'
run trace info small.rw --json
shape INFO 'data["trace"]["page_size"] == 4096 and data["trace"]["reads"] == 2 and data["trace"]["writes"] == 2 and data["trace"]["pages"] == 3'
run trace info phases.kbt --json
shape INFO 'data["trace"]["format"] == "kbt" and data["trace"]["program"] == "phases" and data["trace"]["page_size"] is None'
run trace info phases.kbt --json --brief
shape BRIEF 'data["trace"]["version"] == 1'
run trace info phases.kbt --json --brief --recover
shape BRIEF 'data["trace"]["lost_bytes"] == 0'
run trace verify phases.kbt --json
shape VERIFIED 'data["whole"]'
# Mappings may have any name, too.
PYTHONPATH=$CLI_TESTS python3 -c 'import kbt
kbt.write("mapped.kbt", [[("map", 1, 2), ("name", "/a \"quoted\" \x07 \udcff é"), ("protect", 1, 2, "rx"), ("x", 1)]])' || fail "no trace"
run trace info mapped.kbt --json
shape INFO 'data["trace"]["mappings"][0]["name"] == "/a \"quoted\" \x07 \ufffd é"' 'data["trace"]["version"] == 2'
# A program's name may be anything: quotes, control characters, UTF-8 cut in a character, no UTF-8.
for program in 'a "quoted" \name' $'tab\tline\nbell\a' "$(printf 'x%.0s' {1..42})é" "$(printf 'é%.0s' {1..40})" \
    $'\xff\xfe' $'\xc3' $'\xed\xa0\x80' $'\x7f'; do
    run trace generate loop -o named.kbt --program "$program"
    expect 0
    run trace info named.kbt --json
    shape INFO
done

# CSV: as many columns everywhere, and JSON's numbers.
run sim phases.kbt --policy fifo,lfu:keep=1,clock,wsclock,ws,opt --frames 8..16:4 --json
cp out results.json
run sim phases.kbt --policy fifo,lfu:keep=1,clock,wsclock,ws,opt --frames 8..16:4 --csv
cp out results.csv
run sim phases.kbt --policy fifo,lfu:keep=1,clock,wsclock,ws,opt --frames 8..16:4
cp out results.txt
checks=$((checks + 1))
python3 - <<'PY' || fail "JSON, CSV and table differ"
import csv, json, re, sys
results = json.load(open("results.json"))["results"]
rows = list(csv.DictReader(open("results.csv")))
header = open("results.csv").readline().strip()
assert header == ("policy,frames,references,faults,cold_faults,hit_ratio,evictions,write_backs,still_dirty,"
                  "resident_mean,resident_peak,time_marks,bit_sets,bit_clears,examined"), header
assert len(rows) == len(results) == 16, (len(rows), len(results))
lines = open("results.txt").read().splitlines()
table = [line.split() for line in lines if re.match(r"(fifo|lfu:keep=1|clock|wsclock|ws|opt) ", line)]
assert len(table) == 16, lines
for row, result, cells in zip(rows, results, table):
    assert None not in row and None not in row.values(), row
    flat = dict(result, **result["work"])
    for key, text in row.items():
        value = flat.get(key)
        if value is None:
            assert text == "", (key, row, result)
        elif isinstance(value, str):
            assert text == value, (key, row, result)
        else:
            assert abs(float(text) - value) <= 0.001 * (key == "resident_mean") + 1e-6, (key, row, result)
    if result["frames"] is not None:
        shown = [result["policy"], result["frames"], result["faults"], "%.4f" % result["hit_ratio"],
                 result["evictions"], result["write_backs"], result["still_dirty"],
                 *result["work"].values()]
        assert [str(x) for x in shown] == cells, (shown, cells)
    else:
        assert cells[1].startswith("~") and cells[2] == str(result["faults"]), cells
PY
run sim belady.txt --policy fifo,lru,ws --frames 3,4 --per-interval 5 --csv
same "--per-interval --csv" "from,fifo/3,fifo/4,lru/3,lru/4,ws
1,5,4,5,4,4
6,3,4,3,2,1
11,1,2,2,2,0" "$(cat out)"
run --lang es sim belady.txt --policy fifo,lru --frames 3,4 --csv
mv out spanish
run sim belady.txt --policy fifo,lru --frames 3,4 --csv
same_files "CSV does not depend on the language" out spanish
run --lang es sim belady.txt --policy fifo,lru --frames 3,4 --json
mv out spanish
run sim belady.txt --policy fifo,lru --frames 3,4 --json
same "JSON does not depend on the language" "$(python3 -m json.tool out)" "$(python3 -m json.tool spanish)"
finish
