/* request.c - from options to a recs_query. Setters remember their first
 * failure, so that the verb reports it. */
#include "cli.h"

#include <string.h>
#include <time.h>

bool request_open(request *r, const recs_host *host, recs_error *error) {
    memset(r, 0, sizeof *r);
    r->limit = 10;
    return recs_query_create(&r->query, host, error) == RECS_OK;
}

void request_close(request *r) {
    recs_query_destroy(r->query);
}

static recs_status add_history(void *context, const char *item) {
    return recs_query_history(context, item, 1.0f, RECS_NO_TIME);
}

static recs_status add_dislike(void *context, const char *item) {
    return recs_query_dislike(context, item, 1.0f);
}

static recs_status add_deny(void *context, const char *item) {
    return recs_query_deny(context, item);
}

static recs_status add_allow(void *context, const char *item) {
    return recs_query_allow(context, item);
}

typedef struct type_set {
    const recs_model *model;
    uint32_t bits;
} type_set;

static recs_status add_type(void *context, const char *name) {
    type_set *set = context;
    int32_t type = recs_model_event_type_of(set->model, name);
    size_t number;
    if (type < 0 && parse_count(name, RECS_EVENT_MAX, &number))
        type = (int32_t)number;
    set->bits |= recs_event_bit(type);
    return type < 0 ? RECS_ERR_ARGUMENT : RECS_OK;
}

bool request_option(request *r, const command *self, int option, const char *value, int *code) {
    size_t count;
    *code = EXIT_USAGE;
    switch (option) {
    case REQUEST_USER:
        r->has_user = true;
        r->user = value;
        recs_query_user(r->query, value);
        return true;
    case REQUEST_HISTORY:
        r->has_history = true;
        each_part(value, add_history, r->query);
        return true;
    case REQUEST_HISTORY_ITEM:
        r->has_history = true;
        recs_query_history(r->query, value, 1.0f, RECS_NO_TIME);
        return true;
    case REQUEST_APPEND:
        recs_query_append_history(r->query, 1);
        return true;
    case REQUEST_DISLIKE:
        r->has_history = true;
        each_part(value, add_dislike, r->query);
        return true;
    case REQUEST_ITEM:
        r->has_item = true;
        r->item = value;
        return true;
    case 'k':
        if (!parse_count(value, 2147483647, &count)) {
            usage_error(self, "-k is '%s', expected a whole number from 0 to 2147483647", value);
            return false;
        }
        r->has_limit = true;
        r->limit = count;
        recs_query_limit(r->query, count);
        return true;
    case REQUEST_COMPONENT:
        r->component = value;
        recs_query_component(r->query, value);
        return true;
    case REQUEST_DENY:
        each_part(value, add_deny, r->query);
        return true;
    case REQUEST_ALLOW:
        recs_query_allow_rows(r->query, NULL, 0);
        each_part(value, add_allow, r->query);
        return true;
    case REQUEST_EVIDENCE:
        recs_query_evidence_only(r->query, 1);
        return true;
    case REQUEST_SEEN:
        r->include_seen = true;
        return true;
    case REQUEST_TYPES:
        r->types = value;
        return true;
    case REQUEST_DAYS:
        if (!parse_number(value, &r->days) || r->days <= 0.0 || r->days > 1e6) {
            usage_error(self, "--exclude-days is '%s', expected a number of days above 0", value);
            return false;
        }
        return true;
    case REQUEST_UNAVAILABLE:
        recs_query_include_unavailable(r->query, 1);
        return true;
    case REQUEST_PLACE:
        recs_query_place(r->query, value);
        return true;
    case REQUEST_TRUSTED:
        r->trusted = true;
        return true;
    case REQUEST_EFFORT:
        if (!parse_count(value, UINT32_MAX - 1, &count) || count == 0) {
            usage_error(self, "--effort is '%s', expected a whole number from 1", value);
            return false;
        }
        recs_query_effort(r->query, (uint32_t)count);
        return true;
    default:
        *code = EXIT_OK;
        return false;
    }
}

bool request_finish(request *r, const command *self, const recs_model *model) {
    struct timespec now;
    type_set set = {model, r->types ? 0 : RECS_EVENT_ALL};
    int64_t not_before = RECS_NO_TIME;

    if (r->types && each_part(r->types, add_type, &set) != RECS_OK) {
        usage_error(self,
                    "--exclude-types '%s': expected names of event types (view, click, cart, buy, "
                    "return, ..., or the log's own) or their numbers up to %d",
                    r->types, RECS_EVENT_MAX);
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (r->days > 0.0)
        not_before = (int64_t)now.tv_sec * 1000 - (int64_t)(r->days * 86400000.0);
    recs_query_exclude_seen(r->query, r->include_seen ? 0 : set.bits, not_before);
    return true;
}
