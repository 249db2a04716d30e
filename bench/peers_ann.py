"""Graphs of hnswlib, usearch and faiss-cpu over the same vectors: recall@10 against queries a
second, one thread, one query at a time and all at once.

  PEER=knn bench/peers bench/peers_ann.py --vectors FILE --dims 64 [--m 16]
      [--ef-construction 100] [--peer hnswlib usearch faiss] [--metric cosine|inner]
      [--threads 2]

FILE, FILE.queries and FILE.truth are those that build/bench/ann writes: vectors of length 1,
or, under inner, of any. Graphs are built on --threads threads, in processor seconds of all of them.
Searches are the least of three turns. From Python a query alone carries the call's own cost, some
microseconds.
"""
import argparse
import importlib.metadata
import resource
import time

from peers_common import fail, say

import numpy as np

EFFORTS = (10, 20, 40, 80, 160, 320)
AT, TURNS = 10, 3


def with_hnswlib(rows, m, ef, inner, threads):
    import hnswlib
    index = hnswlib.Index(space="ip" if inner else "l2", dim=rows.shape[1])
    index.init_index(max_elements=len(rows), M=m, ef_construction=ef)
    index.add_items(rows, num_threads=threads)
    index.set_num_threads(1)
    return index.set_ef, lambda queries: index.knn_query(queries, k=AT, num_threads=1)[0]


def with_usearch(rows, m, ef, inner, threads):
    from usearch.index import Index
    index = Index(ndim=rows.shape[1], metric="ip" if inner else "l2sq", dtype="f32", connectivity=m,
                  expansion_add=ef)
    index.add(np.arange(len(rows), dtype=np.uint64), rows, threads=threads)

    def search(queries):
        found = index.search(queries, AT, threads=1).keys
        return np.asarray(found).reshape(len(queries), -1)
    return lambda effort: setattr(index, "expansion_search", effort), search


def with_faiss(rows, m, ef, inner, threads):
    import faiss
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexHNSWFlat(rows.shape[1], m, faiss.METRIC_INNER_PRODUCT if inner
                                else faiss.METRIC_L2)
    index.hnsw.efConstruction = ef
    index.add(rows)
    faiss.omp_set_num_threads(1)
    return (lambda effort: setattr(index.hnsw, "efSearch", effort),
            lambda queries: index.search(queries, AT)[1])


PEERS = {"hnswlib": ("hnswlib", with_hnswlib), "usearch": ("usearch", with_usearch),
         "faiss": ("faiss-cpu", with_faiss)}


def resident():
    for line in open("/proc/self/status", encoding="ascii"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return 0


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--dims", type=int, required=True)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--metric", choices=("cosine", "inner"), default="cosine")
    parser.add_argument("--peer", nargs="+", choices=list(PEERS), default=list(PEERS))
    args = parser.parse_args()
    rows = np.fromfile(args.vectors, dtype="<f4").reshape(-1, args.dims)
    queries = np.fromfile(args.vectors + ".queries", dtype="<f4").reshape(-1, args.dims)
    truth = np.loadtxt(args.vectors + ".truth", dtype=np.int64, ndmin=2)
    if truth.shape != (len(queries), AT):
        fail(f"{args.vectors}.truth is {truth.shape}, expected {(len(queries), AT)}")
    for name in args.peer:
        package, make = PEERS[name]
        before, began, clock = resident(), cpu(), time.perf_counter()
        effort, search = make(rows, args.m, args.ef_construction, args.metric == "inner",
                              args.threads)
        say(figure="build", who=name, version=importlib.metadata.version(package),
            cpu_s=cpu() - began, wall_s=time.perf_counter() - clock, mb=resident() - before)
        for ef in EFFORTS:
            effort(ef)
            for how in "one by one", "at once":
                least = 1e9
                for _ in range(TURNS):
                    began = cpu()
                    if how == "at once":
                        found = search(queries)
                    else:
                        found = np.vstack([search(query[None]) for query in queries])
                    least = min(least, cpu() - began)
                hits = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist()))
                say(figure="search", who=name, how=how, effort=ef,
                    recall=hits / (AT * len(queries)), qps=len(queries) / least,
                    us=1e6 * least / len(queries))
        del effort, search


if __name__ == "__main__":
    main()
