/* bench_placement.c - placing requests in a fragmented memory: each fit, beside a list of the holes
 * in address order that is walked from its beginning; buddies and slabs alone.
 *
 *   bench_placement [--quick] [--times N]
 *
 * 10^5 holes, and two pieces in use behind each. Operations give a piece back
 * and take one of a random length in turn, so that the number of holes stays
 * about what it is (there are half as many as pieces: Knuth's fifty-percent
 * rule). The same requests go to the list, fewer of them, since it is slow; as far
 * as both go, they must answer alike. */
#include "base/random.h"
#include "bench.h"
#include "policy/placement/placement.h"

#define HOLES 100000u
#define MOST 512u /* bytes of a request */
#define PIECES (4 * HOLES)

static unsigned times = 3;
static uint32_t operations = 1000000, walked = 20000;
static const struct kb_host *host;

/* ---- the list that textbooks draw: singly linked, in address order ---- */

struct node {
    struct kb_hole hole;
    struct node *next;
};

struct list {
    struct node *first;
    uint64_t cursor;
};

static void list_give(struct list *list, uint64_t start, uint64_t length) {
    struct node **at = &list->first, *before = NULL;
    while (*at != NULL && (*at)->hole.start < start) {
        before = *at;
        at = &before->next;
    }
    struct node *behind = *at;
    bool joins = behind != NULL && behind->hole.start == start + length;
    if (before != NULL && before->hole.start + before->hole.length == start) {
        before->hole.length += length + (joins ? behind->hole.length : 0);
        if (joins) {
            before->next = behind->next;
            free(behind);
        }
    } else if (joins) {
        behind->hole.start = start;
        behind->hole.length += length;
    } else {
        *at = malloc(sizeof **at);
        if (*at == NULL)
            bench_die("no memory");
        **at = (struct node){{start, length}, behind};
    }
}

static bool better(enum kb_fit fit, const struct node *found, const struct node *n) {
    if (found == NULL)
        return true;
    return (fit == KB_FIT_BEST && n->hole.length < found->hole.length) ||
           (fit == KB_FIT_WORST && n->hole.length > found->hole.length);
}

static bool list_take(struct list *list, uint64_t length, enum kb_fit fit, struct kb_hole *from) {
    struct node **found = NULL, **early = NULL;
    bool stops = fit == KB_FIT_FIRST || fit == KB_FIT_NEXT;
    for (struct node **at = &list->first; *at != NULL && (found == NULL || !stops);
         at = &(*at)->next) {
        const struct node *n = *at;
        if (n->hole.length < length)
            continue;
        if (fit == KB_FIT_NEXT && n->hole.start + n->hole.length <= list->cursor)
            early = early == NULL ? at : early;
        else if (better(fit, found != NULL ? *found : NULL, n))
            found = at;
    }
    found = found == NULL ? early : found;
    if (found == NULL)
        return false;
    struct node *n = *found;
    *from = n->hole;
    list->cursor = n->hole.start + length;
    n->hole.start += length;
    n->hole.length -= length;
    if (n->hole.length == 0) {
        *found = n->next;
        free(n);
    }
    return true;
}

static void list_free(struct list *list) {
    while (list->first != NULL) {
        struct node *next = list->first->next;
        free(list->first);
        list->first = next;
    }
}

/* ---- the work ---- */

struct work {
    struct kb_random dice;
    struct kb_hole piece[PIECES];
    uint32_t pieces;
    uint64_t sum; /* of all answers */
};

/* A hole, two pieces, a hole … */
static void begin(struct work *work, struct kb_holes *holes, struct list *list) {
    struct node **last = &list->first;
    uint64_t at = 0;
    work->dice.state = 1;
    work->pieces = 0;
    work->sum = 0;
    for (uint32_t i = 0; i < HOLES; i++) {
        uint64_t hole = 1 + kb_random_below(&work->dice, MOST);
        if (holes != NULL) {
            bench_check(kb_holes_give(holes, at, hole, &bench_error));
        } else {
            *last = malloc(sizeof **last);
            if (*last == NULL)
                bench_die("no memory");
            **last = (struct node){{at, hole}, NULL};
            last = &(*last)->next;
        }
        at += hole;
        for (unsigned k = 0; k < 2; k++) {
            uint64_t piece = 1 + kb_random_below(&work->dice, MOST);
            work->piece[work->pieces++] = (struct kb_hole){at, piece};
            at += piece;
        }
    }
}

/* One operation, of the set or of the list. */
static inline void operate(struct work *work, struct kb_holes *holes, struct list *list,
                           enum kb_fit fit, uint32_t i) {
    if (i % 2 == 0) {
        uint32_t k = (uint32_t)kb_random_below(&work->dice, work->pieces);
        struct kb_hole piece = work->piece[k];
        work->piece[k] = work->piece[--work->pieces];
        if (holes != NULL)
            bench_check(kb_holes_give(holes, piece.start, piece.length, &bench_error));
        else
            list_give(list, piece.start, piece.length);
        return;
    }
    uint64_t length = 1 + kb_random_below(&work->dice, MOST);
    struct kb_hole from;
    bool there = holes != NULL ? kb_holes_take(holes, length, fit, &from)
                               : list_take(list, length, fit, &from);
    if (!there)
        return;
    work->piece[work->pieces++] = (struct kb_hole){from.start, length};
    work->sum = work->sum * 31 + from.start;
}

static void compare(enum kb_fit fit, struct work *work) {
    double best = 0, naive = 0;
    uint64_t sum = 0, met = 0;
    uint32_t count = 0;
    struct kb_holes holes;
    for (unsigned t = 0; t < times; t++) {
        bench_check(kb_holes_init(&holes, host, &bench_error));
        begin(work, &holes, NULL);
        double start = bench_now();
        for (uint32_t i = 0; i < operations; i++) {
            operate(work, &holes, NULL, fit, i);
            if (i + 1 == walked)
                sum = work->sum;
        }
        double rate = operations / (bench_now() - start);
        best = rate > best ? rate : best;
        count = holes.count;
        kb_holes_free(&holes);
        struct list list = {0};
        begin(work, NULL, &list);
        start = bench_now();
        for (uint32_t i = 0; i < walked; i++)
            operate(work, NULL, &list, fit, i);
        rate = walked / (bench_now() - start);
        naive = rate > naive ? rate : naive;
        met = work->sum;
        list_free(&list);
    }
    if (sum != met)
        bench_die("the list and the set of holes disagree");
    printf("%-8s %10.2f %10.4f %10.0f %10u\n", kb_fit_name(fit), best / 1e6, naive / 1e6,
           best / naive, count);
    printf("goal: %-38s %9.2f Mops/s >= 1  %s\n", kb_fit_name(fit), best / 1e6,
           best >= 1e6 ? "yes" : "NO");
}

/* ---- buddies and slabs ---- */

static void buddies(struct work *work) {
    double best = 0;
    for (unsigned t = 0; t < times; t++) {
        struct kb_buddy buddy;
        struct kb_hole from, piece;
        bench_check(kb_buddy_init(&buddy, 0, UINT64_C(256) << 20, 16, host, &bench_error));
        work->dice.state = 1;
        work->pieces = 0;
        while (work->pieces < 2 * HOLES &&
               kb_buddy_take(&buddy, 1 + kb_random_below(&work->dice, MOST), &from, &piece))
            work->piece[work->pieces++] = piece;
        double start = bench_now();
        for (uint32_t i = 0; i < operations; i += 2) {
            uint32_t k = (uint32_t)kb_random_below(&work->dice, work->pieces);
            bench_check(kb_buddy_give(&buddy, work->piece[k].start, &piece, &bench_error));
            if (!kb_buddy_take(&buddy, 1 + kb_random_below(&work->dice, MOST), &from,
                               &work->piece[k]))
                bench_die("the buddies have no block");
        }
        double rate = operations / (bench_now() - start);
        best = rate > best ? rate : best;
        kb_buddy_free(&buddy);
    }
    printf("%-8s %10.2f\n", "buddy", best / 1e6);
}

static void slabs(struct work *work) {
    double best = 0;
    for (unsigned t = 0; t < times; t++) {
        struct kb_buddy buddy;
        struct kb_slab_cache cache;
        bool there;
        bench_check(kb_buddy_init(&buddy, 0, UINT64_C(64) << 20, 4096, host, &bench_error));
        bench_check(kb_slab_init(&cache, &buddy, 100, 4096, host, &bench_error));
        work->dice.state = 1;
        for (uint32_t i = 0; i < 2 * HOLES; i++)
            bench_check(kb_slab_take(&cache, &buddy, &work->piece[i].start, &there, &bench_error));
        double start = bench_now();
        for (uint32_t i = 0; i < operations; i += 2) {
            uint32_t k = (uint32_t)kb_random_below(&work->dice, 2 * HOLES);
            bench_check(kb_slab_give(&cache, work->piece[k].start, &bench_error));
            bench_check(kb_slab_take(&cache, &buddy, &work->piece[k].start, &there, &bench_error));
            if (!there)
                bench_die("the slabs have no object");
        }
        double rate = operations / (bench_now() - start);
        best = rate > best ? rate : best;
        kb_slab_free(&cache);
        kb_buddy_free(&buddy);
    }
    printf("%-8s %10.2f\n", "slab", best / 1e6);
}

int main(int argc, char **argv) {
    static struct work work;
    struct kb_host here;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            operations = 200000;
            walked = 4000;
        } else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc && atoi(argv[i + 1]) > 0) {
            times = (unsigned)atoi(argv[++i]);
        } else {
            fprintf(stderr, "usage: bench_placement [--quick] [--times N]\n");
            return 2;
        }
    }
    bench_check(kb_host_open(&here, 1, &bench_error));
    host = &here;
    printf("%u operations on %u holes; the list: %u (Mops/s, best of %u)\n", operations, HOLES,
           walked, times);
    printf("%-8s %10s %10s %10s %10s\n", "fit", "Mops/s", "list", "ratio", "holes left");
    for (unsigned fit = 0; fit < KB_FITS; fit++)
        compare((enum kb_fit)fit, &work);
    buddies(&work);
    slabs(&work);
    kb_host_close(&here);
    return 0;
}
