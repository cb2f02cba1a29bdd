/* cmd_record.c - kilburn record: runs a program and writes the trace of its references. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum {
    OPT_EXACT = 256,
    OPT_DATA_ONLY,
    OPT_GRAIN,
    OPT_LIMIT,
    OPT_CHILDREN,
    OPT_WITH,
    OPT_COMPILE,
    OPT_LANG
};

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"exact", no_argument, NULL, OPT_EXACT},
    {"data-only", no_argument, NULL, OPT_DATA_ONLY},
    {"grain", required_argument, NULL, OPT_GRAIN},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"children", no_argument, NULL, OPT_CHILDREN},
    {"with", required_argument, NULL, OPT_WITH},
    {"compile", no_argument, NULL, OPT_COMPILE},
    {"quiet", no_argument, NULL, 'q'},
    {"lang", required_argument, NULL, OPT_LANG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct record {
    struct cli *cli;
    struct kb_record_options recording;
    char output[300], qemu[KB_RECORD_PATH_BYTES], plugin[KB_RECORD_PATH_BYTES],
        valgrind[KB_RECORD_PATH_BYTES];
    bool quiet, help, compile;
    bool shown; /* a line of progress stands on the terminal */
};

/* ---- options ---- */

static kb_status take_option(struct record *r, int c) {
    struct kb_record_options *o = &r->recording;
    struct kb_error *error = &r->cli->error;
    kb_status status;
    switch (c) {
    case 'o':
        o->output = optarg;
        return strcmp(optarg, "-") != 0 ? KB_OK : kb_fail(error, KB_USAGE, KB_MSG_record_stdout);
    case 'q':
        r->quiet = true;
        return KB_OK;
    case 'h':
        r->help = true;
        return KB_OK;
    case OPT_EXACT:
        o->exact = true;
        return KB_OK;
    case OPT_DATA_ONLY:
        o->data_only = true;
        return KB_OK;
    case OPT_CHILDREN:
        o->children = true;
        return KB_OK;
    case OPT_WITH:
        if (strcmp(optarg, "qemu") == 0)
            o->with = KB_RECORD_WITH_QEMU;
        else if (strcmp(optarg, "lackey") == 0)
            o->with = KB_RECORD_WITH_LACKEY;
        else
            return kb_fail(error, KB_USAGE, KB_MSG_record_with, optarg);
        return KB_OK;
    case OPT_COMPILE:
        r->compile = true;
        return KB_OK;
    case OPT_LIMIT:
        return cli_parse_number("--limit", optarg, 1, UINT64_MAX, &o->limit, error);
    case OPT_GRAIN:
        status = cli_parse_number("--grain", optarg, KB_RECORD_SMALLEST_GRAIN,
                                  KB_RECORD_LARGEST_GRAIN, &o->grain, error);
        if (status == KB_OK && !kb_is_power_of_two(o->grain))
            status = kb_fail(error, KB_USAGE, KB_MSG_record_grain, optarg);
        return status;
    default:
        return KB_OK;
    }
}

/* "/usr/bin/sort" → "sort.kbt" */
static void name_output(struct record *r, const char *program) {
    const char *slash = strrchr(program, '/');
    snprintf(r->output, sizeof r->output, "%.250s.kbt", slash != NULL ? slash + 1 : program);
    r->recording.output = r->output;
}

/* Returns −1 to go on, or an exit status. */
static int parse(struct record *r, int argc, char **argv) {
    struct cli *cli = r->cli;
    for (int c; (c = getopt_long(argc, argv, "+:o:qh", options, NULL)) != -1;) {
        if (c == '?' || c == ':')
            return cli_bad_option(cli, c, argv);
        if (c == OPT_LANG && !cli_set_language(cli, optarg))
            return cli_usage(cli, KB_MSG_unknown_language, optarg);
        if (take_option(r, c) != KB_OK)
            return cli_fail(cli);
    }
    if (r->help) {
        cli_print(cli, stdout, KB_MSG_help_record);
        return EXIT_FINE;
    }
    if (r->compile)
        return record_compile(cli, argv + optind);
    if (optind == argc)
        return cli_usage(cli, KB_MSG_record_no_program);
    if (r->recording.output == NULL)
        name_output(r, argv[optind]);
    return -1;
}

/* ---- what is told ---- */

static void show_progress(void *context, const struct kb_record_progress *progress) {
    struct record *r = context;
    char size[KB_SIZE_TEXT];
    if (progress->seconds < 0.5)
        return;
    kb_format_size(progress->bytes, size);
    cli_print(r->cli, stderr, KB_MSG_record_progress, (double)progress->references / 1e6,
              (double)progress->references / progress->seconds / 1e6,
              (unsigned long long)progress->pages, size);
    fflush(stderr);
    r->shown = true;
}

static void tell_result(const struct record *r, const struct kb_record_result *result) {
    const struct cli *cli = r->cli;
    char size[KB_SIZE_TEXT];
    kb_format_size(result->bytes, size);
    cli_print(cli, stderr, KB_MSG_record_written, r->recording.output,
              (unsigned long long)result->references, (unsigned long long)result->pages, size);
    if (result->limited)
        cli_print(cli, stderr, KB_MSG_record_limited, (unsigned long long)result->references);
    if (result->recorded_children > 0)
        cli_print(cli, stderr, KB_MSG_record_children,
                  (unsigned long long)result->recorded_children);
    if (result->dropped_children > 0)
        cli_print(cli, stderr, KB_MSG_record_dropped, (unsigned long long)result->dropped_children);
    if (result->unfollowed > 0)
        cli_print(cli, stderr, KB_MSG_record_unfollowed, (unsigned long long)result->unfollowed);
    if (result->dropped_threads > 0)
        cli_print(cli, stderr, KB_MSG_record_crowded, (unsigned long long)result->dropped_threads);
    if (result->replaced)
        cli_print(cli, stderr, KB_MSG_record_replaced);
    if (result->signal != 0)
        cli_print(cli, stderr, KB_MSG_record_signal, (unsigned long long)result->signal,
                  strsignal(result->signal));
}

static int record(struct record *r, char **argv) {
    struct cli *cli = r->cli;
    struct kb_host host;
    struct kb_record_result result;
    if (kb_host_open(&host, 1, &cli->error) != KB_OK)
        return cli_fail(cli), KB_RECORD_FAILED;
    r->recording.host = &host;
    r->recording.qemu = kb_record_find_qemu(r->qemu) ? r->qemu : NULL;
    r->recording.plugin = kb_record_find_beside(KB_RECORD_PLUGIN, r->plugin) ? r->plugin : NULL;
    r->recording.valgrind = kb_record_find_valgrind(r->valgrind) ? r->valgrind : NULL;
    r->recording.context = r;
    r->recording.progress = !r->quiet && isatty(STDERR_FILENO) ? show_progress : NULL;
    kb_status status = kb_record((const char *const *)argv, &r->recording, &result, &cli->error);
    if (r->shown)
        fputs("\r\033[K", stderr);
    if (status != KB_OK)
        (void)cli_fail(cli);
    if (status != KB_OK && result.started && result.status != KB_RECORD_FAILED)
        cli_print(cli, stderr, KB_MSG_record_partial, r->recording.output);
    if (status == KB_OK && !r->quiet)
        tell_result(r, &result);
    kb_host_close(&host);
    return status == KB_USAGE ? EXIT_BAD_USAGE : result.status;
}

int cmd_record(struct cli *cli, int argc, char **argv) {
    struct record r = {.cli = cli, .recording = {.grain = 4096}};
    int exit_status = parse(&r, argc, argv);
    return exit_status >= 0 ? exit_status : record(&r, argv + optind);
}
