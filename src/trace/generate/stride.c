/* stride.c - byte addresses base, base + stride, …, `count` of them, `passes` times over. */
#include "trace/generate/family.h"

enum { BASE, STRIDE, COUNT, PASSES, WRITE, SEED, WRITES };

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    const uint64_t *number = generator->number;
    uint64_t length, last;
    if (!kb_multiply(number[STRIDE], number[COUNT] - 1, &length) ||
        !kb_add(number[BASE], length, &last))
        return kb_fail(error, KB_USAGE, KB_MSG_generator_address_large, "stride");
    if (number[WRITE] == 1 && number[WRITES] != 0)
        return kb_fail(error, KB_USAGE, KB_MSG_generator_options_both, "stride", "write", "writes");
    return kb_set_references(generator, number[COUNT], number[PASSES], error);
}

static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t *number = generator->number;
    const uint32_t always = number[WRITE] == 1 ? KB_WRITE : KB_READ;
    for (size_t i = 0; i < count; i++) {
        uint32_t kind = always | kb_draw_kind(&generator->random, generator->writes);
        uint64_t address = number[BASE] + number[STRIDE] * generator->place;
        accesses[i] = (struct kb_trace_access){address, 1, kind};
        if (++generator->place == number[COUNT])
            generator->place = 0;
    }
}

const struct kb_family kb_family_stride = {
    .name = "stride",
    .usage = "stride:base=0:stride=4096:count=1000:passes=1:write=0:seed=1:writes=0",
    .addresses = true,
    .options = {[BASE] = {.name = "base", .least = 0, .most = UINT64_MAX, .number = 0},
                [STRIDE] = {.name = "stride", .least = 0, .most = UINT64_MAX, .number = 4096},
                [COUNT] = {.name = "count", .least = 1, .most = UINT64_MAX, .number = 1000},
                [PASSES] = {.name = "passes", .least = 1, .most = UINT64_MAX, .number = 1},
                [WRITE] = {.name = "write", .least = 0, .most = 1, .number = 0},
                [SEED] = KB_OPTION_SEED,
                [WRITES] = KB_OPTION_WRITES},
    .start = start,
    .next = next};
