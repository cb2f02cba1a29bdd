/* table.c - text tables by libsmartcols, as lsblk prints them; or comma-separated values. */
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

struct cli_table {
    struct libscols_table *columns; /* NULL: comma-separated */
    unsigned count;
};

/* RFC 4180: quoted when there is a comma, a quote or a line break. */
static void print_csv(const char *const *cells, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            putchar(',');
        if (strpbrk(cells[i], ",\"\n") == NULL) {
            fputs(cells[i], stdout);
            continue;
        }
        putchar('"');
        for (const char *c = cells[i]; *c != '\0'; c++) {
            if (*c == '"')
                putchar('"');
            putchar(*c);
        }
        putchar('"');
    }
    putchar('\n');
}

struct cli_table *cli_table_new(const char *const *titles, unsigned columns, uint64_t right,
                                bool csv) {
    struct cli_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->count = columns;
    if (csv) {
        print_csv(titles, columns);
        return table;
    }
    table->columns = scols_new_table();
    for (unsigned i = 0; table->columns != NULL && i < columns; i++)
        scols_table_new_column(table->columns, titles[i], 0, right >> i & 1 ? SCOLS_FL_RIGHT : 0);
    return table;
}

void cli_table_row(struct cli_table *table, const char *const *cells) {
    if (table == NULL)
        return;
    if (table->columns == NULL) {
        print_csv(cells, table->count);
        return;
    }
    struct libscols_line *line = scols_table_new_line(table->columns, NULL);
    for (unsigned i = 0; line != NULL && i < table->count; i++)
        scols_line_set_data(line, i, cells[i]);
}

void cli_table_end(struct cli_table *table) {
    if (table == NULL)
        return;
    if (table->columns != NULL) {
        fflush(stdout);
        scols_print_table(table->columns);
        scols_unref_table(table->columns);
    }
    free(table);
}

unsigned cli_terminal_width(unsigned otherwise) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 40)
        return size.ws_col;
    return otherwise;
}

char *cli_number(uint64_t value, char text[CLI_NUMBER_TEXT]) {
    snprintf(text, CLI_NUMBER_TEXT, "%" PRIu64, value);
    return text;
}
