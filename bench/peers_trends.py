#!/usr/bin/env python3
"""Others counting a stream of (place, item) events: events a second, and a read's time.

  PEER=trends bench/peers bench/peers_trends.py STREAM [--events N] [--items N] [--places N]

STREAM is written when it is not there: pairs of little-endian uint32, place and item, both
Zipf(1.1). One JSON line a figure. What cannot be had is said and left out. A Redis server is
started on a free port of the loopback interface, without a file, and ended by its process.
"""
import argparse
import collections
import heapq
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import numpy

SEED = 1


def zipf(random, items, count, skew):
    cumulative = numpy.cumsum(1.0 / numpy.arange(1, items + 1) ** skew)
    drawn = numpy.searchsorted(cumulative, random.random(count) * cumulative[-1])
    return random.permutation(items).astype(numpy.uint32)[drawn]


def stream(path, args):
    if not path.exists():
        random = numpy.random.default_rng(SEED)
        both = numpy.empty((args.events, 2), dtype="<u4")
        both[:, 0] = zipf(random, args.places, args.events, 1.1)
        both[:, 1] = zipf(random, args.items, args.events, 1.1)
        both.tofile(path)
    return numpy.fromfile(path, dtype="<u4").reshape(-1, 2)


def figure(peer, what, events, seconds, **more):
    print(json.dumps({"peer": peer, "what": what, "events": events,
                      "events_per_second": events / seconds, **more}), flush=True)


def python(events):
    """Counts per item: without a window, and with an exact one of half the stream."""
    items = events[:, 1].tolist()
    began = time.process_time()
    counts = collections.Counter(items)
    figure("Python Counter", "no window, one place", len(items), time.process_time() - began)
    window, counts, held = len(items) // 2, collections.Counter(), collections.deque()
    began = time.process_time()
    for item in items:
        counts[item] += 1
        held.append(item)
        if len(held) > window:
            counts[held.popleft()] -= 1
    seconds = time.process_time() - began
    began = time.process_time()
    heapq.nlargest(50, counts.items(), key=lambda pair: pair[1])
    figure("Python Counter and deque", "exact window, one place", len(items), seconds,
           top_50_ms=(time.process_time() - began) * 1e3)


def duckdb(events):
    """Counting the window again at every read: the top 50 of every place, and of one."""
    import duckdb as duck
    base = duck.connect(config={"threads": 1})
    places, items = (numpy.ascontiguousarray(events[:, c]) for c in (0, 1))
    times = numpy.arange(len(events), dtype=numpy.int64)
    began = time.process_time()
    base.register("given", {"place": places, "item": items, "time": times})
    base.execute("create table events as select * from given")
    load = time.process_time() - began
    where, busiest = f"time >= {len(events) // 2}", int(numpy.bincount(places).argmax())
    began = time.process_time()
    base.execute(f"select place, item, count(*) c from events where {where} group by place, item "
                 "qualify row_number() over (partition by place order by c desc) <= 50").fetchall()
    all_places = time.process_time() - began
    began = time.process_time()
    base.execute(f"select item, count(*) c from events where {where} and place = {busiest} "
                 "group by item order by c desc limit 50").fetchall()
    figure(f"DuckDB {duck.__version__}", "loading and one count of half of it, all places",
           len(events), load + all_places, load_seconds=load, all_places_ms=all_places * 1e3,
           top_50_ms=(time.process_time() - began) * 1e3)


def reply(file):
    line = file.readline()
    if line[:1] == b"$":
        return file.read(int(line[1:]) + 2) if line[1:2] != b"-" else b""
    if line[:1] == b"*":
        return [reply(file) for _ in range(int(line[1:]))]
    return line


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def server_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def redis_figures(pid, port, events):
    link = socket.create_connection(("127.0.0.1", port))
    answers = link.makefile("rb")
    depth, events = 1000, events[:300000]
    sent = [b"".join(command("ZINCRBY", f"p{p}", 1, f"i{i}") for p, i in
                     events[at:at + depth].tolist()) for at in range(0, len(events), depth)]
    wall, cpu = time.perf_counter(), server_seconds(pid)
    for block in sent:
        link.sendall(block)
        for _ in range(depth):
            answers.readline()
            answers.readline()
    wall, cpu = time.perf_counter() - wall, server_seconds(pid) - cpu
    busiest = int(numpy.bincount(events[:, 0]).argmax())
    began, reads = time.perf_counter(), 200
    for _ in range(reads):
        link.sendall(command("ZREVRANGE", f"p{busiest}", 0, 49))
        reply(answers)
    read = (time.perf_counter() - began) / reads
    figure("Redis", "ZINCRBY, pipeline of 1,000, no window, places", len(events), wall,
           per_server_core_second=len(events) / cpu, top_50_ms=read * 1e3)
    # An hour of sixty minute buckets of one place, and their exact union.
    cpu = server_seconds(pid)
    for at in range(0, len(events), depth):
        link.sendall(b"".join(command("ZINCRBY", f"m{n * 60 // len(events)}", 1, f"i{i}")
                              for n, i in enumerate(events[at:at + depth, 1].tolist(), at)))
        for _ in range(min(depth, len(events) - at)):
            answers.readline()
            answers.readline()
    cpu = server_seconds(pid) - cpu
    before = server_seconds(pid)
    for _ in range(3):
        link.sendall(command("ZUNIONSTORE", "hour", 60, *[f"m{b}" for b in range(60)]))
        reply(answers)
    figure("Redis", "an exact hour of minute buckets, one place", len(events), max(cpu, 0.01),
           union_ms=(server_seconds(pid) - before) / 3 * 1e3)
    link.close()


def redis(events):
    program = shutil.which("redis-server")
    if not program:
        print("Redis left out: no redis-server (Debian: apt-get install redis-server)",
              file=sys.stderr)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                   "--appendonly", "no", "--dir", folder, "--daemonize", "no"],
                                  stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.05)
            redis_figures(server.pid, port, events)
        finally:
            server.terminate()
            server.wait()


def heavykeeper(path, build):
    cargo = shutil.which("cargo")
    if not cargo:
        print("heavykeeper left out: no cargo", file=sys.stderr)
        return
    source = pathlib.Path(__file__).resolve().parent / "peers_heavykeeper"
    shutil.copytree(source, build, dirs_exist_ok=True)
    done = subprocess.run([cargo, "build", "--quiet", "--release", "--manifest-path",
                           build / "Cargo.toml"])
    if done.returncode:
        print("heavykeeper left out: cargo could not build it", file=sys.stderr)
        return
    subprocess.run([build / "target/release/peers_heavykeeper", path], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stream", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=2000000)
    parser.add_argument("--items", type=int, default=1000000)
    parser.add_argument("--places", type=int, default=10000)
    parser.add_argument("--peers", nargs="*", default=["python", "duckdb", "redis", "heavykeeper"])
    args = parser.parse_args()
    events = stream(args.stream, args)
    for name in args.peers:
        if name == "heavykeeper":
            heavykeeper(args.stream, args.stream.parent.parent / "peers-heavykeeper")
        else:
            {"python": python, "duckdb": duckdb, "redis": redis}[name](events)


if __name__ == "__main__":
    main()
