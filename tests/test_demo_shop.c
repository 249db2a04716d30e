/*
 * test_demo_shop.c - runs the demo_shop program and checks what it writes:
 * same seed same bytes, columns, order of time, returns, the cut, stock-outs,
 * the planted specials, and the ceiling, whose held-out pairs are counted
 * again here from the log alone.
 *
 * The program is found in the folder of RECS_BUILD, or beside this one's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { USERS = 60, ITEMS = 80, EVENTS = 20000, DAYS = 60, OTHERS = 2 };

static char program[1024];
static char folder[64] = "/tmp/test_demo_shop.XXXXXX";

/* One line of the log. Users: 0 to USERS - 1, -1 a guest, USERS the bot, USERS + 1 wholesale. */
struct line {
    int64_t time;
    int user, item, quantity;
    long session, basket;
    char type[12], place[32], source[12];
};

static struct line *lines;
static char *log_text, *report;
static int64_t cut_ms;

static int run(const char *arguments)
{
    char command[2048];
    snprintf(command, sizeof command, "'%s' %s 2>/dev/null", program, arguments);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *slurp(FILE *file, size_t *length)
{
    size_t capacity = 1 << 16, used = 0, got;
    char *text = malloc(capacity + 1);
    assert_non_null(file);
    assert_non_null(text);
    while ((got = fread(text + used, 1, capacity - used, file)) > 0) {
        used += got;
        if (used == capacity) {
            capacity *= 2;
            text = realloc(text, capacity + 1);
            assert_non_null(text);
        }
    }
    text[used] = '\0';
    if (length != NULL)
        *length = used;
    return text;
}

static char *read_output(const char *name, size_t *length)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    char *text = slurp(file, length);
    fclose(file);
    return text;
}

static char *print_events(const char *options, size_t *length)
{
    char command[2048];
    snprintf(command, sizeof command, "'%s' --print events --users 50 --items 60 --events 5000 "
                                      "--days 40 %s", program, options);
    FILE *pipe = popen(command, "r");
    char *text = slurp(pipe, length);
    assert_int_equal(pclose(pipe), 0);
    return text;
}

/* Cuts one field off a line; the field ends in NUL afterwards. */
static char *field(char **rest)
{
    char *start = *rest, *end = start + strcspn(start, ",\n");
    assert_true(*end != '\0');
    *rest = end + 1;
    *end = '\0';
    return start;
}

static int parse_user(const char *id)
{
    if (id[0] == '\0')
        return -1;
    assert_memory_equal(id, "gen-", 4);
    if (strcmp(id, "gen-bot") == 0)
        return USERS;
    if (strcmp(id, "gen-wholesale") == 0)
        return USERS + 1;
    assert_true(id[4] == 'u');
    return atoi(id + 5);
}

static void parse_line(char **rest, struct line *line)
{
    line->time = strtoll(field(rest), NULL, 10);
    line->user = parse_user(field(rest));
    const char *session = field(rest);
    line->session = session[0] ? session[1] == '-' ? -1 : atol(session + 1) : 0;
    const char *basket = field(rest);
    line->basket = basket[0] ? atol(basket + 1) : 0;
    const char *item = field(rest);
    assert_memory_equal(item, "gen-i", 5);
    line->item = atoi(item + 5);
    snprintf(line->type, sizeof line->type, "%s", field(rest));
    line->quantity = atoi(field(rest));
    assert_true(strtod(field(rest), NULL) > 0);
    snprintf(line->place, sizeof line->place, "%s", field(rest));
    snprintf(line->source, sizeof line->source, "%s", field(rest));
    const char *placement = field(rest), *position = field(rest);
    bool recommended = strcmp(line->source, "recommended") == 0;
    assert_true(recommended || strcmp(line->source, "organic") == 0);
    assert_true((placement[0] != '\0') == recommended);
    assert_true((position[0] != '\0') == recommended);
    assert_in_range(line->item, 0, ITEMS - 1);
    assert_in_range(line->user + 1, 0, USERS + OTHERS);
}

static bool is(const struct line *line, const char *type)
{
    return strcmp(line->type, type) == 0;
}

static int setup(void **state)
{
    char arguments[256];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(arguments, sizeof arguments,
             "--users %d --items %d --events %d --days %d --seed 7 --time ms --split "
             "--output-dir %s", USERS, ITEMS, EVENTS, DAYS, folder);
    assert_int_equal(run(arguments), 0);
    log_text = read_output("events.csv", NULL);
    report = read_output("ceiling.json", NULL);
    const char *cut = strstr(report, "\"cut_ms\": ");
    assert_non_null(cut);
    cut_ms = strtoll(cut + 10, NULL, 10);
    lines = calloc(EVENTS, sizeof *lines);
    assert_non_null(lines);
    char *copy = strdup(log_text), *rest = copy;
    const char *header = "time,user,session,basket,item,type,quantity,price,place,source,"
                         "placement,position\n";
    assert_memory_equal(copy, header, strlen(header));
    rest += strlen(header);
    for (int i = 0; i < EVENTS; i++)
        parse_line(&rest, &lines[i]);
    assert_int_equal(*rest, '\0');
    free(copy);
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    free(lines);
    free(log_text);
    free(report);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void same_seed_same_bytes(void **state)
{
    size_t length[4];
    (void)state;
    char *a = print_events("--seed 1", &length[0]), *b = print_events("--seed 1", &length[1]);
    char *c = print_events("--seed 2", &length[2]);
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(a, b, length[0]);
    assert_string_not_equal(a, c);
    char *d = print_events("--seed 1 --impressions", &length[3]);
    assert_null(strstr(a, ",impression,"));
    assert_non_null(strstr(d, ",impression,"));
    assert_memory_equal(strchr(a, '\n') + 1, "2025-01-01T", 11);
    free(a);
    free(b);
    free(c);
    free(d);
}

static void ordered_by_time_and_inside_the_days(void **state)
{
    (void)state;
    for (int i = 1; i < EVENTS; i++)
        assert_true(lines[i - 1].time <= lines[i].time);
    assert_true(lines[EVENTS - 1].time - lines[0].time < DAYS * INT64_C(86400000));
}

static void returns_follow_their_sales(void **state)
{
    int returns = 0;
    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        assert_true(is(&lines[i], "return") == (lines[i].quantity < 0));
        if (!is(&lines[i], "return"))
            continue;
        int sold = 0;
        for (int j = 0; j <= i; j++)
            if (lines[j].basket == lines[i].basket && lines[j].item == lines[i].item) {
                assert_int_equal(lines[j].user, lines[i].user);
                sold += lines[j].quantity;
                assert_true(sold >= 0);
            }
        returns++;
    }
    assert_true(returns > 50);
}

static void sales_follow_a_view_and_the_cart(void **state)
{
    int sales = 0, several = 0;
    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        if (!is(&lines[i], "buy") || lines[i].user > USERS)
            continue;
        bool viewed = false, in_cart = false;
        assert_true(lines[i].basket > 0);
        for (int j = 0; j < i; j++)
            if (lines[j].session == lines[i].session && lines[j].item == lines[i].item) {
                viewed |= is(&lines[j], "view");
                in_cart |= viewed && is(&lines[j], "cart");
            }
        assert_true(viewed && in_cart);
        several += i > 0 && lines[i - 1].basket == lines[i].basket;
        sales++;
    }
    assert_true(sales > 1000);
    assert_true(several > 100);
}

static void guests_bot_and_wholesale_are_there(void **state)
{
    int guests = 0, bot = 0, wholesale = 0, net = 0;
    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        guests += lines[i].user == -1 && lines[i].session > 0;
        bot += lines[i].user == USERS;
        if (lines[i].user == USERS + 1) {
            wholesale++;
            net += lines[i].quantity;
            assert_true(abs(lines[i].quantity) >= 60000);
            assert_true(lines[i].time < cut_ms);
        }
    }
    assert_in_range(guests, EVENTS / 10, EVENTS / 3);
    assert_int_equal(bot, EVENTS / 100);
    assert_int_equal(wholesale, 4);
    assert_int_equal(net, 0);
}

static void split_respects_the_cut(void **state)
{
    size_t train_length, test_length;
    char *train = read_output("train.csv", &train_length);
    char *test = read_output("test.csv", &test_length);
    size_t header = strcspn(log_text, "\n") + 1;
    int before = 0;
    (void)state;
    assert_memory_equal(train, log_text, header);
    assert_memory_equal(test, log_text, header);
    assert_int_equal(train_length + test_length - header, strlen(log_text));
    assert_memory_equal(train, log_text, train_length);
    assert_memory_equal(test + header, log_text + train_length, test_length - header);
    for (const char *at = train + header; *at != '\0'; at = strchr(at, '\n') + 1) {
        assert_true(strtoll(at, NULL, 10) < cut_ms);
        before++;
    }
    for (const char *at = test + header; *at != '\0'; at = strchr(at, '\n') + 1)
        assert_true(strtoll(at, NULL, 10) >= cut_ms);
    assert_true(before > EVENTS / 2 && before < EVENTS);
    free(train);
    free(test);
}

static double number_after(const char *from, const char *name)
{
    const char *at = strstr(from, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void ceiling_is_above_popular(void **state)
{
    static const char *const protocols[] = {"\"buy\": {\n", "\"any\": {"};
    static const char *const metrics[] = {"\"recall@10\": ", "\"ndcg@10\": ", "\"recall@20\": ",
                                          "\"ndcg@20\": "};
    const char *from = strstr(report, "\"protocols\"");
    (void)state;
    assert_non_null(from);
    for (int p = 0; p < 2; p++) {
        from = strstr(from, protocols[p]);
        assert_non_null(from);
        const char *ceiling = strstr(from, "\"ceiling\""), *popular = strstr(from, "\"popular\"");
        assert_non_null(ceiling);
        assert_non_null(popular);
        for (int m = 0; m < 4; m++) {
            double best = number_after(ceiling, metrics[m]), rest = number_after(popular, metrics[m]);
            assert_true(best > 0 && best <= 1);
            assert_true(rest < best);
        }
    }
    assert_non_null(strstr(report, "\"generated\": true"));
}

/* The held-out pairs, from the log alone, are those of truth.csv. */
static void truth_is_what_the_log_says(void **state)
{
    static int net[2][USERS][ITEMS], seen[2][USERS][ITEMS], expected[2][USERS][ITEMS];
    int known[2][USERS] = {{0}}, count[2] = {0};
    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        const struct line *line = &lines[i];
        int after = line->time >= cut_ms;
        if (line->user < 0 || line->user >= USERS || is(line, "dislike"))
            continue;
        if (is(line, "buy") || is(line, "return"))
            net[after][line->user][line->item] += line->quantity;
        if (!is(line, "return"))
            seen[after][line->user][line->item] = 1;
    }
    for (int pass = 0; pass < 2; pass++)
        for (int u = 0; u < USERS; u++)
            for (int i = 0; i < ITEMS; i++) {
                bool had[2] = {net[0][u][i] > 0, seen[0][u][i] > 0};
                bool has[2] = {net[1][u][i] > 0, seen[1][u][i] > 0};
                for (int p = 0; p < 2; p++) {
                    known[p][u] |= had[p];
                    if (pass == 1 && known[p][u] && has[p] && !had[p]) {
                        expected[p][u][i] = 1;
                        count[p]++;
                    }
                }
            }
    char *text = read_output("truth.csv", NULL), *rest = strchr(text, '\n') + 1;
    while (*rest != '\0') {
        int p = strcmp(field(&rest), "any") == 0;
        int user = parse_user(field(&rest)), item = atoi(field(&rest) + 5);
        assert_int_equal(expected[p][user][item], 1);
        expected[p][user][item] = 0;
        count[p]--;
    }
    assert_int_equal(count[0], 0);
    assert_int_equal(count[1], 0);
    free(text);
}

static int64_t stamp_after(const char *from, const char *name)
{
    struct tm tm = {.tm_isdst = 0};
    const char *at = strstr(from, name);
    assert_non_null(at);
    assert_non_null(strptime(at + strlen(name), "%Y-%m-%dT%H:%M:%S", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static void what_is_out_of_stock_is_not_sold(void **state)
{
    const char *at = strstr(report, "\"stock_outs\""), *end = strstr(report, "\"users_tracked");
    int outs = 0;
    (void)state;
    assert_non_null(at);
    while ((at = strstr(at, "{\"item\": \"gen-i")) != NULL && at < end) {
        int item = atoi(at + 15);
        int64_t from = stamp_after(at, "\"from\": \""), until = stamp_after(at, "\"until\": \"");
        for (int i = 0; i < EVENTS; i++)
            if (lines[i].item == item && lines[i].time >= from && lines[i].time < until)
                assert_true(is(&lines[i], "return") || lines[i].user == USERS);
        outs++;
        at++;
    }
    assert_true(outs > 5);
}

static void a_burst_stands_out_in_its_city(void **state)
{
    const char *at = strstr(report, "\"bursts\"");
    int64_t from = stamp_after(at, "\"from\": \""), until = stamp_after(at, "\"until\": \"");
    const char *place = strstr(at, "\"place\": \"") + 10, *items = strstr(at, "\"items\": [");
    int burst[3], inside = 0, inside_all = 0, outside = 0, outside_all = 0;
    (void)state;
    for (int i = 0; i < 3; i++) {
        items = strstr(items, "gen-i") + 5;
        burst[i] = atoi(items);
    }
    for (int i = 0; i < EVENTS; i++) {
        const struct line *line = &lines[i];
        bool here = strncmp(place, line->place, strlen(line->place)) == 0;
        bool one = line->item == burst[0] || line->item == burst[1] || line->item == burst[2];
        if (line->user >= USERS || !is(line, "view"))
            continue;
        if (here && line->time >= from && line->time < until) {
            inside += one;
            inside_all++;
        } else {
            outside += one;
            outside_all++;
        }
    }
    assert_true(inside_all > 0 && outside_all > 0);
    assert_true((double)inside / inside_all > 2.0 * outside / outside_all);
}

static void catalogue_has_every_item(void **state)
{
    char *text = read_output("items.csv", NULL);
    const char *header = "id,title,group,category,style,brand,price,available,created,weight,"
                         "rating\n";
    int rows = 0, quoted = 0;
    (void)state;
    assert_memory_equal(text, header, strlen(header));
    for (const char *at = text + strlen(header); *at != '\0'; at = strchr(at, '\n') + 1, rows++) {
        assert_int_equal(atoi(at + 5), rows);
        quoted += strchr(at, ',')[1] == '"';
    }
    assert_int_equal(rows, ITEMS);
    assert_true(quoted > 0);
    free(text);
}

static void wrong_usage_is_told_apart(void **state)
{
    (void)state;
    assert_int_equal(run("--help >/dev/null"), 0);
    assert_int_equal(run(""), 2);
    assert_int_equal(run("--print nothing"), 2);
    assert_int_equal(run("--users 0 --print items"), 2);
    assert_int_equal(run("--users -5 --print items"), 2);
    assert_int_equal(run("--events 12x --print items"), 2);
    assert_int_equal(run("--print items extra"), 2);
    assert_int_equal(run("--size tiny --print items"), 2);
    assert_int_equal(run("--size demo --print events >/dev/full"), 1);
    assert_int_equal(run("--size demo --output-dir /proc/nowhere"), 1);
}

static void smallest_shops_work(void **state)
{
    (void)state;
    assert_int_equal(run("--users 1 --items 1 --events 1 --days 2 --print ceiling >/dev/null"), 0);
    assert_int_equal(run("--users 1 --items 5 --events 3000 --days 2 --print ceiling >/dev/null"), 0);
    assert_int_equal(run("--users 9 --items 1 --events 3000 --days 3 --print events >/dev/null"), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(ordered_by_time_and_inside_the_days),
        cmocka_unit_test(returns_follow_their_sales),
        cmocka_unit_test(sales_follow_a_view_and_the_cart),
        cmocka_unit_test(guests_bot_and_wholesale_are_there),
        cmocka_unit_test(split_respects_the_cut),
        cmocka_unit_test(ceiling_is_above_popular),
        cmocka_unit_test(truth_is_what_the_log_says),
        cmocka_unit_test(what_is_out_of_stock_is_not_sold),
        cmocka_unit_test(a_burst_stands_out_in_its_city),
        cmocka_unit_test(catalogue_has_every_item),
        cmocka_unit_test(wrong_usage_is_told_apart),
        cmocka_unit_test(smallest_shops_work),
    };
    const char *build = getenv("RECS_BUILD"), *slash = strrchr(argv[0], '/');
    (void)argc;
    if (build != NULL)
        snprintf(program, sizeof program, "%s/demo_shop", build);
    else
        snprintf(program, sizeof program, "%.*s/../demo_shop",
                 slash ? (int)(slash - argv[0]) : 1, slash ? argv[0] : ".");
    return cmocka_run_group_tests(tests, setup, teardown);
}
