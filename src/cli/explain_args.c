/* explain_args.c - the numbers, lists and formats that explain's options take. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

#define MOST_PAGE_SIZE (UINT64_C(1) << 40)

const char *explain_name(enum explain_option option) {
    static const char *const names[] = {
#define X(id, name, argument, questions) "--" name,
        EXPLAIN_OPTIONS(X)
#undef X
    };
    return names[option];
}

char *explain_hex(uint64_t value, char text[EXPLAIN_TEXT]) {
    snprintf(text, EXPLAIN_TEXT, "0x%" PRIx64, value);
    return text;
}

static bool parse_hex(const char *text, uint64_t *value) {
    size_t digits = strspn(text, "0123456789abcdefABCDEF");
    if (digits == 0 || text[digits] != '\0')
        return false;
    text += strspn(text, "0");
    *value = strtoull(text, NULL, 16);
    return strlen(text) <= 16;
}

static bool parse_number(const char *text, uint64_t *value) {
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return parse_hex(text + 2, value);
    return kb_parse_size(text, strlen(text), value);
}

kb_status explain_parse(const struct explain *explain, const char *what, const char *text,
                        uint64_t *value) {
    if (parse_number(text, value))
        return KB_OK;
    return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_number, what, text);
}

kb_status explain_number(const struct explain *explain, enum explain_option option, uint64_t low,
                         uint64_t high, uint64_t *value) {
    const char *text = explain->values[option];
    if (text == NULL)
        return KB_OK;
    kb_status status = explain_parse(explain, explain_name(option), text, value);
    if (status == KB_OK && (*value < low || *value > high))
        status = kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_bad_number, explain_name(option),
                         text, (unsigned long long)low, (unsigned long long)high);
    return status;
}

/* A decimal number without sign or exponent tricks: digits, point, digits, perhaps e-6. */
static bool parse_decimal(const char *text, char **end, double *value) {
    if ((*text < '0' || *text > '9') && *text != '.')
        return false;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return false;
    *value = strtod(text, end);
    return *end != text;
}

static bool parse_real(const char *text, double *value) {
    char *end;
    double below;
    if (!parse_decimal(text, &end, value))
        return false;
    if (*end == '/') {
        if (!parse_decimal(end + 1, &end, &below) || below <= 0)
            return false;
        *value /= below;
    }
    if (*end == '%') {
        *value /= 100;
        end++;
    }
    return *end == '\0';
}

static kb_status real_in(const struct explain *explain, enum explain_option option,
                         const char *text, double low, double high, double *value) {
    if (parse_real(text, value) && *value >= low && *value <= high)
        return KB_OK;
    return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_real, explain_name(option), text,
                   low, high);
}

kb_status explain_real(const struct explain *explain, enum explain_option option, double low,
                       double high, double *value) {
    const char *text = explain->values[option];
    return text == NULL ? KB_OK : real_in(explain, option, text, low, high, value);
}

kb_status explain_list(const struct explain *explain, enum explain_option option,
                       const char *otherwise, double low, double high,
                       struct explain_reals *reals) {
    const char *at = explain_has(explain, option) ? explain->values[option] : otherwise;
    reals->count = 0;
    while (at != NULL) {
        char word[64];
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < 60 ? length : 60), at);
        if (reals->count == EXPLAIN_MOST_REALS)
            return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_many,
                           explain_name(option), (unsigned long long)EXPLAIN_MOST_REALS);
        kb_status status =
            real_in(explain, option, word, low, high, &reals->values[reals->count++]);
        if (status != KB_OK)
            return status;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return KB_OK;
}

kb_status explain_page_sizes(const struct explain *explain, const char *otherwise,
                             struct cli_sizes *sizes) {
    bool given = explain_has(explain, EXPLAIN_PAGE_SIZE);
    struct kb_error *error = &explain->cli->error;
    kb_status status =
        cli_parse_sizes(given ? explain->values[EXPLAIN_PAGE_SIZE] : otherwise, sizes, error);
    for (size_t i = 0; status == KB_OK && i < sizes->count; i++)
        if (!kb_is_power_of_two(sizes->values[i]) || sizes->values[i] > MOST_PAGE_SIZE)
            status =
                kb_fail(error, KB_USAGE, KB_MSG_page_size_invalid, 1ull,
                        (unsigned long long)MOST_PAGE_SIZE, (unsigned long long)sizes->values[i]);
    if (status != KB_OK) {
        free(sizes->values);
        sizes->values = NULL;
    }
    return status;
}

static kb_status unknown_format(const struct explain *explain, const char *text) {
    char names[200] = "";
    for (unsigned i = 0; kb_format_at(i) != NULL; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? ", " : "",
                 kb_format_at(i)->name);
    snprintf(names + strlen(names), sizeof names - strlen(names), ", %s", kb_format_s370.name);
    return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_format, text, names);
}

kb_status explain_format(const struct explain *explain, const char *text, struct kb_format *generic,
                         const struct kb_format **format) {
    unsigned numbers[KB_MOST_LEVELS + 2], count = 0, entry = 0;
    const char *at = text;
    *format = strcmp(text, kb_format_s370.name) == 0 ? &kb_format_s370 : kb_format_find(text);
    if (*format != NULL)
        return KB_OK;
    for (;;) {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 3)
            return unknown_format(explain, text);
        if (count < KB_MOST_LEVELS + 2)
            numbers[count++] = (unsigned)strtoul(at, NULL, 10);
        at += digits;
        if (*at != ',')
            break;
        at++;
    }
    if (*at == ':' && at[1] >= '0' && at[1] <= '9' && at[2] == '\0')
        entry = (unsigned)(at[1] - '0');
    else if (*at != '\0' || count < 2)
        return unknown_format(explain, text);
    if (entry == 0) { /* what an address of so many bits usually has */
        unsigned sum = 0;
        for (unsigned i = 0; i < count; i++)
            sum += numbers[i];
        entry = sum <= 32 ? 4 : 8;
    }
    if (count < 2)
        return unknown_format(explain, text);
    kb_status status = kb_format_generic(generic, count - 1, numbers, numbers[count - 1], entry,
                                         &explain->cli->error);
    *format = generic;
    return status;
}
