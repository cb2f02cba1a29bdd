/* workers.h - an insider of src/host. */
#ifndef KB_HOST_WORKERS_H
#define KB_HOST_WORKERS_H

#include "base/host.h"

/* threads 0: one a core. NULL if memory is short. */
const struct kb_workers *kb_workers_new(unsigned threads);
void kb_workers_free(const struct kb_workers *workers);

#endif
