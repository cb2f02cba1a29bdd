#!/bin/bash
# completion.sh - the bash completion offers what the program has.
set -u
cd "$KILBURN_SOURCE" || exit 1
# shellcheck source=/dev/null
. completions/kilburn.bash
PATH=$(dirname "$KILBURN"):$PATH
failed=0

# expect WORD LINE…: completing the last word of LINE offers WORD.
expect() {
    local wanted=$1 reply
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _kilburn
    for reply in "${COMPREPLY[@]}"; do [ "${reply% }" = "$wanted" ] && return; done
    echo "completing '$*' does not offer $wanted, but: ${COMPREPLY[*]}"
    failed=1
}

expect sim kilburn s
expect trace kilburn ""
expect info kilburn trace i
expect generate kilburn trace ""
expect working-set kilburn trace w
expect --distance kilburn trace annotate-release x.kbt --dis
expect --policy kilburn sim --pol
expect --frames kilburn sim x.kbt --fr
expect lru kilburn sim x.kbt --policy l
expect fifo,lru kilburn sim x.kbt --policy fifo,l
expect clock kilburn sim x.kbt --policy=c
expect README.md kilburn sim REA
for format in kbt $(sed -n 's/^KB_FORMAT(\(.*\))/\1/p' src/trace/formats.def); do
    expect "$format" kilburn sim x --format "$format"
done
expect --machine kilburn sim x.kbt --mach
expect x86-64 kilburn sim x.kbt --table-format x86
expect inverted kilburn sim x.kbt --table-format inv
expect none kilburn sim x.kbt --tlb n
expect proportional kilburn sim x.kbt --allocation p
expect pageable kilburn sim x.kbt --tables p
expect step kilburn st
expect --quiet kilburn step --q
expect --interactive kilburn step x.kb --int
expect en kilburn step x.kb --lang e
expect scenarios kilburn step scen
expect scenarios/a-addresses/a06-worked-example.kb kilburn step scenarios/a-addresses/a06
expect study kilburn stu
expect organisations kilburn study o
expect associative kilburn study as
expect --page-sizes kilburn study page-size --page
expect --partitions kilburn study organisations --part
expect explain kilburn e
expect --page-sizes kilburn explain --page
expect fault kilburn explain 1 --ad f
expect README.md kilburn explain 1 --memory REA
for format in $(sed -n 's/^    \.name = "\(.*\)",/\1/p' src/machine/format/*.c); do
    expect "$format" kilburn explain 1 --format "$format"
done
exit $failed
