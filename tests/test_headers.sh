#!/bin/sh
# Each public header compiles alone, as C99 and as C++11, without a warning,
# with every compiler there is; and twice, so that its guard holds.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings='-pedantic -Wall -Wextra -Werror -Wshadow -Wundef -Wconversion'

compiled=0
try() { # compiler, language, standard, header
    command -v "$1" >/dev/null || return 0
    printf '#include "%s"\n#include "%s"\nint header_test;\n' "$4" "$4" >"$work/one.$2"
    # shellcheck disable=SC2086  # a list of options
    "$1" -std="$3" $warnings -Iinclude -fsyntax-only "$work/one.$2" ||
        { echo "$4 does not compile alone as $3 with $1"; exit 1; }
    compiled=$((compiled + 1))
}

for path in include/recs.h include/recs/*.h; do
    header=${path#include/}
    for compiler in gcc clang; do
        try $compiler c c99 "$header"
        try $compiler c c11 "$header"
    done
    for compiler in g++ clang++; do
        try $compiler cc c++11 "$header"
        try $compiler cc c++17 "$header"
    done
    lines=$(wc -l <"$path")
    [ "$lines" -lt 400 ] || { echo "$path has $lines lines; a public header stays under 400"; exit 1; }
done
[ $compiled -gt 0 ] || { echo "no compiler among gcc, clang, g++, clang++"; exit 77; }

# recs.h brings in every header of librecs.so; those of other libraries stand alone.
for path in include/recs/*.h; do
    header=${path#include/}
    case $header in recs/train.h | recs/evaluate.h | recs/tune.h | recs/vector_file.h | recs/faiss.h) continue ;; esac
    grep -q "#include \"$header\"" include/recs.h || { echo "recs.h does not include $header"; exit 1; }
done
