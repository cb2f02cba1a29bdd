# lib.bash - what the tests of the recorder share, beside tests/cli/lib.bash. Each begins with
#
#   . "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
RECORD_TESTS=$KILBURN_SOURCE/tests/record
stream_program=$KILBURN_BUILD/tests/stream
cc=${CC:-cc}
need "$cc" python3
case $(uname -m) in
x86_64) need qemu-x86_64 ;;
aarch64) need qemu-aarch64 ;;
*) skip "programs are recorded on x86-64 and aarch64" ;;
esac

need_x86() { [ "$(uname -m)" = x86_64 ] || skip "the programs of this test are for x86-64"; }

# record PROGRAM ARGUMENTS…, with the options in $options: sets status; standard output and error in
# out and err, the trace in t.kbt.
options=()
record() {
    ran="kilburn record ${options[*]} -- $*"
    rm -f t.kbt t.*.kbt
    "$KILBURN" record -o t.kbt "${options[@]}" -- "$@" <"$input" >out 2>err
    status=$?
}

# ended STATUS [TEXT…]: how the last recording ended; the texts stand in err. What the program itself
# says is not looked at.
ended() {
    local wanted=$1 text
    shift
    checks=$((checks + 1))
    [ "$status" -eq "$wanted" ] ||
        fail "$ran: exit status $status, wanted $wanted; it said: $(head -c 400 err)"
    for text in "$@"; do
        case $text in
        "~"*) grep -qE -e "${text#\~}" err ;;
        *) grep -qF -e "$text" err ;;
        esac || fail "$ran: no \"$text\" in: $(head -c 600 err)"
    done
}

# whole FILE…: sound to the last byte
whole() {
    local file
    for file in "$@"; do
        checks=$((checks + 1))
        "$KILBURN" trace verify "$file" >verified 2>&1 || fail "$ran: $file: $(cat verified)"
    done
}

stream() { "$stream_program" "$@"; }

# of_page FILE KIND PAGE: how many references of a kind (R, W, X) a page (hexadecimal) has
of_page() { stream "$1" | awk -v k="$2" -v p="$3" '$1 == k && $2 == p { n += $3 } END { print n + 0 }'; }

compile() { # compile NAME [OPTION…]: NAME.c or NAME.S of tests/record becomes the program NAME here
    local name=$1 source
    shift
    for source in "$RECORD_TESTS/$name."[cS]; do
        [ -e "$source" ] || continue
        "$cc" -o "$name" "$source" "$@" 2>built || skip "$name is not built: $(head -3 built)"
    done
}
