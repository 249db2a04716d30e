"""implicit's BPR: seconds a pass and held-out recall and ndcg.

  peers_bpr.py --train TRAIN --test TEST [--factors 64] [--threads 1 2]
               [--learning-rate 0.05] [--regularization 0.01] [--iterations 100]
               [--at 20] [--seed 1]

TRAIN and TEST are LightGCN files of row numbers. A pass draws as many pairs as
the log has; each has one negative, drawn alike from all items. Its threads
write to the same factors without a lock, so that two runs differ. All items are
ranked, the user's own train items left out, with the users' factors as trained:
implicit folds nobody in here.
"""
import argparse
import time

from peers_common import fail, read_matrix, say
from peers_als import matrix, quality

import numpy as np
from implicit.cpu.bpr import BayesianPersonalizedRanking


def measure(args, train, test, threads):
    model = BayesianPersonalizedRanking(
        factors=args.factors, learning_rate=args.learning_rate,
        regularization=args.regularization, iterations=args.iterations, num_threads=threads,
        random_state=args.seed)
    began = time.process_time(), time.perf_counter()
    model.fit(train, show_progress=False)
    seconds = time.perf_counter() - began[1]
    used = time.process_time() - began[0]
    recall, ndcg = quality(model, train, test, args.at, False, threads)
    say(figure="bpr", peer="implicit", factors=args.factors, threads=threads,
        users=train.shape[0], items=train.shape[1], pairs=int(train.nnz),
        learning_rate=args.learning_rate, regularization=args.regularization,
        iterations=args.iterations, seed=args.seed, seconds=seconds,
        seconds_pass=seconds / args.iterations, cpu_seconds_pass=used / args.iterations,
        **{f"recall@{args.at}": float(recall), f"ndcg@{args.at}": float(ndcg)})


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--regularization", type=float, default=0.01)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--at", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.iterations < 1:
        fail(f"--iterations {args.iterations}: at least one is needed")
    users, items = read_matrix(args.train)
    held = read_matrix(args.test)
    shape = (int(max(users.max(), held[0].max())) + 1, int(max(items.max(), held[1].max())) + 1)
    train, test = matrix(users, items, shape), matrix(*held, shape)
    for threads in args.threads:
        measure(args, train, test, threads)


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
