#!/bin/bash
# steps.sh - the textbook table of --steps for Belady's string. The FIFO tables are those of the
# literature: victims 1 2 3 4 1 2 with three frames, 1 2 3 4 5 1 with four.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1
echo "1 2 3 4 1 2 5 1 2 3 4 5" >belady.txt
golden() { # golden WHAT ARGUMENTS…: compares with standard input; blanks at line ends do not count
    local what=$1
    shift
    run "$@"
    expect 0
    sed 's/ *$//' out >got
    sed 's/ *$//' >wanted
    same_files "$what" wanted got
}

golden "FIFO, 3 frames" sim belady.txt --policy fifo --frames 3 --steps <<'TABLE'
fifo, 3 frames

reference    1 2 3 4 1 2 5 1 2 3 4 5
fault        F F F F F F F     F F
victim             1 2 3 4     1 2
frame 0      1 1 1 4 4 4 5 5 5 5 5 5
frame 1        2 2 2 1 1 1 1 1 3 3 3
frame 2          3 3 3 2 2 2 2 2 4 4

     4  page 1 (frame 0) leaves: it was loaded longest ago
     5  page 2 (frame 1) leaves: it was loaded longest ago
     6  page 3 (frame 2) leaves: it was loaded longest ago
     7  page 4 (frame 0) leaves: it was loaded longest ago
    10  page 1 (frame 1) leaves: it was loaded longest ago
    11  page 2 (frame 2) leaves: it was loaded longest ago

12 references, 9 faults, 0 write-backs
TABLE
golden "FIFO, 4 frames" sim belady.txt --policy fifo --frames 4 --steps <<'TABLE'
fifo, 4 frames

reference    1 2 3 4 1 2 5 1 2 3 4 5
fault        F F F F     F F F F F F
victim                   1 2 3 4 5 1
frame 0      1 1 1 1 1 1 5 5 5 5 4 4
frame 1        2 2 2 2 2 2 1 1 1 1 5
frame 2          3 3 3 3 3 3 2 2 2 2
frame 3            4 4 4 4 4 4 3 3 3

     7  page 1 (frame 0) leaves: it was loaded longest ago
     8  page 2 (frame 1) leaves: it was loaded longest ago
     9  page 3 (frame 2) leaves: it was loaded longest ago
    10  page 4 (frame 3) leaves: it was loaded longest ago
    11  page 5 (frame 0) leaves: it was loaded longest ago
    12  page 1 (frame 1) leaves: it was loaded longest ago

12 references, 10 faults, 0 write-backs
TABLE
# By hand: at 4, 5, 6 … all bits are 1, the hand clears what it passes. At 4: a full turn, 1 leaves
# frame 0, hand at 1. At 5 and 6 the bits under the hand are 0. At 7 the bits are 1 1 1 again: a
# full turn, 4 leaves. 8 and 9 set the bits of 1 and 2. At 10 the hand (at frame 1) clears 1, 2 and
# 5, and 1 leaves frame 1; the hand stands at 2. At 11: 2 has 0 and leaves; the hand stands at 0.
golden "clock, 3 frames" sim belady.txt --policy clock --frames 3 --steps <<'TABLE'
clock, 3 frames

reference      1   2   3   4   1   2   5   1   2   3   4   5
fault          F   F   F   F   F   F   F           F   F
victim                     1   2   3   4           1   2
frame 0       1*  1* >1*  4*  4* >4*  5*  5*  5*   5  >5 >5*
frame 1           2*  2*  >2  1*  1*  >1 >1* >1*  3*  3*  3*
frame 2               3*   3  >3  2*   2   2  2*  >2  4*  4*

*: reference bit 1   !: modified   ^: written back   >: the hand

     4  page 1 (frame 0) leaves: the first with reference bit 0 under the hand
     5  page 2 (frame 1) leaves: the first with reference bit 0 under the hand
     6  page 3 (frame 2) leaves: the first with reference bit 0 under the hand
     7  page 4 (frame 0) leaves: the first with reference bit 0 under the hand
    10  page 1 (frame 1) leaves: the first with reference bit 0 under the hand
    11  page 2 (frame 2) leaves: the first with reference bit 0 under the hand

12 references, 9 faults, 0 write-backs
TABLE
golden "Spanish" --lang es sim belady.txt --policy fifo --frames 3 --steps <<'TABLE'
fifo, 3 marcos

referencia   1 2 3 4 1 2 5 1 2 3 4 5
fallo        F F F F F F F     F F
víctima            1 2 3 4     1 2
marco 0      1 1 1 4 4 4 5 5 5 5 5 5
marco 1        2 2 2 1 1 1 1 1 3 3 3
marco 2          3 3 3 2 2 2 2 2 4 4

     4  sale la página 1 (marco 0): es la cargada hace más tiempo
     5  sale la página 2 (marco 1): es la cargada hace más tiempo
     6  sale la página 3 (marco 2): es la cargada hace más tiempo
     7  sale la página 4 (marco 0): es la cargada hace más tiempo
    10  sale la página 1 (marco 1): es la cargada hace más tiempo
    11  sale la página 2 (marco 2): es la cargada hace más tiempo

12 referencias, 9 fallos, 0 páginas escritas al salir
TABLE
# Several tables stand one below the other.
run sim belady.txt --policy fifo --frames 3 --steps; cp out three
run sim belady.txt --policy lru --frames 4 --steps; cp out four
run sim belady.txt --policy fifo,lru --frames 3,4 --steps
expect 0 "fifo, 3 frames" "fifo, 4 frames" "lru, 3 frames" "lru, 4 frames"
checks=$((checks + 2))
cmp -s three <(head -n "$(wc -l <three)" out) || fail "the first of several tables differs from the one alone"
cmp -s four <(tail -n "$(wc -l <four)" out) || fail "the last of several tables differs from the one alone"
# Variable space: the new page is loaded before the old one leaves, so there are three rows for a
# window of two; frame 2 must not be left out.
echo "1w 2w 3w 1 2" >window.txt
run sim window.txt --policy ws:window=2 --steps
expect 0 "~^frame 2 +3 +3 *$" "page 1 left" "3 write-backs"
seq 1 80 >long.txt
run sim long.txt --policy ws:window=70 --steps --format pages
expect 0 "frame 63" "7 more frames"
# Writes: 1 is dirty when 3 takes its frame, 3 (loaded by a write) stays dirty.
echo "1w 2 3w 2 1" >writes.txt
golden "write-backs" sim writes.txt --policy fifo --frames 2 --steps <<'TABLE'
fifo, 2 frames

reference    1w  2 3w  2  1
fault         F  F  F     F
victim             1^     2
frame 0       1  1  3  3  3
frame 1          2  2  2  1

     3  page 1 (frame 0) leaves: it was loaded longest ago
     5  page 2 (frame 1) leaves: it was loaded longest ago

5 references, 4 faults, 1 write-backs
TABLE
# --steps and a plain run agree, for every policy with a fixed number of frames, and for those without.
"$KILBURN" trace generate phases:references=700:phase=100 -o phases.kbt -q || fail "no trace"
policies=$("$KILBURN" sim --policy help | sed -nE 's/^([a-z0-9][a-z0-9-]*) .*/\1/p')
checks=$((checks + 1))
[ "$(wc -w <<<"$policies")" -ge 20 ] || fail "--policy help lists only: $policies"
for policy in $policies; do
    for frames in 1 5; do
        run sim phases.kbt --policy "$policy" --frames $frames --steps
        expect 0
        steps=$(tail -1 out)
        plain=$("$KILBURN" sim phases.kbt --policy "$policy" --frames $frames --csv |
            awk -F, 'NR == 2 {printf "%s references, %s faults, %s write-backs", $3, $4, $8}')
        same "--steps and a plain run, $policy, $frames frames" "$plain" "$steps"
    done
done
"$KILBURN" trace generate loop:references=100001 -o long.kbt -q
run sim long.kbt --policy fifo --frames 3 --steps; expect 2 100000 --limit
run sim long.kbt --policy fifo --frames 3 --steps --limit 20; expect 0 "20 references"
run sim belady.txt --policy fifo --frames 70 --steps; expect 0 "6 more frames"
finish
