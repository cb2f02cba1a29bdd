#!/bin/bash
# record_hooks.sh - programs that were built with Kilburn's hooks record themselves: references
# counted by hand, page by page, with each compiler that is there; threads, signals, fork, exec,
# atomic operations, C++, limits, and life without a recorder.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
programs=$KILBURN_SOURCE/tests/hooks
compilers=()
for compiler in gcc clang; do
    echo 'int main(void) { return 0; }' >try.c
    $compiler -fsanitize=thread -c try.c -o try.o 2>/dev/null && compilers+=("$compiler")
done
((${#compilers[@]})) || skip "no compiler here has -fsanitize=thread"

# build SOURCE OPTION…: the line that the program prints is run; cc and c++ are $compiler here.
build() {
    local source=$1 line
    shift
    options=("$@")
    line=$("$KILBURN" record --compile "$source")
    checks=$((checks + 1))
    eval "$line" || fail "$compiler $*: does not build: $line"
}
options=()
cc() { command "$compiler" "$@" "${options[@]}"; }
c++() { command "$cxx" "$@" "${options[@]}"; }
library=$("$KILBURN" record --compile | grep -oE '/[^ ]*libkilburn-hooks\.a')

# record ARGUMENTS… -- PROGRAM…: status, out, err of the program and the recorder.
record() { run record -o trace.kbt "$@"; }

# pages [FILE]: "PAGE KIND COUNT" of the pages whose first address stands in out, from 0.
pages() {
    local base
    base=$(head -1 out | cut -d' ' -f1)
    "$KILBURN_BUILD/tests/stream" "${1:-trace.kbt}" >dump || fail "${1:-trace.kbt} cannot be read"
    awk -v base="$((base >> 12))" '
        function number(hex, i, n) {
            for (i = 1; i <= length(hex); i++) n = n * 16 + index("123456789abcdef", substr(hex, i, 1))
            return n
        }
        /^[RWX] / {sum[$2 " " tolower($1)] += $3}
        END {for (i in sum) {split(i, part, " "); page = number(part[1]) - base
             if (page >= 0 && page < 64) print page, part[2], sum[i]}}' dump | sort -k1,1n -k2
}
page() { pages "${3:-trace.kbt}" | grep -x "$1 $2 .*" | cut -d' ' -f3; } # page NUMBER KIND [FILE]

wanted=$(for p in {0..63}; do
    extra=0 reads=0
    ((p == 3 || p == 4)) && extra=1
    ((p % 2 == 0)) && reads=100
    ((p == 63)) && reads=200000
    ((reads)) && echo "$p r $reads"
    echo "$p w $((p + 1 + extra))"
done)

run record --compile
expect 0 "~^cc -O2 -g -fsanitize=thread -c prog\.c && cc prog\.o .*/libkilburn-hooks\.a -lpthread -o prog$"
same "--compile prints lines" 1 "$(wc -l <out)"
run record --compile "a b.c" src/c.cpp
expect 0 "c++ -O2 -g -fsanitize=thread -c 'a b.c' src/c.cpp && c++ 'a b.o' c.o" "-o 'a b'"

for compiler in "${compilers[@]}"; do
    cxx=clang++
    [ "$compiler" = gcc ] && cxx=g++
    for level in 0 1 2 3; do # of optimisation
        build "$programs/known.c" -O$level
        cc_name="$compiler -O$level"
        ./known >plain 2>&1
        same "$cc_name: known without a recorder" 7 $?
        record -- ./known
        same "$cc_name: known: status" 7 $status
        same "$cc_name: known: pages" "$wanted" "$(pages)"
    done
    # The note that tells a program with hooks survives what linkers and strip take away.
    $compiler known.o -Wl,--gc-sections -s "$library" -lpthread -o small
    record -- ./small
    same "$compiler: stripped: pages" "$wanted" "$(pages)"
    if $compiler -static known.o "$library" -lpthread -o static 2>/dev/null; then
        record -- ./static
        same "$compiler: static: pages" "$wanted" "$(pages)"
    fi

    # Options, ends.
    record --grain 64K -- ./known
    "$KILBURN" trace info trace.kbt >info
    checks=$((checks + 1))
    grep -q "of 64 KiB" info || fail "--grain 64K: $(cat info)"
    record --limit 1000 -- ./known
    same "--limit: status" 7 $status
    grep -q "1000 references" err || fail "--limit: $(cat err)"
    record -- ./known crash
    same "a crash: status" 139 $status
    run trace verify trace.kbt; expect 0 whole
    (KILBURN_RECORDING=/nowhere ./known >plain 2>&1)
    same "a recorder that is gone" 7 $?

    # Threads: all references, of each.
    build "$programs/threads.c" -O1
    ./threads >plain 2>&1
    same "threads without a recorder" 0 $?
    record -- ./threads
    same "threads: status" 0 $status
    for t in {0..7}; do
        same "threads: writes of $t" 105001 "$(page $t w)"
        same "threads: reads of $t" 5000 "$(page $t r)"
    done
    same "threads: one after the other" 5000 "$(page 8 w)"
    checks=$((checks + 1))
    [ "$(awk '$1 == "thread" {print $2}' dump | sort -u | wc -l)" -ge 9 ] || fail "threads: too few numbers"

    # Signals: what the main program and the handler note, to the last reference.
    build "$programs/signals.c" -O1
    for how in "" leave other "leave other"; do
        # shellcheck disable=SC2086
        record -- ./signals $how
        same "signals $how: status" 0 $status
        came=$(head -1 out | cut -d' ' -f2)
        pages >sums
        same "signals $how: the handler's" "2 r $((1500 * came)) 2 w $((1500 * came))" "$(grep '^2 ' sums | paste -sd' ')"
        same "signals $how: at the end" "3 w 12345" "$(grep '^3 ' sums)"
        checks=$((checks + 1))
        awk -v most=$((100000 + came)) '/^[01] / && ($3 < 100000 || $3 > most) {exit 1}' sums ||
            fail "signals $how: $came came: $(cat sums)"
    done

    # fork, exec, new processes.
    build "$programs/processes.c" -O1
    record -- ./processes
    same "fork: pages" "0 w 1000 2 w 300" "$(pages | grep '^[0-3] w' | paste -sd' ')"
    grep -q "not recorded.*: 1$" err || fail "fork: $(cat err)"
    rm -f trace.*.kbt
    record --children -- ./processes
    same "fork, --children: pages" "0 w 1000 2 w 300" "$(pages | grep '^[0-3] w' | paste -sd' ')"
    same "fork, --children: the child's" "1 w 500" "$(pages trace.*.kbt | grep '^[0-3] w' | paste -sd' ')"
    setarch -R true 2>/dev/null && fixed=(setarch -R) || fixed=()
    if ((${#fixed[@]})); then # both images lie at the same place
        ran="record, exec"
        setarch -R "$KILBURN" record -o trace.kbt -- ./processes exec >out 2>err
        same "exec: pages of both images" "0 w 1000 2 w 300 3 w 200" "$(pages | grep '^[0-3] w' | paste -sd' ')"
        same "exec: the second image" "process 1" "$(grep '^process' dump)"
        rm -f trace.*.kbt
        setarch -R "$KILBURN" record -o trace.kbt -- ./processes spawn >out 2>err
        same "a new process is not recorded" "0 w 1000 2 w 300" "$(pages | grep '^[0-3] w' | paste -sd' ')"
        setarch -R "$KILBURN" record --children -o trace.kbt -- ./processes spawn >out 2>err
        same "a new process, --children" "1 w 500 3 w 200" "$(for f in trace.*.kbt; do pages "$f"; done | grep '^[0-3] w' | sort | paste -sd' ')"
    fi
    rm -f trace.*.kbt
    record -- ./processes handler
    same "fork in a handler: status" 0 $status
    record --children -- ./processes handler
    same "fork in a handler, --children: status" 0 $status
    same "fork in a handler, --children: files" 100 "$(find . -name 'trace.*.kbt' | wc -l)"
    rm -f trace.*.kbt

    # Atomic operations.
    wide=
    [ "$(uname -m)" = x86_64 ] && wide="-mcx16 -DWIDE"
    for level in 0 2; do
        # shellcheck disable=SC2086
        build "$programs/atomics.c" -O$level $wide
        ./atomics >plain || fail "atomics without a recorder: $(cat plain)"
        record -- ./atomics
        same "atomics: status" "0 " "$status $(cat out)"
    done

    # The recorder is killed: a program with many threads runs on to its end.
    build "$programs/orphan.c" -O1 -pthread
    rm -f told
    "$KILBURN" record -q -o trace.kbt -- ./orphan told >out 2>err &
    recorder=$!
    for _ in {1..500}; do
        grep -q ready out && break
        sleep 0.02
    done
    kill -KILL $recorder
    wait $recorder 2>/dev/null
    for _ in {1..1500}; do
        [ -s told ] && break
        sleep 0.02
    done
    same "threads after the recorder's end" 6000 "$(cat told)"

    # C++.
    if command -v $cxx >/dev/null; then
        build "$programs/objects.cc" -O1
        ./objects >plain
        record -- ./objects
        same "C++: status" 0 $status
        same_files "C++: output" plain out
        same "C++: what it says" "338350 99 200
2 names" "$(cat out)"
    fi
done
finish
