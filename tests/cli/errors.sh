#!/bin/bash
# errors.sh - bad usage gives 2 and says what is accepted; bad data gives 1 and the place; neither
# leaves anything on standard output.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
echo "1 2 3 4 1 2 5 1 2 3 4 5" >belady.txt
simple=(sim belady.txt --policy fifo --frames 3)

# ---- usage ----
run
checks=$((checks + 1))
[ "$status" -eq 2 ] || fail "kilburn alone: exit status $status, wanted 2"
run frobnicate; expect 2 frobnicate --help
run --frobnicate; expect 2 --frobnicate --help
run --lang fr sim; expect 2 fr en es
run sim; expect 2 "trace is missing" "standard input"
run sim belady.txt --frames 3; expect 2 --policy "help"
run sim belady.txt --policy fifo; expect 2 --frames --memory auto
run "${simple[@]}" extra; expect 1 extra # a second trace, which is not there
run "${simple[@]}" --frobnicate; expect 2 --frobnicate "kilburn sim --help"
run sim belady.txt --policy; expect 2 --policy value
run "${simple[@]}" --lang fr; expect 2 fr en es
run "${simple[@]}" --memory 1M; expect 2 --frames --memory
run "${simple[@]}" --format foo; expect 2 foo lackey champsim oracle kbt
run "${simple[@]}" --page-size 4K; expect 2 "page numbers" --page-size
run sim belady.txt --policy fifo --memory 1M; expect 2 "page numbers" --frames
run sim - --policy fifo --frames auto; expect 2 auto file "standard input"
for frames in 0 -1 "" "3," 5x 3.. ..3 5..4 3..9:0 3..9:*1 3..9:*0 3..9: 18446744073709551616 \
    17592186044416T 1e3 0x10 auto,3; do
    run sim belady.txt --policy fifo --frames "$frames"
    expect 2 "is not a size" 8..64:8
done
for frames in 1073741825 4294967296 4294967299 18446744073709551615 1..18446744073709551615:1T; do
    run sim belady.txt --policy fifo --frames "$frames"
    expect 2 "~too many|more than"
done
for frames in 1..3000000 1..4194304 1..9999999 1..18446744073709551615; do
    run sim belady.txt --policy fifo --frames "$frames"
    expect 2 "more than" steps
done
for policy in "" foo fif fifoo "fifo," ",fifo" LRU; do
    run sim belady.txt --policy "$policy" --frames 3
    expect 2 "there is no policy" "second-chance" ".so"
done
run sim belady.txt --policy fifo:x=1 --frames 3; expect 2 fifo "no options" x=1
run sim belady.txt --policy lfu:foo=1 --frames 3; expect 2 lfu foo keep tie
run sim belady.txt --policy lfu:keep=2 --frames 3; expect 2 keep=2 "from 0 to 1"
run sim belady.txt --policy lfu:keep=-1 --frames 3; expect 2 keep=-1 "from 0 to 1"
run sim belady.txt --policy lfu:keep --frames 3; expect 2 keep "from 0 to 1"
run sim belady.txt --policy lfu:tie=x --frames 3; expect 2 tie=x fifo lru
run sim belady.txt --policy clock: --frames 3; expect 2 clock load-bit
run sim belady.txt --policy aging:bits=9 --frames 3; expect 2 bits=9 "from 1 to 8"
run sim belady.txt --policy random:seed=18446744073709551616 --frames 3; expect 2 "whole number"
for option in --skip --limit --per-interval --threads --page-size; do
    for value in x "" -1 1.5 18446744073709551616; do
        run "${simple[@]}" "$option" "$value"
        expect 2 "$option" "\"$value\"" "whole number"
    done
done
for option in --limit --per-interval --threads --page-size; do
    run "${simple[@]}" "$option" 0
    expect 2 "$option" "from 1 to"
done
run "${simple[@]}" --threads 1025; expect 2 --threads 1024
run "${simple[@]}" --events --per-interval 3; expect 2 --events --per-interval
for option in --events "--per-interval 3" --plot --advice --csv; do
    # shellcheck disable=SC2086
    run "${simple[@]}" --steps $option
    expect 2 --steps "${option%% *}"
done
printf '10 R\n20 W\n' >addresses.txt
for size in 3 5000 16 2T 9223372036854775808; do
    run sim addresses.txt --policy fifo --frames 3 --page-size "$size"
    expect 2 "power of two"
done
run sim addresses.txt --policy fifo --memory 4095; expect 2 4095 4096

run trace; checks=$((checks + 1))
[ "$status" -eq 2 ] || fail "$ran: exit status $status, wanted 2"
run trace frobnicate; expect 2 frobnicate
for command in info convert generate verify; do
    run trace $command; expect 2 "trace $command --help"
    run trace $command belady.txt --frobnicate; expect 2 --frobnicate "trace $command --help"
    run trace $command a b -o x; expect 2
done
run trace convert belady.txt; expect 2 -o
run trace generate zipf; expect 2 -o
run trace convert belady.txt -o x.kbt --pack foo; expect 2 foo raw lz4 zstd
run trace convert belady.txt -o x.kbt --level 20; expect 2 --level 19
run trace convert addresses.txt -o x.kbt --page-size 3; expect 2 "power of two"
run trace generate foo -o x.kbt; expect 2 foo sequential matrix
run trace generate zipf:foo=1 -o x.kbt; expect 2 foo pages alpha
run trace generate zipf:pages -o x.kbt; expect 2 "option=value"
run trace generate zipf:pages=0 -o x.kbt; expect 2 pages=0 "from 1"
run trace generate zipf:pages=1:pages=2 -o x.kbt; expect 2 pages twice
run trace generate zipf:alpha=x -o x.kbt; expect 2 alpha=x 0.99
run trace generate matrix:order=x -o x.kbt; expect 2 order=x rows columns
run trace generate loop:passes=1:references=1 -o x.kbt; expect 2 passes references both
run trace generate zipf --page-size 4K -o x.kbt; expect 2 --page-size
run trace generate stride --page-size 3 -o x.kbt; expect 2 "power of two"
# An option of another subcommand is named as it was typed.
run trace verify belady.txt --recover; expect 2 --recover
run trace verify --recover belady.txt; expect 2 --recover
run trace info belady.txt --pack raw; expect 2 --pack
run trace info belady.txt --pack=raw; expect 2 --pack
run trace info -o x belady.txt; expect 2 -o
checks=$((checks + 1))
[ ! -e x.kbt ] || fail "a refused command left a file"

# ---- data ----
run sim nowhere.txt --policy fifo --frames 3; expect 1 nowhere.txt
run sim . --policy fifo --frames 3; expect 1 "~^kilburn: \.: "
touch secret
chmod 0 secret
if [ ! -r secret ]; then # root reads everything
    run sim secret --policy fifo --frames 3; expect 1 secret
fi
: >empty
for options in "" "--format pages" "--format rw" "--format kbt" "--format oracle"; do
    # shellcheck disable=SC2086
    run sim empty --policy fifo --frames 3 $options
    expect 1 empty
done
printf '# nothing\n' >comment
run sim comment --policy fifo --frames 3 --format pages; expect 1 comment empty
run trace info empty; expect 1 empty
run sim - --policy fifo --frames 3; expect 1 -
run sim belady.txt --policy fifo --frames 3 --skip 12; expect 1 belady.txt 13 --skip
python3 -c 'import sys; sys.stdout.buffer.write(bytes(i * 167 % 251 for i in range(5000)))' >garbage
run sim garbage --policy fifo --frames 3; expect 1 garbage --format lackey
run sim garbage --policy fifo --frames 3 --format pages; expect 1 garbage "line 1"
run sim garbage --policy fifo --frames 3 --format kbt; expect 1 garbage
run sim garbage --policy fifo --frames 3 --format oracle; expect 1 garbage "byte"
head -c 100000 /dev/zero >zeros
run sim zeros --policy fifo --frames 3; expect 1 zeros
run sim zeros --policy fifo --frames 3 --format pages; expect 1 zeros "line 1"

# An error in the middle, early or far behind: no partial result, whatever form is asked for.
# (The format is named: content with an early error fits no format.)
for before in 10 300000; do
    seq 1 70 | awk -v n=$before '{a[NR] = $1} END {for (i = 0; i < n; i++) print a[i % 70 + 1]}' >bad.txt
    echo "12z" >>bad.txt
    seq 1 10 >>bad.txt
    for form in "" --csv --json "--per-interval 5" "--plot --advice" --steps "--steps --json" --study; do
        [[ $before = 300000 && $form = --steps* ]] && continue # too long anyway: another error
        for policy in fifo lru opt all; do
            [[ $form = --st* && $policy != fifo ]] && continue
            [[ $before = 300000 && $policy = all ]] && continue
            # shellcheck disable=SC2086
            run sim bad.txt --policy "$policy" --frames 3 $form --format pages
            expect 1 bad.txt: "line $((before + 1))" '"12z"' "decimal page numbers"
        done
    done
    run trace info bad.txt --format pages; expect 1 bad.txt "line $((before + 1))"
    run trace info bad.txt --format pages --json; expect 1 bad.txt "line $((before + 1))"
    run trace verify bad.txt --format pages; expect 1 bad.txt "line $((before + 1))"
    run trace convert bad.txt --format pages -o bad.kbt; expect 1 bad.txt "line $((before + 1))"
    checks=$((checks + 1))
    [ ! -e bad.kbt ] || fail "a failed convert left its result"
    # What lies far behind --limit is not looked at.
    [ $before = 10 ] || { run sim bad.txt --policy fifo --frames 3 --limit 10; expect 0 "10 references"; }
done
printf '10 R\n20 Q\n' >rw; run sim rw --policy fifo --frames 1 --format rw; expect 1 rw: "line 2" '"20 Q"' "R, W"
printf 's 0x10\nl 0xfffffffffffffffff\n' >ls.txt; run sim ls.txt --policy fifo --frames 1 --format ls; expect 1 ls.txt: "line 2" "64 bits"
printf '0 10\n7 20\n' >din; run sim din --policy fifo --frames 1 --format din; expect 1 din: "line 2" "0 to 4"
printf 'I  10,3\n L 20\n' >lackey; run sim lackey --policy fifo --frames 1 --format lackey; expect 1 lackey: "line 2" comma
printf '0x1: R 0x2\n0x1 R 0x2\n' >pin; run sim pin --policy fifo --frames 1 --format pin; expect 1 pin: "line 2" colon
head -c 100 zeros >cut.bin; run sim cut.bin --policy fifo --frames 1 --format oracle; expect 1 cut.bin: "byte 96" 24

# Compressed, and cut or damaged inside.
seq 1 20000 >long.txt
for packer in gzip xz zstd; do
    command -v $packer >/dev/null || continue
    $packer -c long.txt >whole
    size=$(wc -c <whole)
    head -c $((size / 2)) whole >cut.packed
    run sim cut.packed --policy fifo --frames 3 --format pages; expect 1 cut.packed
    run trace convert cut.packed --format pages -o cut.kbt; expect 1 cut.packed
    [ ! -e cut.kbt ] || fail "$packer: a failed convert left its result"
    { head -c $((size / 2)) whole; printf "garbagegarbage"; tail -c +$((size / 2 + 15)) whole; } >broken
    run sim broken --policy fifo --frames 3 --format pages; expect 1 broken
done

# ---- Spanish ----
run sim belady.txt --policy foo --frames 3 --lang es; expect 2 "no hay una política" "second-chance" "Pruebe: kilburn sim --help"
run --lang es sim belady.txt --policy fifo; expect 2 "falta la memoria"
run --lang es sim belady.txt --frobnicate; expect 2 "--frobnicate" Pruebe
run sim belady.txt --policy fifo --frames 0 --lang es; expect 2 "no es un tamaño"
run sim bad.txt --policy fifo --frames 3 --format pages --lang es; expect 1 "bad.txt: " "línea 300001" "no es un número de página" "se esperaba"
run sim empty --policy fifo --frames 3 --lang es; expect 1 "la traza está vacía"
run trace convert belady.txt --lang es; expect 2 "falta el nombre"

# ---- results that cannot be written ----
unwritable() { # unwritable ARGUMENTS…
    checks=$((checks + 2))
    "$KILBURN" "$@" >&- 2>err </dev/null && fail "kilburn $* with standard output closed: exit status 0"
    [ -s err ] || fail "kilburn $* with standard output closed: says nothing"
    [ -w /dev/full ] || return
    "$KILBURN" "$@" >/dev/full 2>err </dev/null && fail "kilburn $* on a full disk: exit status 0"
    [ -s err ] || fail "kilburn $* on a full disk: says nothing"
}
unwritable --help
unwritable --version
unwritable sim --help
unwritable sim --policy help
for form in "" --csv --json "--per-interval 5" "--steps" "--steps --json" "--plot --advice"; do
    # shellcheck disable=SC2086
    unwritable "${simple[@]}" $form
done
unwritable trace info belady.txt
unwritable trace info belady.txt --json
unwritable trace verify belady.txt
unwritable trace convert belady.txt -o -
unwritable trace generate zipf -o -
if [ -w /dev/full ]; then
    run trace convert belady.txt -o /dev/full; expect 1 /dev/full
fi
run trace convert belady.txt -o nowhere/x.kbt; expect 1 nowhere/x.kbt
run trace convert belady.txt -o .; expect 1 "~^kilburn: \.: "
finish
