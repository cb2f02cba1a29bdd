#!/bin/bash
# man.sh - the man page and the program say the same: options of each subcommand, policies with
# their options, formats, generators; and the page is well formed.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
page=$KILBURN_SOURCE/man/kilburn.1

section() { # section KIND TITLE: its lines, up to the next heading
    awk -v want=".$1 $2" '/^\.S[hs] / {inside = $0 == want} inside' "$page"
}
long_options() { grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+' | sort -u; }
short_options() { grep -oE -- '(^|[[:blank:][,])-[a-z]([^[:alnum:]-]|$)' | grep -oE -- '-[a-z]' | sort -u; }
compare() { # compare WHAT MANUAL PROGRAM: lists
    checks=$((checks + 1))
    local only
    [ -n "$3" ] || fail "$1: the program lists nothing"
    only=$(comm -23 <(echo "$2") <(echo "$3") | paste -sd' ')
    [ -z "$only" ] || fail "$1: only in the man page: $only"
    only=$(comm -13 <(echo "$2") <(echo "$3") | paste -sd' ')
    [ -z "$only" ] || fail "$1: not in the man page: $only"
}

for command in "" sim "trace info" "trace convert" "trace generate" "trace verify" "trace annotate-release" "trace working-set" step explain study "study organisations" "study associative" "study page-size" "study allocation"; do
    # shellcheck disable=SC2086
    run $command --help
    expect 0
    # Options of other programs in the examples are not ours; --help is that of every command.
    grep -v valgrind out | sed '/^Examples\?:/,$d' >help
    if [ -z "$command" ]; then
        text=$(section Sh DESCRIPTION)
    else
        text=$(section Ss "$command")
    fi
    items=$(grep '^\.It Fl' <<<"$text")
    compare "options of kilburn $command" \
        "$(grep -oE 'Fl Fl [a-z-]+' <<<"$items" | sed 's/Fl Fl /--/' | grep -v -- --help | sort -u)" \
        "$(long_options <help | grep -v -- --help)"
    # explain and some studies have no letters but -h.
    [ -z "$command" ] || [ "$command" = explain ] || [[ $command == study* ]] || compare "letters of kilburn $command" \
        "$(sed 's/Fl Fl [a-z-]*//g' <<<"$items" | grep -oE 'Fl [a-z]( |$)' | sed 's/Fl /-/; s/ //' | grep -v -- -h | sort -u)" \
        "$(sed 's/\[-q\]/ -q /' help | short_options | grep -v -- -h)"
    # Every option that is named is taken: none is unknown.
    for option in $(long_options <help); do
        # shellcheck disable=SC2086
        run $command "$option=1"
        checks=$((checks + 1))
        grep -q "there is no option $option here" err && fail "kilburn $command --help names $option, which is refused"
    done
done

run sim --policy help
cp out policies
compare "policies" "$(section Sh POLICIES | sed -n 's/^\.It Cm //p' | sort)" \
    "$(sed -nE 's/^([a-z0-9][a-z0-9-]*) .*/\1/p' policies | sort)"
compare "options of policies" \
    "$(section Sh POLICIES | awk '/^\.It Cm/ {policy = $3; next} /^\.Cm [a-z]/ && !/Fl/ {for (i = 2; i <= NF; i++) if ($i ~ /[a-z]/) print policy ":" $i}' | sort)" \
    "$(awk '/^[a-z0-9]/ {policy = $1} /^ +:/ {split($1, part, /[:=]/); print policy ":" part[2]}' policies | sort)"
echo 1 >one.txt
run sim one.txt --policy fifo --frames 1 --format none
compare "formats" "$(section Sh FORMATS | sed -n 's/^\.It Cm //p' | sort)" \
    "$(sed -n 's/.*there are: //p' err | tr -d ' ' | tr , '\n' | sort)"
run trace generate none -o x.kbt
compare "generators" "$(section Ss 'trace generate' | sed -n '/^the names are/,/^\.Fl/p' | grep -v 'page' |
    sed -n 's/^\.Cm //p' | tr -d ,. | tr -s ' ' '\n' | grep . | sort)" \
    "$(sed -n 's/.*there are: //p' err | tr -d ' ' | tr , '\n' | sort)"

# The examples that need nothing else run as they stand.
section Sh EXAMPLES | sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' >examples
checks=$((checks + 1))
PATH=$folder:$PATH
ln -s "$KILBURN" kilburn
"$KILBURN" trace generate stride:count=3000:passes=3 -o trace.kbt -q
cp trace.kbt broken.kbt
echo "process P" >lesson.kb
grep -v -e valgrind -e 'format lackey' examples >run.sh
bash -e run.sh >out 2>err || fail "the examples: $(cat err)"

if command -v groff >/dev/null; then
    checks=$((checks + 1))
    groff -mandoc -ww -Tutf8 -z "$page" 2>err
    [ -s err ] && fail "groff: $(cat err)"
    checks=$((checks + 1))
    LC_ALL=C.UTF-8 groff -mandoc -Tutf8 -rLL=80n "$page" 2>/dev/null | grep -q "KILBURN(1)" || fail "groff prints no page"
else
    echo "groff is not installed: the page's form is not checked"
fi
finish
