/* test_description.c - the grammar, every refusal with its column, and that
 * what is printed reads back as the same. */
#include "train/description.h"

#include "support/fault_host.h"
#include "support/test.h"
#include "train/trainer.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *normalised(const char *text) {
    char *printed = NULL;
    recs_error error = {0};
    if (recs_description_check(text, NULL, &printed, &error) != RECS_OK)
        fail_msg("'%s': %s", text, error.text);
    return printed;
}

/* Prints as expected, and what is printed prints as itself. */
static void expect(const char *text, const char *expected) {
    char *once = normalised(text), *twice = normalised(once);
    assert_string_equal(once, expected);
    assert_string_equal(twice, expected);
    recs_text_free(once, NULL);
    recs_text_free(twice, NULL);
}

#define POPULAR "popular(half_life=0, count=units)"

static void test_grammar(void **state) {
    (void)state;
    expect("popular", POPULAR);
    expect(" \t\r\npopular ( ) \n", POPULAR);
    expect("popular(half_life=30,count=events)", "popular(half_life=30, count=events)");
    expect("popular(count = events , half_life = 3e1)", "popular(half_life=30, count=events)");
    expect("hits = popular", "hits = " POPULAR);
    expect("hits.of-2024_x=popular()", "hits.of-2024_x = " POPULAR);
    expect("popular, b = popular(), x = 0.7*popular + .3*b",
           POPULAR ", b = " POPULAR ", x = 0.7*popular + 0.3*b");
    expect("popular, b=popular(), x=1e-1*popular+1E+1*b",
           POPULAR ", b = " POPULAR ", x = 0.1*popular + 10*b");
    expect("popular, b=popular(), x=-1e+1*popular+-2*b",
           POPULAR ", b = " POPULAR ", x = -10*popular + -2*b");
    expect("popular, b = popular(), x = popular + b",
           POPULAR ", b = " POPULAR ", x = 1*popular + 1*b");
    /* A bare word is a component when there is one of that name. */
    expect("popular, x = popular", POPULAR ", x = 1*popular");
    expect("als = popular, x = als", "als = " POPULAR ", x = 1*als");
    expect("als = popular, popular", "als = " POPULAR ", " POPULAR);
}

#define TWO "a = " POPULAR ", b = " POPULAR
#define RESOLVED ", metric=ndcg, k=20, validation=auto, share=0.1, repeats=exclude)"

static void test_learned_blends(void **state) {
    (void)state;
    expect("a=popular(),b=popular(),x=blend(a,b)", TWO ", x = blend(a, b" RESOLVED);
    expect("a=popular(),b=popular(),blend(a,b)", TWO ", blend(a, b" RESOLVED);
    expect("a=popular(),b=popular(), blend = blend ( b , a , k = 20 )",
           TWO ", blend(b, a" RESOLVED);
    expect("a=popular(),b=popular(),x=blend(a,b,share=0.25,k=10,metric=recall,validation=random)",
           TWO ", x = blend(a, b, metric=recall, k=10, validation=random, share=0.25, "
               "repeats=exclude)");
    expect("a=popular(),b=popular(),x=blend(a,b),y=blend(b,a,k=5),z=0.5*a+b",
           TWO ", x = blend(a, b" RESOLVED ", y = blend(b, a, metric=ndcg, k=5, validation=auto, "
               "share=0.1, repeats=exclude), z = 0.5*a + 1*b");
    /* Without a parenthesis it is a name as any other. */
    expect("blend = popular, x = blend", "blend = " POPULAR ", x = 1*blend");
}

static void test_defaults_are_written_out(void **state) {
    (void)state;
    const recs__trainer *trainer;
    for (size_t t = 0; (trainer = recs__trainer_at(t)) != NULL; t++) {
        char *printed = normalised(trainer->name);
        assert_true(trainer->setting_count <= RECS__SETTINGS_MAX);
        for (size_t s = 0; s < trainer->setting_count; s++) {
            const recs__setting *setting = &trainer->settings[s];
            char given[100];
            if (setting->text != 0)
                continue;
            snprintf(given, sizeof given, "%s=", setting->name);
            assert_non_null(strstr(printed, given));
            if (!setting->choices)
                assert_true(setting->low <= setting->fallback &&
                            setting->fallback <= setting->high);
        }
        expect(printed, printed);
        recs_text_free(printed, NULL);
    }
    assert_null(recs__trainer_find("al", 2));
    assert_null(recs__trainer_find("alss", 4));
    assert_ptr_equal(recs__trainer_find("als(", 3), &recs__trainer_als);
}

static void test_values(void **state) {
    (void)state;
    recs__description *d = malloc(sizeof *d);
    recs_error error = {0};
    assert_int_equal(recs__description_parse(
                         d, "a = als(factors=2048, alpha=0.1, solver=cholesky), p = popular, "
                            "x = 0.25*p + 3*a",
                         &error),
                     RECS_OK);
    assert_int_equal(d->count, 3);
    assert_int_equal(d->term_count, 2);
    assert_string_equal(d->specs[0].name, "a");
    assert_ptr_equal(d->specs[0].trainer, &recs__trainer_als);
    assert_true(d->specs[0].settings[0] == 2048.0);
    assert_true(d->specs[0].settings[3] == 0.1);
    assert_true(d->specs[0].settings[5] == 3.0);
    assert_null(d->specs[2].trainer);
    assert_int_equal(d->specs[2].terms[0].component, 1);
    assert_true(d->specs[2].terms[0].weight == 0.25f);
    assert_int_equal(d->specs[2].terms[1].component, 0);
    free(d);
}

/* text is refused with a text that names the column and holds says. */
static void refuse(const char *text, unsigned column, const char *says) {
    char at[40], *printed = (char *)1;
    recs_error error = {0};
    snprintf(at, sizeof at, "column %u:", column);
    recs_status status = recs_description_check(text, NULL, &printed, &error);
    if (status != RECS_ERR_ARGUMENT && status != RECS_ERR_LIMIT)
        fail_msg("'%s' was not refused", text);
    assert_int_equal(error.status, status);
    assert_ptr_equal(printed, (char *)1);
    if (!strstr(error.text, at) || !strstr(error.text, says))
        fail_msg("'%s': '%s', expected %s and %s", text, error.text, at, says);
}

static void test_every_refusal_names_the_column(void **state) {
    (void)state;
    refuse("", 1, "found the end");
    refuse("   ", 4, "found the end");
    refuse(",", 1, "expected a trainer or a name, found ','");
    refuse("7", 1, "expected a trainer or a name");
    refuse("popular,", 9, "found the end");
    refuse("popular popular", 9, "expected ',' or the end, found 'popular'");
    refuse("populr", 1, "unknown trainer 'populr'; there are als, ");
    refuse("x = populr", 5, "unknown trainer 'populr'");
    refuse("x = populr(1)", 5, "unknown trainer");
    refuse("popular(", 9, "a setting's name");
    refuse("popular(,)", 9, "a setting's name");
    refuse("popular(halflife=3)", 9, "no setting 'halflife'; it has half_life, count");
    refuse("popular(half_life 3)", 19, "expected '=', found '3)'");
    refuse("popular(half_life=)", 19, "expected a value");
    refuse("popular(half_life=abc)", 19, "half_life is 'abc', expected a number from 0 to 100000");
    refuse("popular(half_life=-1)", 19, "'-1'");
    refuse("popular(half_life=100001)", 19, "'100001'");
    refuse("popular(half_life=nan)", 19, "'nan'");
    refuse("popular(half_life=inf)", 19, "'inf'");
    refuse("popular(half_life=1e999)", 19, "'1e999'");
    refuse("popular(half_life=1.5.2)", 19, "'1.5.2'");
    refuse("popular(half_life=1, half_life=2)", 22, "half_life is given twice");
    refuse("popular(half_life=1", 20, "expected ',' or ')', found the end");
    refuse("popular(half_life=1 2)", 21, "expected ',' or ')'");
    refuse("popular(count=all)", 15, "count is 'all', expected one of units|events");
    refuse("popular(count=user)", 15, "'user'");
    refuse("popular(count=units|events)", 15, "expected one of");
    refuse("als(factors=1.5)", 13, "factors is '1.5', expected a whole number from 1 to 2048");
    refuse("als(factors=0)", 13, "'0'");
    refuse("als(factors=2049)", 13, "'2049'");
    refuse("itemknn(longest=5000000000)", 17, "from 1 to 4294967295");
    refuse("popular, popular", 10, "called 'popular' already");
    refuse("a = popular, a = als", 14, "called 'a' already");
    refuse("popular, x = 0.5*popular + 2*als", 30, "no component 'als' before this blend");
    refuse("x = 0.5*popular, popular", 9, "no component 'popular' before");
    refuse("popular, x = 0.5*", 18, "the name of a component");
    refuse("popular, x = 0.5", 17, "'*' after the weight");
    refuse("popular, x = ", 14, "a trainer, a weight or the name of a component");
    refuse("popular, x = 0*popular", 14, "'0' is not a finite weight other than 0");
    refuse("popular, x = 1e-60*popular", 14, "'1e-60'");
    refuse("popular, x = 1e60*popular", 14, "'1e60'");
    refuse("popular, x = nan*popular", 14, "no component 'nan'");
    refuse("popular, x = 0.5*popular + 0.5*popular", 32, "in this blend twice");
    refuse("popular, x = 1*popular, y = 2*x", 31, "is a blend itself");
    refuse("popular, x = popular + ", 24, "a weight or the name of a component");
    refuse("popular, x = 1*x", 16, "no component 'x'");
    refuse("popular, \xc3\xa9 = popular", 10, "expected a trainer or a name");
    refuse("popular;", 8, "expected ',' or the end, found ';'");

    refuse("popular, x = blend()", 20, "the name of a component");
    refuse("popular, x = blend(popular)", 10, "blend of 1 component, expected at least two");
    refuse("a=popular, b=popular, x = blend(a, b, repeats=no)", 47, "exclude");
    refuse("a=popular, b=popular, x = blend(a, b, repeats=only, validation=random)", 23,
           "repeats=only and validation=random");
    refuse("popular, x = blend(k=3)", 10, "blend of 0 components");
    refuse("popular, x = blend(popular, popular)", 29, "in this blend twice");
    refuse("popular, x = blend(popular, als)", 29, "no component 'als' before this blend");
    refuse("popular, x = blend(popular, 0.5*als)", 29, "the name of a component, found '0.5*als)'");
    refuse("popular, x = blend(popular, k=3, als)", 34, "blend has no setting 'als'");
    refuse("popular, x = blend(popular, depth=3)", 29, "blend has no setting 'depth'; it has metric");
    refuse("popular, x = blend(popular, k=3, k=4)", 34, "k is given twice");
    refuse("popular, x = blend(popular, k=0)", 31, "expected a whole number from 1 to 1000");
    refuse("popular, x = blend(popular, share=0.6)", 35, "from 0.01 to 0.5");
    refuse("popular, x = blend(popular, metric=map)", 36, "expected one of ndcg|recall");
    refuse("popular, x = blend(popular, k=3", 32, "',' or ')', found the end");
    refuse("a=popular(), b=popular(), x=blend(a,b), y=blend(a,x)", 51, "is a blend itself");
    refuse("a=popular(), b=popular(), x=blend(a,b), y=blend(a,b,share=0.2)", 41,
           "share differs from that of 'x'");
    refuse("a=popular(), b=popular(), x=blend(a,b), popular, blend(a,b,validation=time)", 50,
           "validation differs");

    recs_error error = {0};
    assert_int_equal(recs_description_check(NULL, NULL, NULL, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "NULL"));
}

static void test_limits(void **state) {
    (void)state;
    static char text[20000];
    size_t used = 0;

    memset(text, 'n', 64);
    strcpy(text + 64, "=popular");
    refuse(text, 1, "longer than 63 bytes");
    char *printed = normalised(text + 1);
    recs_text_free(printed, NULL);

    for (int i = 0; i < RECS__COMPONENTS_MAX; i++)
        used += (size_t)sprintf(text + used, "%sc%d=popular()", i ? "," : "", i);
    printed = normalised(text);
    recs_text_free(printed, NULL);
    size_t end = used;
    sprintf(text + end, ",one_more=popular");
    refuse(text, (unsigned)end + 2, "more than 32 components");

    used = 0;
    for (int i = 0; i < RECS__TERMS_MAX + 1; i++)
        used += (size_t)sprintf(text + used, "c%d=popular(),", i);
    used += (size_t)sprintf(text + used, "x=");
    for (int i = 0; i < RECS__TERMS_MAX; i++)
        used += (size_t)sprintf(text + used, "%sc%d", i ? "+" : "", i);
    printed = normalised(text);
    recs_text_free(printed, NULL);
    sprintf(text + used, "+c%d", RECS__TERMS_MAX);
    refuse(text, (unsigned)used + 2, "at most 16 terms");
}

/* The host's locale may write 0,5: neither reading nor printing may care. */
static void test_any_locale(void **state) {
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF",
                                          "fa_IR"};
    bool found = false;
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        found |= strcmp(localeconv()->decimal_point, ".") != 0;
        expect("popular(half_life=0.125), x = 0.3*popular",
               "popular(half_life=0.125, count=units), x = 0.3*popular");
        refuse("popular(half_life=0,5)", 21, "a setting's name");
    }
    setlocale(LC_ALL, "C");
    if (!found) {
        print_message("skipped: no locale with another decimal point\n");
        skip();
    }
}

static void test_numbers_round_trip(void **state) {
    (void)state;
    static const char *const numbers[] = {"0.1",      "1e-9",   "123456.789", "1e+09", "0.3",
                                          "3.14159265358979", "1e-06", "99999.99999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        recs__description *a = malloc(sizeof *a), *b = malloc(sizeof *b);
        char text[100];
        snprintf(text, sizeof text, "als(regularization=%s)", numbers[i]);
        char *printed = normalised(text);
        assert_int_equal(recs__description_parse(a, text, NULL), RECS_OK);
        assert_int_equal(recs__description_parse(b, printed, NULL), RECS_OK);
        assert_true(a->specs[0].settings[2] == b->specs[0].settings[2]);
        recs_text_free(printed, NULL);
        free(a);
        free(b);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        char *printed = NULL;
        if (fault_passed(&faults,
                         recs_description_check("als, itemknn, home = 0.7*als + 0.3*itemknn",
                                                &faults.host, &printed, &error),
                         &error))
            recs_text_free(printed, &faults.host);
        else
            assert_null(printed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_learned_blends),
        cmocka_unit_test(test_defaults_are_written_out),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_refusal_names_the_column),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_locale),
        cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
