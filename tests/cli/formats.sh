#!/bin/bash
# formats.sh - the same references in every format, packed or not, from a file or a pipe, give the
# same results; detection, --format, and the way through the native format and back.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
policies=fifo,lru,clock,opt,nru:period=7,2q,ws:window=9
frames=3,4,7

# with: all kinds. plain: reads alone. rw: reads and writes. Page p is address p * 4096 + something.
python3 - <<'PY' || fail "python3 could not write the traces"
import struct
state, references = 1, []
for k in range(400):
    state = 48271 * state % (2**31 - 1)
    references.append(((state >> 8) % 9 + k // 100 * 3 + 1, "rwx"[(state >> 16) % 3]))
references = [(p, k) for p, k in references]


def text(name, lines):
    open(name, "w").write("".join(line + "\n" for line in lines))


def address(i, page):
    return page * 4096 + i * 52 % 4000


def family(name, kinds):
    refs = [(p, kinds[k]) for p, k in references]
    text(f"{name}.pages", [f"{p}{k}" for p, k in refs])
    text(f"{name}.commas", [", ".join(f"{p}{k}" for p, k in refs)])
    if "x" not in kinds.values():
        text(f"{name}.rw", [f"{address(i, p):08x} {k.upper()}" for i, (p, k) in enumerate(refs)])
        text(f"{name}.ls", [f"{'s' if k == 'w' else 'l'} 0x{address(i, p):x}"
                            for i, (p, k) in enumerate(refs)])
        text(f"{name}.pin", ["# a comment"] + [f"0x7f{i:06x}: {k.upper()} 0x{address(i, p):x}"
                                               for i, (p, k) in enumerate(refs)] + ["#eof", "xyz"])
    text(f"{name}.lackey", ["==1== Lackey"] + [
        ("I  " if k == "x" else " S " if k == "w" else " L ") + f"{address(i, p):08x},4"
        for i, (p, k) in enumerate(refs)] + ["the program's own words"])
    text(f"{name}.din", [f"{'rwx'.index(k)} {address(i, p):x}" for i, (p, k) in enumerate(refs)])


family("all", {"r": "r", "w": "w", "x": "x"})
family("rw", {"r": "r", "w": "w", "x": "r"})
family("plain", {"r": "r", "w": "r", "x": "r"})
with open("plain.oracle", "wb") as file:
    for i, (p, k) in enumerate(references):
        later = next((j for j in range(i + 1, len(references)) if references[j][0] == p), -2)
        file.write(struct.pack("<IQIq", i, p, 512, later + 1))
# ChampSim: an instruction is its fetch, its reads, its writes.
lines = []
with open("champ.champsim", "wb") as file:
    for i in range(100):
        pages = [references[4 * i + j][0] for j in range(4)]
        ip, store, loads = pages[0], pages[1] if i % 3 else 0, pages[2:4] if i % 2 else pages[2:3]
        file.write(struct.pack("<QBB2B4B2Q4Q", address(i, ip), i % 5 == 0, i % 10 == 0, 1, 2, 3, 4, 5, 6,
                               0, store and address(i, store),
                               *(address(i, p) for p in loads), *[0] * (4 - len(loads))))
        lines += [f"{ip}x"] + [f"{p}r" for p in loads] + ([f"{store}w"] if store else [])
text("champ.pages", lines)
# lackey's M is a load and a store; an access over a page's end counts once for each page.
text("modify.lackey", [" M 00001000,4", " L 00001ffe,4", " S 00003ffc,8", "I  00002ffd,3"])
text("modify.pages", ["1r 1w 1r 2r 3w 4w 2x"])
PY

table() { # table FILE OPTION…: the results, without the name of the trace
    local trace=$1
    shift
    "$KILBURN" sim "$trace" --policy $policies --frames $frames --csv "$@" 2>&1
}

for family in all rw plain champ modify; do
    table $family.pages --format pages >wanted
    [ "$(wc -l <wanted)" -eq 20 ] || fail "$family.pages: $(head -3 wanted)"
    for trace in "$family".*; do
        format=${trace##*.}
        case $format in commas) format=pages ;; din | pages | oracle | rw | ls | lackey | pin | champsim) ;; *) continue ;; esac
        table "$trace" --format $format >got
        same_files "$trace, --format $format" wanted got
        table - --format $format <"$trace" >got
        same_files "$trace from standard input" wanted got
        # shellcheck disable=SC2002
        cat "$trace" | table - --format $format >got
        same_files "$trace from a pipe" wanted got
        cat "$trace" | table /dev/stdin --format $format >got
        same_files "$trace from a pipe by name" wanted got
        if [ $format != din ]; then # decimal digits could be page numbers: docs/formats.md
            table "$trace" >got
            same_files "$trace, format found out" wanted got
            run trace info "$trace" --json
            expect 0 "\"format\":\"$format\""
        fi
        for packer in gzip xz zstd; do
            command -v $packer >/dev/null || continue
            $packer -c "$trace" >packed
            table packed --format $format >got
            same_files "$trace, $packer" wanted got
            table - --format $format <packed >got
            same_files "$trace, $packer, from standard input" wanted got
        done
        for pack in auto raw lz4 zstd; do
            run trace convert "$trace" --format $format -o copy.kbt --pack $pack
            expect 0
            table copy.kbt >got
            same_files "$trace by way of kbt ($pack)" wanted got
        done
        run trace verify copy.kbt
        expect 0 copy.kbt
        run trace convert copy.kbt -o again.kbt --pack zstd -q
        expect 0
        same_files "$trace: a converted native trace" copy.kbt again.kbt
        "$KILBURN" trace convert "$trace" --format $format -o - 2>err | table - >got
        same_files "$trace by way of kbt in a pipe" wanted got
    done
done
# din with letters in its addresses is found out.
printf '2 408ed4\n0 10019d94\n1 10019d88\n' >letters
run trace info letters --json
expect 0 '"format":"din"' '"executes":1' '"writes":1' '"reads":1'
# CR newline, no newline at the end, capital letters.
printf '1000 R\r\n2000 W\r\n0X1ABC R' >crlf
run trace info crlf --json
expect 0 '"format":"rw"' '"references":3' '"pages":2' '"writes":1'
# The wrong format is an error, not another result.
run sim rw.rw --format ls --policy fifo --frames 3
expect 1 rw.rw "line 1"
run sim rw.kbt --format kbt --policy fifo --frames 3
expect 1 rw.kbt
run sim rw.rw --format kbt --policy fifo --frames 3
expect 1 rw.rw
# Page numbers and addresses are kept by a native trace.
run trace info copy.kbt --json
expect 0 '"format":"kbt"'
run trace convert all.pages -o pages.kbt -q
run trace info pages.kbt --json
expect 0 '"page_size":null' '"grain":null'
run sim pages.kbt --policy fifo --frames 3 --page-size 4K
expect 2 --page-size
run trace generate phases -o - --quiet
[ "$status" -eq 0 ] && [ ! -s err ] || fail "$ran: says $(cat err)"
cp out phases.kbt
run trace info phases.kbt --json
expect 0 '"references":10000' '"writes":2424' '"pages":84'
finish
