/* tune_ranges.c - where to search when nobody says: a range for each setting
 * whose best value depends on the data. Settings that only cost more the higher
 * they are (k of what is stored, iterations) have none; neither have those
 * whose meaning hangs on another (k1 and b of bm25).
 *
 * A new trainer is a few lines here; tests/test_tune_space.c reads them all. */
#include "train/tune_space.h"

#include <string.h>

static const struct {
    const char *trainer, *setting, *range;
} own[] = {
    {"als", "factors", "32|64|128|256"},
    {"als", "alpha", "1..400 log"},
    {"als", "regularization", "0.005..5 log"},
    {"bpr", "learning_rate", "0.01..0.2 log"},
    {"bpr", "regularization", "0.0001..0.05 log"},
    {"bpr", "factors", "32|64|128"},
    {"content", "merge", "centroid|best"},
    {"ease", "regularization", "2..2000 log"},
    {"ease", "user_exponent", "0..0.8"},
    {"ease", "history_exponent", "0..0.4"},
    {"ease", "target_exponent", "0..0.2"},
    {"graphfilter", "user_exponent", "0.2..0.8"},
    {"graphfilter", "item_exponent", "0.2..0.8"},
    {"graphfilter", "popularity", "0..0.8"},
    {"graphfilter", "ideal", "0..1"},
    {"itemknn", "asymmetry", "0.3..0.9"},
    {"itemknn", "user_exponent", "0..1.2"},
    {"itemknn", "shrinkage", "0..30"},
    {"p3alpha", "alpha", "0.3..1.8"},
    {"popular", "half_life", "0|7|14|30|60|120|365"},
    {"rp3beta", "alpha", "0.3..1.8"},
    {"rp3beta", "beta", "0..0.8"},
    {"slim", "l1", "0.0001..1 log"},
    {"slim", "l2", "1..2000 log"},
    {"trending", "half_life", "1|2|4|7|14|28"},
    {"trending", "prior", "0|5|20|80"},
    {"userknn", "k", "50..1000 log"},
    {"userknn", "asymmetry", "0.2..0.9"},
    {"userknn", "popularity_exponent", "0..0.8"},
    {"userknn", "power", "0.5..3"},
};

const char *recs__range_own(const char *trainer, const char *setting) {
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i].trainer, trainer) == 0 && strcmp(own[i].setting, setting) == 0)
            return own[i].range;
    return NULL;
}
