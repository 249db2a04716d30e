"""Every model on logs that no published split fixes: MovieLens and Online Retail, at their defaults,
and what each gains over the three baselines that need no model, user by user."""
import json

from common import MADE, RECS, make, run, table

# A blend that learns its weights on the end of train, beside what it is made of.
FIELD = ("graphfilter, ease, rp3beta, p3alpha, slim, itemknn, userknn, als, bpr, popular, "
         "home = blend(graphfilter, ease, als)")
# A shop has "buy it again" beside it: what sold lately tells most there.
SHOP = (FIELD + ", fresh = popular(half_life=30), again = blend(fresh, ease, graphfilter, repeats=only)")
BASELINES = "baseline/popular", "baseline/recent-popular", "baseline/own-items"


def judged(model, how):
    return json.loads(run(RECS, "evaluate", "--model", model, *how, "--at", 20, "--metrics",
                          "recall,ndcg,coverage,popularity", "--bootstrap", 1000, "--quiet", "--json"))


def gains(model, how, systems):
    """Of each system over each baseline: the difference of mean recall@20 on the same users, and
    its interval."""
    found = {}
    for base in BASELINES:
        told = json.loads(run(RECS, "evaluate", "--model", model, *how, "--at", 20, "--metrics",
                              "recall", "--compare", ",".join([base, *systems]), "--quiet", "--json"))
        for c in told["comparisons"]:
            # Told as the baseline less the system with what fills its list up: "base - als+fill".
            figure = c["metrics"]["recall@20"]
            low, high = figure["interval"]
            found[c["name"].split(" - ")[1].removesuffix("+fill"), base] = (
                f"{-figure['difference']:+.4f} ({-high:+.4f} {-low:+.4f})")
    return found


def field(title, model, *how):
    told = judged(model, how)
    systems = [s for s in told["systems"] if not s["name"].endswith("+fill")]
    ours = [s["name"] for s in systems if not s["name"].startswith("baseline/")]
    over = gains(model, how, ours)
    print(f"{title}: means over {told['users']} users; gains in recall@20 as served, filled up, with intervals of 95 %")
    table(["", "recall@20", "ndcg@20", "coverage@20", *(f"over {b.split('/')[1]}" for b in BASELINES)],
          [[s["name"], s["recall@20"], s["ndcg@20"], s["coverage@20"],
            *(over.get((s["name"], b), "") for b in BASELINES)] for s in systems])


def movielens(tools):
    part, held = tools["movielens_part"]("random:0.2")
    model = MADE / "sets-movielens.recs"
    tools["train"](model, FIELD, "--input", part, "--positive", "3.5")
    print(FIELD)
    field("MovieLens, a fifth of each user's ratings held out at random, 3.5 and more to be found",
          model, "--test", held, "--positive", "3.5")


def retail(tools):
    make("all")
    model, log = MADE / "sets-retail.recs", tools["retail_log"]()
    tools["train"](model, SHOP, "--input", log, "--before", "2011-10-01", "--drop-items",
                   tools["NO_PRODUCTS"])
    print(SHOP)
    for repeats in "exclude", "include", "only":
        field(f"Online Retail after 2011-10-01, repeats={repeats}", model, "--test", log, "--after",
              "2011-10-01", "--drop-items", tools["NO_PRODUCTS"], "--repeats", repeats)


def names(tools):
    return {"field-movielens": lambda: movielens(tools), "field-retail": lambda: retail(tools)}
