/* host.c - defaults for a host that offers nothing. */
#include "base/host.h"

#include <stdlib.h>
#include <string.h>

void *kb_take(const struct kb_host *host, size_t bytes) {
    if (bytes == 0)
        bytes = 1;
    if (host != NULL && host->arena != NULL)
        return host->arena->take(bytes);
    return calloc(1, bytes);
}

void kb_give_back(const struct kb_host *host, void *memory, size_t bytes) {
    if (memory == NULL)
        return;
    if (bytes == 0)
        bytes = 1;
    if (host != NULL && host->arena != NULL)
        host->arena->give_back(memory, bytes);
    else
        free(memory);
}

void *kb_grow(const struct kb_host *host, void *memory, size_t old_bytes, size_t bytes) {
    if (memory != NULL && host != NULL && host->arena != NULL && host->arena->grow != NULL)
        return host->arena->grow(memory, old_bytes, bytes);
    void *fresh = kb_take(host, bytes);
    if (fresh == NULL || memory == NULL)
        return fresh;
    memcpy(fresh, memory, old_bytes);
    kb_give_back(host, memory, old_bytes);
    return fresh;
}
