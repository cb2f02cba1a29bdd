/* line.c - words, numbers, options. */
#include "scenario/line.h"

#include "base/units.h"

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == ','; }

static bool name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Letters, then '='. */
static uint32_t key_length(const char *at, uint32_t length) {
    uint32_t i = 0;
    while (i < length && name_letter(at[i]))
        i++;
    return i < length && at[i] == '=' ? i : 0;
}

/* <segment,displacement>, blanks and all; 0: it is none, but perhaps a comparison. */
static size_t pair_length(const char *at, size_t length) {
    if (length < 2 || at[0] != '<' || at[1] == '=')
        return 0;
    for (size_t i = 1; i < length && at[i] != '#' && at[i] != '"'; i++)
        if (at[i] == '>')
            return i + 1;
    return 0;
}

/* A pair, or a comparison, which needs no blank behind it: <=9. */
static size_t sign_length(const char *at, size_t length) {
    size_t i = pair_length(at, length);
    if (i == 0)
        while (i < length && strchr("<>=!", at[i]) != NULL)
            i++;
    return i;
}

/* A comparison or a tolerance ends the word before it: faults<10, 0.5±0.1. */
static bool is_sign(const char *at, size_t length) {
    return at[0] == '<' || at[0] == '>' ||
           (length > 1 && (memcmp(at, "!=", 2) == 0 || memcmp(at, "+-", 2) == 0 ||
                           memcmp(at, "\xC2\xB1", 2) == 0));
}

kb_status kb_line_cut(struct kb_line *line, const char *text, size_t length,
                      struct kb_error *error) {
    line->count = line->next = 0;
    if (length > KB_LINE_BYTES)
        return kb_fail(error, KB_DATA, KB_MSG_line_long, (unsigned long long)KB_LINE_BYTES);
    if (length > 0 && memchr(text, '\0', length) != NULL)
        return kb_fail(error, KB_DATA, KB_MSG_line_zero_byte);
    bool marked = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; /* as some editors begin */
    for (size_t i = marked ? 3 : 0; i < length;) {
        if (blank(text[i])) {
            i++;
            continue;
        }
        if (text[i] == '#')
            break;
        if (line->count == KB_LINE_WORDS)
            return kb_fail(error, KB_DATA, KB_MSG_line_words, (unsigned long long)KB_LINE_WORDS);
        struct kb_word *word = &line->word[line->count++];
        bool quoted = text[i] == '"';
        size_t start = quoted ? ++i : i, pair = sign_length(text + i, length - i);
        if (quoted) {
            while (i < length && text[i] != '"')
                i++;
            if (i == length)
                return kb_fail(error, KB_DATA, KB_MSG_line_quote);
        } else if (pair > 0) {
            i += pair;
        } else {
            /* key=a,b,c keeps its commas; elsewhere a comma is a blank */
            bool option = false, expects = line->count > 1 && kb_word_is(line->word, "expect");
            while (i < length && text[i] != '#' &&
                   (!blank(text[i]) || (option && text[i] == ',')) &&
                   ((option && !expects) || i == start || !is_sign(text + i, length - i))) {
                option = option || text[i] == '=';
                i++;
            }
        }
        *word =
            (struct kb_word){.at = text + start, .length = (uint32_t)(i - start), .quoted = quoted};
        word->key = quoted ? 0 : key_length(word->at, word->length);
        if (quoted)
            i++;
    }
    return KB_OK;
}

const struct kb_word *kb_line_peek(const struct kb_line *line) {
    for (unsigned i = line->next; i < line->count; i++)
        if (line->word[i].key == 0 && !line->word[i].used)
            return &line->word[i];
    return NULL;
}

const struct kb_word *kb_line_take(struct kb_line *line) {
    const struct kb_word *word = kb_line_peek(line);
    if (word != NULL) {
        line->next = (unsigned)(word - line->word);
        line->word[line->next++].used = true;
    }
    return word;
}

bool kb_line_take_if(struct kb_line *line, const char *text) {
    if (!kb_word_is(kb_line_peek(line), text))
        return false;
    (void)kb_line_take(line);
    return true;
}

bool kb_line_option(struct kb_line *line, const char *key, struct kb_word *value) {
    size_t length = strlen(key);
    for (unsigned i = 0; i < line->count; i++) {
        struct kb_word *word = &line->word[i];
        if (word->key != length || memcmp(word->at, key, length) != 0 || word->used)
            continue;
        word->used = true;
        *value = (struct kb_word){.at = word->at + length + 1,
                                  .length = word->length - (uint32_t)length - 1};
        return true;
    }
    return false;
}

void kb_line_open_options(struct kb_line *line) {
    for (unsigned i = 0; i < line->count && line->count + 2 <= KB_LINE_WORDS; i++) {
        struct kb_word all = line->word[i];
        if (all.key == 0 || all.used)
            continue;
        memmove(&line->word[i + 3], &line->word[i + 1],
                (line->count - i - 1) * sizeof line->word[0]);
        line->word[i] = (struct kb_word){.at = all.at, .length = all.key};
        line->word[i + 1] = (struct kb_word){.at = all.at + all.key, .length = 1};
        line->word[i + 2] = (struct kb_word){.at = all.at + all.key + 1,
                                             .length = all.length - (uint32_t)all.key - 1};
        line->count += 2;
        i += 2;
    }
}

static bool parse_hex(const struct kb_word *word, uint64_t *value) {
    *value = 0;
    if (word->length < 3 || word->length > 18 || word->at[0] != '0' ||
        (word->at[1] != 'x' && word->at[1] != 'X'))
        return false;
    for (uint32_t i = 2; i < word->length; i++) {
        char c = word->at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

kb_status kb_word_number(const struct kb_word *word, const char *what, uint64_t *value,
                         struct kb_error *error) {
    if (parse_hex(word, value) || kb_parse_size(word->at, word->length, value))
        return KB_OK;
    return kb_fail(error, KB_DATA, KB_MSG_line_number, what,
                   (int)(word->length < 60 ? word->length : 60), word->at);
}

kb_status kb_line_number(struct kb_line *line, const char *what, uint64_t *value,
                         struct kb_error *error) {
    const struct kb_word *word = kb_line_take(line);
    if (word == NULL)
        return kb_fail(error, KB_DATA, KB_MSG_line_missing, what);
    return kb_word_number(word, what, value, error);
}

bool kb_word_ns(const struct kb_word *word, uint64_t *ns) {
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    uint32_t digits = 0;
    while (digits < word->length && word->at[digits] >= '0' && word->at[digits] <= '9')
        digits++;
    struct kb_word unit = {.at = word->at + digits, .length = word->length - digits};
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (kb_word_is(&unit, units[i].unit))
            return kb_parse_u64(word->at, digits, ns) && kb_multiply(*ns, units[i].ns, ns);
    return false;
}

kb_status kb_line_option_number(struct kb_line *line, const char *key, uint64_t *value,
                                struct kb_error *error) {
    struct kb_word word;
    return kb_line_option(line, key, &word) ? kb_word_number(&word, key, value, error) : KB_OK;
}

kb_status kb_line_end(const struct kb_line *line, const char *wanted, struct kb_error *error) {
    for (unsigned i = 0; i < line->count; i++)
        if (!line->word[i].used)
            return kb_fail(error, KB_DATA, KB_MSG_line_rest,
                           (int)(line->word[i].length < 60 ? line->word[i].length : 60),
                           line->word[i].at, wanted);
    return KB_OK;
}
