#!/usr/bin/env python3
"""The similar_items example on a small set of pictures made here: what it counts, the page
it writes, what it says to files that are not what it expects."""
import base64
import gzip
import html.parser
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

PROGRAM = pathlib.Path(os.environ["RECS_BUILD"]) / "similar_items"
SIDE, EACH = 12, 20


def picture(label, rng):
    """Bars across, bars down or a frame, with a little noise."""
    def dark(x, y):
        return (y % 4 < 2, x % 4 < 2, x in (0, SIDE - 1) or y in (0, SIDE - 1))[label]
    return bytes(min(255, (200 if dark(x, y) else 10) + rng.randrange(30))
                 for y in range(SIDE) for x in range(SIDE))


def write(folder, prefix, seed, packed):
    rng = random.Random(seed)
    labels = [i % 3 for i in range(3 * EACH)]
    images = struct.pack(">IIII", 0x803, len(labels), SIDE, SIDE)
    images += b"".join(picture(label, rng) for label in labels)
    names = struct.pack(">II", 0x801, len(labels)) + bytes(labels)
    for kind, content in (("images-idx3", images), ("labels-idx1", names)):
        path = folder / f"{prefix}-{kind}-ubyte"
        if packed:
            gzip.open(f"{path}.gz", "wb").write(content)
        else:
            path.write_bytes(content)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.pictures, self.open, self.classes = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.pictures.append(dict(attrs)["src"])
        if tag == "figure":
            self.classes.append(dict(attrs)["class"])
        if tag not in ("img", "br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def pixels(source):
    """Of a grey PNG given as a data: address, its checksums checked."""
    head = "data:image/png;base64,"
    assert source.startswith(head)
    data = base64.b64decode(source[len(head):], validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        content = data[at + 8:at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(name + content)
        chunks[name] = content
        at += size + 12
    width, height, bits, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert (bits, kind) == (8, 0)
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (width + 1)
    return [raw[y * (width + 1) + 1:(y + 1) * (width + 1)] for y in range(height)]


def run(*args):
    return subprocess.run([PROGRAM, *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120)


def test_finds(folder):
    page = folder / "page.html"
    for more in ([], ["--metric", "l2"], ["--storage", "int8", "--threads", "2"]):
        done = run(folder, "--neighbours", 5, "--page", page, *more)
        assert done.returncode == 0, done.stderr
        assert f"{6 * EACH} photographs of {SIDE} x {SIDE}" in done.stdout, done.stdout
        line = next(l for l in done.stdout.splitlines() if l.startswith("all"))
        assert line.split() == ["all", str(6 * EACH), "100.0", "%"], line
    seen = Page()
    seen.feed(page.read_text(encoding="utf-8"))
    assert not seen.open
    assert len(seen.pictures) == 60 * 6 and seen.classes.count("query") == 60
    rows = pixels(seen.pictures[0])
    assert len(rows) == SIDE and rows[0][0] < 60 < 200 < rows[2][0]  # dark bars, white paper


def test_index(folder):
    done = run(folder, "--index", "hnsw(m=8, ef=60)", "--neighbours", 5)
    if done.returncode == 1 and "FAISS" in done.stderr:
        print(f"without an index: {done.stderr.strip()}")
        return
    assert done.returncode == 0, done.stderr
    assert "faiss" in done.stdout and "recall@5" in done.stdout, done.stdout


def test_refuses(folder):
    for args in ([], [folder, "--neighbours", 0], [folder, "--neighbours", 51], [folder, "x"],
                 [folder, "--nonsense"], [folder, "--queries", "many"]):
        assert run(*args).returncode == 2, args
    for args, text in (([folder / "nowhere"], "cannot be opened"),
                       ([folder, "--metric", "taxi"], "taxi"),
                       ([folder, "--index", "annoy"], "annoy"),
                       ([folder, "--page", folder / "no" / "page.html"], "cannot be written")):
        done = run(*args)
        assert done.returncode == 1 and text in done.stderr, (args, done.stderr)
    whole = (folder / "t10k-images-idx3-ubyte").read_bytes()
    for content, text in ((whole[:-1], "ends before its last image"), (whole[:7], "magic"),
                          (b"\0\0\x08\x01" + whole[4:], "magic"),
                          (whole[:4] + b"\xff\xff\xff\xff" + whole[8:], "no images"),
                          (whole[:8] + struct.pack(">II", 3, SIDE) + whole[16:], "another size")):
        (folder / "t10k-images-idx3-ubyte").write_bytes(content)
        done = run(folder)
        assert done.returncode == 1 and text in done.stderr, (text, done.stderr)
    (folder / "t10k-images-idx3-ubyte").write_bytes(whole)
    names = (folder / "t10k-labels-idx1-ubyte").read_bytes()
    (folder / "t10k-labels-idx1-ubyte").write_bytes(names[:4] + struct.pack(">I", 7) + names[8:])
    assert "another number of labels" in run(folder).stderr


def main():
    if not PROGRAM.exists():
        print(f"skipped: no {PROGRAM}")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder, "train", 1, True)
        write(folder, "t10k", 2, False)
        test_finds(folder)
        test_index(folder)
        test_refuses(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
