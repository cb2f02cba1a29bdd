/* event.c - the names of events, reasons and sources. */
#include "os/event.h"

const char *kb_os_event_name(enum kb_os_event_kind kind) {
    static const char *const names[] = {
#define KB_OS_EVENT(id, name) name,
        KB_OS_EVENT_LIST(KB_OS_EVENT)
#undef KB_OS_EVENT
    };
    return names[kind];
}

const char *kb_reason_name(enum kb_reason reason) {
    static const char *const names[] = {
#define KB_REASON(id, name) name,
        KB_REASON_LIST(KB_REASON)
#undef KB_REASON
    };
    return names[reason];
}

const char *kb_page_source_name(enum kb_page_source source) {
    static const char *const names[] = {"zero", "image", "swap", "file"};
    return names[source];
}

enum kb_message kb_reason_cause(enum kb_reason reason) {
    static const enum kb_message causes[KB_REASONS] = {
        [KB_REASON_NONE] = KB_MSG_none,
        [KB_REASON_DONE] = KB_MSG_cause_done,
        [KB_REASON_INVALID_REFERENCE] = KB_MSG_cause_invalid,
        [KB_REASON_PROTECTION] = KB_MSG_cause_protection,
        [KB_REASON_PRIVILEGE] = KB_MSG_cause_privilege,
        [KB_REASON_OVERFLOW] = KB_MSG_cause_overflow,
        [KB_REASON_MINIMUM_FRAMES] = KB_MSG_cause_minimum,
        [KB_REASON_NO_FRAME] = KB_MSG_cause_no_frame,
        [KB_REASON_SWAP_FULL] = KB_MSG_cause_swap_full,
        [KB_REASON_WRITE_FAILED] = KB_MSG_cause_write_failed,
        [KB_REASON_READ_FAILED] = KB_MSG_cause_read_failed,
        [KB_REASON_CORRUPT] = KB_MSG_cause_corrupt,
        [KB_REASON_NO_TABLE] = KB_MSG_cause_no_table,
        [KB_REASON_GUARD] = KB_MSG_cause_guard,
        [KB_REASON_NO_ROOM] = KB_MSG_cause_no_room,
        [KB_REASON_PINNED] = KB_MSG_cause_pinned,
        [KB_REASON_HARDWARE] = KB_MSG_cause_hardware,
    };
    return causes[reason];
}
