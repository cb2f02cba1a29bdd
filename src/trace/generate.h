/* generate.h - synthetic traces, each defined exactly in docs/generators.md, from a seed. */
#ifndef KB_TRACE_GENERATE_H
#define KB_TRACE_GENERATE_H

#include <stdbool.h>

#include "base/status.h"
#include "trace/format.h"

struct kb_generator; /* opaque: its state */

/* spec: NAME or NAME:option=value:option=value…, for example zipf:pages=1000:references=20000:
 * alpha=0.99:seed=7:writes=30. Numbers may carry units (64M). The caller owns *generator and ends
 * it with kb_generator_free. */
kb_status kb_generator_new(const char *spec, struct kb_generator **generator,
                           struct kb_error *error) KB_MUST_CHECK;

/* Fills up to room accesses; *got = 0: the end. */
void kb_generator_next(struct kb_generator *generator, struct kb_trace_access *accesses,
                       size_t room, size_t *got);

/* Whether the accesses are page numbers (all but matrix and stride with addresses). */
bool kb_generator_page_numbers(const struct kb_generator *generator);

/* References that will come in all. */
uint64_t kb_generator_references(const struct kb_generator *generator);

void kb_generator_free(struct kb_generator *generator); /* NULL is fine */

/* One line a generator: name, options with defaults, for --help. i from 0; NULL at the end. */
const char *kb_generator_usage(unsigned i);

#endif
