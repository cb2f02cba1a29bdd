#!/bin/bash
# public.sh - public traces of real programs, where KILBURN_PUBLIC_TRACES names their folder: the
# counts are those of a naive model (model.c), and a run takes less than a second of the processor
# (5 s on the clock are allowed, for noisy machines).
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
[ -n "${KILBURN_PUBLIC_TRACES-}" ] || skip "KILBURN_PUBLIC_TRACES names no folder"
[ -d "$KILBURN_PUBLIC_TRACES" ] || skip "KILBURN_PUBLIC_TRACES: there is no folder $KILBURN_PUBLIC_TRACES"
need cc gzip
cc -O2 -o model "$CLI_TESTS/model.c" || fail "model.c does not compile"
found=0
for name in bzip gcc sixpack swim pitt1550_gcc pitt1550_gzip pitt1550_mcf pitt1550_swim pitt1550_twolf; do
    trace=$KILBURN_PUBLIC_TRACES/$name.trace.gz
    [ -f "$trace" ] || continue
    found=$((found + 1))
    case $name in pitt*) format=ls frames=40 ;; *) format=rw frames=50 ;; esac
    for policy in fifo lru clock opt; do
        for sizes in $frames 8,64,512; do
            checks=$((checks + 1))
            start=$(date +%s%N)
            timeout 60 "$KILBURN" sim "$trace" --policy $policy --frames $sizes --csv >out 2>err ||
                fail "$name, $policy, $sizes: $(cat err)"
            spent=$((($(date +%s%N) - start) / 1000000))
            [ $spent -lt 5000 ] || fail "$name, $policy, $sizes: $spent ms"
            [ "$sizes" = $frames ] && cp out one.$policy
        done
    done
    run trace info "$trace" --json
    expect 0 "\"format\":\"$format\""
    gzip -dc "$trace" >text
    same "$name: references" "$(wc -l <text)" "$(awk -F, 'NR == 2 {print $3}' one.fifo)"
    for policy in fifo lru clock; do
        same "$name, $policy, $frames frames" "$(./model $format $policy $frames <text)" \
            "$(awk -F, 'NR == 2 {print $3, $4, $7, $8, $9}' one.$policy)"
    done
    checks=$((checks + 1))
    best=$(awk -F, 'NR == 2 {print $4}' one.opt)
    for policy in fifo lru clock; do
        [ "$best" -le "$(awk -F, 'NR == 2 {print $4}' one.$policy)" ] || fail "$name: OPT has more faults than $policy"
    done
done
[ $found -gt 0 ] || skip "$KILBURN_PUBLIC_TRACES holds none of the traces"
echo "$found traces"
finish
