"""One query at a time, exact top k by inner product: FAISS IndexFlatIP and implicit's topk.

  peers_topk.py --vectors FILE --dims 64 [--rows N] [--queries FILE] [--count 100]
                [--at 20] [--threads 1 2] [--peer faiss implicit] [--answers PREFIX]

FILE is raw little-endian float32, row after row, so that any program can read the same
bytes. Without --queries, query q is row (q * 7919) mod rows. The time is the median of
single calls after ten to warm up; GB/s is rows * dims * 4 bytes by that time.
--answers writes the rows found, a query a line, to PREFIX.<peer>.
"""
import argparse
import time

from peers_common import fail, say

import faiss
import numpy as np
from implicit.cpu.topk import topk
from threadpoolctl import threadpool_limits


def read_vectors(path, dims, rows=None):
    flat = np.fromfile(path, dtype="<f4", count=-1 if rows is None else rows * dims)
    if flat.size == 0 or flat.size % dims or (rows and flat.size != rows * dims):
        fail(f"{path}: {flat.size} numbers are not "
             f"{'whole' if rows is None else rows} rows of {dims}")
    return flat.reshape(-1, dims)


def faiss_search(vectors, at, threads):
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda query: index.search(query, at)[1][0]


def implicit_search(vectors, at, threads):
    return lambda query: topk(vectors, query, at, num_threads=threads)[0][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--dims", type=int, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--queries")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--at", type=int, default=20)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peer", nargs="+", choices=["faiss", "implicit"],
                        default=["faiss", "implicit"])
    parser.add_argument("--answers")
    args = parser.parse_args()
    vectors = read_vectors(args.vectors, args.dims, args.rows)
    rows = vectors.shape[0]
    if args.queries:
        queries = read_vectors(args.queries, args.dims)[:args.count]
    else:
        queries = vectors[(np.arange(args.count) * 7919) % rows]
    queries = np.ascontiguousarray(queries)
    makers = {"faiss": faiss_search, "implicit": implicit_search}
    for peer in args.peer:
        for threads in args.threads:
            search = makers[peer](vectors, args.at, threads)
            times, found = [], []
            # One query is one matrix-vector product for implicit: its threads are BLAS's.
            with threadpool_limits(limits=threads, user_api="blas"):
                for warm in range(10):
                    search(queries[warm % len(queries)][None])
                for query in queries:
                    began = time.perf_counter()
                    ids = search(query[None])
                    times.append(time.perf_counter() - began)
                    found.append(ids)
            median = float(np.median(times))
            say(figure="topk", peer=peer, rows=rows, dims=args.dims, k=args.at, threads=threads,
                queries=len(queries), median_ms=median * 1e3, min_ms=min(times) * 1e3,
                gb_per_s=vectors.nbytes / median / 1e9)
        if args.answers:
            with open(f"{args.answers}.{peer}", "w", encoding="ascii") as out:
                for ids in found:
                    out.write(" ".join(map(str, ids.tolist())) + "\n")


if __name__ == "__main__":
    main()
