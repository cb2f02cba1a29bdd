#!/bin/bash
# exact.sh - the streams of assembly programs, reference by reference: exact.py.
. "$KILBURN_SOURCE/tests/record/lib.bash" || exit 1
need_x86
need nm
for part in "$RECORD_TESTS"/*.S "--random 40"; do
    checks=$((checks + 1))
    # shellcheck disable=SC2086
    python3 "$RECORD_TESTS/exact.py" "$folder" $part || fail "$part"
done
finish
