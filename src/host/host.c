/* host.c - memory, threads and codecs of Linux in one table. */
#include "host/host.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/codecs.h"
#include "host/workers.h"

/* From this size on tables are mapped, and asked to lie in huge pages: their use is random, and
 * most of its cost is the TLB. */
#define MAP_FROM ((size_t)1 << 20)
#define HUGE ((size_t)2 << 20)

static size_t mapped_size(size_t bytes) { return (bytes + HUGE - 1) / HUGE * HUGE; }

/* Zeroed; a mapping is cut to a multiple of the huge page that begins on one. */
static void *take(size_t bytes) {
    if (bytes < MAP_FROM)
        return calloc(1, bytes);
    size_t size = mapped_size(bytes);
    char *wide = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (wide == MAP_FAILED)
        return NULL;
    size_t before = (HUGE - (uintptr_t)wide % HUGE) % HUGE;
    if (before > 0)
        munmap(wide, before);
    if (HUGE > before)
        munmap(wide + before + size, HUGE - before);
    madvise(wide + before, size, MADV_HUGEPAGE);
    return wide + before;
}

static void give_back(void *memory, size_t bytes) {
    if (bytes < MAP_FROM)
        free(memory);
    else
        munmap(memory, mapped_size(bytes));
}

/* Very large tables are moved by their page tables: most of them may never have been touched. */
#define REMAP_FROM ((size_t)64 << 20)

static void *grow(void *memory, size_t old_bytes, size_t bytes) {
    if (old_bytes >= MAP_FROM && mapped_size(bytes) == mapped_size(old_bytes))
        return memory;
    if (old_bytes >= REMAP_FROM) {
        void *moved = mremap(memory, mapped_size(old_bytes), mapped_size(bytes), MREMAP_MAYMOVE);
        return moved == MAP_FAILED ? NULL : moved;
    }
    void *fresh = take(bytes);
    if (fresh == NULL)
        return NULL;
    memcpy(fresh, memory, old_bytes);
    give_back(memory, old_bytes);
    return fresh;
}

static const struct kb_arena arena = {take, give_back, grow};

kb_status kb_host_open(struct kb_host *host, unsigned threads, struct kb_error *error) {
    *host = (struct kb_host){&kb_host_codecs, kb_workers_new(threads), &arena};
    if (host->workers == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "threads",
                       (unsigned long long)threads);
    return KB_OK;
}

void kb_host_close(struct kb_host *host) {
    kb_workers_free(host->workers);
    host->workers = NULL;
}

const void *kb_load_symbol(const char *path, const char *symbol, struct kb_error *error) {
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const void *found = object != NULL ? dlsym(object, symbol) : NULL;
    if (found == NULL) {
        const char *reason = dlerror();
        kb_fail(error, KB_USAGE, KB_MSG_cannot_load, path, reason != NULL ? reason : symbol);
        if (object != NULL)
            dlclose(object);
    }
    return found;
}
