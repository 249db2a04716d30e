#!/bin/sh
# `recs knn` and content in `recs train`: sets from every format, neighbours, a
# model that knows them, and what is wrong named on one line.
set -u
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/support/cli.sh"

# Sixty items around six directions: i0, i6, i12 … lie together.
awk 'BEGIN {
    for (i = 0; i < 60; i++) {
        printf "i%d", i
        for (j = 0; j < 6; j++) printf ",%.3f", (j == i % 6 ? 1 : 0) + (i * 7 + j * 3) % 11 / 100
        print ""
    }
}' >vectors.csv
awk -F, '{
    printf "{\"id\": \"%s\", \"vector\": [", $1
    for (j = 2; j <= NF; j++) printf "%s%s", (j > 2 ? ", " : ""), $j
    print "]}"
}' vectors.csv >vectors.jsonl

try 0 knn build --input vectors.csv --output set.recs
has out "60 vectors of dimension 6"
has out "metric=cosine, storage=float32, index=exact"
try 0 knn build --input vectors.jsonl --spec "knn(storage=int8)" --output int8.recs
has out "storage=int8"
try 0 knn info --set int8.recs --json
has out '"vectors": 60'
try 0 verify --model int8.recs
try 0 info --model set.recs
has out content

try 0 knn search --set set.recs --item i7 -k 9
[ "$(awk '{ print substr($3, 2) % 6 }' out | sort -u)" = 1 ] || wrong "neighbours of i7 are not those of its direction"
cp out first
try 0 similar --model set.recs --item i7 -k 9 --component content
has out "$(awk 'NR == 1 { print $3 }' first)"
try 0 knn search --set int8.recs --history i1,i8 --merge best -k 4 --json
has out '"strategy": "masked"'
try 0 knn search --set set.recs --vector 1,0,0,0,0,0 -k 3 --allow i0,i1,i2 --json
has out '"strategy": "listed"'
has out '"id": "i0"'
try 0 knn search --set set.recs --item i7 --radius 0.9999 -k 60
try 0 knn search --set set.recs --input vectors.csv -k 2 --threads 2
[ "$(wc -l <out)" -eq 120 ] || wrong "not 120 lines"
has out "i7	1	"
try 0 knn search --set set.recs --input vectors.csv -k 2 --json
[ "$(wc -l <out)" -eq 60 ] || wrong "not 60 lines"
has out '{"query": "i7", "neighbours": [{"id": "i7", "score": '
try 0 knn tune --set set.recs --recall 0.95
has out "the index is exact"

# With an index: where librecs-faiss finds FAISS.
awk 'BEGIN {
    srand(3)
    for (i = 0; i < 2000; i++) {
        printf "r%d", i
        for (j = 0; j < 12; j++) printf ",%.4f", rand() - 0.5
        print ""
    }
}' >random.csv
if "$build/recs" knn build --input random.csv --spec 'knn(index="hnsw(m=4, ef_construction=16)")' \
    --output graph.recs >out 2>err; then
    try 0 knn tune --set graph.recs --trusted --recall 0.9 --in-place
    has out "queries (of the index itself"
    has out "exact search takes"
    try 0 knn tune --set graph.recs --trusted --recall 0.9 --queries 100 --json
    has out '"drawn": "held out"'
    has out '"exact_microseconds"'
    has out '"found": true'
    try 0 knn tune --set graph.recs --trusted --recall 0.8 --input random.csv -k 3
    has out "queries (random.csv)"
    try 0 knn tune --set graph.recs --recall 0.9
    has out "only with --trusted"
    # In a model: stored beside the vectors, searched where the file is trusted.
    awk 'BEGIN { print "user,item"; for (i = 0; i < 1900; i++) print "u" i % 90 ",r" i }' >wide.csv
    try 0 train --input wide.csv --output indexed.recs --quiet \
        --spec 'popular, content(vectors=random.csv, storage=int8, index="hnsw(m=8)")'
    try 0 info --model indexed.recs
    has out vector_index
    try 0 knn search --set indexed.recs --component content --item r7 --trusted -k 3 --json
    has out '"strategy": "index"'
    cp out through
    try 0 knn search --set indexed.recs --component content --item r7 -k 3 --json
    has out '"strategy": "masked"'
    [ "$(grep '"id"' out)" = "$(grep '"id"' through)" ] || wrong "the index finds others"
    for verb in "similar --item r7" "recommend --user u1"; do
        # shellcheck disable=SC2086  # words
        try 0 $verb --model indexed.recs --component content -k 3 --trusted --effort 200 --json
        has out '"strategy": "index"'
        cp out through
        # shellcheck disable=SC2086
        try 0 $verb --model indexed.recs --component content -k 3 --json
        has out '"strategy": "masked"'
        [ "$(grep '"item"' out)" = "$(grep '"item"' through)" ] || wrong "the index finds others"
    done
    try 0 recommend --model indexed.recs --user u1 --component content -k 2 --trusted --explain
    has out "because of r"
    try 2 similar --model indexed.recs --item r7 --trusted --effort 0
    has err "a whole number from 1"
    try 2 train --input wide.csv --output y.recs --quiet \
        --spec 'content(vectors=random.csv, index="hnsw(m=1)")'
    has err "expected 2 to 256"
else
    echo "skipped the tuning of an index: $(cat err)"
    awk 'BEGIN { print "user,item"; for (i = 0; i < 1900; i++) print "u" i % 90 ",r" i }' >wide.csv
    try 1 train --input wide.csv --output y.recs --quiet \
        --spec 'content(vectors=random.csv, index="hnsw(m=8)")'
    has err FAISS
    [ ! -e y.recs ] || wrong "a failed training left a file"
fi

# Content in a model, blended, asked and explained.
awk 'BEGIN {
    print "user,item"
    for (u = 0; u < 40; u++) for (n = 0; n < 4; n++) print "u" u ",i" (u % 6 + 6 * ((u + n * 3) % 10))
}' >log.csv
try 0 train --input log.csv --output model.recs --quiet \
    --spec "popular, content(vectors=vectors.csv, storage=int8), home = 0.3*popular + 0.7*content"
try 0 recommend --model model.recs --user u1 --component content -k 3 --explain
try 0 recommend --model model.recs --history i2,i8 --component home -k 3
try 0 why-not --model model.recs --user u1 --item i2 --component content
try 0 verify --model model.recs
try 0 knn search --set model.recs --component content --item i7 -k 2
try 0 knn build --input vectors.csv --output dropped.recs --skip-zero --quiet

# What is wrong.
try 2 knn
try 2 knn dance
try 2 knn build --input vectors.csv
try 2 knn build --input vectors.csv --output vectors.csv
try 1 knn build --input vectors.csv --output x.recs --spec "knn(metric=manhattan)"
has err "inner, cosine or l2"
printf 'a,1,2\nb,1,nan\n' >bad.csv
try 1 knn build --input bad.csv --output x.recs
has err 'bad.csv line 2, number 2: "nan"'
printf 'a,1,2\nb,0,0\n' >bad.csv
try 1 knn build --input bad.csv --output x.recs
has err "cosine needs a direction"
try 0 knn build --input bad.csv --output x.recs --skip-zero
has out "dropped: 1"
printf 'a,1,2\na,1,3\n' >bad.csv
try 1 knn build --input bad.csv --output y.recs
has err "same id"
[ ! -e y.recs ] || wrong "a failed build left a file"
try 1 knn build --input vectors.csv --output y.recs --memory 1K
has err "its limit"
try 3 knn search --set set.recs --item nobody
try 2 knn search --set set.recs
try 2 knn search --set set.recs --vector 1,2
has err "dimension 2, the set has 6"
try 2 knn search --set set.recs --vector 1,x
try 1 knn search --set nothing.recs --item a
try 3 knn search --set model.recs --component nothing --item i1
try 2 train --input log.csv --output x.recs --quiet --spec "content"
has err "vectors=FILE"
if [ "$(find . -name '*.tmp' | wc -l)" -ne 0 ]; then
    wrong "a temporary file was left"
fi

[ $failures -eq 0 ] || exit 1
echo "recs knn: all as expected"
