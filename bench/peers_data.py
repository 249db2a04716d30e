"""Data for the benchmarks, the same bytes for us and the peers, from a seed.

  peers_data.py vectors --rows 100000 --dims 64 --seed 1 OUT
      raw little-endian float32, row after row, standard normal / sqrt(dims)

  peers_data.py interactions --users 200000 --items 50000 --pairs 10000000 --seed 1 OUT
      OUT.train and OUT.test in the LightGCN form, --pairs different pairs in all. A
      user has 3 of 100 tastes and an activity drawn from a log-normal; an item has one
      taste and a popularity that falls as 1/rank^0.8; a tenth of each user's items (one
      at least, if there are two) are held out.
"""
import argparse

from peers_common import fail, say

import numpy as np

TASTES = 100
LIKED = 3
ROUNDS = 40


def vectors(args):
    draw = np.random.default_rng(args.seed)
    scale = np.float32(1 / np.sqrt(args.dims))
    with open(args.out, "wb") as out:
        for start in range(0, args.rows, 65536):
            rows = min(65536, args.rows - start)
            block = draw.standard_normal((rows, args.dims), dtype=np.float32) * scale
            out.write(block.astype("<f4").tobytes())
    say(figure="vectors", rows=args.rows, dims=args.dims, seed=args.seed, file=args.out)


def interactions(args):
    draw = np.random.default_rng(args.seed)
    if args.items < TASTES:
        fail(f"--items {args.items}: at least {TASTES} are needed")
    # Items of one taste stand together, the popular ones first.
    taste_of = draw.integers(0, TASTES, args.items)
    popularity = np.arange(1, args.items + 1, dtype=np.float64) ** -0.8
    by_taste = [np.flatnonzero(taste_of == t) for t in range(TASTES)]
    if min(len(items) for items in by_taste) == 0:
        fail(f"--items {args.items}: a taste without items; take more")
    ladders = [np.cumsum(popularity[items]) for items in by_taste]
    ladder = np.cumsum(draw.lognormal(0.0, 1.0, args.users))
    liked = draw.integers(0, TASTES, (args.users, LIKED))
    pairs = np.empty(0, dtype=np.int64)
    for _ in range(ROUNDS):
        # Repeats are dropped, so twice what is missing is drawn.
        size = (args.pairs - pairs.size) * 2 + 1
        users = np.minimum(np.searchsorted(ladder, draw.random(size) * ladder[-1]), args.users - 1)
        tastes = liked[users, draw.integers(0, LIKED, size)]
        items = np.empty(size, dtype=np.int64)
        for taste in range(TASTES):
            at = np.flatnonzero(tastes == taste)
            point = draw.random(at.size) * ladders[taste][-1]
            place = np.minimum(np.searchsorted(ladders[taste], point), len(by_taste[taste]) - 1)
            items[at] = by_taste[taste][place]
        pairs = np.unique(np.concatenate((pairs, users * args.items + items)))
        if pairs.size >= args.pairs:
            break
    else:
        fail(f"--pairs {args.pairs}: only {pairs.size} different ones among these users and items")
    pairs = np.sort(draw.choice(pairs, args.pairs, replace=False))
    held = draw.random(pairs.size)
    users, items = pairs // args.items, pairs % args.items
    order = np.lexsort((held, users))
    users, items = users[order], items[order]
    starts = np.searchsorted(users, np.arange(args.users + 1))
    train = test = 0
    with open(args.out + ".train", "w", encoding="ascii") as train_file, \
            open(args.out + ".test", "w", encoding="ascii") as test_file:
        for user in range(args.users):
            own = items[starts[user]:starts[user + 1]]
            cut = max(1, own.size // 10) if own.size > 1 else 0
            for file, part in ((test_file, own[:cut]), (train_file, own[cut:])):
                if part.size:
                    file.write(f"{user} " + " ".join(map(str, np.sort(part).tolist())) + "\n")
            train += own.size - cut
            test += cut
    say(figure="interactions", users=args.users, items=args.items, train=int(train),
        test=int(test), seed=args.seed, file=args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    kind = kinds.add_parser("vectors")
    kind.add_argument("--rows", type=int, default=100_000)
    kind.add_argument("--dims", type=int, default=64)
    kind.set_defaults(run=vectors)
    kind.add_argument("--seed", type=int, default=1)
    kind.add_argument("out")
    kind = kinds.add_parser("interactions")
    kind.add_argument("--users", type=int, default=200_000)
    kind.add_argument("--items", type=int, default=50_000)
    kind.add_argument("--pairs", type=int, default=10_000_000)
    kind.set_defaults(run=interactions)
    kind.add_argument("--seed", type=int, default=1)
    kind.add_argument("out")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
