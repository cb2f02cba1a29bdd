/* lackey.h - the recorder that uses Valgrind's example tool; an insider of record. */
#ifndef KB_RECORD_LACKEY_H
#define KB_RECORD_LACKEY_H

#include "record/launch.h"

/* As kb_record, of a program that has been found: runs it in Valgrind and writes the trace. name:
 * for the trace's header. */
kb_status kb_lackey_record(struct kb_launch *launch, const char *const *argv, const char *name,
                           const struct kb_record_options *options, struct kb_record_result *result,
                           struct kb_error *error) KB_MUST_CHECK;

#endif
