#!/usr/bin/env python3
"""The reader written from docs/model-format.md reads the golden file and the
document's own dump, and refuses what is damaged. Needs nothing that is built."""

import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import read_model  # noqa: E402


def golden():
    with open(os.path.join(HERE, "golden", "v1.recs"), "rb") as file:
        return file.read()


def document_dump():
    """The file in the document: rows of 16 bytes by offset, others zero."""
    with open(os.path.join(HERE, "..", "docs", "model-format.md"), encoding="utf-8") as file:
        rows = re.findall(r"^([0-9A-F]{3})  ((?:[0-9A-F]{2} ?){16})$", file.read(), re.M)
    out = bytearray(768)
    for offset, row in rows:
        out[int(offset, 16):int(offset, 16) + 16] = bytes.fromhex(row)
    assert len(rows) > 10
    return bytes(out)


def check_golden(model):
    assert (model.items, model.users, model.entries) == (8, 5, 11)
    assert model.item_ids == ["axe", "beer", "cup", "door", "egg", "fan", "gem", "hat"]
    assert model.user_ids == ["ann", "bob", "cat", "dan", "eve"]
    assert model.titles[1] == "B\u00e4renbr\u00e4u, dark" and model.titles[3] == ""
    assert model.history[0] == [(0, 1.0), (2, 2.0), (2, 0.0), (4, 1.5)]
    assert model.history_types[:4] == (3, 0, 3, 2)
    assert model.history_times[8] == read_model.NO_TIME
    assert [c["name"] for c in model.components] == ["als", "itemknn", "popular", "home", "filter",
                                                  "crowd"]
    als, itemknn, popular, home, low_rank, crowd = model.components
    assert als["item_factors"][1][0] == 0.375 and als["alpha"] == 2.0
    assert len(als["user_factors"]) == 5 and len(als["gram"]) == 6
    assert itemknn["neighbors"][2] == [(0, 0.5), (1, 0.375), (5, 0.125)]
    assert popular["scores"][2] == 2.5
    assert home["terms"] == [(0, 0.75), (1, 0.5)]
    assert low_rank["history_factors"][1] == (0.5, -0.25)
    assert low_rank["item_factors"][1] == (0.375, -0.125)
    assert low_rank["neighbors"][0] == [(5, 0.5)]
    assert crowd["crowd"][2] == [(0, 1.0), (4, 2.0), (5, 0.25)] and crowd["neighbors"] == 2
    assert read_model.crowd_scores(crowd, [(0, 1.0), (2, 1.0)])[4] > 0.5
    assert model.columns["brand"][2] == "Zenith" and model.columns["brand"][4] is None
    assert model.columns["price"][3] == 7.25 and model.columns["price"][6] is None
    assert model.columns["created"][5] is None
    assert model.columns["available"] == [1, 1, 1, 0, 1, 1, 1, None]
    # Folding in, by the document's formula: a stored user's factors solve it.
    for user, x in enumerate(als["user_factors"]):
        for f in range(6):
            left, right = als["regularization"] * x[f], 0.0
            left += als["gram"][f] * x[f]
            for item, value in model.history[user]:
                y = als["item_factors"][item]
                dot = sum(a * b for a, b in zip(x, y))
                left += als["alpha"] * abs(value) * dot * y[f]
                right += (1 + als["alpha"] * value) * y[f] if value > 0 else 0
            assert abs(left - right) < 1e-4, (user, f, left, right)


def refuses(data):
    try:
        read_model.Model(data)
    except (read_model.Corrupt, UnicodeDecodeError, KeyError):
        return True
    return False


def main():
    data = golden()
    check_golden(read_model.Model(data))
    small = read_model.Model(document_dump())
    assert (small.items, small.users, small.item_ids) == (1, 0, ["a"])
    assert refuses(data[:-1]) and refuses(b"x" + data[1:]) and refuses(data[:40])
    table = int.from_bytes(data[24:32], "little")
    moved = bytearray(data)
    moved[table + 16] += 4  # the first section's offset
    assert refuses(bytes(moved))
    print("ok: the golden file and the document's dump, read from the document"
          + ("" if read_model.xxhash else "; checksums not looked at: no module xxhash"))


if __name__ == "__main__":
    main()
