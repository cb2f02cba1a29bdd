#!/usr/bin/env bash
# run.sh - what `make bench` runs: replay from memory, reading, stores, the machine, shared pages,
# placement, the recorder, whole processes; a summary.
#
#   KILBURN       the program (build/kilburn); its folder holds bench/bench_*
#   BENCH_QUICK   1: a tenth of the trace, less than half a minute
#   BENCH_TIMES   how often a process is timed (5); the median counts
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"
kilburn=${KILBURN:-$here/../build/kilburn}
programs=$(dirname "$kilburn")/bench
times=${BENCH_TIMES:-5}
quick=()
references=20000000
pages=1000000
if [ "${BENCH_QUICK:-}" = 1 ]; then
    quick=(--quick)
    references=2000000
    pages=100000
fi
folder=$(mktemp -d "${TMPDIR:-/tmp}/kilburn-bench-XXXXXX")
trap 'rm -rf "$folder"' EXIT
summary=$folder/summary

for name in bench_replay bench_trace bench_store bench_machine bench_share bench_placement bench_storage bench_oracle bench_walk; do
    [ -x "$programs/$name" ] || { echo "bench: $programs/$name is missing: run make first" >&2; exit 2; }
done

echo "== bench_replay"
"$programs/bench_replay" "${quick[@]}" | tee "$folder/replay"
echo
echo "== bench_trace"
(cd "$here/.." && "$programs/bench_trace" "${quick[@]}") | tee "$folder/trace"
echo
echo "== bench_store"
"$programs/bench_store" "${quick[@]}"
echo
echo "== bench_machine"
(cd "$here/.." && "$programs/bench_machine" "${quick[@]}") | tee "$folder/machine"
echo
echo "== bench_share"
"$programs/bench_share" "${quick[@]}" | tee "$folder/share"
echo
echo "== bench_placement"
"$programs/bench_placement" "${quick[@]}" | tee "$folder/placement"
echo
echo "== bench_storage"
"$programs/bench_storage" "${quick[@]}"
echo
echo "== bench_walk"
"$programs/bench_walk" "${quick[@]}"
echo
echo "== record: real programs under kilburn record and Valgrind's lackey"
KILBURN=$kilburn BENCH_TIMES=$(((times + 1) / 2)) bash "$here/record.sh" | tee "$folder/record"

# The figures with a goal, from the tables.
awk '/^zipf/ { on = 1 } /^loop/ { on = 0 }
     / frames \(/ { frames = $1 }
     on && match($0, / +[0-9]+ (yes|NO )/) { split(substr($0, RSTART), g, " ");
         printf "%-44s %9.1f  >= %4d  %s\n", "replay, zipf, " frames " frames, " $1 " (Mrefs/s)", $2, g[1], g[2] }' \
    "$folder/replay" >>"$summary"
awk '$NF == "yes" || $NF == "NO" {
         printf "%-44s %9.1f  >= %4d  %s\n", "reading " ($1 == "zipf," ? "zipf, kbt" : $1) " (Mrefs/s)", $(NF - 4), $(NF - 1), $NF }' \
    "$folder/trace" >>"$summary"
sed -n 's/^goal: /machine: /p' "$folder/machine" >>"$summary"
sed -n 's/^goal: /sharing: /p' "$folder/share" >>"$summary"
sed -n 's/^goal: /placement: /p' "$folder/placement" >>"$summary"
sed -n 's/^goal: //p' "$folder/record" >>"$summary"

# process TITLE SIM-ARGUMENTS…: the wall time of one kilburn sim, and references replayed a second
process() {
    local title=$1 runs=$2 taken='' t
    shift 2
    for ((t = 0; t < times; t++)); do
        wall taken "$kilburn" sim "$@" --json --quiet
    done
    t=$(median "$taken")
    awk -v title="$title" -v t="$t" -v n="$references" -v runs="$runs" \
        'BEGIN { printf "%-44s %9.3f s %9.1f Mrefs/s\n", title, t, n * runs / t / 1e6 }'
}

echo
if [ -x "$kilburn" ]; then
    echo "== whole processes: kilburn sim, wall time, median of $times, files in the page cache"
    "$programs/bench_oracle" zipf "$references" "$pages" "$folder/zipf.bin" >/dev/null
    "$kilburn" trace convert "$folder/zipf.bin" -o "$folder/zipf.kbt" --format oracle >/dev/null 2>&1
    sizes=$(sweep_sizes "$pages")
    tenth=$((pages / 10))
    for policy in fifo lru clock sieve random lfu 2q arc s3-fifo opt; do
        process "zipf, 10 %, kbt: $policy" 1 "$folder/zipf.kbt" --policy "$policy" --frames $tenth
    done
    for policy in fifo opt; do
        process "zipf, 10 %, oracle: $policy" 1 "$folder/zipf.bin" --format oracle --policy "$policy" --frames $tenth
    done
    process "zipf, 8 sizes x fifo lru clock sieve, kbt" 32 "$folder/zipf.kbt" \
        --policy fifo,lru,clock,sieve --frames "$sizes"
    process "zipf, 8 sizes x those and opt, kbt" 40 "$folder/zipf.kbt" \
        --policy fifo,lru,clock,sieve,opt --frames "$sizes"
    echo "(their goals are ratios against libCacheSim: make bench-peer LIBCACHESIM=/path/of/cachesim)"
else
    echo "== whole processes: left out, there is no $kilburn"
fi

echo
echo "== summary: figure, goal"
cat "$summary"
if [ "${BENCH_QUICK:-}" = 1 ]; then
    echo "(the goals are stated for 20 million references and 1 million pages, not for BENCH_QUICK)"
fi
