/* access.c - instructions: each is a list of operands, and each operand a list of pieces that lie
 * in one page.
 *
 * An instruction takes effect only when all of its pages are in memory with
 * the rights that it needs: until then each fault starts it again, and what it
 * has touched so far stays pinned, so that it comes to an end (or is told that
 * there are too few frames). References are counted once, in order. */
#include "os/os.h"

/* ---- one page ---- */

static inline void tell_reference(struct kb_os *os, uint64_t address, enum kb_access access,
                                  uint64_t count, bool bytes) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_REFERENCE,
                                            .address = address,
                                            .access = access,
                                            .count = count,
                                            .flag = bytes});
}

void kb_os_tell_reference(struct kb_os *os, uint64_t address, enum kb_access access, uint64_t count,
                          bool bytes) {
    tell_reference(os, address, access, count, bytes);
}

static inline enum kb_fault translate(struct kb_os *os, uint64_t address, enum kb_access access,
                                      uint64_t *physical) {
    if (!kb_os_heard(os))
        return kb_mmu_translate(&os->mmu, address, access, physical);
    enum kb_fault fault = kb_mmu_translate_watched(&os->mmu, address, access, physical);
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_TRANSLATION,
                                        .address = address,
                                        .access = access,
                                        .fault = fault,
                                        .translation = &os->mmu.last});
    return fault;
}

enum kb_fault kb_os_translate(struct kb_os *os, uint64_t address, enum kb_access access,
                              uint64_t *physical) {
    return translate(os, address, access, physical);
}

/* The instruction begins anew: what it had reached is translated again, and is there. */
static void restart(struct kb_os *os, const uint64_t *addresses, const enum kb_access *accesses,
                    unsigned count) {
    uint64_t physical;
    for (unsigned i = 0; i < count; i++)
        (void)translate(os, addresses[i], accesses[i], &physical);
}

/* Serves faults until the page is there, or takes what was kept for the process. */
static __attribute__((noinline)) kb_status reach_slowly(struct kb_os *os, uint64_t address,
                                                        enum kb_access access, enum kb_fault fault,
                                                        uint64_t *physical, bool *faulted,
                                                        bool *done) {
    while (fault != KB_FAULT_NONE) {
        kb_status status = kb_os_fault(os, address, access, fault, done);
        if (status != KB_OK || !*done)
            return status;
        *faulted = true;
        fault = translate(os, address, access, physical);
    }
    if (os->running->kept == (*physical >> kb_os_page_bits(os)) + 1) /* it has it now */
        kb_os_stop_waiting(os, os->running);
    if (*faulted) /* what was in already, and had only lost its entry, is the policy's already */
        *faulted = !(os->keys[*physical >> kb_os_page_bits(os)] & KB_RESIDENT);
    return KB_OK;
}

/* Translates; afterwards the page is there, unless it is not *done. fault: what a translation that
 * was made already ended in. *faulted: its page was brought in. */
static inline kb_status reach(struct kb_os *os, uint64_t address, enum kb_access access,
                              enum kb_fault fault, uint64_t *physical, bool *faulted, bool *done) {
    *faulted = false;
    *done = true;
    os->ready_at = 0;
    if (fault == KB_FAULT_NONE)
        fault = translate(os, address, access, physical);
    if (__builtin_expect(fault == KB_FAULT_NONE && os->running->kept == 0, 1))
        return KB_OK;
    return reach_slowly(os, address, access, fault, physical, faulted, done);
}

static inline void count_only(struct kb_os *os, uint32_t references) {
    os->counters.references += references;
    os->running->counters.references += references;
}

/* Counts references to a page that was brought in, and does what can wait no longer: pages go in
 * advance, or are fetched ahead. */
static __attribute__((noinline)) kb_status count_slowly(struct kb_os *os, uint64_t address,
                                                        uint64_t physical, enum kb_access access,
                                                        uint32_t references, bool faulted) {
    uint32_t frame = (uint32_t)(physical >> kb_os_page_bits(os));
    if (faulted) {
        count_only(os, 1);
        kb_pager_admit(os, frame, KB_BY_FAULT);
        if (references > 1) { /* the policy may have cleared R */
            count_only(os, references - 1);
            enum kb_fault fault = translate(os, address, access, &physical);
            if (fault != KB_FAULT_NONE)
                return kb_fail(os->error, KB_DATA, KB_MSG_os_page_went,
                               (unsigned long long)address);
        }
    } else {
        count_only(os, references);
    }
    if (os->counters.references >= os->note_at)
        kb_pager_note(os, frame, access, references, faulted);
    bool cued = os->running->cued != KB_CUE_NONE, daemon = faulted && os->setup.low > 0;
    if (!cued && !daemon)
        return KB_OK;
    bool there = os->frame[frame].use == KB_FRAME_PAGE; /* its policy may have released it */
    os->frame[frame].pins += there;                     /* what has just come does not go at once */
    kb_status status = daemon ? kb_os_page_out(os) : KB_OK;
    if (status == KB_OK && cued)
        status = kb_os_fetch_ahead(os);
    os->frame[frame].pins -= there;
    return status;
}

/* Counts references that were made, and tells the policy. */
static inline kb_status count(struct kb_os *os, uint64_t address, uint64_t physical,
                              enum kb_access access, uint32_t references, bool faulted) {
    if (__builtin_expect(faulted || os->running->cued != KB_CUE_NONE, 0))
        return count_slowly(os, address, physical, access, references, faulted);
    count_only(os, references);
    if (os->counters.references >= os->note_at)
        kb_pager_note(os, (uint32_t)(physical >> kb_os_page_bits(os)), access, references, false);
    return KB_OK;
}

/* ---- runs ---- */

/* References beyond the first of a part hit in the TLB, if there is one; without, each walks. */
static void repeat(struct kb_os *os, uint64_t address, enum kb_access access, uint32_t times) {
    struct kb_mmu *mmu = &os->mmu;
    uint64_t physical;
    if (times == 0)
        return;
    if (mmu->tlbs > 0 || mmu->scheme == KB_SCHEME_RELOCATION) {
        mmu->hits += mmu->tlbs > 0 ? times : 0;
        mmu->translations += times;
        return;
    }
    uint64_t reads = mmu->table_reads, misses = mmu->misses;
    (void)kb_mmu_translate(mmu, address, access, &physical);
    mmu->table_reads += (mmu->table_reads - reads) * (times - 1);
    mmu->misses += (mmu->misses - misses) * (times - 1);
    mmu->translations += times - 1;
}

kb_status kb_os_run(struct kb_os *os, uint64_t address, enum kb_access access, uint32_t references,
                    bool *done) {
    *done = true;
    tell_reference(os, address, access, references, false);
    if (os->storage != NULL)
        return kb_storage_run(os, address, access, references, done);
    while (references > 0) {
        uint64_t physical, until = kb_pager_until_tick(os);
        uint32_t part = references < until ? references : (uint32_t)until;
        bool faulted;
        kb_status status = reach(os, address, access, KB_FAULT_NONE, &physical, &faulted, done);
        os->left = references;
        if (status != KB_OK || !*done)
            return status;
        if (os->running->cued != KB_CUE_NONE) /* others come while the rest is made */
            part = 1;
        repeat(os, address, access, part - 1 - (faulted && part > 1 ? 1 : 0));
        status = count(os, address, physical, access, part, faulted);
        if (status != KB_OK)
            return status;
        references -= part;
    }
    return KB_OK;
}

/* ---- instructions ---- */

void kb_os_unpin(struct kb_os *os) {
    if (os->storage != NULL) {
        kb_storage_unpin(os);
        return;
    }
    for (unsigned i = 0; i < os->pieces; i++)
        os->frame[os->piece[i].frame].pins--;
    os->pieces = 0;
}

/* Bytes from an address on that lie in one frame, and below the limit if it does. The relocation
 * register need not hold whole pages. */
static uint64_t room_at(const struct kb_os *os, uint64_t address) {
    const struct kb_mmu *mmu = &os->mmu;
    uint64_t size = kb_os_page_bytes(os);
    if (mmu->limit == 0)
        return size - (address & (size - 1));
    uint64_t room = size - ((address + mmu->base) & (size - 1));
    return address < mmu->limit && mmu->limit - address < room ? mmu->limit - address : room;
}

/* All operands of one instruction: afterwards its pieces are pinned, unless it is not *done. */
static kb_status reach_all(struct kb_os *os, const struct kb_operand *operand, unsigned operands,
                           enum kb_fault fault, bool *done) {
    uint64_t addresses[8];
    enum kb_access accesses[8];
    os->pieces = 0;
    *done = true;
    if (os->storage != NULL)
        return kb_storage_reach(os, operand, operands, done);
    for (unsigned k = 0; k < operands; k++) {
        uint64_t address = operand[k].address;
        tell_reference(os, address, operand[k].access, operand[k].length, true);
        for (uint32_t left = operand[k].length; left > 0;) {
            uint64_t room = room_at(os, address);
            struct kb_piece *piece = &os->piece[os->pieces];
            bool faulted;
            piece->length = left < room ? left : (uint32_t)room;
            uint64_t told = address + ((piece->length - 1) & os->mmu.ahead);
            kb_status status =
                reach(os, told, operand[k].access, fault, &piece->physical, &faulted, done);
            if (status != KB_OK || !*done)
                return status;
            unsigned before = os->pieces < 8 ? os->pieces : 8;
            if (faulted) /* the pieces before are translated once more */
                restart(os, addresses, accesses, before);
            if (os->pieces < 8) {
                addresses[os->pieces] = told;
                accesses[os->pieces] = operand[k].access;
            }
            fault = KB_FAULT_NONE;
            piece->physical -= told - address;
            piece->frame = (uint32_t)(piece->physical >> kb_os_page_bits(os));
            os->frame[piece->frame].pins++;
            os->pieces++;
            status = count(os, told, piece->physical, operand[k].access, 1, faulted);
            if (status != KB_OK)
                return status;
            address += piece->length;
            left -= piece->length;
        }
    }
    os->counters.instructions++;
    return KB_OK;
}

static kb_status check_length(struct kb_os *os, uint64_t address, uint32_t length) {
    if (length == 0 || length > KB_MOST_BYTES || address > UINT64_MAX - length)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_bad_length, (unsigned long long)length,
                       (unsigned long long)KB_MOST_BYTES);
    return KB_OK;
}

static kb_status one_operand(struct kb_os *os, struct kb_operand operand, enum kb_fault fault,
                             bool *done) {
    kb_status status = check_length(os, operand.address, operand.length);
    return status != KB_OK ? status : reach_all(os, &operand, 1, fault, done);
}

/* Copies between the pieces first … end − 1 and bytes. */
static void gather(const struct kb_os *os, unsigned first, unsigned end, uint8_t *bytes) {
    for (unsigned i = first; i < end; bytes += os->piece[i].length, i++)
        memcpy(bytes, kb_memory_at(&os->mmu.memory, os->piece[i].physical), os->piece[i].length);
}

static void scatter(const struct kb_os *os, unsigned first, unsigned end, const uint8_t *bytes) {
    for (unsigned i = first; i < end; bytes += os->piece[i].length, i++)
        memcpy(kb_memory_at(&os->mmu.memory, os->piece[i].physical), bytes, os->piece[i].length);
}

kb_status kb_os_load_slowly(struct kb_os *os, uint64_t address, void *bytes, uint32_t length,
                            enum kb_fault fault, bool *done) {
    kb_status status =
        one_operand(os, (struct kb_operand){address, length, KB_ACCESS_READ}, fault, done);
    if (status == KB_OK && *done)
        gather(os, 0, os->pieces, bytes);
    kb_os_unpin(os);
    return status;
}

kb_status kb_os_store_slowly(struct kb_os *os, uint64_t address, const void *bytes, uint32_t length,
                             enum kb_fault fault, bool *done) {
    kb_status status =
        one_operand(os, (struct kb_operand){address, length, KB_ACCESS_WRITE}, fault, done);
    if (status == KB_OK && *done)
        scatter(os, 0, os->pieces, bytes);
    kb_os_unpin(os);
    return status;
}

kb_status kb_os_execute(struct kb_os *os, uint64_t address, bool *done) {
    kb_status status =
        one_operand(os, (struct kb_operand){address, 1, KB_ACCESS_EXECUTE}, KB_FAULT_NONE, done);
    kb_os_unpin(os);
    return status;
}

kb_status kb_os_increment(struct kb_os *os, uint64_t address, uint32_t length, uint64_t by,
                          uint64_t *value, bool *done) {
    struct kb_operand operand[] = {{address, length, KB_ACCESS_READ},
                                   {address, length, KB_ACCESS_WRITE}};
    uint8_t bytes[8] = {0};
    kb_status status = check_length(os, address, length > 8 ? 0 : length);
    if (status == KB_OK)
        status = reach_all(os, operand, 2, KB_FAULT_NONE, done);
    if (status == KB_OK && *done) {
        gather(os, 0, os->pieces / 2, bytes);
        *value = 0;
        for (unsigned i = 0; i < 8; i++)
            *value |= (uint64_t)bytes[i] << 8 * i;
        *value += by;
        if (length < 8)
            *value &= (UINT64_C(1) << 8 * length) - 1;
        for (unsigned i = 0; i < 8; i++)
            bytes[i] = (uint8_t)(*value >> 8 * i);
        scatter(os, os->pieces / 2, os->pieces, bytes);
    }
    kb_os_unpin(os);
    return status;
}

kb_status kb_os_move(struct kb_os *os, uint64_t from, uint64_t to, uint32_t length, bool *done) {
    struct kb_operand operand[] = {{from, length, KB_ACCESS_READ}, {to, length, KB_ACCESS_WRITE}};
    kb_status status = check_length(os, from, length);
    if (status == KB_OK)
        status = check_length(os, to, length);
    if (status == KB_OK)
        status = reach_all(os, operand, 2, KB_FAULT_NONE, done);
    if (status == KB_OK && *done) {
        unsigned sources = 0;
        for (uint32_t sum = 0; sum < length; sources++)
            sum += os->piece[sources].length;
        gather(os, 0, sources, os->buffer);
        scatter(os, sources, os->pieces, os->buffer);
    }
    kb_os_unpin(os);
    return status;
}
