/* generate.c - the list of synthetic generators, and their specs: NAME:option=value:…
 *
 * A spec is checked whole before anything is made: the name against
 * families.def, each option against the family's table. The families
 * (generate/) see only values that are in range. */
#include "trace/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/generate/family.h"

static const struct kb_family *const families[] = {
#define KB_FAMILY(name) &kb_family_##name,
#include "trace/generate/families.def"
#undef KB_FAMILY
};
#define FAMILIES (sizeof families / sizeof families[0])

/* Room for what an error quotes. */
#define QUOTE 64
#define LIST 256

/* A piece of the spec. */
struct piece {
    const char *text;
    size_t length;
};

static const char *quote(struct piece piece, char room[QUOTE]) {
    snprintf(room, QUOTE, "%.*s", (int)(piece.length < QUOTE ? piece.length : QUOTE - 1),
             piece.text);
    return room;
}

static bool is(struct piece piece, const char *name) {
    return strlen(name) == piece.length && memcmp(name, piece.text, piece.length) == 0;
}

/* Cuts the piece up to the next mark off *rest; false if there is none, and piece is all of it. */
static bool cut(struct piece *rest, char mark, struct piece *piece) {
    const char *found = memchr(rest->text, mark, rest->length);
    *piece = *rest;
    if (found == NULL) {
        *rest = (struct piece){rest->text + rest->length, 0};
        return false;
    }
    piece->length = (size_t)(found - rest->text);
    *rest = (struct piece){found + 1, rest->length - piece->length - 1};
    return true;
}

/* ---- errors that list what there is ---- */

static void append(char list[LIST], const char *name) {
    size_t length = strlen(list);
    snprintf(list + length, LIST - length, "%s%s", length == 0 ? "" : ", ", name);
}

static kb_status unknown_family(struct piece name, struct kb_error *error) {
    char room[QUOTE], list[LIST] = "";
    for (size_t i = 0; i < FAMILIES; i++)
        append(list, families[i]->name);
    return kb_fail(error, KB_USAGE, KB_MSG_generator_unknown, quote(name, room), list);
}

static kb_status bad_option(const struct kb_family *family, struct piece name,
                            enum kb_message message, struct kb_error *error) {
    char room[QUOTE], list[LIST] = "";
    for (unsigned i = 0; i < KB_MOST_OPTIONS && family->options[i].name != NULL; i++)
        append(list, family->options[i].name);
    return kb_fail(error, KB_USAGE, message, family->name, quote(name, room), list);
}

static kb_status bad_value(const struct kb_family *family, const struct kb_option *option,
                           struct piece value, struct kb_error *error) {
    char room[QUOTE];
    quote(value, room);
    if (option->type == KB_OPTION_REAL)
        return kb_fail(error, KB_USAGE, KB_MSG_generator_real, family->name, option->name, room,
                       (unsigned long long)option->most);
    if (option->type == KB_OPTION_WORD)
        return kb_fail(error, KB_USAGE, KB_MSG_generator_word, family->name, option->name, room,
                       option->words);
    return kb_fail(error, KB_USAGE, KB_MSG_generator_number, family->name, option->name, room,
                   (unsigned long long)option->least, (unsigned long long)option->most);
}

/* ---- values ---- */

/* Decimal, at most 15 digits in all, so that both parts of the quotient are exact and the result is
 * the double nearest to what was written. */
static bool parse_real(struct piece piece, double *real) {
    uint64_t digits = 0, scale = 1;
    unsigned count = 0;
    bool point = false;
    for (size_t i = 0; i < piece.length; i++) {
        char c = piece.text[i];
        if (c == '.' && !point && count > 0) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++count > 15)
            return false;
        digits = digits * 10 + (uint64_t)(c - '0');
        scale *= point ? 10 : 1;
    }
    *real = (double)digits / (double)scale;
    return count > 0 && piece.text[piece.length - 1] != '.';
}

/* The place of a word in a list of words with blanks between them. */
static bool parse_word(struct piece piece, const char *words, uint64_t *place) {
    struct piece rest = {words, strlen(words)}, word;
    bool more = true;
    for (*place = 0; more; ++*place) {
        more = cut(&rest, ' ', &word);
        if (word.length == piece.length && memcmp(word.text, piece.text, word.length) == 0)
            return true;
    }
    return false;
}

static bool parse_value(const struct kb_option *option, struct piece value, uint64_t *number,
                        double *real) {
    if (option->type == KB_OPTION_REAL)
        return parse_real(value, real) && *real <= (double)option->most;
    if (option->type == KB_OPTION_WORD)
        return parse_word(value, option->words, number);
    return kb_parse_size(value.text, value.length, number) && *number >= option->least &&
           *number <= option->most;
}

/* ---- the spec ---- */

static kb_status take_option(struct kb_generator *generator, struct piece piece,
                             struct kb_error *error) {
    const struct kb_family *family = generator->family;
    struct piece value = piece, name;
    unsigned i = 0;
    if (!cut(&value, '=', &name))
        return bad_option(family, piece, KB_MSG_generator_option_form, error);
    while (i < KB_MOST_OPTIONS && family->options[i].name != NULL &&
           !is(name, family->options[i].name))
        i++;
    if (i == KB_MOST_OPTIONS || family->options[i].name == NULL)
        return bad_option(family, name, KB_MSG_generator_option_unknown, error);
    const struct kb_option *option = &family->options[i];
    if (generator->given[i])
        return kb_fail(error, KB_USAGE, KB_MSG_generator_option_twice, family->name, option->name);
    if (!parse_value(option, value, &generator->number[i], &generator->real[i]))
        return bad_value(family, option, value, error);
    generator->given[i] = true;
    return KB_OK;
}

static void take_defaults(struct kb_generator *generator) {
    for (unsigned i = 0; i < KB_MOST_OPTIONS; i++) {
        generator->number[i] = generator->family->options[i].number;
        generator->real[i] = generator->family->options[i].real;
    }
}

/* The options that are the same for all families. */
static void take_common(struct kb_generator *generator) {
    for (unsigned i = 0; i < KB_MOST_OPTIONS; i++) {
        const char *name = generator->family->options[i].name;
        if (name != NULL && strcmp(name, "seed") == 0)
            generator->random.state = generator->number[i];
        if (name != NULL && strcmp(name, "writes") == 0)
            generator->writes = generator->number[i];
    }
}

static kb_status take_spec(struct kb_generator *generator, const char *spec,
                           struct kb_error *error) {
    struct piece rest = {spec, strlen(spec)}, piece;
    bool more = cut(&rest, ':', &piece);
    for (size_t i = 0; i < FAMILIES; i++) {
        if (is(piece, families[i]->name))
            generator->family = families[i];
    }
    if (generator->family == NULL)
        return unknown_family(piece, error);
    take_defaults(generator);
    while (more) {
        more = cut(&rest, ':', &piece);
        kb_status status = take_option(generator, piece, error);
        if (status != KB_OK)
            return status;
    }
    take_common(generator);
    return generator->family->start(generator, error);
}

/* ---- the generator ---- */

kb_status kb_generator_new(const char *spec, struct kb_generator **generator,
                           struct kb_error *error) {
    struct kb_generator *fresh = calloc(1, sizeof *fresh);
    *generator = NULL;
    if (fresh == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory,
                       kb_text(error->language, KB_MSG_thing_generator),
                       (unsigned long long)sizeof *fresh);
    kb_status status = take_spec(fresh, spec, error);
    if (status != KB_OK) {
        kb_generator_free(fresh);
        return status;
    }
    *generator = fresh;
    return KB_OK;
}

void kb_generator_next(struct kb_generator *generator, struct kb_trace_access *accesses,
                       size_t room, size_t *got) {
    uint64_t left = generator->references - generator->done;
    *got = left < room ? (size_t)left : room;
    generator->family->next(generator, accesses, *got);
    generator->done += *got;
}

bool kb_generator_page_numbers(const struct kb_generator *generator) {
    return !generator->family->addresses;
}

uint64_t kb_generator_references(const struct kb_generator *generator) {
    return generator->references;
}

void kb_generator_free(struct kb_generator *generator) {
    if (generator == NULL)
        return;
    free(generator->shares);
    free(generator->guide);
    free(generator->pages);
    free(generator);
}

const char *kb_generator_usage(unsigned i) { return i < FAMILIES ? families[i]->usage : NULL; }
