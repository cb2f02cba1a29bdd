# shellcheck shell=bash disable=SC2154
# lib.sh - what run.sh and peer.sh share: wall times and their medians. They set $folder.

# wall VARIABLE COMMAND…: appends the wall time of the command, in seconds, to the variable; its
# output goes to $folder/out. A failing command ends the script.
wall() {
    local -n wall_times=$1
    shift
    local start=$EPOCHREALTIME end
    if ! "$@" >"$folder/out" 2>"$folder/err"; then
        echo "bench: failed: $*" >&2
        cat "$folder/err" >&2
        exit 1
    fi
    end=$EPOCHREALTIME
    wall_times+=" $(awk -v a="$start" -v b="$end" 'BEGIN { printf "%.6f", b - a }')"
}

# median "T T T"
median() { tr ' ' '\n' <<<"$1" | grep . | sort -g | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }

# ratio A B: A / B, two digits
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# judge VALUE GOAL: "yes" or "NO"
judge() { awk -v a="$1" -v b="$2" 'BEGIN { print (a >= b) ? "yes" : "NO" }'; }

# Eight sizes for sweeps, from half a per cent of the pages on, each twice the one before.
sweep_sizes() { awk -v p="$1" 'BEGIN { for (i = 0; i < 8; i++) printf "%s%d", i ? "," : "", p / 200 * 2 ^ i }'; }
