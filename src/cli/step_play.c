/* step_play.c - a scenario with a person at a terminal: each line runs at once, Enter runs the next
 * line of the file, back undoes the last step.
 *
 * A step is a line, or a whole block. Going back runs all steps but the last
 * again, unheard: the machine is deterministic, so what comes out is what was. */
#include <histedit.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "step.h"

struct play {
    struct step *step;
    struct kb_scenario *scenario;
    bool silent; /* output goes nowhere */
    char **steps;
    size_t count, room;
    char *block; /* lines of a block that is not closed yet */
    size_t block_length;
    size_t at; /* of the file's text */
    uint64_t line;

    EditLine *editor; /* NULL: not a terminal */
    History *history;
};

static kb_status write_out(void *context, const void *bytes, size_t count, struct kb_error *error) {
    const struct play *play = context;
    struct kb_sink out = kb_stdout_sink();
    return play->silent ? KB_OK : out.write(out.context, bytes, count, error);
}

static kb_status open_scenario(struct play *play) {
    struct kb_scenario_options options;
    step_options(play->step, &options);
    options.output = (struct kb_sink){play, write_out};
    kb_scenario_free(play->scenario);
    play->scenario = NULL;
    return kb_scenario_open(&play->scenario, &options, &play->step->cli->error);
}

/* ---- steps ---- */

static bool keep(char **text, size_t *length, const char *more, size_t count) {
    char *longer = realloc(*text, *length + count + 2);
    if (longer == NULL)
        return false;
    memcpy(longer + *length, more, count);
    longer[*length + count] = '\n';
    longer[*length + count + 1] = '\0';
    *text = longer;
    *length += count + 1;
    return true;
}

static bool add_step(struct play *play) {
    if (play->count == play->room) {
        size_t room = play->room == 0 ? 64 : play->room * 2;
        char **steps = realloc(play->steps, room * sizeof *steps);
        if (steps == NULL)
            return false;
        play->steps = steps;
        play->room = room;
    }
    play->steps[play->count++] = play->block;
    play->block = NULL;
    play->block_length = 0;
    return true;
}

/* What the scenario has said so far. */
static void show_waiting(struct play *play) {
    struct kb_scenario_tally tally;
    if (kb_scenario_end(play->scenario, &tally, &play->step->cli->error) != KB_OK)
        fprintf(stderr, "kilburn: %s\n", play->step->cli->error.text);
}

/* One line, of the person or of the file. A wrong one is told and does not count. */
static void run_line(struct play *play, const char *text, size_t length) {
    struct cli *cli = play->step->cli;
    kb_status status = kb_scenario_line(play->scenario, text, length, &cli->error);
    if (status != KB_OK) {
        fflush(stdout);
        fprintf(stderr, "kilburn: %s\n", cli->error.text);
        free(play->block);
        play->block = NULL;
        play->block_length = 0;
    } else if (keep(&play->block, &play->block_length, text, length) &&
               !kb_scenario_inside(play->scenario) && !add_step(play)) {
        fprintf(stderr, "kilburn: %s\n", cli_text(cli, KB_MSG_step_no_history));
    }
    if (!kb_scenario_inside(play->scenario))
        show_waiting(play);
    fflush(stdout);
}

/* A step that went well once goes well again. */
static void run_again(struct play *play, const char *step) {
    struct cli *cli = play->step->cli;
    while (*step != '\0') {
        size_t length = strcspn(step, "\n");
        if (kb_scenario_line(play->scenario, step, length, &cli->error) != KB_OK)
            fprintf(stderr, "kilburn: %s\n", cli->error.text);
        step += length + (step[length] == '\n');
    }
}

static void go_back(struct play *play) {
    struct cli *cli = play->step->cli;
    if (play->count == 0) {
        cli_print(cli, stdout, KB_MSG_step_at_start);
        return;
    }
    size_t length = strcspn(play->steps[--play->count], "\n");
    cli_print(cli, stdout, KB_MSG_step_undone, (int)length, play->steps[play->count]);
    free(play->steps[play->count]);
    play->silent = true;
    if (open_scenario(play) != KB_OK) {
        fprintf(stderr, "kilburn: %s\n", cli->error.text);
        exit(EXIT_FAILED);
    }
    for (size_t i = 0; i < play->count; i++)
        run_again(play, play->steps[i]);
    show_waiting(play);
    play->silent = false;
}

/* ---- the file ---- */

/* The next line of the file that is not empty, told and run; false at its end. */
static bool run_next(struct play *play) {
    const struct step *step = play->step;
    while (play->at < step->length) {
        const char *text = step->text + play->at;
        const char *end = memchr(text, '\n', step->length - play->at);
        size_t length = end != NULL ? (size_t)(end - text) : step->length - play->at;
        size_t blanks = strspn(text, " \t\r");
        play->at += length + 1;
        if (blanks >= length)
            continue;
        if (text[blanks] == '#') {
            printf("%.*s\n", (int)length, text);
            continue;
        }
        run_line(play, text, length);
        if (!kb_scenario_inside(play->scenario))
            return true;
    }
    return false;
}

/* ---- the terminal ---- */

static const char *prompt_text = "kilburn> ";

static char *prompt(EditLine *editor) {
    (void)editor;
    return (char *)(uintptr_t)prompt_text;
}

static void open_terminal(struct play *play) {
    HistEvent event;
    if (!isatty(STDIN_FILENO))
        return;
    play->editor = el_init("kilburn", stdin, stdout, stderr);
    play->history = history_init();
    if (play->editor == NULL)
        return;
    el_set(play->editor, EL_PROMPT, prompt);
    el_set(play->editor, EL_EDITOR, "emacs");
    if (play->history != NULL) {
        history(play->history, &event, H_SETSIZE, 1000);
        el_set(play->editor, EL_HIST, history, play->history);
    }
    el_source(play->editor, NULL);
}

static void close_terminal(struct play *play) {
    if (play->editor != NULL)
        el_end(play->editor);
    if (play->history != NULL)
        history_end(play->history);
}

/* A line without its end; NULL at the end of the input. Freed by the caller. */
static char *ask(struct play *play) {
    char *line = NULL;
    size_t room = 0;
    if (play->editor != NULL) {
        int count = 0;
        HistEvent event;
        const char *text = el_gets(play->editor, &count);
        if (text == NULL || count <= 0)
            return NULL;
        if (play->history != NULL && count > 1)
            history(play->history, &event, H_ENTER, text);
        line = strdup(text);
    } else if (getline(&line, &room, stdin) < 0) {
        free(line);
        return NULL;
    }
    if (line != NULL)
        line[strcspn(line, "\n")] = '\0';
    return line;
}

static void help(const struct cli *cli) {
    cli_print(cli, stdout, KB_MSG_step_play_help);
    for (unsigned i = 0; kb_scenario_usage(i) != NULL; i++)
        printf("  %s\n", kb_scenario_usage(i));
}

/* false: the person is done. */
static bool obey(struct play *play, const char *line) {
    const char *word = line + strspn(line, " \t");
    size_t length = strcspn(word, " \t#");
    bool file = play->step->file != NULL;
    if (length == 0) {
        if (file && *word == '\0' && !run_next(play))
            cli_print(play->step->cli, stdout, KB_MSG_step_at_end);
        return true;
    }
    if (strncmp(word, "quit", length) == 0 && length == 4)
        return false;
    if (strncmp(word, "back", length) == 0 && length == 4)
        go_back(play);
    else if (strncmp(word, "help", length) == 0 && length == 4)
        help(play->step->cli);
    else if (file && strncmp(word, "go", length) == 0 && length == 2)
        while (run_next(play))
            ;
    else
        run_line(play, line, strlen(line));
    return true;
}

int step_play(struct step *step) {
    struct play play = {.step = step};
    struct cli *cli = step->cli;
    if ((step->file != NULL && step_read(step) != KB_OK) || open_scenario(&play) != KB_OK)
        return cli_fail(cli);
    open_terminal(&play);
    if (play.editor != NULL)
        cli_print(cli, stdout, KB_MSG_step_welcome);
    for (char *line; (line = ask(&play)) != NULL;) {
        bool more = obey(&play, line);
        free(line);
        fflush(stdout);
        if (!more)
            break;
    }
    close_terminal(&play);
    kb_scenario_free(play.scenario);
    for (size_t i = 0; i < play.count; i++)
        free(play.steps[i]);
    free(play.steps);
    free(play.block);
    return EXIT_FINE;
}
