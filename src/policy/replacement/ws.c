/* ws.c - the working set: exactly the pages of the last `window` references are resident.
 *
 * Source: P. J. Denning, "The working set model for program behavior", CACM
 * 11(5), 1968. Pages stand in a list in the order of their last reference;
 * after each run those leave whose last reference fell out of the window. */
#include "policy/policy.h"

struct ws {
    struct kb_state base;
    uint64_t window;
};

/* Node frame + 1; node 0 is the sentinel, so that the array can grow at its end. */
struct ws_node {
    uint32_t prev, next;
    uint64_t used_at;
};

struct ws_arrays {
    struct ws_node *nodes;
};

static inline size_t ws_layout(uint32_t capacity, KB_UNUSED uint32_t pages,
                               KB_UNUSED uint64_t horizon, char *at, struct ws_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->nodes, (size_t)capacity + 1);
    return bytes;
}

KB_HOOK void ws_resize(KB_SELF(ws)) {}

KB_HOOK void ws_init(KB_SELF(ws), const uint64_t *values) { s->window = values[0]; }

KB_HOOK void ws_unlink(KB_SELF(ws), uint32_t node) {
    a.nodes[a.nodes[node].prev].next = a.nodes[node].next;
    a.nodes[a.nodes[node].next].prev = a.nodes[node].prev;
}

KB_HOOK void ws_append(KB_SELF(ws), uint32_t node, uint64_t now) {
    a.nodes[node] = (struct ws_node){a.nodes[0].prev, 0, now};
    a.nodes[a.nodes[0].prev].next = node;
    a.nodes[0].prev = node;
}

/* Reference `now` has been counted: W(now, window) stays. */
KB_HOOK void ws_expire(KB_SELF(ws), uint64_t now) {
    for (;;) {
        uint32_t node = a.nodes[0].next;
        uint64_t end = a.nodes[node].used_at + s->window;
        if (node == 0 || end > now)
            return;
        s->base.examined++;
        ws_unlink(s, a, f, node);
        f.release(f.host, node - 1, end);
    }
}

KB_HOOK void ws_touch(KB_SELF(ws), uint32_t frame, uint32_t count, struct kb_when when) {
    uint64_t last = when.now + count - 1;
    s->base.time_marks += count;
    ws_unlink(s, a, f, frame + 1);
    ws_append(s, a, f, frame + 1, last);
    ws_expire(s, a, f, last);
}

KB_HOOK void ws_admit(KB_SELF(ws), uint32_t frame, KB_UNUSED uint32_t page,
                      KB_UNUSED enum kb_why why, struct kb_when when) {
    s->base.time_marks++;
    ws_append(s, a, f, frame + 1, when.now);
    ws_expire(s, a, f, when.now);
}

/* Only a host with too few frames asks: the page that would leave next. */
KB_HOOK uint32_t ws_victim(KB_SELF(ws), KB_UNUSED uint32_t wanted, KB_UNUSED struct kb_when when) {
    uint32_t node = a.nodes[0].next;
    if (node == 0)
        return KB_NO_FRAME;
    ws_unlink(s, a, f, node);
    a.nodes[node].prev = a.nodes[node].next = node;
    return node - 1;
}

/* Behind all others, so as young as the youngest. */
KB_HOOK void ws_refused(KB_SELF(ws), uint32_t frame) {
    uint64_t youngest = a.nodes[a.nodes[0].prev].used_at, own = a.nodes[frame + 1].used_at;
    ws_append(s, a, f, frame + 1, youngest > own ? youngest : own);
}

KB_HOOK void ws_forget(KB_SELF(ws), uint32_t frame, KB_UNUSED enum kb_why why) {
    ws_unlink(s, a, f, frame + 1);
    a.nodes[frame + 1].prev = a.nodes[frame + 1].next = frame + 1;
}

static const struct kb_option ws_options[] = {
    {"window", KB_MSG_option_window, 1, UINT64_MAX / 4, 1000, NULL},
};

#define KB_POLICY ws
#define KB_POLICY_NAME "ws"
#define KB_POLICY_SOURCE "Denning 1968"
#define KB_POLICY_NEEDS (KB_NEEDS_EVERY_REFERENCE | KB_NEEDS_TIME | KB_VARIABLE_SPACE)
#define KB_POLICY_OPTIONS ws_options
#define KB_POLICY_PREFETCH(a, frame) __builtin_prefetch(&(a).nodes[(frame) + 1], 1)
#include "policy/policy_emit.h"
