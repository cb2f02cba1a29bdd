/* peer_digits.c - for peer.sh: loaded before the C library, it lets cachesim print miss ratios with
 * fifteen digits instead of four, so that the number of misses can be told exactly. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int snprintf(char *to, size_t room, const char *format, ...) {
    static const char few[] = "miss ratio %.4lf", many[] = "miss ratio %.15f";
    char copy[1024];
    const char *found = strstr(format, few);
    va_list arguments;
    va_start(arguments, format);
    if (found != NULL && strlen(format) + sizeof many < sizeof copy) {
        size_t before = (size_t)(found - format);
        memcpy(copy, format, before);
        strcpy(copy + before, many);
        strcat(copy, found + sizeof few - 1);
        format = copy;
    }
    int length = vsnprintf(to, room, format, arguments);
    va_end(arguments);
    return length;
}
