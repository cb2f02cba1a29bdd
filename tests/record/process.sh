#!/bin/bash
# process.sh - a recorded program finds itself where it would be natively: arguments, environment,
# working directory, descriptors, streams byte by byte, exit status.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
compile place

for code in 0 1 2 77 125 126 127 255; do
    record sh -c "exit $code"
    ended $code
    whole t.kbt
done

# arguments: blanks, empty ones, what looks like an option, a comma, its own name
export STRANGE=$'a\nb=c' EMPTY=
for arguments in "" "a" "--exact -o x" "-0 b -plugin c"; do
    # shellcheck disable=SC2086
    ./place $arguments >native
    # shellcheck disable=SC2086
    record ./place $arguments
    same_files "place $arguments" native out
done
./place "" "a b" "c,d" "memory=x,channel=0" $'e\nf' 'ü' >native
record ./place "" "a b" "c,d" "memory=x,channel=0" $'e\nf' 'ü'
same_files "strange arguments" native out
ended 0 "kilburn: t.kbt: " references

# its name is as it was called, wherever it is found
mkdir -p "with, comma"
cp place "with, comma/pl,ace"
PATH="$PWD/with, comma:$PATH" bash -c pl,ace | head -1 >native
PATH="$PWD/with, comma:$PATH" record pl,ace
head -1 out >name
same_files "the name of a program in PATH" native name
same "its name" "<pl,ace>" "$(cat name)"
(exec -a other ./place >native)
record bash -c 'exec -a other ./place'
same_files "another argv[0]" native out

mkdir -p ./-d
cp place ./-d/place
# shellcheck disable=SC2215
-d/place >native
record -d/place
same_files "a folder that looks like an option" native out
record sh -c 'exec -d/place'
same_files "… and becoming a program there" native out
mkfifo -m 755 fifo
record ./fifo
ended 126 fifo
record sh -c 'exec ./fifo'
ended 126

(cd / && "$folder/place" >"$folder/native")
(cd / && "$KILBURN" record -q -o "$folder/t.kbt" -- "$folder/place" >"$folder/out")
same_files "another working directory" native out
(env -i ./place a >native)
env -i "$KILBURN" record -q -o t.kbt -- ./place a >out 2>err
same_files "an empty environment" native out

# descriptors: those given, none of ours; closed ones stay closed
for setting in "9<place 7>seven" "<&-" "2>&-" "<&- 2>&-"; do
    eval "./place $setting" >native 2>/dev/null
    eval "\"\$KILBURN\" record -q -o t.kbt -- ./place $setting" >out 2>/dev/null
    same_files "descriptors, $setting" native out
    whole t.kbt
done
for setting in ">&-" ">&- <&-" ">&- 2>&-" ">&- 2>&- <&-"; do
    eval "sh -c './place >out1' $setting"
    mv out1 native
    eval "\"\$KILBURN\" record -o t.kbt -- sh -c 'exec ./place >out1' $setting" 2>/dev/null
    same "status, $setting" 0 $?
    same_files "descriptors, $setting" native out1
    whole t.kbt
done

# streams: bytes of all values, in and out, a megabyte; errors
python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096)' >bytes
input=bytes
record cat
same_files "standard input to standard output" bytes out
record sh -c 'cat >&2'
head -c 1048576 err >first
same_files "standard input to standard error" bytes first
head -c 100 bytes | "$KILBURN" record -q -o t.kbt -- cat 2>err | cat >out
same "through pipes" "$(head -c 100 bytes | cksum)" "$(cksum <out)"
input=/dev/null
"$KILBURN" record -q -o t.kbt -- yes 2>err | head -3 >out # SIGPIPE ends it
ends=${PIPESTATUS[*]}
same "a reader that goes away" "141 0" "$ends"
whole t.kbt
finish
