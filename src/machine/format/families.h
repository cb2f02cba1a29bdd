/* families.h - the formats that each family's file defines; for format.c. */
#ifndef KB_MACHINE_FORMAT_FAMILIES_H
#define KB_MACHINE_FORMAT_FAMILIES_H

#include "machine/format.h"

extern const struct kb_family kb_family_riscv;

extern const struct kb_format kb_format_sv32, kb_format_sv39, kb_format_sv48, kb_format_sv57;
extern const struct kb_format kb_format_x86_32, kb_format_x86_64;

/* The walk of families with segments (segmented.c). */
enum kb_fault kb_walk_segments(const struct kb_format *format, const struct kb_memory *memory,
                               uint64_t root, uint64_t address, struct kb_mode mode,
                               struct kb_walk *walk);

#endif
