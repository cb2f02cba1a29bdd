#!/bin/bash
# record_lackey.sh - kilburn record --with lackey: the same as Valgrind's own text, imported; ends,
# signals, limits, children, scripts; what is said when Valgrind is missing.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1

# ---- what needs no Valgrind ----

mkdir empty
run record --with gdb -- true; expect 2 "--with gdb" "qemu or lackey"
run record --with lackey --children -- true; expect 2 "--children" "main program only"
for said in "en:there is no valgrind in PATH" "es:no hay valgrind en PATH"; do
    ran="record without valgrind"
    PATH=$folder/empty "$KILBURN" --lang "${said%%:*}" record --with lackey -- /bin/true >out 2>err
    status=$?
    expect 125 "${said#*:}"
done
need valgrind cc
valgrind --tool=lackey true 2>/dev/null || skip "valgrind has no lackey here"
run record --with lackey -- ./nothing; expect 127 "there is no such program"
VALGRIND_LIB=$folder/empty run record --with lackey -- /bin/true
expect 125 "did not start its tool lackey"

# ---- the same as the text ----

cat >program.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile char area[32][4096];
int main(int count, char **arguments) {
    for (int p = 0; p < 32; p++)
        for (int i = 0; i < 50; i++)
            area[p][i * p]++;
    if (count > 1 && strcmp(arguments[1], "fork") == 0) {
        pid_t child = fork();
        if (child == 0)
            for (int i = 0; i < 20000; i++)
                area[i % 32][i % 4096]++;
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
    }
    if (count > 1 && strcmp(arguments[1], "exec") == 0)
        execl("/bin/echo", "echo", "other", NULL);
    if (count > 1 && strcmp(arguments[1], "abort") == 0)
        abort();
    while (count > 1 && strcmp(arguments[1], "wait") == 0)
        area[0][0]++;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0)
        fputs(line, stdout);
    free(line);
    return 7;
}
C
cc -O1 -o program program.c || fail "program.c does not compile"
printf 'one\ntwo\n' >lines
totals() { "$KILBURN" trace info "$1" | grep -E '^(references|pages|grain) '; } # of FILE
for grain in 4096 512; do
    for what in "" fork; do
        # The same environment for both: it lies on the program's stack.
        # shellcheck disable=SC2086
        env -i PATH="$PATH" valgrind --tool=lackey --trace-mem=yes --vgdb=no --child-silent-after-fork=yes --log-fd=200 ./program $what <lines 200>text >plain
        run trace convert text --format lackey --page-size $grain -o wanted.kbt -q; expect 0
        # shellcheck disable=SC2086
        env -i PATH="$PATH" "$KILBURN" record --with lackey --exact --grain $grain -o got.kbt -- ./program $what <lines >out 2>err
        status=$?
        same "$grain $what: status" 7 $status
        same "$grain $what: output" "$(cat lines)" "$(cat out)"
        # Within a large page only: of what Valgrind puts on the stack, some bytes index a table.
        [ $grain = 512 ] || same "$grain $what: faults" \
            "$("$KILBURN" sim wanted.kbt --page-size $grain --policy lru,opt --frames 4,16,64 --csv)" \
            "$("$KILBURN" sim got.kbt --page-size $grain --policy lru,opt --frames 4,16,64 --csv)"
        same "$grain $what: totals" "$(totals wanted.kbt)" "$(totals got.kbt)"
    done
done
grep -v '^I' text >data
run trace convert data --format lackey --page-size 512 -o wanted.kbt -q; expect 0
env -i PATH="$PATH" "$KILBURN" record --with lackey --data-only --grain 512 -o got.kbt -- ./program fork <lines >out 2>err
same "--data-only: totals" "$(totals wanted.kbt)" "$(totals got.kbt)"

# ---- ends ----

run record --with lackey -q -o got.kbt -- ./program abort
same "abort: status" 134 $status
run trace verify got.kbt; expect 0 whole
run record --with lackey -o got.kbt -- ./program exec
same "exec: status and output" "0 other" "$status $(cat out)"
checks=$((checks + 1))
grep -q "executed another one" err || fail "exec is not told: $(cat err)"
input=lines; run record --with lackey --limit 5000 -o got.kbt -- ./program; input=/dev/null
same "--limit: status and output" "7 one two" "$status $(paste -sd' ' out)"
run trace verify got.kbt; expect 0 "5000 references"
for signal in INT TERM; do
    rm -f got.kbt
    env --default-signal=INT "$KILBURN" record --with lackey -q -o got.kbt -- ./program wait &
    recorder=$!
    sleep 3
    kill -$signal $recorder
    wait $recorder
    status=$?
    same "SIG$signal: status" $((128 + $(kill -l $signal))) $status
    run trace verify got.kbt; expect 0 whole
done
printf '#!%s -e\necho "script $0 $1"\nexit 3\n' "$(command -v sh)" >script.sh
chmod +x script.sh
run record --with lackey -q -o got.kbt -- ./script.sh argument
same "a script" "3 script ./script.sh argument" "$status $(cat out)"
(exec 0<&- 1>&- 2>&-; "$KILBURN" record --with lackey -o got.kbt -- /bin/true)
same "closed streams: status" 0 $?
same "what is left behind" "got.kbt" "$(echo got.*)"
finish
