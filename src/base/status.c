/* status.c - messages in two languages and the errors made of them. */
#include "base/status.h"

#include <stdio.h>
#include <string.h>

static const char *const texts[KB_MESSAGES][KB_LANGUAGES] = {
#define KB_MESSAGE(id, english, spanish) [KB_MSG_##id] = {english, spanish},
#include "base/messages.def"
#undef KB_MESSAGE
};

static const char *const names[KB_MESSAGES] = {
#define KB_MESSAGE(id, english, spanish) [KB_MSG_##id] = #id,
#include "base/messages.def"
#undef KB_MESSAGE
};

const char *kb_text(enum kb_language language, enum kb_message message) {
    return texts[message][language];
}

const char *kb_message_name(enum kb_message message) { return names[message]; }

enum kb_language kb_language_from_name(const char *name) {
    if (name == NULL)
        return KB_ENGLISH;
    int is_code = (name[0] == 'e' || name[0] == 'E') && (name[1] == 's' || name[1] == 'S') &&
                  (name[2] == '\0' || name[2] == '_' || name[2] == '.' || name[2] == '-');
    if (is_code || strncmp(name, "spanish", 7) == 0 || strncmp(name, "espa", 4) == 0)
        return KB_SPANISH;
    return KB_ENGLISH;
}

kb_status kb_fail(struct kb_error *error, kb_status status, enum kb_message message, ...) {
    va_list arguments;
    va_start(arguments, message);
    error->status = status;
    error->message = message;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    /* The templates are constants of messages.def; a test checks that both languages agree. */
    vsnprintf(error->text, sizeof error->text, kb_text(error->language, message), arguments);
#pragma GCC diagnostic pop
    va_end(arguments);
    return status;
}

kb_status kb_place(struct kb_error *error, const char *place) {
    char old[KB_ERROR_TEXT];
    memcpy(old, error->text, sizeof old);
    size_t room = sizeof error->text;
    size_t length = strlen(place);
    if (length > room - 1)
        length = room - 1;
    memcpy(error->text, place, length);
    size_t rest = strlen(old);
    if (rest > room - 1 - length)
        rest = room - 1 - length;
    memcpy(error->text + length, old, rest);
    error->text[length + rest] = '\0';
    return error->status;
}
