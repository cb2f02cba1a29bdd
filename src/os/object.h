/* object.h - contents that several processes may see: shared memory, and files.
 *
 *   region of P ──┐                 ┌──► frame           page of the object: at most one
 *                 ├──► object, page ┼──► slot            shared memory that was sent out
 *   region of Q ──┘                 └──► block of file   a file, written back to its own place
 *
 * A page of an object is in memory once, however many look at it. Shared
 * memory lives until the last region that shows it is gone; a file stays. */
#ifndef KB_OS_OBJECT_H
#define KB_OS_OBJECT_H

#include "os/page.h"
#include "os/process.h"
#include "store/store.h"

struct kb_object {
    char name[KB_NAME_BYTES];
    uint64_t bytes, pages;
    bool file;             /* else shared memory */
    bool there;            /* false: the number is free */
    struct kb_store store; /* blocks of a file, one a page; owned */
    uint64_t *sum;         /* of each block */
    uint32_t regions;      /* that show it */
    uint32_t last_page;    /* the first of the chain of its pages (kb_page.next), or KB_NO_PAGE */
    uint64_t reads, writes;
};

#endif
