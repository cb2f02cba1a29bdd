#!/bin/bash
# explain.sh - kilburn explain: a fault is an answer; bad usage gives 2, bad images 1; both languages.
. "$KILBURN_SOURCE/tests/cli/lib.bash" || exit 1

# Sv39 at 0x80000000: root, one table, one table of pages; the rest is zeros.
entry() { # entry OFFSET HEX: eight bytes, little-endian, into ram.img
    local bytes=""
    for ((i = 14; i >= 0; i -= 2)); do bytes+="\\x${2:i:2}"; done
    printf "%b" "$bytes" | dd of=ram.img bs=1 seek=$(($1)) conv=notrunc status=none
}
head -c 16384 /dev/zero >ram.img
entry 0 0000000020000401            # → 0x80001000
entry 4104 0000000020000801         # 1 → 0x80002000
entry 4112 0000000020000887         # 2: a misaligned page of 2 MiB: PPN 0x80002
entry $((8192 + 8)) 0000000020000c53  # 1: r-- user, A
entry $((8192 + 16)) 0000000020000c05 # 2: R=0 W=1
entry $((8192 + 24)) 0000000020000c0f # 3: rwx kernel
entry $((8192 + 32)) 0000000020000c01 # 4: a pointer at the last level
entry $((8192 + 40)) 8000000020000c0f # 5: bit 63
entry $((8192 + 48)) 0000000020000c19 # 6: --x user
sv39=(--format sv39 --root 0x80000000 --memory ram.img@0x80000000)

run explain 0x201234 "${sv39[@]}"
expect 0 "index 2" "level 2: table at 0x80000000, entry 0 of 8 bytes, at 0x80000000: 0x0000000020000401" \
    "V=1 R=0 W=0 X=0 U=0" "points to the table at 0x80001000" "maps the page of 4 KiB at 0x80003000" \
    "page at 0x80003000, offset 0x234: 0x80003234"
run explain 0x201234 "${sv39[@]}" --access w
expect 0 "fault     at level 0: protection: W=0 at level 0"
run explain 0x202000 "${sv39[@]}"; expect 0 "reserved: R=0 with W=1 is reserved"
run explain 0x203000 "${sv39[@]}" --access r; expect 0 "privilege: U=0 at level 0" "user mode"
run explain 0x203000 "${sv39[@]}" --access w --mode s; expect 0 "0x80003000" "sets A, D in the entry of the page"
run explain 0x203000 "${sv39[@]}" --access w --mode s --ad fault; expect 0 "accessed:"
run explain 0x204000 "${sv39[@]}"; expect 0 "reserved:" "below the last level there is none"
run explain 0x205000 "${sv39[@]}"; expect 0 "reserved:" "bits from 54 up" "0x200"
run explain 0x206000 "${sv39[@]}" --access r; expect 0 "protection:" "--mxr"
run explain 0x206000 "${sv39[@]}" --access r --mxr; expect 0 "0x80003000"
run explain 0x206000 "${sv39[@]}" --access x --mode s --sum; expect 0 "privilege:" "never executes"
run explain 0x206000 "${sv39[@]}" --access r --mode s; expect 0 "privilege:" "SUM=1"
run explain 0x400000 "${sv39[@]}"; expect 0 "misaligned: a page of 2 MiB" "0x80002000 is none"
run explain 0x40000000 "${sv39[@]}"; expect 0 "invalid: V=0: no table"
run explain 0x207000 "${sv39[@]}"; expect 0 "invalid: V=0: the page is not in memory"
run explain 0x8000000000 "${sv39[@]}"; expect 0 "non-canonical: bits 63 to 39 must be copies of bit 38"
run explain 0x100000000 --format sv32 --root 0x80000000 --memory ram.img@0x80000000
expect 0 "overflow:" "32 bits"
run explain 0 --format sv39 --root 0x80004000 --memory ram.img@0x80000000
expect 0 "bus:" "0x80000000 to 0x80003fff"
run explain 0x201234 "${sv39[@]}" --access w --lang es
expect 0 "índice 2" "nivel 0: tabla en" "fallo     en el nivel 0: protection: W=0 en el nivel 0" "no se puede escribir"
# x86: the right is lost above; A is set in tables too.
head -c 12288 /dev/zero >ram.img.save
mv ram.img sv39.img && mv ram.img.save ram.img
entry 0 0000000000001007 && entry 4096 0000000000002005 && entry 8192 0000000000200087
mv ram.img x86.img && mv sv39.img ram.img
run explain 0x1234 --format x86-64 --root 0 --memory x86.img --access w
expect 0 "PML4 (4)" "maps the page of 2 MiB at 0x200000" "fault     at level 2: protection: W=0 at level 3"
run explain 0x1234 --format x86-64 --root 0 --memory x86.img --access r
expect 0 "0x201234" "sets A in the entry of the page" "and A in the entries of the tables"
# IBM S/370: the segment table at 0, entry 0x12 at 0x48; its page table at 0x1000, entry 3 at 0x1006.
mv ram.img sv39.img
head -c 8192 /dev/zero >ram.img
printf '\004\020\000\360' | dd of=ram.img bs=1 seek=72 conv=notrunc status=none
printf '\001\000\000\000' | dd of=ram.img bs=1 seek=76 conv=notrunc status=none
printf '\004\020\000\041' | dd of=ram.img bs=1 seek=80 conv=notrunc status=none
printf '\140\000\010\000' | dd of=ram.img bs=1 seek=4102 conv=notrunc status=none
s370=(--format s370 --root 0 --memory ram.img)
run explain 0x123456 "${s370[@]}"
expect 0 "I=0 C=0 P=1  PTL=15  PTO=0x001000" 0x1006: "I=0  PFRA=0x006" 0x6456
run explain 0x123456 "${s370[@]}" --access w; expect 0 "protection: "
run explain 0x124000 "${s370[@]}"; expect 0 "fault     at level 0: invalid:"
run explain 0x130000 "${s370[@]}"; expect 0 "fault     at level 1: invalid-segment:"
run explain 0x143000 "${s370[@]}"; expect 0 "fault     at level 1: overflow:"
run explain 0x140000 "${s370[@]}"; expect 0 "fault     at level 1: reserved:"
run explain 0x1000000 "${s370[@]}"; expect 0 "overflow:" "24 bits"
mv sv39.img ram.img
# Decimal, and hexadecimal in capitals; an image at 0 without @.
run explain 2101812 "${sv39[@]}"; expect 0 0x80003234
run explain 0X201234 "${sv39[@]}"; expect 0 0x80003234
run explain 0 --format x86-64 --root 0x3000 --memory ram.img; expect 0 "invalid: P=0"
cp ram.img at@home.img
run explain 0 --format x86-64 --root 0x3000 --memory at@home.img; expect 0 "invalid: P=0"
gzip -k ram.img
run explain 0x201234 --format sv39 --root 0x80000000 --memory ram.img.gz@0x80000000
expect 0 0x80003234
run explain 0x201234 "${sv39[@]}" --access w --json
expect 0 '"virtual":"0x201234"' '"physical":null' '"kind":"protection","level":0,"why":"W=0 at level 0' '"entry":"0x20000c53"'

# The text draws the parts of an address; frames are joined, not added.
run explain 0x1234 --page-size 4K --frame 0x2
expect 0 "frame 0x2 followed by the offset 0x234: 0x2234" "not the sum 0x236"
run explain 0x1234 --page-size 4K --frame 0x2 --lang es
expect 0 "marco 0x2 seguido del desplazamiento 0x234: 0x2234" "no la suma 0x236"
run explain 346 --base 14000 --limit 1000; expect 0 "14000 + 346 = 14346"
run explain 1000 --base 14000 --limit 1000; expect 0 "overflow: the displacement 0x3e8 is not below the limit 0x3e8"

# ---- usage ----
run explain; expect 2 ADDRESS --format --page-size
run explain 0x1234; expect 2 ADDRESS --format
for address in x 0x 0xg 12y -1 "" 0x10000000000000000 18446744073709551616; do
    run explain --page-size 4K -- "$address"
    expect 2 "ADDRESS \"$address\"" 0x1234
done
run explain 1 2 --page-size 4K; expect 2 "one argument too many" '"2"'
run explain 1 --page-size 1000; expect 2 "power of two" 1000
run explain 1 --page-size ""; expect 2 "is not a size"
run explain 1 --page-size 4K,8K --frame 1; expect 2 "--frame needs one"
run explain 1 --frame 1; expect 2 --frame --page-size
run explain 1 --page-size 4K --frame 0x10000000000000; expect 2 "more than 64 bits"
run explain 1 --format sv40; expect 2 sv40 sv39 x86-64 10,10,12
for format in "" "," 1 10,,12 10,10,12:5 10,10,12:44 10,10,12: 25,12 0,12 10,4 1,1,1,1,1,1,12 24,24,24; do
    run explain 1 --format "$format"
    expect 2 "~no table format|possible"
done
run explain 1 --format sv39 --page-size 4K; expect 2 --format --page-size together
run explain 1 --format sv39 --root 0; expect 2 --root --memory
run explain 1 --format sv39 --memory ram.img; expect 2 --memory --root
run explain 1 --root 0 --memory ram.img; expect 2 --root --format
run explain 1 --format sv39 --access r; expect 2 --access --root
run explain 1 --page-size 4K --limit 5; expect 2 --limit --base
run explain 1 --base 4K --limit 0; expect 2 --limit '"0"'
run explain 1 "${sv39[@]}" --memory other.img; expect 2 "--memory is given twice"
run explain 1 "${sv39[@]}" --access rw; expect 2 --access "r w x" '"rw"'
run explain 1 "${sv39[@]}" --access ""; expect 2 --access "r w x"
run explain 1 "${sv39[@]}" --mode k; expect 2 --mode "u s"
run explain 1 "${sv39[@]}" --ad no; expect 2 --ad "set fault"
run explain 1 --format sv39 --root 0x80000008 --memory ram.img; expect 2 --root "multiple of 4096"
run explain 1 --format sv39 --root 0x80000000 --memory ram.img@0xzz; expect 2 "--memory FILE@" 0xzz
run explain 1 --format sv39 --root 0 --memory ram.img --frame 1; expect 2 --frame --root
run explain 1 --reach 16; expect 2 --reach together
run explain --reach 16 --speed 1; expect 2 --reach --speed
run explain --reach 16 --root 0; expect 2 "--root does not belong to --reach"
run explain 1 --page-size 4K --seek 3; expect 2 "--seek does not belong to ADDRESS"
run explain 1 --page-size 4K --csv; expect 2 --csv
run explain --reach 16 --csv --json; expect 2 --csv --json
for value in x "" -1 1.5 nan inf 0.5/0 0x1 2/1; do
    run explain --speed "$value"
    expect 2 "--speed" "from 0 to 1"
done
run explain --speed 1 --wanted 0; expect 2 --wanted
run explain --access-time 0; expect 2 --access-time
run explain --access-time 100 --dirty 0.7; expect 2 --dirty --dirty-service
run explain --page-sizes 0; expect 2 --page-sizes
run explain --page-sizes 16000000T --page-size 1; expect 2 "more than 64 bits"
run explain --reach 18446744073709551615; expect 2 "more than 64 bits"
for ranges in "" 1 1+ +1 1+0 1+x all,1+1; do
    run explain --tables "$ranges"
    expect 2 "START+LENGTH"
done
run explain --tables 0xffffffff+2; expect 2 "beyond the 32 bits"
run explain --waste 0; expect 2 "is not a size"
run explain --json --lang es --reach; expect 2 --reach

# ---- data ----
run explain 1 --format sv39 --root 0 --memory nowhere.img; expect 1 nowhere.img
: >empty.img
run explain 1 --format sv39 --root 0 --memory empty.img; expect 1 empty.img empty
run explain 1 --format sv39 --root 0 --memory .; expect 1 .
run explain 1 --format sv39 --root 0 --memory ram.img@0xfffffffffffff000; expect 1 ram.img "last address"
run explain 1 --format sv39 --root 0 --memory ram.img@0xffffffffffffc000; expect 0 "bus:"

run explain --page-sizes 4M --csv
expect 0 "page_size,pages,table_bytes,all_tables_bytes" "4096,1024,4096,4096,2048,2047.5,6144,30.048,"
finish
