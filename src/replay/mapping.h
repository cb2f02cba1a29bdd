/* mapping.h - what memory a recorded program had: follows the events of a trace, and tells of any
 * page in which mapping it lies.
 *
 *   MAP 100 4   NAME "/lib/x.so"   PROTECT 100 2 r-x      one mapping, told in a row
 *
 *   pages   100      102      104
 *           │ x.so   │ x.so   │            regions: ranges of one object each, sorted
 *           │ code   │ data   │            objects: a name and a part of it
 *
 * An object is what people speak of: the code, or the data, of a file, the
 * heap, a stack. Its regions come and go; it stays, and counts how many pages
 * it has now and had at most. Memory without any right is a part of its own
 * (reserved): it is there only to keep others out, or to be opened later.
 *
 * Part of a mapping: reserved without rights, code with the right to execute,
 * data otherwise, also when no rights are told. When rights change, pages move
 * to another part of the same name. What a name is follows from it and from
 * what is done with it: see kb_mapped_kind. Equal names in all processes are
 * one object; ranges are of the process that the last PROCESS event names.
 * Loaders lay a file's zeros (.bss) over the end of its reservation, behind its
 * data: such nameless memory is the file's data, too.
 *
 * Memory: 24 bytes a region, names. A change costs the regions behind it, a
 * search their logarithm. */
#ifndef KB_REPLAY_MAPPING_H
#define KB_REPLAY_MAPPING_H

#include "base/host.h"
#include "trace/run.h"

#define KB_NO_OBJECT UINT32_MAX
#define KB_MAPPED_NAME 4096 /* bytes of a name that are kept, with the zero at its end */

enum kb_mapped_kind {
    KB_MAPPED_ANONYMOUS, /* no name */
    KB_MAPPED_HEAP,      /* [heap] */
    KB_MAPPED_STACK,     /* [stack], [stack:…] */
    KB_MAPPED_SYSTEM,    /* another name in brackets, as [vdso] */
    KB_MAPPED_FILE,      /* any other name */
    KB_MAPPED_LIBRARY,   /* … with ".so" at its end, or ".so." and a digit, or mapped as code */
    KB_MAPPED_PROGRAM,   /* … the first one that a process maps: its image */
    KB_MAPPED_KINDS
};

enum kb_mapped_part { KB_MAPPED_CODE, KB_MAPPED_DATA, KB_MAPPED_RESERVED, KB_MAPPED_PARTS };

struct kb_mapped_name {
    char *text; /* "" for anonymous memory */
    size_t length;
    uint64_t hash;
    enum kb_mapped_kind kind;         /* as known so far */
    uint32_t object[KB_MAPPED_PARTS]; /* or KB_NO_OBJECT */
};

struct kb_mapped_object {
    uint32_t name; /* index */
    enum kb_mapped_part part;
    uint64_t pages; /* mapped now */
    uint64_t peak;  /* mapped before they became fewer: see kb_mapped_most() */
};

/* Pages mapped at most at once. What another mapping took the place of at once (UNMAP and MAP of
 * one range in a row) does not count: so loaders lay out a library, the whole first and its parts
 * over it. */
static inline uint64_t kb_mapped_most(const struct kb_mapped_object *object) {
    return object->peak > object->pages ? object->peak : object->pages;
}

struct kb_mapped_region;

/* A mapping that is being told: MAP, then its names, then its rights. */
struct kb_mapping_told {
    bool open;
    bool replaces; /* what was unmapped just before, exactly */
    uint64_t first, end;
    size_t length; /* of the name so far */
    char name[KB_MAPPED_NAME];
    /* Before that: a range that was unmapped, perhaps to be replaced. */
    bool unmapped;
    uint64_t unmapped_first, unmapped_end;
};

struct kb_mappings {
    const struct kb_host *host;
    uint64_t changes; /* of what find() answers, counted from 1: who keeps answers compares */
    uint64_t maps;    /* MAP events so far */
    uint32_t process; /* of the events to come */
    struct kb_mapped_region *regions;
    size_t region_count, region_room;
    struct kb_mapped_name *names;
    uint32_t name_count, name_room;
    struct kb_mapped_object *objects;
    uint32_t object_count, object_room;
    uint32_t *with_program; /* processes whose image is known */
    uint32_t program_count, program_room;
    struct kb_mapping_told told;
};

void kb_mappings_init(struct kb_mappings *mappings, const struct kb_host *host);

/* The next event of the trace. All must be told, of any type. */
kb_status kb_mappings_event(struct kb_mappings *mappings, const struct kb_event *event,
                            struct kb_error *error) KB_MUST_CHECK;
/* References follow, or the end: what is being told is complete. To be called before find(), and
 * before objects are looked at. */
kb_status kb_mappings_settle(struct kb_mappings *mappings, struct kb_error *error) KB_MUST_CHECK;

/* The object in which a page lies now, or KB_NO_OBJECT. */
uint32_t kb_mappings_find(const struct kb_mappings *mappings, uint32_t process, uint64_t number);

void kb_mappings_free(struct kb_mappings *mappings);

#endif
