/* cmd_step.c - kilburn step: runs a scenario and tells each step; or plays with a person, line by
 * line, forwards and back (step_play.c). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "step.h"

#define MOST_TEXT (UINT64_C(64) << 20)

enum { OPT_JSON = 256, OPT_LANG, OPT_ALL, OPT_TIMELINE };

static const struct option options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"all", no_argument, NULL, OPT_ALL},
    {"interactive", no_argument, NULL, 'i'},
    {"timeline", required_argument, NULL, OPT_TIMELINE},
    {"lang", required_argument, NULL, OPT_LANG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* ---- what a scenario may want of the host ---- */

/* The source borrows its name. */
static kb_status open_trace(void *context, const char *path, struct kb_source *source,
                            struct kb_error *error) {
    char *name = strdup(path);
    (void)context;
    if (name == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "path",
                       (unsigned long long)strlen(path));
    kb_status status = kb_file_open(source, name, error);
    if (status != KB_OK)
        free(name);
    return status;
}

static void close_trace(void *context, struct kb_source *source) {
    char *name = (char *)(uintptr_t)source->name;
    (void)context;
    kb_file_close(source);
    free(name);
}

static kb_status open_swap(void *context, const char *path, uint32_t page_bytes, uint64_t slots,
                           struct kb_store *store, struct kb_error *error) {
    (void)context;
    return kb_store_file(store, path, page_bytes, slots, error);
}

void step_options(const struct step *step, struct kb_scenario_options *scenario) {
    *scenario = (struct kb_scenario_options){.host = &step->host,
                                             .language = step->cli->language,
                                             .view = step->view,
                                             .all = step->all,
                                             .output = kb_stdout_sink(),
                                             .name = step->file,
                                             .open_trace = open_trace,
                                             .close_trace = close_trace,
                                             .open_swap = open_swap};
}

/* ---- a file ---- */

kb_status step_read(struct step *step) {
    struct kb_error *error = &step->cli->error;
    struct kb_source source;
    kb_status status = kb_file_open(&source, step->file, error);
    if (status != KB_OK)
        return status;
    for (size_t room = 0, got = 1; status == KB_OK && got > 0;) {
        if (step->length == room) {
            size_t more = room == 0 ? 65536 : room * 2;
            char *text = more <= MOST_TEXT ? realloc(step->text, more) : NULL;
            if (text == NULL) {
                status = kb_fail(error, KB_DATA, KB_MSG_step_too_large, step->file,
                                 (unsigned long long)MOST_TEXT);
                break;
            }
            step->text = text;
            room = more;
        }
        status = source.read(source.context, step->text + step->length, room - step->length, &got,
                             error);
        step->length += status == KB_OK ? got : 0;
    }
    kb_file_close(&source);
    return status;
}

static int run_file(struct step *step) {
    struct cli *cli = step->cli;
    struct kb_scenario_options scenario_options;
    struct kb_scenario *scenario = NULL;
    struct kb_scenario_tally tally = {0};
    struct kb_error later = {.language = cli->language};
    step_options(step, &scenario_options);
    kb_status status = step_read(step);
    if (status == KB_OK && step->timeline != NULL)
        status = kb_file_create(&scenario_options.timeline, step->timeline, &cli->error);
    if (status == KB_OK)
        status = kb_scenario_open(&scenario, &scenario_options, &cli->error);
    if (status != KB_OK)
        return cli_fail(cli);
    status = kb_scenario_run(scenario, step->text, step->length, &cli->error);
    kb_status ended = kb_scenario_end(scenario, &tally, &later);
    kb_scenario_free(scenario);
    if (status == KB_OK && ended != KB_OK) {
        status = ended;
        cli->error = later;
    }
    if (step->timeline != NULL && status == KB_OK)
        status = kb_file_commit(&scenario_options.timeline, &cli->error);
    else if (step->timeline != NULL)
        kb_file_abandon(&scenario_options.timeline);
    if (status != KB_OK) {
        fflush(stdout);
        return cli_fail(cli);
    }
    if (step->view == KB_VIEW_NARRATE)
        cli_print(cli, stderr, KB_MSG_step_tally, (unsigned long long)tally.expectations,
                  (unsigned long long)tally.failed);
    return tally.failed > 0 ? EXIT_FAILED : EXIT_FINE;
}

static void print_help(const struct cli *cli) {
    cli_print(cli, stdout, KB_MSG_help_step);
    for (unsigned i = 0; kb_scenario_usage(i) != NULL; i++)
        printf("  %s\n", kb_scenario_usage(i));
}

int cmd_step(struct cli *cli, int argc, char **argv) {
    struct step step = {.cli = cli, .view = KB_VIEW_NARRATE};
    bool quiet = false, json = false, interactive = false, help = false;
    for (int c; (c = getopt_long(argc, argv, ":hqi", options, NULL)) != -1;) {
        if (c == '?' || c == ':')
            return cli_bad_option(cli, c, argv);
        if (c == OPT_LANG && !cli_set_language(cli, optarg))
            return cli_usage(cli, KB_MSG_unknown_language, optarg);
        quiet = quiet || c == 'q';
        json = json || c == OPT_JSON;
        interactive = interactive || c == 'i';
        help = help || c == 'h';
        step.all = step.all || c == OPT_ALL;
        step.timeline = c == OPT_TIMELINE ? optarg : step.timeline;
    }
    if (help) {
        print_help(cli);
        return EXIT_FINE;
    }
    if (argc - optind > 1)
        return cli_usage(cli, KB_MSG_extra_argument, argv[optind + 1]);
    if (quiet && json)
        return cli_usage(cli, KB_MSG_not_together, "--quiet", "--json");
    if (interactive && (quiet || json))
        return cli_usage(cli, KB_MSG_not_together, "--interactive", quiet ? "--quiet" : "--json");
    step.file = optind < argc ? argv[optind] : NULL;
    if (step.timeline != NULL && (interactive || step.file == NULL))
        return cli_usage(cli, KB_MSG_not_together, "--timeline", "--interactive");
    if (interactive && step.file != NULL && strcmp(step.file, "-") == 0)
        return cli_usage(cli, KB_MSG_not_together, "--interactive", "-");
    if (step.file == NULL && (quiet || json))
        return cli_usage(cli, KB_MSG_step_no_file);
    step.view = quiet ? KB_VIEW_QUIET : json ? KB_VIEW_JSON : KB_VIEW_NARRATE;
    if (kb_host_open(&step.host, 1, &cli->error) != KB_OK)
        return cli_fail(cli);
    int status = interactive || step.file == NULL ? step_play(&step) : run_file(&step);
    kb_host_close(&step.host);
    free(step.text);
    return status;
}
