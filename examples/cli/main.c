/* main.c - `recs`: which sub-command, and the help of all. */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const command *const commands[] = {
    &command_train,   &command_recommend, &command_similar, &command_users, &command_score,
    &command_explain, &command_why_not,   &command_items,   &command_split, &command_evaluate,
    &command_benchmark, &command_tune,    &command_trends,    &command_knn,
    &command_info,  &command_verify, &command_export};

static void print_help(FILE *out) {
    fputs("recs - recommendations from one model file (librecs)\n\n"
          "usage: recs COMMAND [options]      recs COMMAND --help says everything\n\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nA first model:\n"
          "  recs train --input log.csv --spec \"als, itemknn, popular\" --output shop.recs\n"
          "  recs recommend --model shop.recs --user 42 --explain\n\n"
          "exit codes: 0 done, 1 failed, 2 wrong command line, 3 no such user, item or component\n",
          out);
}

/* A reader of our answer that went away (recs ... | head) is no failure of
 * ours: nothing is said and the code stays. Anything else is one. */
static int close_stdout(int code) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    int flushed = fflush(stdout), reason = errno;

    if (flushed == 0 && !ferror(stdout))
        return code;
    if ((flushed != 0 && reason == EPIPE) ||
        (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0))
        return code;
    fprintf(stderr, "recs: writing the answer: %s\n",
            flushed != 0 ? strerror(reason) : "the output cannot be written");
    return code == EXIT_OK ? EXIT_FAILED : code;
}

static int run(const command *found, int argc, char **argv) {
    int code = close_stdout(found->run(found, argc, argv));
    if (code != EXIT_OK && stop_signal()) {
        /* Whoever started us learns that it was the signal. */
        signal(stop_signal(), SIG_DFL);
        raise(stop_signal());
    }
    return code;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_help(stdout);
        return close_stdout(EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("recs %s (kernels: %s)\n", recs_version_text(), recs_kernel_name());
        return close_stdout(EXIT_OK);
    }
    bool help = strcmp(argv[1], "help") == 0;
    const char *name = help ? argv[2] : argv[1];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i]->name, name) != 0)
            continue;
        if (!help)
            return run(commands[i], argc - 1, argv + 1);
        fputs(commands[i]->usage, stdout);
        return close_stdout(EXIT_OK);
    }
    fprintf(stderr, "recs: no command '%s'; recs --help lists them\n", name);
    return EXIT_USAGE;
}
