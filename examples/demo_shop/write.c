/*
 * write.c - the CSV streams. Events go through a buffer and hand-written
 * number formatting, as printf would take most of the generator's time.
 * Every user and item id starts with "gen-": nothing here can be taken for
 * a real shop's data.
 */
#include "shop.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 18, LONGEST_LINE = 512 };

int shop_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("demo_shop: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return -1;
}

/* Decimal digits, at least `width` of them; returns the end. */
static char *put_number(char *at, uint64_t value, unsigned width)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (unsigned i = n; i < width; i++)
        *at++ = '0';
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static char *put_text(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
    return at;
}

static char *put_user(char *at, const shop_world *world, uint32_t user)
{
    if (user == SHOP_GUEST)
        return at;
    if (user == world->plan.users)
        return put_text(at, "gen-bot");
    if (user > world->plan.users)
        return put_text(at, "gen-wholesale");
    return put_number(put_text(at, "gen-u"), user, 7);
}

static char *put_item(char *at, uint32_t item)
{
    return put_number(put_text(at, "gen-i"), item, 6);
}

void shop_user_id(const shop_world *world, uint32_t user, char id[32])
{
    *put_user(id, world, user) = '\0';
}

void shop_item_id(uint32_t item, char id[32])
{
    *put_item(id, item) = '\0';
}

int shop_out_open(shop_out *out, FILE *file)
{
    *out = (shop_out){.file = file, .day = INT64_MIN, .buffer = malloc(BUFFER)};
    return out->buffer != NULL ? 0 : shop_fail("out of memory for a buffer of %d bytes", BUFFER);
}

static int flush(shop_out *out)
{
    if (!out->failed && fwrite(out->buffer, 1, out->used, out->file) != out->used) {
        out->failed = true;
        perror("demo_shop: writing");
    }
    out->used = 0;
    return out->failed ? -1 : 0;
}

int shop_out_close(shop_out *out)
{
    int result = out->buffer != NULL ? flush(out) : -1;
    free(out->buffer);
    out->buffer = NULL;
    if (result == 0 && fflush(out->file) != 0) {
        perror("demo_shop: writing");
        return -1;
    }
    return result;
}

int shop_out_text(shop_out *out, const char *text)
{
    size_t length = strlen(text);
    if (out->used + length > BUFFER && flush(out) != 0)
        return -1;
    memcpy(out->buffer + out->used, text, length);
    out->used += length;
    return 0;
}

int shop_out_event_header(shop_out *out)
{
    return shop_out_text(out, "time,user,session,basket,item,type,quantity,price,place,source,"
                              "placement,position\n");
}

static char *put_time(char *at, shop_out *out, int64_t time, bool in_ms)
{
    if (in_ms)
        return put_number(at, (uint64_t)time, 1);
    int64_t day = time / SHOP_DAY_MS;
    uint32_t rest = (uint32_t)(time % SHOP_DAY_MS);
    if (day != out->day) {
        out->day = day;
        shop_date(time, out->date);
    }
    memcpy(at, out->date, 10);
    at[10] = 'T';
    at = put_number(at + 11, rest / 3600000, 2);
    *at++ = ':';
    at = put_number(at, rest / 60000 % 60, 2);
    *at++ = ':';
    at = put_number(at, rest / 1000 % 60, 2);
    *at++ = '.';
    at = put_number(at, rest % 1000, 3);
    *at++ = 'Z';
    return at;
}

int shop_out_event(shop_out *out, const shop_world *world, const shop_event *event)
{
    static const char *const types[] = {"view", "cart", "buy", "return", "dislike", "impression"};
    static const char *const placements[] = {"", "home", "product", "cart"};
    if (out->used + LONGEST_LINE > BUFFER && flush(out) != 0)
        return -1;
    char *at = put_time(out->buffer + out->used, out, event->time, world->plan.time_in_ms);
    *at++ = ',';
    at = put_user(at, world, event->user);
    *at++ = ',';
    if (event->session == UINT64_MAX)
        at = put_text(at, "s-bot");
    else if (event->session != 0)
        at = put_number(put_text(at, "s"), event->session, 1);
    *at++ = ',';
    if (event->basket != 0)
        at = put_number(put_text(at, "b"), event->basket, 1);
    *at++ = ',';
    at = put_item(at, event->item);
    *at++ = ',';
    at = put_text(at, types[event->type]);
    *at++ = ',';
    if (event->quantity < 0)
        *at++ = '-';
    at = put_number(at, (uint64_t)llabs(event->quantity), 1);
    *at++ = ',';
    at = put_number(at, event->price / 100, 1);
    *at++ = '.';
    at = put_number(at, event->price % 100, 2);
    *at++ = ',';
    at = put_text(at, shop_city_place(event->city));
    at = put_text(at, event->placement ? ",recommended," : ",organic,");
    at = put_text(at, placements[event->placement]);
    *at++ = ',';
    if (event->position != 0)
        at = put_number(at, event->position, 1);
    *at++ = '\n';
    out->used = (size_t)(at - out->buffer);
    return 0;
}
