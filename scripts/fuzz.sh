#!/bin/bash
# fuzz.sh BUILD SECONDS - runs each fuzz target for SECONDS. New inputs that reach new code stay in
# BUILD/corpus; an input that fails is left in BUILD/failures, and the run then fails.
set -u
build=$1 seconds=$2 status=0 found=0
mkdir -p "$build/failures"
for target in "$build"/fuzz/fuzz_*; do
    [ -x "$target" ] || continue # the pattern itself, where nothing matches
    found=1
    name=$(basename "$target")
    folders=("$build/corpus/$name") options=()
    mkdir -p "${folders[0]}"
    [ -d "fuzz/corpus/${name#fuzz_}" ] && folders+=("fuzz/corpus/${name#fuzz_}")
    [ -f "fuzz/${name#fuzz_}.dict" ] && options+=(-dict="fuzz/${name#fuzz_}.dict")
    if [ "$name" = fuzz_scenario ]; then # its seeds are the lessons, and the examples of the reference
        python3 tests/house/scenario_docs.py --write . "$build/seeds/$name" && folders+=("$build/seeds/$name")
        folders+=(scenarios)
    fi
    echo "== $name, $seconds s"
    if "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$build/failures/$name-" "${options[@]}" "${folders[@]}" >"$build/$name.log" 2>&1; then
        grep '^Done' "$build/$name.log"
    else
        tail -40 "$build/$name.log"
        status=1
    fi
done
if ((!found)); then
    echo "fuzz: there is no target in $build/fuzz" >&2
    exit 1
fi
exit $status
