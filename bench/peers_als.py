"""implicit's ALS: seconds an iteration and held-out recall and ndcg.

  peers_als.py --train TRAIN --test TEST [--factors 64 128] [--threads 1 2]
               [--solver cg cholesky] [--alpha 40] [--regularization 1]
               [--iterations 10] [--at 20] [--seed 1]

TRAIN and TEST are LightGCN files of row numbers, `user item item …` a line. The
confidence of a pair seen is 1 + alpha, of any other 1, and the regularisation is
plain (added to the diagonal), as in Hu, Koren and Volinsky. All items are ranked,
the user's own train items left out; recall@k is hits / |test|, ndcg@k has binary
gains and the ideal of min(k, |test|) hits; means over users with test items.

A second is that of one iteration: both half-steps, without setting up. Two figures
of quality: `recall` with the users' factors as implicit keeps them, which are one
half-step behind the items', and `recall_foldin` with users solved anew.
"""
import argparse
import time

from peers_common import fail, read_matrix, say

import numpy as np
import scipy.sparse as sparse
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits


def matrix(users, items, shape):
    made = sparse.csr_matrix((np.ones(users.size, dtype=np.float32), (users, items)), shape=shape)
    made.sum_duplicates()
    made.data[:] = 1
    return made


def quality(model, train, test, at, anew, threads):
    """Mean recall@at and ndcg@at over the users who have test items."""
    users = np.flatnonzero(np.diff(test.indptr))
    discount = 1 / np.log2(np.arange(2, at + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discount)))
    recall = ndcg = 0.0
    model.num_threads = threads
    for start in range(0, users.size, 4096):
        block = users[start:start + 4096]
        ids, scores = model.recommend(block, train[block], N=at, recalculate_user=anew)
        wanted = test[block]
        for row in range(block.size):
            own = wanted.indices[wanted.indptr[row]:wanted.indptr[row + 1]]
            # implicit fills a short list with the items left out, at the lowest score.
            hit = np.isin(ids[row], own) & (scores[row] > np.finfo(np.float32).min)
            recall += hit.sum() / own.size
            ndcg += discount[hit].sum() / ideal[min(at, own.size)]
    return recall / users.size, ndcg / users.size


def measure(args, train, test, factors, threads, solver):
    confidence = train.copy()
    confidence.data[:] = 1 + args.alpha
    model = AlternatingLeastSquares(factors=factors, regularization=args.regularization,
                                    alpha=1.0, use_cg=solver == "cg", use_native=True,
                                    iterations=args.iterations, num_threads=threads,
                                    random_state=args.seed)
    seconds = []
    with threadpool_limits(limits=1, user_api="blas"):
        began = time.perf_counter()
        model.fit(confidence, show_progress=False,
                  callback=lambda iteration, elapsed, loss: seconds.append(elapsed))
        whole = time.perf_counter() - began
        figure = {}
        if test is not None:
            stored = quality(model, train, test, args.at, False, args.threads_quality)
            anew = quality(model, confidence, test, args.at, True, args.threads_quality)
            figure = {f"recall@{args.at}": stored[0], f"ndcg@{args.at}": stored[1],
                      f"recall_foldin@{args.at}": anew[0], f"ndcg_foldin@{args.at}": anew[1]}
    say(figure="als", peer="implicit", solver=solver, factors=factors, threads=threads,
        users=train.shape[0], items=train.shape[1], pairs=int(train.nnz), alpha=args.alpha,
        regularization=args.regularization, iterations=args.iterations, seed=args.seed,
        seconds_median=float(np.median(seconds)), seconds_min=float(min(seconds)),
        seconds_fit=whole, **figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--solver", nargs="+", choices=["cg", "cholesky"],
                        default=["cg", "cholesky"])
    parser.add_argument("--alpha", type=float, default=40.0)
    parser.add_argument("--regularization", type=float, default=1.0)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--at", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.iterations < 1:
        fail(f"--iterations {args.iterations}: at least one is needed")
    args.threads_quality = max(args.threads)
    users, items = read_matrix(args.train)
    held = read_matrix(args.test) if args.test else None
    shape = (int(max(users.max(), held[0].max() if held else 0)) + 1,
             int(max(items.max(), held[1].max() if held else 0)) + 1)
    train = matrix(users, items, shape)
    test = matrix(*held, shape) if held else None
    for factors in args.factors:
        for threads in args.threads:
            for solver in args.solver:
                measure(args, train, test, factors, threads, solver)


if __name__ == "__main__":
    main()
