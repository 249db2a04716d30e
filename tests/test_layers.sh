#!/bin/sh
# The order of the rooms holds in the tree, and the script that says so does
# notice: a file that breaks each rule, put into a copy, is found.
set -eu
cd "$(dirname "$0")/.."
scripts/check-layers

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/scripts"
cp scripts/check-layers "$copy/scripts/"

# breaks PATH INCLUDE: a tree with this one line must be refused
breaks() {
    rm -rf "${copy:?}"/src "${copy:?}"/lib "${copy:?}"/examples
    mkdir -p "$copy/src/base" "$copy/lib/train" "$copy/$(dirname "$1")"
    echo '#include "recs/base.h"' >"$copy/src/base/fine.c"
    "$copy/scripts/check-layers" >/dev/null || { echo "a clean tree was refused"; exit 1; }
    printf '#include %s\n' "$2" >"$copy/$1"
    if "$copy/scripts/check-layers" >/dev/null; then
        echo "not noticed: #include $2 in $1"
        exit 1
    fi
}
breaks src/base/wrong.c '"kernels/kernels.h"'
breaks src/model/wrong.c '"recommend/history.h"'
breaks src/data/wrong.c '"../model/model.h"'
breaks src/nowhere/wrong.c '<stddef.h>'
breaks src/data/wrong.c '<zstd.h>'
breaks src/search/wrong.c '<immintrin.h>'
breaks lib/train/wrong.c '"model/model.h"'
breaks lib/train/wrong.c '<cblas.h>'
breaks lib/train/fine.c '<stddef.h>'
breaks lib/faiss/wrong.c '"base/memory.h"'
breaks examples/cli/wrong.c '"base/memory.h"'
