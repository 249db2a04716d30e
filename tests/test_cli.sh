#!/bin/sh
# Runs every command of the tool on a small made log: answers, JSON, error
# texts, exit codes, the same bytes for any number of threads, and nothing
# left behind when training is interrupted.
set -u
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/support/cli.sh"

# ---- a log of two tastes: even visitors take even items, with a few strays -------

awk 'BEGIN {
    print "visitor,product,amount,when,name"
    seed = 7
    for (user = 0; user < 60; user++)
        for (i = 0; i < 12; i++) {
            seed = (seed * 16807) % 2147483647
            item = 2 * (int(seed / 1000) % 20) + user % 2
            if (i == 11) item = (item + 1) % 40
            printf "u%d,p%d,%d,%d,\"Thing %d, %s\"\n", user, item, 1 + i % 3,
                1600000000 + (user * 12 + i) * 3600, item, item % 2 ? "odd" : "even"
        }
    print "u1,\"p,comma\",1,1600000000,Comma"
    print "u3,\"p,comma\",2,1602600000,Comma"
}' >log.csv
awk 'BEGIN {
    print "id,title,category,price,available"
    for (i = 0; i < 40; i++)
        printf "p%d,\"Thing %d, %s\",%s,%d.50,%d\n", i, i, i % 2 ? "odd" : "even",
            i % 3 ? "toys" : "tools", i, i != 8
    print "new,Never sold,toys,3.25,1"
}' >catalogue.csv
columns=user=visitor,item=product,quantity=amount,time=when,title=name
spec="als(factors=8, iterations=4), itemknn(k=10), popular, home = 0.7*als + 0.3*itemknn"

# ---- help and the command line ------------------------------------------------------

try 0 --help
has out "exit codes"
try 0 --version
has out "recs "
try 2
try 2 nonsense
has err "nonsense"
for name in train recommend similar users score explain why-not items split evaluate benchmark \
    info verify export; do
    try 0 $name --help
    has out "usage: recs $name"
    cp out help
    try 0 help $name
    cmp -s out help || wrong "recs help $name differs from recs $name --help"
    try 2 $name --no-such-option
    has err "unknown option '--no-such-option'"
done

# ---- train -----------------------------------------------------------------------------

try 0 train --input log.csv --items catalogue.csv --columns $columns --spec "$spec" \
    --output shop.recs --threads 1
has out "visitor"
has out "als(factors=8"
has out "items         42"
has out "users         60"
try 0 train --input log.csv --items catalogue.csv --columns $columns --spec "$spec" \
    --output budget.recs --memory 8M --temporary "$work" --quiet
cmp -s shop.recs budget.recs || wrong "other bytes under a memory budget"
try 0 train --input log.csv --items catalogue.csv --columns $columns --spec "$spec" \
    --output budget.recs --checkpoint "$work/kept" --quiet
cmp -s shop.recs budget.recs || wrong "other bytes with a checkpoint"
[ ! -e kept.als ] || wrong "the checkpoint is still there"
try 0 train --input log.csv --items catalogue.csv --columns $columns \
    --spec "als(factors=8, iterations=1)" --output budget.recs --start shop.recs --quiet
try 2 train --input log.csv --columns $columns --spec "als(factors=9)" --output budget.recs \
    --start shop.recs --quiet
has err "has 8 factors"
try 2 train --input log.csv --output budget.recs --memory plenty
has err "memory \"plenty\""
rm -f budget.recs
for threads in 2 3; do
    try 0 train --input log.csv --items catalogue.csv --columns $columns --spec "$spec" \
        --output other.recs --threads $threads --quiet
    [ ! -s out ] || wrong "--quiet is not quiet"
    cmp -s shop.recs other.recs || wrong "$threads threads make another model"
done
"$recs" train --input - --items catalogue.csv --columns $columns --spec "$spec" \
    --output other.recs <log.csv >out 2>err || wrong "train from standard input"
cmp -s shop.recs other.recs || wrong "standard input makes another model"
if command -v zstd >/dev/null 2>&1; then
    zstd -q log.csv -o log.csv.zst
    try 0 train --input log.csv.zst --items catalogue.csv --columns $columns --spec "$spec" \
        --output other.recs
    cmp -s shop.recs other.recs || wrong "a .zst log makes another model"
fi
gzip -c log.csv >log.csv.gz
try 0 train --input log.csv.gz --items catalogue.csv --columns $columns --spec "$spec" \
    --output other.recs
cmp -s shop.recs other.recs || wrong "a .gz log makes another model"
json train --input log.csv --items catalogue.csv --columns $columns --spec "$spec" \
    --output other.recs --seed 0
has out '"fingerprint"'
has out '"seconds"'
try 0 train --input log.csv --items catalogue.csv --columns $columns --spec "$spec" \
    --output other.recs --seed 1
cmp -s shop.recs other.recs && wrong "another seed makes the same model"
try 0 train --input log.csv --items catalogue.csv --columns $columns --spec popular \
    --output small.recs --compress
try 0 verify --model small.recs

try 2 train --input log.csv --columns $columns
has err "--output"
try 2 train --output x.recs
has err "--input"
try 2 train --input log.csv --output x.recs --spec "als(factor=8)"
has err "column"
has err "factor"
try 2 train --input log.csv --output x.recs --positive many
has err "positive"
try 2 train --input log.csv --output x.recs --recommended -1
has err "recommended"
try 2 train --input log.csv --output x.recs --propensity "clip(2)"
has err "clip(p)"
printf 'user,item,source,propensity\nann,cup,recommended,0.5\nbob,cup,organic,\n' >echo.csv
try 0 train --input echo.csv --spec popular --output x.recs --recommended 0.5 \
    --propensity "clip(0.05)"
has out "recommended: 1 event came from recommendations"
try 2 train --input log.csv --output x.recs --seed -1
has err "--seed"
try 2 train --input log.csv --output
has err "needs a value"
try 1 train --input no-such.csv --output x.recs
has err "no-such.csv"
one_line
try 1 train --input log.csv --columns $columns --output no-such-folder/x.recs
has err "no-such-folder"
one_line
printf 'user,item\nann,cup\nbob\n' >bad.csv
try 0 train --input bad.csv --spec popular --output x.recs
# No output over what is read, by whatever name.
cp bad.csv kept.csv
ln bad.csv hard.csv
ln -s bad.csv soft.csv
for name in bad.csv ./bad.csv hard.csv soft.csv; do
    try 2 train --input bad.csv --spec popular --output $name
    has err "--output $name is the same file as --input bad.csv"
    try 2 split --input bad.csv --train $name --test t.csv
    has err "--train $name is the same file as --input bad.csv"
    try 2 split --input bad.csv --train t.csv --test $name
    has err "--test $name is the same file as --input bad.csv"
done
try 2 train --input log.csv --columns $columns --items bad.csv --output bad.csv
has err "--items bad.csv"
# shellcheck disable=SC2094  # that it is one file is the point
"$recs" train --input - --spec popular --output bad.csv <bad.csv >out 2>err &&
    wrong "standard input is overwritten"
[ ! -e t.csv ] || wrong "a refused split makes a file"
cmp -s bad.csv kept.csv || wrong "a refused output has changed the log"
try 1 train --input bad.csv --spec popular --output y.recs --strict
has err "bad.csv"
[ ! -e y.recs ] || wrong "a log refused by --strict makes a model"

# ---- asking -----------------------------------------------------------------------------

try 0 recommend --model shop.recs --user u2 -k 5 --explain
has out "Thing"
has out "because of"
[ "$(grep -c '^ *[1-5]  ' out)" -eq 5 ] || wrong "not five answers"
json recommend --model shop.recs --user u2 -k 5 --explain --component home
has out '"component": "home"'
has out '"reasons"'
try 0 recommend --model shop.recs --history p2,p4,unheard -k 3
has err "1 id of the request is not in the model"
try 0 recommend --model shop.recs --history p2,unheard,unseen -k 3
has err "2 ids of the request are not in the model"
try 0 recommend --model shop.recs --history-item p,comma -k 3
[ ! -s err ] || wrong "an id with a comma is not known"
try 0 recommend --model shop.recs
has out "[popular]"
try 0 recommend --model shop.recs --user u2 -k 100
grep -qw p8 out && wrong "an item that is not available is shown"
grep -qw new out || wrong "an item without events is not shown when all are asked for"
try 0 recommend --model shop.recs --user u2 -k 100 --include-unavailable --include-seen
[ "$(grep -c '^ *[0-9]*  ' out)" -eq 42 ] || wrong "not all items when all are asked for"
try 0 recommend --model shop.recs --user u2 -k 3 --allow p1,p3 --deny p3 --include-seen
[ "$(grep -c '^ *[0-9]*  ' out)" -eq 1 ] || wrong "--allow and --deny"
try 0 recommend --model shop.recs --user u2 -k 100 --evidence-only
grep -qF '[popular]' out && wrong "--evidence-only fills up"
try 3 recommend --model shop.recs --user nobody
has err "nobody"
has err "--history"
one_line
try 3 recommend --model shop.recs --user u2 --component nothing
has err "nothing"
one_line
try 2 recommend --user u2
has err "--model"
try 2 recommend --model shop.recs --user u2 -k -1
has err "-k"
try 2 recommend --model shop.recs --user u2 --exclude-types juggle
has err "juggle"
try 1 recommend --model no-such.recs --user u2
has err "no-such.recs"
one_line

try 0 similar --model shop.recs --item p2 -k 4
[ "$(grep -c '^ *[1-4]  ' out)" -eq 4 ] || wrong "not four similar items"
json similar --model shop.recs --item p2 --component itemknn
try 3 similar --model shop.recs --item nothing
has err "nothing"
try 2 similar --model shop.recs
has err "--item"

try 0 users --model shop.recs --item p2 -k 3
has out "u"
json users --model shop.recs --item p2
try 3 users --model shop.recs --item nothing

json recommend --model shop.recs --user u2 -k 1
score=$(sed -n 's/.*"score": \([-0-9.e]*\).*/\1/p' out)
item=$(sed -n 's/.*"item": "\(.*\)".*/\1/p' out)
json score --model shop.recs --user u2 --items "$item",new
has out "\"score\": $score"
try 0 score --model shop.recs --user u2 --item p,comma --item "$item"
[ "$(wc -l <out)" -eq 2 ] || wrong "not two scores"
try 3 score --model shop.recs --user u2 --items p2,nothing
has err "nothing"
try 2 score --model shop.recs --user u2
has err "--item"

try 0 explain --model shop.recs --user u2 --item "$item"
has out "because of"
has out "scores"
json explain --model shop.recs --user u2 --item "$item"
has out "\"score\": $score"
if command -v python3 >/dev/null 2>&1; then
    python3 - <<'END' || wrong "the reasons do not sum to the score"
import json
answer = json.load(open("out"))
total = sum(reason["contribution"] for reason in answer["reasons"])
assert abs(total - answer["score"]) <= 1e-6 * max(1, abs(answer["score"])), (total, answer)
END
fi
try 3 explain --model shop.recs --user u2 --item nothing
try 2 explain --model shop.recs --user u2

try 0 why-not --model shop.recs --user u2 --item "$item"
has out "is shown"
try 0 why-not --model shop.recs --user u2 --item p8
has out "p8"
json why-not --model shop.recs --user u2 --item "$item" --deny "$item"
has out '"verdict": "denied"'
json why-not --model shop.recs --user u2 --item p1 -k 1
try 3 why-not --model shop.recs --user u2 --item nothing
has out "nothing"

try 0 items --model shop.recs --find "THING 1" -k 3
[ "$(grep -c 'Thing 1' out)" -eq 3 ] || wrong "not three items found"
has out "more"
json items --model shop.recs --find thing -k 2
has out '"found": 40'
try 0 items --model shop.recs --item p3
has out "3.5"
has out "tools"
json items --model shop.recs --item p3
try 3 items --model shop.recs --find unheard-of
try 3 items --model shop.recs --item nothing

# Control bytes of a log are spaces for people and themselves in JSON.
printf 'user,item,title,type\nann,cup,"Cu\np \033[31mred\177",view\nann,pot,Pot\302\233x,wink\n' \
    >rude.csv
try 0 train --input rude.csv --spec "itemknn, popular" --output rude.recs
for ask in "recommend --history pot" "similar --item pot" "items --item cup" "items --find cup" \
    "score --history pot --item cup" "explain --history pot --item cup" \
    "recommend --user ann --include-seen --explain"; do
    # shellcheck disable=SC2086  # a list of words
    try 0 ${ask%% *} --model rude.recs ${ask#* }
    has out "Cu p  [31mred "
    LC_ALL=C tr -d '\n' <out | LC_ALL=C grep -q '[[:cntrl:]]' && wrong "control bytes: recs $ask"
    LC_ALL=C grep -q "$(printf '\302\233')" out && wrong "a wide control byte: recs $ask"
done
json items --model rude.recs --item cup
has out 'Cu\np \u001'
try 0 info --model rude.recs
has out "own event types"
has out "  wink"
json info --model rude.recs
has out '"wink"'
try 0 export --model rude.recs --output rude-lists.csv
has out "1 user in"

# ---- models: info, verify, export ---------------------------------------------------------

try 0 info --model shop.recs
has out "itemknn"
has out "category"
json info --model shop.recs
has out '"users": 60'
try 0 verify --model shop.recs
[ "$(wc -l <out)" -eq 1 ] || wrong "verify says more than one line"
size=$(wc -c <shop.recs)
dd if=shop.recs of=cut.recs bs=1 count=$((size / 2)) 2>/dev/null
try 1 verify --model cut.recs
has err "cut.recs"
one_line
cp shop.recs flipped.recs
printf 'XXXX' | dd of=flipped.recs bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
try 1 verify --model flipped.recs
one_line
try 1 verify --model flipped.recs --json
valid_json out || wrong "verify --json of a damaged model"
try 1 verify --model log.csv

try 0 export --model shop.recs -k 7 --output lists.csv
has out "users/s"
[ "$(wc -l <lists.csv)" -eq $((60 * 7 + 1)) ] || wrong "not seven lines for each of 60 visitors"
has lists.csv "user,rank,item,score"
try 0 export --model shop.recs -k 7 --threads 2
cmp -s out lists.csv || wrong "export to a file and to standard output differ"
try 0 export --model shop.recs -k 42 --include-seen --include-unavailable
has out '"p,comma"'
try 0 export --model shop.recs -k 2 --format jsonl --output lists.jsonl --json
valid_json out || wrong "the summary of export is not JSON"
[ "$(wc -l <lists.jsonl)" -eq 60 ] || wrong "not a line of JSON for each visitor"
tail -n 1 lists.jsonl >out
valid_json out || wrong "a line of JSON Lines is not JSON"
try 2 export --model shop.recs --format xml
try 3 export --model shop.recs --component nothing
cp shop.recs over.recs
try 2 export --model over.recs --output ./over.recs
has err "same file as --model over.recs"
cmp -s shop.recs over.recs || wrong "a refused export has changed the model"
try 1 export --model shop.recs --output no-such-folder/lists.csv
for left in *.tmp; do
    [ ! -e "$left" ] || wrong "left behind: $left"
done
{ "$recs" export --model shop.recs -k 40 --quiet 2>err; echo $? >code; } | head -n 1 >out
if [ "$(cat code)" -ne 0 ] || [ -s err ]; then
    wrong "a reader that goes away is not a failure"
fi
if [ -c /dev/full ]; then
    "$recs" info --model shop.recs >/dev/full 2>err && wrong "a full disk is not noticed"
    [ "$(wc -l <err)" -eq 1 ] || wrong "not one line about the full disk"
fi

# ---- what a model keeps of users --------------------------------------------------------------

try 0 train --input log.csv --columns $columns --spec itemknn --users none --output none.recs
try 3 recommend --model none.recs --user u2
try 0 recommend --model none.recs --history p2,p4
try 1 export --model none.recs
has err "users"
try 0 train --input log.csv --columns $columns --spec itemknn --users hashed --output hashed.recs
try 0 recommend --model hashed.recs --user u2
grep -q u59 hashed.recs && wrong "a model with hashed users holds their ids"
try 0 train --items catalogue.csv --spec popular --output items.recs
try 0 recommend --model items.recs -k 3
[ "$(grep -cF '[popular]' out)" -eq 3 ] || wrong "a catalogue alone does not serve"

# ---- split and evaluate ------------------------------------------------------------------------

try 0 split --input log.csv --columns $columns --by time:0.8 --train train.csv --test test.csv
has out "train.csv"
json split --input log.csv --columns $columns --by last:2 --train last.csv --test held.csv
has out "leaks"
total=$(sed -n 's/.*"events": \([0-9]*\).*/\1/p' out | awk '{ sum += $1 } END { print sum }')
[ "$total" -eq 722 ] || wrong "the parts have $total events instead of 722"
json split --input log.csv --columns $columns --by random:0.25 --seed 3 --train a.csv --test b.csv
try 0 split --input log.csv --columns $columns --by random:0.25 --seed 3 --train c.csv --test d.csv
cmp -s b.csv d.csv || wrong "the same seed splits otherwise"
try 2 split --input log.csv --columns $columns --by halves --train a.csv --test b.csv
has err "halves"
try 2 split --input log.csv --train a.csv
has err "--test"
try 2 split --input log.csv --columns $columns --train a.csv --test ./a.csv
try 2 split --input log.csv --columns $columns --train not-yet.csv --test ./not-yet.csv
has err "same file"
[ ! -e not-yet.csv ] || wrong "a refused split makes a file"

try 0 train --input last.csv --spec "$spec" --output past.recs
try 0 evaluate --model past.recs --test held.csv --at 5,10
has out "recall@10"
has out "recall@5"
has out "popular"
json evaluate --model past.recs --test held.csv --at 5,10 --component als
for key in recall@5 recall@10 ndcg@10 precision@10 hit_rate@10 mrr@10 map@10 coverage@10 \
    popularity@10; do
    has out "\"$key\""
done
has out '"protocol"'
has out '"users": 60'
try 0 evaluate --model past.recs --test held.csv --repeats include --no-baselines
grep -q baseline out && wrong "--no-baselines has baselines"
# A cut by the last items leaves nobody who comes back for what he had.
try 1 evaluate --model past.recs --test held.csv --repeats only
has err "60 with nothing in the test part that they had before"
one_line
try 3 evaluate --model past.recs --test held.csv --component nothing
has err "nothing"
try 2 evaluate --model past.recs --test held.csv --repeats often
try 2 evaluate --model past.recs
has err "--test"

# ---- Ctrl-C ------------------------------------------------------------------------------------

awk 'BEGIN { for (user = 0; user < 3000; user++) {
    printf "%d", user
    for (i = 0; i < 40; i++) printf " %d", (user * 37 + i * i * 11) % 2500
    print "" } }' >long.txt
mkdir stopped
if command -v timeout >/dev/null 2>&1; then
    timeout --foreground --preserve-status -s INT -k 60 2 "$recs" train --input long.txt \
        --format lightgcn --spec "als(factors=256, iterations=1000)" --output stopped/long.recs \
        >out 2>err
    code=$?
    [ $code -eq 130 ] || wrong "exit code $code instead of 130 after an interrupt"
    [ -z "$(ls -A stopped)" ] || wrong "an interrupted training leaves: $(ls -A stopped)"
    [ "$(wc -l <err)" -eq 1 ] || wrong "not one line about the interrupt"
fi

[ $failures -eq 0 ] || echo "$failures wrong"
[ $failures -eq 0 ]
