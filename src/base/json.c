/* json.c - a small JSON writer. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void flush(struct kb_json *json) {
    if (json->status == KB_OK && json->used > 0)
        json->status = json->sink.write(json->sink.context, json->buffer, json->used, json->error);
    json->used = 0;
}

static void put(struct kb_json *json, const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (json->used == sizeof json->buffer)
            flush(json);
        json->buffer[json->used++] = bytes[i];
    }
}

/* Bytes of the UTF-8 character at text, or 0 if it is none (RFC 3629). */
static unsigned character(const unsigned char *text) {
    static const unsigned char low[] = {0xc2, 0xe0, 0xf0}, high[] = {0xdf, 0xef, 0xf4};
    if (text[0] < 0x80)
        return 1;
    for (unsigned more = 1; more <= 3; more++) {
        if (text[0] < low[more - 1] || text[0] > high[more - 1])
            continue;
        for (unsigned i = 1; i <= more; i++)
            if ((text[i] & 0xc0) != 0x80)
                return 0;
        bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
        bool outside = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
        return overlong || outside ? 0 : more + 1;
    }
    return 0;
}

/* Bytes that are not UTF-8 become U+FFFD. */
static void quoted(struct kb_json *json, const char *text) {
    put(json, "\"", 1);
    for (unsigned length; *text != '\0'; text += length) {
        unsigned char c = (unsigned char)*text;
        char escape[8];
        length = character((const unsigned char *)text);
        if (length == 0) {
            put(json, "\xef\xbf\xbd", 3);
            length = 1;
        } else if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
            put(json, escape, 2);
        } else if (c < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            put(json, escape, 6);
        } else {
            put(json, text, length);
        }
    }
    put(json, "\"", 1);
}

static void before(struct kb_json *json, const char *key) {
    if (json->comma)
        put(json, ",", 1);
    if (json->line)
        put(json, "\n", 1);
    json->line = false;
    json->comma = true;
    if (key != NULL) {
        quoted(json, key);
        put(json, ":", 1);
    }
}

void kb_json_begin(struct kb_json *json, struct kb_sink sink, struct kb_error *error) {
    json->sink = sink;
    json->error = error;
    json->status = KB_OK;
    json->comma = false;
    json->line = false;
    json->used = 0;
}

kb_status kb_json_end(struct kb_json *json) {
    put(json, "\n", 1);
    flush(json);
    return json->status;
}

static void open_bracket(struct kb_json *json, const char *key, const char *bracket) {
    before(json, key);
    put(json, bracket, 1);
    json->comma = false;
}

static void close_bracket(struct kb_json *json, const char *bracket) {
    json->line = false;
    put(json, bracket, 1);
    json->comma = true;
}

void kb_json_object(struct kb_json *json, const char *key) { open_bracket(json, key, "{"); }
void kb_json_close_object(struct kb_json *json) { close_bracket(json, "}"); }
void kb_json_array(struct kb_json *json, const char *key) { open_bracket(json, key, "["); }
void kb_json_close_array(struct kb_json *json) { close_bracket(json, "]"); }

void kb_json_u64(struct kb_json *json, const char *key, uint64_t value) {
    char text[24];
    before(json, key);
    snprintf(text, sizeof text, "%" PRIu64, value);
    put(json, text, strlen(text));
}

void kb_json_double(struct kb_json *json, const char *key, double value) {
    char text[32];
    if (!isfinite(value)) {
        kb_json_null(json, key);
        return;
    }
    before(json, key);
    snprintf(text, sizeof text, "%.9g", value);
    put(json, text, strlen(text));
}

void kb_json_bool(struct kb_json *json, const char *key, bool value) {
    before(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void kb_json_string(struct kb_json *json, const char *key, const char *value) {
    if (value == NULL) {
        kb_json_null(json, key);
        return;
    }
    before(json, key);
    quoted(json, value);
}

void kb_json_null(struct kb_json *json, const char *key) {
    before(json, key);
    put(json, "null", 4);
}

void kb_json_newline(struct kb_json *json) { json->line = true; }
