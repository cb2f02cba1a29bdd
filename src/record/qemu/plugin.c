/* plugin.c - inside QEMU: every instruction fetch, load and store of the program becomes a note.
 *
 * When QEMU translates a block of instructions it asks us what to call while
 * the block runs. Usually one call at its start tells all its fetches, which
 * are packed into the pointer that QEMU hands back; with --exact there is a
 * call for each instruction. Loads and stores have calls of their own. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/producer.h"
#include "record/qemu/guest.h"
#include "record/qemu/qemu_plugin.h"
#include "trace/run.h"

#define LARGEST_FIELD 8   /* bytes of an instruction that QEMU reads at once */
#define LARGEST_ACCESS 64 /* bytes; what is that far from a page's end cannot cross it */

/* Of an access's description, in all versions of QEMU so far. */
#define INFO_LOADS (UINT32_C(1) << 16)
#define INFO_STORES (UINT32_C(2) << 16)

#define EXPORT __attribute__((visibility("default")))

/* What QEMU is to check: set before it looks, since QEMU 9 refuses plugins of interface 1. */
EXPORT int qemu_plugin_version = 1;

static struct {
    unsigned shift;
    uint64_t within;   /* the bits of an address that are an offset in its page */
    uint64_t near_end; /* an offset from which on an access may cross the page's end */
    bool exact, data_only;
    bool bits; /* INFO_LOADS and INFO_STORES can be trusted */
} settings;

__attribute__((constructor)) static void choose_version(void) {
    if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new") != NULL)
        qemu_plugin_version = 2;
}

static inline struct kb_cursor *cursor_of(unsigned vcpu) { return &kb_producer.cursors[vcpu]; }

/* ---- while the program runs; KB_THREADS and more at once are not recorded ---- */

static void fetch(unsigned vcpu, void *word) {
    if (vcpu < KB_THREADS)
        kb_note(cursor_of(vcpu), (uint64_t)(uintptr_t)word);
}

/* An instruction begins: its accesses are new ones. */
static void begin_exact(unsigned vcpu, void *data) {
    (void)data;
    if (vcpu < KB_THREADS)
        cursor_of(vcpu)->load = cursor_of(vcpu)->store = UINT64_MAX;
}

static void fetch_exact(unsigned vcpu, void *word) {
    begin_exact(vcpu, word);
    fetch(vcpu, word);
}

/* Whether an access loads and whether it stores: two bits of what QEMU calls opaque, where they
 * have been found to be so (find_bits). Else all that can be asked is whether it stores. */
static inline bool loads(qemu_plugin_meminfo_t info) {
    return settings.bits ? (info & INFO_LOADS) != 0 : !qemu_plugin_mem_is_store(info);
}

static inline bool stores(qemu_plugin_meminfo_t info) {
    return settings.bits ? (info & INFO_STORES) != 0 : qemu_plugin_mem_is_store(info);
}

static inline void note_access(struct kb_cursor *cursor, unsigned kind, qemu_plugin_meminfo_t info,
                               uint64_t address) {
    uint64_t page = address >> settings.shift;
    kb_note(cursor, kb_word(page, kind, 1));
    if (__builtin_expect((address & settings.within) >= settings.near_end, 0)) {
        uint64_t last = address + (UINT64_C(1) << qemu_plugin_mem_size_shift(info)) - 1;
        if (last >> settings.shift != page)
            kb_note(cursor, kb_word(last >> settings.shift, kind, 1));
    }
}

/* What reads and writes is a load and a store. */
static void access_memory(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
    (void)data;
    if (vcpu >= KB_THREADS)
        return;
    if (loads(info))
        note_access(cursor_of(vcpu), KB_READ, info, address);
    if (stores(info))
        note_access(cursor_of(vcpu), KB_WRITE, info, address);
}

/* QEMU makes an access of 16 bytes and more in pieces: those that follow each other within an
 * instruction are one, unless they begin another page. */
static void note_piece(struct kb_cursor *cursor, unsigned kind, uint64_t *end,
                       qemu_plugin_meminfo_t info, uint64_t address) {
    uint64_t before = *end;
    *end = address + (UINT64_C(1) << qemu_plugin_mem_size_shift(info));
    uint64_t page = address >> settings.shift, last = (*end - 1) >> settings.shift;
    if (before != address || (address & settings.within) == 0)
        kb_note(cursor, kb_word(page, kind, 1));
    if (last != page)
        kb_note(cursor, kb_word(last, kind, 1));
}

static void access_exactly(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address,
                           void *data) {
    (void)data;
    if (vcpu >= KB_THREADS)
        return;
    struct kb_cursor *cursor = cursor_of(vcpu);
    if (loads(info))
        note_piece(cursor, KB_READ, &cursor->load, info, address);
    if (stores(info))
        note_piece(cursor, KB_WRITE, &cursor->store, info, address);
}

/* ---- when a block is translated ---- */

static void *fetches(uint64_t page, unsigned count) {
    return (void *)(uintptr_t)kb_word(page, KB_EXECUTE, count);
}

static void watch_instruction(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_udata_cb_t call) {
    uint64_t address = qemu_plugin_insn_vaddr(insn), end = address + qemu_plugin_insn_size(insn);
    for (uint64_t p = address >> settings.shift; p <= (end - 1) >> settings.shift; p++)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, call, QEMU_PLUGIN_CB_NO_REGS, fetches(p, 1));
}

/* QEMU puts an instruction that runs across the end of its page into a block of its own, but only
 * after it has shown the part before that end to us, as the last instruction of the block before.
 * Calls of the instruction itself are then taken back, calls of the block are not. */
static bool may_be_taken_back(const struct qemu_plugin_insn *insn) {
    uint64_t end = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
    return (end - 1) % KB_GUEST_PAGE >= KB_GUEST_PAGE - LARGEST_FIELD;
}

/* The pages of all instructions; one that lies on two counts on both. */
static void watch_block(struct qemu_plugin_tb *tb) {
    size_t instructions = qemu_plugin_tb_n_insns(tb);
    struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, instructions - 1);
    if (may_be_taken_back(last)) {
        watch_instruction(last, fetch);
        instructions--;
    }
    uint64_t page = 0;
    unsigned count = 0;
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn),
                 end = address + qemu_plugin_insn_size(insn);
        for (uint64_t p = address >> settings.shift; p <= (end - 1) >> settings.shift; p++) {
            if (count > 0 && p != page) {
                qemu_plugin_register_vcpu_tb_exec_cb(tb, fetch, QEMU_PLUGIN_CB_NO_REGS,
                                                     fetches(page, count));
                count = 0;
            }
            page = p;
            count++;
        }
    }
    if (count > 0)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, fetch, QEMU_PLUGIN_CB_NO_REGS,
                                             fetches(page, count));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    size_t instructions = qemu_plugin_tb_n_insns(tb);
    kb_guest_starts(qemu_plugin_tb_get_insn(tb, 0));
    if (!settings.data_only && !settings.exact)
        watch_block(tb);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        if (settings.exact && settings.data_only)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, begin_exact, QEMU_PLUGIN_CB_NO_REGS, NULL);
        else if (settings.exact)
            watch_instruction(insn, fetch_exact);
        /* not one call for loads and one for stores: QEMU 7.2 confuses them */
        qemu_plugin_register_vcpu_mem_cb(insn, settings.exact ? access_exactly : access_memory,
                                         QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
    }
}

/* ---- threads, and the beginning ---- */

static void thread_begins(qemu_plugin_id_t id, unsigned vcpu) {
    (void)id;
    (void)kb_cursor_begin(vcpu); /* one too many is counted there */
}

static void thread_ends(qemu_plugin_id_t id, unsigned vcpu) {
    (void)id;
    kb_cursor_end(vcpu);
}

static bool find_bits(void) {
    return !qemu_plugin_mem_is_store(INFO_LOADS) && qemu_plugin_mem_is_store(INFO_STORES) &&
           qemu_plugin_mem_is_store(INFO_LOADS | INFO_STORES) && !qemu_plugin_mem_is_store(0);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                               char **argv) {
    const char *memory = NULL;
    unsigned channel = 0;
    bool follows = false; /* a recorded program has become this one */
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "memory=", 7) == 0)
            memory = argv[i] + 7;
        else if (strncmp(argv[i], "channel=", 8) == 0)
            channel = (unsigned)strtoul(argv[i] + 8, NULL, 10);
        else if (strncmp(argv[i], "follows=", 8) == 0)
            follows = true;
    }
    const char *wrong = memory == NULL ? "memory= is missing" : kb_producer_attach(memory, channel);
    if (wrong != NULL && follows) /* it has no right to find the recorder: it runs, unrecorded */
        return 0;
    if (wrong != NULL) {
        fprintf(stderr, "kilburn: %s\n", wrong);
        return -1;
    }
    struct kb_recording *recording = kb_producer.recording;
    if (follows)
        atomic_fetch_sub(&recording->unfollowed, 1);
    settings.shift = recording->shift;
    settings.within = (UINT64_C(1) << recording->shift) - 1;
    settings.near_end = (UINT64_C(1) << recording->shift) - LARGEST_ACCESS + 1;
    settings.bits = find_bits();
    settings.exact = recording->flags & KB_RECORD_EXACT;
    settings.data_only = recording->flags & KB_RECORD_DATA;
    qemu_plugin_register_vcpu_init_cb(id, thread_begins);
    qemu_plugin_register_vcpu_exit_cb(id, thread_ends);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    kb_guest_watch(id);
    return 0;
}
