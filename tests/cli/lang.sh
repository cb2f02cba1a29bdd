#!/bin/bash
# lang.sh - the language: --lang before LC_ALL before LC_MESSAGES before LANG, by name alone.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
echo "1 2 3 4 1 2 5 1 2 3 4 5" >belady.txt
speaks() { # speaks LANGUAGE WHAT COMMAND…: runs kilburn sim without a trace through env
    local wanted=$1 text
    shift
    checks=$((checks + 1))
    text=$(env "$@" 2>&1 </dev/null)
    case $text in
    *"falta una traza"*"Pruebe:"*) got=es ;;
    *"trace is missing"*"Try:"*) got=en ;;
    *) got="neither: $text" ;;
    esac
    [ "$got" = "$wanted" ] || fail "env $*: speaks $got, wanted $wanted"
}
k=$KILBURN
speaks en "$k" sim
for name in es es_ES es_ES.UTF-8 es_AR.utf8 es_MX@euro es.UTF-8; do
    speaks es LANG=$name "$k" sim
    speaks es LC_ALL=$name "$k" sim
    speaks es LC_MESSAGES=$name "$k" sim
done
for name in C POSIX C.UTF-8 en_US.UTF-8 fr_FR.UTF-8 "" est_EE et_EE.UTF-8 e; do
    speaks en LANG="$name" "$k" sim
done
speaks es LC_ALL=es_ES.UTF-8 LC_MESSAGES=en_US LANG=en_US "$k" sim
speaks en LC_ALL=C LC_MESSAGES=es_ES LANG=es_ES "$k" sim
speaks es LC_MESSAGES=es_ES LANG=C "$k" sim
speaks en LC_MESSAGES=C LANG=es_ES "$k" sim
speaks es LC_ALL= LC_MESSAGES= LANG=es_ES "$k" sim
speaks en LC_CTYPE=es_ES.UTF-8 LC_NUMERIC=es_ES.UTF-8 "$k" sim
speaks es "$k" --lang es sim
speaks es "$k" --lang=es sim
speaks es "$k" sim --lang es
speaks en LC_ALL=es_ES.UTF-8 "$k" --lang en sim
speaks en LC_ALL=es_ES.UTF-8 "$k" sim --lang=en
speaks es "$k" --lang en sim --lang es
speaks es LANG=es_ES.UTF-8 "$k" trace info
speaks es "$k" trace info --lang es
speaks es "$k" --lang es trace verify

run --lang es --help; expect 0 "Uso: kilburn" "Órdenes:"
for command in sim trace "trace info" "trace convert" "trace generate" "trace verify" explain; do
    # shellcheck disable=SC2086
    run --lang es $command --help
    expect 0 "Uso: kilburn $command"
    # The same options in both languages.
    grep -oE -- '--[a-z][a-z-]+' out | sort -u >spanish
    # shellcheck disable=SC2086
    run $command --help
    expect 0 "Usage: kilburn $command"
    grep -oE -- '--[a-z][a-z-]+' out | sort -u >english
    same_files "options of $command --help" english spanish
done
run trace generate --help; expect 0 "zipf:pages=1000"
run trace generate -h; expect 0 "zipf:pages=1000"
run trace generate --lang es --help; expect 0 "Uso:" "zipf:pages=1000"
run --lang es sim --policy help
expect 0 PEPS reloj
LANG=es_ES.UTF-8 "$KILBURN" sim belady.txt --policy fifo,lru --frames 3,4 >out 2>err
status=$? ran="kilburn sim, LANG=es_ES.UTF-8"
expect 0 "12 referencias (0 escrituras) a 5 páginas" "política" "aún modificadas" "Anomalía de Belady: fifo con 3 marcos tiene 9 fallos, con 4 marcos 10."
checks=$((checks + 1))
grep -qF '\x' out && fail "escapes instead of letters: $(grep -F '\x' out)"
# The environment's own character set does not matter, nor that it has no such locale.
for name in C POSIX es_ES.ISO-8859-1 nonsense; do
    env -u LC_CTYPE LC_ALL=$name "$KILBURN" --lang es sim belady.txt --policy fifo,lru --frames 3,4 >again 2>err
    same_files "LC_ALL=$name --lang es" out again
done
# Numbers have a point in every language.
run --lang es sim belady.txt --policy fifo --frames 3; expect 0 0.2500
run --lang es trace info belady.txt; expect 0 "1.00 referencias"
finish
