#!/bin/bash
# deps.sh [build] [test] - finds out what is missing on this machine and installs only that, with
# apt. Silent when nothing is missing. What only tests need is not fatal outside CI: those tests
# are skipped.
set -u

groups=${*:-build}
missing=() reasons=()

have() { command -v "$1" >/dev/null 2>&1; }

# need PACKAGE REASON: the package is missing.
need() {
    missing+=("$1")
    reasons+=("$2")
}

clang_version() {
    if have clang-14; then
        echo 14
    elif have clang; then
        clang -dumpversion | cut -d. -f1
    else
        apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1
    fi
}

check_build() {
    { have cc && have make; } || need build-essential "C compiler and make"
    have cmake || need cmake "build system"
    if have pkg-config; then
        pkg-config --exists libzstd liblz4 libarchive zlib smartcols libedit && return
        local library package reason
        while read -r library package reason; do
            pkg-config --exists "$library" || need "$package" "$reason"
        done <<'LIST'
libzstd libzstd-dev blocks of native traces
liblz4 liblz4-dev blocks of native traces
libarchive libarchive-dev text traces in xz and zst
zlib zlib1g-dev text traces in gz
smartcols libsmartcols-dev tables on the terminal
libedit libedit-dev line editing in step
LIST
    else
        need pkg-config "finds the libraries"
        need libzstd-dev "blocks of native traces"
        need liblz4-dev "blocks of native traces"
        need libarchive-dev "text traces in xz and zst"
        need zlib1g-dev "text traces in gz"
        need libsmartcols-dev "tables on the terminal"
        need libedit-dev "line editing in step"
    fi
}

check_qemu() { have qemu-x86_64 || have qemu-aarch64 || need qemu-user "kilburn record runs programs in it"; }

check_python() { have python3 || need python3 "reference and house tests"; }

check_test() {
    have valgrind || need valgrind "kilburn record --with lackey, and comparison with it"
    have clang || need clang "second compiler, sanitizers, fuzzing, WebAssembly"
    have wasm-ld || have wasm-ld-14 || need lld "links WebAssembly"
    have clang-format || need clang-format "make lint, make format"
    test -f /usr/include/wasm32-wasi/stdio.h || need wasi-libc "C library for WebAssembly"
    local version
    version=$(clang_version)
    version=${version:-14}
    compgen -G "/usr/lib/llvm-$version/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a" \
        >/dev/null || need "libclang-rt-$version-dev" "sanitizers and fuzzing with clang"
    compgen -G "/usr/lib/llvm-$version/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a" \
        >/dev/null || need "libclang-rt-$version-dev-wasm32" "compiler runtime for WebAssembly"
}

case " $groups " in *" build "*) check_build; check_python; check_qemu ;; esac
required=${#missing[@]}
case " $groups " in *" test "*) check_test ;; esac
((${#missing[@]} == 0)) && exit 0

fail() {
    echo "deps: $1" >&2
    echo "deps: please install: ${missing[*]}" >&2
    if ((required == 0)) && [ -z "${CI:-}" ]; then
        echo "deps: only tests need them; tests that cannot run are skipped" >&2
        exit 0
    fi
    exit 1
}

for i in "${!missing[@]}"; do
    echo "deps: ${missing[i]} is missing (${reasons[i]})" >&2
done
have apt-get || fail "there is no apt-get here to install them with"
as_root=()
if [ "$(id -u)" != 0 ]; then
    have sudo || fail "installing needs root, and there is no sudo"
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    echo "deps: running ${as_root[*]}${as_root[*]:+ }$*" >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 && return
    tail -5 "$log" >&2
    return 1
}
run apt-get update || echo "deps: going on with the old package lists" >&2
run apt-get install -y --no-install-recommends "${missing[@]}" || fail "apt-get could not install them"
