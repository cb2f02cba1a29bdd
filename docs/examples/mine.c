/* mine.c - a policy of one's own: LIFO, the victim is the page loaded last.
 *
 *   cc -O2 -shared -fPIC $(pkg-config --cflags kilburn) -o mine.so mine.c
 *   kilburn sim trace.txt --policy ./mine.so,fifo,lru --frames 3..8
 */
#include "policy/policy.h"

struct mine {
    struct kb_state base; /* comes first */
    uint32_t count;       /* frames on the stack */
};

struct mine_arrays {
    uint32_t *stack; /* frames, the newest last */
};

static inline size_t mine_layout(uint32_t capacity, uint32_t pages, uint64_t horizon, char *at,
                                 struct mine_arrays *a) {
    size_t bytes = 0;
    (void)pages, (void)horizon;
    KB_ARRAY(a->stack, capacity);
    return bytes;
}

KB_HOOK void mine_init(KB_SELF(mine), const uint64_t *values) { (void)values; }
KB_HOOK void mine_resize(KB_SELF(mine)) {}
KB_HOOK void mine_touch(KB_SELF(mine), uint32_t frame, uint32_t count, struct kb_when when) {
    (void)frame, (void)count, (void)when; /* hits change nothing */
}
KB_HOOK void mine_admit(KB_SELF(mine), uint32_t frame, uint32_t page, enum kb_why why,
                        struct kb_when when) {
    (void)page, (void)why, (void)when;
    a.stack[s->count++] = frame;
}
KB_HOOK uint32_t mine_victim(KB_SELF(mine), uint32_t wanted, struct kb_when when) {
    (void)wanted, (void)when;
    return s->count > 0 ? a.stack[--s->count] : KB_NO_FRAME;
}
KB_HOOK void mine_refused(KB_SELF(mine), uint32_t frame) { /* to the bottom: asked for last */
    for (uint32_t i = s->count++; i > 0; i--)
        a.stack[i] = a.stack[i - 1];
    a.stack[0] = frame;
}
KB_HOOK void mine_forget(KB_SELF(mine), uint32_t frame, enum kb_why why) {
    uint32_t kept = 0;
    (void)why;
    for (uint32_t i = 0; i < s->count; i++)
        if (a.stack[i] != frame)
            a.stack[kept++] = a.stack[i];
    s->count = kept;
}

#define KB_POLICY mine
#define KB_POLICY_NAME "mine"
#define KB_POLICY_SOURCE "docs/examples"
#define KB_POLICY_NEEDS 0
#define KB_POLICY_USER "last in, first out"
#include "policy/policy_emit.h"
