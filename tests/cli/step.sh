#!/bin/bash
# step.sh - kilburn step: exit statuses, what fails and where it says so, JSON that does not look
# whole when it is not, and play: through a pipe, and at a terminal (step_terminal.py).
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1

whole_json() { # whole_json WANTED: out is JSON; Python's WANTED of it, as told, is true
    checks=$((checks + 1))
    python3 -c "
import json, sys
told = json.load(open('out', encoding='utf-8'))
assert told['events_version'] == 1 and isinstance(told['events'], list), told
assert $1, told" 2>json-err || fail "$ran: $(tail -1 json-err)"
}

# stops STATUS-1 TEXT…: the last run ended with an error that says all of this; out may have its beginning.
stops() {
    local text
    checks=$((checks + 1))
    [ "$status" -eq 1 ] || fail "$ran: exit status $status, wanted 1: $(head -c 300 err)"
    for text in "$@"; do
        grep -qF -e "$text" err || fail "$ran: no \"$text\" in: $(head -c 400 err)"
    done
}

scenario() { cat >"$1"; } # from standard input

scenario good.kb <<'KB'
machine frames=3 replace=fifo
process P
P touch 1 2 3 4 1 2 5 1 2 3 4 5
expect faults 9
KB
scenario failing.kb <<'KB'
process P

P touch 1
expect faults 2
expect references 1
expect references 7
KB

# ---- what comes of it ----
run step good.kb; expect 0 "> P touch 1 2 3 4" "as expected: faults 9"
grep -q "expectations: 1, failed: 0" err || fail "no tally: $(cat err)"
run step --quiet good.kb; expect 0
checks=$((checks + 1))
[ ! -s out ] && [ ! -s err ] || fail "--quiet says something: $(cat out err)"
run step -q good.kb; expect 0
run step --lang es good.kb; expect 0 "como se esperaba: faults 9"
run --lang es step good.kb; expect 0 "como se esperaba: faults 9"
run step --all good.kb; expect 0
run step --json good.kb; expect 0
whole_json "'error' not in told and told['failed'] == 0 and told['counters']['faults'] == 9"

run step --quiet failing.kb
checks=$((checks + 1))
same "a failing expectation: status" 1 "$status"
same "failing expectations" "failing.kb:4: expect faults: wanted 2, found 1
failing.kb:6: expect references: wanted 7, found 1" "$(cat out)"
run step --lang es --quiet failing.kb
same "failing expectations in Spanish: status" 1 "$status"
grep -q '^failing.kb:4: .*faults.* 2.* 1' out || fail "in Spanish: $(cat out)"
run step failing.kb
same "failing narration: status" 1 "$status"
grep -q "failing.kb:6: expect references: wanted 7, found 1" out || fail "narration does not tell what failed"
run step --json failing.kb
same "failing JSON: status" 1 "$status"
whole_json "told['failed'] == 2 and 'error' not in told"
whole_json "[(e['line'], e['wanted'], e['found']) for e in told['events'] if e['event'] == 'expect' and not e['passed']] == [(4, '2', '1'), (6, '7', '1')]"

# ---- errors say where ----
bad() { # bad LINE 'SCENARIO' TEXT…
    local line=$1 text=$2 form
    shift 2
    printf '%b' "$text" >bad.kb
    for form in --quiet "" --json "--lang es --quiet"; do
        # shellcheck disable=SC2086
        run step $form bad.kb
        if [[ $form = *es* ]]; then stops "kilburn: bad.kb:$line: "; else stops "kilburn: bad.kb:$line: " "$@"; fi
        [ "$form" = --json ] && whole_json "told['error'].startswith('bad.kb:$line: ')"
    done
}
bad 2 'process P\nfrobnicate\n' frobnicate "the processes are: P"
bad 2 'process P\nP frobnicate\n' frobnicate
bad 1 'machine colour=red\n' colour=red
bad 1 'machine frames=3 frames=4\n' frames=4
bad 1 'machine replace=nonsense\n' nonsense second-chance
bad 1 'machine format=sv40\n' sv40 sv39
bad 1 'machine page=5\n' "power of two"
bad 3 'process P\nP touch 1\nQ touch 1\n' Q
bad 1 'expect nonsense 1\n' nonsense
bad 1 'expect fault funny\n' funny protection
bad 2 'process P\nP touch 1 z\n' '"z"' 0x1f
bad 1 'process P Q P\n' "P already"
bad 3 'process P\n\nrepeat 3\nP touch 1\n' "no end"
bad 1 'end\n' "without repeat"
bad 1 'version 9\n' "version 9"
bad 1 '' "no command"
bad 1 '# only a comment\n\n' "no command"
bad 2 'process P\nP run file=nowhere.kbt\n' nowhere.kbt
bad 4 'process P\r\nP touch 1\r\n\r\nfrobnicate\r\n' frobnicate
bad 2 'process P\nP touch 1\00002\n' "byte 0"
bad 1 '\0377\0376\0001\n' "process or command"
printf 'process P\r\nP touch 1 \r\nexpect faults 1\r\n' >crlf.kb
run step --quiet crlf.kb; expect 0
printf 'process P\nP touch 1\nexpect faults 1' >no-newline.kb
run step --quiet no-newline.kb; expect 0
{ echo "process P"; printf 'P touch'; printf ' 1%.0s' $(seq 10000); printf '\nexpect references 10000\n'; } >long.kb
run step --quiet long.kb; expect 0
{ echo "process P"; printf 'P touch'; head -c 70000 /dev/zero | tr '\0' 1; } >too-long.kb
run step too-long.kb; stops too-long.kb:2: 65536
head -c 100000 /dev/urandom >random.kb
run step --quiet random.kb; stops random.kb:
head -c 100000 /dev/zero >zero.kb
run step --quiet zero.kb; stops zero.kb:1:
run step nowhere.kb; stops nowhere.kb
run step .; stops "."
input=good.kb
run step --quiet -; expect 0
input=failing.kb
run step --quiet -
same "standard input: status" 1 "$status"
grep -q "^-:4: expect faults" out || fail "standard input: $(cat out)"
input=/dev/null
run step --quiet -; stops "-:1: " "no command"
# A trace is looked for beside the scenario.
mkdir lessons
"$KILBURN" trace generate sequential:pages=7 -o lessons/seven.kbt -q
printf 'process P\nP run file=seven.kbt\nexpect faults 7\nexpect references 7\n' >lessons/trace.kb
run step --quiet lessons/trace.kb; expect 0
# Its events are passed over, or obeyed.
"$KILBURN" trace generate sequential:pages=7:each=2:release=yes -o lessons/given.kbt -q
printf 'process P\nP run file=given.kbt\nexpect resident 7\nP run file=given.kbt events=yes\nexpect resident 0\nexpect releases 7\nexpect references 28\n' >lessons/events.kb
run step --quiet lessons/events.kb; expect 0
PYTHONPATH=$CLI_TESTS python3 -c 'import kbt
kbt.write("lessons/told.kbt", [[("map", 0, 9), ("name", "x"), ("protect", 0, 9, "r"), ("w", 3), ("w", 4), ("discard", 3, 1), ("kernel", 1), ("r", 3), ("kernel", 0)]])' || fail "no trace"
printf 'process P\nP run file=told.kbt\nexpect faults 2\nP run file=told.kbt events=yes\nexpect discards 1\nexpect faults 3\n' >lessons/told.kb
run step --quiet lessons/told.kb; expect 0
printf 'process P\nP run file=given.kbt events=all\n' >lessons/events.kb
run step --quiet lessons/events.kb; stops lessons/events.kb:2: events "yes, no"
# Page numbers that have no address are nobody else's.
echo "1 18446744073709551615" >lessons/pages.txt
printf 'process P\nP run file=pages.txt format=pages\n' >lessons/pages.kb
run step --quiet lessons/pages.kb; stops lessons/pages.kb:2:
# Blocks that never come to a command come to an end.
{ printf 'repeat 9000000\nrepeat 0\n'; yes '# nothing' | head -100000; printf 'end\nend\n'; } >forever.kb
run step --quiet forever.kb; stops forever.kb: commands

# ---- usage ----
run step --frobnicate good.kb; expect 2 --frobnicate "kilburn step --help"
run step good.kb failing.kb; expect 2 failing.kb
run step --quiet --json good.kb; expect 2 --quiet --json
run step --interactive --json good.kb; expect 2 --interactive --json
run step --interactive -; expect 2 --interactive
run step --quiet; expect 2 file
run step --interactive --timeline line.json good.kb; expect 2 --timeline --interactive
run step --timeline /nowhere/line.json good.kb; expect 1 /nowhere/line.json
run step --quiet --timeline line.json failing.kb
same "a time line, and a failed expectation" 1 "$status"
[[ -s line.json ]] || fail "no time line, though only an expectation failed"
rm -f line.json; printf 'process P\nP tuoch 1\n' >wrong.kb
run step --quiet --timeline line.json wrong.kb; expect 1 wrong.kb:2
[[ ! -e line.json ]] || fail "a time line of a run that did not end well"
run step --lang fr good.kb; expect 2 fr
run step --help; expect 0 "expect" "machine" "repeat N"
run step --help --lang es; expect 0 "Uso:"

# ---- output that cannot be written ----
for form in "" --json "--lang es"; do
    checks=$((checks + 1))
    [ -w /dev/full ] || continue
    # shellcheck disable=SC2086
    "$KILBURN" step $form good.kb >/dev/full 2>err
    same "step $form on a full disk: status" 1 $?
    [ -s err ] || fail "step $form on a full disk says nothing"
done
if [ -w /dev/full ]; then
    "$KILBURN" step --quiet failing.kb >/dev/full 2>err
    same "a failed expectation on a full disk: status" 1 $?
    [ -s err ] || fail "a failed expectation on a full disk says nothing"
    printf 'process P\nP touch 1\n' | "$KILBURN" step >/dev/full 2>err
    same "play on a full disk: status" 1 $?
fi

# ---- play, through a pipe ----
play() { # play 'LINES' ARGUMENTS…
    printf '%b' "$1" >lines
    shift
    input=lines run step "$@"
}
told() { # told TEXT…: in this order
    local text from=1 at
    checks=$((checks + 1))
    for text in "$@"; do
        at=$(tail -n "+$from" out | grep -nF -m1 -e "$text" | cut -d: -f1)
        if [ -z "$at" ]; then
            fail "$ran: no \"$text\" after line $from of: $(cat out)"
            return
        fi
        from=$((from + at))
    done
}
never() { # never TEXT…
    local text
    for text in "$@"; do
        checks=$((checks + 1))
        ! grep -qF -e "$text" out || fail "$ran: \"$text\" in: $(cat out)"
    done
}
play 'process P\nP touch 1\nexpect faults 1\n'
expect 0 "> P touch 1" "as expected: faults 1"
play 'process P\nQ touch 1\nP touch 1\nexpect faults 7\nexpect references 1\nquit\nexpect faults 9\n'
expect 0
told "expect faults: wanted 7, found 1" "as expected: references 1"
never "faults 9"
grep -q 'kilburn: -:2: .*"Q"' err || fail "play: the error is not told: $(cat err)"
# A line that goes wrong half-way has not happened.
play 'process P\nP touch 1 2 zz\nexpect references 0\nP touch 1\nexpect references 1\n'
expect 0
told "as expected: references 0" "as expected: references 1"
# An error inside a block takes the block away.
play 'process P\nrepeat 2\nP touch 1\nP store 0 "x\nexpect references 0\nP touch 1\nexpect references 1\n'
expect 0
told "as expected: references 0" "as expected: references 1"
# Back: several times, over a block, to the beginning, and out of an open block.
play 'back\nprocess P\nP touch 1\nrepeat 2\nP touch 2 3\nend\nexpect references 5\nback\nback\nexpect references 1\nback\nback\nback\nprocess P\nrepeat 4\nP touch 1\nback\nexpect references 0\nback\nback\nback\n'
expect 0
told "this is the beginning" "as expected: references 5" "undone: expect references 5" "undone: repeat 2" \
    "as expected: references 1" "undone: expect" "undone: P touch 1" "undone: process P" "undone: repeat 4" \
    "as expected: references 0" "undone: expect" "undone: process P" "this is the beginning"
# Back over what is more than pages: files begin anew, shared memory, children and who was out.
play 'file f size=4K\nshared s size=4K\nprocess P\nP map file f start=0\nP share s page=9\nP store 0 7\nP sync page=0\nexpect file f 0 7\nback\nback\nexpect file f 0 0\nP fork C\nC store 0x9000 5\nP swap out\nexpect P state swapped\nback\nback\nexpect P state ready\nback\nback\nback\nfork\nP fork C\nexpect processes 2\n'
expect 0
told "as expected: file 0x7" "undone: expect file" "undone: P sync" "as expected: file 0x0" "undone: expect P state" \
    "undone: P swap out" "as expected: state ready" "undone: C store" "undone: P fork" "as expected: processes 2"
# Enter runs the file's next line, or block; go the rest; back goes back in it.
scenario play.kb <<'KB'
# a title
machine frames=3

process P
repeat 2
P touch 1
end
P touch 2 zz
expect faults 1
KB
play '\n\n\nback\n\nexpect references 2\n\nexpect references 2\ngo\n\nquit\n' --interactive play.kb
expect 0
told "# a title" "> machine frames=3" "> process P" "> P touch 1" "undone: repeat 2" "> P touch 1" \
    "as expected: references 2" "as expected: references 2" "as expected: faults 1" "the file is at its end"
grep -q 'kilburn: play.kb:8: .*"zz"' err || fail "play: the line in the file: $(cat err)"
play 'go\nexpect faults 1\n' --interactive play.kb # stops where it goes wrong
expect 0
told "P touch 2 zz" "as expected: faults 1"
play 'help\nquit\n'
expect 0 "back" "machine" "expect"
play 'ayuda\n' --lang es
expect 0
grep -q '"ayuda"' err || fail "play in Spanish: $(cat err)"
play '' ; expect 0
play '\n# nothing\n   \n' ; expect 0
play 'machine replace=opt\nprocess P\nexpect frames 16\n'; expect 0 "as expected: frames 16"
run step -i nowhere.kb; expect 1 nowhere.kb

# ---- at a terminal ----
checks=$((checks + 1))
python3 "$CLI_TESTS/step_terminal.py" "$KILBURN" >terminal 2>&1 || fail "at a terminal: $(cat terminal)"
finish
