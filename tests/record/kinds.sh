#!/bin/bash
# kinds.sh - what can be recorded: dynamic, static, position-independent, stripped programs, scripts;
# and one clear line, with its status, for what cannot.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
cat >sum.c <<'END'
static volatile long numbers[4096];
int main(void) {
    long sum = 0;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 4096; i++)
            sum += numbers[i] + i;
    return sum == 25159680 ? 42 : 1;
}
END
tried=0
for kind in "" "-no-pie" "-static" "-static-pie" "-static -s" "-s" "-Wl,-z,noseparate-code" "-Wl,-z,now" \
    "-Wl,--hash-style=gnu -Wl,-N -static"; do
    # shellcheck disable=SC2086
    "$cc" -O1 $kind -o sum sum.c 2>built || continue # no static C library, perhaps
    tried=$((tried + 1))
    options=(--data-only)
    record ./sum
    ended 42
    whole t.kbt
    # 8 pages that were read 3 times 512 times, and one or two at the ends
    pages=$(stream t.kbt | awk '$1 == "R" { n[$2] += $3 } END { for (p in n) if (n[p] >= 1536) k++; print k + 0 }')
    checks=$((checks + 1))
    [ "$pages" -ge 7 ] || fail "cc $kind: $pages pages were read 1,536 times"
    options=()
    record ./sum
    ended 42
done
checks=$((checks + 1))
[ "$tried" -ge 5 ] || fail "only $tried kinds of programs could be built"

# all of the program's segments are told, with their rights; code is executed where it may be
"$cc" -O1 -no-pie -o sum sum.c
record "$PWD/sum"
stream t.kbt >lines
while read -r pages rights; do
    checks=$((checks + 1))
    grep -qx "protect [0-9a-f]* $pages $rights" lines ||
        fail "no mapping of $pages pages $rights: $(grep -A1 -F "$PWD/sum" lines)"
done < <(python3 - sum <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
offset, = struct.unpack_from("<Q", data, 32)
size, count = struct.unpack_from("<HH", data, 54)
for i in range(count):
    kind, flags, at, address, _, bytes_, memory = struct.unpack_from("<IIQQQQQ", data, offset + i * size)
    if kind == 1:
        pages = (address % 4096 + bytes_ + 4095) // 4096
        print(pages, "".join(c if flags & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1))))
END
)
python3 - lines <<'END' || fail "fetches from pages that hold no code: $ran"
import sys
rights, wrong = {}, set()
for line in open(sys.argv[1]):
    words = line.split()
    if words[0] == "protect":
        first, pages = int(words[1], 16), int(words[2])
        rights.update((page, words[3]) for page in range(first, first + pages))
    elif words[0] == "X" and rights.get(int(words[1], 16), "")[2:] != "x":
        wrong.add(words[1])
    elif words[0] == "W" and "w" not in rights.get(int(words[1], 16), ""):
        wrong.add(words[1])
sys.exit(f"{sorted(wrong)}" if wrong else 0)
END
checks=$((checks + 1))
same "one stack" 1 "$(grep -c '^map .* \[stack\]$' lines)"

# scripts
printf '#!/bin/sh\necho "<$0> <$1> $#"\nexit 9\n' >script
printf '#! /bin/sh -e \nfalse\nexit 9\n' >option
printf '#!/bin/sh  -c  exit 8 \n' >options
printf '#!/usr/bin/env sh\nexit 11' >by-env
printf '#!/bin/sh\r\nexit 9\n' >windows
printf '#!/no/such/interpreter -x\n' >missing
printf '#!\n' >nothing
printf 'exit 9\n' >text
: >empty
mkdir directory
cp sum unreadable && chmod 644 unreadable
head -c 40 sum >cut-off
chmod +x script option options by-env windows missing nothing text empty cut-off
record ./script "a b"
ended 9
same "a script's arguments" "<./script> <a b> 1" "$(cat out)"
whole t.kbt
PATH=$PWD:$PATH record script x
same "a script in PATH" "<$PWD/script> <x> 1" "$(cat out)"
record ./option
ended 1
./options >native 2>&1
native=$?
record ./options
ended $native
record ./by-env
ended 11
# interpreters that are scripts, as many as natively
printf '#!/bin/sh\necho "<$0> $*"\nexit 9\n' >level1
chmod +x level1
for level in 2 3 4 5 6; do
    printf '#!%s/level%d -o%d\n' "$PWD" $((level - 1)) $level >level$level
    chmod +x level$level
done
./level5 a b >native
record ./level5 a b
ended 9
same "scripts of scripts" "$(cat native)" "$(cat out)"
record ./level6 a b
ended 126 "level"
# an interpreter that is a script itself, as deep as Linux follows
printf '#!%s -1\necho never\n' "$PWD/show" >script2
printf '#!/bin/sh\nprintf "<%%s>\\n" "$0" "$@"\n' >show
printf '#!%s -2\necho never\n' "$PWD/script2" >script3
chmod +x script2 script3 show
for nested in script2 script3; do
    ./$nested a b >native
    record ./$nested a b
    ended 0
    same_files "$nested, whose interpreter is a script" native out
done

# refused before anything is written: one line
refused() { # refused STATUS TEXT PROGRAM
    local wanted=$1 text=$2
    shift 2
    echo old >t.kbt
    ran="kilburn record -- $*"
    "$KILBURN" record -o t.kbt -- "$@" >out 2>err
    status=$?
    ended "$wanted" "$text"
    same "$ran: lines" 1 "$(wc -l <err)"
    same "$ran: a trace that was there" old "$(cat t.kbt)"
    same "$ran: standard output" "" "$(cat out)"
}
refused 127 "no such program" ./nowhere
refused 127 "no such program" no-such-program-anywhere
refused 127 "no such program" ./sum/x
refused 127 "no such program" ""
refused 126 "/no/such/interpreter" ./missing
refused 126 "/bin/sh" ./windows
refused 126 "" ./nothing
refused 126 "" ./text
refused 126 "" ./empty
refused 126 "" ./cut-off
refused 126 "not a file" ./directory
refused 126 "may not be executed" ./unreadable
if "$cc" -o no-loader "$RECORD_TESTS/plain.c" -Wl,--dynamic-linker=/no/such/loader 2>built; then
    refused 126 "/no/such/loader" ./no-loader
    ./no-loader 2>native
    native=$?
    record bash -c ./no-loader
    ended $native
fi
# another machine: the same file with another number in its header
patch() { python3 -c 'import sys
data = bytearray(open("sum", "rb").read())
for place in sys.argv[2:]:
    at, value = place.split("=")
    data[int(at)] = int(value)
open(sys.argv[1], "wb").write(data)' "$@" && chmod +x "$1"; }
patch arm64 18=183
patch riscv 18=243
patch i386 18=3 4=1
patch big 5=2
patch object 16=1
patch strange 18=200
[ "$(uname -m)" = aarch64 ] && patch arm64 18=62
refused 126 "aarch64" ./arm64
refused 126 "riscv" ./riscv
refused 126 "i386" ./i386
refused 126 "" ./big
refused 126 "" ./object
refused 126 "" ./strange

# no QEMU in PATH; an output that cannot be written: the program is not started
mkdir tools
ln -s "$(command -v sh)" tools/sh
ln -s "$(command -v touch)" tools/touch
env PATH="$PWD/tools" "$KILBURN" record -o t.kbt -- sh -c 'touch started' >out 2>err
status=$? ran="kilburn record without QEMU"
ended 125 "qemu"
same "$ran: lines" 1 "$(wc -l <err)"
for output in /no/such/folder/x.kbt directory ""; do
    "$KILBURN" record -o "$output" -- sh -c 'touch started' >out 2>err
    status=$? ran="kilburn record -o $output"
    ended 125
    same "$ran: lines" 1 "$(wc -l <err)"
done
checks=$((checks + 1))
[ ! -e started ] || fail "a program was started though it could not be recorded"

# usage
for arguments in "" "-o x.kbt" "--grain 3000 -- true" "--grain 32 -- true" "--grain 2M -- true" \
    "--limit 0 -- true" "--limit x -- true" "--limit -1 -- true" "--nonsense -- true" "-o - -- true" \
    "--grain -- true"; do
    # shellcheck disable=SC2086
    "$KILBURN" record $arguments >out 2>err
    status=$? ran="kilburn record $arguments"
    ended 2
    same "$ran: standard output" "" "$(cat out)"
done
# without --, options behind the program are its own; without -o the trace has its name
rm -f ./*.kbt
"$KILBURN" record -q /bin/sh -c 'exit 5' --exact
same "options of the program" 5 $?
whole sh.kbt
finish
