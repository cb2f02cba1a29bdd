#!/bin/bash
# wasm.sh - the pure core compiles for WebAssembly without a warning, and links with nothing but
# wasi-libc. Skipped only where the tools are missing, and never in CI.
set -u
cd "$KILBURN_SOURCE" || exit 1

missing() {
    echo "$1 is missing: make deps installs it"
    [ -n "${CI:-}" ] && exit 1
    exit 77
}
for clang in clang-14 clang none; do command -v $clang >/dev/null && break; done
[ "$clang" = none ] && missing clang
command -v wasm-ld >/dev/null || command -v wasm-ld-14 >/dev/null || missing wasm-ld
[ -f /usr/include/wasm32-wasi/stdio.h ] || missing wasi-libc
resources=$($clang -print-resource-dir)
[ -f "$resources/lib/wasi/libclang_rt.builtins-wasm32.a" ] || missing "libclang_rt for wasm32"

rooms=()
for room in base trace policy machine os scenario replay report; do
    [ -d src/$room ] && rooms+=("src/$room")
done
mapfile -t sources < <(find "${rooms[@]}" -name '*.c' | sort)
sources+=(src/store/{failing,memory,staged,store,sum}.c)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
target=(--target=wasm32-wasi)
flags=("${target[@]}" -nostdlibinc -isystem /usr/include/wasm32-wasi -O2 -std=c17
    -Wall -Wextra -Werror -Isrc -Iinclude)

failed=0 objects=()
for source in "${sources[@]}"; do
    object=$out/$(echo "${source#src/}" | tr / _).o
    $clang "${flags[@]}" -c "$source" -o "$object" || { echo "$source: does not compile"; failed=1; }
    objects+=("$object")
done
((failed)) && exit 1

# Everything is exported, so that nothing is left out and each symbol must be found.
$clang "${target[@]}" -mexec-model=reactor -Wl,--no-entry -Wl,--export-all \
    "${objects[@]}" -o "$out/core.wasm" || exit 1
echo "${#sources[@]} sources, $(stat -c %s "$out/core.wasm") bytes of WebAssembly"
