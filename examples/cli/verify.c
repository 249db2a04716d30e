/* verify.c - `recs verify`: reads all of a model file and says whether it is whole. */
#include "cli.h"

static int verify(const ask *a) {
    recs_error error;
    char size[32];
    json_t *root;
    recs_status status = recs_model_verify(a->model, &error);

    if (a->shared.json) {
        root = json_object();
        set_text(root, "model", a->shared.model);
        json_object_set_new(root, "ok", json_boolean(status == RECS_OK));
        set_text(root, "problem", status == RECS_OK ? NULL : error.text);
        print_json(root);
        return status == RECS_OK ? EXIT_OK : EXIT_FAILED;
    }
    if (status != RECS_OK) {
        fprintf(stderr, "recs: %s: %s\n", a->shared.model, error.text);
        return EXIT_FAILED;
    }
    printf("%s: whole, %u sections, %s\n", a->shared.model, recs_model_section_count(a->model),
           size_text(recs_model_size(a->model), size));
    return EXIT_OK;
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {COMMON_OPTIONS, {0}};
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, NULL, NULL, &code))
        code = verify(&a);
    ask_close(&a);
    return code;
}

const command command_verify = {
    "verify", "whether a model file is whole",
    "usage: recs verify --model FILE [options]\n\n"
    "Reads the whole file: checksums, order of ids, bounds, finite values. Exit code 0\n"
    "and one line when all is right, 1 and what is wrong otherwise.\n\n"
    "  --model FILE           the model\n" COMMON_USAGE,
    run};
