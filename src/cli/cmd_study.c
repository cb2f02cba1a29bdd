/* cmd_study.c - kilburn study: claims of the founding documents, tried on the user's data. */
#include <stdlib.h>
#include <string.h>

#include "study.h"

/* The only list of the studies. */
static const struct study_kind *const kinds[] = {
    &study_organisations, &study_associative,      &study_page_size,
    &study_allocation,    &study_multiprogramming,
};

enum { KINDS = sizeof kinds / sizeof kinds[0], MOST_OPTIONS = 64 };

enum { OPT_JSON = 256, OPT_CSV, OPT_NO_PLOT, OPT_THREADS, OPT_LANG };

static const struct {
    struct option option;
    unsigned takes; /* 0: every study */
} common[] = {
    {{"json", no_argument, NULL, OPT_JSON}, 0},
    {{"csv", no_argument, NULL, OPT_CSV}, 0},
    {{"no-plot", no_argument, NULL, OPT_NO_PLOT}, STUDY_TAKES_PLOT},
    {{"threads", required_argument, NULL, OPT_THREADS}, STUDY_TAKES_THREADS},
    {{"quiet", no_argument, NULL, 'q'}, STUDY_TAKES_QUIET},
    {{"lang", required_argument, NULL, OPT_LANG}, 0},
    {{"help", no_argument, NULL, 'h'}, 0},
};

enum { COMMON = sizeof common / sizeof common[0] };

static void help(const struct cli *cli) {
    cli_print(cli, stdout, KB_MSG_help_study);
    for (unsigned i = 0; i < KINDS; i++)
        printf("  %-16s %s\n", kinds[i]->name, cli_text(cli, kinds[i]->title));
    cli_print(cli, stdout, KB_MSG_help_study_end);
}

/* ---- the request ---- */

struct request {
    const struct study_kind *kind;
    struct option options[MOST_OPTIONS];
    bool json, csv, help;
};

static void list_options(struct request *request) {
    unsigned count = 0;
    for (unsigned i = 0; i < COMMON; i++)
        if (common[i].takes == 0 || (common[i].takes & request->kind->takes))
            request->options[count++] = common[i].option;
    for (const struct option *own = request->kind->own; own != NULL && own->name != NULL; own++)
        if (count + 1 < MOST_OPTIONS)
            request->options[count++] = *own;
    request->options[count] = (struct option){NULL, 0, NULL, 0};
}

static kb_status take(struct study *study, struct request *request, int c) {
    switch (c) {
    case 'q':
        study->quiet = true;
        return KB_OK;
    case 'h':
        request->help = true;
        return KB_OK;
    case OPT_JSON:
        request->json = true;
        return KB_OK;
    case OPT_CSV:
        request->csv = true;
        return KB_OK;
    case OPT_NO_PLOT:
        study->no_plot = true;
        return KB_OK;
    case OPT_THREADS:
        return cli_parse_number("--threads", optarg, 1, 1024, &study->threads, &study->cli->error);
    default:
        return c >= STUDY_OWN_OPTION ? request->kind->take(study, c, optarg) : KB_OK;
    }
}

/* −1: go on; else the exit status. */
static int parse(struct study *study, struct request *request, int argc, char **argv) {
    struct cli *cli = study->cli;
    const char *letters = request->kind->takes & STUDY_TAKES_QUIET ? ":qh" : ":h";
    list_options(request);
    for (int c; (c = getopt_long(argc, argv, letters, request->options, NULL)) != -1;) {
        if (c == '?' || c == ':')
            return cli_bad_option(cli, c, argv);
        if (c == OPT_LANG && !cli_set_language(cli, optarg))
            return cli_usage(cli, KB_MSG_unknown_language, optarg);
        if (take(study, request, c) != KB_OK)
            return cli_fail(cli);
    }
    if (request->help) {
        cli_print(cli, stdout, request->kind->help);
        return EXIT_FINE;
    }
    if (request->json && request->csv)
        return cli_usage(cli, KB_MSG_not_together, "--json", "--csv");
    study->output = request->json ? STUDY_JSON : request->csv ? STUDY_CSV : STUDY_TEXT;
    study->operands = argv + optind;
    study->operand_count = (size_t)(argc - optind);
    if (study->operand_count < request->kind->least)
        return cli_usage(cli, KB_MSG_no_trace);
    if (study->operand_count > request->kind->most)
        return cli_usage(cli, KB_MSG_extra_argument, argv[(size_t)optind + request->kind->most]);
    return -1;
}

static kb_status run(struct study *study, const struct study_kind *kind) {
    struct kb_error *error = &study->cli->error;
    kb_status status = kb_host_open(&study->host, (unsigned)study->threads, error);
    if (status != KB_OK)
        return status;
    if (study->output == STUDY_JSON) {
        kb_json_begin(&study->json, kb_stdout_sink(), error);
        kb_json_object(&study->json, NULL);
        kb_json_string(&study->json, "study", kind->name);
    }
    status = kind->run(study);
    if (status == KB_OK && study->output == STUDY_JSON) { /* else it is not whole, and not ended */
        kb_json_close_object(&study->json);
        status = kb_json_end(&study->json);
    }
    kb_host_close(&study->host);
    return status;
}

static int run_kind(struct cli *cli, const struct study_kind *kind, int argc, char **argv) {
    struct study study = {.cli = cli, .name = kind->name};
    struct request request = {.kind = kind};
    cli->command = kind->command;
    study.own = calloc(1, kind->own_bytes + 1);
    if (study.own == NULL) {
        kb_fail(&cli->error, KB_NO_MEMORY, KB_MSG_no_memory, kind->command,
                (unsigned long long)kind->own_bytes);
        return cli_fail(cli);
    }
    int exit_status = parse(&study, &request, argc, argv);
    if (exit_status < 0)
        exit_status = run(&study, kind) == KB_OK ? EXIT_FINE : cli_fail(cli);
    if (kind->free_own != NULL)
        kind->free_own(&study);
    free(study.own);
    return exit_status;
}

int cmd_study(struct cli *cli, int argc, char **argv) {
    if (argc < 2)
        return cli_usage(cli, KB_MSG_study_missing);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(cli);
        return EXIT_FINE;
    }
    for (unsigned i = 0; i < KINDS; i++)
        if (strcmp(argv[1], kinds[i]->name) == 0)
            return run_kind(cli, kinds[i], argc - 1, argv + 1);
    return cli_usage(cli, KB_MSG_study_unknown, argv[1]);
}
