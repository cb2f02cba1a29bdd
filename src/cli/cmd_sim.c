/* cmd_sim.c - kilburn sim: a trace against policies and memory sizes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* More results than this are more than anybody reads, and most likely a slip. */
#define MOST_ITEMS 2000000

/* Sizes that --frames auto takes. */
#define AUTO_SIZES 14

enum {
    OPT_PAGE_SIZE = 256,
    OPT_FORMAT,
    OPT_SKIP,
    OPT_LIMIT,
    OPT_EVENTS,
    OPT_STEPS,
    OPT_INTERVAL,
    OPT_PLOT,
    OPT_ADVICE,
    OPT_STUDY,
    OPT_JSON,
    OPT_CSV,
    OPT_THREADS,
    OPT_MEMORY,
    OPT_FETCH,
    OPT_LANG
};

static const struct option options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"frames", required_argument, NULL, 'f'},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"fetch", required_argument, NULL, OPT_FETCH},
    {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"skip", required_argument, NULL, OPT_SKIP},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"steps", no_argument, NULL, OPT_STEPS},
    {"per-interval", required_argument, NULL, OPT_INTERVAL},
    {"plot", no_argument, NULL, OPT_PLOT},
    {"advice", no_argument, NULL, OPT_ADVICE},
    {"study", no_argument, NULL, OPT_STUDY},
    {"json", no_argument, NULL, OPT_JSON},
    {"csv", no_argument, NULL, OPT_CSV},
    {"threads", required_argument, NULL, OPT_THREADS},
#define X(id, name, argument) {name, argument, NULL, SIM_OPT_##id},
    SIM_MACHINE_OPTIONS(X)
#undef X
        {"quiet", no_argument, NULL, 'q'},
    {"lang", required_argument, NULL, OPT_LANG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* ---- the request ---- */

struct request {
    const char *policies;
    bool help, study, json, csv;
};

static kb_status take_number(struct sim *sim, const char *option, uint64_t low, uint64_t *value) {
    return cli_parse_number(option, optarg, low, UINT64_MAX, value, &sim->cli->error);
}

static kb_status take_option(struct sim *sim, struct request *request, int c) {
    switch (c) {
    case 'p':
        request->policies = optarg;
        return KB_OK;
    case 'f':
        sim->frames_text = optarg;
        return KB_OK;
    case 'q':
        sim->quiet = true;
        return KB_OK;
    case 'h':
        request->help = true;
        return KB_OK;
    case OPT_MEMORY:
        sim->memory_text = optarg;
        return KB_OK;
    case OPT_FETCH:
        sim->fetch_text = optarg;
        return KB_OK;
    case OPT_FORMAT:
        sim->reading.format = optarg;
        return KB_OK;
    case OPT_PAGE_SIZE:
        return take_number(sim, "--page-size", 1, &sim->reading.page_size);
    case OPT_SKIP:
        return take_number(sim, "--skip", 0, &sim->reading.skip);
    case OPT_LIMIT:
        return take_number(sim, "--limit", 1, &sim->reading.limit);
    case OPT_INTERVAL:
        return take_number(sim, "--per-interval", 1, &sim->interval);
    case OPT_THREADS:
        return cli_parse_number("--threads", optarg, 1, 1024, &sim->threads, &sim->cli->error);
    case OPT_EVENTS:
        sim->events = true;
        return KB_OK;
    case OPT_STEPS:
        sim->steps = true;
        return KB_OK;
    case OPT_PLOT:
        sim->plot = true;
        return KB_OK;
    case OPT_ADVICE:
        sim->advice = true;
        return KB_OK;
    case OPT_STUDY:
        request->study = true;
        return KB_OK;
    case OPT_JSON:
        request->json = true;
        return KB_OK;
    case OPT_CSV:
        request->csv = true;
        return KB_OK;
    default:
        return c > SIM_OPTIONS_BEFORE && c < SIM_OPTIONS_END ? sim_machine_take(sim, c, optarg)
                                                             : KB_OK;
    }
}

static bool any_fixed(const struct sim *sim) {
    for (size_t i = 0; i < sim->policies.count; i++)
        if (!(sim->policies.specs[i].policy->needs & KB_VARIABLE_SPACE))
            return true;
    return false;
}

static bool any_future(const struct sim *sim) {
    for (size_t i = 0; i < sim->policies.count; i++)
        if (sim->policies.specs[i].policy->needs & KB_NEEDS_FUTURE)
            return true;
    return false;
}

/* --study stands for what was not said otherwise. */
static void complete(struct sim *sim, struct request *request) {
    sim->output = request->json ? SIM_JSON : request->csv ? SIM_CSV : SIM_TABLE;
    if (!request->study)
        return;
    sim->advice = sim->output != SIM_CSV;
    sim->plot = sim->output == SIM_TABLE;
    if (request->policies == NULL)
        request->policies = "all";
    if (sim->frames_text == NULL && sim->memory_text == NULL)
        sim->frames_text = "auto";
}

/* Pairs of options that contradict each other. */
static kb_status check_pairs(struct sim *sim, const struct request *request) {
    const char *machine = sim->machine.because;
    const bool ahead = kb_fetch_looks_ahead(&sim->fetch);
    const struct {
        bool both;
        const char *one, *other;
    } pairs[] = {
        {sim->frames_text != NULL && sim->memory_text != NULL, "--frames", "--memory"},
        {request->json && request->csv, "--json", "--csv"},
        {sim->plot && request->json, "--plot", "--json"},
        {sim->plot && request->csv, "--plot", "--csv"},
        {sim->advice && request->csv, "--advice", "--csv"},
        {sim->events && sim->interval > 0, "--events", "--per-interval"},
        {sim->events && any_future(sim), "--events", "--policy opt"},
        {sim->steps && sim->events, "--steps", "--events"},
        {sim->steps && sim->interval > 0, "--steps", "--per-interval"},
        {sim->steps && sim->plot, "--steps", "--plot"},
        {sim->steps && sim->advice, "--steps", "--advice"},
        {sim->steps && request->csv, "--steps", "--csv"},
        {ahead && machine == NULL && sim->events, "--fetch", "--events"},
        {ahead && sim->interval > 0, "--fetch", "--per-interval"},
        {ahead && sim->steps, "--fetch", "--steps"},
        {ahead && sim->advice, "--fetch", "--advice"},
        {machine != NULL && request->study, machine, "--study"},
        {machine != NULL && sim->steps, machine, "--steps"},
        {machine != NULL && sim->advice, machine, "--advice"},
        {machine != NULL && sim->interval > 0, machine, "--per-interval"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].both)
            return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_not_together, pairs[i].one,
                           pairs[i].other);
    return KB_OK;
}

/* Pages that come ahead need a number of frames, and no policy that knows the future. */
static kb_status check_fetch(struct sim *sim) {
    const unsigned no = KB_NEEDS_FUTURE | (sim->machine.because == NULL ? KB_VARIABLE_SPACE : 0u);
    if (sim->fetch_text == NULL)
        return KB_OK;
    kb_status status = kb_fetch_parse(sim->fetch_text, &sim->fetch, &sim->cli->error);
    for (size_t i = 0; i < sim->policies.count && status == KB_OK; i++)
        if (kb_fetch_looks_ahead(&sim->fetch) && sim->policies.specs[i].policy->needs & no)
            status = kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_fetch_policy,
                             sim->policies.specs[i].policy->name);
    return status;
}

/* What can be said before the trace is opened. */
static kb_status check(struct sim *sim, struct request *request) {
    struct kb_error *error = &sim->cli->error;
    complete(sim, request);
    if (request->policies == NULL)
        return kb_fail(error, KB_USAGE, KB_MSG_no_policy);
    kb_status status = cli_parse_policies(request->policies, &sim->policies, error);
    if (status == KB_OK)
        status = check_fetch(sim);
    if (status == KB_OK)
        status = check_pairs(sim, request);
    if (status == KB_OK && sim->machine.because != NULL)
        status = sim_machine_check(sim);
    if (status != KB_OK)
        return status;
    if (sim->frames_text == NULL && sim->memory_text == NULL && any_fixed(sim))
        return kb_fail(error, KB_USAGE, KB_MSG_no_frames);
    if (sim->frames_text != NULL && strcmp(sim->frames_text, "auto") == 0) {
        sim->frames_auto = true;
        return KB_OK;
    }
    if (sim->frames_text != NULL)
        return cli_parse_sizes(sim->frames_text, &sim->frames, error);
    if (sim->memory_text != NULL)
        return cli_parse_sizes(sim->memory_text, &sim->frames, error);
    return KB_OK;
}

/* ---- sizes ---- */

/* Bytes to frames, when the page size is known. */
kb_status sim_memory_to_frames(struct sim *sim) {
    uint64_t page = sim->info.page_size;
    if (sim->memory_text == NULL)
        return KB_OK;
    if (page == 0)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_memory_refused);
    for (size_t i = 0; i < sim->frames.count; i++) {
        if (sim->frames.values[i] < page)
            return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_memory_too_small,
                           (unsigned long long)sim->frames.values[i], (unsigned long long)page);
        sim->frames.values[i] /= page;
    }
    return KB_OK;
}

kb_status sim_check_frames(struct sim *sim) {
    for (size_t i = 0; i < sim->frames.count; i++)
        if (sim->frames.values[i] > UINT32_C(1) << 30)
            return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_too_many_frames,
                           (unsigned long long)sim->frames.values[i], (unsigned long long)1 << 30);
    return KB_OK;
}

/* Distinct pages of the trace: from its footer, or by reading it once. */
static kb_status count_pages(struct sim *sim, uint64_t *pages) {
    struct kb_error *error = &sim->cli->error;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct kb_block block = {.count = 1};
    if (strcmp(sim->trace, "-") == 0)
        return kb_fail(error, KB_USAGE, KB_MSG_auto_needs_file);
    uint64_t done, size;
    kb_status status = kb_file_open(&source, sim->trace, error);
    if (status != KB_OK)
        return status;
    kb_file_progress(&source, &done, &size);
    if (size == 0 && done > 0) /* a pipe with a name */
        status = kb_fail(error, KB_USAGE, KB_MSG_auto_needs_file);
    else
        status = kb_reader_open(&reader, source, &sim->reading, error);
    if (status == KB_OK) {
        struct kb_trace_info info;
        kb_reader_info(reader, &info);
        bool plain = sim->reading.skip == 0 && sim->reading.limit == 0;
        if (info.totals_known && plain && info.page_size == info.grain)
            block = (struct kb_block){.pages = info.pages};
        while (status == KB_OK && (block.count > 0 || block.event_count > 0))
            status = kb_reader_next(reader, &block, error);
    }
    *pages = block.pages;
    kb_reader_close(reader);
    kb_file_close(&source);
    return status;
}

kb_status sim_choose_frames(struct sim *sim, uint64_t pages) {
    uint64_t last = 0;
    char text[AUTO_SIZES * 24] = "";
    double low = (double)pages / 128 > 4 ? (double)pages / 128 : 4;
    double factor = (double)pages / low;
    for (unsigned i = 0; i < AUTO_SIZES; i++) {
        double share = (double)i / (AUTO_SIZES - 1);
        double value = low * pow(factor, share);
        uint64_t size = i == AUTO_SIZES - 1 ? pages : (uint64_t)(value + 0.5);
        if (size <= last || size > pages)
            continue;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%llu", last > 0 ? "," : "",
                 (unsigned long long)size);
        last = size;
    }
    if (last == 0)
        snprintf(text, sizeof text, "%llu", (unsigned long long)pages);
    return cli_parse_sizes(text, &sim->frames, &sim->cli->error);
}

/* ---- the sweep ---- */

static kb_status make_items(struct sim *sim, struct kb_sweep *sweep) {
    uint64_t most;
    if (!kb_multiply(sim->policies.count, sim->frames.count + 1, &most) || most > MOST_ITEMS)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_too_many_sizes,
                       (unsigned long long)MOST_ITEMS);
    sweep->items = calloc((size_t)most, sizeof *sweep->items);
    if (sweep->items == NULL)
        return kb_fail(&sim->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "results",
                       (unsigned long long)most * sizeof *sweep->items);
    for (size_t i = 0; i < sim->policies.count; i++) {
        const struct kb_policy_spec *spec = &sim->policies.specs[i];
        if (spec->policy->needs & KB_VARIABLE_SPACE) {
            sweep->items[sweep->count++].spec = *spec;
            continue;
        }
        for (size_t k = 0; k < sim->frames.count; k++) {
            struct kb_sweep_item *item = &sweep->items[sweep->count++];
            item->spec = *spec;
            item->frames = (uint32_t)sim->frames.values[k];
        }
    }
    return KB_OK;
}

static kb_status run_sweep(struct sim *sim, struct kb_source *source, struct kb_reader *reader) {
    struct kb_sweep sweep = {
        .host = &sim->host, .events = sim->events, .interval = sim->interval, .fetch = sim->fetch};
    struct cli_progress progress;
    kb_status status = make_items(sim, &sweep);
    if (status == KB_OK) {
        cli_progress_start(&progress, sim->cli, source, sim->quiet);
        sweep.progress = cli_progress_step;
        sweep.progress_context = &progress;
        status = kb_sweep_run(&sweep, reader, &sim->cli->error);
        cli_progress_end(&progress);
    }
    if (status == KB_OK)
        status = sim_show_sweep(sim, &sweep);
    kb_sweep_free(&sweep);
    free(sweep.items);
    return status;
}

/* A message about the trace says which one. */
static kb_status with_name(struct sim *sim, kb_status status) {
    return cli_with_name(sim->cli, status, sim->trace);
}

static kb_status run(struct sim *sim) {
    struct kb_error *error = &sim->cli->error;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    kb_status status = KB_OK;
    if (sim->frames_auto) {
        uint64_t pages = 0;
        status = count_pages(sim, &pages);
        if (status == KB_OK)
            status = sim_choose_frames(sim, pages);
        if (status != KB_OK)
            return with_name(sim, status);
    }
    status = kb_file_open(&source, sim->trace, error);
    if (status != KB_OK)
        return status;
    status = with_name(sim, kb_reader_open(&reader, source, &sim->reading, error));
    if (status == KB_OK) {
        kb_reader_info(reader, &sim->info);
        status = sim_memory_to_frames(sim);
    }
    if (status == KB_OK)
        status = sim_check_frames(sim);
    if (status == KB_OK)
        status = with_name(sim, sim->steps ? sim_show_steps(sim, reader)
                                           : run_sweep(sim, &source, reader));
    kb_reader_close(reader);
    kb_file_close(&source);
    return status;
}

int cmd_sim(struct cli *cli, int argc, char **argv) {
    struct sim sim = {.cli = cli};
    struct request request = {0};
    sim_machine_usual(&sim.machine);
    for (int c; (c = getopt_long(argc, argv, ":p:f:qh", options, NULL)) != -1;) {
        if (c == '?' || c == ':')
            return cli_bad_option(cli, c, argv);
        if (c == OPT_LANG && !cli_set_language(cli, optarg))
            return cli_usage(cli, KB_MSG_unknown_language, optarg);
        if (take_option(&sim, &request, c) != KB_OK)
            return cli_fail(cli);
    }
    if (request.help) {
        cli_print(cli, stdout, KB_MSG_help_sim);
        return EXIT_FINE;
    }
    if (request.policies != NULL && strcmp(request.policies, "help") == 0) {
        sim_policy_help(cli);
        return EXIT_FINE;
    }
    if (sim.fetch_text != NULL && strcmp(sim.fetch_text, "help") == 0) {
        sim_fetch_help(cli);
        return EXIT_FINE;
    }
    if (optind == argc)
        return cli_usage(cli, KB_MSG_no_trace);
    sim.traces = argv + optind;
    sim.trace_count = (size_t)(argc - optind);
    sim.trace = argv[optind];
    if (sim.trace_count > 1 && sim.machine.because == NULL)
        sim.machine.because = cli_text(cli, KB_MSG_machine_traces);
    kb_status status = check(&sim, &request);
    if (status == KB_OK)
        status = kb_host_open(&sim.host, (unsigned)sim.threads, &cli->error);
    if (status == KB_OK) {
        sim.reading.host = &sim.host;
        status = sim.machine.because != NULL ? sim_machine_run(&sim) : run(&sim);
        kb_host_close(&sim.host);
    }
    free(sim.policies.specs);
    free(sim.frames.values);
    free(sim.machine.copies.values);
    return status == KB_OK ? EXIT_FINE : cli_fail(cli);
}
