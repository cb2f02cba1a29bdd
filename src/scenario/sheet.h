/* sheet.h - a table that goes out row by row: as text, or as JSON with the same columns. For the
 * files of `show`. */
#ifndef KB_SCENARIO_SHEET_H
#define KB_SCENARIO_SHEET_H

#include <stdio.h>

#include "scenario/session.h"

#define MOST_COLUMNS 9
#define CELL 40

/* A table that goes out row by row. */
struct sheet {
    struct kb_scenario *s;
    const char *const *columns;
    unsigned count, at;
    int width[MOST_COLUMNS];
    char cell[MOST_COLUMNS][CELL];
};

static inline void begin(struct sheet *sheet, struct kb_scenario *s, const char *what,
                         const char *const *columns, const int *widths) {
    *sheet = (struct sheet){.s = s, .columns = columns};
    for (unsigned i = 0; i < MOST_COLUMNS && columns[i] != NULL; i++, sheet->count++)
        sheet->width[i] = widths[i];
    if (s->options.view == KB_VIEW_JSON) {
        kb_json_newline(&s->json);
        kb_json_object(&s->json, NULL);
        kb_json_string(&s->json, "event", "show");
        kb_json_string(&s->json, "what", what);
        kb_json_u64(&s->json, "line", s->number);
        kb_json_array(&s->json, "rows");
        return;
    }
    kb_text_plain(&s->out, "  ");
    for (unsigned i = 0; i < sheet->count; i++)
        if (i + 1 < sheet->count)
            kb_text_format(&s->out, "%-*s ", sheet->width[i], columns[i]);
        else
            kb_text_format(&s->out, "%s\n", columns[i]);
}

static inline void cell(struct sheet *sheet, const char *text) {
    if (sheet->at < sheet->count)
        snprintf(sheet->cell[sheet->at++], CELL, "%s", text);
}

static inline void cell_number(struct sheet *sheet, uint64_t value) {
    char text[CELL];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    cell(sheet, text);
}

static inline void cell_hex(struct sheet *sheet, uint64_t value) {
    char text[CELL];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
    cell(sheet, text);
}

static inline void cell_if(struct sheet *sheet, bool there, uint64_t value) {
    if (there)
        cell_number(sheet, value);
    else
        cell(sheet, "-");
}

static inline void row(struct sheet *sheet) {
    struct kb_scenario *s = sheet->s;
    if (s->options.view == KB_VIEW_JSON) {
        kb_json_newline(&s->json);
        kb_json_object(&s->json, NULL);
        for (unsigned i = 0; i < sheet->at; i++)
            kb_json_string(&s->json, sheet->columns[i], sheet->cell[i]);
        kb_json_close_object(&s->json);
    } else {
        kb_text_plain(&s->out, "  ");
        for (unsigned i = 0; i < sheet->at; i++)
            if (i + 1 < sheet->at)
                kb_text_format(&s->out, "%-*s ", sheet->width[i], sheet->cell[i]);
            else
                kb_text_format(&s->out, "%s\n", sheet->cell[i]);
    }
    sheet->at = 0;
}

static inline void finish(struct sheet *sheet) {
    if (sheet->s->options.view != KB_VIEW_JSON)
        return;
    kb_json_close_array(&sheet->s->json);
    kb_json_close_object(&sheet->s->json);
}

#endif
