"""implicit's item neighbours: seconds to fit CosineRecommender.

  peers_itemknn.py --train TRAIN [--k 100] [--threads 1 2] [--turns 3]

TRAIN is a LightGCN file of row numbers. The seconds are those of fit(), which holds the
normalisation, the sparse product with its top K and the making of the result.
"""
import argparse
import time

from peers_common import read_matrix, say

import numpy as np
import scipy.sparse as sparse
from implicit.nearest_neighbours import CosineRecommender


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    users, items = read_matrix(args.train)
    train = sparse.csr_matrix((np.ones(users.size, dtype=np.float32), (users, items)))
    train.sum_duplicates()
    train.data[:] = 1
    adds = float((np.diff(train.indptr).astype(np.float64) ** 2).sum())
    for threads in args.threads:
        wall, processor = [], []
        for _ in range(args.turns):
            model = CosineRecommender(K=args.k, num_threads=threads)
            began, used = time.perf_counter(), time.process_time()
            model.fit(train, show_progress=False)
            wall.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
        say(figure="itemknn", peer="implicit", k=args.k, threads=threads, users=train.shape[0],
            items=train.shape[1], pairs=int(train.nnz), turns=args.turns,
            seconds_median=float(np.median(wall)), seconds_min=min(wall),
            cpu_seconds_median=float(np.median(processor)), cpu_seconds_min=min(processor),
            multiply_adds=adds, ns_each=min(processor) * 1e9 / adds)


if __name__ == "__main__":
    main()
