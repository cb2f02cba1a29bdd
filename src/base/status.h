/* status.h - how a function that can fail says so.
 *
 * A fallible function returns a kb_status, which the caller must check, and
 * fills a caller-owned kb_error with one finished sentence: what is wrong,
 * where (file, line, byte), and what would be accepted. The error carries the
 * language that it speaks, so the core needs no global state. */
#ifndef KB_BASE_STATUS_H
#define KB_BASE_STATUS_H

#include <stdarg.h>
#include <stddef.h>

#define KB_MUST_CHECK __attribute__((warn_unused_result))

typedef enum kb_status {
    KB_OK = 0,
    KB_USAGE,      /* the request makes no sense: exit status 2 */
    KB_DATA,       /* the input is malformed: exit status 1 */
    KB_IO,         /* the host refused to read or write: exit status 1 */
    KB_NO_MEMORY,  /* exit status 1 */
    KB_UNSUPPORTED /* sound, but this build or host cannot do it: exit status 1 */
} kb_status;

enum kb_language { KB_ENGLISH, KB_SPANISH, KB_LANGUAGES };

enum kb_message {
#define KB_MESSAGE(id, english, spanish) KB_MSG_##id,
#include "base/messages.def"
#undef KB_MESSAGE
    KB_MESSAGES
};

#define KB_ERROR_TEXT 640

struct kb_error {
    enum kb_language language; /* set by the owner before the first call */
    kb_status status;
    enum kb_message message;
    char text[KB_ERROR_TEXT]; /* no trailing newline */
};

/* The printf template of a message; never NULL. */
const char *kb_text(enum kb_language language, enum kb_message message);

/* The name of a message in messages.def. */
const char *kb_message_name(enum kb_message message);

/* "es", "es_ES.UTF-8", "spanish", "español" and the like are Spanish; anything else, NULL too, is
 * English. */
enum kb_language kb_language_from_name(const char *name);

/* Fills error and returns status. The arguments are those of the message's template. */
kb_status kb_fail(struct kb_error *error, kb_status status, enum kb_message message, ...);

/* Puts a place ("FILE: ", "FILE:LINE: ") before the text of an error that has one. */
kb_status kb_place(struct kb_error *error, const char *place);

#endif
