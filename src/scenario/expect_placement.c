/* expect_placement.c - what must have come of requests in a memory without a machine. */
#include <stdio.h>

#include "scenario/placement.h"

#define TEXT 800

static const char usage[] =
    "expect hole|left|place NAME VALUE | wait NAME [no] | holes|blocks … | "
    "free|largest|external-fragmentation|internal|moved VALUE | slabs CACHE N";

static kb_status end(struct kb_scenario *s) { return kb_line_end(&s->line, usage, s->error); }

static const char *state_word(const struct kb_request *r) {
    static const char *const words[] = {"wait", "placed", "freed"};
    return words[r->state];
}

static kb_status read_request(struct kb_scenario *s, const struct kb_request **request) {
    const struct kb_word *word = kb_line_take(&s->line);
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    *request = kb_places_find(s->places, word);
    return *request != NULL ? KB_OK
                            : kb_fail(s->error, KB_DATA, KB_MSG_placement_request,
                                      (int)(word->length < 40 ? word->length : 40), word->at);
}

/* ---- one request ---- */

/* expect hole A 500K, left A 83K, place A 0x1000: of one that has a place. */
static kb_status of_request(struct kb_scenario *s, const char *which) {
    const struct kb_request *r;
    char what[KB_NAME_BYTES + 16];
    kb_status status = read_request(s, &r);
    if (status != KB_OK)
        return status;
    snprintf(what, sizeof what, "%s %s", which, r->name);
    if (r->state == KB_REQUEST_PLACED) {
        uint64_t used = s->places->fixed ? r->bytes : r->piece.length;
        uint64_t value = strcmp(which, "hole") == 0   ? r->hole.length
                         : strcmp(which, "left") == 0 ? r->hole.length - used
                                                      : r->piece.start;
        return kb_expect_number(s, what, KB_WHOLE, value, 0, strcmp(which, "place") == 0);
    }
    (void)kb_line_take_if(&s->line, "=");
    const struct kb_word *word = kb_line_take(&s->line);
    char wanted[64];
    uint64_t number;
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    status = kb_word_number(word, which, &number, s->error);
    if (status == KB_OK)
        status = end(s);
    snprintf(wanted, sizeof wanted, "%.*s", (int)(word->length < 60 ? word->length : 60), word->at);
    return status == KB_OK ? kb_scenario_judge(s, what, wanted, state_word(r), false) : status;
}

static kb_status of_wait(struct kb_scenario *s) {
    const struct kb_request *r;
    char what[KB_NAME_BYTES + 16];
    kb_status status = read_request(s, &r);
    bool no = kb_line_take_if(&s->line, "no");
    if (!no)
        (void)kb_line_take_if(&s->line, "yes");
    if (status == KB_OK)
        status = end(s);
    if (status != KB_OK)
        return status;
    snprintf(what, sizeof what, "wait %s", r->name);
    bool waits = r->state == KB_REQUEST_WAITS;
    return kb_scenario_judge(s, what, no ? "no" : "yes", waits ? "yes" : state_word(r),
                             waits != no);
}

/* ---- lists ---- */

/* One item of a list as it is written: [ADDRESS:]SIZE or [NAME:]SIZE. */
struct item {
    struct kb_hole range;
    const char *name; /* NULL: a hole */
};

/* The next hole, or with blocks the next range of any kind, from *from on. */
static bool next_item(const struct kb_scenario *s, bool blocks, uint64_t *from, struct item *item) {
    const struct kb_request *owner;
    const struct kb_cache *cache;
    bool there;
    item->name = NULL;
    if (s->places == NULL) { /* a machine whose storage is contiguous */
        there = kb_storage_next_hole(&s->os, *from, &item->range);
        *from = item->range.start + item->range.length;
        return there;
    }
    do {
        there = kb_places_next(s->places, *from, &item->range, &owner, &cache);
        *from = item->range.start + item->range.length;
        item->name = owner != NULL ? owner->name : cache != NULL ? cache->name : NULL;
    } while (there && !blocks && item->name != NULL);
    return there;
}

static void append(char text[TEXT], const char *form, const char *a, const char *b) {
    size_t used = strlen(text);
    snprintf(text + used, TEXT - used, "%s", used > 0 ? "," : "");
    used = strlen(text);
    if (a != NULL)
        snprintf(text + used, TEXT - used, form, a, b);
    else
        snprintf(text + used, TEXT - used, "%s", b);
}

static void append_found(char text[TEXT], const struct item *item, bool addressed) {
    char size[KB_EXACT_TEXT], address[24];
    snprintf(address, sizeof address, "0x%llx", (unsigned long long)item->range.start);
    append(text, "%s:%s",
           item->name != NULL ? item->name
           : addressed        ? address
                              : NULL,
           kb_exact_size(item->range.length, size));
}

/* Whether the word tells of this item. *addressed: it gave an address. */
static kb_status matches(struct kb_scenario *s, const struct kb_word *word, const struct item *item,
                         bool blocks, bool *addressed, bool *same) {
    const char *colon = memchr(word->at, ':', word->length);
    struct kb_word left = *word, size = *word;
    uint64_t length, address = item != NULL ? item->range.start : 0;
    bool is_hole = item != NULL && item->name == NULL;
    *same = item != NULL;
    if (colon != NULL) {
        left.length = (uint32_t)(colon - word->at);
        size = (struct kb_word){.at = colon + 1, .length = word->length - left.length - 1};
    }
    kb_status status = kb_word_number(&size, "size", &length, s->error);
    if (status != KB_OK)
        return status;
    bool names =
        blocks && colon != NULL &&
        (kb_places_find(s->places, &left) != NULL || kb_places_cache(s->places, &left) != NULL);
    *addressed = colon != NULL && !names;
    if (*addressed)
        status = kb_word_number(&left, "address", &address, s->error);
    if (item == NULL || status != KB_OK)
        return status;
    *same = item->range.length == length && item->range.start == address &&
            (names ? item->name != NULL && kb_word_is(&left, item->name) : is_hole);
    return KB_OK;
}

/* expect holes 288K,600K; expect blocks A:128K,128K,256K,512K. */
static kb_status of_list(struct kb_scenario *s, bool blocks) {
    char wanted[TEXT] = "", found[TEXT] = "";
    struct item item = {0};
    uint64_t from = 0;
    bool same = true, with_addresses = false, any = false;
    (void)kb_line_take_if(&s->line, "=");
    for (const struct kb_word *word; (word = kb_line_take(&s->line)) != NULL; any = true) {
        bool one, addressed = false;
        if (!any && kb_word_is(word, "none")) {
            any = true;
            append(wanted, NULL, NULL, "none");
            break;
        }
        bool there = next_item(s, blocks, &from, &item);
        kb_status status = matches(s, word, there ? &item : NULL, blocks, &addressed, &one);
        if (status != KB_OK)
            return status;
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(word->length < 60 ? word->length : 60), word->at);
        append(wanted, NULL, NULL, text);
        same = same && one;
        with_addresses = with_addresses || addressed;
    }
    if (!any)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    kb_status status = end(s);
    same = same && !next_item(s, blocks, &from, &item);
    for (from = 0; next_item(s, blocks, &from, &item);)
        append_found(found, &item, with_addresses);
    return status == KB_OK ? kb_scenario_judge(s, blocks ? "blocks" : "holes", wanted,
                                               found[0] != '\0' ? found : "none", same)
                           : status;
}

/* ---- the whole ---- */

static kb_status of_slabs(struct kb_scenario *s) {
    const struct kb_word *word = kb_line_take(&s->line);
    const struct kb_cache *cache = kb_places_cache(s->places, word);
    if (cache == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_cache,
                       word == NULL ? 0 : (int)(word->length < 40 ? word->length : 40),
                       word == NULL ? "" : word->at);
    return kb_expect_number(s, "slabs", KB_WHOLE, cache->slabs.slabs, 0, false);
}

/* expect internal 11K, or of a request or a cache: expect internal A 11K. */
static kb_status of_internal(struct kb_scenario *s) {
    const struct kb_word *word = kb_line_peek(&s->line);
    const struct kb_request *r = word != NULL ? kb_places_find(s->places, word) : NULL;
    const struct kb_cache *cache = word != NULL ? kb_places_cache(s->places, word) : NULL;
    uint64_t waste = r != NULL       ? kb_request_internal(r)
                     : cache != NULL ? kb_cache_internal(cache)
                                     : kb_places_internal(s->places);
    if (r != NULL || cache != NULL)
        (void)kb_line_take(&s->line);
    return kb_expect_number(s, "internal", KB_WHOLE, waste, 0, false);
}

static kb_status of_whole(struct kb_scenario *s, const char *name) {
    const struct kb_places *p = s->places;
    if (strcmp(name, "free") == 0)
        return kb_expect_number(s, name, KB_WHOLE, kb_places_free(p), 0, false);
    if (strcmp(name, "largest") == 0)
        return kb_expect_number(s, name, KB_WHOLE, kb_places_largest(p), 0, false);
    if (strcmp(name, "moved") == 0)
        return kb_expect_number(s, name, KB_WHOLE, p->moved, 0, false);
    return kb_expect_number(s, name, KB_REAL, 0, kb_places_external(p), false);
}

static const char *const words[] = {"hole",  "left",   "place",    "wait",
                                    "holes", "blocks", "free",     "largest",
                                    "moved", "slabs",  "internal", "external-fragmentation"};
#define WORDS (sizeof words / sizeof words[0])

bool kb_expect_is_placement(const struct kb_word *word) {
    for (unsigned i = 0; i < WORDS; i++)
        if (kb_word_is(word, words[i]))
            return true;
    return false;
}

bool kb_expect_placement(struct kb_scenario *s, kb_status *status) {
    unsigned i = 0;
    bool contiguous = s->places == NULL && s->built && s->os.storage != NULL;
    if (contiguous && kb_line_take_if(&s->line, "holes")) {
        *status = s->rehearsing ? KB_OK : of_list(s, false);
        return true;
    }
    if (s->places == NULL)
        return false;
    kb_line_open_options(&s->line);
    while (i < WORDS && !kb_line_take_if(&s->line, words[i]))
        i++;
    if (i == WORDS)
        return false;
    if (i < 3)
        *status = of_request(s, words[i]);
    else if (i == 3)
        *status = of_wait(s);
    else if (i < 6)
        *status = of_list(s, i == 5);
    else if (strcmp(words[i], "slabs") == 0)
        *status = of_slabs(s);
    else if (strcmp(words[i], "internal") == 0)
        *status = of_internal(s);
    else
        *status = of_whole(s, words[i]);
    return true;
}
