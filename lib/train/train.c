/* train.c - from a dataset and a description to a model.
 *
 * Learn the weights of blend(…) if there is one, freeze the dataset, train one
 * component after another in the order of the description, write everything
 * through the public writer. Memory: the frozen dataset, the components and
 * the image of the model at once.
 *
 * Blends need one more thing: a normalisation constant per component, so that
 * 0.7*als + 0.3*itemknn weighs like with like. It is one over the mean score
 * of the best SCALE_DEPTH answers of up to SCALE_USERS users spread evenly
 * over the rows (and one over the same of similar items), measured through
 * recs_recommend and recs_similar themselves on a model without blends. With
 * blends the model is therefore written twice and costs its size twice. They
 * are measured on the final components, whose scores are what is served, and
 * need nothing held out: what a user has is not among the answers. Learned
 * weights belong to constants of held out components, so there the users are
 * those of the validation part in both. */
#include "recs/train.h"

#include "base/error.h"
#include "base/lent.h"
#include "base/memory.h"
#include "model/format.h"
#include "recs/recommend.h"
#include "train/blend_learning.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#define SCALE_USERS 256
#define SCALE_ITEMS 256
#define SCALE_DEPTH 20

typedef struct train_run {
    recs_train_options options;
    recs__progress progress;
    recs__description *description;
    const recs__training *training;
    recs__trained *trained;              /* one per component */
    recs__file_component *components;
    char *settings[RECS__COMPONENTS_MAX];
    char *normalised;
    recs__learning_sample sample; /* users to measure constants on; empty: by row */
    const recs_host *host;
    uint64_t memory; /* what the dataset's budget leaves trainers; 0: none set */
} train_run;

/* ---- writing ------------------------------------------------------------------------ */

/* A reader that skipped the low-rank part of an item model, or the bfloat16 that
 * stand instead of factors, would score wrongly. */
static uint32_t flags_of(uint32_t type) {
    if (type == RECS_SECTION_VECTOR_INDEX) /* whoever parses it believes its bytes */
        return RECS_SECTION_TRUSTED;
    return type == RECS_SECTION_HISTORY_FACTORS || type == RECS_SECTION_HISTORY_SCALES ||
                   type == RECS_SECTION_ITEM_HALVES || type == RECS_SECTION_USER_HALVES
               ? RECS_SECTION_CRITICAL
               : 0;
}

/* The quantised copy of a component's item factors, after its sections. */
static recs_status write_codes(const train_run *run, recs_writer *writer, uint32_t c,
                               recs_error *error) {
    const recs__trained *trained = &run->trained[c];
    for (uint32_t s = 0; trained->factors != 0 && s < trained->section_count; s++) {
        uint32_t type = trained->sections[s].type;
        if (type == RECS_SECTION_ITEM_FACTORS || type == RECS_SECTION_ITEM_HALVES)
            return recs_writer_item_codes(writer, c, trained->sections[s].bytes,
                                          type == RECS_SECTION_ITEM_HALVES,
                                          run->training->items, trained->factors, error);
    }
    return RECS_OK;
}

static recs_status write_components(const train_run *run, recs_writer *writer, uint32_t count,
                                    recs_error *error) {
    recs__file_term terms[RECS__COMPONENTS_MAX * RECS__TERMS_MAX];
    uint32_t term_count = 0;
    recs_status status = recs_writer_section(
        writer, RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, RECS_SECTION_CRITICAL,
        run->components, count * sizeof *run->components, error);

    for (uint32_t c = 0; c < count; c++)
        for (uint32_t t = 0; t < run->description->specs[c].term_count; t++) {
            terms[term_count].component = run->description->specs[c].terms[t].component;
            terms[term_count++].weight = run->description->specs[c].terms[t].weight;
        }
    if (status == RECS_OK && term_count)
        status = recs_writer_section(writer, RECS_SECTION_TERMS, RECS_SECTION_MODEL,
                                     RECS_SECTION_CRITICAL, terms, term_count * sizeof *terms,
                                     error);
    for (uint32_t c = 0; c < count && status == RECS_OK; c++) {
        status = recs_writer_section(writer, RECS_SECTION_SETTINGS, c, 0, run->settings[c],
                                     strlen(run->settings[c]), error);
        for (uint32_t s = 0; s < run->trained[c].section_count && status == RECS_OK; s++)
            status = recs_writer_section(writer, run->trained[c].sections[s].type, c,
                                         flags_of(run->trained[c].sections[s].type),
                                         run->trained[c].sections[s].bytes,
                                         run->trained[c].sections[s].size, error);
        if (status == RECS_OK)
            status = write_codes(run, writer, c, error);
    }
    return status;
}

/* Writes the first `count` components into a model in memory. */
static recs_status write_model(const train_run *run, uint32_t count, recs_model **model,
                               recs_error *error) {
    recs_writer *writer = NULL;
    uint32_t terms = 0;
    for (uint32_t c = 0; c < count; c++)
        terms += run->description->specs[c].term_count;

    const recs_host *host = recs__training_big(run->training);
    recs_status status = recs_writer_create(&writer, NULL, host, error);
    if (status == RECS_OK)
        status = recs__training_write(run->training, writer, count, terms,
                                      run->options.compress ? RECS_SECTION_COMPRESS : 0, error);
    if (status == RECS_OK)
        status = recs_writer_section(writer, RECS_SECTION_DESCRIPTION, RECS_SECTION_MODEL, 0,
                                     run->normalised, strlen(run->normalised), error);
    if (status == RECS_OK && count)
        status = write_components(run, writer, count, error);
    if (status == RECS_OK)
        status = recs_writer_finish(writer, model, error);
    recs_writer_destroy(writer);
    return status;
}

/* ---- normalisation constants ---------------------------------------------------------- */

/* Adds the mean of the answers' scores, if there are any, to *sum. */
static void add_mean(const recs_query *query, double *sum, uint64_t *count) {
    size_t answers = recs_query_count(query);
    double total = 0.0;
    for (size_t i = 0; i < answers; i++)
        total += (double)recs_query_score(query, i);
    if (answers == 0 || !(total > 0.0))
        return;
    *sum += total / (double)answers;
    (*count)++;
}

/* The nth of the users that constants are measured on. */
static uint32_t user_of(const train_run *run, uint32_t n, uint32_t count) {
    uint32_t users = run->training->by_user.rows;
    if (run->sample.count) {
        const char *id = run->sample.ids[n];
        return recs__ids_find(&run->training->user_ids, id, strlen(id));
    }
    return (uint32_t)((uint64_t)n * users / count);
}

static recs_status ask_user(const train_run *run, const recs_model *model, recs_query *query,
                            uint32_t user, recs_error *error) {
    const recs__csr *matrix = &run->training->by_user;
    uint64_t at;
    size_t count = recs__csr_row(matrix, user, &at);
    recs_status status = recs_query_history_rows(query, matrix->columns + at, matrix->values + at,
                                                 NULL, count);
    if (status)
        return recs__fail(error, status, "blend constants: the history of user row %u is refused",
                          user);
    return recs_recommend(model, query, error);
}

static recs_status measure(const train_run *run, const recs_model *model, recs_query *query,
                           uint32_t component, recs_error *error) {
    recs__file_component *record = &run->components[component];
    uint32_t users = run->sample.count ? run->sample.count : run->training->by_user.rows;
    uint32_t items = run->training->items, asked = users < SCALE_USERS ? users : SCALE_USERS;
    uint64_t count = 0, similar_count = 0;
    double sum = 0.0, similar_sum = 0.0;
    recs_status status = RECS_OK;

    for (uint32_t s = 0; s < asked && status == RECS_OK; s++) {
        recs_query_reset(query);
        recs_query_limit(query, SCALE_DEPTH);
        recs_query_evidence_only(query, 1);
        recs_query_component(query, record->name);
        status = ask_user(run, model, query, user_of(run, s, asked), error);
        if (status == RECS_OK)
            add_mean(query, &sum, &count);
    }
    for (uint32_t s = 0; s < SCALE_ITEMS && s < items && status == RECS_OK; s++) {
        uint32_t item = items <= SCALE_ITEMS ? s : (uint32_t)((uint64_t)s * items / SCALE_ITEMS);
        recs_query_reset(query);
        recs_query_limit(query, SCALE_DEPTH);
        recs_query_evidence_only(query, 1);
        recs_query_component(query, record->name);
        recs_query_item(query, recs_model_item_id(model, item));
        status = recs_similar(model, query, error);
        if (status == RECS_ERR_UNSUPPORTED) { /* trends know no similar items */
            status = RECS_OK;
            break;
        }
        if (status == RECS_OK)
            add_mean(query, &similar_sum, &similar_count);
    }
    record->scale = recs__scale_of(sum, count);
    record->scale_similar = recs__scale_of(similar_sum, similar_count);
    return status;
}

/* Blends are made of trained components only, so that the constants of those
 * can be measured on a first model whose blends are not asked yet. */
static recs_status fit_constants(train_run *run, recs_error *error) {
    recs_model *plain = NULL;
    recs_query *query = NULL;
    uint32_t count = run->description->count;
    recs_status status = write_model(run, count, &plain, error);

    if (status == RECS_OK)
        status = recs_query_create(&query, run->host, error);
    for (uint32_t c = 0; c < count && status == RECS_OK; c++)
        if (run->description->specs[c].trainer)
            status = measure(run, plain, query, c, error);
    recs_query_destroy(query);
    recs_model_release(plain);
    return status;
}

/* ---- training ------------------------------------------------------------------------------ */

static void describe(recs__file_component *record, const recs__spec *spec,
                     const recs__trained *trained, uint32_t first_term) {
    memset(record, 0, sizeof *record);
    memcpy(record->name, spec->name, strlen(spec->name));
    const char *trainer = spec->trainer ? spec->trainer->name : "blend";
    memcpy(record->trainer, trainer, strlen(trainer));
    record->kind = spec->trainer ? trained->kind : RECS__KIND_BLEND;
    record->factors = trained->factors;
    record->scale = record->scale_similar = 1.0f;
    record->alpha = trained->alpha;
    record->regularization = trained->regularization;
    record->regularization_exponent = trained->regularization_exponent;
    record->items_trained = trained->items_trained;
    record->rows = trained->rows;
    record->neighbors = trained->neighbors;
    record->asymmetry = trained->asymmetry;
    record->shrinkage = trained->shrinkage;
    record->power = trained->power;
    record->metric = trained->metric;
    record->storage = trained->storage;
    record->merge = trained->merge;
    record->first_term = spec->term_count ? first_term : 0;
    record->term_count = spec->term_count;
}

static recs_status train_components(train_run *run, recs_error *error) {
    bool keep_users = run->training->users_mode != RECS__USERS_NONE;
    recs_status status = RECS_OK;
    uint32_t first_term = 0;

    for (uint32_t c = 0; c < run->description->count && status == RECS_OK; c++) {
        recs__spec *spec = &run->description->specs[c];
        recs__train_job job = {run->training, spec, run->options.seed, keep_users,
                               &run->progress, run->memory, run->options.start,
                               run->options.checkpoint,
                               run->options.checkpoint_every ? run->options.checkpoint_every : 1};
        if (spec->trainer)
            status = spec->trainer->train(&job, &run->trained[c], error);
        if (status)
            break;
        if (run->trained[c].resolved)
            spec->settings[run->trained[c].resolved - 1] = run->trained[c].resolved_value;
        run->settings[c] = recs__spec_text(run->description, c, run->host, error);
        if (!run->settings[c])
            return RECS_ERR_MEMORY;
        describe(&run->components[c], spec, &run->trained[c], first_term);
        first_term += spec->term_count;
    }
    if (status)
        return status;
    run->normalised = recs__description_text(run->description, run->host, error);
    return run->normalised ? RECS_OK : RECS_ERR_MEMORY;
}

/* A model to start from is of use to some component: als alone reads it. */
static recs_status check_start(const train_run *run, recs_error *error) {
    for (uint32_t c = 0; c < run->description->count; c++)
        if (run->description->specs[c].trainer == &recs__trainer_als)
            return RECS_OK;
    return run->options.start == NULL
               ? RECS_OK
               : recs__fail(error, RECS_ERR_ARGUMENT,
                            "a model to start from is given, but nothing in the description begins "
                            "where an earlier model is: als does, the others train anew");
}

static recs_status prepare(train_run *run, const char *description, recs_error *error) {
    run->description = recs__alloc(run->host, 1, sizeof *run->description, error);
    if (!run->description)
        return RECS_ERR_MEMORY;
    recs_status status = recs__description_parse(run->description, description, error);
    if (status == RECS_OK)
        status = check_start(run, error);
    if (status)
        return status;
    uint32_t count = run->description->count;
    run->trained = recs__alloc_zero(run->host, count, sizeof *run->trained, error);
    run->components = recs__alloc_zero(run->host, count, sizeof *run->components, error);
    return run->trained && run->components ? RECS_OK : RECS_ERR_MEMORY;
}

static void clear(train_run *run) {
    for (uint32_t c = 0; run->trained && c < run->description->count; c++) {
        recs__trained_clear(&run->trained[c], run->host);
        recs__free(run->host, run->settings[c]);
    }
    recs__free(run->host, run->trained);
    recs__free(run->host, run->components);
    recs__free(run->host, run->normalised);
    recs__free(run->host, run->sample.ids);
    recs__free(run->host, run->description);
}

/* What can be seen to be wrong before hours of work. */
static recs_status check_call(const recs_dataset *dataset, const recs_train_options *options,
                              recs_model *const *model, recs_error *error) {
    if (dataset == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "dataset is NULL, expected a recs_dataset");
    if (model == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "model is NULL, expected where to put it");
    if (options->compress != 0 && options->compress != 1)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recs_train_options.compress is %d, expected 0 or 1", options->compress);
    if (options->reserved != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "recs_train_options.reserved is %d, expected 0",
                          options->reserved);
    return RECS_OK;
}

recs_status recs_train(const recs_dataset *dataset, const char *description,
                       const recs_train_options *options, const recs_host *host,
                       recs_model **model, recs_error *error) {
    recs_host lent;
    recs__training *training = NULL;
    train_run run;
    recs_status status = recs__host_init(&lent, host, error);

    memset(&run, 0, sizeof run);
    run.host = &lent;
    if (status == RECS_OK)
        status = recs__lent_copy(&run.options, sizeof run.options, options, "recs_train_options",
                                 error);
    if (status == RECS_OK)
        status = check_call(dataset, &run.options, model, error);
    if (status)
        return status;
    recs__progress_init(&run.progress, run.options.progress, run.options.progress_data, &lent);
    if ((status = prepare(&run, description, error)) == RECS_OK)
        status = recs__blends_learn(run.description, dataset, &run.options, &lent, &run.sample,
                                    error);
    if (status == RECS_OK)
        status = recs__training_build(&training, dataset, &lent, error);
    if (status == RECS_OK) {
        run.training = training;
        run.memory = recs__training_left(training);
        status = train_components(&run, error);
    }
    if (status == RECS_OK && run.description->term_count)
        status = fit_constants(&run, error);
    if (status == RECS_OK)
        status = write_model(&run, run.description->count, model, error);
    if (training != NULL)
        status = recs__training_status(training, status, error);
    clear(&run);
    recs__training_destroy(training);
    return status;
}

uint32_t recs_train_version(void) {
    return RECS_VERSION_MAJOR * 1000000u + RECS_VERSION_MINOR * 1000u + RECS_VERSION_PATCH;
}
