/* units.c - numbers as people type them. */
#include "base/units.h"

#include <stdio.h>
#include <string.h>

static size_t leading_digits(const char *text, size_t length, uint64_t *value, bool *overflow) {
    size_t i = 0;
    *value = 0;
    *overflow = false;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (!kb_multiply(*value, 10, value) || !kb_add(*value, digit, value))
            *overflow = true;
    }
    return i;
}

bool kb_parse_u64(const char *text, size_t length, uint64_t *value) {
    bool overflow;
    size_t digits = leading_digits(text, length, value, &overflow);
    return digits > 0 && digits == length && !overflow;
}

static bool unit_factor(const char *unit, size_t length, uint64_t *factor) {
    static const char letters[] = "KMGT";
    *factor = 1;
    if (length == 0 || (length == 1 && unit[0] == 'B'))
        return true;
    char first = unit[0] == 'k' ? 'K' : unit[0] == 'm' ? 'M' : unit[0] == 'g' ? 'G' : unit[0];
    const char *found = strchr(letters, first);
    if (found == NULL || first == '\0')
        return false;
    bool tail = length == 1 || (length == 2 && unit[1] == 'B') ||
                (length == 3 && unit[1] == 'i' && unit[2] == 'B');
    *factor = UINT64_C(1) << (10 * (unsigned)(found - letters + 1));
    return tail;
}

bool kb_parse_size(const char *text, size_t length, uint64_t *value) {
    bool overflow;
    uint64_t number, factor;
    size_t digits = leading_digits(text, length, &number, &overflow);
    if (digits == 0 || overflow || !unit_factor(text + digits, length - digits, &factor))
        return false;
    return kb_multiply(number, factor, value);
}

char *kb_format_size(uint64_t bytes, char text[KB_SIZE_TEXT]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double value = (double)bytes;
    while (value >= 1024 && unit < 6) {
        value /= 1024;
        unit++;
    }
    bool whole = value == (double)(uint64_t)value;
    snprintf(text, KB_SIZE_TEXT, whole ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}
