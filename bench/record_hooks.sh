#!/bin/bash
# record_hooks.sh [KILBURN] - what Kilburn's hooks cost: the CPU time of three programs, native, built
# with the hooks but not recorded, and recorded; least of three runs, with each compiler that is here.
set -eu
kilburn=$(realpath "${1:-build/kilburn}")
programs=$(realpath "$(dirname "$0")")/hooks
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
line=$("$kilburn" record --compile)
library=$(grep -oE '/[^ ]*libkilburn-hooks\.a' <<<"$line")

least() { # least COMMAND…: the program's own CPU seconds, which it prints
    for _ in 1 2 3; do "$@" 2>&1 >/dev/null | sed -n 's/^cpu //p'; done | sort -n | head -1
}
field() { "$kilburn" trace info trace.kbt --json | grep -oE "\"$1\":[0-9]+" | head -1 | cut -d: -f2; }

printf '%-6s %-8s %8s %8s %9s %7s %12s %12s\n' with program native unused recorded times references "a second"
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    $compiler -O2 -c "$programs/clock.c"
    for name in matrix sort hash; do
        $compiler -O2 "$programs/$name.c" clock.o -o native
        $compiler -O2 -fsanitize=thread -c "$programs/$name.c" -o hooked.o
        $compiler hooked.o clock.o "$library" -lpthread -o hooked
        native=$(least ./native) unused=$(least ./hooked)
        recorded=$(least "$kilburn" record -q -o trace.kbt -- ./hooked)
        awk -v OFMT=%.2f -v c=$compiler -v p=$name -v n="$native" -v u="$unused" -v r="$recorded" -v refs="$(field references)" \
            'BEGIN {printf "%-6s %-8s %8.3f %8.3f %9.3f %7.2f %12d %10.0f M\n", c, p, n, u, r, r / n, refs, refs / r / 1e6}'
    done
done
