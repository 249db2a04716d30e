"""Real logs for bench/trends, in one plain form: PREFIX.log, PREFIX.places, PREFIX.items.

PREFIX.log has a line an event in order of time: time in ms since 1970 UTC, offset of the
place's clock in ms, actor, item, place, quantity (negative: came back); all whole numbers.
PREFIX.places has a line a place, parents first: parent's number or -1, path. PREFIX.items a
line an item: id, tab, title. Actors are numbered; a guest is the actor of its invoice.
"""
import csv
import datetime
import io
import json
import subprocess
import sys

from common import BUILD, MADE, run, shared

# The fees and postage lines of Online Retail.
NO_PRODUCTS = {"POST", "DOT", "M", "C2", "D", "S", "B", "PADS", "CRUK", "AMAZONFEE",
               "BANK CHARGES"}
GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"


def unpacked(path):
    done = subprocess.run(["zstdcat", str(path)], stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{sys.argv[0]}: zstdcat {path}: exit {done.returncode}")
    return io.StringIO(done.stdout.decode("utf-8"), newline="")


class Numbers(dict):
    def __missing__(self, key):
        self[key] = number = len(self)
        return number


class Places:
    """Places by path; a path's parents get their numbers before it."""

    def __init__(self):
        self.number, self.parent, self.path = {}, [], []

    def at(self, parts):
        known = self.number.get(parts)
        if known is None:
            parent = self.at(parts[:-1]) if parts else -1
            self.number[parts] = known = len(self.path)
            self.parent.append(parent)
            self.path.append("/".join(parts))
        return known


def write(prefix, events, places, items):
    events.sort(key=lambda e: e[0])
    with open(f"{prefix}.log", "w", encoding="ascii") as out:
        out.writelines("%d %d %d %d %d %d\n" % e for e in events)
    with open(f"{prefix}.places", "w", encoding="utf-8") as out:
        out.writelines(f"{p} {name}\n" for p, name in zip(places.parent, places.path))
    with open(f"{prefix}.items", "w", encoding="utf-8") as out:
        out.writelines(f"{i}\t{title}\n" for i, title in items)


def milliseconds(text):
    then = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    return int((then - datetime.datetime(1970, 1, 1)).total_seconds()) * 1000


def retail():
    """Online Retail: countries; the clock of all of them is the shop's."""
    prefix = MADE / "trends-retail"
    if (MADE / "trends-retail.items").exists():
        return prefix
    actors, items, titles, places, events, times = Numbers(), Numbers(), {}, Places(), [], {}
    for row in csv.DictReader(unpacked(shared("online-retail/online_retail.csv.zst"))):
        code, text = row["StockCode"], row["InvoiceDate"]
        quantity = int(float(row["Quantity"]))
        if code.upper() in NO_PRODUCTS or quantity == 0:
            continue
        if quantity > 0 and float(row["UnitPrice"] or 0) <= 0:
            continue  # stock corrections
        if text not in times:
            times[text] = milliseconds(text)
        titles.setdefault(code, row["Description"])
        events.append((times[text], 0, actors[row["CustomerID"] or "guest " + row["InvoiceNo"]],
                       items[code], places.at((row["Country"],)), quantity))
    write(prefix, events, places, [(code, titles[code]) for code in items])
    return prefix


def geohash(lat, lon, length):
    bits, box = 0, [[-90.0, 90.0], [-180.0, 180.0]]
    for i in range(5 * length):
        side, value = (box[1], lon) if i % 2 == 0 else (box[0], lat)
        middle = (side[0] + side[1]) / 2
        high = value >= middle
        side[0 if high else 1] = middle
        bits = bits * 2 + high
    return "".join(GEOHASH[bits >> (5 * (length - 1 - i)) & 31] for i in range(length))


def checkins(city, what, levels):
    """The check-ins of gowalla or nyc: items are categories or venues, places are geohash cells
    of the lengths in levels, one above the other, clocks by longitude to the hour."""
    name = f"trends-{city}-{what}-{levels[-1]}"
    prefix = MADE / name
    if (MADE / f"{name}.items").exists():
        return prefix
    actors, items, places, events, cells = Numbers(), Numbers(), Places(), [], {}
    for row in csv.DictReader(unpacked(shared(f"checkins/{city}.tsv.zst")), delimiter="\t"):
        venue = row["place"]
        if venue not in cells:
            lat, lon = float(row["lat"]), float(row["lon"])
            deep = geohash(lat, lon, levels[-1])
            cells[venue] = (places.at(tuple(deep[:n] for n in levels)),
                            round(lon / 15) * 3600000)
        place, offset = cells[venue]
        if what == "categories" and not row["category"]:
            continue
        events.append((int(row["time"]) * 1000, offset, actors[row["user"]],
                       items[row["category" if what == "categories" else "place"]], place, 1))
    write(prefix, events, places, [(i, "") for i in items])
    return prefix


def demo_shop():
    """The generated shop's log, and PREFIX.bursts: place, from, until and item of each burst."""
    prefix, folder = MADE / "trends-demo", MADE / "trends-demo-shop"
    if (MADE / "trends-demo.bursts").exists():
        return prefix
    run(BUILD / "demo_shop", "--users", 20000, "--items", 4000, "--events", 1000000, "--days", 120,
        "--seed", 42, "--output-dir", folder)
    actors, items, places, events = Numbers(), Numbers(), Places(), []
    with open(folder / "events.csv", encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            if row["type"] not in ("view", "cart", "buy"):
                continue
            then = datetime.datetime.fromisoformat(row["time"][:23])
            ms = int((then - datetime.datetime(1970, 1, 1)).total_seconds() * 1000)
            events.append((ms, 0, actors[row["user"] or row["session"]], items[row["item"]],
                           places.at(tuple(row["place"].split("/"))), 1))
    write(prefix, events, places, [(i, "") for i in items])
    with open(folder / "ceiling.json", encoding="ascii") as file:
        bursts = json.load(file)["bursts"]
    with open(f"{prefix}.bursts", "w", encoding="ascii") as out:
        for b in bursts:
            times = [milliseconds(b[x][:19].replace("T", " ")) for x in ("from", "until")]
            for item in b["items"]:
                print(places.at(tuple(b["place"].split("/"))), *times, items[item], file=out)
    return prefix
