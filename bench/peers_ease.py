"""scipy's Cholesky and inverse, what EASE in Python costs at its best: seconds and GFLOP/s.

  peers_ease.py [--items 5000 10000] [--threads 1 2] [--seed 1]

spotrf and spotri on one float32 matrix in place (the inverse's lower triangle alone, and not
numpy.linalg.inv, which costs several times as much): items^3 flops. The matrix is made, not
counted; neither are the Gram matrix and reading weights off the inverse, which ours counts.
"""
import argparse
import time

from peers_common import fail, say

import numpy as np
import scipy
from scipy.linalg.lapack import spotrf, spotri
from threadpoolctl import threadpool_info, threadpool_limits


def made(items, rng):
    """Diagonally dominant, as a Gram matrix with its ridge is."""
    matrix = np.asfortranarray(rng.random((items, items), dtype=np.float32))
    matrix *= 0.1
    matrix[np.arange(items), np.arange(items)] = items
    return matrix


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, nargs="+", default=[5000, 10000])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for items in asked.items:
        for threads in asked.threads:
            matrix = made(items, np.random.default_rng(asked.seed))
            with threadpool_limits(threads, user_api="blas"):
                begin, begin_cpu = time.perf_counter(), time.process_time()
                factor, info = spotrf(matrix, lower=1, overwrite_a=1)
                if info == 0:
                    factor, info = spotri(factor, lower=1, overwrite_c=1)
                seconds, processor = time.perf_counter() - begin, time.process_time() - begin_cpu
            if info:
                fail(f"{items} items: LAPACK says {info}")
            blas = next((i for i in threadpool_info() if i["user_api"] == "blas"), {})
            say(bench="ease", who="scipy " + scipy.__version__, items=items, threads=threads,
                seconds=seconds, processor_seconds=processor, gflops=1e-9 * items ** 3 / seconds,
                blas=f"{blas.get('internal_api')} {blas.get('version')} "
                     f"{blas.get('architecture')}", seed=asked.seed)


if __name__ == "__main__":
    main()
