/* step_play.c - a scenario with a person at a terminal: each line runs at once, Enter runs the next
 * line of the file, back undoes the last step.
 *
 * A step is a line, or a whole block. Going back runs all steps but the last
 * again, unheard: the machine is deterministic, so what comes out is what was.
 * So does a line that went wrong, for it may have done half of its work. */
#include <histedit.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "step.h"

/* A place in the file: how much of its text, and of its lines, lies behind. */
struct place {
    size_t at;
    uint64_t line;
};

struct done {
    char *text;         /* its lines */
    struct place place; /* in the file, before it */
};

struct play {
    struct step *step;
    struct kb_scenario *scenario;
    bool silent; /* output goes nowhere */
    bool mute;   /* output cannot be written: there is no sense in going on */
    struct done *steps;
    size_t count, room;
    struct done open; /* the present step: a line, or a block that is not closed yet */
    size_t open_length;
    struct place place;
    uint64_t typed; /* lines of the person */

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
        struct done *steps = realloc(play->steps, room * sizeof *steps);
        if (steps == NULL)
            return false;
        play->steps = steps;
        play->room = room;
    }
    play->steps[play->count++] = play->open;
    play->open = (struct done){0};
    play->open_length = 0;
    return true;
}

static void drop_open(struct play *play) {
    free(play->open.text);
    play->open = (struct done){0};
    play->open_length = 0;
}

/* What the scenario has said so far. */
static void show_waiting(struct play *play) {
    struct kb_scenario_tally tally;
    kb_status status = kb_scenario_end(play->scenario, &tally, &play->step->cli->error);
    if (status != KB_OK && !kb_scenario_inside(play->scenario))
        play->mute = true;
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

static void run_all_again(struct play *play) {
    struct cli *cli = play->step->cli;
    play->silent = true;
    if (open_scenario(play) != KB_OK) {
        fprintf(stderr, "kilburn: %s\n", cli->error.text);
        exit(EXIT_FAILED);
    }
    for (size_t i = 0; i < play->count; i++)
        run_again(play, play->steps[i].text);
    show_waiting(play);
    play->silent = false;
}

static void go_back(struct play *play) {
    struct cli *cli = play->step->cli;
    if (play->open.text == NULL) { /* else what was written of a block goes */
        if (play->count == 0) {
            cli_print(cli, stdout, KB_MSG_step_at_start);
            return;
        }
        play->open = play->steps[--play->count];
    }
    play->place = play->open.place;
    size_t length = strcspn(play->open.text, "\n");
    cli_print(cli, stdout, KB_MSG_step_undone, (int)length, play->open.text);
    drop_open(play);
    run_all_again(play);
}

/* One line, of the person or of the file, where the file's text was at `before`. A wrong one is
 * told and does not count: false. */
static bool run_line(struct play *play, const char *text, size_t length, struct place before) {
    struct cli *cli = play->step->cli;
    kb_status status = kb_scenario_line(play->scenario, text, length, &cli->error);
    if (status != KB_OK) {
        char said[KB_ERROR_TEXT];
        memcpy(said, cli->error.text, sizeof said);
        show_waiting(play);
        fflush(stdout);
        fprintf(stderr, "kilburn: %s\n", said);
        drop_open(play);
        run_all_again(play);
        return false;
    }
    if (play->open.text == NULL)
        play->open.place = before;
    if (!keep(&play->open.text, &play->open_length, text, length) ||
        (!kb_scenario_inside(play->scenario) && !add_step(play)))
        fprintf(stderr, "kilburn: %s\n", cli_text(cli, KB_MSG_step_no_history));
    if (!kb_scenario_inside(play->scenario))
        show_waiting(play);
    fflush(stdout);
    return true;
}

static void run_typed(struct play *play, const char *text) {
    kb_scenario_place(play->scenario, NULL, ++play->typed);
    (void)run_line(play, text, strlen(text), play->place);
}

/* ---- the file ---- */

static size_t blanks(const char *text, size_t length) {
    size_t i = 0;
    while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
        i++;
    return i;
}

enum next { NEXT_DONE, NEXT_WRONG, NEXT_END };

/* The next line of the file that is not empty, or a whole block, told and run. */
static enum next run_next(struct play *play) {
    const struct step *step = play->step;
    while (play->place.at < step->length) {
        struct place before = play->place;
        const char *text = step->text + before.at;
        const char *end = memchr(text, '\n', step->length - before.at);
        size_t length = end != NULL ? (size_t)(end - text) : step->length - before.at;
        size_t first = blanks(text, length);
        play->place = (struct place){before.at + length + 1, before.line + 1};
        if (first == length)
            continue;
        if (text[first] == '#') {
            printf("%.*s\n", (int)length, text);
            fflush(stdout); /* before what the scenario writes */
            continue;
        }
        kb_scenario_place(play->scenario, step->file, before.line + 1);
        if (!run_line(play, text, length, before))
            return NEXT_WRONG;
        if (!kb_scenario_inside(play->scenario))
            return NEXT_DONE;
    }
    return NEXT_END;
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
        if (file && *word == '\0' && run_next(play) == NEXT_END)
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
        while (run_next(play) == NEXT_DONE && !play->mute)
            ;
    else
        run_typed(play, line);
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
        if (!more || play.mute)
            break;
    }
    close_terminal(&play);
    kb_scenario_free(play.scenario);
    for (size_t i = 0; i < play.count; i++)
        free(play.steps[i].text);
    free(play.steps);
    drop_open(&play);
    return play.mute ? cli_fail(cli) : EXIT_FINE;
}
