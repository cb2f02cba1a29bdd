/* event.h - all that happens in the simulated system, as typed events.
 *
 * Whatever a person sees (narration, JSON, tables, time lines) is drawn from
 * these. Nothing is made when nobody listens. Pointers are valid during the
 * call only. docs/events.md is the reference of their JSON form; its version
 * changes when a field changes its meaning or goes. */
#ifndef KB_OS_EVENT_H
#define KB_OS_EVENT_H

#include "machine/mmu.h"

struct kb_process;

#define KB_OS_EVENTS_VERSION 1

/* KB_OS_EVENT(id, name): the name is the JSON field "event". Fields that each one fills: time and
 * process always, and those in its comment. */
#define KB_OS_EVENT_LIST(KB_OS_EVENT)                                                              \
    KB_OS_EVENT(CREATE, "create")       /* a process begins */                                     \
    KB_OS_EVENT(EXIT, "exit")           /* it ends: reason, count = frames freed, slots freed */   \
    KB_OS_EVENT(SWITCH, "switch")       /* it runs now: owner = the one before, or NULL; flag =    \
                                        the TLB was flushed */                                     \
    KB_OS_EVENT(MODE, "mode")           /* flag = privileged */                                    \
    KB_OS_EVENT(REGION, "region")       /* addresses became legal: address, count = bytes,         \
                                        rights, text = its name */                                 \
    KB_OS_EVENT(PROTECT, "protect")     /* address, count = bytes, rights */                       \
    KB_OS_EVENT(UNMAP, "unmap")         /* address, count = bytes */                               \
    KB_OS_EVENT(MAP, "map")             /* by command: page, frame, entry */                       \
    KB_OS_EVENT(REFERENCE, "reference") /* address, access, count = references in a row, or with   \
                                        flag the bytes of one operand */                           \
    KB_OS_EVENT(TRANSLATION, "translation") /* translation */                                      \
    KB_OS_EVENT(FAULT, "fault")             /* trap: address, access, fault */                     \
    KB_OS_EVENT(CHECK, "check")     /* step 1: page, flag = legal; rights, text = region */        \
    KB_OS_EVENT(SEGMENT, "segment") /* a missing segment: address, count = pages, entry = of the   \
                                       segment table, raw = its page table's address */            \
    KB_OS_EVENT(KILL, "kill")       /* step 2: reason */                                           \
    KB_OS_EVENT(FRAME, "frame")     /* step 3: frame, count = free frames left */                  \
    KB_OS_EVENT(VICTIM, "victim")   /* step 3: frame, page, owner, referenced, modified,           \
                                    mark */                                                        \
    KB_OS_EVENT(REFUSED, "refused") /* a victim that may not go: frame, page, owner, reason */     \
    KB_OS_EVENT(WRITE_BACK, "write-back") /* page, owner, frame, slot */                           \
    KB_OS_EVENT(INVALIDATE,                                                                        \
                "invalidate")       /* the victim's entry: page, owner, frame, entry;              \
                                    flag = further table, count = mappings with this entry */      \
    KB_OS_EVENT(READ_IN, "read-in") /* step 4: page, frame, source, slot */                        \
    KB_OS_EVENT(UPDATE, "update")   /* step 5: page, frame, entry, raw */                          \
    KB_OS_EVENT(RESTART, "restart") /* step 6: address, access */                                  \
    KB_OS_EVENT(RELEASE, "release") /* the policy gave a page back: page, owner, frame */          \
    KB_OS_EVENT(STORE_FAILED, "store-failed") /* page, owner, slot, text = what the store said */  \
    KB_OS_EVENT(SKIP, "skip")   /* the process's handler gave the instruction up: fault */         \
    KB_OS_EVENT(BLOCK, "block") /* waits for its page: page, count = until this time,              \
                                   flag = for a frame, and then its page */                        \
    KB_OS_EVENT(WAKE, "wake")   /* its page has come */                                            \
    KB_OS_EVENT(TICK, "tick")   /* the policy's period is over */                                  \
    KB_OS_EVENT(SOFT, "soft")   /* the page is in memory: page, frame, count = of its mappings,    \
                                flag = it stood by, ahead = it came ahead */                       \
    KB_OS_EVENT(COPY, "copy")   /* on write: page, frame = of the copy, slot = frame of the        \
                                original, or with flag nobody else has it any more */              \
    KB_OS_EVENT(FORK, "fork")   /* owner = the parent; count = pages that both see */              \
    KB_OS_EVENT(GROW, "grow") /* a stack: address = its first now, count = bytes, rights, text */  \
    KB_OS_EVENT(RESIZE, "resize") /* a segment: address, count = bytes now, slots = bytes before,  \
                                  text */                                                          \
    KB_OS_EVENT(ADVICE, "advice") /* a program's word: address, count = bytes, text = release,     \
                                  discard, pin, unpin, sync; slots = pages concerned */            \
    KB_OS_EVENT(SWAP_OUT, "swap-out") /* the whole process: count = pages that left, slots =       \
                                      pages written */                                             \
    KB_OS_EVENT(SWAP_IN, "swap-in")   /* count = pages that came, slots = transfers of the disk */ \
    KB_OS_EVENT(SUSPEND, "suspend")   /* load control: count = active processes left, flag =       \
                                         slots has the sum of their working sets, text = why */    \
    KB_OS_EVENT(RESUME, "resume")     /* the same, with this one */                                \
    KB_OS_EVENT(PREFETCH, "prefetch") /* it comes ahead: page, frame, source, slot */              \
    KB_OS_EVENT(PAGE_OUT, "page-out") /* in advance: count = pages that went */                    \
    KB_OS_EVENT(TABLE, "table") /* a page table goes out, or with flag comes back: page = its      \
                                number, frame, slot */                                             \
    KB_OS_EVENT(PLACE, "place") /* contiguous: a segment goes into a hole: page = its number,      \
                                address, count = its bytes, slots = the hole's, text */            \
    KB_OS_EVENT(MOVE, "move")   /* a segment moves: page, address = from, raw = to, count, text */ \
    KB_OS_EVENT(COMPACT, "compact") /* count = bytes moved, slots = the largest hole now */        \
    KB_OS_EVENT(JOB, "job") /* of a job queue: count = unit of time, slots = its bytes, text =     \
                               waits, starts, ends, refused */                                     \
    KB_OS_EVENT(OBJECT, "object") /* shared memory, or with flag a file: text, count = bytes */

enum kb_os_event_kind {
#define KB_OS_EVENT(id, name) KB_OS_EVENT_##id,
    KB_OS_EVENT_LIST(KB_OS_EVENT)
#undef KB_OS_EVENT
        KB_OS_EVENT_KINDS
};

/* Where the content of a page comes from. */
enum kb_page_source { KB_FROM_ZERO, KB_FROM_IMAGE, KB_FROM_SWAP, KB_FROM_FILE, KB_PAGE_SOURCES };

/* Why a process ended, or a victim was refused. */
#define KB_REASON_LIST(KB_REASON)                                                                  \
    KB_REASON(NONE, "none")                                                                        \
    KB_REASON(DONE, "done") /* by command */                                                       \
    KB_REASON(INVALID_REFERENCE, "invalid reference")                                              \
    KB_REASON(PROTECTION, "protection")                                                            \
    KB_REASON(PRIVILEGE, "privilege")                                                              \
    KB_REASON(OVERFLOW, "overflow")                                                                \
    KB_REASON(MINIMUM_FRAMES, "minimum frames") /* one instruction needs more than there are */    \
    KB_REASON(NO_FRAME, "no frame")             /* all are pinned */                               \
    KB_REASON(SWAP_FULL, "swap full")                                                              \
    KB_REASON(WRITE_FAILED, "swap write failed")                                                   \
    KB_REASON(READ_FAILED, "swap read failed")                                                     \
    KB_REASON(CORRUPT, "page corrupt") /* its checksum is wrong */                                 \
    KB_REASON(NO_TABLE, "no room for tables")                                                      \
    KB_REASON(GUARD, "guard page")                                                                 \
    KB_REASON(NO_ROOM, "no room") /* contiguous: no hole is large enough, and nothing can go */    \
    KB_REASON(PINNED, "pinned")                                                                    \
    KB_REASON(HARDWARE, "hardware") /* reserved bits, misaligned, no memory */

enum kb_reason {
#define KB_REASON(id, name) KB_REASON_##id,
    KB_REASON_LIST(KB_REASON)
#undef KB_REASON
        KB_REASONS
};

struct kb_os_event {
    enum kb_os_event_kind kind;
    uint64_t time; /* references done before it */
    const struct kb_process *process, *owner;
    uint64_t address, count;
    uint64_t page; /* page number: address / page size */
    uint64_t frame, slot, slots;
    uint64_t entry, raw; /* of a table: its physical address, its bits */
    uint64_t mark;       /* what decided about a victim (policy.h: mark) */
    enum kb_access access;
    enum kb_fault fault;
    enum kb_reason reason;
    enum kb_page_source source;
    unsigned rights; /* enum kb_entry_bits */
    bool flag, referenced, modified, ahead;
    const char *text;
    const struct kb_translation *translation;
};

struct kb_listener {
    void *context;
    void (*hear)(void *context, const struct kb_os_event *event); /* NULL: nobody listens */
};

const char *kb_os_event_name(enum kb_os_event_kind kind);
const char *kb_reason_name(enum kb_reason reason);
/* The reason as a part of a sentence, in the language of messages. */
enum kb_message kb_reason_cause(enum kb_reason reason);
const char *kb_page_source_name(enum kb_page_source source);

#endif
