#!/bin/bash
# signals.sh - signals that end a program or that it handles; those to the recorder are passed on;
# whoever is killed, what was recorded stays.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
compile signals

ulimit -c 0
for pair in segv:139 abort:134 kill:137 trap:132 catch-segv:41 timer:42; do
    how=${pair%:*} wanted=${pair#*:}
    record ./signals "$how"
    ended "$wanted"
    [ "$wanted" -gt 128 ] && ended "$wanted" "signal $((wanted - 128)) ("
    same "what $how says" "" "$(cat out)"
    same "what QEMU says of $how" "" "$(grep -v '^kilburn: ' err)"
    whole t.kbt
done

# begin PROGRAM…: a recording in the background, as $recorder, once its program has said "ready"
begin() {
    ran="kilburn record ${options[*]} -- $*"
    rm -f t.kbt out err
    (trap - INT QUIT && exec "$KILBURN" record -o t.kbt "${options[@]}" -- "$@" >out 2>err </dev/null) &
    recorder=$!
    for _ in $(seq 300); do
        grep -q ready out 2>/dev/null && break
        sleep 0.02
    done
    program=$(pgrep -P $recorder | head -1)
}
end() {
    { wait "$recorder"; status=$?; } 2>/dev/null
}
need pgrep

for signal in HUP INT QUIT TERM USR1 USR2 ALRM WINCH; do
    begin ./signals handle
    kill -$signal $recorder
    end
    number=$(kill -l $signal)
    ended $((40 + number))
    same "$signal reaches the program" "ready
caught $number" "$(cat out)"
    whole t.kbt
done
for signal in TERM INT HUP USR1; do
    begin ./signals spin
    kill -$signal $recorder
    end
    ended $((128 + $(kill -l $signal))) "signal $(kill -l $signal) ("
    whole t.kbt
done
begin ./signals spin
kill -KILL "$program"
end
ended 137
whole t.kbt
# the loop stood in shared memory when the program was killed: nothing is lost with it
for _ in 1 2; do
    begin ./signals ready
    sleep 0.1
    kill -KILL "$program"
    end
    ended 137
    whole t.kbt
    # its last word, written just before, is in the file
    same "the last words of a killed program" "kernel 1 R kernel 0" \
        "$(stream t.kbt | grep '^kernel' -A1 | grep -v '^--' | cut -d' ' -f1,2 | sed 's/^R .*/R/' |
            grep -x -A2 'kernel 1' | grep -A1 -B1 -x R | tail -3 | tr '\n' ' ' | sed 's/ $//')"
done

# who began the recorder may ignore SIGCHLD: so does the program, and its end is seen
cat >ignoring.py <<'END'
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
END
for pair in qemu:51 lackey:50; do # Valgrind shows its program the default
    with=${pair%:*}
    [ $with = lackey ] && ! command -v valgrind >/dev/null && continue
    timeout -k 1 60 python3 ignoring.py "$KILBURN" record --with $with -o t.kbt -- \
        ./signals ignores \
        >out 2>err
    status=$?
    ran="kilburn record --with $with, SIGCHLD ignored"
    ended "${pair#*:}"
    whole t.kbt
done

# the recorder is stopped by Ctrl-Z's signal and goes on
begin ./signals handle
kill -STOP $recorder
sleep 0.2
kill -CONT $recorder
kill -TERM $recorder
end
ended 55
whole t.kbt

# the recorder is killed: its program lives, the file can be saved
begin ./signals nap
sleep 6.5 # it writes at least each 5 seconds
kill -KILL $recorder
end
checks=$((checks + 2))
sleep 0.5
kill -0 "$program" 2>/dev/null || fail "the program has ended with its recorder"
"$KILBURN" trace verify t.kbt >verified 2>&1 && fail "a file without an end is called whole"
"$KILBURN" trace convert t.kbt --recover -o saved.kbt >saved.out 2>&1 || fail "not saved: $(cat saved.out)"
whole saved.kbt
checks=$((checks + 1))
"$KILBURN" trace info saved.kbt --json | grep -q '"references":[0-9]\{7,\}' ||
    fail "not much was saved: $("$KILBURN" trace info saved.kbt)"
kill -TERM "$program"
for _ in $(seq 100); do
    kill -0 "$program" 2>/dev/null || break
    sleep 0.05
done
checks=$((checks + 1))
kill -0 "$program" 2>/dev/null && fail "the program no longer ends by a signal" && kill -KILL "$program"

# on a terminal
checks=$((checks + 1))
python3 "$RECORD_TESTS/terminal.py" "$KILBURN" "$PWD/signals" >told 2>&1 || fail "$(cat told)"
whole t.kbt
finish
