#!/usr/bin/env python3
"""The reader written from docs/trends-format.md reads the seeds of the fuzz
target, counts what was counted there, and refuses what is damaged. Needs
nothing that is built."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import read_trends  # noqa: E402

NOW = 1700000000000


def seed(name):
    """A seed's last byte is the target's mode."""
    with open(os.path.join(HERE, "fuzz", "corpus", "trends", name), "rb") as file:
        return file.read()[:-1]


def events():
    """What the seeds were made of: 40 events, 40 minutes apart."""
    for i in range(40):
        item = "%c%d" % (ord("a") + i % 5, i % 7)
        place = ["", "us", "us/ca", "de/by"][i % 4]
        actor = i % 6 + 1 if i % 4 else 0
        yield item, place, "new" if i % 3 == 0 else None, actor, NOW - (40 - i) * 2400000, 1 + i % 3, i % 9 == 0


def expected(path, item, half_life):
    """Decayed count at a place, each actor once per item and day: his heaviest
    weight at his earliest time."""
    entries, total = {}, 0.0
    newest = NOW - 2400000
    for i, (what, place, _, actor, time, weight, returned) in enumerate(events()):
        above = ["/".join(place.split("/")[:n]) for n in range(len(place.split("/")) + 1)]
        if what != item or path not in above + [place]:
            continue
        key = (actor, time // 86400000, returned) if actor else ("event", i, returned)
        heaviest, earliest = entries.get(key, (0, time))
        entries[key] = max(heaviest, weight), min(earliest, time)
    for (_, _, returned), (weight, time) in entries.items():
        total += (-1 if returned else 1) * weight * 2 ** ((time - newest) / half_life)
    return max(total, 0.0)


def main():
    snapshot = read_trends.Trends(seed("snapshot-sealed"))
    delta = read_trends.Trends(seed("delta-sealed"))
    assert (snapshot.kind, delta.kind, delta.after, delta.up_to) == (1, 2, 0, 40)
    assert [sequence for _, sequence in snapshot.origins] == [40] and not delta.origins
    assert delta.origin == snapshot.origins[0][0] and snapshot.counters[0] == 40
    assert snapshot.places == delta.places and snapshot.newest == NOW - 2400000
    assert not snapshot.sketched and ("us/ca", "new") in snapshot.places
    checked = 0
    for path in "", "us", "us/ca", "de", "de/by":
        for item in snapshot.items:
            for series, half_life in enumerate((3600000, 86400000)):
                ours, wanted = snapshot.count(path, item, series), expected(path, item, half_life)
                assert abs(ours - wanted) < 0.002, (path, item, series, ours, wanted)
                checked += wanted > 0
    assert checked > 60
    data, refused = seed("snapshot-sealed"), 0
    for at in range(0, len(data), 7):
        try:
            read_trends.Trends(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:])
        except Exception:  # anything but silence
            refused += 1
    assert refused > 100 or read_trends.xxhash is None
    print("%d counts%s" % (checked, "" if read_trends.xxhash else ", without checksums"))


if __name__ == "__main__":
    main()
