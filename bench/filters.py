"""Linear graph filters on Gowalla: published settings beside what is published, and how long
training takes stage by stage (bench/quality gowalla-filters, bench/train graphfilter)."""
import json
import subprocess
import sys

from common import BUILD, MADE, RECS, SEED, make, run, shared, table

# Settings as their authors give them for this split (their test part picked them).
PUBLISHED = {
    "GF-CF": ("graphfilter(filter=linear, user_exponent=0.5, item_exponent=0.5, rank=256, "
              "ideal=0.3, popularity=0, ideal_popularity=0.5, k=1000)", 0.1849, 0.1518),
    "Turbo-CF": ("graphfilter(filter=linear, user_exponent=0.6, item_exponent=0.4, power=0.7, "
                 "rank=0, ideal=0, popularity=0, ideal_popularity=0, k=41000)", 0.1835, 0.1531),
    "BSPM": ("graphfilter(filter=sharpen, merge=early, time=2.5, user_exponent=0.5, "
             "item_exponent=0.5, rank=448, ideal=0.2, popularity=0, ideal_popularity=0.5, k=1000)", 0.1920, 0.1597),
    "ChebyCF": ("graphfilter(filter=chebyshev, degree=8, flatness=1.5, user_exponent=0.5, "
                "item_exponent=0.5, rank=512, ideal=0.2, popularity=0.4, ideal_popularity=0.4, "
                "k=1000)", 0.1941, 0.1616),
}
# Picked on train alone; docs/models.md says how.
PICKED = ("graphfilter(rank=512, k=1000, user_exponent=0.3, flatness=2.5, popularity=0.4, "
          "ideal_popularity=0.4)")
BEST = (f"filter = {PICKED}, ease(method=sparse, regularization=60, history_exponent=0.3), "
        "home = 0.7*filter + 0.3*ease")


def quality():
    make("all")
    model, rows = MADE / "filters.recs", []
    specs = [("defaults", "graphfilter", "", ""), ("picked", PICKED, "", ""),
             ("best", BEST, "", "")] + [(f"{n}'s settings", *v) for n, v in PUBLISHED.items()]
    for name, spec, recall, ndcg in specs:
        run(RECS, "train", "--input", shared("gowalla/train.txt"), "--format", "lightgcn",
            "--spec", spec, "--output", model, "--seed", SEED, "--quiet")
        told = json.loads(run(RECS, "evaluate", "--model", model, "--test",
                              shared("gowalla/test.txt"), "--format", "lightgcn", "--at", 20,
                              "--no-baselines", "--quiet", "--json"))
        found = [s for s in told["systems"] if not s["name"].endswith("+fill")][-1]
        rows.append([name, found["recall@20"], found["ndcg@20"], found["coverage@20"], recall,
                     ndcg])
        print(f"{name}: {spec}")
    print("Gowalla test, all items ranked, train items masked")
    table(["", "recall@20", "ndcg@20", "coverage@20", "published recall", "published ndcg"], rows)


def times():
    make(BUILD / "bench/scaling")
    rows = []
    for spec in "graphfilter", PICKED, PUBLISHED["Turbo-CF"][0]:
        for threads in 1, 2:
            done = subprocess.run(
                [str(c) for c in (BUILD / "bench/scaling", "--input", shared("gowalla/train.txt"),
                                  "--spec", spec, "--temporary", MADE, "--threads", threads)],
                stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                sys.exit(f"{spec}: exit {done.returncode}")
            rows.append([spec, threads, done.stdout.strip()])
    for row in rows:
        print(*row, sep="\n  ")
