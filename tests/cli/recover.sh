#!/bin/bash
# recover.sh - a native trace that is cut or damaged: sim and verify say so and where, convert
# --recover saves what is whole and says how many bytes are lost.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
need python3
export PYTHONDONTWRITEBYTECODE=1
# Five blocks of 100 references each; offsets has where each begins, and the footer.
PYTHONPATH=$CLI_TESTS python3 - >offsets <<'PY' || fail "no trace"
import kbt
blocks = [[("w" if i % 7 == 0 else "r", (i * i + 37 * k) % 50 + 10 * k) for i in range(100)] for k in range(5)]
print(*kbt.write("whole.kbt", blocks))
with open("text.pages", "w") as file:
    file.writelines(f"{page}{kind}\n" for block in blocks for kind, page in block)
PY
read -ra offsets <offsets
size=$(wc -c <whole.kbt)
run trace verify whole.kbt; expect 0 whole.kbt "500 references" "checksum: 5"
same "the trace and its text" "$(counts text.pages fifo,lru,opt 5,9)" "$(counts whole.kbt fifo,lru,opt 5,9)"
run trace convert --recover whole.kbt -o copy.kbt
expect 0
checks=$((checks + 1))
grep -q lost err && fail "--recover of a whole trace speaks of a loss: $(cat err)"

# hurt WHAT REFERENCES FIRST_LOST_BYTE PLACE: hurt.kbt has so many whole references; what lies behind
# the byte is lost; the message names the place ("" where any will do).
hurt() {
    local what=$1 references=$2 end=$3 place=$4 lost
    lost=$(($(wc -c <hurt.kbt) - end))
    for command in "sim hurt.kbt --policy fifo --frames 5" "sim hurt.kbt --policy fifo,lru,opt --frames 5..9 --json" \
        "sim hurt.kbt --policy fifo --frames 5 --csv" "sim hurt.kbt --policy fifo --frames 5 --steps --json" \
        "trace info hurt.kbt" "trace info hurt.kbt --json" "trace verify hurt.kbt" "trace convert hurt.kbt -o new.kbt"; do
        # shellcheck disable=SC2086
        run $command
        expect 1 hurt.kbt "~byte [0-9]+" ${place:+"byte $place"}
    done
    expect 1 --recover "the $references references before it are whole"
    checks=$((checks + 1))
    [ ! -e new.kbt ] || fail "$what: a failed convert left its result"
    run trace convert --recover hurt.kbt -o new.kbt
    if [ "$references" -eq 0 ]; then
        expect 1 hurt.kbt
        checks=$((checks + 1))
        [ ! -e new.kbt ] || fail "$what: nothing was saved, but a file is there"
        return
    fi
    expect 0
    checks=$((checks + 1))
    [ "$lost" -eq 0 ] || grep -qE "last $lost bytes" err || fail "$what: convert --recover says: $(cat err); wanted: $lost bytes lost"
    run trace verify new.kbt
    expect 0 "$references references"
    same "$what: what was saved" "$(counts text.pages fifo,lru 5,9 --limit "$references")" "$(counts new.kbt fifo,lru 5,9)"
    run trace info hurt.kbt --recover --json
    expect 0 "\"references\":$references,"
    rm -f new.kbt
}
cut() { head -c "$1" whole.kbt >hurt.kbt; }
flip() { # flip BYTE: inverts one bit
    python3 -c 'import sys; d = bytearray(open("whole.kbt", "rb").read()); d[int(sys.argv[1])] ^= 4; open("hurt.kbt", "wb").write(d)' "$1"
}
cut $((offsets[5])); hurt "without footer" 500 "${offsets[5]}" ""
cut $((size - 1)); hurt "the last byte is missing" 500 "${offsets[5]}" ""
cut $((offsets[5] + 70)); hurt "cut in the footer" 500 "${offsets[5]}" ""
cut $((offsets[4])); hurt "cut before the last block" 400 "${offsets[4]}" ""
cut $((offsets[2] + 1)); hurt "cut in a block's header" 200 "${offsets[2]}" ""
cut $((offsets[2] + 90)); hurt "cut in a block" 200 "${offsets[2]}" ""
cut $((offsets[1] - 1)); hurt "cut in the first block" 0 64 ""
cut 64; hurt "the header alone" 0 64 ""
flip $((offsets[3])); hurt "a wrong block magic" 300 "${offsets[3]}" ""
flip $((offsets[3] + 33)); hurt "a wrong block header" 300 "${offsets[3]}" "${offsets[3]}"
flip $((offsets[3] + 100)); hurt "a wrong payload" 300 "${offsets[3]}" ""
flip $((offsets[0] + 64)); hurt "a wrong first payload" 0 64 ""
flip $((offsets[5] + 80)); hurt "a wrong footer" 500 "${offsets[5]}" ""
{ cat whole.kbt; printf 'behind'; } >hurt.kbt
run trace verify hurt.kbt; expect 1 hurt.kbt
# A wrong header leaves nothing to trust.
for byte in 8 10 20 60; do
    flip $byte
    run sim hurt.kbt --policy fifo --frames 3; expect 1 hurt.kbt
    run trace convert --recover hurt.kbt -o new.kbt; expect 1 hurt.kbt
done
# --recover is for native traces; others are read to their error.
seq 1 50 >bad.txt
echo 12z >>bad.txt
run trace convert --recover bad.txt --format pages -o new.kbt; expect 1 bad.txt "line 51"
# The same from a pipe, and a result over the damaged file itself.
cut $((offsets[4] + 5))
"$KILBURN" trace convert --recover - -o piped.kbt <hurt.kbt 2>err || fail "--recover from standard input: $(cat err)"
same "recovered from standard input" "$(counts text.pages lru 7 --limit 400)" "$(counts piped.kbt lru 7)"
run trace convert --recover hurt.kbt -o hurt.kbt; expect 0
run trace verify hurt.kbt; expect 0 "400 references"
run --lang es trace convert --recover piped.kbt -o again.kbt; expect 0
cut $((offsets[4] + 5))
run --lang es trace verify hurt.kbt; expect 1 "está dañada" "--recover"
finish
