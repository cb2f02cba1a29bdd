/* main.c - kilburn: finds the subcommand and speaks the user's language.
 *
 * The language comes from --lang, else from LC_ALL, LC_MESSAGES, LANG by name,
 * because a bare system has no Spanish locale installed. */
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#ifndef KILBURN_VERSION
#define KILBURN_VERSION "0"
#endif

static const struct {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
    enum kb_message title;
} commands[] = {
    {"sim", cmd_sim, KB_MSG_command_sim},       {"trace", cmd_trace, KB_MSG_command_trace},
    {"step", cmd_step, KB_MSG_command_step},    {"explain", cmd_explain, KB_MSG_command_explain},
    {"study", cmd_study, KB_MSG_command_study}, {"record", cmd_record, KB_MSG_command_record},
};

const char *cli_text(const struct cli *cli, enum kb_message message) {
    return kb_text(cli->language, message);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void cli_print(const struct cli *cli, FILE *file, enum kb_message message, ...) {
    va_list arguments;
    va_start(arguments, message);
    vfprintf(file, cli_text(cli, message), arguments);
    va_end(arguments);
}

int cli_usage(struct cli *cli, enum kb_message message, ...) {
    va_list arguments;
    va_start(arguments, message);
    vsnprintf(cli->error.text, sizeof cli->error.text, cli_text(cli, message), arguments);
    va_end(arguments);
    cli->error.status = KB_USAGE;
    return cli_fail(cli);
}
#pragma GCC diagnostic pop

kb_status cli_with_name(struct cli *cli, kb_status status, const char *name) {
    char place[300];
    if (status == KB_DATA && strncmp(cli->error.text, name, strlen(name)) != 0) {
        snprintf(place, sizeof place, "%.290s: ", name);
        kb_place(&cli->error, place);
    }
    return status;
}

int cli_fail(const struct cli *cli) {
    bool usage = cli->error.status == KB_USAGE;
    fprintf(stderr, "kilburn: %s\n", cli->error.text);
    if (usage)
        cli_print(cli, stderr, KB_MSG_try_help, cli->command, cli->command[0] != '\0' ? " " : "");
    return usage ? EXIT_BAD_USAGE : EXIT_FAILED;
}

int cli_bad_option(struct cli *cli, int found, char **argv) {
    const char *text = argv[optind - 1];
    char letter[3] = {'-', (char)optopt, '\0'};
    if (strncmp(text, "--", 2) != 0 && optopt != 0 && optopt < 128)
        text = letter;
    return cli_usage(cli, found == ':' ? KB_MSG_missing_argument : KB_MSG_unknown_switch, text);
}

bool cli_set_language(struct cli *cli, const char *name) {
    if (strcmp(name, "es") != 0 && strcmp(name, "en") != 0)
        return false;
    cli->language = kb_language_from_name(name);
    cli->error.language = cli->language;
    return true;
}

static const char *environment_language(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (unsigned i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

static void help(const struct cli *cli) {
    cli_print(cli, stdout, KB_MSG_help_main);
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("  %-8s %s\n", commands[i].name, cli_text(cli, commands[i].title));
    cli_print(cli, stdout, KB_MSG_help_main_end);
}

/* Results that did not reach standard output must not look like success. */
static int flushed(const struct cli *cli, int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    cli_print(cli, stderr, KB_MSG_stdout_failed);
    return status == EXIT_FINE ? EXIT_FAILED : status;
}

static int run_command(struct cli *cli, int argc, char **argv) {
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        cli->command = commands[i].name;
        return commands[i].run(cli, argc, argv);
    }
    return cli_usage(cli, KB_MSG_unknown_command, argv[0]);
}

int main(int argc, char **argv) {
    struct cli cli = {.command = ""};
    setlocale(LC_CTYPE, "C.UTF-8"); /* else libsmartcols escapes our UTF-8 */
    cli.language = kb_language_from_name(environment_language());
    cli.error.language = cli.language;
    opterr = 0;
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"lang", required_argument, NULL, 'L'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "+:h", options, NULL)) != -1;) {
        if (c == 'h') {
            help(&cli);
            return flushed(&cli, EXIT_FINE);
        }
        if (c == 'V') {
            printf("kilburn %s\n", KILBURN_VERSION);
            return flushed(&cli, EXIT_FINE);
        }
        if (c != 'L')
            return cli_bad_option(&cli, c, argv);
        if (!cli_set_language(&cli, optarg))
            return cli_usage(&cli, KB_MSG_unknown_language, optarg);
    }
    if (optind == argc) {
        help(&cli);
        return flushed(&cli, EXIT_BAD_USAGE);
    }
    int first = optind;
    optind = 0; /* glibc: begin anew, with another order */
    return flushed(&cli, run_command(&cli, argc - first, argv + first));
}
