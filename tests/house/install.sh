#!/bin/bash
# install.sh CMAKE CC - an installed tree is whole: a stranger's program compiles against it with
# what pkg-config says, and a user's own policy with the one line that the documentation gives.
set -eu
cmake=$1 cc=$2
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
"$cmake" --install "$KILBURN_BUILD" --prefix "$prefix/usr" >"$prefix/log" ||
    { cat "$prefix/log"; exit 1; }

for wanted in bin/kilburn include/kilburn.h include/kilburn/base/status.h \
    include/kilburn/base/messages.def share/man/man1/kilburn.1 \
    share/bash-completion/completions/kilburn; do
    [ -f "$prefix/usr/$wanted" ] || { echo "$wanted is not installed"; exit 1; }
done
PKG_CONFIG_PATH=$(dirname "$(find "$prefix/usr" -name kilburn.pc)")
libraries=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH
mkdir "$prefix/moved"
cd "$prefix/moved"

cat >program.c <<'END'
#include <kilburn.h>
#include <stdio.h>
int main(void) { return puts(kb_text(KB_SPANISH, KB_MSG_none)) < 0; }
END
# What pkg-config prints is several words.
# shellcheck disable=SC2046
"$cc" -std=c17 -Wall -Wextra -Wconversion -Wshadow -Werror $(pkg-config --cflags kilburn) \
    -o shared program.c $(pkg-config --libs kilburn)
# shellcheck disable=SC2046
"$cc" $(pkg-config --cflags kilburn) -o static program.c "$libraries/libkilburn.a" \
    $(pkg-config --libs libzstd liblz4 libarchive) -pthread -ldl -lm
[ "$(LD_LIBRARY_PATH=$libraries ./shared)" = "sin error" ]
[ "$(./static)" = "sin error" ]

# Only our names leave the library, none leaves the program.
if nm -D --defined-only "$libraries/libkilburn.so" | awk '{print $3}' | grep -v '^kb_'; then
    echo "libkilburn.so exports these names"
    exit 1
fi
if nm -D --defined-only "$prefix/usr/bin/kilburn" | awk '{print $3}' | grep '^kb_'; then
    echo "the program exports these names"
    exit 1
fi

cp "$KILBURN_SOURCE/docs/examples/mine.c" .
# shellcheck disable=SC2046
cc -O2 -shared -fPIC $(pkg-config --cflags kilburn) -o mine.so mine.c
echo "1 2 3 4 1 2 5 1 2 3 4 5" >belady.txt
"$prefix/usr/bin/kilburn" sim belady.txt --format pages --policy ./mine.so --frames 3 --json >result
for wanted in '"references": *12' '"faults": *[1-9]'; do
    grep -q "$wanted" result || { echo "no $wanted in:"; cat result; exit 1; }
done

# A program that records itself, with the line that the installed program prints.
echo 'int main(int n, char **a) { volatile char page[4096]; page[n] = a[0][0]; return page[n] == 0; }' >own.c
eval "$("$prefix/usr/bin/kilburn" record --compile own.c)"
"$prefix/usr/bin/kilburn" record -q -o own.kbt -- ./own
"$prefix/usr/bin/kilburn" trace info own.kbt | grep -q '0 instructions' || { echo "own.c did not record itself"; exit 1; }
"$prefix/usr/bin/kilburn" --version
