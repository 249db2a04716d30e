/* main.c - `recs`: which sub-command, and the help of all. */
#include "cli.h"

#include <string.h>

static const command *const commands[] = {
    &command_train,   &command_recommend, &command_similar, &command_users, &command_score,
    &command_explain, &command_why_not,   &command_items,   &command_split, &command_evaluate,
    &command_info,    &command_verify,    &command_export};

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

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("recs %s (kernels: %s)\n", recs_version_text(), recs_kernel_name());
        return EXIT_OK;
    }
    bool help = strcmp(argv[1], "help") == 0;
    const char *name = help ? argv[2] : argv[1];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i]->name, name) != 0)
            continue;
        if (help) {
            fputs(commands[i]->usage, stdout);
            return EXIT_OK;
        }
        int code = commands[i]->run(commands[i], argc - 1, argv + 1);
        if (fflush(stdout) != 0 && code == EXIT_OK) {
            perror("recs: writing the answer");
            code = EXIT_FAILED;
        }
        return code;
    }
    fprintf(stderr, "recs: no command '%s'; recs --help lists them\n", name);
    return EXIT_USAGE;
}
