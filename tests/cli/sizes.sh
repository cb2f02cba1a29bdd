#!/bin/bash
# sizes.sh - lists and ranges of --frames and --memory, units, and page sizes.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
"$KILBURN" trace generate stride:stride=512:count=4000:passes=2 --page-size 512 -o fine.kbt -q || fail "no trace"
"$KILBURN" trace generate uniform:pages=300:references=5000 -o pages.kbt -q || fail "no trace"

frames() { # frames OPTION LIST TRACE [OPTION…]: the numbers of frames that come out
    "$KILBURN" sim "$3" --policy fifo "$1" "$2" --csv "${@:4}" 2>&1 | awk -F, 'NR > 1 {printf "%s%s", sep, $2; sep = " "}
        NR == 1 && !/^policy,/'
}
is() { same "$2 $3 of $4" "$1" "$(frames "${@:2}")"; }

is "100" --frames 100 pages.kbt
is "3 4" --frames 3,4 pages.kbt
is "4 3 4" --frames 4,3,4 pages.kbt
is "1 2 3 4 5 6 7 8" --frames 1..8 pages.kbt
is "5" --frames 5..5 pages.kbt
is "8 16 24 32" --frames 8..32:8 pages.kbt
is "8 16 24" --frames 8..31:8 pages.kbt
is "8 16 32 64" --frames '8..64:*2' pages.kbt
is "8 24 72" --frames '8..100:*3' pages.kbt
is "7" --frames '7..8:*2' pages.kbt
is "7" --frames 7..8:2 pages.kbt
is "1 2 3 10 20 40 5" --frames '1..3,10..40:*2,5' pages.kbt
is "1024 2048" --frames 1K,2k pages.kbt
is "1024 2048" --frames 1KiB,2KB pages.kbt
is "1048576" --frames 1M pages.kbt
is "3 1027" --frames 3..2K:1K pages.kbt

is "1 2" --frames '1..2:18446744073709551615,2' pages.kbt

# auto: from small to all the pages, rising, with one that holds everything.
sizes=$(frames --frames auto pages.kbt)
same "auto ends with all the pages" 300 "${sizes##* }"
same "auto rises" "$sizes" "$(tr ' ' '\n' <<<"$sizes" | sort -n | uniq | paste -sd ' ')"
checks=$((checks + 1))
count=$(wc -w <<<"$sizes")
[ "$count" -ge 8 ] && [ "$count" -le 20 ] || fail "auto: $count sizes: $sizes"
echo 1 1 1 >one.txt
is "1" --frames auto one.txt
echo 1 2 1 >two.txt
is "2" --frames auto two.txt
seq 1 1000 >long.txt
same "auto with --limit" 10 "$(frames --frames auto long.txt --limit 10 | tr ' ' '\n' | tail -1)"
same "auto with --skip" 7 "$(frames --frames auto long.txt --skip 993 | tr ' ' '\n' | tail -1)"
same "auto with --page-size" 63 "$(frames --frames auto fine.kbt --page-size 32K | tr ' ' '\n' | tail -1)"

# --memory is divided by the page size, downwards.
is "2 4" --memory 1K,2K fine.kbt --page-size 512
is "2 4" --memory 8K,16K fine.kbt --page-size 4K
is "1" --memory 8191 fine.kbt --page-size 4K
is "2 4 8" --memory '8K..32K:*2' fine.kbt --page-size 4K
is "2 3 4" --memory 8K..16K:4K fine.kbt --page-size 4K
is "256" --memory 1M fine.kbt --page-size 4K
run sim fine.kbt --policy fifo --memory 511 --page-size 512; expect 2 511 512
run sim pages.kbt --policy fifo --memory 1M; expect 2 --frames
run sim fine.kbt --policy fifo --memory 8T --page-size 512; expect 2 "too many"

# Page sizes: a record stays a reference, pages merge; cold faults tell how many there are.
for size in 512 1K 4K 64K 1M; do
    bytes=$(numfmt --from=iec $size)
    pages=$(((4000 * 512 + bytes - 1) / bytes))
    same "$size" "8000 $pages" "$("$KILBURN" sim fine.kbt --policy fifo --frames 10000 --page-size $size --csv | awk -F, 'NR == 2 {print $3, $4}')"
    run sim fine.kbt --policy fifo --frames 10 --page-size "$bytes" --json
    expect 0 "\"page_size\":$bytes" "\"pages\":$pages"
done
run sim fine.kbt --policy fifo --frames 10 --page-size 256; expect 2 512 256
run sim fine.kbt --policy fifo --frames 10 --page-size 768; expect 2 "power of two"
run trace convert fine.kbt --page-size 256 -o x.kbt; expect 2 512 256
# A native trace gives what the text that it comes from gives, at every page size from its grain up.
awk 'BEGIN {x = 1; for (i = 0; i < 3000; i++) {x = x * 48271 % 2147483647; printf "%x %s\n", x % 200000, x % 3 ? "R" : "W"}}' >random.rw
run trace convert random.rw --format rw --page-size 512 -o random.kbt -q
expect 0
for size in 512 1K 2K 4K 16K; do
    same "page size $size" "$(counts random.rw fifo,lru,opt 2..20:3 --format rw --page-size $size)" \
        "$(counts random.kbt fifo,lru,opt 2..20:3 --page-size $size)"
    run trace convert random.kbt --page-size $size -o coarse.kbt -q
    expect 0
    same "converted to grain $size" "$(counts random.rw fifo,lru,opt 2..20:3 --format rw --page-size $size)" \
        "$(counts coarse.kbt fifo,lru,opt 2..20:3 --page-size $size)"
done
# The default: 4 KiB.
same "default page size" "$(counts random.rw fifo 5 --format rw --page-size 4096)" "$(counts random.rw fifo 5 --format rw)"
run sim random.kbt --policy fifo --frames 5 --json
expect 0 '"page_size":4096'
# Without fixed sizes none is asked for.
run sim pages.kbt --policy ws,pff --json
expect 0 '"frames":null'
run sim pages.kbt --policy ws,fifo
expect 2 --frames
finish
