/* test_columns.c - which column of a file holds which field. */
#include "train/columns.h"

#include "support/test.h"

#include <string.h>

enum { FIELDS_MAX = 16 };

/* Resolves a comma-separated first line; the mapping as text or the error. */
static recs_status resolve(const char *line, const char *description, recs__header header,
                           recs__columns *columns, char *text, size_t room) {
    char copy[512];
    recs__field fields[FIELDS_MAX];
    size_t count = 0;
    recs_error error = {0};
    strcpy(copy, line);
    for (char *at = copy;; at++) {
        size_t size = strcspn(at, ",");
        fields[count++] = (recs__field){at, size};
        at += size;
        if (*at == '\0')
            break;
    }
    recs_status status = recs__columns_resolve(columns, description, header, fields, count,
                                               "log.csv", &error);
    if (status == RECS_OK)
        recs__columns_text(columns, text, room);
    else
        strcpy(text, error.text);
    return status;
}

static void expect(const char *line, const char *description, const char *wanted) {
    recs__columns columns;
    char text[1024];
    if (resolve(line, description, RECS__HEADER_AUTO, &columns, text, sizeof text) != RECS_OK)
        fail_msg("%s", text);
    assert_string_equal(text, wanted);
    assert_true(columns.header);
}

static void test_known_logs(void **state) {
    (void)state;
    expect("userId,movieId,rating,timestamp", "",
           "user = userId, item = movieId, time = timestamp, value = rating");
    expect("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country", "",
           "user = CustomerID, item = StockCode, time = InvoiceDate, quantity = Quantity, "
           "price = UnitPrice, basket = InvoiceNo, place = Country, title = Description");
    expect("timestamp,visitorid,event,itemid,transactionid", "",
           "user = visitorid, item = itemid, type = event, time = timestamp, "
           "basket = transactionid");
    expect("SessionId,ItemId,Time", "", "item = ItemId, time = Time, session = SessionId");
    expect("event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
           "user_session", "",
           "user = user_id, item = product_id, type = event_type, time = event_time, "
           "price = price, session = user_session");
    expect("t_dat,customer_id,article_id,price,sales_channel_id", "",
           "user = customer_id, item = article_id, time = t_dat, price = price");
    expect("time,user,session,basket,item,type,quantity,price,place,source,placement,position", "",
           "user = user, item = item, type = type, time = time, quantity = quantity, "
           "price = price, basket = basket, session = session, place = place, source = source");
}

static void test_named(void **state) {
    (void)state;
    expect("time,user,place,lat", "item=place", "user = user, item = place, time = time");
    expect("a,b,c", "user=b, item = c", "user = b, item = c");
    expect("userId,movieId,rating", "value=none", "user = userId, item = movieId");
    expect("user,1,item", "item=1", "user = user, item = 1"); /* a name before a number */
    expect("User Name,movie-id", "user=user_name,item=MovieId",
           "user = User Name, item = movie-id");
}

static void test_numbers(void **state) {
    (void)state;
    recs__columns columns;
    char text[1024];
    assert_int_equal(resolve("196,242,3,881250949", "user=1,item=2,value=3,time=4",
                             RECS__HEADER_AUTO, &columns, text, sizeof text), RECS_OK);
    assert_string_equal(text, "user = column 1, item = column 2, time = column 4, "
                              "value = column 3");
    assert_false(columns.header);
    assert_int_equal(columns.width, 4);
    /* A header row that nothing recognises must be named as one. */
    assert_int_equal(resolve("wer,was", "user=1,item=2", RECS__HEADER_YES, &columns, text,
                             sizeof text), RECS_OK);
    assert_string_equal(text, "user = wer, item = was");
    assert_int_equal(resolve("user,item", "user=1,item=2", RECS__HEADER_NO, &columns, text,
                             sizeof text), RECS_OK);
    assert_false(columns.header);
}

static void refuse(const char *line, const char *description, const char *says) {
    recs__columns columns;
    char text[1024];
    assert_int_equal(resolve(line, description, RECS__HEADER_AUTO, &columns, text, sizeof text),
                     RECS_ERR_DATA);
    if (strstr(text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, says);
}

static void test_refused(void **state) {
    (void)state;
    refuse("196,242,3", "", "no column is known to hold the item");
    refuse("196,242,3", "", "196, 242, 3");
    refuse("item,rating", "", "user, session or basket");
    refuse("user,item", "time=when", "no column \"when\" for time");
    refuse("user,item", "item=3", "no column \"3\" for item");
    refuse("user,item", "item=0", "no column \"0\" for item");
}

static void test_description(void **state) {
    (void)state;
    static const char *const bad[] = {"user", "customer=a", "user=a,user=b", "user=", "user=a,,item=b",
                                      ",user=a"};
    recs_error error = {0};
    assert_int_equal(recs__columns_check("user=userId,item=2,type=none", &error), RECS_OK);
    assert_int_equal(recs__columns_check("", &error), RECS_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (recs__columns_check(bad[i], &error) != RECS_ERR_ARGUMENT)
            fail_msg("\"%s\" was taken", bad[i]);
}

static void test_same(void **state) {
    (void)state;
    assert_true(recs__columns_same("User_ID", 7, "userid"));
    assert_true(recs__columns_same("userid", 6, "User Id"));
    assert_false(recs__columns_same("userid", 5, "userid"));
    assert_false(recs__columns_same("userids", 7, "userid"));
    assert_true(recs__columns_same("prix \xC3\xA9", 7, "PRIX\xC3\xA9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_logs), cmocka_unit_test(test_named),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_description), cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
