/* fault.c - the names of faults and why they are. */
#include "machine/fault.h"

static const char *const names[KB_FAULT_KINDS] = {
#define KB_FAULT(id, name) [KB_FAULT_##id] = name,
    KB_FAULTS(KB_FAULT)
#undef KB_FAULT
};

static const enum kb_message reasons[KB_FAULT_KINDS] = {
    [KB_FAULT_NONE] = KB_MSG_fault_none,
    [KB_FAULT_OVERFLOW] = KB_MSG_fault_overflow,
    [KB_FAULT_NON_CANONICAL] = KB_MSG_fault_non_canonical,
    [KB_FAULT_BUS] = KB_MSG_fault_bus,
    [KB_FAULT_INVALID_SEGMENT] = KB_MSG_fault_invalid_segment,
    [KB_FAULT_MISSING_SEGMENT] = KB_MSG_fault_missing_segment,
    [KB_FAULT_INVALID] = KB_MSG_fault_invalid,
    [KB_FAULT_RESERVED] = KB_MSG_fault_reserved,
    [KB_FAULT_MISALIGNED] = KB_MSG_fault_misaligned,
    [KB_FAULT_PRIVILEGE] = KB_MSG_fault_privilege,
    [KB_FAULT_PROTECTION] = KB_MSG_fault_protection,
    [KB_FAULT_ACCESSED] = KB_MSG_fault_accessed,
    [KB_FAULT_DIRTY] = KB_MSG_fault_dirty,
};

const char *kb_fault_name(enum kb_fault fault) { return names[fault]; }

enum kb_message kb_fault_why(enum kb_fault fault) { return reasons[fault]; }
