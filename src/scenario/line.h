/* line.h - a line of a scenario as words: names, numbers with units, and options key=value.
 *
 *   P region code start=0x1000 size=16K rights=rx     # a comment
 *   └ words ────┘ └ options ──────────────────┘
 *
 * A command takes the words and options that it knows; what is left over is an
 * error, so that nothing a user wrote is passed over. */
#ifndef KB_SCENARIO_LINE_H
#define KB_SCENARIO_LINE_H

#include <stdbool.h>
#include <string.h>

#include "base/host.h"

#define KB_LINE_BYTES 65536
#define KB_LINE_WORDS 16384

struct kb_word {
    const char *at;
    uint32_t length;
    uint32_t key; /* length of what stands before '='; 0: a plain word */
    bool quoted;  /* without its quotation marks */
    bool used;
};

struct kb_line {
    struct kb_word *word; /* room for KB_LINE_WORDS; the owner's */
    unsigned count;
    unsigned next; /* the first plain word that was not taken */
};

/* Cuts text[0 … length) into words, which point into it. A word in quotes may hold blanks. */
kb_status kb_line_cut(struct kb_line *line, const char *text, size_t length,
                      struct kb_error *error) KB_MUST_CHECK;

static inline bool kb_word_is(const struct kb_word *word, const char *text) {
    return word != NULL && strlen(text) == word->length &&
           memcmp(word->at, text, word->length) == 0;
}

/* The next plain word, or NULL. */
const struct kb_word *kb_line_take(struct kb_line *line);
const struct kb_word *kb_line_peek(const struct kb_line *line);
/* Takes the next plain word if it is this. */
bool kb_line_take_if(struct kb_line *line, const char *text);

/* The value of key=value as a word of its own; false if the option is not there. */
bool kb_line_option(struct kb_line *line, const char *key, struct kb_word *value);

/* From now on key=value is three words: key, =, value. */
void kb_line_open_options(struct kb_line *line);

/* Numbers: 12, 4K, 1MiB, 0x1f. what is named in the error. */
kb_status kb_word_number(const struct kb_word *word, const char *what, uint64_t *value,
                         struct kb_error *error) KB_MUST_CHECK;
/* 1us, 100ns, 20ms, 1s: whole nanoseconds; false if it is nothing of that kind. */
bool kb_word_ns(const struct kb_word *word, uint64_t *ns);
/* A plain number that must be there; an option that may be (else the value stays). */
kb_status kb_line_number(struct kb_line *line, const char *what, uint64_t *value,
                         struct kb_error *error) KB_MUST_CHECK;
kb_status kb_line_option_number(struct kb_line *line, const char *key, uint64_t *value,
                                struct kb_error *error) KB_MUST_CHECK;

/* Nothing may be left. wanted: how the command is written, for the error. */
kb_status kb_line_end(const struct kb_line *line, const char *wanted,
                      struct kb_error *error) KB_MUST_CHECK;

#endif
