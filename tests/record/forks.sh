#!/bin/bash
# forks.sh - whichever thread forks: the child goes on in it, recorded or not.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
compile forks -O1 -no-pie -pthread

for options in "" "--children" "--exact --children" "--limit 1000" "--limit 1000 --children"; do
    # shellcheck disable=SC2206
    options=($options)
    record ./forks
    ended 0
    whole t.kbt
    same "how three children ended, ${options[*]}" "first 1792
another 1792
alone 1792" "$(head -3 out)"
done
options=(--children)
record ./forks
same "traces of children" 3 "$(ls t.*.kbt | wc -l)"
whole t.*.kbt
for child in t.*.kbt; do
    same "what a child wrote" 1000 "$(of_page "$child" W "$(tail -1 out)")"
done
# a limit is each file's own: the child goes on when its parent's is reached
options=(--children --limit 400000)
count='i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); done'
record sh -c "{ sleep 0.5; $count; } & $count; wait"
ended 0
whole t*.kbt
for file in t*.kbt; do
    stream "$file" | awk '/^[RWX]/ { n += $3 } END { print n }'
done >counts
same "files of 400,000 references, parent and child" 2 "$(grep -cx 400000 counts)"
finish
