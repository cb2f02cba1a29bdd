#!/bin/bash
# events.sh - unmap and release events of native traces: honoured with --events, else passed over.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$CLI_TESTS
make() { # make NAME BLOCKS: writes NAME.kbt
    python3 -c "import kbt; kbt.write('$1.kbt', $2)" || fail "$1.kbt could not be written"
    run trace verify "$1.kbt"
    expect 0
}
is() { # is NAME POLICY FRAMES OPTION WANTED: faults evictions write_backs still_dirty
    # shellcheck disable=SC2086
    same "$1.kbt, $2 with $3 frames $4" "$5" "$(counts "$1.kbt" "$2" "$3" $4 | cut -d' ' -f3-)"
}
# Page 1 is written, unmapped, and touched again; 2 stays.
make unmap '[[("w", 1), ("r", 2), ("unmap", 1, 1), ("r", 1), ("r", 2)]]'
for policy in fifo lru mru lfu nru second-chance clock enhanced-clock aging wsclock 2q arc lirs clock-pro sieve s3-fifo random; do
    is unmap $policy 5 "" "2 0 0 1"
    is unmap $policy 5 --events "3 0 0 0"
done
make release '[[("w", 1), ("r", 2), ("release", 1, 1), ("r", 1), ("r", 2)]]'
for policy in fifo lru clock nru 2q arc lirs sieve; do
    is release $policy 5 "" "2 0 0 1"
    is release $policy 5 --events "3 1 1 0"
done
# Discarded contents are gone without a write, and the page stays legal.
make discard '[[("w", 1), ("r", 2), ("discard", 1, 1), ("r", 1), ("r", 2)]]'
for policy in fifo lru mru lfu nru second-chance clock enhanced-clock aging wsclock 2q arc lirs clock-pro sieve s3-fifo random; do
    is discard $policy 5 "" "2 0 0 1"
    is discard $policy 5 --events "3 0 0 0"
done
# What else a recorder tells changes nothing.
make told '[[("map", 1, 9), ("name", "/usr/lib/libanything.so.6"), ("protect", 1, 9, "rw"), ("w", 1), ("thread", 4), ("kernel", 1), ("w", 2), ("kernel", 0), ("protect", 1, 9, ""), ("r", 1)]]'
is told fifo 5 "" "2 0 0 2"
is told fifo 5 --events "2 0 0 2"
# OPT honours the events or refuses them; it does not pass over them in silence.
run sim unmap.kbt --policy opt --frames 5 --events --csv
if [ "$status" -eq 0 ]; then
    is unmap opt 5 --events "3 0 0 0"
    is release opt 5 --events "3 1 1 0"
else
    expect 2 opt --events
fi
# A clean page is released without a write; a page that is not resident is no matter.
make clean '[[("r", 1), ("r", 2), ("release", 1, 2), ("release", 7, 5), ("unmap", 100), ("r", 1)]]'
is clean fifo 5 "" "2 0 0 0"
is clean fifo 5 --events "3 2 0 0"
# A range: pages 10 to 13 of 10 … 15; its ends matter.
make range '[[("w", p) for p in range(10, 16)] + [("unmap", 11, 3)] + [("r", p) for p in range(10, 16)]]'
is range fifo 8 "" "6 0 0 6"
is range fifo 8 --events "9 0 0 3"
# The freed frame is taken before a victim is chosen: with two frames 3 finds room.
make room '[[("r", 1), ("r", 2), ("unmap", 1, 1), ("r", 3), ("r", 2), ("r", 1)]]'
for policy in fifo lru clock; do
    is room $policy 2 --events "4 1 0 0"
done
# Events at the ends of blocks, alone in a block, twice, and before the first reference.
make edges '[[("map", 1, 9), ("unmap", 5, 1), ("w", 1), ("unmap", 1, 1)], [("unmap", 1, 1)], [("w", 1), ("release", 1, 1), ("release", 1, 1)], [("r", 1), ("thread", 3), ("process", 2), ("process", 0), ("r", 1)]]'
is edges fifo 3 "" "1 0 0 1"
is edges fifo 3 --events "3 1 1 0"
run trace info edges.kbt --json; expect 0 '"events":9' '"references":4' '"blocks":4'
run trace info edges.kbt; expect 0 "~events +9$"
# Repeated references around an event: counts over 255.
make long '[[("w", 1, 1000), ("unmap", 1, 1), ("r", 1, 300), ("r", 2, 254), ("r", 2, 255)]]'
is long lru 3 --events "3 0 0 0"
run sim long.kbt --policy lru --frames 3 --events --json; expect 0 '"references":1809'
# A conversion keeps the events.
for pack in raw lz4 zstd; do
    run trace convert edges.kbt -o copy.kbt --pack $pack; expect 0
    run trace info copy.kbt --json; expect 0 '"events":9'
    is copy fifo 3 --events "3 1 1 0"
done
# So it does with what only version 2 has, and the version; from another format it is version 1.
for name in discard told; do
    for pack in raw lz4 zstd; do
        run trace convert $name.kbt -o copy.kbt --pack $pack; expect 0
        same "version of a converted trace" 2 "$(od -An -j8 -N2 -tu2 copy.kbt | tr -d ' ')"
        is copy fifo 5 --events "$(counts $name.kbt fifo 5 --events | cut -d' ' -f3-)"
    done
done
run trace convert range.kbt -o copy.kbt; expect 0
same "version of a converted trace" 1 "$(od -An -j8 -N2 -tu2 copy.kbt | tr -d ' ')"
echo "1 2 3" >plain.txt
run trace convert plain.txt -o copy.kbt; expect 0
same "version of a converted text" 1 "$(od -An -j8 -N2 -tu2 copy.kbt | tr -d ' ')"
run trace annotate-release told.kbt -o copy.kbt -q; expect 0
same "version of an annotated trace" 2 "$(od -An -j8 -N2 -tu2 copy.kbt | tr -d ' ')"
# Larger pages: only whole ones leave. Pages 0 and 1 of 4 KiB are page 0 of 8 KiB.
make merge '[[("w", 0), ("w", 1), ("w", 2), ("w", 3), ("unmap", 1, 3), ("r", 0), ("r", 2)]]'
is merge fifo 9 "--page-size 8K" "2 0 0 2"
is merge fifo 9 "--page-size 8K --events" "3 0 0 1"
is merge fifo 9 --events "5 0 0 1"
# Variable-space policies, many sizes at once (no stack then), and threads.
same "ws with --events" "ws 3 0 0 0" "$(counts unmap.kbt ws 1 --events | tr -s ' ')"
for threads in 1 2; do
    wanted=$(for f in 1 2 3 4 5; do counts range.kbt lru $f --events; done)
    same "lru, many sizes, --threads $threads" "$wanted" "$(counts range.kbt lru 1..5 --events --threads $threads)"
done
finish
