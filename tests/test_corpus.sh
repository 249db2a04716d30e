#!/bin/sh
# Every fuzz target runs once over each file of its corpus (tests/fuzz).
set -eu
cd "$(dirname "$0")/.."
build=${RECS_BUILD:?the build folder}
targets=0
for source in tests/fuzz/fuzz_*.c; do
    [ -f "$source" ] || { echo "no fuzz target"; exit 77; }
    name=${source#tests/fuzz/fuzz_} name=${name%.c}
    corpus=tests/fuzz/corpus/$name
    [ -n "$(ls -A "$corpus" 2>/dev/null)" ] || { echo "$name has no corpus in $corpus"; exit 1; }
    for input in "$corpus"/*; do
        timeout 60 "$build/fuzz-replay/$name" "$input" || { echo "$name fails on $input"; exit 1; }
    done
    targets=$((targets + 1))
done
echo "$targets targets"
