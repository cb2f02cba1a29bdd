/* step.h - what the files of `kilburn step` share. */
#ifndef KB_CLI_STEP_H
#define KB_CLI_STEP_H

#include "cli.h"

struct step {
    struct cli *cli;
    struct kb_host host;
    enum kb_scenario_view view;
    bool all;
    const char *file;     /* NULL: none */
    const char *timeline; /* where its time line goes; NULL: nowhere */
    char *text;           /* of the file; owned */
    size_t length;
};

/* What a scenario gets of this host. */
void step_options(const struct step *step, struct kb_scenario_options *scenario);

/* Reads the file into text. */
kb_status step_read(struct step *step) KB_MUST_CHECK;

/* step_play.c: with a person. Returns the exit status. */
int step_play(struct step *step);

#endif
