#!/bin/bash
# exec.sh - a program that becomes another one is followed; a forked one is dropped and counted, or
# recorded to a file of its own.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
compile family -pthread

# how many images a trace has: events of processes, and one
images() { echo $((1 + $(stream "$1" | grep -c '^process '))); }

record sh -c 'exec sh -c "exec sh -c \"exit 9\""'
ended 9
whole t.kbt
same "three images in a row" 3 "$(images t.kbt)"
same "their numbers" "process 1
process 2" "$(stream t.kbt | grep '^process')"

printf '#!/bin/sh\nexec ./family exit "$1" "$2"\n' >script
chmod +x script
record sh -c 'exec ./script 23 "a b"'
ended 23 ""
same "through a script, which an exec names" 3 "$(images t.kbt)"
for how in exec execveat fexecve memory thread-exec self; do
    record ./family $how
    ended 44
    whole t.kbt
    same "images of $how" "$([ $how = memory ] && echo 1 || echo 2)" "$(images t.kbt)"
done
# an exec that fails changes nothing
for how in exec-missing exec-directory exec-text exec-null; do
    ./family $how >native 2>&1
    native=$?
    record ./family $how
    ended $native
    same_files "$how" native out
    whole t.kbt
    same "images of $how" 1 "$(images t.kbt)"
done

# a text that the shell takes as its own script: the exec fails, so nothing has run natively
printf 'exit 45\n' >text
chmod +x text
record sh -c ./text
ended 45
checks=$((checks + 1))
grep -q natively err && fail "$ran: an exec that has failed is counted: $(cat err)"
rm text

# who has given up rights, or sees other folders, cannot be followed: it runs natively
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && setpriv --reuid 65534 --clear-groups true; then
    record setpriv --reuid 65534 --clear-groups /bin/sh -c 'id -u; exit 6'
    ended 6 "ran natively: 1"
    same "another user" 65534 "$(cat out)"
    whole t.kbt
    options=(--children)
    record setpriv --reuid 65534 --clear-groups /bin/sh -c 'id -u; id -u; exit 6'
    ended 6 "ran natively: 1"
    same "another user's children" 65534,65534 "$(paste -sd, out)"
    whole t.kbt
    options=()
fi
if "$cc" -static -o static "$RECORD_TESTS/family.c" -pthread 2>built && mkdir -p root &&
    cp static root/family && chroot root /family exit 7 2>/dev/null || [ $? = 7 ]; then
    record chroot root /family exit 7
    ended 7 "ran natively: 1"
    whole t.kbt
fi

# forks: dropped and counted
children() { find . -name 't.*.kbt' | wc -l; }
for how in fork vfork spawn system; do
    record ./family $how
    ended 33 "~not recorded.*: 1$"
    whole t.kbt
    same "files of $how" 0 "$(children)"
    same "output of $how" "child
parent" "$(sort out)"
done
record ./family forks 7
ended 33 "~not recorded.*: 7$"

# … or recorded, each to its file, which begins with what it has inherited
options=(--children)
for how in fork vfork spawn system; do
    record ./family $how
    ended 33 "~child processes recorded.*: 1$"
    whole t.kbt t.*.kbt
    same "files of $how" 1 "$(children)"
    same "what a child of $how begins with" map "$(stream t.*.kbt | head -1 | cut -d' ' -f1)"
    grep -q "not recorded" err && fail "$ran: $(cat err)"
done
record sh -c 'echo a | tr a b | (read x; echo $x$x); (exit 3)'
ended 3
same "a pipeline" bb "$(cat out)"
whole t.kbt t.*.kbt
same "its files" 4 "$(children)"
same "the one that became another program" 1 \
    "$(for f in t.*.kbt; do stream "$f" | grep '^process'; done | wc -l)"
record ./family grandchildren 3
ended 33
whole t.kbt t.*.kbt
same "grandchildren" 3 "$(children)"
record ./family forks 200
ended 33 "~recorded.*: 200$"
whole t.kbt t.*.kbt
same "200 children at once" 200 "$(children)"
# a child with known stores: its page, in its file alone
record ./family writes 54321
ended 33
page=$(cat out)
same "the child's stores" 54321 "$(of_page t.*.kbt W "$page")"
checks=$((checks + 1))
[ "$(of_page t.kbt W "$page")" -lt 100 ] || fail "the child's stores are in its parent's trace"
# a daemon outlives its parent: the recorder waits for it
record ./family daemon
ended 33
whole t.kbt t.*.kbt
same "a daemon's last words" "done" "$(cat daemon)"
finish
