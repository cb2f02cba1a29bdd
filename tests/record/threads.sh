#!/bin/bash
# threads.sh - no reference of a thread is lost, each thread's own order stays, and each stands behind
# its number; also where there are hundreds.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
# bound at once: else how often the binder is called depends on the threads, too
compile threads -O1 -no-pie -pthread -Wl,-z,now

# lines of "THREAD WRITES": how many each thread wrote to each of the pages
writes_by_thread() {
    stream t.kbt | python3 -c '
import collections, sys
first, count = int(sys.argv[1], 16), int(sys.argv[2])
thread, writes = 0, collections.Counter()
for line in sys.stdin:
    word = line.split()
    if word[0] == "thread":
        thread = int(word[1])
    elif word[0] == "W" and first <= int(word[1], 16) < first + count:
        writes[int(word[1], 16) - first, thread] += int(word[2])
for (page, thread), number in sorted(writes.items()):
    print(page, thread if len(sys.argv) > 3 else "-", number)' "$@"
}

for options in "" "--exact" "--data-only"; do
    # shellcheck disable=SC2206
    options=($options)
    record ./threads 5 5 20000
    ended 0
    whole t.kbt
    same "writes of five threads, ${options[*]}" "0 1 20000
1 2 20000
2 3 20000
3 4 20000
4 5 20000" "$(writes_by_thread "$(cat out)" 5 numbers)"
done
options=()
# the loop's fetches are all there, and equally many for each: 5 × 3 or 4 an iteration
record ./threads 5 5 20000
at_100=$(stream t.kbt | awk '$1 == "X" { n[$2] += $3 } END { for (p in n) if (n[p] > m) m = n[p]; print m }')
record ./threads 5 5 40000
at_200=$(stream t.kbt | awk '$1 == "X" { n[$2] += $3 } END { for (p in n) if (n[p] > m) m = n[p]; print m }')
checks=$((checks + 1))
each=$((at_200 - at_100))
[ $((each % 100000)) -eq 0 ] && [ $((each / 100000)) -ge 3 ] && [ $((each / 100000)) -le 5 ] ||
    fail "20,000 rounds more of five threads are $each fetches, not 3 to 5 each"

# one after the other: a number is used again, its pages are not mixed
record ./threads 20 1 1000
ended 0
same "twenty threads in a row" "$(seq 0 19 | sed 's/$/ - 1000/')" "$(writes_by_thread "$(cat out)" 20)"

# three hundred, 64 at a time, and all at once
for at_once in 64 300; do
    record ./threads 300 $at_once 2000
    ended 0
    whole t.kbt
    same "300 threads, $at_once at once" "$(seq 0 299 | sed 's/$/ - 2000/')" \
        "$(writes_by_thread "$(cat out)" 300)"
done

# a limit in the middle of them: exact to the reference
options=(--limit 123457)
record ./threads 5 5 20000
ended 0 123457
same "the limit" 123457 "$(stream t.kbt | awk '/^[RWX]/ { n += $3 } END { print n }')"
finish
