#!/bin/sh
# Evaluation with the tool: protocols, segments, intervals, comparisons, files
# that are whole or not there, error texts and exit codes.
set -u
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/support/cli.sh"

awk 'BEGIN {
    print "user,item,time"
    seed = 11
    for (user = 0; user < 120; user++)
        for (i = 0; i < 4 + user % 17; i++) {
            seed = (seed * 16807) % 2147483647
            printf "u%d,p%d,%d\n", user, 2 * (int(seed / 1000) % 30) + user % 2,
                1600000000 + user * 60 + i * 86400
        }
}' >log.csv
spec="itemknn(k=5), popular"

# ---- a model and a test part --------------------------------------------------------------

try 0 split --input log.csv --by random:0.3 --train train.csv --test test.csv
try 0 train --input train.csv --spec "$spec" --output a.recs --quiet
try 0 train --input train.csv --spec popular --output b.recs --quiet
try 0 evaluate --model a.recs --test test.csv --at 5 --bootstrap 200
for text in recall@5 recall_min@5 gini@5 novelty@5 diversity@5 lift@5 tail@5 intervals \
    "percentile bootstrap over users, 200 resamples, seed 0" "users a second"; do
    has out "$text"
done
cp out once
try 0 evaluate --model a.recs --test test.csv --at 5 --bootstrap 200 --threads 3
sed '$d' once >a.txt
sed '$d' out >b.txt
cmp -s a.txt b.txt || wrong "three threads measure otherwise"
try 0 evaluate --model a.recs --test test.csv --at 5 --bootstrap 0 --metrics recall,gini
lacks out intervals
lacks out ndcg@5
try 0 evaluate --model a.recs --test test.csv --at 5 --segments --bootstrap 100 --seed 4
for text in "recall@5 by history" "ndcg@5 by activity" "recall@5 by items" head tail "seed 4"; do
    has out "$text"
done
try 0 evaluate --model a.recs --test test.csv --at 5 --json --segments --bootstrap 100
valid_json out || wrong "not JSON"
for text in '"segments"' '"kind": "activity"' '"intervals"' '"resamples": 100'; do
    has out "$text"
done
try 0 evaluate --model a.recs --test test.csv --protocol lightgcn --quiet
has out "protocol lightgcn"
try 2 evaluate --model a.recs --test test.csv --protocol lightgcn --repeats include
has err "masks what a user has"
try 2 evaluate --model a.recs --test test.csv --protocol best
has err "expected lightgcn, strong"
try 2 evaluate --model a.recs --test test.csv --metrics recal
has err '"recal" is none, expected all or some of'
for bad in 1 99 100001 many -5; do
    try 2 evaluate --model a.recs --test test.csv --bootstrap $bad
    has err "--bootstrap is '$bad'"
done
try 2 evaluate --model a.recs --test test.csv --confidence 1
try 2 evaluate --model a.recs --test test.csv --at 5,3
try 0 evaluate --model a.recs --test test.csv --at 200 --quiet --bootstrap 0
has out "recall@200"

# ---- comparisons ----------------------------------------------------------------------------

try 0 evaluate --model a.recs --test test.csv --at 5 --compare itemknn,popular
has out "itemknn+fill - popular+fill, "
has out "difference"
try 0 evaluate --model a.recs --test test.csv --at 5 --compare itemknn
has out "itemknn+fill - baseline/popular"
try 0 evaluate --model a.recs --test test.csv --at 5 --against b.recs
has out "popular+fill - b.recs: popular+fill"
has out "b.recs:"
try 0 evaluate --model a.recs --test test.csv --at 5 --against b.recs --json
valid_json out || wrong "not JSON"
has out '"against"'
has out '"comparisons"'
try 3 evaluate --model a.recs --test test.csv --compare itemknn,als
has err "no system 'als'"
try 1 evaluate --model a.recs --test test.csv --against none.recs
has err none.recs

# ---- files ------------------------------------------------------------------------------------

try 0 evaluate --model a.recs --test test.csv --html report.html --csv all.csv \
    --users-csv users.csv --title 'Shop <1> & "2"' --bootstrap 100 --quiet
has out "recall@20"
lacks out "recall@50"
has report.html "Shop &lt;1&gt; &amp; &quot;2&quot;"
has report.html "</html>"
has report.html "recall by length of the list"
lacks report.html "http"
has all.csv "kind,segment,users,system,metric,cutoff,value,low,high,p"
has all.csv "itemknn+fill,recall,100,"
has users.csv "user,history,test,system,recall@1"
cp test.csv kept.csv
try 2 evaluate --model a.recs --test test.csv --csv ./test.csv
has err "same file"
cmp -s test.csv kept.csv || wrong "a refused --csv has changed the log"
try 2 evaluate --model a.recs --test test.csv --html same --csv ./same
try 2 evaluate --model a.recs --test test.csv --html a.recs
try 1 evaluate --model a.recs --test test.csv --at 5 --html no/such/report.html --bootstrap 0
[ "$(wc -l <err)" -eq 1 ] || wrong "not one line about a folder that is not there"
for left in *.tmp; do
    [ ! -e "$left" ] || wrong "left behind: $left"
done

# ---- benchmark ----------------------------------------------------------------------------------

try 0 benchmark --input log.csv --spec "$spec" --quiet --at 5 --bootstrap 100
has out "log split by time:0.8"
has out "trained: itemknn("
has out baseline/recent-popular
try 0 benchmark --input log.csv --spec "$spec" --protocol strong --quiet --json --seed 2
valid_json out || wrong "not JSON"
has out "Mult-VAE"
has out '"recall_min@50"'
cp out once
try 0 benchmark --input log.csv --spec "$spec" --protocol strong --quiet --json --seed 2 --threads 3
cmp -s out once || wrong "the same seed gives other figures"
try 0 benchmark --input log.csv --spec "$spec" --protocol history:1,3 --quiet --at 5
has out "recall@5 by given"
try 0 benchmark --input log.csv --spec "$spec" --protocol last:2 --quiet --html last.html
has out "LEAKS"
has last.html "LEAKS"
try 2 benchmark --input log.csv --protocol weak
has err "expected time, time:0.8"
try 2 benchmark --input log.csv --spec nothing
try 2 benchmark --spec popular
has err "--input LOG is missing"
try 2 benchmark --input log.csv --model a.recs

# The same by hand: users that are not in train, asked for by four fifths.
try 0 split --input log.csv --by users:0.1 --seed 2 --train most.csv --test held.csv
has out "users"
try 0 split --input held.csv --by random:0.2 --seed 2 --train given.csv --test find.csv
try 0 train --input most.csv --spec "$spec" --users none --output most.recs --quiet
try 0 evaluate --model most.recs --test find.csv --histories given.csv --protocol strong --quiet \
    --json --seed 2
grep -v protocol out | grep recall_min | grep -v '@100\|\[' >a.txt
grep -v protocol once | grep recall_min | grep -v '@100\|\[' >b.txt
grep -q recall_min@20 a.txt || wrong "no recall_min@20"
[ "$(head -n 2 a.txt)" = "$(head -n 2 b.txt)" ] || wrong "benchmark and its steps differ"
try 1 evaluate --model most.recs --test find.csv
has err "stores no users"
try 2 evaluate --model most.recs --test find.csv --protocol strong
has err "needs histories"

# ---- interrupted ---------------------------------------------------------------------------------

awk 'BEGIN { for (user = 0; user < 4000; user++) {
    printf "%d", user
    for (i = 0; i < 60; i++) printf " %d", (user * 37 + i * i * 11) % 9000
    print "" } }' >long.txt
mkdir stopped
if command -v timeout >/dev/null 2>&1; then
    timeout --foreground --preserve-status -s INT -k 60 3 "$recs" benchmark --input long.txt \
        --format lightgcn --spec itemknn --protocol strong:2000 --bootstrap 100000 \
        --html stopped/report.html >out 2>err
    code=$?
    [ $code -eq 130 ] || wrong "exit code $code instead of 130 after an interrupt"
    [ -z "$(ls -A stopped)" ] || wrong "an interrupt leaves: $(ls -A stopped)"
fi

[ $failures -eq 0 ] || echo "$failures wrong"
[ $failures -eq 0 ]
