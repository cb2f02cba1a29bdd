#!/bin/bash
# failures.sh - a disk that is full, a file that may not grow: one line says so, the program runs on
# to its end and keeps its status. Limits end a recording, not the program. Many mappings.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
compile churn -O1

# churn COUNT: that many mappings that come and go, a store to each; "done", status 21
./churn 2000 >native
clear_line() { # what is said: what is wrong, and how to save the rest
    same "$ran: what is said of it" "1 1" \
        "$(grep -c 'cannot write it' err) $(grep -c -e '--recover' err)"
    same "$ran: what the program says" "done" "$(cat out)"
}

options=()
ran="kilburn record -o /dev/full"
"$KILBURN" record -o /dev/full -- ./churn 2000 >out 2>err
status=$?
ended 21 "No space left"
clear_line
# a file that may have no more than 256 KiB: it has a first part
ran="kilburn record with ulimit -f"
for trap_it in "" "trap '' XFSZ;"; do
    rm -f t.kbt
    bash -c "$trap_it ulimit -S -f 256; exec \"\$KILBURN\" record -o t.kbt -- ./churn 60000" >out 2>err
    status=$?
    ended 21 "File too large"
    clear_line
    "$KILBURN" trace convert t.kbt --recover -o saved.kbt >saved.out 2>&1 || fail "$(cat saved.out)"
    whole saved.kbt
done
# … and may not be allowed more: who cannot lift that has no memory to share, and nothing runs
ran="kilburn record with ulimit -H -f"
bash -c "ulimit -f 256; exec \"\$KILBURN\" record -o t.kbt -- ./churn 60000" >out 2>err
status=$?
if [ "$status" = 125 ]; then
    ended 125 "cannot share memory"
    same "what the program says that was not started" "" "$(cat out)"
else
    ended 21 "File too large"
    clear_line
fi
# a small file system, where one may be made
mkdir disk
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256K none disk 2>/dev/null; then
    ran="kilburn record to a small disk"
    "$KILBURN" record -o disk/t.kbt -- ./churn 60000 >out 2>err
    status=$?
    ended 21 "No space left"
    clear_line
    "$KILBURN" trace convert disk/t.kbt --recover -o saved.kbt >saved.out 2>&1 ||
        fail "$(cat saved.out)"
    umount disk
fi

# limits: exact to the reference, whatever ends there; the program runs on
for more in "" --exact --data-only; do
    # shellcheck disable=SC2206
    options=($more)
    record ./churn 300
    all=$(stream t.kbt | awk '/^[RWX]/ { n += $3 } END { print n }')
    for limit in 1 2 1000 65535 65536 $((all - 1)) "$all" $((all + 1)); do
        # shellcheck disable=SC2206
        options=(--limit "$limit" $more)
        record ./churn 300
        ended 21
        whole t.kbt
        same "references, ${options[*]}" $((limit < all ? limit : all)) \
            "$(stream t.kbt | awk '/^[RWX]/ { n += $3 } END { print n + 0 }')"
        checks=$((checks + 1))
        ! grep -q "limit" err && [ "$limit" -lt "$all" ] && fail "$ran: not a word of the limit"
    done
done

# 100,000 mappings that come and go
options=()
record ./churn 100000
ended 21
whole t.kbt
same "mappings told" "100000 100000" \
    "$(stream t.kbt | awk '$1 == "map" && $3 == 3 { m++ } $1 == "unmap" && $3 == 3 { u++ } END { print m, u }')"
finish
