/* budget.c - the memory a training may take.
 *
 * Operations: parse, text, available, check. Cost: a few small reads for
 * available, nothing for the others. What is available is asked of, and the
 * least answer taken: MemAvailable of /proc/meminfo (free memory and what the
 * system can give back at once), the limit and use of the process's control
 * group in both layouts (the file cache of the group can be given back and
 * counts as free), and RLIMIT_AS and RLIMIT_DATA beside what is in use. */
#include "train/budget.h"

#include "base/error.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TEXT_ROOM 8192
#define BYTES_MAX (UINT64_C(1) << 62)

/* ---- text ------------------------------------------------------------------ */

static const char units[] = "KMGT";

bool recs__budget_parse(const char *text, size_t size, uint64_t *bytes) {
    double number, factor = 1.0;
    const char *unit = size > 1 ? memchr(units, text[size - 1], sizeof units - 1) : NULL;
    if (unit != NULL) {
        for (const char *at = units; at <= unit; at++)
            factor *= 1024.0;
        size--;
    }
    if (size == 0 || !recs__parse_double(text, size, &number) ||
        !(number * factor >= 1.0 && number * factor <= (double)BYTES_MAX))
        return false;
    *bytes = (uint64_t)(number * factor);
    return true;
}

const char *recs__budget_text(uint64_t bytes, char out[RECS__BUDGET_TEXT]) {
    uint64_t unit = 1;
    size_t name = 0;
    while (name < sizeof units - 1 && bytes / 1024 >= unit) {
        unit *= 1024;
        name++;
    }
    if (name == 0) {
        snprintf(out, RECS__BUDGET_TEXT, "%llu", (unsigned long long)bytes);
        return out;
    }
    /* Whole units and hundredths, in integers: rounded up, never down. */
    uint64_t whole = bytes / unit, rest = bytes % unit;
    uint64_t hundredths = (rest + unit / 100 - 1) / (unit / 100);
    if (whole >= 100)
        hundredths = rest != 0 ? 100 : 0;
    if (hundredths > 99) {
        whole++;
        hundredths = 0;
    }
    if (whole >= 100)
        snprintf(out, RECS__BUDGET_TEXT, "%llu%c", (unsigned long long)whole, units[name - 1]);
    else
        snprintf(out, RECS__BUDGET_TEXT, "%llu.%02llu%c", (unsigned long long)whole,
                 (unsigned long long)hundredths, units[name - 1]);
    return out;
}

/* ---- what there is ----------------------------------------------------------- */

/* The beginning of a small file as text; empty when it cannot be read. */
static void read_text(const char *path, char text[TEXT_ROOM]) {
    size_t used = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && used < TEXT_ROOM - 1) {
        ssize_t got = read(file, text + used, TEXT_ROOM - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    if (file >= 0)
        close(file);
    text[used] = '\0';
}

/* The number after a name at the beginning of a line. */
static bool find_number(const char *text, const char *name, uint64_t *number) {
    size_t size = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, size) == 0) {
            unsigned long long read;
            if (sscanf(line + size, "%llu", &read) != 1)
                return false;
            *number = read;
            return true;
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return false;
}

static void lower(uint64_t *least, uint64_t bytes) {
    if (bytes < *least)
        *least = bytes;
}

/* The limit of one group and, less its file cache, what is used of it. */
static void group_limit(const char *folder, const char *limit_name, const char *use_name,
                        const char *cache_name, uint64_t *least) {
    char text[TEXT_ROOM], path[512];
    uint64_t limit, used, cache = 0;
    snprintf(path, sizeof path, "%s/%s", folder, limit_name);
    read_text(path, text);
    if (!find_number(text, "", &limit) || limit >= BYTES_MAX) /* "max", or nearly 2^63 */
        return;
    snprintf(path, sizeof path, "%s/%s", folder, use_name);
    read_text(path, text);
    if (!find_number(text, "", &used))
        return;
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    read_text(path, text);
    find_number(text, cache_name, &cache);
    used -= cache < used ? cache : used;
    lower(least, limit > used ? limit - used : 0);
}

/* The group of the process and those above it. */
static void groups(const char *base, const char *group, bool second, uint64_t *least) {
    char folder[512];
    int size = snprintf(folder, sizeof folder, "%s%s", base, group);
    if (size < 0 || (size_t)size >= sizeof folder)
        return;
    for (size_t length = (size_t)size; length >= strlen(base);) {
        if (second)
            group_limit(folder, "memory.max", "memory.current", "inactive_file ", least);
        else
            group_limit(folder, "memory.limit_in_bytes", "memory.usage_in_bytes",
                        "total_inactive_file ", least);
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < strlen(base))
            return;
        *slash = '\0';
        length = (size_t)(slash - folder);
    }
}

static void control_groups(uint64_t *least) {
    char text[TEXT_ROOM];
    read_text("/proc/self/cgroup", text);
    for (char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        bool last = line[size] == '\0';
        line[size] = '\0';
        char *names = strchr(line, ':');
        char *group = names != NULL ? strchr(names + 1, ':') : NULL;
        if (group != NULL) {
            *group++ = '\0';
            if (names[1] == '\0')
                groups("/sys/fs/cgroup", group, true, least);
            else if (strcmp(names + 1, "memory") == 0)
                groups("/sys/fs/cgroup/memory", group, false, least);
        }
        line += size + !last;
    }
}

static void process_limits(uint64_t *least) {
    char text[TEXT_ROOM];
    uint64_t used;
    struct rlimit limit;
    static const struct {
        int resource;
        const char *use;
    } limits[] = {{RLIMIT_AS, "VmSize:"}, {RLIMIT_DATA, "VmData:"}};
    read_text("/proc/self/status", text);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) != 0 ||
            limit.rlim_cur == RLIM_INFINITY || !find_number(text, limits[i].use, &used))
            continue;
        used *= 1024;
        lower(least, limit.rlim_cur > used ? (uint64_t)limit.rlim_cur - used : 0);
    }
}

uint64_t recs__budget_available(void) {
    char text[TEXT_ROOM];
    uint64_t least = UINT64_MAX, kilobytes;
    read_text("/proc/meminfo", text);
    if (find_number(text, "MemAvailable:", &kilobytes)) {
        lower(&least, kilobytes * 1024);
    } else {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        if (pages > 0 && page > 0)
            lower(&least, (uint64_t)pages * (uint64_t)page);
    }
    control_groups(&least);
    process_limits(&least);
    return least;
}

/* ---- the check ----------------------------------------------------------------- */

recs_status recs__budget_check(const recs__train_job *job, uint64_t bytes, const char *what,
                               recs_error *error) {
    char need[RECS__BUDGET_TEXT], have[RECS__BUDGET_TEXT];
    uint64_t room = job->memory != 0 ? job->memory : recs__budget_available();
    if (bytes <= room)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_LIMIT,
                      "%s: %s needs %s of memory, but %s %s", job->spec->name, what,
                      recs__budget_text(bytes, need),
                      job->memory != 0 ? "the memory setting leaves" : "this machine has",
                      recs__budget_text(room, have));
}
