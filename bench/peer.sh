#!/usr/bin/env bash
# peer.sh - Kilburn and libCacheSim on the same files and the same cores: misses, wall times, ratios.
#
#   LIBCACHESIM   its program cachesim (needed)
#   KILBURN       ours (build/kilburn)
#   BENCH_QUICK   1: 2 million references, 100000 pages instead of 20 and 1 million
#   PEER_TIMES    how often each is timed, in turns (3); the medians count
#   PEER_CPUS     the cores of both, for taskset (all that this shell may use)
#   PEER_ONLY     a pattern of cells, for example 'zipf * arc', or 'sweep' (all)
#
# Both are timed on the oracleGeneral file; Kilburn also on a kbt made of it. Policies that both
# define alike must have equal misses: otherwise FAIL, and exit status 1.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"
kilburn=$(realpath "${KILBURN:-$here/../build/kilburn}")
programs=$(dirname "$kilburn")/bench
times=${PEER_TIMES:-3}
references=20000000
pages=1000000
if [ "${BENCH_QUICK:-}" = 1 ]; then
    references=2000000
    pages=100000
fi
if [ ! -x "${LIBCACHESIM:-}" ]; then
    echo "peer.sh: set LIBCACHESIM to the path of libCacheSim's program cachesim" >&2
    exit 2
fi
peer=$(realpath "$LIBCACHESIM")
for program in "$kilburn" "$programs/bench_oracle"; do
    [ -x "$program" ] || { echo "peer.sh: $program is missing: run make first" >&2; exit 2; }
done
cpus=${PEER_CPUS:-$(taskset -cp $$ | sed 's/.*: //')}
threads=$(taskset -c "$cpus" nproc)
folder=$(mktemp -d "${TMPDIR:-/tmp}/kilburn-peer-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder" # cachesim writes result files where it stands
failed=0

# cachesim prints miss ratios of four digits. A small library of ours, loaded before the C library,
# makes it fifteen; the misses are then exact.
digits=()
if ${CC:-cc} -shared -fPIC -O1 -o digits.so "$here/peer_digits.c" 2>err; then
    digits=(env LD_PRELOAD="$folder/digits.so")
else
    echo "peer.sh: peer_digits.c did not compile: misses are compared to four digits" >&2
fi

# The name of our policy there.
name_there() {
    case $1 in
    clock:load-bit=0) echo clock ;;
    opt) echo belady ;;
    *) echo "$1" ;;
    esac
}

must_be_equal() { [[ " fifo lru clock:load-bit=0 sieve arc opt " == *" $1 "* ]]; }

# there OUT FILE POLICIES SIZES; here likewise, with --format for oracle files
run_there() {
    local policies='' p
    for p in ${3//,/ }; do policies+=,$(name_there "$p"); done
    wall "$1" "${digits[@]}" taskset -c "$cpus" "$peer" "$2" oracleGeneral "${policies#,}" "$4" \
        --ignore-obj-size 1 --num-thread "$threads"
    sed -n 's/.* \([A-Za-z0-9-]*\) *cache size *\([0-9]*\), *\([0-9]*\) req, miss ratio \([0-9.]*\).*/\2 \3 \4/p' out |
        awk '{ printf "%d %.0f\n", $1, $2 * $3 }' >misses
}
run_here() {
    local format=()
    [[ $2 == *.bin ]] && format=(--format oracle)
    wall "$1" taskset -c "$cpus" "$kilburn" sim "$2" "${format[@]}" --policy "$3" --frames "$4" --json --quiet
    grep -o '"frames":[0-9]*,"references":[0-9]*,"faults":[0-9]*' out |
        sed 's/.*frames":\([0-9]*\).*faults":\([0-9]*\)/\1 \2/' >faults
}

# Both lists are "SIZE MISSES", policy by policy; without all digits the peer's are rounded.
equal() {
    if [ ${#digits[@]} -gt 0 ]; then
        cmp -s misses faults
    else
        paste misses faults | awk -v n="$references" \
            '{ d = $2 - $4; if ($1 != $3 || d * d > n * n * 2.6e-9) bad = 1 } END { exit bad }'
    fi
}

# compare TITLE WORKLOAD POLICIES SIZES EQUAL GOAL-ORACLE GOAL-KBT
compare() {
    local there='' oracle='' kbt='' verdict=different t a b c ours theirs
    if [[ "$1 " != ${PEER_ONLY:-}* ]]; then return; fi
    for ((t = 0; t < times; t++)); do
        run_there there "$2.oracleGeneral.bin" "$3" "$4"
        run_here oracle "$2.oracleGeneral.bin" "$3" "$4"
        run_here kbt "$2.kbt" "$3" "$4"
    done
    if equal; then
        verdict=equal
    elif [ "$5" = equal ]; then
        verdict=FAIL
        failed=1
    fi
    theirs=$(awk '{ s += $2 } END { printf "%d", s }' misses)
    ours=$(awk '{ s += $2 } END { printf "%d", s }' faults)
    a=$(median "$there") b=$(median "$oracle") c=$(median "$kbt")
    printf '%-30s %11s %11s %-9s %8.3f %8.3f %8.3f %7s >= %s %-3s %7s >= %s %s\n' "$1" "$theirs" \
        "$ours" "$verdict" "$a" "$b" "$c" "$(ratio "$a" "$b")" "$6" "$(judge "$(ratio "$a" "$b")" "$6")" \
        "$(ratio "$a" "$c")" "$7" "$(judge "$(ratio "$a" "$c")" "$7")"
}

echo "Wall times of whole processes in seconds, medians of $times in turns, cores $cpus"
printf '%-30s %11s %11s %-9s %8s %8s %8s %13s %15s\n' "workload, frames, policy" "misses" "Kilburn" \
    "" "cachesim" "oracle" "kbt" "oracle ratio" "kbt ratio"
for workload in zipf loop; do
    [[ "${PEER_ONLY:-}" == zipf* && $workload == loop ]] && continue
    [[ "${PEER_ONLY:-}" == loop* && $workload == zipf ]] && continue
    "$programs/bench_oracle" "$workload" "$references" "$pages" "$workload.oracleGeneral.bin" >/dev/null
    "$kilburn" trace convert "$workload.oracleGeneral.bin" -o "$workload.kbt" --format oracle >out 2>&1
    for percent in 1 10; do
        frames=$((pages * percent / 100))
        for policy in fifo lru clock:load-bit=0 sieve arc opt 2q lfu s3-fifo random; do
            must=any goal=3
            must_be_equal "$policy" && must=equal
            [[ " fifo lru clock:load-bit=0 sieve " == *" $policy "* ]] && goal=6
            compare "$workload $frames $policy" "$workload" "$policy" "$frames" $must 3 $goal
        done
    done
    sizes=$(sweep_sizes "$pages")
    compare "sweep $workload 8 x 4" "$workload" fifo,lru,clock:load-bit=0,sieve "$sizes" equal 8 8
    compare "sweep $workload 8 x 4 and opt" "$workload" fifo,lru,clock:load-bit=0,sieve,opt "$sizes" equal 5 5
    rm -f "$workload.oracleGeneral.bin" "$workload.kbt"
done
[ $failed = 0 ] || { echo "FAIL: misses differ where they must be equal"; exit 1; }
