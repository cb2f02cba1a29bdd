#!/bin/bash
# user_policy.sh - a policy of one's own, docs/examples/mine.c (LIFO), built by one line, against a
# model in Python; files that are no policy are refused.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need cc python3
cc -O2 -shared -fPIC -I"$KILBURN_SOURCE/src" -o mine.so "$KILBURN_SOURCE/docs/examples/mine.c" 2>err ||
    fail "mine.c does not compile: $(cat err)"
[ -s err ] && fail "the compiler warns: $(cat err)"
echo "1 2 3w 4 1w 2 5 1 2w 3 4 5" >belady.txt
awk 'BEGIN {x = 1; for (i = 0; i < 5000; i++) {x = x * 48271 % 2147483647; print x % 40 (x % 3 ? "" : "w")}}' >random.txt
cat >lifo.py <<'PY'
import sys
name, frames = sys.argv[1], int(sys.argv[2])
stack, dirty, faults, evictions, write_backs = [], set(), 0, 0, 0
for word in open(name).read().split():
    page = word.rstrip("w")
    if page not in stack:
        faults += 1
        if len(stack) == frames:
            victim = stack.pop()
            evictions += 1
            write_backs += victim in dirty
            dirty.discard(victim)
        stack.append(page)
    if word != page:
        dirty.add(page)
print("mine", frames, faults, evictions, write_backs, len(dirty))
PY
for trace in belady.txt random.txt; do
    wanted=$(for frames in 1 2 3 4 7 39 40 41; do python3 lifo.py $trace $frames; done)
    same "$trace" "$wanted" "$(counts $trace ./mine.so 1,2,3,4,7,39..41 --format pages)"
    same "$trace, all threads" "$wanted" "$(counts $trace mine.so 1,2,3,4,7,39..41 --format pages --threads 2)"
done
# Beside others, under another path, and step by step.
same "beside others" "$(counts belady.txt fifo 3 && python3 lifo.py belady.txt 3 && counts belady.txt lru 3)" \
    "$(counts belady.txt "fifo,$folder/mine.so,lru" 3)"
run sim belady.txt --policy ./mine.so --frames 3 --steps
expect 0 "mine, 3 frames" "the policy's choice" "references, $(python3 lifo.py belady.txt 3 | cut -d' ' -f3) faults"
run sim belady.txt --policy ./mine.so --frames 3 --json
expect 0 '"policy":"mine"'
run sim belady.txt --policy ./mine.so:x=1 --frames 3; expect 2 mine x=1
# What is no policy.
run sim belady.txt --policy ./nowhere.so --frames 3; expect 2 ./nowhere.so
run sim belady.txt --policy nowhere.so --frames 3; expect 2 nowhere.so
run sim belady.txt --policy ./belady.txt --frames 3; expect 2 ./belady.txt
run sim belady.txt --policy "$folder" --frames 3; expect 2 "~there is no policy|cannot load"
echo 'int nothing;' >other.c
cc -shared -fPIC -o other.so other.c
run sim belady.txt --policy ./other.so --frames 3; expect 2 other.so kb_user_policy
cat >old.c <<'C'
#include "policy/policy.h"
const struct kb_policy kb_user_policy = {.abi = KB_POLICY_ABI + 1, .name = "old"};
C
if cc -shared -fPIC -I"$KILBURN_SOURCE/src" -o old.so old.c 2>err; then
    run sim belady.txt --policy ./old.so --frames 3; expect 2 old.so "interface" "compile it again"
    run --lang es sim belady.txt --policy ./old.so --frames 3; expect 2 old.so "compílela de nuevo"
else
    fail "the wrong interface: $(cat err)"
fi
head -c 60 mine.so >cut.so
run sim belady.txt --policy ./cut.so --frames 3; expect 2 cut.so
finish
