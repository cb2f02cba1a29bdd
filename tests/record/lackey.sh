#!/bin/bash
# lackey.sh - --exact against Valgrind's lackey on the same programs. Without a library they agree
# reference by reference; what differs otherwise is known and counted.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
need_x86
need valgrind

# both PROGRAM: lackey.kbt, and t.kbt from record --exact
both() {
    valgrind --tool=lackey --trace-mem=yes --log-fd=9 "$1" 9>lines >out.valgrind 2>err.valgrind
    native=$?
    "$KILBURN" trace convert lines --format lackey -o lackey.kbt -q || fail "lackey's lines of $1"
    options=(--exact)
    record "$1"
    ended $native
}

# The stack lies elsewhere: its page, which is the one that the first push writes, has a name.
without_stack() {
    stream "$1" | awk '/^kernel/ { kernel = $2 } /^[RWX]/ && !kernel {
        if ($1 == "W" && stack == "") stack = $2
        if ($2 == stack) $2 = "stack"
        print }'
}
plain=(-O3 -msse2 -nostdlib -static -no-pie -ffreestanding -fno-builtin -fno-stack-protector
    -fno-tree-loop-distribute-patterns)

# loops, a recursion, sixteen bytes at once, accesses across pages; rep; cmpxchg16b: all the same
compile plain "${plain[@]}" -DPARTS=5
both ./plain
without_stack lackey.kbt >wanted
without_stack t.kbt >got
same_files "the stream of a program without a library" wanted got
checks=$((checks + 1))
[ "$(wc -l <got)" -gt 100000 ] || fail "only $(wc -l <got) runs"

# fxsave (40 times): lackey has 18 stores, QEMU's pieces make 12; all else is the same
compile plain "${plain[@]}" -DPARTS=2
both ./plain
for file in lackey t; do
    without_stack $file.kbt | awk '{ n[$1 " " $2] += $3 } END { for (k in n) print k, n[k] }' | sort >$file
done
same "what differs with fxsave" "W 1" "$(join <(sed 's/ /_/' lackey) <(sed 's/ /_/' t) |
    awk '$2 != $3 { k = substr($1, 1, 1); n[k]++; if (($2 - $3) % 40 || $2 - $3 > 40 * 16) bad = 1 }
         END { for (k in n) print k, n[k]; if (bad) print "not so many a time" }')"
same "pages with fxsave" "$(wc -l <lackey)" "$(wc -l <t)"

# with the C library: what it does to begin, and functions chosen by the processor, differ; so what
# twice the work adds is compared
totals() { # totals FILE: reads, writes, instructions, without the kernel's
    stream "$1" | awk '/^kernel/ { k = $2 } /^[RWX]/ && !k { n[$1] += $3 } END { print n["R"], n["W"], n["X"] }'
}
for size in 300 600; do
    compile library -O2 -static -no-pie -DSIZE=$size
    both ./library
    totals lackey.kbt >lackey.$size
    totals t.kbt >t.$size
done
checks=$((checks + 1))
paste -d' ' lackey.300 lackey.600 t.300 t.600 | awk '{
    for (i = 1; i <= 3; i++) {
        theirs = $(i + 3) - $i; ours = $(i + 9) - $(i + 6)
        if (theirs < 10000 || (ours - theirs) ^ 2 > (theirs / 100) ^ 2) exit 1
        if (($(i + 9) - $(i + 3)) ^ 2 > ($(i + 3) / 25) ^ 2) exit 1
    } }' || fail "with the C library: $(head lackey.300 lackey.600 t.300 t.600)"
finish
