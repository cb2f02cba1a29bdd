# lib.bash - what the tests of the command line share. Each begins with
#
#   . "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
#
# and ends with `finish`. A check that fails says what ran, what was wanted and what came, and the
# test goes on. The test's folder is fresh, the working folder, and removed at the end.
set -u
: "${KILBURN:?names no program}" "${KILBURN_SOURCE:?names no tree}"
KILBURN=$(realpath "$KILBURN")
KILBURN_SOURCE=$(realpath "$KILBURN_SOURCE")
unset LC_ALL LC_MESSAGES LANG LANGUAGE COLUMNS
export LC_CTYPE=C.UTF-8
export CLI_TESTS=$KILBURN_SOURCE/tests/cli
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0 checks=0

skip() {
    echo "skipped: $*"
    exit 77
}

need() { # need PROGRAM…: skips where one of them is not installed
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
}

finish() {
    echo "$checks checks, $failures failed"
    [ "$failures" -eq 0 ]
    exit
}

# run ARGUMENTS…: runs kilburn; sets status, and the files out and err. `input` is its standard input.
input=/dev/null
run() {
    ran="kilburn $*"
    "$KILBURN" "$@" <"$input" >out 2>err
    status=$?
}

# expect STATUS [TEXT…]: of the last run: its status; on 0 the texts are looked for in out, otherwise
# in err, and nothing may stand in out. "~RE" is a regular expression.
expect() {
    local wanted=$1 text file=err
    shift
    checks=$((checks + 1))
    if [ "$status" -ne "$wanted" ]; then
        fail "$ran: exit status $status, wanted $wanted; it said: $(head -c 400 err)"
        return
    fi
    if [ "$wanted" -eq 0 ]; then
        file=out
    elif [ -s out ]; then
        fail "$ran: fails, but leaves on standard output: $(head -c 200 out)"
    fi
    for text in "$@"; do
        case $text in
        "~"*) grep -qE -e "${text#\~}" $file ;;
        *) grep -qF -e "$text" $file ;;
        esac || fail "$ran: no \"$text\" in: $(head -c 600 $file)"
    done
}

# same WHAT WANTED GOT: two texts.
same() {
    checks=$((checks + 1))
    [ "$2" = "$3" ] || fail "$1: wanted
$2
got
$3"
}

same_files() { # same_files WHAT WANTED GOT
    checks=$((checks + 1))
    cmp -s "$2" "$3" || fail "$1: $(diff "$2" "$3" | head -20)"
}

# true_of TEST…: Python on the JSON of the last run: what there is for it, true_of.py says. One
# interpreter answers all, for its start takes longer than most runs.
true_of() {
    local test line="" wrong=""
    expect 0
    checks=$((checks + $#))
    [ -n "${CHECKER_PID-}" ] || coproc CHECKER { exec python3 "$CLI_TESTS/true_of.py"; }
    for test in "$@"; do line+=${line:+$'\x1f'}$test; done
    echo "$line" >&"${CHECKER[1]}"
    read -r wrong <&"${CHECKER[0]}" || wrong="no answer"
    [ -z "$wrong" ] || fail "$ran: not true: $wrong: $(head -c 1500 out)"
}

# counts FILE POLICY FRAMES [OPTION…]: faults, evictions, write_backs, still_dirty of each result.
counts() {
    local trace=$1 policy=$2 frames=$3
    shift 3
    "$KILBURN" sim "$trace" --policy "$policy" --frames "$frames" "$@" --csv 2>err |
        awk -F, 'NR > 1 {print $1, $2, $4, $7, $8, $9}'
}
