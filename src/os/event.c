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
