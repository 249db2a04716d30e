#!/usr/bin/env python3
"""Opens a model, recommends and explains through ctypes alone.

Every signature of the public headers has to stay easy to bind without a
compiler: this script declares a few of them by hand and uses them as a Python
host would. Prints a reason and exits 77 when the library is not built."""

import ctypes as c
import os
import sys

BUILD = os.environ.get("RECS_BUILD", os.path.join(os.path.dirname(__file__), "..", "build"))
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "v1.recs")
LIBRARY = os.path.join(BUILD, "librecs.so.0")


class Error(c.Structure):
    _fields_ = [("status", c.c_int32), ("reserved", c.c_uint32), ("text", c.c_char * 504)]


RUN = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t)
TASK = c.CFUNCTYPE(None, c.c_void_p, c.c_size_t)


class Host(c.Structure):
    _fields_ = [
        ("struct_size", c.c_size_t),
        ("memory_data", c.c_void_p), ("allocate", c.c_void_p),
        ("reallocate", c.c_void_p), ("release", c.c_void_p),
        ("log_data", c.c_void_p), ("log", c.c_void_p),
        ("clock_data", c.c_void_p), ("now", c.c_void_p),
        ("executor_data", c.c_void_p), ("run", RUN),
    ]


def bind(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = list(arguments)
    return function


class Recs:
    """The few calls this test needs, as attributes."""

    def __init__(self, path):
        lib = c.CDLL(path)
        p, text, error = c.c_void_p, c.c_char_p, c.POINTER(Error)
        self.version_text = bind(lib, "recs_version_text", text)
        self.open = bind(lib, "recs_model_open", c.c_int, c.POINTER(p), text, p, p, error)
        self.release = bind(lib, "recs_model_release", None, p)
        self.users = bind(lib, "recs_model_users", c.c_uint32, p)
        self.items = bind(lib, "recs_model_items", c.c_uint32, p)
        self.user_id = bind(lib, "recs_model_user_id", text, p, c.c_uint32)
        self.item_id = bind(lib, "recs_model_item_id", text, p, c.c_uint32)
        self.components = bind(lib, "recs_model_component_count", c.c_uint32, p)
        self.component = bind(lib, "recs_model_component_name", text, p, c.c_uint32)
        self.query_create = bind(lib, "recs_query_create", c.c_int, c.POINTER(p), c.POINTER(Host),
                                 error)
        self.query_destroy = bind(lib, "recs_query_destroy", None, p)
        self.query_reset = bind(lib, "recs_query_reset", None, p)
        self.query_user = bind(lib, "recs_query_user", c.c_int, p, text)
        self.query_limit = bind(lib, "recs_query_limit", c.c_int, p, c.c_size_t)
        self.query_component = bind(lib, "recs_query_component", c.c_int, p, text)
        self.query_packed = bind(lib, "recs_query_history_packed", c.c_int, p, text,
                                 c.POINTER(c.c_uint32), c.POINTER(c.c_float),
                                 c.POINTER(c.c_int64), c.c_size_t)
        self.recommend = bind(lib, "recs_recommend", c.c_int, p, p, error)
        self.explain = bind(lib, "recs_explain", c.c_int, p, p, c.c_size_t, error)
        self.score = bind(lib, "recs_score", c.c_int, p, p, text, c.POINTER(c.c_float), error)
        self.rows = bind(lib, "recs_recommend_rows", c.c_int, p, p, c.POINTER(c.c_uint32),
                         c.c_size_t, c.POINTER(c.c_uint32), c.POINTER(c.c_float), error)
        self.count = bind(lib, "recs_query_count", c.c_size_t, p)
        self.id = bind(lib, "recs_query_id", text, p, c.c_size_t)
        self.answer_score = bind(lib, "recs_query_score", c.c_float, p, c.c_size_t)
        self.answer_rows = bind(lib, "recs_query_rows", c.POINTER(c.c_uint32), p)
        self.reason_count = bind(lib, "recs_query_reason_count", c.c_size_t, p)
        self.reason = bind(lib, "recs_query_reason_contribution", c.c_double, p, c.c_size_t)


def check(condition, text):
    if not condition:
        sys.exit("FAILED: " + text)


def recommend(recs, model, query, error):
    status = recs.recommend(model, query, c.byref(error))
    check(status == 0, "recs_recommend: %s" % error.text.decode())
    return [(recs.id(query, i).decode(), recs.answer_score(query, i))
            for i in range(recs.count(query))]


def run_component(recs, model, query, component, error):
    """Recommends for every user by every component; scores and reasons agree."""
    for row in range(recs.users(model)):
        recs.query_reset(query)
        recs.query_user(query, recs.user_id(model, row))
        recs.query_limit(query, 5)
        recs.query_component(query, component)
        answers = recommend(recs, model, query, error)
        for index, (item, score) in enumerate(answers):
            status = recs.explain(model, query, index, c.byref(error))
            check(status == 0, "recs_explain: %s" % error.text.decode())
            total = sum(recs.reason(query, i) for i in range(recs.reason_count(query)))
            check(abs(total - score) <= 1e-5 * max(1.0, abs(score)),
                  "reasons of %s sum to %r, score is %r" % (item, total, score))
        for item, score in answers:
            alone = c.c_float()
            check(recs.score(model, query, item.encode(), c.byref(alone), c.byref(error)) == 0,
                  "recs_score: %s" % error.text.decode())
            check(alone.value == score, "recs_score and recs_recommend differ for " + item)


def run_rows(recs, model, error):
    """A Python function as the executor: tasks run backwards, rows agree."""
    calls = []

    @RUN
    def run(_, task, argument, count):
        calls.append(count)
        call = TASK(task)
        for index in reversed(range(count)):
            call(argument, index)

    host = Host(struct_size=c.sizeof(Host), run=run)
    query = c.c_void_p()
    check(recs.query_create(c.byref(query), c.byref(host), c.byref(error)) == 0,
          "recs_query_create with a host: %s" % error.text.decode())
    users, limit = recs.users(model), 4
    recs.query_limit(query, limit)
    rows = (c.c_uint32 * users)(*range(users))
    out, scores = (c.c_uint32 * (users * limit))(), (c.c_float * (users * limit))()
    status = recs.rows(model, query, rows, users, out, scores, c.byref(error))
    check(status == 0, "recs_recommend_rows: %s" % error.text.decode())
    check(calls, "the lent executor was not called")
    for user in range(users):
        recs.query_reset(query)
        recs.query_user(query, recs.user_id(model, user))
        recs.query_limit(query, limit)
        recommend(recs, model, query, error)
        alone = [recs.answer_rows(query)[i] for i in range(recs.count(query))]
        check(alone == list(out[user * limit:user * limit + len(alone)]),
              "recs_recommend_rows and recs_recommend differ for user row %d" % user)
    recs.query_destroy(query)


def run_history(recs, model, query, error):
    """A packed history, as Arrow lays it out."""
    ids = [recs.item_id(model, row) for row in range(2)]
    offsets = [0]
    for item in ids:
        offsets.append(offsets[-1] + len(item))
    recs.query_reset(query)
    status = recs.query_packed(query, b"".join(ids), (c.c_uint32 * len(offsets))(*offsets), None,
                               None, len(ids))
    check(status == 0, "recs_query_history_packed gave %d" % status)
    answers = recommend(recs, model, query, error)
    check(answers and not {a for a, _ in answers} & {i.decode() for i in ids},
          "a history's own items are not left out")


def main():
    if not os.path.exists(LIBRARY):
        print("skipped: %s is not built" % LIBRARY)
        return 77
    recs, error, model, query = Recs(LIBRARY), Error(), c.c_void_p(), c.c_void_p()
    status = recs.open(c.byref(model), b"/nowhere/none.recs", None, None, c.byref(error))
    check(status == 3 and b"none.recs" in error.text, "a missing file names itself")
    status = recs.open(c.byref(model), GOLDEN.encode(), None, None, c.byref(error))
    check(status == 0, "recs_model_open: %s" % error.text.decode())
    check(recs.query_create(c.byref(query), None, c.byref(error)) == 0, "recs_query_create")
    for index in range(recs.components(model)):
        run_component(recs, model, query, recs.component(model, index), error)
    run_history(recs, model, query, error)
    run_rows(recs, model, error)
    recs.query_reset(query)
    recs.query_user(query, b"nobody at all")
    status = recs.recommend(model, query, c.byref(error))
    check(status == 3 and b"nobody at all" in error.text, "an unknown user is named")
    recs.query_destroy(query)
    recs.release(model)
    print("ok: librecs %s through ctypes" % recs.version_text().decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
