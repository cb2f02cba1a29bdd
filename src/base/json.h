/* json.h - writes JSON (RFC 8259) to a sink; commas and nesting are kept by the writer.
 *
 * Errors of the sink are kept and reported once, by kb_json_end. */
#ifndef KB_BASE_JSON_H
#define KB_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/host.h"

struct kb_json {
    struct kb_sink sink;
    struct kb_error *error;
    kb_status status;
    bool comma;    /* a value stands before this one */
    bool line;     /* the next value begins a line */
    unsigned used; /* bytes in buffer */
    char buffer[4096];
};

void kb_json_begin(struct kb_json *json, struct kb_sink sink, struct kb_error *error);

/* Writes a newline, flushes, and returns the first error of the sink. */
kb_status kb_json_end(struct kb_json *json) KB_MUST_CHECK;

/* key may be NULL: inside arrays and at the top. */
void kb_json_object(struct kb_json *json, const char *key);
void kb_json_close_object(struct kb_json *json);
void kb_json_array(struct kb_json *json, const char *key);
void kb_json_close_array(struct kb_json *json);
void kb_json_u64(struct kb_json *json, const char *key, uint64_t value);
void kb_json_double(struct kb_json *json, const char *key, double value); /* %.9g */
void kb_json_bool(struct kb_json *json, const char *key, bool value);
void kb_json_string(struct kb_json *json, const char *key, const char *value); /* NULL: null */
void kb_json_null(struct kb_json *json, const char *key);

/* The next value begins a line, for readability. */
void kb_json_newline(struct kb_json *json);

#endif
