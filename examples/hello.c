/* hello.c - the smallest host: recs_model_open, recs_recommend, recs_explain.
 *
 *     hello MODEL USER        what should this visitor see, and why? */
#include "recs.h"

#include <stdio.h>

int main(int argc, char **argv) {
    recs_model *model = NULL;
    recs_query *query = NULL;
    recs_error error = {0};

    if (argc != 3 || recs_model_open(&model, argv[1], NULL, NULL, &error) ||
        recs_query_create(&query, NULL, &error))
        return fprintf(stderr, "usage: hello MODEL USER\n%s\n", error.text), 2;

    recs_query_user(query, argv[2]);
    recs_query_limit(query, 10);
    if (recs_recommend(model, query, &error))
        fprintf(stderr, "hello: %s\n", error.text);

    for (size_t i = 0; i < recs_query_count(query); i++) {
        const char *title = recs_model_item_title(model, recs_query_row(query, i));
        recs_explain(model, query, i, &error);
        const char *reason = recs_query_reason_id(query, 0);
        printf("%-12s %-40s because of %s\n", recs_query_id(query, i), title ? title : "",
               reason ? reason : "popularity");
    }
    recs_query_destroy(query);
    recs_model_release(model);
    return error.status != RECS_OK;
}
