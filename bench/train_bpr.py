"""bench/train bpr: seconds a pass and quality on Gowalla, beside implicit's BPR."""
import json

from common import MADE, RECS, SEED, make, peer, run, shared, table

BPR = "bpr(factors=64, iterations={}, negatives=64, learning_decay=0.5, history_exponent=0.5)"


def bpr(passes=50, beside=100):
    """Seconds a pass by the difference of two trainings, so that reading cancels out. The
    peer's passes are cheaper (one negative a pair) and it takes more of them."""
    make("all")
    train, test, rows = shared("gowalla/train.txt"), shared("gowalla/test.txt"), []
    model = MADE / "bpr.recs"
    for threads in 1, 2:
        seconds = {}
        for count in 1, passes:
            told = json.loads(run(RECS, "train", "--input", train, "--format", "lightgcn",
                                  "--threads", threads, "--spec", BPR.format(count), "--seed",
                                  SEED, "--output", model, "--quiet", "--json"))
            seconds[count] = told["seconds"]["train"]
        judged = json.loads(run(RECS, "evaluate", "--model", model, "--test", test, "--format",
                                "lightgcn", "--at", 20, "--quiet", "--json"))["systems"]
        own = next(s for s in judged if s["name"] == "bpr")
        rows.append([f"librecs x {threads}", (seconds[passes] - seconds[1]) / (passes - 1),
                     passes, seconds[passes], own["recall@20"], own["ndcg@20"]])
        theirs = peer("peers_bpr.py", "--train", train, "--test", test, "--factors", 64,
                      "--threads", threads, "--iterations", beside, "--seed", SEED)[0]
        rows.append([f"implicit x {threads}", theirs["seconds_pass"], beside, theirs["seconds"],
                     theirs["recall@20"], theirs["ndcg@20"]])
    print(f"bpr on Gowalla, 64 factors; {BPR.format(passes)}; implicit's defaults but a learning "
          f"rate of 0.05; {theirs['isa']}")
    table(["who x threads", "s/pass", "passes", "seconds", "recall@20", "ndcg@20"], rows)
