"""Exact top k by inner product: FAISS IndexFlatIP, implicit's topk, usearch's exact search.

  peers_topk.py --vectors FILE --dims 64 [--rows N] [--queries FILE] [--count 100]
                [--at 10 20 100] [--batch 1 64 1024] [--threads 1 2] [--budget 20]
                [--peer faiss implicit usearch] [--answers PREFIX]

FILE is raw little-endian float32, row after row, so that any program can read the same
bytes. Without --queries, query q is row (q * 7919) mod rows. --batch queries are asked
together; the times are the median and the least of up to --count calls (batches: 5),
after a call to warm up, and of no more than --budget seconds; GB/s is rows * dims * 4
bytes by the least; cpu_ms and cpu_min_ms are of the processor. --answers writes the rows found one query at a time to
PREFIX.<peer>.<k>. The figures say which kernels each BLAS took.
"""
import argparse
import time

from peers_common import fail, right_kernel, say

import faiss
import numpy as np
from implicit.cpu.topk import topk
from threadpoolctl import threadpool_info, threadpool_limits
from usearch.index import MetricKind, search as usearch_search


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
    return lambda queries: index.search(queries, at)[1]


def implicit_search(vectors, at, threads):
    return lambda queries: topk(vectors, queries, at, num_threads=threads)[0]


def usearch_exact(vectors, at, threads):
    return lambda queries: usearch_search(vectors, queries, at, MetricKind.IP, exact=True,
                                          threads=threads).keys.reshape(len(queries), -1)


MAKERS = {"faiss": faiss_search, "implicit": implicit_search, "usearch": usearch_exact}


def timed(search, queries, batch, count, budget):
    """Seconds, and processor seconds, of the calls that fit the budget."""
    times, spent, began = [], [], time.perf_counter()
    for call in range(-1, count):
        first = max(call, 0) * batch % len(queries)
        some = queries[np.arange(first, first + batch) % len(queries)]
        start, cpu = time.perf_counter(), time.process_time()
        search(some)
        if call >= 0:
            times.append(time.perf_counter() - start)
            spent.append(time.process_time() - cpu)
        if times and time.perf_counter() - began > budget:
            break
        if time.perf_counter() - began > 3 * budget:  # the warming up was all there is time for
            return [time.perf_counter() - start], [time.process_time() - cpu]
    return times, spent


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--dims", type=int, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--queries")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--at", type=int, nargs="+", default=[20])
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--budget", type=float, default=20)
    parser.add_argument("--peer", nargs="+", choices=list(MAKERS), default=list(MAKERS))
    parser.add_argument("--answers")
    args = parser.parse_args()
    vectors = read_vectors(args.vectors, args.dims, args.rows)
    rows = vectors.shape[0]
    if args.queries:
        queries = read_vectors(args.queries, args.dims)
    else:
        queries = vectors[(np.arange(1024) * 7919) % rows]
    queries = np.ascontiguousarray(queries)
    kernels = [i["architecture"] for i in threadpool_info() if i["user_api"] == "blas"]
    right_kernel(kernels)
    blas = ", ".join(kernels)
    for peer in args.peer:
        for threads in args.threads:
            for at in args.at:
                search = MAKERS[peer](vectors, at, threads)
                # One query is one matrix-vector product for implicit: its threads are BLAS's.
                with threadpool_limits(limits=threads, user_api="blas"):
                    for batch in args.batch:
                        times, spent = timed(search, queries, batch,
                                             args.count if batch == 1 else 5, args.budget)
                        say(figure="topk", peer=peer, items=rows, factors=args.dims, k=at,
                            batch=batch, threads=threads, calls=len(times),
                            median_ms=float(np.median(times)) * 1e3, min_ms=min(times) * 1e3,
                            cpu_ms=float(np.median(spent)) * 1e3,
                            cpu_min_ms=min(spent) * 1e3,
                            gb_per_s=vectors.nbytes / min(times) / 1e9, blas=blas)
                    if args.answers and threads == args.threads[0]:
                        with open(f"{args.answers}.{peer}.{at}", "w", encoding="ascii") as out:
                            for query in queries[:min(args.count, 100)]:
                                found = search(query[None])[0]
                                out.write(" ".join(map(str, found.tolist())) + "\n")
                del search


if __name__ == "__main__":
    main()
