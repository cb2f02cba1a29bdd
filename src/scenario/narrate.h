/* narrate.h - tells a person, event by event, what the machine does and why.
 *
 * One access reads like this (English; --lang es tells the same):
 *
 *   P stores 1 byte at 0x1234
 *     0x1234 = page 1 | offset 0x234                      the split, drawn
 *     TLB: page 1 is not there
 *     page table: entry 1 at 0x10004 is 0x00000000: V=0
 *     trap: page 1 is not in memory (valid bit 0)
 *     1 the reference is legal: region code, r-x
 *     3 no frame is free: victim page 7 of P in frame 2, because it was loaded first
 *       page 7 was modified: written to slot 3
 *       its entry at 0x1001c is invalid now
 *     4 page 1 is read into frame 2: zeros
 *     5 the tables say so: entry at 0x10004 = 0x…
 *     6 the instruction starts again
 *     …
 *     physical 0x2234 */
#ifndef KB_SCENARIO_NARRATE_H
#define KB_SCENARIO_NARRATE_H

#include "os/os.h"
#include "scenario/text.h"

/* os: the system that the event comes from. */
void kb_narrate(struct kb_text_out *out, const struct kb_os *os, const struct kb_os_event *event);

/* The same where storage is contiguous; false: narrate.c tells it. */
bool kb_narrate_storage(struct kb_text_out *out, const struct kb_os *os,
                        const struct kb_os_event *event);

/* The fields of an address as the machine splits it, drawn in one line and ended by a newline:
 * 0x7f1234567abc = 254 | 72 | 418 | 359 | 0xabc */
void kb_narrate_split(struct kb_text_out *out, const struct kb_os *os, uint64_t address);

/* The set bits of a table entry by name: "V R W U R=1 M=0 frame 2". */
void kb_narrate_entry(struct kb_text_out *out, const struct kb_os *os, uint64_t raw,
                      unsigned depth);

/* The name of the file whose content a page of a process, or the page in a frame, is; NULL: of
 * none.
 */
const char *kb_narrate_file(const struct kb_os *os, const struct kb_process *process,
                            uint64_t number);
const char *kb_narrate_file_in(const struct kb_os *os, uint64_t frame);

/* "rwx", "r--" into text; returns it. */
char *kb_rights_text(unsigned rights, char text[4]);

#endif
