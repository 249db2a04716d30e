"""Training ease: the rows of bench/train that are about it."""
from common import BUILD, SEED, figures, make, peer, table


def ease(sizes=(5000, 10000)):
    """Dense: the whole training beside the sgemm of the same run and scipy's inverse alone; the
    sparse way on the same data, and at the size of Amazon-book."""
    make(BUILD / "bench/ease")
    rows = []
    for size in sizes:
        for threads in 1, 2:
            us = figures(BUILD / "bench/ease", "--items", size, "--threads", threads, "--seed",
                         SEED)[0]
            few = figures(BUILD / "bench/ease", "--items", size, "--threads", threads, "--seed",
                          SEED, "--method", "sparse")[0]
            them = peer("peers_ease.py", "--items", size, "--threads", threads, "--seed", SEED)[0]
            rows.append([f"{size} x {threads}", us["seconds"], us["gflops"], us["sgemm_gflops"],
                         us["times_blas"], us["times_blas_cpu"], them["seconds"], them["gflops"],
                         few["seconds"]])
    print(f"ease, {us['pairs']} pairs at {size} items, k {us['k']}; {us['isa']}, {us['blas']}; "
          f"beside it {them['who']}, {them['blas']}, the inverse alone")
    table(["items x threads", "s", "GFLOP/s", "of sgemm's", "times BLAS", "by processor time",
           "scipy s", "GFLOP/s", "sparse s"], rows)
    rows = []
    for threads in 1, 2:
        us = figures(BUILD / "bench/ease", "--items", 91599, "--threads", threads, "--seed", SEED,
                     "--method", "sparse", "--users", 0.575, "--mean", 45)[0]
        rows.append([f"{us['items']} x {threads}", us["pairs"], us["seconds"],
                     us["processor_seconds"]])
    print("method=sparse at the size of Amazon-book, generated")
    table(["items x threads", "pairs", "s", "processor s"], rows)


NAMES = {"ease": ease, "ease-20000": lambda: ease((20000,))}
