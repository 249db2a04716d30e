#!/usr/bin/env python3
"""Our metrics beside trec_eval's, which knows nothing of us.

Trains on a generated log, evaluates, asks for every user's list through
recs_recommend and hands those lists to bench/peers_metrics.py. Prints a reason
and exits 77 when `bench/peers` has not made its environment in build/peers."""

import ctypes as c
import json
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BUILD = os.environ.get("RECS_BUILD", os.path.join(ROOT, "build"))
PYTHON = os.path.join(ROOT, "build", "peers", "bin", "python")
AT = 5
TOLERANCE = 1e-6
USERS, ITEMS = 400, 150


class Error(c.Structure):
    _fields_ = [("status", c.c_int32), ("reserved", c.c_uint32), ("text", c.c_char * 504)]


class EvaluateOptions(c.Structure):
    _fields_ = [
        ("struct_size", c.c_size_t), ("component", c.c_char_p), ("cutoffs", c.c_char_p),
        ("repeats", c.c_int32), ("baselines", c.c_int32), ("recent_days", c.c_double),
        ("progress", c.c_void_p), ("progress_data", c.c_void_p), ("metrics", c.c_char_p),
        ("histories", c.c_void_p), ("protocol", c.c_char_p), ("confidence", c.c_double),
        ("seed", c.c_uint64), ("resamples", c.c_uint32), ("segments", c.c_int32),
        ("keep_users", c.c_int32), ("new_users", c.c_int32),
    ]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def check(status, error):
    if status != 0:
        sys.exit(f"{status}: {error.text.decode()}")


def write_logs(folder):
    """Two LightGCN files: popular items more often, test items not in train."""
    draw = random.Random(5)
    train, test = [], []
    for user in range(USERS):
        own = sorted({int(draw.random() ** 2 * ITEMS) for _ in range(draw.randint(4, 40))})
        draw.shuffle(own)
        cut = max(1, len(own) // 4)
        train.append(" ".join(map(str, [user, *own[cut:]])))
        test.append(" ".join(map(str, [user, *own[:cut]])))
    paths = [os.path.join(folder, name) for name in ("train.txt", "test.txt")]
    for path, lines in zip(paths, (train, test)):
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
    return paths


def dataset(lib, path, error):
    made = c.c_void_p()
    check(lib.recs_dataset_create(c.byref(made), None, c.byref(error)), error)
    check(lib.recs_dataset_set(made, b"format", b"lightgcn", c.byref(error)), error)
    check(lib.recs_dataset_read(made, path.encode(), c.byref(error)), error)
    return made


def ours(lib, model, test, component, error):
    options = EvaluateOptions(struct_size=c.sizeof(EvaluateOptions), component=component,
                              cutoffs=str(AT).encode(), metrics=b"all", keep_users=1)
    made = c.c_void_p()
    check(lib.recs_evaluate(model, test, c.byref(options), None, c.byref(made), c.byref(error)),
          error)
    rows = [lib.recs_evaluation_row_name(made, r).decode()
            for r in range(lib.recs_evaluation_rows(made))]
    metrics = [lib.recs_evaluation_metric_name(made, m).decode().split("@")[0]
               for m in range(lib.recs_evaluation_metrics(made))]
    filled = rows.index(component.decode() + "+fill")
    values = {name: lib.recs_evaluation_value(made, filled, m) for m, name in enumerate(metrics)}
    users = {lib.recs_evaluation_user_id(made, u).decode():
             {name: lib.recs_evaluation_user_value(made, u, filled, m)
              for m, name in enumerate(metrics)}
             for u in range(lib.recs_evaluation_users(made))}
    lib.recs_evaluation_destroy(made)
    return values, users


def write_run(recs, model, component, path, error):
    query = c.c_void_p()
    check(recs.recs_query_create(c.byref(query), None, c.byref(error)), error)
    with open(path, "w", encoding="ascii") as file:
        for row in range(recs.recs_model_users(model)):
            user = recs.recs_model_user_id(model, row)
            recs.recs_query_reset(query)
            recs.recs_query_user(query, user)
            recs.recs_query_component(query, component)
            recs.recs_query_limit(query, AT)
            check(recs.recs_recommend(model, query, c.byref(error)), error)
            ids = [recs.recs_query_id(query, i).decode()
                   for i in range(recs.recs_query_count(query))]
            file.write(" ".join([user.decode(), *ids]) + "\n")
    recs.recs_query_destroy(query)


def declare(recs, lib):
    p = c.c_void_p
    for library, name, result in (
            (lib, "recs_evaluation_row_name", c.c_char_p), (lib, "recs_evaluation_rows", c.c_size_t),
            (lib, "recs_evaluation_metric_name", c.c_char_p),
            (lib, "recs_evaluation_metrics", c.c_size_t), (lib, "recs_evaluation_value", c.c_double),
            (lib, "recs_evaluation_users", c.c_size_t), (lib, "recs_evaluation_user_id", c.c_char_p),
            (lib, "recs_evaluation_user_value", c.c_double),
            (lib, "recs_evaluation_destroy", None), (lib, "recs_dataset_destroy", None),
            (recs, "recs_model_users", c.c_uint32), (recs, "recs_model_user_id", c.c_char_p),
            (recs, "recs_model_release", None), (recs, "recs_query_id", c.c_char_p),
            (recs, "recs_query_count", c.c_size_t), (recs, "recs_query_reset", None),
            (recs, "recs_query_destroy", None)):
        getattr(library, name).restype = result
    for library, name, arguments in (
            (lib, "recs_evaluation_row_name", [p, c.c_size_t]),
            (lib, "recs_evaluation_metric_name", [p, c.c_size_t]),
            (lib, "recs_evaluation_value", [p, c.c_size_t, c.c_size_t]),
            (lib, "recs_evaluation_user_id", [p, c.c_size_t]),
            (lib, "recs_evaluation_user_value", [p, c.c_size_t, c.c_size_t, c.c_size_t]),
            (recs, "recs_model_user_id", [p, c.c_uint32]),
            (recs, "recs_query_limit", [p, c.c_size_t]),
            (recs, "recs_query_id", [p, c.c_size_t])):
        getattr(library, name).argtypes = arguments


def main():
    if not os.path.exists(PYTHON):
        skip("no build/peers; bench/peers makes it")
    if not os.path.exists(os.path.join(BUILD, "librecs-train.so.0")):
        skip("librecs-train.so.0 is not built")
    recs = c.CDLL(os.path.join(BUILD, "librecs.so.0"), mode=c.RTLD_GLOBAL)
    lib = c.CDLL(os.path.join(BUILD, "librecs-train.so.0"))
    declare(recs, lib)
    error = Error()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        train_path, test_path = write_logs(folder)
        train, test = dataset(lib, train_path, error), dataset(lib, test_path, error)
        model = c.c_void_p()
        check(lib.recs_train(train, b"als(factors=16), itemknn, popular", None, None,
                             c.byref(model), c.byref(error)), error)
        for component in (b"als", b"itemknn", b"popular"):
            run = os.path.join(folder, "run.txt")
            write_run(recs, model, component, run, error)
            theirs = json.loads(subprocess.run(
                [PYTHON, os.path.join(ROOT, "bench", "peers_metrics.py"), "--run", run, "--qrels",
                 test_path, "--at", str(AT), "--users"], check=True, capture_output=True, text=True).stdout)
            mine, users = ours(lib, model, test, component, error)
            for name in ("recall", "recall_min", "precision", "ndcg", "hit_rate", "mrr", "map"):
                same = abs(mine[name] - theirs[name]) <= TOLERANCE and mine[name] > 0
                failed += not same
                print(f"{component.decode():8} {name}@{AT:<3} ours {mine[name]:.9f} "
                      f"trec_eval {theirs[name]:.9f} {'' if same else 'DIFFERENT'}")
            apart = [(user, name) for user, values in theirs["by_user"].items()
                     for name, value in values.items()
                     if abs(users[user][name] - value) > TOLERANCE]
            failed += len(apart) + (len(users) != len(theirs["by_user"]))
            print(f"{component.decode():8} {len(users)} users one by one, "
                  f"{len(apart)} figures apart {apart[:3] if apart else ''}")
        recs.recs_model_release(model)
        lib.recs_dataset_destroy(train)
        lib.recs_dataset_destroy(test)
    sys.exit(1 if failed else 0)


main()
