#!/bin/bash
# sweep.sh - one pass with many policies and sizes gives what single runs give; so do threads, the
# one-pass stack of LRU, --skip and --limit; the intervals add up.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
generate() { "$KILBURN" trace generate "$1" -o "$2" -q || fail "no trace $1"; }
generate zipf:pages=500:references=20000:writes=30 zipf.kbt
generate uniform:pages=200:references=20000:writes=10:seed=3 uniform.kbt
generate phases:references=20000:set=40:write-every=3 phases.kbt
generate loop-uniform:pages=60:uniform=300:references=20000:writes=50 mixed.kbt
generate sequential:pages=300:passes=4:each=20:writes=5 sequential.kbt
generate matrix:n=300:order=columns:writes=70 matrix.kbt
policies=$("$KILBURN" sim --policy help | sed -nE 's/^([a-z0-9][a-z0-9-]*) .*/\1/p' | paste -sd,)
policies=$policies,lfu:keep=1,nru:period=50:seed=9,clock:load-bit=0,random:seed=7,random:seed=8,ws:window=77,aging:bits=3:period=100

all() { # all TRACE POLICIES FRAMES OPTION…: whole rows of CSV
    "$KILBURN" sim "$1" --policy "$2" --frames "$3" --csv "${@:4}" 2>&1 | tail -n +2
}

# Every policy, together and alone, with one thread and with two.
for trace in zipf phases; do
    wanted=$(tr ',' '\n' <<<"$policies" | while read -r policy; do
        case $policy in
        ws | ws:* | pff*) all $trace.kbt "$policy" 1 ;;
        *) for frames in 7 50; do all $trace.kbt "$policy" $frames; done ;;
        esac
    done)
    for threads in 1 2; do
        same "$trace: all policies at once, --threads $threads" "$wanted" \
            "$(all $trace.kbt "$policies" 7,50 --threads $threads)"
    done
done
same "a policy given twice" "$(all zipf.kbt lru 9; all zipf.kbt lru 9)" "$(all zipf.kbt lru,lru 9)"
same "sizes in any order" "$(for f in 50 3 50 7; do all zipf.kbt lru $f; done)" "$(all zipf.kbt lru 50,3,50,7)"
same "more frames than pages" "$(for f in 499 500 501 5000; do all zipf.kbt lru $f; done)" \
    "$(all zipf.kbt lru 499,500,501,5000)"

# LRU at three sizes or more goes through a stack: the same rows as size by size, work included.
for trace in zipf uniform phases mixed sequential matrix; do
    for sizes in 1,2,3 1..12 5,17,40,61,99,250; do
        wanted=$(for frames in $(all $trace.kbt fifo $sizes | cut -d, -f2); do all $trace.kbt lru "$frames"; done)
        for threads in 1 2; do
            same "$trace: LRU $sizes, --threads $threads" "$wanted" "$(all $trace.kbt lru $sizes --threads $threads)"
        done
    done
    checks=$((checks + 1))
    all $trace.kbt lru 1..12 | awk -F, 'NR > 1 && $4 > last {exit 1} {last = $4}' ||
        fail "$trace: LRU has more faults with more frames"
    # What was loaded is evicted or still there; what was dirtied is written back or still dirty.
    checks=$((checks + 1))
    all $trace.kbt lru,fifo,clock,opt,arc,lirs 5..60:11 | awk -F, '$4 - $7 > $2 || $8 > $7 || $9 > $2 || $5 > $4 {print; exit 1}' ||
        fail "$trace: counts contradict each other"
done

# --skip and --limit cut the references, as cutting the text does.
awk 'BEGIN {x = 7; for (i = 0; i < 9000; i++) {x = x * 48271 % 2147483647; print x % 90 (x % 5 ? "" : "w")}}' >text.txt
"$KILBURN" trace convert text.txt --format pages -o text.kbt -q || fail "no text.kbt"
"$KILBURN" trace generate loop:pages=1:references=9000 -o one.kbt -q
seq 9000 | sed 's/.*/0/' >one.txt
for window in "0 9000" "0 1" "1 1" "100 1" "8999 1" "8999 100" "4000 2500" "8000 5000" "1 8998" "0 9001"; do
    read -r skip limit <<<"$window"
    tail -n +$((skip + 1)) text.txt | head -n "$limit" >part.txt
    wanted=$(all part.txt fifo,lru,opt,clock 3,10,40 --format pages)
    for trace in text.txt text.kbt; do
        format=${trace#text.} format=${format/txt/pages}
        same "$trace --skip $skip --limit $limit" "$wanted" \
            "$(all $trace fifo,lru,opt,clock 3,10,40 --skip "$skip" --limit "$limit" --format $format)"
    done
    run trace convert text.kbt --skip "$skip" --limit "$limit" -o part.kbt -q
    same "convert --skip $skip --limit $limit" "$wanted" "$(all part.kbt fifo,lru,opt,clock 3,10,40)"
    # A run of equal references is cut inside.
    same "one page, --skip $skip --limit $limit" "$(wc -l <part.txt)" \
        "$(all one.kbt fifo 3 --skip "$skip" --limit "$limit" | cut -d, -f3)"
done

# --per-interval: the columns add up to the faults, and each is a difference of two limits.
for trace in zipf phases sequential; do
    for interval in 1000 777 100000; do
        wanted=$(all $trace.kbt fifo,lru,opt,clock,ws,wsclock 10,30 | cut -d, -f4 | paste -sd' ')
        same "$trace: --per-interval $interval adds up" "$wanted" "$("$KILBURN" sim $trace.kbt --policy fifo,lru,opt,clock,ws,wsclock \
            --frames 10,30 --per-interval $interval --csv | awk -F, 'NR > 1 {for (i = 2; i <= NF; i++) sum[i] += $i; n = NF}
            END {for (i = 2; i <= n; i++) printf "%s%d", (i > 2 ? " " : ""), sum[i]; print ""}')"
    done
    same "$trace: intervals of FIFO" "$(for n in 1 2 3 4 5; do all $trace.kbt fifo 10 --limit $((n * 1000)) | cut -d, -f4; done |
        awk '{print $1 - last; last = $1}')" "$("$KILBURN" sim $trace.kbt --policy fifo --frames 10 --per-interval 1000 --csv | sed -n 2,6p | cut -d, -f2)"
done
finish
