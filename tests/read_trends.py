#!/usr/bin/env python3
"""Reads a snapshot or delta of trends in plain Python, written from
docs/trends-format.md alone.

Not a tool: the proof that the document is enough. Checksums are checked when
the module xxhash is there.

    python3 tests/read_trends.py shop.trends
"""

import struct
import sys

try:
    import xxhash
except ImportError:
    xxhash = None

MAGIC = bytes.fromhex("895254520D0A1A0A")
NO_TIME = -2 ** 63
RECORDS = [1, 8, 1, 8, 1, 8, 1, 32, 16, 2, 8, 24, 8, 24, 8, 8, 8, 8, 64, 24, 40, 32, 4]
RETURNED = 0x80000000
UNITS = {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000}


class Corrupt(Exception):
    pass


def need(condition, text):
    if not condition:
        raise Corrupt(text)


def milliseconds(text):
    return int(text[:-1]) * UNITS[text[-1]]


class Trends:
    """newest, kind, items, places: {(path, segment): {item: [sums by column]}}, actors included."""

    def __init__(self, data):
        need(len(data) >= 864 and data[:8] == MAGIC, "no snapshot of trends")
        (major, _, self.kind, size, check, content, self.newest, self.actors_from) = struct.unpack_from(
            "<HHIQQQqq", data, 8)
        need(major == 1 and self.kind in (1, 2) and size == len(data), "header")
        self.origin = data[56:72]
        self.after, self.up_to, sections = struct.unpack_from("<QQI", data, 72)
        need(sections == len(RECORDS), "number of sections")
        self.parts, end = [], 128 + 32 * sections
        for s, record in enumerate(RECORDS):
            kind, width, offset, length = struct.unpack_from("<IIQQ", data, 128 + 32 * s)
            need((kind, width) == (s + 1, record), "section %d" % (s + 1))
            need(offset >= end and offset % (64 if s == 21 else 8) == 0 and offset + length <= size, "place of a section")
            need(length % record == 0, "size of a section")
            self.parts.append(data[offset:offset + length])
            end = offset + length
        if xxhash:
            need(check == xxhash.xxh3_64_intdigest(data[128:]), "checksum")
            need(struct.unpack_from("<Q", data, 120)[0] == xxhash.xxh3_64_intdigest(data[:120]),
                 "checksum of the header")
            sums = [xxhash.xxh3_64_intdigest(p, seed=len(p)) for i, p in enumerate(self.parts)
                    if i not in (13, 14) and i < 20]
            need(content == xxhash.xxh3_64_intdigest(struct.pack("<18Qq", *sums, self.newest)),
                 "checksum of the content")
        self.describe(self.parts[0].decode("utf-8"))
        self.items, paths, segments = (self.texts(s) for s in (1, 3, 5))
        self.origins = [(self.parts[13][i:i + 16], struct.unpack_from("<Q", self.parts[13], i + 16)[0])
                        for i in range(0, len(self.parts[13]), 24)]
        self.counters = struct.unpack("<8Q", self.parts[14])
        self.sketched = len(self.parts[19]) == 24
        self.places = {}
        self.read_places(paths, segments)

    def texts(self, section):
        offsets = struct.unpack("<%dQ" % (len(self.parts[section]) // 8), self.parts[section])
        need(offsets[0] == 0 and offsets[-1] == len(self.parts[section + 1]), "offsets of names")
        names = [self.parts[section + 1][a:b - 1] for a, b in zip(offsets, offsets[1:])]
        need(all(self.parts[section + 1][b - 1] == 0 for b in offsets[1:]), "ends of names")
        need(all(a < b for a, b in zip(names, names[1:])), "order of names")
        return [name.decode("utf-8") for name in names]

    def describe(self, text):
        settings = dict(part.split("=", 1) for part in text.split(", "))
        self.series = []  # width, half-life or None, slots kept
        for life in settings["half_life"].split("|"):
            self.series.append((16 * milliseconds(life), milliseconds(life), 2))
        self.base = self.series[-1]
        for window in filter(None, settings.get("window", "").split("|")):
            length, bucket = map(milliseconds, window.split("/"))
            self.series.append((bucket, None, length // bucket + 1))
        self.actors = 0 if settings["actors"] == "off" else milliseconds(settings["actors"])
        self.columns = sum(slots for _, _, slots in self.series)

    def add_event(self, sums, weight, time):
        """An actor's entry: its weight at its time in every slot that is kept."""
        begin = 0
        for width, half_life, slots in self.series:
            age = self.newest // width - time // width
            if 0 <= age < slots:
                worth = weight * 2 ** (time % width / half_life) if half_life else weight
                sums[begin + age] += int(worth + 0.5)
            begin += slots

    def read_places(self, paths, segments):
        cell_at = sum_at = actor_at = hash_at = 0
        for path, segment, cells, actors, old, new in struct.iter_unpack("<IIQQII", self.parts[7]):
            key = paths[path], None if segment == 0xFFFFFFFF else segments[segment]
            place = self.places.setdefault(key, {})
            for _ in range(cells):
                item, first_old, first_new, count = struct.unpack_from("<IIII", self.parts[8], cell_at * 16)
                need(count or first_old or first_new, "an empty cell")
                sums = place.setdefault((self.items[item & ~RETURNED], item >= RETURNED), [0] * self.columns)
                for i in range(sum_at, sum_at + count):
                    column, = struct.unpack_from("<H", self.parts[9], 2 * i)
                    value, = struct.unpack_from("<q", self.parts[10], 8 * i)
                    need(column < self.columns and value > 0, "a sum")
                    sums[column] += value
                cell_at, sum_at = cell_at + 1, sum_at + count
            for i in range(actor_at, actor_at + actors):
                actor, item, weight, time, age = struct.unpack_from("<QIIII", self.parts[11], i * 24)
                need(actor and weight and time < self.actors, "an actor")
                sums = place.setdefault((self.items[item & ~RETURNED], item >= RETURNED), [0] * self.columns)
                window = (self.newest // self.actors - age) * self.actors
                self.add_event(sums, weight, window + time)
            actor_at += actors
            need(old <= 64 and new <= 64, "hashes of a place")
            hash_at += old + new
        need(cell_at * 16 == len(self.parts[8]) and sum_at * 8 == len(self.parts[10]) and
             actor_at * 24 == len(self.parts[11]) and hash_at * 8 == len(self.parts[12]), "counts of places")

    def count(self, path, item, series, segment=None):
        """Decayed (or windowed) count at the newest event, net of returns."""
        begin = sum(slots for _, _, slots in self.series[:series])
        width, half_life, slots = self.series[series]
        total = 0.0
        for returned, sign in ((False, 1), (True, -1)):
            sums = self.places.get((path, segment), {}).get((item, returned))
            if sums is None:
                continue
            if half_life:
                value = (sums[begin] + sums[begin + 1] / 65536) * 2 ** (-(self.newest % width) / half_life)
            else:
                value = sum(sums[begin:begin + slots - 1])
            total += sign * value / 4096
        return max(total, 0.0)


def main():
    with open(sys.argv[1], "rb") as file:
        trends = Trends(file.read())
    for (path, segment), cells in trends.places.items():
        best = sorted({item for item, _ in cells}, key=lambda i: -trends.count(path, i, 0, segment))[:5]
        print("%s%s: %s" % (path or "(all)", " [%s]" % segment if segment else "",
                            ", ".join("%s %.2f" % (i, trends.count(path, i, 0, segment)) for i in best)))


if __name__ == "__main__":
    main()
