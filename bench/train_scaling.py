"""Training as the log grows, and within a memory budget (bench/train scaling, outofcore)."""
import json
import resource
import subprocess
import sys

from common import BUILD, MADE, SEED, make, table

COLUMNS = "user=user,item=item,time=time,type=type,session=none,basket=none,quantity=none"
PLAIN = COLUMNS + ",price=none,place=none,source=none"
SPEC = "als(factors=32, iterations=2), itemknn(k=50), popular"
PER_USER = 100
ITEMS = 50000


def shop(events):
    return [BUILD / "demo_shop", "--quiet", "--users", events // PER_USER, "--items", ITEMS,
            "--events", events, "--seed", SEED, "--time", "ms", "--print", "events"]


def trained(log, source=None, limit=None, memory=None, threads=1):
    """One run of build/bench/scaling: its figures, or its error text."""
    command = [BUILD / "bench/scaling", "--input", log, "--columns", PLAIN, "--spec", SPEC,
               "--temporary", MADE, "--threads", threads]
    if memory:
        command += ["--memory", memory]

    def hold():
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    done = subprocess.run([str(c) for c in command], stdin=source, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, preexec_fn=hold, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def piped(events):
    with subprocess.Popen([str(c) for c in shop(events)], stdout=subprocess.PIPE) as maker:
        found = trained("-", source=maker.stdout)
        maker.stdout.close()
    if isinstance(found, str):
        sys.exit(found)
    return found


def fit(points):
    """Least squares line through (x, y): slope, the share of variance it explains."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    sxx = sum((x - mx) ** 2 for x, _ in points)
    sxy = sum((x - mx) * (y - my) for x, y in points)
    syy = sum((y - my) ** 2 for _, y in points)
    return sxy / sxx, sxy * sxy / (sxx * syy) if syy else 1.0


def scaling(millions=(1, 3, 10, 30)):
    make(BUILD / "bench/scaling", BUILD / "demo_shop")
    print(f"generated logs, {PER_USER} events a user, {ITEMS} items, one thread, {SPEC}; als: "
          "seconds an iteration")
    rows, figures = [], []
    for m in millions:
        f = piped(m * 1000000)
        f["als_s"] /= 2.5  # two iterations and the last half-step
        figures.append(f)
        rows.append([f"{m} M", f["interactions"], f["users"], f["read_s"], f["build_s"],
                     f["als_s"], f["itemknn_s"], f["train_s"], f["user_s"], f["anon_mb"],
                     f["anon_mb"] * 1048576 / f["events"]])
        table(["events", "interactions", "users", "read s", "build s", "als s", "itemknn s",
               "train s", "processor s", "memory MB", "bytes an event"], rows[-1:])
    table(["events", "interactions", "users", "read s", "build s", "als s", "itemknn s",
           "train s", "processor s", "memory MB", "bytes an event"], rows)
    lines = []
    for name, key in ("reading", "read_s"), ("building", "build_s"), ("als iteration", "als_s"), \
            ("itemknn", "itemknn_s"), ("processor", "user_s"), ("memory MB", "anon_mb"):
        slope, share = fit([(f["interactions"] / 1e6, f[key]) for f in figures])
        lines.append([name, slope, share, slope * 730])
    table(["a straight line", "per million interactions", "R squared", "at 730 million"], lines)
    print(f"{figures[0]['isa']}")


def outofcore(millions=10):
    make(BUILD / "bench/scaling", BUILD / "demo_shop")
    log = MADE / f"outofcore-{millions}.csv"
    with open(log, "w", encoding="ascii") as out:
        subprocess.run([str(c) for c in shop(millions * 1000000)], stdout=out, check=True)
    print(f"{millions} million generated events, {PER_USER} a user, {ITEMS} items, one thread, "
          f"{SPEC}")
    free = trained(log)
    size = int(free["anon_mb"] * 1048576)
    budget = size // 4
    rows = []

    def add(name, f):
        if isinstance(f, str):
            rows.append([name] + ["-"] * 7 + [f[:90]])
            return
        whole = f["read_s"] + f["train_s"]
        rows.append([name, f["anon_mb"], f["file_mb"], f["read_s"], f["build_s"], f["train_s"],
                     whole, whole / (free["read_s"] + free["train_s"]),
                     f"{f['user_s'] + f['system_s']:.1f} processor s, {f['fingerprint']}"])

    add("no budget", free)
    add("budget 1/4", trained(log, memory=budget))
    # The same, held to it: the budget, and what the program is without any data.
    add("and RLIMIT_DATA", trained(log, memory=budget, limit=budget + (24 << 20)))
    add("no budget, RLIMIT_DATA", trained(log, limit=budget + (24 << 20)))
    add("budget 1/2", trained(log, memory=size // 2))
    table(["", "private MB", "mapped MB", "read s", "build s", "train s", "all s", "ratio", ""],
          rows)
    print(f"budget {budget / 1048576:.0f} MB; {free['isa']}")
    log.unlink()
