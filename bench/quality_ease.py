"""How good ease is: the rows of bench/quality that are about it. What they share with the
others they are given by names()."""
from common import MADE, RECS, SEED, make, run, shared, table

EASE = "ease(method=sparse, regularization=60, history_exponent=0.3)"
EASE_PUBLISHED = "ease(method=dense, regularization=80, user_exponent=0)"


def gowalla(tools, spec=EASE, kind="picked on the last fifth of each list of train"):
    make("all")
    model = MADE / "ease.recs"
    tools["train"](model, spec, "--input", shared("gowalla/train.txt"), "--format", "lightgcn")
    print(f"{spec}, {kind}")
    tools["quality"]("Gowalla test, all items ranked, train items masked", model, "--test",
            shared("gowalla/test.txt"), "--format", "lightgcn",
            beside=[("published EASE (l2=80)", 0.1765, 0.1467, "", "")])


def published(tools):
    """Needs 3.6 GB and 6.9e13 flops: half an hour of a core with AVX2."""
    gowalla(tools, EASE_PUBLISHED, "the published settings")


def tails(part, held, share=0.2, every=6):
    """The last fifth of the lists in train.txt, of every sixth user, to be found from what is
    before. The lists are in no order of numbers, and this part is like the test part where a
    tenth taken at random is not: mean popularity above that of train, far from the ids left."""
    with open(shared("gowalla/train.txt"), encoding="ascii") as lines, \
            open(part, "w", encoding="ascii") as first, open(held, "w", encoding="ascii") as last:
        for line in lines:
            user, *items = line.split()
            cut = len(items) - (max(1, round(len(items) * share)) if len(items) >= 5 else 0)
            first.write(" ".join([user] + items[:cut]) + "\n")
            if int(user) % every == 0 and cut < len(items):
                last.write(" ".join([user] + items[cut:]) + "\n")


def tune(tools):
    """On the last fifth of each list, and beside it on a tenth at random."""
    make("all")
    model, rows = MADE / "ease-tune.recs", []
    lists = [MADE / f"ease-tune.{x}.txt" for x in ("train", "test")]
    log = [MADE / f"ease-tune.{x}.csv" for x in ("train", "test")]
    tails(*lists)
    run(RECS, "split", "--input", shared("gowalla/train.txt"), "--format", "lightgcn", "--by",
        "random:0.1", "--seed", SEED, "--train", log[0], "--test", log[1], "--quiet")
    tried = ["itemknn(user_exponent=0.7, asymmetry=0.75)"]
    for m, l, p, h, t in ((100, 80, 0, 0, 0), (100, 10, 0.5, 0, 0), (200, 20, 0.5, 0.15, 0.05),
                          (200, 60, 0.5, 0.15, 0), (200, 60, 0.5, 0.3, 0), (200, 60, 0.5, 0.5, 0),
                          (200, 150, 0.5, 0.3, 0), (200, 30, 0.5, 0.4, 0), (200, 40, 0.7, 0.4, 0)):
        tried.append(f"ease(method=sparse, candidates={m}, regularization={l}, user_exponent={p}, "
                     f"history_exponent={h}, target_exponent={t})")
    for spec in tried:
        row = [spec]
        for (part, held), rule in (lists, ("--format", "lightgcn")), (log, ("--type", "view")):
            tools["train"](model, spec, "--input", part, *rule)
            _, systems = tools["judge"](model, "--test", held, *rule)
            row += [systems[0]["recall@20"], systems[0]["ndcg@20"]]
        rows.append(row)
    print("Gowalla, train alone: the last fifth of each list, then a tenth at random")
    table(["", "recall@20", "ndcg@20", "recall@20", "ndcg@20"], rows)


def movielens(tools):
    part, held = tools["movielens_part"]("random:0.2")
    model = MADE / "ease-movielens.recs"
    spec = ("ease, dense = ease(method=dense, regularization=300, user_exponent=0, k=1000), "
            "sparse = ease(method=sparse), itemknn, popular")
    tools["train"](model, spec, "--input", part, "--positive", "3.5")
    print(spec)
    tools["quality"]("MovieLens, a fifth of each user's ratings held out, 3.5 and more to be found", model,
            "--test", held, "--positive", "3.5")


def retail(tools):
    make("all")
    model = MADE / "ease-retail.recs"
    spec = "dense = ease(method=dense), sparse = ease(method=sparse), itemknn"
    tools["train"](model, spec, "--input", tools["retail_log"](), "--before", "2011-10-01", "--drop-items",
          tools["NO_PRODUCTS"])
    print(spec)
    for repeats in "exclude", "include", "only":
        tools["quality"](f"Online Retail after 2011-10-01, repeats={repeats}", model, "--test",
                tools["retail_log"](), "--after", "2011-10-01", "--drop-items", tools["NO_PRODUCTS"], "--repeats",
                repeats)


def names(tools):
    """Named runs; tools: what bench/quality has by name."""
    return {"ease": lambda: gowalla(tools), "ease-published": lambda: published(tools),
            "ease-tune": lambda: tune(tools), "ease-movielens": lambda: movielens(tools),
            "ease-retail": lambda: retail(tools)}
