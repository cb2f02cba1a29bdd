/* progress.c - one line on the terminal: how far, how fast, how long still. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define BAR 24
#define EVERY 0.1 /* seconds */
#define AFTER 0.5 /* short work shows nothing */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void cli_progress_start(struct cli_progress *progress, const struct cli *cli,
                        const struct kb_source *source, bool quiet) {
    *progress = (struct cli_progress){.cli = cli, .source = source};
    progress->wanted = !quiet && isatty(STDERR_FILENO);
    progress->started = now();
}

static void bar(double share, char text[BAR * 3 + 1]) {
    unsigned full = (unsigned)(share * BAR + 0.5);
    text[0] = '\0';
    for (unsigned i = 0; i < BAR; i++)
        strcat(text, i < full ? "\xe2\x96\x88" : "\xe2\x96\x91"); /* █ ░ */
}

void cli_progress_step(void *context, unsigned phase, uint64_t references, uint64_t all) {
    struct cli_progress *p = context;
    double time = now(), spent = time - p->started;
    char drawn[BAR * 3 + 1];
    if (!p->wanted || spent < AFTER || time - p->last < EVERY)
        return;
    p->last = time;
    p->shown = true;
    uint64_t done = references, size = all;
    if (phase == 0)
        kb_file_progress(p->source, &done, &size);
    double rate = (double)references / spent / 1e6;
    if (size > 0 && done > 0 && done <= size) {
        double share = (double)done / (double)size;
        bar(share, drawn);
        cli_print(p->cli, stderr, KB_MSG_progress, drawn, share * 100, rate, spent / share - spent);
    } else {
        cli_print(p->cli, stderr, KB_MSG_progress_unknown, (double)references / 1e6, rate);
    }
    fflush(stderr);
}

void cli_progress_end(struct cli_progress *progress) {
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
