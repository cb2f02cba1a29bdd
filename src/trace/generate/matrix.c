/* matrix.c - a walk over an n × n matrix of words of `word` bytes, stored row by row from address
 * 0: each element once, by rows (row 0 from left to right, then row 1, …) or by columns.
 *
 *   element (row, column) lies at (row · n + column) · word */
#include "trace/generate/family.h"

enum { ORDER, N, WORD };
enum { ROWS, COLUMNS };

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    const uint64_t *number = generator->number;
    uint64_t bytes;
    kb_status status = kb_set_references(generator, number[N], number[N], error);
    if (status == KB_OK && !kb_multiply(generator->references, number[WORD], &bytes))
        status = kb_fail(error, KB_USAGE, KB_MSG_generator_address_large, "matrix");
    return status;
}

/* place: the index that runs slowly; repeated: the one that runs quickly. */
static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t n = generator->number[N], word = generator->number[WORD];
    const bool rows = generator->number[ORDER] == ROWS;
    for (size_t i = 0; i < count; i++) {
        uint64_t row = rows ? generator->place : generator->repeated;
        uint64_t column = rows ? generator->repeated : generator->place;
        uint32_t kind = kb_draw_kind(&generator->random, generator->writes);
        accesses[i] = (struct kb_trace_access){(row * n + column) * word, (uint32_t)word, kind};
        if (++generator->repeated == n) {
            generator->repeated = 0;
            generator->place++;
        }
    }
}

const struct kb_family kb_family_matrix = {
    .name = "matrix",
    .usage = "matrix:order=rows|columns:n=128:word=4:seed=1:writes=0",
    .addresses = true,
    .options = {[ORDER] = {.name = "order",
                           .type = KB_OPTION_WORD,
                           .number = ROWS,
                           .words = "rows columns"},
                [N] = {.name = "n", .least = 1, .most = UINT32_MAX, .number = 128},
                [WORD] = {.name = "word", .least = 1, .most = 4096, .number = 4},
                KB_OPTION_SEED,
                KB_OPTION_WRITES},
    .start = start,
    .next = next};
