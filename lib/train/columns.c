/* columns.c - header names to fields of an event.
 *
 * Each field has a list of well-known names, best first; a column serves one
 * field. Coordinates and segments have none: they are read only where that is asked for. Constant memory; cost: fields of a header times names. */
#include "train/columns.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ALIASES 28

/* Compared without case and separators. Best first within a field. */
static const char *const aliases[RECS__COLUMN_COUNT][ALIASES] = {
    [RECS__COLUMN_USER] = {"user", "userid", "customer", "customerid", "visitor", "visitorid",
                           "client", "clientid", "member", "memberid", "account", "accountid",
                           "uid", "reviewerid", "buyer", "buyerid", "person", "personid",
                           "profile", "profileid", "customerno", "customernumber", "userno",
                           "msno", "username"},
    [RECS__COLUMN_ITEM] = {"item", "itemid", "movieid", "stockcode", "productid", "sku",
                           "articleid", "product", "article", "asin", "isbn", "bookid", "songid",
                           "trackid",
                           "artistid", "businessid", "parentasin", "gameid", "videoid", "newsid",
                           "productcode", "itemcode", "movie", "document", "ean", "venueid",
                           "skuid"},
    [RECS__COLUMN_TYPE] = {"type", "event", "eventtype", "behavior", "behaviour", "behaviortype",
                           "action", "actiontype", "eventname", "interaction", "interactiontype"},
    [RECS__COLUMN_TIME] = {"time", "timestamp", "invoicedate", "date", "datetime", "createdat",
                           "eventtime", "orderdate", "unixreviewtime", "tdat", "ts", "unixtime",
                           "timems", "timestampms", "orderedat", "purchasedate", "checkintime",
                           "eventtimestamp", "occurredat", "eventdate"},
    [RECS__COLUMN_QUANTITY] = {"quantity", "qty", "count", "pieces", "units", "plays", "playcount",
                               "amountofitems", "listens"},
    [RECS__COLUMN_VALUE] = {"value", "rating", "score", "stars", "overall", "weight", "grade"},
    [RECS__COLUMN_PRICE] = {"price", "unitprice", "itemprice", "productprice", "priceperunit"},
    [RECS__COLUMN_BASKET] = {"basket", "basketid", "invoice", "invoiceno", "order", "orderid",
                             "transaction", "transactionid", "receipt", "receiptid", "invoiceid",
                             "ordernumber", "orderno", "cartid"},
    [RECS__COLUMN_SESSION] = {"session", "sessionid", "visit", "visitid", "usersession"},
    [RECS__COLUMN_PLACE] = {"place", "city", "country", "region", "location", "store", "storeid",
                            "placeid", "shop", "shopid"},
    [RECS__COLUMN_TITLE] = {"title", "description", "name", "productname", "itemname", "itemtitle",
                            "movietitle", "producttitle", "booktitle", "articlename"},
    [RECS__COLUMN_SOURCE] = {"source", "eventsource"},
    [RECS__COLUMN_PROPENSITY] = {"propensity", "propensityscore", "exposureprobability"},
};

const char *recs__column_name(recs__column column) {
    static const char *const names[RECS__COLUMN_COUNT] = {
        "user",  "item",   "type",    "time",  "quantity", "value",
        "price", "basket", "session", "place", "title", "source", "propensity",
        "latitude", "longitude", "segment",
    };
    return names[column];
}

static int plain(unsigned char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 'a';
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 ? c : 0;
}

bool recs__columns_same(const char *text, size_t size, const char *name) {
    size_t at = 0;
    for (;; name++) {
        while (*name != '\0' && !plain((unsigned char)*name))
            name++;
        while (at < size && !plain((unsigned char)text[at]))
            at++;
        if (*name == '\0' || at >= size)
            return *name == '\0' && at >= size;
        if (plain((unsigned char)*name) != plain((unsigned char)text[at++]))
            return false;
    }
}

/* ---- the description -------------------------------------------------------------- */

/* One part "field=column" of a description. */
typedef struct named_part {
    recs__column field;
    const char *column;
    size_t size;
} named_part;

static void trim(const char **text, size_t *size) {
    while (*size > 0 && **text == ' ')
        (*text)++, (*size)--;
    while (*size > 0 && (*text)[*size - 1] == ' ')
        (*size)--;
}

/* Reads the part at *at and moves behind its comma. *more false at the end. */
static recs_status next_part(const char **at, named_part *out, bool *more, recs_error *error) {
    const char *text = *at;
    size_t size = strcspn(text, ",");
    *at = text + size + (text[size] == ',');
    *more = size != 0;
    if (size == 0)
        return text[0] == ',' ? recs__fail(error, RECS_ERR_ARGUMENT, "columns: an empty part")
                              : RECS_OK;
    const char *equals = memchr(text, '=', size);
    if (equals == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "columns: \"%.*s\" is not field=column", (int)size, text);
    const char *field = text;
    size_t field_size = (size_t)(equals - text);
    out->column = equals + 1;
    out->size = size - field_size - 1;
    trim(&field, &field_size);
    trim(&out->column, &out->size);
    for (int c = 0; c < RECS__COLUMN_COUNT; c++) {
        const char *name = recs__column_name((recs__column)c);
        if (strlen(name) == field_size && memcmp(name, field, field_size) == 0) {
            out->field = (recs__column)c;
            if (out->size == 0)
                return recs__fail(error, RECS_ERR_ARGUMENT,
                                  "columns: %s has no column; \"none\" for not there", name);
            return RECS_OK;
        }
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "columns: unknown field \"%.*s\"; there are user, item, type, time, "
                      "quantity, value, price, basket, session, place, title, source, propensity, "
                      "latitude, longitude, segment",
                      (int)field_size, field);
}

static bool is_none(const named_part *part) {
    return part->size == 4 && memcmp(part->column, "none", 4) == 0;
}

recs_status recs__columns_check(const char *description, recs_error *error) {
    uint32_t seen = 0, given = 0;
    bool more = true;
    while (more) {
        named_part part;
        recs_status status = next_part(&description, &part, &more, error);
        if (status != RECS_OK)
            return status;
        if (more && (seen >> part.field & 1))
            return recs__fail(error, RECS_ERR_ARGUMENT, "columns: %s is there twice",
                              recs__column_name(part.field));
        if (more && !is_none(&part))
            given |= UINT32_C(1) << part.field;
        if (more)
            seen |= UINT32_C(1) << part.field;
    }
    uint32_t north = given >> RECS__COLUMN_LATITUDE & 1, east = given >> RECS__COLUMN_LONGITUDE & 1;
    if (north != east)
        return recs__fail(error, RECS_ERR_ARGUMENT, "columns: %s without %s",
                          north ? "latitude" : "longitude", north ? "longitude" : "latitude");
    return RECS_OK;
}

/* ---- deciding ------------------------------------------------------------------------ */

static int32_t find_exact(const recs__field *first, size_t count, const char *text, size_t size) {
    for (size_t i = 0; i < count; i++)
        if (first[i].size == size && memcmp(first[i].text, text, size) == 0)
            return (int32_t)i;
    return -1;
}

static int32_t find_alike(const recs__field *first, size_t count, const char *text, size_t size) {
    char name[RECS__COLUMN_NAME];
    if (size >= sizeof name)
        return -1;
    memcpy(name, text, size);
    name[size] = '\0';
    for (size_t i = 0; i < count; i++)
        if (recs__columns_same(first[i].text, first[i].size, name))
            return (int32_t)i;
    return -1;
}

static bool well_known(const recs__field *field) {
    for (int c = 0; c < RECS__COLUMN_COUNT; c++)
        for (int a = 0; a < ALIASES && aliases[c][a] != NULL; a++)
            if (recs__columns_same(field->text, field->size, aliases[c][a]))
                return true;
    return false;
}

/* A first row is a header when it holds a name asked for or a well-known one. */
static bool looks_like_header(const char *description, const recs__field *first, size_t count) {
    named_part part;
    bool more = true;
    while (next_part(&description, &part, &more, NULL) == RECS_OK && more)
        if (!is_none(&part) && find_exact(first, count, part.column, part.size) >= 0) {
            int64_t number;
            if (!recs__parse_i64(part.column, part.size, &number))
                return true;
        }
    for (size_t i = 0; i < count; i++)
        if (well_known(&first[i]))
            return true;
    return false;
}

static void list_header(const recs__field *first, size_t count, char *out, size_t room) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && i < 12 && used + 1 < room; i++) {
        int length = snprintf(out + used, room - used, "%s%.*s", i ? ", " : "",
                              (int)(first[i].size < 24 ? first[i].size : 24), first[i].text);
        used = length < 0 ? room : used + (size_t)length;
    }
}

static void assign(recs__columns *columns, recs__column field, int32_t at,
                   const recs__field *first) {
    columns->at[field] = at;
    if (at < 0)
        return;
    if (columns->header)
        recs__one_line(columns->names[field], RECS__COLUMN_NAME, first[at].text,
                       first[at].size, false);
    else
        snprintf(columns->names[field], RECS__COLUMN_NAME, "column %d", at + 1);
}

static recs_status assign_named(recs__columns *columns, const char *description,
                                const recs__field *first, size_t count, uint32_t *named,
                                const char *file, recs_error *error) {
    named_part part;
    bool more = true;
    while (more) {
        int64_t number;
        recs_status status = next_part(&description, &part, &more, error);
        if (status != RECS_OK || !more)
            return status;
        *named |= UINT32_C(1) << part.field;
        if (is_none(&part))
            continue;
        int32_t at = columns->header ? find_exact(first, count, part.column, part.size) : -1;
        if (at < 0 && recs__parse_i64(part.column, part.size, &number) && number >= 1 &&
            (uint64_t)number <= count)
            at = (int32_t)number - 1;
        if (at < 0 && columns->header)
            at = find_alike(first, count, part.column, part.size);
        if (at < 0) {
            char header[256];
            list_header(first, count, header, sizeof header);
            return recs__fail(error, RECS_ERR_DATA,
                              "%s has no column \"%.*s\" for %s; its first line is: %s", file,
                              (int)(part.size < 64 ? part.size : 64), part.column,
                              recs__column_name(part.field), header);
        }
        assign(columns, part.field, at, first);
    }
    return RECS_OK;
}

static bool taken(const recs__columns *columns, int32_t at) {
    for (int c = 0; c < RECS__COLUMN_COUNT; c++)
        if (columns->at[c] == at)
            return true;
    return false;
}

static void assign_known(recs__columns *columns, uint32_t named, const recs__field *first,
                         size_t count) {
    for (int c = 0; c < RECS__COLUMN_COUNT; c++)
        for (int a = 0; a < ALIASES && aliases[c][a] != NULL && !(named >> c & 1); a++)
            for (size_t i = 0; i < count; i++)
                if (columns->at[c] < 0 && !taken(columns, (int32_t)i) &&
                    recs__columns_same(first[i].text, first[i].size, aliases[c][a]))
                    assign(columns, (recs__column)c, (int32_t)i, first);
}

recs_status recs__columns_resolve(recs__columns *columns, const char *description,
                                  recs__header header, const recs__field *first, size_t count,
                                  const char *file, recs_error *error) {
    uint32_t named = 0;
    memset(columns, 0, sizeof *columns);
    for (int c = 0; c < RECS__COLUMN_COUNT; c++)
        columns->at[c] = -1;
    columns->width = count;
    columns->header = header == RECS__HEADER_AUTO ? looks_like_header(description, first, count)
                                                  : header == RECS__HEADER_YES;
    recs_status status = assign_named(columns, description, first, count, &named, file, error);
    if (status != RECS_OK)
        return status;
    if (columns->header)
        assign_known(columns, named, first, count);
    bool somebody = columns->at[RECS__COLUMN_USER] >= 0 || columns->at[RECS__COLUMN_BASKET] >= 0 ||
                    columns->at[RECS__COLUMN_SESSION] >= 0;
    if (columns->at[RECS__COLUMN_ITEM] >= 0 && somebody)
        return RECS_OK;
    char line[256];
    list_header(first, count, line, sizeof line);
    return recs__fail(error, RECS_ERR_DATA,
                      "%s: no column is known to hold the %s; say which, as in "
                      "columns=user=1,item=2 or by header name; its first line is: %s", file,
                      columns->at[RECS__COLUMN_ITEM] < 0 ? "item" : "user, session or basket",
                      line);
}

size_t recs__columns_text(const recs__columns *columns, char *out, size_t room) {
    size_t used = 0;
    out[0] = '\0';
    for (int c = 0; c < RECS__COLUMN_COUNT; c++) {
        if (columns->at[c] < 0)
            continue;
        int length = snprintf(out + used, room - used, "%s%s = %s", used ? ", " : "",
                              recs__column_name((recs__column)c), columns->names[c]);
        if (length < 0 || (size_t)length >= room - used)
            break;
        used += (size_t)length;
    }
    return used;
}
