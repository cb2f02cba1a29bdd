#!/usr/bin/env bash
# record.sh - real programs natively, under kilburn record, and under Valgrind's lackey, in the same
# run: references a second, slowdowns, bits a reference.
#
#   KILBURN       the program (build/kilburn)
#   BENCH_QUICK   1: a tenth of the work
#   BENCH_TIMES   how often each is timed (3); the median counts
#   RECORD_ONLY   a pattern of programs, for example 'sort' (all)
#
# lackey is some hundred times slower, so it gets a smaller input of the same kind, once; its rate, in
# references a second, is compared. It writes its lines into a pipe, kilburn trace convert reads them:
# both ways end with a native trace. Processor features differ, and so do the C library's functions:
# rates count references, slowdowns count the same work.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"
kilburn=$(realpath "${KILBURN:-$here/../build/kilburn}")
times=${BENCH_TIMES:-3}
scale=10
[ "${BENCH_QUICK:-}" = 1 ] && scale=1
folder=$(mktemp -d "${TMPDIR:-/tmp}/kilburn-bench-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
[ -x "$kilburn" ] || { echo "record.sh: $kilburn is missing: run make first" >&2; exit 2; }
command -v qemu-x86_64 qemu-aarch64 >/dev/null || {
    echo "record.sh: left out: QEMU's user mode is not installed (Debian: qemu-user)"
    exit 0
}

# ---- the work: large for us, small for lackey ----

numbers() { awk -v n="$1" 'BEGIN { x = 1; for (i = 0; i < n; i++) { x = x * 48271 % 2147483647; print x } }'; }
numbers $((5000 * scale)) >numbers.large
numbers 600 >numbers.small
numbers $((14000 * scale)) >bytes.large
numbers 1500 >bytes.small
rows() { # rows COUNT: a table in memory, an index, a join, updates, a sort
    cat <<SQL
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, amount INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
    INSERT INTO t SELECT i, hex(i * 7919 % 12007) || '-customer', i * 48271 % 9973 FROM n;
CREATE INDEX t_name ON t(name);
SELECT count(*), sum(amount) FROM t WHERE name LIKE '3%';
SELECT a.amount % 10, count(*) FROM t a JOIN t b ON b.id = a.amount + 1 GROUP BY 1;
UPDATE t SET amount = amount + 1 WHERE id % 3 = 0;
SELECT name FROM t ORDER BY amount DESC, name LIMIT 5;
SQL
}
rows $((3000 * scale)) >sqlite.large
rows 60 >sqlite.small
cat >matrix.c <<'C'
#include <stdlib.h>
enum { MOST = 500 };
static double a[MOST][MOST], b[MOST][MOST], c[MOST][MOST];
int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            a[i][j] = i + j;
            b[i][j] = i - j;
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int k = 0; k < n; k++)
                c[i][j] += a[i][k] * b[k][j];
    return c[3][4] == 1;
}
C
${CC:-cc} -O1 -o matrix matrix.c
declare -A large=(
    [sort]="sort -n --parallel=1 -o sorted numbers.large"
    [gzip]="gzip -kf bytes.large"
    [sqlite]="sqlite3 :memory: '.read sqlite.large'"
    [matrix]="./matrix $((190 + 6 * scale))"
)
declare -A small=(
    [sort]="sort -n --parallel=1 -o sorted numbers.small"
    [gzip]="gzip -kf bytes.small"
    [sqlite]="sqlite3 :memory: '.read sqlite.small'"
    [matrix]="./matrix 50"
)
declare -A bits=([sqlite]=0.5 [matrix]=0.5 [gzip]=1.0)

# ---- what is measured ----

references() { "$kilburn" trace info "$1" --json >info && grep -o '"references":[0-9]*' info | head -1 | cut -d: -f2; }
run_native() { eval "${large[$1]}"; }
run_record() { eval "\"$kilburn\" record -q -o record.kbt ${2:-} -- ${large[$1]}"; }
run_lackey() {
    eval "valgrind --tool=lackey --trace-mem=yes --log-fd=9 ${small[$1]} 9>&1 >out.lackey 2>err.lackey" |
        "$kilburn" trace convert - --format lackey -o lackey.kbt -q
}
rate() { awk -v n="$1" -v t="$2" 'BEGIN { printf "%.1f", n / t / 1e6 }'; }

goals=$folder/goals
: >"$goals"
goal() { # goal TITLE VALUE GOAL [least]: at least, or at most
    local verdict=yes sign='>='
    [ "${4:-}" = most ] && sign='<='
    awk -v v="$2" -v g="$3" -v s="$sign" 'BEGIN { exit !(s == ">=" ? v >= g : v <= g) }' || verdict=NO
    printf 'goal: %-44s %9s  %s %4s  %s\n' "$1" "$2" "$sign" "$3" "$verdict" >>"$goals"
}

lackey=1
command -v valgrind >/dev/null || lackey=0
printf '%-8s %9s %9s %9s %9s %10s %10s %10s %10s %9s\n' "program" "Mrefs" "native s" "record s" \
    "slowdown" "Mrefs/s" "exact M/s" "lackey M/s" "x lackey" "bits/ref"
best=0
for name in sort gzip sqlite matrix; do
    # shellcheck disable=SC2053
    [[ $name == ${RECORD_ONLY:-*} ]] || continue
    program=${large[$name]%% *}
    command -v "$program" >/dev/null || { echo "$name: left out: $program is not installed"; continue; }
    native='' record='' exact='' theirs='' lackey_rate=- ratio=-
    for ((t = 0; t < times; t++)); do
        wall native run_native "$name"
        wall record run_record "$name"
    done
    n=$(references record.kbt)
    size=$(wc -c <record.kbt)
    wall exact run_record "$name" --exact
    exact_n=$(references record.kbt)
    r=$(rate "$n" "$(median "$record")")
    per=$(awk -v b="$size" -v n="$n" 'BEGIN { printf "%.3f", b * 8 / n }')
    if [ $lackey = 1 ]; then
        wall theirs run_lackey "$name"
        lackey_rate=$(rate "$(references lackey.kbt)" "$(median "$theirs")")
        ratio=$(awk -v a="$r" -v b="$lackey_rate" 'BEGIN { printf "%.0f", a / b }')
        goal "record, $name, times lackey's rate" "$ratio" 50
    fi
    printf '%-8s %9s %9.3f %9.3f %9s %10s %10s %10s %10s %9s\n' "$name" "$(rate "$n" 1)" \
        "$(median "$native")" "$(median "$record")" "$(ratio "$(median "$record")" "$(median "$native")")" \
        "$r" "$(rate "$exact_n" "$(median "$exact")")" "$lackey_rate" "$ratio" "$per"
    [ -n "${bits[$name]:-}" ] && goal "record, $name, bits a reference" "$per" "${bits[$name]}" most
    case $name in sort | gzip) best=$(awk -v a="$best" -v b="$r" 'BEGIN { print (a > b) ? a : b }') ;; esac
done
[ "$best" = 0 ] || goal "record, the better of sort and gzip, Mrefs/s" "$best" 100
[ $lackey = 1 ] || echo "(lackey: left out, Valgrind is not installed)"
cat "$goals"
