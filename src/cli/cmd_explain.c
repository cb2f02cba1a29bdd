/* cmd_explain.c - kilburn explain: the way of one address, and what translation costs. */
#include <string.h>

#include "explain.h"

enum { OPT_FIRST = 256, OPT_LANG = OPT_FIRST + EXPLAIN_COUNT };

static const struct option options[] = {
#define X(id, name, argument, questions)                                                           \
    {name, argument ? required_argument : no_argument, NULL, OPT_FIRST + EXPLAIN_##id},
    EXPLAIN_OPTIONS(X)
#undef X
        {"lang", required_argument, NULL, OPT_LANG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const unsigned questions_of[EXPLAIN_COUNT] = {
#define X(id, name, argument, questions) questions,
    EXPLAIN_OPTIONS(X)
#undef X
};

/* The one question; every option belongs to it. */
static kb_status check(const struct explain *explain) {
    struct kb_error *error = &explain->cli->error;
    const char *asked = explain->address != NULL ? explain->address : NULL;
    unsigned question = asked != NULL ? Q_ADDRESS : 0u;
    for (unsigned i = 0; i <= EXPLAIN_WASTE; i++) {
        if (!explain_has(explain, (enum explain_option)i))
            continue;
        if (asked != NULL)
            return kb_fail(error, KB_USAGE, KB_MSG_not_together, asked,
                           explain_name((enum explain_option)i));
        asked = explain_name((enum explain_option)i);
        question = questions_of[i];
    }
    if (asked == NULL)
        return kb_fail(error, KB_USAGE, KB_MSG_explain_nothing);
    for (unsigned i = 0; i < EXPLAIN_COUNT; i++)
        if (explain_has(explain, (enum explain_option)i) && !(questions_of[i] & question))
            return kb_fail(error, KB_USAGE, KB_MSG_explain_not_here,
                           explain_name((enum explain_option)i),
                           question == Q_ADDRESS ? "ADDRESS" : asked);
    if (explain->json && explain->csv)
        return kb_fail(error, KB_USAGE, KB_MSG_not_together, "--json", "--csv");
    return KB_OK;
}

int cmd_explain(struct cli *cli, int argc, char **argv) {
    struct explain explain = {.cli = cli};
    for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (c == '?' || c == ':')
            return cli_bad_option(cli, c, argv);
        if (c == 'h') {
            cli_print(cli, stdout, KB_MSG_help_explain);
            return EXIT_FINE;
        }
        if (c == OPT_LANG) {
            if (!cli_set_language(cli, optarg))
                return cli_usage(cli, KB_MSG_unknown_language, optarg);
            continue;
        }
        if (c == OPT_FIRST + EXPLAIN_MEMORY && explain.values[EXPLAIN_MEMORY] != NULL)
            return cli_usage(cli, KB_MSG_explain_twice, "--memory");
        explain.values[c - OPT_FIRST] = optarg != NULL ? optarg : "";
    }
    if (optind < argc)
        explain.address = argv[optind];
    if (optind + 1 < argc)
        return cli_usage(cli, KB_MSG_extra_argument, argv[optind + 1]);
    explain.json = explain_has(&explain, EXPLAIN_JSON);
    explain.csv = explain_has(&explain, EXPLAIN_CSV);
    kb_status status = check(&explain);
    if (status == KB_OK)
        status = explain.address != NULL ? explain_address(&explain) : explain_cost(&explain);
    return status == KB_OK ? EXIT_FINE : cli_fail(cli);
}
