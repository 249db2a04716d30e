"""The peers' ALS: seconds to a loss and to a held-out recall, beside build/bench/als.

  peers_als.py --peer implicit|cmfrec|buffalo|spark --train TRAIN --test TEST
               [--factors 64 128] [--threads 1 2] [--solver cg cholesky]
               [--alpha 40] [--regularization 1] [--iterations 10 …]
               [--users-tested 2000] [--at 20] [--seed 1]
  peers_als.py --peer implicit --foldin [--factors 64 128] [--entries 32]

TRAIN and TEST are LightGCN files of row numbers, `user item item …` a line. The
confidence of a pair seen is 1 + alpha, of any other 1, and the regularisation is
plain (added to the diagonal), as in Hu, Koren and Volinsky, so all of them lower
the same loss; Spark scales its own by each row's length and is given what has the
same sum. A list of iterations trains anew for each. A figure has the seconds and
processor seconds of the whole fit, the loss and, of the first --users-tested users
with test items, recall@k (hits / |test|) and ndcg@k over all items, train items
left out: all of the factors as the peer leaves them.
"""
import argparse
import os
import shutil
import tempfile
import time

from peers_common import fail, read_matrix, say

import numpy as np
import scipy.sparse as sparse


def matrix(users, items, shape):
    made = sparse.csr_matrix((np.ones(users.size, dtype=np.float32), (users, items)), shape=shape)
    made.sum_duplicates()
    made.data[:] = 1
    return made


# ---- the peers: each returns users and items, rows of factors ------------------------------

def implicit(args, train, factors, threads, iterations, solver):
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits
    confidence = train.copy()
    confidence.data[:] = 1 + args.alpha
    model = AlternatingLeastSquares(factors=factors, regularization=args.regularization, alpha=1.0,
                                    use_cg=solver == "cg", use_native=True, iterations=iterations,
                                    num_threads=threads, random_state=args.seed)
    with threadpool_limits(limits=1, user_api="blas"):
        return timed(lambda: model.fit(confidence, show_progress=False),
                     lambda: (model.user_factors, model.item_factors))


def cmfrec(args, train, factors, threads, iterations, solver):
    from cmfrec import CMF_implicit
    values = train.tocoo()
    model = CMF_implicit(k=factors, lambda_=args.regularization, alpha=args.alpha, niter=iterations,
                         use_cg=solver == "cg", max_cg_steps=3, finalize_chol=False, nthreads=threads,
                         precompute_for_predictions=False, random_state=args.seed, verbose=False)
    return timed(lambda: model.fit(values), lambda: (model.A_, model.B_))


def buffalo(args, train, factors, threads, iterations, solver):
    from buffalo import ALS, ALSOption, MatrixMarketOptions
    import logging
    logging.disable(logging.WARNING)
    how = ALSOption().get_default_option()
    how.d, how.num_iters, how.num_workers = factors, iterations, threads
    how.alpha, how.reg_u, how.reg_i = args.alpha, args.regularization, args.regularization
    how.optimizer = {"cg": "manual_cg", "cholesky": "llt", "block": "ialspp"}[solver]
    how.random_seed = args.seed
    data = MatrixMarketOptions().get_default_option()
    data.input.main = train
    begun = os.getcwd()
    with tempfile.TemporaryDirectory() as place:  # it writes its copy of the data where it stands
        os.chdir(place)
        try:
            model = ALS(how, data_opt=data)
            model.initialize()
        finally:
            os.chdir(begun)
        return timed(model.train, lambda: (model.P, model.Q))


def spark(args, train, factors, threads, iterations, solver):
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession
    session = (SparkSession.builder.master(f"local[{threads}]").config("spark.driver.memory", "3g")
               .config("spark.ui.enabled", "false").getOrCreate())
    session.sparkContext.setLogLevel("ERROR")
    pairs = train.tocoo()
    path = os.path.join(tempfile.mkdtemp(), "pairs.csv")
    np.savetxt(path, np.stack((pairs.row, pairs.col, np.ones(pairs.nnz)), 1), fmt="%d", delimiter=",")
    log = session.read.csv(path, schema="user int, item int, rating float").cache()
    log.count()
    scaled = args.regularization * sum(train.shape) / (2.0 * train.nnz)
    made = ALS(rank=factors, maxIter=iterations, regParam=scaled, implicitPrefs=True,
               alpha=args.alpha, userCol="user", itemCol="item", ratingCol="rating", seed=args.seed)
    kept = {}

    def factors_of(frame, count):
        out = np.zeros((count, factors), dtype=np.float32)
        for row in frame.collect():
            out[row["id"]] = row["features"]
        return out

    def fit():
        kept["model"] = made.fit(log)
        kept["model"].userFactors.count()

    answer = timed(fit, lambda: (factors_of(kept["model"].userFactors, train.shape[0]),
                                 factors_of(kept["model"].itemFactors, train.shape[1])))
    session.stop()
    shutil.rmtree(os.path.dirname(path))
    return answer


PEERS = {"implicit": implicit, "cmfrec": cmfrec, "buffalo": buffalo, "spark": spark}


def timed(fit, factors):
    began, used = time.perf_counter(), time.process_time()
    fit()
    whole, used = time.perf_counter() - began, time.process_time() - used
    users, items = (np.asarray(side, dtype=np.float32) for side in factors())
    return users, items, whole, used


# ---- what was reached -----------------------------------------------------------------------

def loss(args, train, users, items):
    """The sum over all pairs of c (p - x.y)^2 and the regularisation, by the Gram matrices."""
    gram = [side.astype(np.float64).T @ side.astype(np.float64) for side in (users, items)]
    total = float(np.sum(gram[0] * gram[1]))
    pairs = train.tocoo()
    for start in range(0, pairs.nnz, 1 << 18):
        part = slice(start, start + (1 << 18))
        score = np.einsum("ij,ij->i", users[pairs.row[part]], items[pairs.col[part]]).astype(float)
        total += float(np.sum((1 + args.alpha) * (1 - score) ** 2 - score ** 2))
    return total + args.regularization * float(np.trace(gram[0]) + np.trace(gram[1]))


def quality(args, train, test, users, items):
    """Mean recall and ndcg over the first users who have test items."""
    tested = np.flatnonzero(np.diff(test.indptr))[:args.users_tested]
    discount = 1 / np.log2(np.arange(2, args.at + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discount)))
    recall = ndcg = 0.0
    for start in range(0, tested.size, 512):
        block = tested[start:start + 512]
        scores = users[block] @ items.T
        for row, user in enumerate(block):
            scores[row, train.indices[train.indptr[user]:train.indptr[user + 1]]] = -np.inf
        best = np.argpartition(-scores, args.at, axis=1)[:, :args.at]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, 1)
        for row, user in enumerate(block):
            own = test.indices[test.indptr[user]:test.indptr[user + 1]]
            hit = np.isin(best[row], own)
            recall += hit.sum() / own.size
            ndcg += discount[hit].sum() / ideal[min(args.at, own.size)]
    return {f"recall@{args.at}": recall / tested.size, f"ndcg@{args.at}": ndcg / tested.size}


def measure(args, train, test, factors, threads, solver, iterations):
    users, items, whole, used = PEERS[args.peer](args, train, factors, threads, iterations, solver)
    say(figure="als", peer=args.peer, solver=solver, factors=factors, threads=threads,
        users=train.shape[0], items=train.shape[1], pairs=int(train.nnz), alpha=args.alpha,
        regularization=args.regularization, iterations=iterations, seed=args.seed,
        seconds_fit=whole, cpu_fit=used, loss=loss(args, train, users, items),
        **(quality(args, train, test, users, items) if test is not None else {}))


def foldin(args):
    """implicit's time for one visitor solved anew from a history."""
    from implicit.cpu.als import AlternatingLeastSquares
    draw = np.random.default_rng(args.seed)
    for factors in args.factors:
        model = AlternatingLeastSquares(factors=factors, regularization=1.0, num_threads=1)
        model.item_factors = draw.standard_normal((40000, factors), dtype=np.float32) * 0.1
        for entries in args.entries:
            rows = np.sort(draw.choice(40000, entries, replace=False))
            history = sparse.csr_matrix((np.full(entries, 41, np.float32),
                                         (np.zeros(entries, int), rows)), shape=(1, 40000))
            model.recalculate_user(0, history)
            times = []
            for _ in range(300):
                began = time.perf_counter()
                model.recalculate_user(0, history)
                times.append(time.perf_counter() - began)
            say(figure="foldin", peer="implicit", factors=factors, entries=entries, threads=1,
                items=40000, microseconds=min(times) * 1e6, median=float(np.median(times)) * 1e6,
                seed=args.seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=sorted(PEERS), default="implicit")
    parser.add_argument("--foldin", action="store_true")
    parser.add_argument("--entries", type=int, nargs="+", default=[32])
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--solver", nargs="+", choices=["cg", "cholesky", "block"], default=["cg"])
    parser.add_argument("--alpha", type=float, default=40.0)
    parser.add_argument("--regularization", type=float, default=1.0)
    parser.add_argument("--iterations", type=int, nargs="+", default=[10])
    parser.add_argument("--users-tested", type=int, default=2000)
    parser.add_argument("--at", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if min(args.iterations) < 1:
        fail(f"--iterations {min(args.iterations)}: at least one is needed")
    if args.foldin:
        return foldin(args)
    if not args.train:
        fail("--train is needed")
    users, items = read_matrix(args.train)
    held = read_matrix(args.test) if args.test else None
    shape = (int(max(users.max(), held[0].max() if held else 0)) + 1,
             int(max(items.max(), held[1].max() if held else 0)) + 1)
    train = matrix(users, items, shape)
    test = matrix(*held, shape) if held else None
    for factors in args.factors:
        for threads in args.threads:
            for solver in args.solver:
                for iterations in args.iterations:
                    measure(args, train, test, factors, threads, solver, iterations)


if __name__ == "__main__":
    main()
