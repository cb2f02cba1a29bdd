/* cmd_trace.c - kilburn trace info | convert | generate | verify | annotate-release | working-set.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

enum {
    OPT_PAGE_SIZE = 256,
    OPT_FORMAT,
    OPT_SKIP,
    OPT_LIMIT,
    OPT_RECOVER,
    OPT_PACK,
    OPT_LEVEL,
    OPT_PROGRAM,
    OPT_DISTANCE,
    OPT_WINDOW,
    OPT_AT,
    OPT_PLOT,
    OPT_BRIEF,
    OPT_JSON,
    OPT_LANG
};

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"skip", required_argument, NULL, OPT_SKIP},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"recover", no_argument, NULL, OPT_RECOVER},
    {"pack", required_argument, NULL, OPT_PACK},
    {"level", required_argument, NULL, OPT_LEVEL},
    {"program", required_argument, NULL, OPT_PROGRAM},
    {"distance", required_argument, NULL, OPT_DISTANCE},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"at", required_argument, NULL, OPT_AT},
    {"plot", no_argument, NULL, OPT_PLOT},
    {"brief", no_argument, NULL, OPT_BRIEF},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"lang", required_argument, NULL, OPT_LANG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What each subcommand takes: letters of the options' classes. */
enum {
    TAKES_PAGES = 1,
    TAKES_WINDOW = 2,
    TAKES_WRITING = 4,
    TAKES_RECOVER = 8,
    TAKES_FORMAT = 16,
    TAKES_JSON = 32,
    TAKES_DISTANCE = 64,
    TAKES_SET = 128,
    TAKES_STORY = 256,
    TAKES_READING = TAKES_PAGES | TAKES_FORMAT
};

static bool parse_packing(const char *text, enum kb_packing *packing) {
    static const char *const names[] = {"auto", "raw", "lz4", "zstd"};
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *packing = (enum kb_packing)i;
            return true;
        }
    return false;
}

/* The classes of subcommands that have the option; 0: all have it. */
static unsigned class_of(int c) {
    switch (c) {
    case OPT_FORMAT:
        return TAKES_FORMAT;
    case OPT_PAGE_SIZE:
        return TAKES_PAGES;
    case OPT_JSON:
        return TAKES_JSON;
    case OPT_SKIP:
    case OPT_LIMIT:
        return TAKES_WINDOW;
    case OPT_RECOVER:
        return TAKES_RECOVER;
    case OPT_DISTANCE:
        return TAKES_DISTANCE;
    case OPT_WINDOW:
        return TAKES_SET | TAKES_STORY;
    case OPT_BRIEF:
        return TAKES_STORY;
    case OPT_AT:
    case OPT_PLOT:
        return TAKES_SET;
    case 'o':
    case OPT_PACK:
    case OPT_LEVEL:
    case OPT_PROGRAM:
        return TAKES_WRITING;
    default:
        return 0;
    }
}

static kb_status take_number(struct trace *t, const char *option, uint64_t low, uint64_t high,
                             uint64_t *value) {
    return cli_parse_number(option, optarg, low, high, value, &t->cli->error);
}

static kb_status take_option(struct trace *t, int c) {
    uint64_t level;
    kb_status status;
    switch (c) {
    case 'o':
        t->output = optarg;
        return KB_OK;
    case 'q':
        t->quiet = true;
        return KB_OK;
    case 'h':
        t->help = true;
        return KB_OK;
    case OPT_JSON:
        t->json = true;
        return KB_OK;
    case OPT_FORMAT:
        t->reading.format = optarg;
        return KB_OK;
    case OPT_PROGRAM:
        t->writing.program = optarg;
        return KB_OK;
    case OPT_PLOT:
        t->plot = true;
        return KB_OK;
    case OPT_BRIEF:
        t->brief = true;
        return KB_OK;
    case OPT_DISTANCE:
        return take_number(t, "--distance", 2, UINT64_MAX - 1, &t->distance);
    case OPT_WINDOW:
        return take_number(t, "--window", 1, UINT64_MAX / 4, &t->window);
    case OPT_AT:
        free(t->at.values);
        t->at = (struct cli_sizes){NULL, 0};
        return cli_parse_sizes(optarg, &t->at, &t->cli->error);
    case OPT_RECOVER:
        t->reading.recover = true;
        return KB_OK;
    case OPT_PAGE_SIZE:
        return take_number(t, "--page-size", 1, UINT64_MAX, &t->reading.page_size);
    case OPT_SKIP:
        return take_number(t, "--skip", 0, UINT64_MAX, &t->reading.skip);
    case OPT_LIMIT:
        return take_number(t, "--limit", 1, UINT64_MAX, &t->reading.limit);
    case OPT_LEVEL:
        status = take_number(t, "--level", 1, 19, &level);
        t->writing.level = status == KB_OK ? (int)level : 0;
        return status;
    case OPT_PACK:
        if (parse_packing(optarg, &t->writing.packing))
            return KB_OK;
        return kb_fail(&t->cli->error, KB_USAGE, KB_MSG_bad_packing, optarg);
    default:
        return KB_OK;
    }
}

static void print_help(const struct cli *cli, enum kb_message help) {
    cli_print(cli, stdout, help);
    for (unsigned i = 0; help == KB_MSG_help_generate && kb_generator_usage(i) != NULL; i++)
        printf("  %s\n", kb_generator_usage(i));
}

/* Reads the options of a subcommand and its one argument. Returns −1 to go on, or an exit status.
 */
static int parse(struct trace *t, int argc, char **argv, unsigned takes, enum kb_message help,
                 const char **argument) {
    struct cli *cli = t->cli;
    t->writing.level = 9;
    for (int c, index = -1; (c = getopt_long(argc, argv, ":o:qh", options, &index)) != -1;
         index = -1) {
        if (c == '?' || c == ':')
            return cli_bad_option(cli, c, argv);
        if (c == OPT_LANG && !cli_set_language(cli, optarg))
            return cli_usage(cli, KB_MSG_unknown_language, optarg);
        if (class_of(c) != 0 && (class_of(c) & takes) == 0) {
            char name[32] = "-o"; /* the only such letter */
            if (index >= 0)
                snprintf(name, sizeof name, "--%s", options[index].name);
            return cli_usage(cli, KB_MSG_unknown_switch, name);
        }
        if (take_option(t, c) != KB_OK)
            return cli_fail(cli);
    }
    if (t->help) {
        print_help(cli, help);
        return EXIT_FINE;
    }
    if (optind == argc)
        return cli_usage(cli, KB_MSG_no_trace);
    if (optind + 1 < argc)
        return cli_usage(cli, KB_MSG_extra_argument, argv[optind + 1]);
    if ((takes & TAKES_WRITING) && t->output == NULL)
        return cli_usage(cli, KB_MSG_no_output);
    if ((takes & TAKES_SET) && t->window == 0)
        return cli_usage(cli, KB_MSG_window_missing);
    *argument = argv[optind];
    if (kb_host_open(&t->host, 0, &cli->error) != KB_OK)
        return cli_fail(cli);
    t->reading.host = &t->host;
    t->writing.host = &t->host;
    return -1;
}

kb_status trace_with_name(struct trace *t, kb_status status) {
    return cli_with_name(t->cli, status, t->input);
}

/* ---- convert and generate ---- */

void trace_report_written(struct trace *t, const struct kbt_totals *totals) {
    if (!t->quiet)
        cli_print(t->cli, stderr, KB_MSG_written, t->output, (unsigned long long)totals->references,
                  (unsigned long long)totals->pages);
}

kb_status trace_copy_open(struct trace *t, struct trace_copy *copy) {
    struct kb_error *error = &t->cli->error;
    struct kb_trace_info info;
    *copy = (struct trace_copy){0};
    t->reading.past = true; /* a window knows the mappings that it begins with */
    kb_status status = kb_file_open(&copy->source, t->input, error);
    if (status != KB_OK)
        return status;
    status = trace_with_name(t, kb_reader_open(&copy->reader, copy->source, &t->reading, error));
    if (status == KB_OK) {
        kb_reader_info(copy->reader, &info);
        t->writing.grain = info.page_size;
        t->writing.version = info.version;
        if (t->writing.program == NULL && info.program[0] != '\0')
            t->writing.program = info.program;
        status = kb_file_create(&copy->sink, t->output, error);
    }
    return status == KB_OK ? kb_writer_open(&copy->writer, copy->sink, &t->writing, error) : status;
}

kb_status trace_copy_commit(struct trace *t, struct trace_copy *copy, struct kbt_totals *totals) {
    kb_status status = kb_writer_end(copy->writer, totals, &t->cli->error);
    return status == KB_OK ? kb_file_commit(&copy->sink, &t->cli->error) : status;
}

void trace_copy_close(struct trace_copy *copy) {
    kb_file_abandon(&copy->sink);
    kb_writer_free(copy->writer);
    kb_reader_close(copy->reader);
    kb_file_close(&copy->source);
}

static kb_status convert(struct trace *t) {
    struct trace_copy copy;
    struct trace_totals read;
    struct kbt_totals totals;
    kb_status status = trace_copy_open(t, &copy);
    if (status == KB_OK)
        status = trace_with_name(
            t, trace_read_all(t, copy.reader, &copy.source, copy.writer, &read, false));
    if (status == KB_OK)
        status = trace_copy_commit(t, &copy, &totals);
    if (status == KB_OK) {
        if (kb_reader_lost_bytes(copy.reader) > 0)
            cli_print(t->cli, stderr, KB_MSG_lost, t->input,
                      (unsigned long long)kb_reader_lost_bytes(copy.reader));
        trace_report_written(t, &totals);
    }
    trace_copy_close(&copy);
    return status;
}

static kb_status pump(struct kb_generator *generator, struct kb_collector *collector,
                      struct kb_writer *writer, struct kb_error *error) {
    struct kb_trace_access accesses[KB_ACCESS_BATCH];
    struct kb_block block;
    for (;;) {
        size_t got, used = 0;
        kb_generator_next(generator, accesses, KB_ACCESS_BATCH, &got);
        while (used < got || got == 0) {
            kb_status status = KB_OK;
            if (got > 0)
                status = kb_collector_add(collector, accesses, got, &used, error);
            if (status == KB_OK && (used < got || got == 0)) {
                status = kb_collector_take(collector, &block, error);
                if (status == KB_OK)
                    status = kb_writer_add(writer, &block, kb_collector_page_numbers(collector),
                                           NULL, error);
            }
            if (status != KB_OK || got == 0)
                return status;
        }
    }
}

static kb_status generate(struct trace *t) {
    struct kb_error *error = &t->cli->error;
    struct kb_generator *generator = NULL;
    struct kb_collector *collector = NULL;
    struct kb_writer *writer = NULL;
    struct kb_sink sink = {NULL, NULL};
    struct kbt_totals totals;
    kb_status status = kb_generator_new(t->input, &generator, error);
    if (status != KB_OK)
        return status;
    uint64_t page = 0;
    if (kb_generator_page_numbers(generator)) {
        if (t->reading.page_size > 0)
            status = kb_fail(error, KB_USAGE, KB_MSG_page_size_refused);
    } else {
        page = t->reading.page_size > 0 ? t->reading.page_size : KB_DEFAULT_PAGE_SIZE;
        if (!kb_is_power_of_two(page) || page < KB_SMALLEST_PAGE_SIZE ||
            page > KB_LARGEST_PAGE_SIZE)
            status = kb_fail(error, KB_USAGE, KB_MSG_page_size_invalid,
                             (unsigned long long)KB_SMALLEST_PAGE_SIZE,
                             (unsigned long long)KB_LARGEST_PAGE_SIZE, (unsigned long long)page);
    }
    t->writing.grain = page;
    if (t->writing.program == NULL)
        t->writing.program = t->input;
    if (status == KB_OK)
        status = kb_collector_new(&collector, page, &t->host, error);
    if (status == KB_OK)
        status = kb_file_create(&sink, t->output, error);
    if (status == KB_OK)
        status = kb_writer_open(&writer, sink, &t->writing, error);
    if (status == KB_OK)
        status = pump(generator, collector, writer, error);
    if (status == KB_OK)
        status = kb_writer_end(writer, &totals, error);
    if (status == KB_OK)
        status = kb_file_commit(&sink, error);
    if (status == KB_OK)
        trace_report_written(t, &totals);
    kb_file_abandon(&sink);
    kb_writer_free(writer);
    kb_collector_free(collector);
    kb_generator_free(generator);
    return status;
}

/* ---- the subcommands ---- */

static const struct {
    const char *name, *command;
    unsigned takes;
    enum kb_message help;
    kb_status (*run)(struct trace *trace);
} subcommands[] = {
    {"info", "trace info", TAKES_READING | TAKES_WINDOW | TAKES_RECOVER | TAKES_JSON | TAKES_STORY,
     KB_MSG_help_info, trace_info},
    {"convert", "trace convert", TAKES_READING | TAKES_WINDOW | TAKES_WRITING | TAKES_RECOVER,
     KB_MSG_help_convert, convert},
    {"generate", "trace generate", TAKES_PAGES | TAKES_WRITING, KB_MSG_help_generate, generate},
    {"verify", "trace verify", TAKES_READING | TAKES_JSON, KB_MSG_help_verify, trace_verify},
    {"annotate-release", "trace annotate-release",
     TAKES_READING | TAKES_WINDOW | TAKES_WRITING | TAKES_DISTANCE | TAKES_JSON,
     KB_MSG_help_annotate_release, trace_annotate_release},
    {"working-set", "trace working-set", TAKES_READING | TAKES_WINDOW | TAKES_SET | TAKES_JSON,
     KB_MSG_help_working_set, trace_working_set},
};

int cmd_trace(struct cli *cli, int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_print(cli, stdout, KB_MSG_help_trace);
        return argc < 2 ? EXIT_BAD_USAGE : EXIT_FINE;
    }
    for (unsigned i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++) {
        struct trace trace = {.cli = cli, .distance = KB_NEVER_AGAIN};
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        cli->command = subcommands[i].command;
        if (subcommands[i].run == generate && argc > 2 && strcmp(argv[2], "help") == 0) {
            print_help(cli, subcommands[i].help);
            return EXIT_FINE;
        }
        int exit_status = parse(&trace, argc - 1, argv + 1, subcommands[i].takes,
                                subcommands[i].help, &trace.input);
        kb_status status = exit_status >= 0 ? KB_OK : subcommands[i].run(&trace);
        free(trace.at.values);
        if (exit_status >= 0)
            return exit_status;
        kb_host_close(&trace.host);
        return status == KB_OK ? EXIT_FINE : cli_fail(cli);
    }
    return cli_usage(cli, KB_MSG_unknown_command, argv[1]);
}
