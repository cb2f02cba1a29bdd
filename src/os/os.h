/* os.h - the operating system of the simulated machine: processes, frames, page faults in six
 * steps, replacement, the paging file.
 *
 *   program ──address──► MMU ──hit──► byte
 *                         │ trap: one typed fault
 *                         ▼
 *   1 is it legal? ──no──► 2 the process ends            regions (process.h)
 *   3 a free frame, or a victim's (written back if M)     frames, policy, paging file
 *   4 the page is read: zero, image, or its slot
 *   5 both tables say where it is                         page table in memory, kb_pages
 *   6 the instruction starts again
 *
 * Time is references. A policy of src/policy sees dense page ids and the
 * storage keys of the MMU as its flags. One kb_os is one machine; it belongs
 * to one thread. Functions return KB_OK also when they ended a process: ask
 * its state. Other statuses mean that the simulation itself cannot go on. */
#ifndef KB_OS_OS_H
#define KB_OS_OS_H

#include "machine/segment.h"
#include "os/system.h"

/* ---- os.c: the machine, processes, addresses ---- */

/* error must live as long as the system. A policy whose needs cannot be met is refused. */
kb_status kb_os_init(struct kb_os *os, const struct kb_os_setup *setup, const struct kb_host *host,
                     struct kb_error *error) KB_MUST_CHECK;
void kb_os_free(struct kb_os *os);

kb_status kb_os_create(struct kb_os *os, const char *name,
                       struct kb_process **process) KB_MUST_CHECK;
/* NULL if there is none. */
struct kb_process *kb_os_process(const struct kb_os *os, const char *name);
/* Gives back frames, slots and tables. */
void kb_os_exit(struct kb_os *os, struct kb_process *process, enum kb_reason reason,
                uint64_t address);
void kb_os_switch(struct kb_os *os, struct kb_process *process);
void kb_os_set_mode(struct kb_os *os, struct kb_process *process, bool privileged);
/* It does not run any more; nobody does if it ran. */
void kb_os_leave_processor(struct kb_os *os, struct kb_process *process);
void kb_os_relocate(struct kb_os *os, struct kb_process *process, uint64_t base, uint64_t limit);

/* ---- space.c: legal addresses ---- */

/* The list of a process's regions, contiguous segments too: one more at its end, or without the
 * i-th. What an object knows of them follows; pages and areas are the caller's. */
kb_status kb_os_add_region(struct kb_os *os, struct kb_process *process,
                           const struct kb_region *region) KB_MUST_CHECK;
void kb_os_remove_region(struct kb_os *os, struct kb_process *process, uint32_t i);

/* Makes addresses legal; start must lie at a page. With load_all, or for the kernel, all pages are
 * loaded at once; *refused = true and nothing has changed if too few frames are free. */
kb_status kb_os_region(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                       bool *refused) KB_MUST_CHECK;
/* Ends the legality of the pages in start … end − 1 and drops their content. Regions are cut;
 * superpages may not be. */
kb_status kb_os_unmap(struct kb_os *os, struct kb_process *process, uint64_t start,
                      uint64_t end) KB_MUST_CHECK;
/* Gives the pages in start … end − 1 other rights. */
kb_status kb_os_protect(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                        unsigned rights, bool *refused) KB_MUST_CHECK;
/* A stack: whether a reference below it makes it grow; the region then begins at its page. */
bool kb_os_grow_stack(struct kb_os *os, struct kb_process *process, uint64_t address);
/* What a process may do at an address by its region, or without any; *region may be NULL. */
unsigned kb_os_rights_at(const struct kb_os *os, const struct kb_process *process, uint64_t address,
                         const struct kb_region **region);
/* Maps a page, or superpage of 2^page_bits bytes, to a frame (KB_NO_FRAME: any that is free) of
 * zeros, as it were by hand. *refused = true if the frames are not free, or the place is taken. */
kb_status kb_os_map(struct kb_os *os, struct kb_process *process, uint64_t address, uint32_t frame,
                    unsigned page_bits, unsigned rights, bool *refused) KB_MUST_CHECK;

/* The first address that is not the user zone's. */
uint64_t kb_os_user_end(const struct kb_os *os);

/* ---- segment.c: with paged segmentation ---- */

bool kb_os_segmented(const struct kb_os *os);
/* The most that a segment may have; segment n begins at n times this. */
uint64_t kb_os_segment_bytes(const struct kb_os *os);
/* Whether the process has the segment around an address. */
bool kb_os_segment_exists(const struct kb_os *os, const struct kb_process *process,
                          uint64_t address);
/* Its entry in the segment table, *at: the physical address. */
struct kb_segment kb_os_segment(const struct kb_os *os, const struct kb_process *process,
                                uint64_t address, uint64_t *at);
/* The segment's entry follows its region. One that is shared has its page table at once, if there
 * is one. */
kb_status kb_os_segment_begin(struct kb_os *os, struct kb_process *process,
                              const struct kb_region *region) KB_MUST_CHECK;
void kb_os_segment_protect(struct kb_os *os, struct kb_process *process, uint64_t address,
                           unsigned rights);
/* Its length in the segment table. */
void kb_os_segment_length(struct kb_os *os, struct kb_process *process, uint64_t address,
                          uint64_t bytes);
/* Pages that others have brought into its page table are its own, too. */
kb_status kb_os_segment_adopt(struct kb_os *os, struct kb_process *process,
                              const struct kb_region *region) KB_MUST_CHECK;
/* Its mappings are gone; a page table that nobody else has is given back. */
void kb_os_segment_end(struct kb_os *os, struct kb_process *process,
                       const struct kb_region *region);
/* The page table of a missing segment: that of those who share it, or a new one, all entries
 * invalid, in which all who share it see what comes. KB_DATA: no room for it. */
kb_status kb_os_segment_open(struct kb_os *os, struct kb_process *process,
                             uint64_t address) KB_MUST_CHECK;
/* Shared page tables are out of a process's reach until it opens its segments again. */
void kb_os_segments_close(struct kb_os *os, struct kb_process *process);
/* ---- resize.c ---- */

/* Another length. What a shorter segment has no more is dropped; what a longer one gets is zeros,
 * or its object's. *refused: the region is no segment, too long for its kind or its object, or is
 * loaded whole and too few frames are free; nothing has changed. */
kb_status kb_os_resize(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t bytes,
                       bool *refused) KB_MUST_CHECK;
/* ---- segment.c, for table.c and reverse.c ---- */

/* The page table at a physical address is sent out: no segment has it any more. */
void kb_os_segments_lose(struct kb_os *os, uint64_t table);
/* Whether the region's page table may be others', too. */
static inline bool kb_os_shares_table(const struct kb_region *region) {
    return region->object != 0 && region->shared;
}
/* Others that share the page table of a segment get mappings of this page. */
kb_status kb_os_segment_audience(struct kb_os *os, const struct kb_process *process,
                                 uint64_t address) KB_MUST_CHECK;
/* The place of an address in its segment's page table, or KB_NO_TABLE: it has none, or the segment
 * ends before. */
uint64_t kb_os_segment_place(const struct kb_os *os, const struct kb_process *process,
                             uint64_t address);

/* ---- pager.c: the host of the policy ---- */

kb_status kb_pager_init(struct kb_os *os) KB_MUST_CHECK;
void kb_pager_free(struct kb_os *os);
kb_status kb_pager_grow(struct kb_os *os) KB_MUST_CHECK; /* as many pages as there are ids */
/* The pager of a process, when each has its own. */
kb_status kb_pager_begin(struct kb_os *os, struct kb_process *process) KB_MUST_CHECK;
void kb_pager_end(struct kb_os *os, struct kb_process *process);
/* The process's allocation has changed. */
void kb_pager_resize(struct kb_os *os, struct kb_process *process);
/* Another process answers for the page in a frame now. */
void kb_pager_move(struct kb_os *os, uint32_t frame);
/* A frame whose page may go; its content is safe. KB_NO_FRAME: *reason says why none may. */
kb_status kb_pager_evict(struct kb_os *os, struct kb_pager *pager, uint32_t wanted, uint32_t *frame,
                         enum kb_reason *reason) KB_MUST_CHECK;
/* Sends the page in a frame out by command; its frame becomes free. false: *reason. */
bool kb_pager_send_out(struct kb_os *os, uint32_t frame, enum kb_reason *reason);
void kb_pager_admit(struct kb_os *os, uint32_t frame, enum kb_why why);
void kb_pager_forget(struct kb_os *os, uint32_t frame, enum kb_why why);
/* count references in a row to the page in frame, which the MMU has let pass; first: its fault has
 * been admitted, and was the first of them. */
void kb_pager_note(struct kb_os *os, uint32_t frame, enum kb_access access, uint32_t count,
                   bool first);
/* The number that decides about a frame now, for dumps; false if the policy has none. */
bool kb_pager_mark(struct kb_os *os, uint32_t frame, uint64_t *mark);

/* ---- fault.c: the six steps ---- */

/* Whether its share allows the process (NULL: nobody) one more frame. */
bool kb_os_may_grow(const struct kb_os *os, const struct kb_process *process);
/* Who answers for the page of a mapping. */
struct kb_process *kb_os_answers_for(const struct kb_os *os, uint32_t mapping);
/* The page of a mapping is read into a frame that was taken for it, and is there then. false:
 * *reason, and the frame is free. */
bool kb_os_read_page(struct kb_os *os, struct kb_process *process, uint32_t mapping, uint32_t frame,
                     bool ahead, enum kb_reason *reason);

/* Serves the fault of the running process. *again: the page is in, the instruction restarts;
 * otherwise the process has ended, or skips the instruction. */
kb_status kb_os_fault(struct kb_os *os, uint64_t address, enum kb_access access,
                      enum kb_fault fault, bool *again) KB_MUST_CHECK;
/* The frame of a page that is in memory; else KB_NO_FRAME. */
uint32_t kb_os_frame_of(const struct kb_os *os, const struct kb_process *process, uint64_t page);
/* Brings a legal page in (steps 3 to 5). *in = false: *reason says why it could not be. */
kb_status kb_os_bring(struct kb_os *os, struct kb_process *process, uint64_t page, uint32_t *frame,
                      bool *in, enum kb_reason *reason) KB_MUST_CHECK;
/* A frame for the page `wanted`, for which a process (or nobody: NULL) will answer: free, standing
 * by, or a victim's. KB_NO_FRAME: *reason. */
kb_status kb_os_take_frame(struct kb_os *os, const struct kb_process *process, uint32_t wanted,
                           uint32_t *frame, enum kb_reason *reason) KB_MUST_CHECK;

/* A frame that kb_os_take_frame gave does not go to who wanted it: if it was a victim's, its policy
 * is told so, with the flags that it had. */
void kb_os_decline(struct kb_os *os, uint32_t frame);

/* ---- allocate.c: who may hold how many frames ---- */

/* Shares the frames out anew: processes have begun, ended, or changed their size. */
void kb_os_share_out(struct kb_os *os);
/* The same, and who holds more than its share gives up pages. */
kb_status kb_os_allocate(struct kb_os *os) KB_MUST_CHECK;
/* Pages of the process go, before their frames are needed, until it may hold `room` more for the
 * page `wanted`, or none can go. */
kb_status kb_os_trim(struct kb_os *os, struct kb_process *process, uint32_t room,
                     uint32_t wanted) KB_MUST_CHECK;
/* How many pages the process will use, where its regions do not say it; 0: nobody knows. */
kb_status kb_os_tell_size(struct kb_os *os, struct kb_process *process,
                          uint64_t pages) KB_MUST_CHECK;
/* So many frames for one process, 0: its share again. *refused: there are not as many beside what
 * the others need, or replacement is global. */
kb_status kb_os_allocate_fixed(struct kb_os *os, struct kb_process *process, uint32_t frames,
                               bool *refused) KB_MUST_CHECK;
/* Whether a process (NULL: a new one) can have so many beside what the others need. */
bool kb_os_allocation_fits(const struct kb_os *os, const struct kb_process *process,
                           uint32_t frames);
/* Frames that are there for pages: without the kernel's, those of tables, and the reserve. */
uint32_t kb_os_frames_to_share(const struct kb_os *os);
/* Whose page goes when the process needs a frame and none is free for it. */
struct kb_pager *kb_os_who_gives(struct kb_os *os, const struct kb_process *process);

/* ---- reverse.c: a page and all the tables that show it ---- */

/* The mapping of a page number, made if there is none; its page, too. */
kb_status kb_os_mapping(struct kb_os *os, struct kb_process *process, uint64_t number,
                        uint32_t *mapping) KB_MUST_CHECK;
/* Ends a mapping. A private page that nobody else maps is dropped. */
void kb_os_unmap_page(struct kb_os *os, uint32_t mapping, enum kb_why why);
/* The mapping shows another page, which is not in memory yet. */
void kb_os_remap(struct kb_os *os, uint32_t mapping, uint32_t page);
/* The page is gone with its content: its frame and its slot become free. */
void kb_os_drop_page(struct kb_os *os, uint32_t id, enum kb_why why);
/* A page's bytes are in a frame: it is the page's now, with R = M = 0. */
void kb_os_connect(struct kb_os *os, uint32_t page, uint32_t frame);
/* The page leaves its frame and all tables; `tell` each of them. The policy has forgotten it, and
 * the caller does with the frame what it wants. */
void kb_os_vacate(struct kb_os *os, uint32_t frame, bool tell);
/* The mapping's place in its process's table, which is made as far as it is not there. KB_DATA: no
 * room for it. */
kb_status kb_os_find_entry(struct kb_os *os, uint32_t mapping, uint64_t *entry) KB_MUST_CHECK;
/* The mapping's entry becomes valid, with what its region allows. */
void kb_os_enter(struct kb_os *os, uint32_t mapping, uint64_t entry);
/* It becomes invalid, and with it all mappings that have the same entry. */
void kb_os_leave(struct kb_os *os, uint32_t mapping);
/* This mapping alone goes; others that have the same entry keep it. The process must not reach the
 * page table any more. */
void kb_os_leave_alone(struct kb_os *os, uint32_t mapping);
/* Whether another mapping has the same valid entry: they are in one page table. */
bool kb_os_has_company(const struct kb_os *os, uint32_t mapping);
/* A valid entry is rewritten with what its region allows now, R and M as they are. */
void kb_os_refresh(struct kb_os *os, uint32_t mapping);
/* The same for those who end with kb_os_forget_translations: the TLB may know the old one. */
void kb_os_refresh_quietly(struct kb_os *os, uint32_t mapping);
void kb_os_forget_translations(struct kb_os *os, const struct kb_process *process);
/* Whether another mapping of its page is in a table, or holds it in memory. */
bool kb_os_seen_by_others(const struct kb_os *os, uint32_t mapping);
typedef void kb_os_visit(struct kb_os *os, uint32_t mapping, void *context);
/* Calls act for each mapping of a process with a page in start … end − 1; it may end that one. In
 * the order of addresses if the range is not longer than the process's mappings are many. */
void kb_os_each_mapping(struct kb_os *os, const struct kb_process *process, uint64_t start,
                        uint64_t end, kb_os_visit *act, void *context);
/* Whether what the mapping's process writes must be copied first. */
bool kb_os_must_copy(const struct kb_os *os, uint32_t mapping);
/* M becomes 1 by the system's hand: what is in memory is nowhere else any more. */
void kb_os_set_modified(struct kb_os *os, uint32_t frame);
/* The same for a superpage; its frames become free with kb_os_drop_super, which returns how many.
 * The caller takes it out of the process's list. */
void kb_os_set_super_rights(struct kb_os *os, const struct kb_process *process,
                            const struct kb_super *super, unsigned rights);
unsigned kb_os_super_rights(const struct kb_os *os, const struct kb_super *super);
uint32_t kb_os_drop_super(struct kb_os *os, struct kb_process *process,
                          const struct kb_super *super);
/* Clears KB_ENTRY_REFERENCED or KB_ENTRY_MODIFIED in all entries of a frame, and in the TLB. */
void kb_os_clear_bits(struct kb_os *os, uint32_t frame, unsigned bits);

/* ---- writeback.c: a page is written where it belongs ---- */

/* Writes the page in a frame to its slot or file, and modified neighbours with it (setup.cluster);
 * M = 0 then. false: *reason, and all is as it was. */
bool kb_os_write_back(struct kb_os *os, uint32_t frame, enum kb_reason *reason);
/* Writes the modified ones of these mappings' pages that only they show to slots in a row, if there
 * are as many; what fails stays modified. */
void kb_os_write_list(struct kb_os *os, const uint32_t *mappings, uint32_t count);
/* From here on transfers that go on where the last one ended are one. Returns os->batch as it was,
 * for the caller to set again. */
bool kb_os_begin_batch(struct kb_os *os);
/* Counts a page that the disk moves: a transfer of its own, or the rest of the last one. */
void kb_os_transfer(struct kb_os *os, enum kb_stream stream, uint64_t key, uint64_t place);
/* The store has failed at a page. */
void kb_os_tell_store(struct kb_os *os, uint32_t page, uint64_t slot, const char *text);

/* ---- free.c: frames that nobody uses ---- */

void kb_os_free_frame(struct kb_os *os, uint32_t frame);
/* The frame is free, but keeps the bytes of a page that is not modified, until somebody else needs
 * it. */
void kb_os_stand_by(struct kb_os *os, uint32_t frame, uint32_t page);
/* The frame of a page that stands by, taken from the list. */
uint32_t kb_os_rescue(struct kb_os *os, uint32_t page);
/* A frame from the free list, or the oldest that stands by; KB_NO_FRAME: there is none. */
uint32_t kb_os_take_free(struct kb_os *os);
/* The page gives up its frame by the word of a program or the system: it is written if M = 1, and
 * leaves all tables. false: *reason. */
bool kb_os_give_up(struct kb_os *os, uint32_t frame, enum kb_why why, enum kb_reason *reason);

/* ---- table.c: where page tables lie ---- */

kb_status kb_os_tables_init(struct kb_os *os) KB_MUST_CHECK;
void kb_os_tables_free(struct kb_os *os);
/* The entry at a physical address became valid, or invalid. */
void kb_os_count_entry(struct kb_os *os, uint64_t entry, bool valid);
/* The slot of a table that is out is given up: its segment ends. */
void kb_os_table_forget(struct kb_os *os, const struct kb_process *process,
                        const struct kb_region *region);
/* Sends a table out that shows no page: its frame, or KB_NO_FRAME. */
uint32_t kb_os_table_out(struct kb_os *os);
/* Whether the table for an address was sent out; asked only with KB_TABLES_PAGEABLE. */
bool kb_os_table_was_sent(const struct kb_os *os, const struct kb_process *process,
                          uint64_t address);
/* Brings it back. *in = false: *reason. */
kb_status kb_os_table_in(struct kb_os *os, struct kb_process *process, uint64_t address, bool *in,
                         enum kb_reason *reason) KB_MUST_CHECK;
void kb_os_tables_end(struct kb_os *os, const struct kb_process *process);

/* ---- object.c: shared memory and files ---- */

/* Shared memory of so many bytes, zeros at first. */
kb_status kb_os_shared(struct kb_os *os, const char *name, uint64_t bytes,
                       uint32_t *object) KB_MUST_CHECK;
/* A file; store: its blocks, at least as many as its pages, owned from here on also when this
 * fails. Its first content is written to it. */
kb_status kb_os_file(struct kb_os *os, const char *name, uint64_t bytes,
                     const struct kb_image *content, const struct kb_store *store,
                     uint32_t *object) KB_MUST_CHECK;
/* The number of the object of that name, or KB_NO_OBJECT. */
uint32_t kb_os_object(const struct kb_os *os, const char *name);
/* Writes the modified pages of files that a process sees in start … end − 1 to them, whoever
 * modified them. Returns how many could not be written; they stay as they were. */
uint64_t kb_os_sync(struct kb_os *os, struct kb_process *process, uint64_t start,
                    uint64_t end) KB_MUST_CHECK;
/* Bytes as they stand in the file, whatever is in memory. */
kb_status kb_os_file_bytes(struct kb_os *os, uint32_t object, uint64_t at, void *bytes,
                           uint32_t length) KB_MUST_CHECK;
/* Regions come and go: the last one takes shared memory with it. */
void kb_os_attach(struct kb_os *os, const struct kb_region *region);
void kb_os_detach(struct kb_os *os, const struct kb_region *region);
void kb_os_free_objects(struct kb_os *os);

/* ---- fork.c: copies of processes, and of pages when they are written ---- */

/* A process that sees what its parent sees, page for page. *refused: there is no room for its
 * superpages or tables, or the parent has ended or is the kernel; nothing has changed. */
kb_status kb_os_fork(struct kb_os *os, struct kb_process *parent, const char *name,
                     struct kb_process **child, bool *refused) KB_MUST_CHECK;
/* A write to a page in memory whose entry withholds writing: it is copied, or is the process's
 * alone by now. *again as kb_os_fault. */
kb_status kb_os_copy_on_write(struct kb_os *os, uint32_t mapping, bool *again,
                              enum kb_reason *reason) KB_MUST_CHECK;

/* ---- advise.c: what programs say of their pages ---- */

/* These pages will not be needed for a while: they leave memory, and their contents are kept.
 * *refused: a page of them is not legal, or pinned; nothing has changed. */
void kb_os_release(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                   bool *refused);
/* The same, and private contents are gone: the next reference finds them as they were at first. */
void kb_os_discard(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                   bool *refused);
/* These pages come, and stay until they are unpinned. *refused: not all are legal or find a frame;
 * none is pinned then that was not before. */
kb_status kb_os_pin_pages(struct kb_os *os, struct kb_process *process, uint64_t start,
                          uint64_t end, bool *refused) KB_MUST_CHECK;
void kb_os_unpin_pages(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                       bool *refused);

/* ---- swapper.c: processes as a whole ---- */

/* All pages of the process leave, contiguous ones in one transfer; it does not run until it is
 * swapped in. *refused: a page is pinned, or could not be written; it is not swapped then, and
 * what left comes back by demand. */
kb_status kb_os_swap_out(struct kb_os *os, struct kb_process *process, bool *refused) KB_MUST_CHECK;
/* All that its regions hold comes: by transfers as long as they can be, or page by page. *refused:
 * more than the frames that there are, or that it may hold. */
kb_status kb_os_swap_in(struct kb_os *os, struct kb_process *process, bool page_by_page,
                        bool *refused) KB_MUST_CHECK;

/* ---- load.c: how many processes share memory ---- */

kb_status kb_os_load_init(struct kb_os *os) KB_MUST_CHECK;
/* A process begins, or ends. */
void kb_os_load_begin(struct kb_os *os, struct kb_process *process);
void kb_os_load_end(struct kb_os *os, struct kb_process *process);
/* Suspends a process if there are too many, or resumes those for which there is room. Whoever
 * lets processes take turns calls it between two turns, and lets none run that is suspended. */
kb_status kb_os_balance(struct kb_os *os) KB_MUST_CHECK;
/* A suspended process is active again, whatever there is room for: nobody else could go on. */
void kb_os_load_resume(struct kb_os *os, struct kb_process *process);

/* ---- working_set.c: W(t, window), where load.window > 0 ---- */

kb_status kb_working_set_grow(struct kb_os *os) KB_MUST_CHECK; /* as many pages as there are ids */
/* The process has made references to a page; KB_NO_PAGE: to what is none, a superpage. */
void kb_working_set_use(struct kb_os *os, struct kb_process *process, uint32_t page);
/* The page's content is gone; the process has ended. */
void kb_working_set_drop(struct kb_os *os, uint32_t page);
void kb_working_set_end(struct kb_os *os, struct kb_process *process);
/* Pages in the working sets of all active processes that have something to do. */
uint64_t kb_working_set_sum(const struct kb_os *os);

/* ---- use.c ---- */

/* Bytes of programs in memory that were referenced since they came; all bytes of frames that are
 * taken. */
void kb_os_use(const struct kb_os *os, uint64_t *used, uint64_t *resident);

/* ---- ahead.c: pages come before they are needed ---- */

/* The running process has made the reference of which its strategy is to be told: pages that may
 * follow come, as far as they can. */
kb_status kb_os_fetch_ahead(struct kb_os *os) KB_MUST_CHECK;
/* A page that came ahead is used, or leaves before that. */
void kb_os_used(struct kb_os *os, uint32_t frame);
void kb_os_wasted(struct kb_os *os, uint32_t frame);

/* ---- disk.c: time, and the one disk (setup.clock) ---- */

kb_status kb_os_disk_init(struct kb_os *os) KB_MUST_CHECK;
/* A page is transferred: the disk takes it when it has done all others. follows: without moving. */
void kb_os_disk_serve(struct kb_os *os, bool follows);
/* When a page is there that has just been read. */
uint64_t kb_os_arrival(const struct kb_os *os);
/* The time that the disk has worked. */
uint64_t kb_os_disk_worked(const struct kb_os *os);
/* Nobody runs until the transfers are over that were waited for since ready_at was 0. */
void kb_os_wait_for_disk(struct kb_os *os);
/* The running process computes for so long, without a reference. */
void kb_os_compute(struct kb_os *os, uint64_t time);

/* ---- pageout.c: pages go before their frames are needed ---- */

/* Below the low watermark: victims go until the high one is reached. */
kb_status kb_os_page_out(struct kb_os *os) KB_MUST_CHECK;
/* Victims go until so many frames are free, or none can go any more. */
kb_status kb_os_make_room(struct kb_os *os, uint32_t frames) KB_MUST_CHECK;

/* ---- block.c: processes that wait for a page (setup.io_cycles > 0, or a clock) ---- */

/* The running process waits until ready_at for the page in a frame: until then the frame stays, and
 * the instruction starts again afterwards. */
void kb_os_block(struct kb_os *os, uint32_t frame);
/* All frames are held: the running process waits until another one may let one go that it has
 * waited for. false: nobody does, or it has waited too often. */
bool kb_os_wait_for_frame(struct kb_os *os, uint64_t page);
/* The process holds the frame no more, since it uses it or ends; nobody does, since the page is
 * dropped. Who is blocked stays so until its time has come. */
void kb_os_stop_waiting(struct kb_os *os, struct kb_process *process);
void kb_os_page_went(struct kb_os *os, uint32_t frame);
/* Those whose time has come are ready. */
void kb_os_wake(struct kb_os *os);
/* Nobody can run: time passes until the first page comes. false: nobody waits. */
bool kb_os_idle(struct kb_os *os);

/* ---- access.c: instructions of the running process ---- */

/* Each returns with *done = false if the process ended, skipped the instruction, or is blocked
 * (then the instruction is to be made again when it runs again); no byte has changed then. length:
 * 1 … KB_MOST_BYTES. */
#define KB_MOST_BYTES 65536
#define KB_MOST_PIECES (2 * (KB_MOST_BYTES / 64 + 2)) /* two operands, the smallest pages */
kb_status kb_os_execute(struct kb_os *os, uint64_t address, bool *done) KB_MUST_CHECK;
/* Adds to the little-endian number of `length` ≤ 8 bytes at an address: reads, then writes. */
kb_status kb_os_increment(struct kb_os *os, uint64_t address, uint32_t length, uint64_t by,
                          uint64_t *value, bool *done) KB_MUST_CHECK;
/* One instruction that moves length bytes; the ranges may overlap. */
kb_status kb_os_move(struct kb_os *os, uint64_t from, uint64_t to, uint32_t length,
                     bool *done) KB_MUST_CHECK;
/* The instruction's frames may go again. */
void kb_os_unpin(struct kb_os *os);
/* count: references in a row, or the bytes of one operand. */
void kb_os_tell_reference(struct kb_os *os, uint64_t address, enum kb_access access, uint64_t count,
                          bool bytes);
/* While somebody listens, the whole way is taken, so that there is something to tell. */
enum kb_fault kb_os_translate(struct kb_os *os, uint64_t address, enum kb_access access,
                              uint64_t *physical);
/* count references in a row to one page, without bytes; as replay counts them. */
kb_status kb_os_run(struct kb_os *os, uint64_t address, enum kb_access access, uint32_t count,
                    bool *done) KB_MUST_CHECK;
/* The long way of kb_os_load and kb_os_store. fault: what the translation, already made, ended in;
 * KB_FAULT_NONE: none was made. */
kb_status kb_os_load_slowly(struct kb_os *os, uint64_t address, void *bytes, uint32_t length,
                            enum kb_fault fault, bool *done) KB_MUST_CHECK;
kb_status kb_os_store_slowly(struct kb_os *os, uint64_t address, const void *bytes, uint32_t length,
                             enum kb_fault fault, bool *done) KB_MUST_CHECK;

/* ---- check.c ---- */

/* Looks at every invariant: core map, free list, tables, TLBs, keys, slots. NULL, or the first that
 * does not hold. Slow; for tests. */
const char *kb_os_check(const struct kb_os *os);

/* The process ends with a reason, or its handler gives the instruction up; or, with `again`, the
 * instruction starts again. For the services of faults. */
void kb_os_end_or_restart(struct kb_os *os, uint64_t address, enum kb_access access,
                          enum kb_fault fault, enum kb_reason reason, bool again);

/* ---- small things ---- */

static inline bool kb_os_heard(const struct kb_os *os) { return os->listener.hear != NULL; }

static inline void kb_os_tell(const struct kb_os *os, struct kb_os_event event) {
    event.time = os->counters.references;
    if (event.process == NULL)
        event.process = os->running;
    os->listener.hear(os->listener.context, &event);
}

/* Whether there are pages: base and limit registers, and contiguous segments, know none. */
static inline bool kb_os_paged(const struct kb_os *os) {
    return os->setup.scheme == KB_SCHEME_TABLES || os->setup.scheme == KB_SCHEME_INVERTED;
}

static inline unsigned kb_os_page_bits(const struct kb_os *os) { return os->mmu.format.page_bits; }

static inline uint32_t kb_os_page_bytes(const struct kb_os *os) {
    return (uint32_t)(UINT64_C(1) << os->mmu.format.page_bits);
}

/* Storage cycles so far: one a reference, one a table entry read, and those of the time in which
 * programs computed or nobody could run. */
static inline uint64_t kb_os_cycles(const struct kb_os *os) {
    uint64_t unit = os->setup.clock ? os->setup.cycle_ns : 1, other = os->computed + os->idle;
    return os->counters.references + os->mmu.table_reads + (unit > 0 ? other / unit : 0);
}

/* The time: storage cycles, or nanoseconds of the clock. */
static inline uint64_t kb_os_now(const struct kb_os *os) {
    uint64_t cycles = os->counters.references + os->mmu.table_reads;
    return (os->setup.clock ? cycles * os->setup.cycle_ns : cycles) + os->computed + os->idle;
}

/* A page number as an inverted table knows it: without the copies of the highest address bit. */
static inline uint64_t kb_os_inverted_page(const struct kb_os *os, uint64_t number) {
    return number & ((UINT64_C(1) << (os->mmu.format.address_bits - os->mmu.format.page_bits)) - 1);
}

static inline void kb_os_table_entry(struct kb_os *os, uint64_t entry, bool valid) {
    if (os->setup.tables_place != KB_TABLES_APART)
        kb_os_count_entry(os, entry, valid);
}

static inline bool kb_os_table_is_out(const struct kb_os *os, const struct kb_process *process,
                                      uint64_t address) {
    return os->setup.tables_place == KB_TABLES_PAGEABLE &&
           kb_os_table_was_sent(os, process, address);
}

static inline struct kb_page *kb_os_page_in(const struct kb_os *os, uint32_t frame) {
    return &os->pages.page[os->page_of[frame]];
}

/* The mapping that answers for the page in a frame, or NULL: none, or no page. */
static inline struct kb_mapping *kb_os_first_mapping(const struct kb_os *os, uint32_t frame) {
    uint32_t first =
        os->frame[frame].use == KB_FRAME_PAGE ? kb_os_page_in(os, frame)->first : KB_NO_MAPPING;
    return first == KB_NO_MAPPING ? NULL : &os->pages.mapping[first];
}

/* Who answers for a frame, or NULL. */
static inline struct kb_process *kb_os_owner(const struct kb_os *os, uint32_t frame) {
    const struct kb_mapping *first = kb_os_first_mapping(os, frame);
    if (first != NULL)
        return os->process[first->process];
    return os->frame[frame].use == KB_FRAME_SUPER ? os->process[os->frame[frame].process] : NULL;
}

/* The page number by which the page in a frame is told: its owner's, or its place in its object. */
static inline uint64_t kb_os_number_of(const struct kb_os *os, uint32_t frame) {
    const struct kb_mapping *first = kb_os_first_mapping(os, frame);
    return first != NULL ? first->number : kb_os_page_in(os, frame)->place;
}

/* A page goes for another one, or by command; owner: who answered for it, or NULL. */
static inline void kb_os_count_eviction(struct kb_os *os, struct kb_process *owner) {
    os->counters.evictions++;
    if (owner != NULL)
        owner->counters.evictions++;
}

/* Whether the page may not leave its frame now. */
static inline bool kb_os_held(const struct kb_os *os, uint32_t frame) {
    return os->frame[frame].pins > 0 || kb_os_page_in(os, frame)->wired > 0;
}

/* Sum of the pages in memory over all references so far. */
static inline uint64_t kb_os_page_time(const struct kb_os *os) {
    return os->counters.page_time + os->paged * (os->counters.references - os->paged_since);
}

/* Whether load control lets it run, or has never been asked. */
static inline bool kb_os_is_active(const struct kb_os *os, const struct kb_process *process) {
    return process->state != KB_ENDED && process != os->kernel && !process->suspended;
}

/* Sum of the active processes over all references so far. */
static inline uint64_t kb_os_active_time(const struct kb_os *os) {
    const struct kb_load *load = &os->load;
    return load->active_time + load->active * (os->counters.references - load->since);
}

/* Whether free frames may keep the bytes of pages. */
static inline bool kb_os_stands_by(const struct kb_os *os) { return os->setup.high > 0; }

static inline uint32_t kb_os_free_frames(const struct kb_os *os) {
    return os->free_count + os->standby_count;
}

/* ---- loads and stores: the hit is here, everything else in access.c ---- */

/* The bytes of an access in one page that hits while nobody listens; else NULL, and *fault says
 * what a translation ended in, if one was made. */
static inline uint8_t *kb_os_hit(struct kb_os *os, uint64_t address, enum kb_access access,
                                 uint32_t length, enum kb_fault *fault) {
    uint64_t physical, offset = address & (kb_os_page_bytes(os) - 1);
    *fault = KB_FAULT_NONE;
    if (__builtin_expect(kb_os_heard(os) || offset + length > kb_os_page_bytes(os) || length == 0 ||
                             os->mmu.by_bytes,
                         0))
        return NULL;
    uint32_t ahead = (length - 1) & os->mmu.ahead;
    *fault = kb_mmu_translate(&os->mmu, address + ahead, access, &physical);
    return __builtin_expect(*fault == KB_FAULT_NONE, 1) ? os->mmu.memory.bytes + physical - ahead
                                                        : NULL;
}

/* References of the running process until the next tick of its pager. */
static inline uint64_t kb_pager_until_tick(const struct kb_os *os) {
    const struct kb_pager *own = os->running->pager;
    return own != NULL ? own->tick_at - os->running->counters.references
                       : os->pager.tick_at - os->counters.references;
}

/* Whether the page in a frame is the policy's: what is fixed has KB_PINNED. */
static inline bool kb_pager_owns(const struct kb_os *os, uint32_t frame) {
    return (os->keys[frame] & (KB_RESIDENT | KB_PINNED)) == KB_RESIDENT;
}

/* Whether references that were just counted are nothing but a touch for the policy. */
static inline bool kb_pager_only_touch(const struct kb_os *os, uint32_t frame) {
    return os->touch != NULL && os->counters.references < os->pager.tick_at &&
           kb_pager_owns(os, frame);
}

/* What kb_pager_note does then. */
static inline void kb_pager_touch(struct kb_os *os, uint32_t frame, uint32_t count) {
    os->counters.runs++;
    os->pager.view.count = os->used; /* arrays by page may have moved */
    os->pager.view.frame_of = os->pages.frame_of;
    os->touch(os->pager.state, &os->pager.view, frame, count,
              (struct kb_when){os->counters.references - count + 1, 0});
}

/* Counts the instruction whose bytes kb_os_hit gave. After the bytes were written: what the policy
 * does then may look at them. */
static inline void kb_os_counted(struct kb_os *os, const uint8_t *at, enum kb_access access) {
    os->running->counters.references++;
    os->counters.instructions++;
    uint64_t now = ++os->counters.references;
    if (now < os->note_at)
        return;
    uint32_t frame = (uint32_t)((uint64_t)(at - os->mmu.memory.bytes) >> kb_os_page_bits(os));
    if (__builtin_expect(kb_pager_only_touch(os, frame), 1))
        kb_pager_touch(os, frame, 1);
    else
        kb_pager_note(os, frame, access, 1, false);
}

static inline KB_MUST_CHECK kb_status kb_os_load(struct kb_os *os, uint64_t address, void *bytes,
                                                 uint32_t length, bool *done) {
    enum kb_fault fault;
    const uint8_t *at = kb_os_hit(os, address, KB_ACCESS_READ, length, &fault);
    if (__builtin_expect(at == NULL, 0))
        return kb_os_load_slowly(os, address, bytes, length, fault, done);
    memcpy(bytes, at, length);
    kb_os_counted(os, at, KB_ACCESS_READ);
    *done = true;
    return KB_OK;
}

static inline KB_MUST_CHECK kb_status kb_os_store(struct kb_os *os, uint64_t address,
                                                  const void *bytes, uint32_t length, bool *done) {
    enum kb_fault fault;
    uint8_t *at = kb_os_hit(os, address, KB_ACCESS_WRITE, length, &fault);
    if (__builtin_expect(at == NULL, 0))
        return kb_os_store_slowly(os, address, bytes, length, fault, done);
    memcpy(at, bytes, length);
    kb_os_counted(os, at, KB_ACCESS_WRITE);
    *done = true;
    return KB_OK;
}

#endif
