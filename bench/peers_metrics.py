"""The metrics of a run by trec_eval, which knows nothing of us.

  peers_metrics.py --run RUN --qrels QRELS [--at 20] [--users]

RUN has a user a line, `user item item …`, best first; QRELS the same with the items
held out, in any order. Users of QRELS without a line in RUN count as an empty list,
users of RUN without items in QRELS do not count. One JSON line, with --users those of
each user in by_user:

  recall, precision   hits / |T|, hits / k
  recall_min          hits / min(k, |T|): trec_eval's relative_P
  ndcg                binary gains, log2(rank + 1), ideal of min(k, |T|) hits
  hit_rate, mrr       a hit at all; 1 / rank of the first
  map                 precision at each hit over min(k, |T|)
  map_trec            the same over |T|, trec_eval's own map_cut
"""
import argparse

from peers_common import fail, read_lists, say

import pytrec_eval


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--qrels", required=True)
    parser.add_argument("--at", type=int, default=20)
    parser.add_argument("--users", action="store_true")
    args = parser.parse_args()
    k = args.at
    relevant = {user: set(items) for user, items in read_lists(args.qrels).items() if items}
    if not relevant:
        fail(f"{args.qrels}: nobody has an item held out")
    run = {}
    for user, items in read_lists(args.run).items():
        if len(set(items)) != len(items):
            fail(f"{args.run}: user {user} has an item twice")
        # trec_eval sorts by score on its own: falling scores keep our order.
        run[user] = {item: float(-place) for place, item in enumerate(items[:k])}
    names = {f"recall_{k}": "recall", f"relative_P_{k}": "recall_min", f"P_{k}": "precision",
             f"ndcg_cut_{k}": "ndcg", f"success_{k}": "hit_rate", "recip_rank": "mrr", f"map_cut_{k}": "map_trec"}
    judge = pytrec_eval.RelevanceEvaluator(
        {user: dict.fromkeys(items, 1) for user, items in relevant.items()},
        {f"recall.{k}", f"relative_P.{k}", f"P.{k}", f"ndcg_cut.{k}", f"success.{k}",
         "recip_rank", f"map_cut.{k}"})
    # A list cut at k makes trec_eval's reciprocal rank one at k.
    sums = dict.fromkeys([*names.values(), "map"], 0.0)
    by_user = {}
    for user, values in judge.evaluate({u: r for u, r in run.items() if u in relevant}).items():
        held = len(relevant[user])
        own = {ours: values[theirs] for theirs, ours in names.items()}
        own["map"] = values[f"map_cut_{k}"] * held / min(k, held)
        for name, value in own.items():
            sums[name] += value
        del own["map_trec"]
        by_user[user] = own
    say(figure="metrics", peer="trec_eval", k=k, users=len(relevant),
        **{name: total / len(relevant) for name, total in sums.items()},
        **({"by_user": by_user} if args.users else {}))


if __name__ == "__main__":
    main()
