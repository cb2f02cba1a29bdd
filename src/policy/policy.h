/* policy.h - the contract of a replacement policy, and the table of all of them.
 *
 * A policy decides which page leaves. It is one file in replacement/, written
 * once, and serves every host: replay, machine, live, and the tests.
 *
 *   host                               policy
 *   ----                               ------
 *   owns frames, pages, the flags      owns one block of state without inner
 *   R, M, pinned, and the page table   pointers: copying it clones it
 *
 * The life of a frame as the policy sees it:
 *
 *   admit ──► touch … touch ──► victim ──► (host evicts) ──► admit of another page
 *                                  │                    └──► forget(evicted): the frame stays empty
 *                                  └─► refused ──► victim …: pinned, busy or shared
 *   at any time: forget (unmapped, released, process gone)
 *
 * victim() only proposes; the frame is gone for the policy when admit() or
 * forget() follows. One proposal is open at a time, and nothing is touched
 * before its answer. A refused frame is proposed again only after all others;
 * KB_NO_FRAME says that all have been refused, and forgives it: a host that
 * meets one left over from an earlier search asks once more. The flags are
 * still set when forget() is called. There is always at least one frame. Time (`now`) is the number
 * of the reference, from 1; live declares its own unit. Page ids are dense. */
#ifndef KB_POLICY_POLICY_H
#define KB_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "policy/option.h"

#define KB_POLICY_ABI 2

#define KB_NO_FRAME UINT32_MAX
#define KB_NO_WANTED UINT32_MAX                  /* victim() for nobody: a shrinking budget */
#define KB_FUTURE_PAGE ((UINT32_C(1) << 30) - 1) /* the page in an entry of kb_frames.future */
#define KB_NEVER UINT64_MAX                      /* next use of a page that is never used again */

/* What a policy cannot do without. A host that lacks it must refuse the policy, and say why. */
enum kb_needs {
    KB_NEEDS_REFERENCED = 1,      /* the reference bit R of each frame */
    KB_NEEDS_MODIFIED = 2,        /* the modified bit M of each frame */
    KB_NEEDS_EVERY_REFERENCE = 4, /* touch at every reference, in order */
    KB_NEEDS_FUTURE = 8,          /* the next use of the page of each reference */
    KB_NEEDS_TIME = 16,           /* now, or ticks */
    KB_VARIABLE_SPACE = 32,       /* releases frames by itself; has no frame count */
    KB_HEARS_REFERENCES = 64      /* not a need: touch does something, and may come late */
};

/* Flags of a frame, one byte, owned by the host; a policy may clear R, with kb_clear_referenced(),
 * and uses PASSED_OVER. */
enum kb_flag {
    KB_REFERENCED = 1,
    KB_MODIFIED = 2,
    KB_RESIDENT = 4,
    KB_PINNED = 8,
    KB_PASSED_OVER = 16 /* refused since the last admit */
};

enum kb_why {
    KB_BY_FAULT, /* admit */
    KB_BY_PREFETCH,
    KB_BY_MOVE,
    KB_BY_ZERO_FILL,
    KB_EVICTED, /* forget */
    KB_UNMAPPED,
    KB_RELEASED,
    KB_EXITED
};

struct kb_when {
    uint64_t now; /* number of the reference; with KB_NEEDS_FUTURE: of the run */
    uint64_t
        next; /* with KB_NEEDS_FUTURE: number of the run that uses the page next, or KB_NEVER */
};

/* The host as a policy sees it. The hooks of a policy's file get it by value, so that a compiler
 * keeps it in registers. */
struct kb_frames {
    uint8_t *flags;           /* by frame */
    const uint32_t *page;     /* by frame: the page in it */
    uint32_t count;           /* frames that may be in use: 0 … count − 1 */
    const uint32_t *future;   /* with KB_NEEDS_FUTURE: the page of each run, in its low 30 bits */
    const uint32_t *frame_of; /* by page: frame + 1, or 0 */
    void *host;
    /* Asks the host to write a modified page now; M is 0 when that is done. */
    void (*clean)(void *host, uint32_t frame);
    /* Variable space: the page left the resident set when reference `when` had been counted. The
     * policy has already forgotten the frame. */
    void (*release)(void *host, uint32_t frame, uint64_t when);
    /* R of this frame has just gone from 1 to 0: hardware must note the next reference anew (page
     * table entry and TLB). NULL: nobody asks. */
    void (*cleared)(void *host, uint32_t frame);
};

/* Work done, for the comparison of costs; every policy's state begins with it. */
struct kb_state {
    uint32_t frames;     /* the present number of frames */
    uint32_t capacity;   /* the most that frames may become */
    uint64_t horizon;    /* runs in all, with KB_NEEDS_FUTURE */
    uint64_t time_marks; /* notes made at references: list moves, counts, times */
    uint64_t bit_clears; /* R: 1 → 0 */
    uint64_t examined;   /* frames looked at in search of victims */
};

struct kb_loop; /* loop.h */

struct kb_policy {
    unsigned abi; /* KB_POLICY_ABI */
    const char *name;
    const char *text;          /* of a user's policy; NULL: use title */
    enum kb_message title;     /* one line of description */
    enum kb_message why;       /* a sentence on a victim: page, frame, mark */
    enum kb_message why_never; /* the same when mark is KB_NEVER */
    const char *source;        /* author, year */
    unsigned needs;            /* enum kb_needs */
    const struct kb_option *options;
    unsigned option_count;

    /* Bytes of state for this capacity and number of pages. It grows only at its end when pages
     * grow (in variable space also when capacity does), and new bytes are zero. horizon is the
     * number of runs, with KB_NEEDS_FUTURE. */
    size_t (*size)(uint32_t capacity, uint32_t pages, uint64_t horizon);
    /* state: size() zero bytes. values: one for each option. */
    void (*init)(void *state, const uint64_t values[KB_MAX_OPTIONS], uint32_t capacity,
                 uint32_t pages, uint64_t horizon);
    /* Changes the number of frames, up to capacity; the host then asks for victims if more are
     * resident. */
    void (*resize)(void *state, uint32_t frames);
    /* count references in a row to the page in frame; when.now is the first. The host has set the
     * flags. */
    void (*touch)(void *state, const struct kb_frames *frames, uint32_t frame, uint32_t count,
                  struct kb_when when);
    /* page is now in frame; flags say RESIDENT, R (unless it came without a reference) and M. */
    void (*admit)(void *state, const struct kb_frames *frames, uint32_t frame, uint32_t page,
                  enum kb_why why, struct kb_when when);
    /* Proposes a frame for the page `wanted`; KB_NO_FRAME if all were refused. */
    uint32_t (*victim)(void *state, const struct kb_frames *frames, uint32_t wanted,
                       struct kb_when when);
    void (*refused)(void *state, const struct kb_frames *frames, uint32_t frame);
    void (*forget)(void *state, const struct kb_frames *frames, uint32_t frame, enum kb_why why);
    /* References between ticks; 0: none wanted. The tick comes after the reference. */
    uint64_t (*period)(const void *state);
    void (*tick)(void *state, const struct kb_frames *frames, uint64_t now);
    /* For step-by-step displays: the hand's frame or KB_NO_FRAME; the number that decides about a
     * frame (time, count, class …), for `why`. */
    uint32_t (*hand)(const void *state);
    uint64_t (*mark)(void *state, const struct kb_frames *frames, uint32_t frame);

    /* The replay loop that was generated for this policy. */
    void (*replay)(struct kb_loop *loop, const void *runs, uint32_t count);
};

/* A policy with its options' values. */
struct kb_policy_spec {
    const struct kb_policy *policy;
    uint64_t values[KB_MAX_OPTIONS];
};

/* The policies of policies.def in its order, ended by NULL. */
extern const struct kb_policy *const kb_policies[];

/* By name, or NULL. */
const struct kb_policy *kb_policy_find(const char *name, size_t length);

/* Reads "name:option=value:…". find looks up a name that is not in the table (a user's policy);
 * it may be NULL. */
kb_status kb_policy_parse(const char *text, struct kb_policy_spec *spec,
                          const struct kb_policy *(*find)(void *context, const char *name,
                                                          size_t length, struct kb_error *error),
                          void *context, struct kb_error *error) KB_MUST_CHECK;

/* The options that differ from their presets, as they are written: ":keep=1:tie=lru"; "" if none.
 * Returns text. */
char *kb_policy_options(const struct kb_policy_spec *spec, char *text, size_t room);

/* How a policy's file writes its hooks: inlined into the replay loop, state first. */
#define KB_HOOK static inline __attribute__((always_inline, unused))
#define KB_UNUSED __attribute__((unused))
#define KB_SELF(p)                                                                                 \
    KB_UNUSED struct p *s, KB_UNUSED struct p##_arrays a, KB_UNUSED struct kb_frames f

/* How a policy clears R, and the flags of the mask `also` with it: whoever wants to know is told.
 */
KB_HOOK void kb_clear_referenced(struct kb_frames f, uint32_t frame, uint8_t also) {
    uint8_t flags = f.flags[frame];
    f.flags[frame] = (uint8_t)(flags & ~(KB_REFERENCED | also));
    if (f.cleared != NULL && flags & KB_REFERENCED)
        f.cleared(f.host, frame);
}

/* In layout(): places an array of n elements, 16-byte aligned, at `at` + `bytes` (at = NULL only
 * counts). */
#define KB_ARRAY(pointer, n)                                                                       \
    do {                                                                                           \
        (pointer) = at != NULL ? (void *)(at + bytes) : NULL;                                      \
        bytes += ((size_t)(n) * sizeof *(pointer) + 15) / 16 * 16;                                 \
    } while (0)

/* n per cent of frames, rounded down, at least 1. */
static inline uint32_t kb_share(uint32_t frames, uint64_t percent) {
    uint64_t share = (uint64_t)frames * percent / 100;
    return share == 0 ? 1 : (uint32_t)share;
}

#endif
