/* s3_fifo.c - three FIFO queues: a small one for newcomers, a main one, and names of the gone.
 *
 * Source: J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO queues are all
 * you need for cache eviction", SOSP 2023, algorithm 1.
 *
 *   fault ──► S ──freq ≥ move──► M (freq − 1, back to the head) ──freq 0──► gone
 *             └──────else──────► victim, its name to G ──fault──► M
 */
#include "base/names.h"
#include "policy/replacement/queue.h"

enum { S3_FIFO_OUT, S3_FIFO_SMALL, S3_FIFO_MAIN };

struct s3_fifo {
    struct kb_state base;
    uint64_t small_share, move;
    uint32_t small;   /* target of |S| */
    uint32_t size[3]; /* by queue */
    uint32_t refused; /* frames that stand aside */
    uint32_t wanted;  /* the page that the last victim was for … */
    uint32_t renewed; /* … and whether its name was in G */
    struct kb_names gone;
};

struct s3_fifo_arrays {
    struct kb_link *links; /* sentinels: capacity = S, + 1 = M, + 2 = refused; end is the head */
    uint8_t *mark;         /* by frame: queue << 2 | freq */
    uint32_t *slots;
    uint32_t *where; /* by page */
};

static inline size_t s3_fifo_layout(uint32_t capacity, uint32_t pages, KB_UNUSED uint64_t horizon,
                                    char *at, struct s3_fifo_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->links, (size_t)capacity + 3);
    KB_ARRAY(a->mark, capacity);
    KB_ARRAY(a->slots, kb_names_room(capacity + 1));
    KB_ARRAY(a->where, pages);
    return bytes;
}

KB_HOOK void s3_fifo_resize(KB_SELF(s3_fifo)) {
    s->small = kb_share(s->base.frames, s->small_share);
}

KB_HOOK void s3_fifo_init(KB_SELF(s3_fifo), const uint64_t *values) {
    s->small_share = values[0];
    s->move = values[1];
    s->gone.room = kb_names_room(s->base.capacity + 1);
    s->wanted = KB_NO_WANTED;
    for (uint32_t i = s->base.capacity; i < s->base.capacity + 3; i++)
        kb_list_init(a.links, i);
}

KB_HOOK void s3_fifo_touch(KB_SELF(s3_fifo), uint32_t frame, uint32_t count,
                           KB_UNUSED struct kb_when when) {
    uint32_t freq = (a.mark[frame] & 3u) + (count < 3 ? count : 3);
    a.mark[frame] = (uint8_t)((a.mark[frame] & ~3u) | (freq < 3 ? freq : 3));
}

KB_HOOK void s3_fifo_enter(KB_SELF(s3_fifo), uint32_t frame, uint32_t queue, uint32_t freq) {
    a.mark[frame] = (uint8_t)(queue << 2 | freq);
    s->size[queue]++;
    kb_list_append(a.links, s->base.capacity + queue - 1, frame);
}

KB_HOOK void s3_fifo_leave(KB_SELF(s3_fifo), uint32_t frame) {
    s->size[a.mark[frame] >> 2]--;
    a.mark[frame] = 0;
    kb_list_remove(a.links, frame);
}

/* Refused frames go to the head of M. */
KB_HOOK void s3_fifo_take_back(KB_SELF(s3_fifo)) {
    kb_queue_take_back(a.links, s->base.capacity + 1, s->base.capacity + 2);
    s->size[S3_FIFO_MAIN] += s->refused;
    s->refused = 0;
}

KB_HOOK void s3_fifo_admit(KB_SELF(s3_fifo), uint32_t frame, uint32_t page,
                           KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    s3_fifo_take_back(s, a, f);
    bool named = a.where[page] != 0;
    bool renewed = s->wanted == page ? s->renewed : named;
    if (named)
        kb_names_remove(&s->gone, a.slots, a.where, page);
    s->wanted = KB_NO_WANTED;
    s3_fifo_enter(s, a, f, frame, renewed ? S3_FIFO_MAIN : S3_FIFO_SMALL, 0);
}

/* How many frames are for M, and names for G. */
KB_HOOK uint32_t s3_fifo_main_share(const struct s3_fifo *s) {
    return s->base.frames > s->small ? s->base.frames - s->small : 0;
}

static inline uint32_t s3_fifo_evict_main(KB_SELF(s3_fifo)) {
    while (s->size[S3_FIFO_MAIN] > 0) {
        uint32_t frame = a.links[s->base.capacity + 1].next;
        uint32_t freq = a.mark[frame] & 3u;
        s->base.examined++;
        s3_fifo_leave(s, a, f, frame);
        if (freq == 0)
            return frame;
        s3_fifo_enter(s, a, f, frame, S3_FIFO_MAIN, freq - 1);
    }
    return KB_NO_FRAME;
}

static inline uint32_t s3_fifo_evict_small(KB_SELF(s3_fifo)) {
    uint32_t most = s3_fifo_main_share(s) > 0 ? s3_fifo_main_share(s) : 1;
    while (s->size[S3_FIFO_SMALL] > 0) {
        uint32_t frame = a.links[s->base.capacity].next;
        uint32_t freq = a.mark[frame] & 3u;
        s->base.examined++;
        s3_fifo_leave(s, a, f, frame);
        if (freq < s->move) {
            kb_names_push(&s->gone, a.slots, a.where, f.page[frame]);
            while (s->gone.live > most)
                kb_names_pop(&s->gone, a.slots, a.where);
            return frame;
        }
        s3_fifo_enter(s, a, f, frame, S3_FIFO_MAIN, 0);
        if (s->size[S3_FIFO_MAIN] > s3_fifo_main_share(s))
            return s3_fifo_evict_main(s, a, f);
    }
    return s3_fifo_evict_main(s, a, f);
}

KB_HOOK uint32_t s3_fifo_victim(KB_SELF(s3_fifo), uint32_t wanted, KB_UNUSED struct kb_when when) {
    if (wanted != KB_NO_WANTED && wanted != s->wanted) {
        s->wanted = wanted;
        s->renewed = a.where[wanted] != 0;
    }
    if (s->size[S3_FIFO_SMALL] + s->size[S3_FIFO_MAIN] == 0) {
        s3_fifo_take_back(s, a, f); /* all were refused: the next search begins anew */
        return KB_NO_FRAME;
    }
    if (s->size[S3_FIFO_SMALL] >= s->small || s->size[S3_FIFO_MAIN] == 0)
        return s3_fifo_evict_small(s, a, f);
    return s3_fifo_evict_main(s, a, f);
}

KB_HOOK void s3_fifo_refused(KB_SELF(s3_fifo), uint32_t frame) {
    if (a.where[f.page[frame]] != 0)
        kb_names_remove(&s->gone, a.slots, a.where, f.page[frame]);
    a.mark[frame] = S3_FIFO_MAIN << 2;
    s->refused++;
    kb_list_append(a.links, s->base.capacity + 2, frame);
}

KB_HOOK void s3_fifo_forget(KB_SELF(s3_fifo), uint32_t frame, KB_UNUSED enum kb_why why) {
    s3_fifo_take_back(s, a, f);
    if (a.mark[frame] >> 2 != S3_FIFO_OUT)
        s3_fifo_leave(s, a, f, frame);
}

KB_HOOK uint64_t s3_fifo_mark(KB_SELF(s3_fifo), uint32_t frame) { return a.mark[frame] & 3u; }

static const struct kb_option s3_fifo_options[] = {
    {"small", KB_MSG_option_small, 1, 100, 10, NULL},
    {"move", KB_MSG_option_move, 1, 3, 2, NULL},
};

#define KB_POLICY s3_fifo
#define KB_POLICY_NAME "s3-fifo"
#define KB_POLICY_SOURCE "Yang et al. 2023"
#define KB_POLICY_NEEDS KB_NEEDS_EVERY_REFERENCE
#define KB_POLICY_OPTIONS s3_fifo_options
#define KB_POLICY_MARK 1
#define KB_POLICY_PREFETCH(a, frame) __builtin_prefetch(&(a).mark[frame], 1)
#include "policy/policy_emit.h"
