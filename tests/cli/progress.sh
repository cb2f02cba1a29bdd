#!/bin/bash
# progress.sh - a progress line on a terminal only: shown on long work, gone at the end.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
# Standard input through a slow pipe makes work long without making the machine busy.
seq 1 40000 >part.txt # seven times: more than one block of the reader
slowly() { for _ in 1 2 3 4 5 6 7; do cat part.txt; sleep 0.1; done; }
long=(sim - --format pages --policy fifo --frames 100)

slowly | "$KILBURN" "${long[@]}" >plain 2>err
checks=$((checks + 1))
[ -s err ] && fail "standard error is no terminal, but gets: $(cat -v err)"
# A carriage return or an escape in results, ever, would be progress in the wrong place.
grep -q "$(printf '[\r\033]')" plain && fail "standard output has control characters: $(cat -v plain)"
grep -q "280000 references" plain || fail "results: $(cat plain)"

if ! command -v script >/dev/null; then
    echo "the part on a terminal is left out: script is not installed"
    finish
fi
# tty COMMAND: its output on a pseudo-terminal; standard output goes to a file of its own.
tty() { script -qec "$1" typescript </dev/null >/dev/null 2>&1; }
export KILBURN
{
    declare -f slowly
    # shellcheck disable=SC2016
    echo 'slowly | "$KILBURN" "$@" >results'
} >slow.bash
drawn=$'\033'"[K"

tty "bash slow.bash ${long[*]}"
status=$?
checks=$((checks + 4))
[ $status -eq 0 ] || fail "on a terminal: exit status $status"
grep -q "Mrefs" typescript || fail "no progress line on a terminal: $(cat -v typescript)"
cmp -s plain results || fail "a terminal changes the results: $(cat -v results)"
# The last thing written is the eraser: carriage return, erase to the end of the line.
python3 - <<'PY' || fail "the progress line is not erased: $(cat -v typescript)"
import re
data = open("typescript", "rb").read()
data = re.sub(rb"\AScript started[^\n]*\n", b"", data)
data = re.sub(rb"\s*Script done[^\n]*\n?\Z", b"", data)
assert data.endswith(b"\r\x1b[K"), data[-80:]
assert b"\n" not in data, data
PY
tty "bash slow.bash ${long[*]} --quiet"
checks=$((checks + 1))
grep -qF "$drawn" typescript && fail "--quiet: $(cat -v typescript)"
tty "bash slow.bash --lang es ${long[*]}"
checks=$((checks + 1))
grep -q "Mrefs leídas" typescript || fail "no Spanish progress line: $(cat -v typescript)"
cp part.txt short.txt
cat >short.bash <<'END2'
"$KILBURN" sim short.txt --format pages --policy fifo --frames 100 >results
END2
tty "bash short.bash"
checks=$((checks + 1))
grep -q "Mrefs" typescript && fail "short work shows progress: $(cat -v typescript)"
# A file: per cent and the time left. Three million references against many policies.
"$KILBURN" trace generate zipf:pages=20000:references=3M -o long.kbt -q
echo '"$KILBURN" sim long.kbt --policy lru,arc,lirs,2q,clock-pro,lfu --frames 500,5000 --threads 1 >results' >file.bash
tty "bash file.bash"
checks=$((checks + 1))
grep -qE "█|░" typescript && grep -qE "[0-9]+ %.*s left" typescript ||
    fail "no bar for a file: $(cat -v typescript | head -c 400)"
# An error while the line is shown comes after its end.
{
    declare -f slowly
    # shellcheck disable=SC2016
    echo '{ slowly; echo 12z; } | "$KILBURN" "$@" >results'
} >error.bash
tty "bash error.bash ${long[*]}"
status=$?
checks=$((checks + 2))
[ $status -eq 1 ] || fail "an error on a terminal: exit status $status"
grep -qF "${drawn}kilburn: " typescript || fail "the message stands in the progress line: $(cat -v typescript)"
finish
