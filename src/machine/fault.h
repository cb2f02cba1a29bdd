/* fault.h - what an access can end in other than a physical address: one typed fault. */
#ifndef KB_MACHINE_FAULT_H
#define KB_MACHINE_FAULT_H

#include "base/status.h"

enum kb_access { KB_ACCESS_READ, KB_ACCESS_WRITE, KB_ACCESS_EXECUTE, KB_ACCESS_ANY };

/* In the order in which hardware looks. KB_ACCESS_ANY asks only for legality: up to MISALIGNED.
 * KB_FAULT(id, name): the name is what users write after `expect fault` and what JSON says. */
#define KB_FAULTS(KB_FAULT)                                                                        \
    KB_FAULT(NONE, "none")                                                                         \
    KB_FAULT(OVERFLOW, "overflow")           /* beyond the limit register or the end of a table */ \
    KB_FAULT(NON_CANONICAL, "non-canonical") /* the upper bits are not copies of the highest */    \
    KB_FAULT(BUS, "bus")                     /* an entry lies where there is no memory */          \
    KB_FAULT(INVALID_SEGMENT, "invalid-segment") /* the process has no such segment */             \
    KB_FAULT(MISSING_SEGMENT, "missing-segment") /* it has no page table yet */                    \
    KB_FAULT(INVALID, "invalid")                 /* the valid bit is 0: missing page (or table) */ \
    KB_FAULT(RESERVED, "reserved")               /* a combination that the manual reserves */      \
    KB_FAULT(MISALIGNED, "misaligned")           /* a superpage at a frame that it may not have */ \
    KB_FAULT(PRIVILEGE, "privilege")   /* user in a kernel page, kernel in a user page */          \
    KB_FAULT(PROTECTION, "protection") /* no right to read, write or execute */                    \
    KB_FAULT(ACCESSED, "accessed")     /* A is 0 and hardware leaves setting it to the OS */       \
    KB_FAULT(DIRTY, "dirty")           /* D is 0 at a write, likewise */

enum kb_fault {
#define KB_FAULT(id, name) KB_FAULT_##id,
    KB_FAULTS(KB_FAULT)
#undef KB_FAULT
        KB_FAULT_KINDS
};

/* "invalid", "protection" … */
const char *kb_fault_name(enum kb_fault fault);

/* One sentence that says why, in messages.def: fault_invalid … */
enum kb_message kb_fault_why(enum kb_fault fault);

#endif
