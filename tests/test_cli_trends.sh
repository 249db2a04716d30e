#!/bin/sh
# `recs trends` on a small made log: lists at any moment, states saved, asked and
# merged, the page of a map with hostile names, and what is refused.
set -u
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/support/cli.sh"
only=trends

# Forty days of steady trade in two towns; bread everywhere, skis in the north
# from day 30 on; a return, and one customer's thousand lines that count once.
awk 'BEGIN {
    print "time,user,item,quantity,place,title"
    for (day = 0; day < 40; day++)
        for (n = 0; n < 24; n++) {
            place = n % 3 ? "uk/north" : "uk/south"
            item = n % 4 == 0 ? "bread" : "thing" n % 12
            if (day >= 30 && place == "uk/north" && n % 2)
                item = "skis"
            printf "%d,u%d,%s,1,%s,The %s\n", 1300000000 + day * 86400 + n * 3600,
                   n + day % 5 * 24, item, place, item
        }
    for (n = 0; n < 1000; n++)
        printf "%d,trader,nails,100,uk/north,Nails\n", 1300000000 + 39 * 86400 + n
    print 1300000000 + 39 * 86400 + 5000 ",u1,bread,-1,uk/north,Bread"
}' >log.csv
fed="log.csv --type buy"

# shellcheck disable=SC2086 # words
{
try 0 replay $fed --place uk/north -k 3
has out "uk/north, popular, 2011-04-22"
has out " events counted, 1 of them returns, 999 repeats of an actor that added nothing"
sed -n 's/^ *1 .*  \(skis\)  The skis.*/\1/p' out | grep -q skis || wrong "skis are not first in the north"
lacks out "nails"
try 0 replay $fed --place uk/south --place uk/north -k 2 --ranking trending --half-life 2d --quiet
has out "uk/south, trending"
has out "skis  The skis  ["
has out "was usual, x "
try 0 replay $fed --at 2011-03-20 --at 2011-04-20 --place uk/north --json --quiet
python3 - <<'END' || wrong "the JSON of: recs $last"
import json
told = json.load(open("out"))
assert [l["time"] for l in told["lists"]] == [1300579200000, 1303257600000]
first, second = ([i["item"] for i in l["items"]] for l in told["lists"])
assert "skis" not in first and second[0] == "skis", (first, second)
assert told["lists"][1]["items"][0]["title"] == "The skis"
assert told["lists"][1]["items"][0]["source"] == "trend"
assert told["counted"]["places"] == 4, told["counted"]
END
try 0 replay $fed --window 7d --place uk/north -k 1 --quiet
has out "skis"
try 0 replay $fed --place uk/nowhere --place uk/north/pole --quiet --deny skis,bread --allow thing1
has out "thing1  The thing1"
lacks out "skis"

# A state: saved, asked, the parts of a log merged are the whole.
try 0 replay $fed --save whole.trends --quiet
try 0 top whole.trends --place uk/north -k 3
has out "skis"
try 0 top whole.trends --place uk/north -k 3 --json
has out "\"returns\": 1"
awk -F, 'NR == 1 || NR % 2' log.csv >odd.csv
awk -F, 'NR == 1 || NR % 2 == 0' log.csv >even.csv
try 0 replay odd.csv --type buy --settings actors=off --save odd.trends --quiet
try 0 replay even.csv --type buy --settings actors=off --save even.trends --quiet
try 0 replay $fed --settings actors=off --save all.trends --quiet
try 0 merge odd.trends even.trends --output both.trends
has out "events counted"
try 0 top both.trends --place uk/north -k 20
cp out both.out
try 0 top all.trends --place uk/north -k 20
cmp -s out both.out || wrong "the merge is not the whole"
try 1 merge odd.trends odd.trends whole.trends --output none.trends
has err "whole.trends: "
[ ! -e none.trends ] || wrong "a failed merge left a file"
try 1 merge odd.trends missing.trends --output none.trends
try 2 merge odd.trends even.trends --output odd.trends
has err "is the same file as"
head -c 200 whole.trends >cut.trends
try 1 top cut.trends

# Pages: one file, nothing outside it, names that are no markup.
try 0 map $fed --output page.html --ranking trending --half-life 2d --title 'A <b>"page"</b>'
has page.html "A &lt;b&gt;&quot;page&quot;&lt;/b&gt;"
has page.html "<polyline class=\"spark\""
has page.html "uk/north"
lacks page.html "<script"
lacks page.html "http://"
lacks page.html "https://"
lacks page.html "<h2>Map</h2>"
try 0 map whole.trends --output state.html
has state.html "uk/north"
lacks state.html "<polyline"
try 0 replay $fed --settings "half_life=1d|7d, window=30d/1d" --save window.trends --quiet
try 0 map window.trends --output window.html
has window.html "<polyline class=\"spark\""
has window.html "uk/north"
try 0 top window.trends --place uk/north --window 30d -k 2
has out "skis"

# Segments are a column of the log, where it is named.
awk -F, -v OFS=, 'NR == 1 { print $0, "kind"; next } { print $0, ($2 ~ /^u[0-9]$/ ? "early" : "late") }' log.csv >kinds.csv
kinds="kinds.csv --type buy --columns segment=kind"
try 0 replay $kinds --place uk/north --segment early -k 20 --evidence-only --save kinds.trends --quiet
cp out early.out
lacks out "nails"
try 0 replay $kinds --place uk/north --segment late -k 20 --quiet
cmp -s out early.out && wrong "two segments have one list"
try 0 top kinds.trends --place uk/north --segment early -k 20 --evidence-only
awk 'NR > 1 { print $1, $2, $3 }' early.out >a.out # a state has no titles
awk 'NR > 1 { print $1, $2, $3 }' out >b.out
cmp -s a.out b.out || wrong "the state's segment is not the log's"
try 0 replay $fed --place uk/north --segment early -k 20 --quiet
try 0 map $kinds --segment early --output kinds.html
has kinds.html "<polyline class=\"spark\""
ls page.html.* >/dev/null 2>&1 && wrong "a temporary file is left"
}
cat >evil.csv <<'END'
time,user,item,lat,lon,title
1300000000,a,<script>alert(1)</script>,51.5,-0.12,"<img src=x onerror=alert(2)>"
1300000100,b,<script>alert(1)</script>,51.5,-0.12,
1300000200,c,<script>alert(1)</script>,51.5,-0.12,
1300000300,d,'"&,-17.5,179.99,
1300000400,e,'"&,-17.5,-179.99,
1300000500,f,'"&,89.99,0,
END
try 0 map evil.csv --lat lat --lon lon --settings min_actors=0 --output evil.html
has evil.html "<h2>Map</h2>"
has evil.html "<polygon class=\"cell\""
has evil.html "&lt;img src=x onerror=alert(2)&gt;"
lacks evil.html "<script"
lacks evil.html "<img"
lacks evil.html "nan"
lacks evil.html "inf"

# Refused.
try 2
has err "a verb is missing"
try 2 dance
has err "expected replay, top, merge or map"
try 2 replay
has err "a log is missing"
try 2 replay log.csv --ranking best
has err "expected popular, trending or new"
try 2 replay log.csv --half-life soon
try 2 replay log.csv --half-life 1d --window 1d
try 2 replay log.csv --settings half_life=never
has err "--settings: "
try 2 replay log.csv --at someday
has err "'someday'"
try 2 replay log.csv --lat lat
has err "belong together"
try 2 replay log.csv --save log.csv
try 2 replay log.csv -k 0
try 2 top
try 2 top a b
try 2 map log.csv
has err "--output"
try 1 replay missing.csv
try 0 --help
has out "recs trends merge"

[ $failures -eq 0 ] || exit 1
echo "recs trends: all as expected"
