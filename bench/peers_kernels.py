"""NumKong's products of one vector, and of 64, with rows, by type, beside bench/kernels.c.

  peers_kernels.py [--dims 64 128 784] [--rows 4096]

One thread, the best of some hundred calls. NumKong sums float32 in float64, which is
more work than a float32 sum; int8 in int32, as our codes. One JSON line a figure:
millions of pairs a second, GB/s of rows read, 1e9 multiply-adds a second.
"""
import argparse
import time

from peers_common import say

import numkong
import numpy as np


def best(call, budget=0.2):
    call()
    # Of the processor, as ours: what else runs here takes no part.
    least, end = float("inf"), time.perf_counter() + budget
    while time.perf_counter() < end:
        start = time.process_time()
        call()
        least = min(least, time.process_time() - start)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[64, 128, 784])
    parser.add_argument("--rows", type=int, default=4096)
    args = parser.parse_args()
    isa = [name for name, there in numkong.get_capabilities().items() if there]
    rng = np.random.default_rng(1)
    for dims in args.dims:
        floats = rng.standard_normal((args.rows, dims)).astype("f4")
        kinds = {"f32": (floats, "f32"), "f16": (floats.astype("f2"), "f16"),
                 "bf16": ((floats.view("u4") >> 16).astype("u2"), "bf16"),
                 "i8": (np.clip(np.rint(floats * 40), -127, 127).astype("i1"), None)}
        for kind, (rows, dtype) in kinds.items():
            more = {} if dtype is None else {"dtype": dtype}
            calls = [(1, lambda: numkong.cdist(rows[:1], rows, "dot", **more))]
            if kind in ("f32", "i8"):
                packed = numkong.dots_pack(rows, **more)
                some = np.ascontiguousarray(rows[:64])
                calls.append((64, lambda: numkong.dots_packed(some, packed)))
            for queries, call in calls:
                try:
                    seconds = best(call)
                except (LookupError, TypeError, ValueError) as error:
                    say(figure="kernel", peer="numkong", type=kind, error=str(error))
                    continue
                say(figure="kernel", peer="numkong", version=numkong.__version__, type=kind,
                    dims=dims, rows=args.rows, queries=queries,
                    mpairs_per_s=queries * args.rows / seconds / 1e6,
                    gb_per_s=rows.nbytes / seconds / 1e9,
                    gmac_per_s=queries * rows.size / seconds / 1e9, numkong_isa="+".join(isa))


if __name__ == "__main__":
    main()
