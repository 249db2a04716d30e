"""What the peers' programs share: a clean environment, LightGCN files, one JSON line a figure.

Import this before numpy: OpenBLAS reads its environment when it is loaded.
"""
import json
import os
import platform
import sys

# An environment that pins the processor or the cache size halves a peer's speed.
for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_name, None)
# The peers thread above BLAS; threads inside it would fight with theirs. Programs
# that want more say so through threadpoolctl or the peer's own call.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_name] = "1"
# … but where its own choice was found to be wrong (right_kernel), below.
if "RECS_PEER_BLAS" in os.environ:
    os.environ["OPENBLAS_CORETYPE"] = os.environ["RECS_PEER_BLAS"]


def processor():
    """The processor's name and the widest vector set it has."""
    name, flags = platform.machine(), ""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    name = line.split(":", 1)[1].strip()
                elif line.startswith(("flags", "Features")):
                    flags = line
                    break
    except OSError:
        pass
    isa = next((i for i in ("avx512f", "avx2", "asimd") if f" {i}" in flags), "scalar")
    return {"cpu": name, "isa": isa, "cores": len(os.sched_getaffinity(0))}


def right_kernel(architectures):
    """Starts the program anew where OpenBLAS took a processor with AVX2 for one without."""
    old = {"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Opteron",
           "Barcelona", "Bobcat", "Generic"}
    best = {"avx512f": "SkylakeX", "avx2": "Haswell"}.get(processor()["isa"])
    if best and "RECS_PEER_BLAS" not in os.environ and old & set(architectures):
        os.environ["RECS_PEER_BLAS"] = best
        os.execv(sys.executable, [sys.executable, *sys.argv])


def say(**figure):
    """Print one figure as one JSON line."""
    figure.update(processor())
    print(json.dumps(figure), flush=True)


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def read_lists(path):
    """A LightGCN file, `user item item …` a line, as {user: [item, …]}; ids stay text."""
    lists = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split()
            if not words:
                continue
            if words[0] in lists:
                fail(f"{path}:{number}: user {words[0]} a second time")
            lists[words[0]] = words[1:]
    return lists


def read_matrix(path):
    """A LightGCN file of row numbers as (users, items), two integer arrays."""
    import numpy as np

    users, items = [], []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            row = np.fromstring(line, dtype=np.int64, sep=" ")
            if row.size > 1:
                users.append(np.full(row.size - 1, row[0]))
                items.append(row[1:])
    if not users:
        fail(f"{path}: no interactions")
    return np.concatenate(users), np.concatenate(items)
