#!/bin/sh
# `recs tune` on a small made log: the same end after a kill as without one, a
# budget, a floor that nothing meets, what it writes, and what it refuses.
set -u
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/support/cli.sh"
only=tune

awk 'BEGIN {
    print "user,item,timestamp"
    seed = 11
    for (user = 0; user < 220; user++)
        for (n = 0; n < 14; n++) {
            seed = (seed * 1103515245 + 12345) % 2147483648
            taste = user % 5
            item = seed % 4 == 0 ? int(seed / 4096) % 60 : taste * 12 + int(seed / 4096) % 12
            print "u" user ",i" item "," 1300000000 + (seed % 300) * 86400
        }
}' >log.csv
"$recs" split --input log.csv --by time:0.9 --train train.csv --test test.csv --quiet || exit 1

space='itemknn(asymmetry=0.2..0.9, user_exponent=?), popular(half_life=?), home = blend(itemknn, popular)'
common="--input train.csv --seed 3 --trials 10"

# ---- a whole search, what it prints and writes ------------------------------------------

# shellcheck disable=SC2086  # options by word
try 0 $common --spec "$space" --state straight --output-spec spec --output model.recs \
    --test test.csv
has out 'trial  component'
has out 'ndcg@20'
has out 'coverage'
has out 'popularity'
has out 'description   itemknn(similarity=cosine'
has out 'written       model.recs, trained on everything'
has out 'test part, once:'
[ "$(wc -l <spec)" -eq 1 ] || wrong "spec has not one line"
[ "$(wc -l <straight)" -eq 14 ] || wrong "a header, 10 trials and the three together are not 14 lines"
"$recs" verify --model model.recs >/dev/null || wrong "the model is damaged"
"$recs" train --input train.csv --seed 3 --spec "$(cat spec)" --output again.recs --quiet ||
    wrong "the written description does not train"
cmp -s model.recs again.recs || wrong "training the written description gives another model"

# ---- killed at any moment, it goes on to the same end --------------------------------------

seconds() { sed 's/, "train_seconds".*//' "$1"; } # times differ
for signal in KILL INT TERM; do
    for delay in 0.05 0.2; do
        # shellcheck disable=SC2086
        timeout -s $signal $delay "$recs" tune $common --spec "$space" --state killed \
            >out 2>err </dev/null
    done
done
printf '{"trial": 99, "component": "item' >>killed
[ -s killed ] || wrong "nothing was kept"
# shellcheck disable=SC2086
try 0 $common --spec "$space" --state killed --output-spec spec2
seconds straight >a
seconds killed >b
cmp -s a b || wrong "the search went another way after it was killed"
cmp -s spec spec2 || wrong "another description after it was killed"
ls ./*.new >/dev/null 2>&1 && wrong "a temporary file is left"

# Stopped in the terminal: the best so far, and how to go on.
rm -f stopped
timeout -s INT 2 "$recs" tune --input train.csv --spec "als(alpha=?, regularization=?, iterations=10)" \
    --budget 60s --state stopped >out 2>err </dev/null
has out 'description   als('
has out 'stopped'
has out 'run the same command again'
[ "$(wc -l <stopped)" -ge 2 ] || wrong "no trial was kept"

# ---- a budget of time ------------------------------------------------------------------------

try 0 --input train.csv --spec "itemknn" --budget 1s --quiet
[ "$(wc -l <out)" -eq 1 ] || wrong "quiet is not the description alone"
try 0 --input train.csv --spec "itemknn" --trials 2 --json
has out '"description": "itemknn('
has out '"met": true'
has out '"best": true'

# ---- the floor --------------------------------------------------------------------------------

try 1 --input train.csv --spec "popular(half_life=0|30)" --trials 2 --metric ndcg@1 --min-coverage 1
has err '--min-coverage 1 of the catalogue'
has out 'description   popular('
try 0 --input train.csv --spec "itemknn" --trials 3 --min-coverage 0.2

# ---- refused ------------------------------------------------------------------------------------

try 2
has err '--input LOG is missing'
try 2 --input train.csv --budget 0
has err "--budget is '0', expected a time above 0"
try 2 --input train.csv --budget 3x
try 2 --input train.csv --trials 0
try 2 --input train.csv --min-coverage 20%
try 2 --input train.csv --spec "als(alpha=9..1)" --trials 2
has err 'the range is empty'
try 2 --input train.csv --spec "als(alpa=1..9)" --trials 2
has err "als has no setting 'alpa'"
try 2 --input train.csv --spec "als()" --trials 2
has err 'nothing to search'
try 2 --input train.csv --metric auc@20
has err "metric is 'auc@20'"
try 2 --input train.csv --by yesterday --trials 2
try 2 --input train.csv --state train.csv
has err 'is the same file as --input'
try 2 --input train.csv --output x --output-spec x
try 1 --input train.csv --spec itemknn --trials 2 --state /nowhere/at/all
try 1 --input train.csv --spec itemknn --trials 2 --seed 4 --state straight
has err 'is of another search'
cp train.csv other.csv
echo 'u1,i1,1300000000' >>other.csv
try 1 --input other.csv --spec "$space" --seed 3 --trials 10 --state straight
has err 'its data is'
sed '5s/"rung"/"rang"/' straight >damaged
# shellcheck disable=SC2086
try 1 $common --spec "$space" --state damaged
has err "line 5: 'rung' is missing"
printf 'user,item\na,b\n' >tiny.csv
try 1 --input tiny.csv --spec itemknn --trials 2
has err 'no user has events in both parts'

[ $failures -eq 0 ] || exit 1
echo "recs tune holds"
