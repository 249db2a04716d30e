#!/usr/bin/env python3
"""Reads a model file in plain Python, written from docs/model-format.md alone.

Not a tool: the proof that the document is enough. Everything the document
says can be checked is checked; checksums when the module xxhash is there.

    python3 tests/read_model.py films.recs
"""

import math
import struct
import sys

try:
    import xxhash
except ImportError:
    xxhash = None

MODEL = 0xFFFFFFFF
NO_TIME = -2 ** 63
MAGIC = bytes.fromhex("89524543530D0A1A")


class Corrupt(Exception):
    pass


def need(condition, text):
    if not condition:
        raise Corrupt(text)


def checksum(data, expected, what):
    if xxhash is not None:
        need(xxhash.xxh3_64_intdigest(data) == expected, "checksum of " + what)


def name_of(field):
    end = field.find(b"\0")
    need(end >= 0, "a name without NUL")
    return field[:end].decode("utf-8")


class Model:
    def __init__(self, data):
        self.data = data
        self.read_table()
        self.read_meta()
        self.read_items()
        self.read_users()
        self.read_components()
        self.read_columns()

    # ---- header and table ----

    def read_table(self):
        data = self.data
        need(len(data) >= 64, "shorter than a header")
        (magic, self.major, self.minor, count, size, table, self.fingerprint, table_sum, _,
         header_sum) = struct.unpack_from("<8sHHIQQQQQQ", data, 0)
        need(magic == MAGIC, "magic")
        need(self.major == 1, "major version")
        checksum(data[:56], header_sum, "the header")
        need(size == len(data), "file size")
        need(count <= 4096 and table % 64 == 0 and table >= 64, "table")
        need(table + 64 * count <= size, "table beyond the file")
        checksum(data[table:table + 64 * count], table_sum, "the table")
        self.sections = {}
        used = [(0, 64), (table, table + 64 * count)]
        without_offsets = b""
        for i in range(count):
            at = table + 64 * i
            kind, of, flags, codec, offset, stored, raw, total = struct.unpack_from(
                "<IIIIQQQQ", data, at)
            without_offsets += data[at:at + 16] + bytes(8) + data[at + 24:at + 64]
            need(offset % 64 == 0 and offset >= 64 and offset + stored <= size, "bounds")
            need((kind, of) not in self.sections, "a section twice")
            need(codec == 0 and stored == raw, "this reader inflates nothing")
            checksum(data[offset:offset + stored], total, "section %d of %d" % (kind, of))
            self.sections[kind, of] = data[offset:offset + stored]
            if stored:
                used.append((offset, offset + stored))
        checksum(without_offsets, self.fingerprint, "fingerprint")
        used.sort()
        for (_, end), (begin, _) in zip(used, used[1:]):
            need(end <= begin, "overlap")
            need(not any(data[end:begin]), "a gap that is not zero")

    def array(self, kind, of, code, count, required=True):
        section = self.sections.get((kind, of))
        if section is None:
            need(not required, "section %d of %d is missing" % (kind, of))
            return None
        need(len(section) == count * struct.calcsize("<" + code), "size of section %d" % kind)
        return struct.unpack("<%d%s" % (count, code), section)

    def texts(self, kind, of, count, required=True):
        offsets = self.array(kind, of, "Q", count + 1, required)
        if offsets is None:
            return [""] * count
        data = self.sections[kind + 1, of]
        need(offsets[0] == 0 and offsets[-1] == len(data), "ends of the offsets")
        out = []
        for begin, end in zip(offsets, offsets[1:]):
            need(begin <= end, "offsets that descend")
            need(begin == end or data[end - 1] == 0, "a text without NUL")
            out.append(data[begin:max(begin, end - 1)].decode("utf-8"))
        return out

    def matrix(self, kind, of, rows, columns, required=True):
        offsets = self.array(kind, of, "Q", rows + 1, required)
        if offsets is None:
            return [[] for _ in range(rows)]
        entries = len(self.sections[kind + 1, of]) // 4
        indexes = self.array(kind + 1, of, "I", entries)
        values = self.array(kind + 2, of, "f", entries)
        need(offsets[0] == 0 and offsets[-1] == entries, "ends of the offsets")
        out = []
        for begin, end in zip(offsets, offsets[1:]):
            row = list(zip(indexes[begin:end], values[begin:end]))
            need(all(i < columns for i, _ in row), "a column out of range")
            need(all(a[0] <= b[0] for a, b in zip(row, row[1:])), "columns that descend")
            out.append(row)
        return out

    # ---- what it holds ----

    def read_meta(self):
        need((1, MODEL) in self.sections and len(self.sections[1, MODEL]) == 128, "meta")
        (self.items, self.users, self.entries, self.first_time, self.last_time, self.users_mode,
         self.component_count, self.column_count, self.term_count, self.trained_users,
         self.trained_interactions) = struct.unpack_from("<IIQqqIIIIQQ", self.sections[1, MODEL])
        self.description = self.sections.get((2, MODEL), b"").decode("utf-8")

    def read_items(self):
        self.item_ids = self.texts(10, MODEL, self.items)
        self.titles = self.texts(12, MODEL, self.items, False)
        self.popular_order = self.array(30, MODEL, "I", self.items)
        self.popular_scores = self.array(31, MODEL, "f", self.items)
        self.check_ids(self.item_ids)
        need(sorted(range(self.items), key=lambda r: (-self.popular_scores[r], r)) ==
             list(self.popular_order), "popularity order")

    @staticmethod
    def check_ids(ids):
        raw = [i.encode("utf-8") for i in ids]
        need(all(1 <= len(i) <= 511 and b"\0" not in i for i in raw), "an id")
        need(all(a < b for a, b in zip(raw, raw[1:])), "order of ids")

    def read_users(self):
        stored = self.users > 0
        self.user_ids = self.texts(14, MODEL, self.users, stored)
        self.check_ids(self.user_ids)
        self.history = self.matrix(20, MODEL, self.users, self.items, stored)
        need(sum(map(len, self.history)) == self.entries, "history entries")
        self.history_types = self.array(23, MODEL, "B", self.entries, False)
        self.history_times = self.array(24, MODEL, "q", self.entries, False)

    def read_components(self):
        records = self.sections.get((3, MODEL), b"")
        need(len(records) == 192 * self.component_count, "components")
        self.terms = list(struct.iter_unpack("<If", self.sections.get((4, MODEL), b"")))
        need(len(self.terms) == self.term_count, "terms")
        self.components = []
        for i in range(self.component_count):
            self.components.append(self.read_component(i, records[192 * i:192 * i + 192]))

    def check_codes(self, bytes_, rows, factors):
        """The quantised copy: each row once, longest first, within its block's bounds."""
        version, count, width, block = struct.unpack_from("<4I", bytes_)
        if version > 1:
            return
        need((version, count, width, block) == (1, self.items, factors, 256), "codes")
        padded, groups = (count + 15) // 16 * 16, (factors + 3) // 4
        blocks, at = (count + 255) // 256, 64
        order = struct.unpack_from("<%dI" % padded, bytes_, at)
        at += 4 * padded + -4 * padded % 64
        scales = struct.unpack_from("<%df" % padded, bytes_, at)
        at += 4 * padded + -4 * padded % 64
        bounds = list(struct.iter_unpack("<4f", bytes_[at:at + 16 * blocks]))
        at += 16 * blocks + -16 * blocks % 64
        need(len(bytes_) == at + padded * groups * 4, "the size of codes")
        need(sorted(order[:count]) == list(range(count)), "the order of codes")
        for place, row in enumerate(order[:count]):
            tile = at + place // 16 * groups * 64 + place % 16 * 4
            off = [x - scales[place] * (bytes_[tile + j // 4 * 64 + j % 4] - 64)
                   for j, x in enumerate(rows[row])]
            length = math.sqrt(sum(x * x for x in rows[row]))
            most, least, error, _ = bounds[place // 256]
            need(least <= length <= most, "a row's length")
            need(math.sqrt(sum(x * x for x in off)) <= error, "a row's distance from its codes")

    def read_component(self, i, record):
        (name, trainer, kind, factors, scale, scale_similar, alpha, regularization, exponent,
         trained, first, terms) = struct.unpack_from("<64s32sIIfffffIII", record)
        out = {"name": name_of(name), "trainer": name_of(trainer), "kind": kind, "scale": scale,
               "scale_similar": scale_similar,
               "settings": self.sections.get((5, i), b"").decode("utf-8")}
        if kind == 1:
            out["scores"] = self.array(55, i, "f", self.items, False) or self.popular_scores
        elif kind == 2:
            stride = (factors + 15) // 16 * 16
            out.update(factors=factors, alpha=alpha, regularization=regularization,
                       exponent=exponent, items_trained=trained)
            if (46, i) in self.sections:
                out["item_factors"] = self.halves(46, i, self.items, factors, stride)
                out["user_factors"] = self.halves(47, i, self.users, factors, stride)
            else:
                out["item_factors"] = self.rows(40, i, self.items, factors, stride)
                out["user_factors"] = self.rows(41, i, self.users, factors, stride, False)
            out["gram"] = self.array(42, i, "f", factors)
            norms = self.array(43, i, "f", self.items)
            if (78, i) in self.sections:
                self.check_codes(self.sections[(78, i)], out["item_factors"], factors)
            for norm, row in zip(norms, out["item_factors"]):
                need(math.isclose(norm, math.sqrt(sum(v * v for v in row)), rel_tol=1e-5,
                                  abs_tol=1e-12), "a norm")
        elif kind == 3:
            out["neighbors"] = self.matrix(50, i, self.items, self.items)
            need(factors <= 4096, "factors")
            if factors:
                stride = (factors + 15) // 16 * 16
                out["factors"] = factors
                out["item_factors"] = self.rows(40, i, self.items, factors, stride)
                out["history_factors"] = self.rows(44, i, self.items, factors, stride, False)
                if out["history_factors"] is None:
                    out["history_factors"] = [
                        [scale * v for v in row] for scale, row in
                        zip(self.array(45, i, "f", self.items), out["item_factors"])]
        elif kind == 5:
            (count, out["neighbors"], out["asymmetry"], out["shrinkage"],
             out["power"]) = struct.unpack_from("<IIfff", record, 136)
            need(out["neighbors"] > 0, "neighbors")
            out["crowd"] = self.matrix(70, i, count, self.items)
            out["postings"] = self.matrix(73, i, self.items, count)
            out["row_norms"] = self.array(76, i, "f", count)
            out["item_weights"] = self.array(77, i, "f", self.items)
        elif kind == 7:
            out.update(self.read_vectors(i, record, factors))
        elif kind == 4:
            out["terms"] = self.terms[first:first + terms]
            need(len(out["terms"]) == terms and all(t < i for t, _ in out["terms"]), "a blend")
        else:
            raise Corrupt("kind %d" % kind)
        return out

    def read_vectors(self, i, record, dimension):
        count, = struct.unpack_from("<I", record, 136)
        metric, storage, merge = struct.unpack_from("<III", record, 156)
        need(0 < dimension <= 65536 and count <= self.items, "vectors")
        need(metric < 3 and storage < 4 and merge < 2, "metric, storage or merge")
        stride = (dimension + 15) // 16 * 16
        items = self.array(83, i, "I", count, count != self.items) or tuple(range(count))
        need(all(a < b for a, b in zip(items, items[1:])), "items ascend")
        codes = self.array(80, i, "feHb"[storage], count * stride)
        if storage == 2:
            codes = struct.unpack("<%df" % len(codes), struct.pack(
                "<%dI" % len(codes), *(code << 16 for code in codes)))
        scales = self.array(81, i, "f", count) if storage == 3 else [1.0] * count
        rows = [[scales[r] * v for v in codes[r * stride:(r + 1) * stride]] for r in range(count)]
        for norm, row in zip(self.array(82, i, "f", count), rows):
            need(math.isclose(norm, math.sqrt(sum(v * v for v in row)), rel_tol=1e-5,
                              abs_tol=1e-12), "a norm of a vector")
            need(not any(row[dimension:]), "padding of a vector")
        return {"dimension": dimension, "metric": metric, "storage": storage, "merge": merge,
                "vectors": dict(zip(items, (row[:dimension] for row in rows)))}

    def rows(self, kind, of, count, factors, stride, required=True):
        values = self.array(kind, of, "f", count * stride, required)
        if values is None:
            return None
        rows = [values[r * stride:(r + 1) * stride] for r in range(count)]
        need(all(v == 0 for row in rows for v in row[factors:]), "padding")
        return [row[:factors] for row in rows]

    def halves(self, kind, of, count, factors, stride):
        """bfloat16: the upper 16 bits of a float."""
        codes = self.array(kind, of, "H", count * stride, False)
        if codes is None:
            return None
        values = struct.unpack("<%df" % len(codes),
                               struct.pack("<%dI" % len(codes), *(c << 16 for c in codes)))
        rows = [values[r * stride:(r + 1) * stride] for r in range(count)]
        need(all(v == 0 for row in rows for v in row[factors:]), "padding")
        return [row[:factors] for row in rows]

    def read_columns(self):
        records = self.sections.get((60, MODEL), b"")
        need(len(records) == 96 * self.column_count, "columns")
        self.columns = {}
        for i in range(self.column_count):
            name, kind, entries = struct.unpack_from("<64sII", records, 96 * i)
            if kind == 1:
                dictionary = self.texts(62, i, entries)
                codes = self.array(61, i, "I", self.items)
                values = [None if c == MODEL else dictionary[c] for c in codes]
            elif kind == 2:
                values = [None if math.isnan(v) else v for v in self.array(61, i, "d", self.items)]
            elif kind == 3:
                values = [None if v == NO_TIME else v for v in self.array(61, i, "q", self.items)]
            elif kind == 4:
                values = [None if v == -1 else v for v in self.array(61, i, "b", self.items)]
            else:
                values = None
            self.columns[name_of(name)] = values


def crowd_scores(crowd, history):
    """Scores of user neighbours for a history, by item, as the document has them."""
    squared = sum(crowd["item_weights"][item] * value * value for item, value in history)
    length = squared ** (1 - crowd["asymmetry"])
    overlaps, scores = {}, {}
    for item, value in history:
        for row, says in crowd["postings"][item]:
            overlaps[row] = overlaps.get(row, 0.0) + value * says
    similar = [(o / (length * crowd["row_norms"][row] + crowd["shrinkage"]), row)
               for row, o in overlaps.items() if o > 0]
    best = sorted(similar, key=lambda s: (-s[0], s[1]))[:crowd["neighbors"]]
    total = sum(s ** crowd["power"] for s, _ in best)
    for s, row in best:
        for item, value in crowd["crowd"][row]:
            scores[item] = scores.get(item, 0.0) + s ** crowd["power"] / total * value
    return scores


def main():
    with open(sys.argv[1], "rb") as file:
        model = Model(file.read())
    print("format %d.%d, %d items, %d users, %d history entries" %
          (model.major, model.minor, model.items, model.users, model.entries))
    print("description: " + model.description)
    for component in model.components:
        print("component %(name)s: %(settings)s" % component)
    print("columns: " + ", ".join(model.columns))
    print("most popular: " + ", ".join(
        model.titles[r] or model.item_ids[r] for r in model.popular_order[:5]))


if __name__ == "__main__":
    main()
