"""What the benchmark scripts share: building, running, tables, where the data is."""
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
DATA = pathlib.Path(os.environ.get("RECS_DATA", ROOT.parent / "shared" / "data"))
MADE = BUILD / "bench-data"
RECS = BUILD / "recs"
SEED = 1


def run(*command, patience=None):
    """Standard output of a command that must succeed, within so many seconds."""
    try:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, cwd=ROOT,
                              timeout=patience)
    except subprocess.TimeoutExpired:
        sys.exit(f"{command[0]}: not done in {patience} s")
    if done.returncode:
        sys.exit(f"{sys.argv[0]}: {' '.join(map(str, command))}: exit {done.returncode}")
    return done.stdout


def figures(*command, patience=None):
    return [json.loads(line) for line in run(*command, patience=patience).splitlines()
            if line.startswith("{")]


def make(*targets):
    """Targets below BUILD are named as the Makefile names them."""
    if "BUILD" not in os.environ:
        targets = [os.path.relpath(t, ROOT) if isinstance(t, pathlib.Path) else t for t in targets]
    run("make", "-s", "-j2", *targets)


def prepare(name):
    """Makes the environment of that name, which may take minutes, once; failure shows when used."""
    subprocess.run([ROOT / "bench/peers"], env={**os.environ, "PEER": name}, check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def peer(program, *args, name="", patience=None):
    """Figures of a peer's program; name: the environment it needs, one of those of bench/peers."""
    os.environ["PEER"] = name
    return figures(ROOT / "bench/peers", ROOT / "bench" / program, *args, patience=patience)


def shared(name):
    path = DATA / name
    if not path.exists():
        sys.exit(f"{sys.argv[0]}: no {path}; RECS_DATA names the folder it is in")
    return path


def machine():
    name = platform.processor()
    try:
        for line in open("/proc/cpuinfo", encoding="ascii", errors="replace"):
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {name}, {os.cpu_count()} cores, "
          f"load {load}; {platform.system()} {platform.machine()}; seed {SEED}")


def table(head, rows):
    rows = [head] + [[f"{c:.4f}" if isinstance(c, float) else str(c) for c in r] for r in rows]
    widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
    for row in rows:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(row, widths))).rstrip())
    sys.stdout.flush()


def movielens():
    """The small MovieLens set as a log, fetched once."""
    log = MADE / "movielens.csv"
    run(ROOT / "scripts/fetch-movielens", log)
    return log


def generated(users, items, pairs):
    """Generated pairs in the LightGCN form, from SEED: the train part and the test part."""
    made = MADE / f"generated-{users}-{items}-{pairs}"
    if not made.with_suffix(".test").exists():
        peer("peers_data.py", "interactions", "--users", users, "--items", items, "--pairs", pairs,
             "--seed", SEED, made)
    return made.with_suffix(".train"), made.with_suffix(".test")


def als_model(factors):
    """Factors of als on Gowalla, or on generated pairs where that log is not at hand."""
    model = MADE / f"als-{factors}.recs"
    if not model.exists():
        log = DATA / "gowalla/train.txt"
        log = log if log.exists() else generated(20000, 30000, 1000000)[0]
        run(RECS, "train", "--input", log, "--format", "lightgcn", "--spec",
            f"als(factors={factors}, iterations=5)", "--output", model, "--seed", SEED, "--quiet")
    return model


def main(doc, names):
    """Runs the one that the command line names."""
    asked = sys.argv[1:]
    if len(asked) != 1 or asked[0] not in names:
        helped = asked in (["-h"], ["--help"])
        print(doc if helped else f"usage: {sys.argv[0]} {' | '.join(names)}",
              file=sys.stdout if helped else sys.stderr)
        return 0 if helped else 2
    # A setting that pins OpenBLAS to a processor or a cache size halves every peer.
    for pin in "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE":
        os.environ.pop(pin, None)
    MADE.mkdir(parents=True, exist_ok=True)
    machine()
    names[asked[0]]()
    return 0
