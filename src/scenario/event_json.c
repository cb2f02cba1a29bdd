/* event_json.c - events as JSON: each kind has its own fields and no others.
 *
 * docs/events.md is the reference, docs/events.schema.json the same for
 * programs; a field that changes its meaning or goes raises
 * KB_OS_EVENTS_VERSION. Addresses and raw bits are strings, since a number of
 * JSON may be read as a double. */
#include "scenario/event_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "scenario/narrate_translation.h"

#define HEX_TEXT 20

static void hex(struct kb_json *json, const char *key, uint64_t value) {
    char text[HEX_TEXT];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    kb_json_string(json, key, text);
}

static void name(struct kb_json *json, const char *key, const struct kb_process *process) {
    kb_json_string(json, key, process != NULL ? process->name : NULL);
}

static void rights(struct kb_json *json, unsigned bits) {
    char text[4];
    kb_json_string(json, "rights", kb_rights_text(bits, text));
}

static const char *access_name(enum kb_access access) {
    static const char *const names[] = {"read", "write", "execute", "any"};
    return names[access];
}

/* ---- a translation ---- */

static void steps(struct kb_json *json, const struct kb_os *os, const struct kb_walk *walk) {
    for (unsigned i = 0; i < walk->steps; i++) {
        kb_json_object(json, NULL);
        kb_json_u64(json, "level", kb_format_level(&os->mmu.format, i));
        kb_json_u64(json, "index", walk->step[i].index);
        hex(json, "address", walk->step[i].address);
        hex(json, "entry", walk->step[i].entry);
        kb_json_close_object(json);
    }
}

struct chain {
    struct kb_json *json;
    const struct kb_os *os;
    const struct kb_translation *t;
};

/* The table is read again; R and M of the entry that was found have been set since. */
static void chain_step(void *context, uint64_t address, uint64_t word0, uint64_t word1) {
    const struct chain *chain = context;
    if (chain->t->fault == KB_FAULT_NONE && address == chain->t->entry) {
        uint64_t set = kb_inverted_encode(0, 0, chain->t->set_bits);
        word0 &= ~set;
    }
    kb_json_object(chain->json, NULL);
    kb_json_u64(chain->json, "index",
                (address - chain->os->mmu.inverted.base) / KB_INVERTED_ENTRY_BYTES);
    hex(chain->json, "address", address);
    hex(chain->json, "entry", word0);
    hex(chain->json, "link", word1);
    kb_json_close_object(chain->json);
}

static void chain_steps(struct kb_json *json, const struct kb_os *os,
                        const struct kb_translation *t) {
    struct chain chain = {json, os, t};
    uint64_t page = kb_narrate_masked(os, t->linear) >> kb_os_page_bits(os);
    (void)kb_inverted_find(&os->mmu.inverted, page, os->mmu.space, chain_step, &chain);
}

/* A descriptor is read at once; its second word has its bits. */
static void descriptor_step(struct kb_json *json, const struct kb_os *os,
                            const struct kb_translation *t) {
    kb_json_object(json, NULL);
    kb_json_u64(json, "level", 0);
    kb_json_u64(json, "index", t->address >> kb_os_page_bits(os));
    hex(json, "address", t->entry);
    hex(json, "entry", kb_memory_entry(&os->mmu.memory, t->entry + 8, 8));
    kb_json_close_object(json);
}

/* Where the entry that hit, or was loaded, stands in each level. */
static void places(struct kb_json *json, const struct kb_os *os, const struct kb_translation *t) {
    kb_json_array(json, "entries");
    for (unsigned level = 0; level < os->mmu.tlbs; level++) {
        const struct kb_tlb *tlb = &os->mmu.tlb[level];
        if (t->place[level] == KB_TLB_NONE)
            continue;
        kb_json_object(json, NULL);
        kb_json_u64(json, "level", level + 1);
        kb_json_u64(json, "set", t->place[level] / tlb->geometry.ways);
        kb_json_u64(json, "way", t->place[level] % tlb->geometry.ways);
        kb_json_bool(json, "loaded", level + 1 != t->hit);
        if (t->evicted[level] != KB_TLB_EMPTY)
            kb_json_u64(json, "evicted_page", kb_narrate_tag_page(os, tlb, t->evicted[level]));
        else
            kb_json_null(json, "evicted_page");
        kb_json_close_object(json);
    }
    kb_json_close_array(json);
}

static void tlb(struct kb_json *json, const struct kb_os *os, const struct kb_translation *t) {
    if (t->probed == 0) {
        kb_json_null(json, "tlb");
        return;
    }
    kb_json_object(json, "tlb");
    kb_json_u64(json, "probed", t->probed);
    if (t->hit > 0)
        kb_json_u64(json, "hit", t->hit);
    else
        kb_json_null(json, "hit");
    places(json, os, t);
    kb_json_close_object(json);
}

static void translation(struct kb_json *json, const struct kb_os *os,
                        const struct kb_translation *t) {
    hex(json, "address", t->address);
    hex(json, "linear", t->linear);
    kb_json_string(json, "access", access_name(t->access));
    kb_json_u64(json, "page", t->linear >> kb_os_page_bits(os));
    hex(json, "offset", t->linear & (kb_os_page_bytes(os) - 1));
    if (t->fault == KB_FAULT_NONE)
        hex(json, "physical", t->physical);
    else
        kb_json_null(json, "physical");
    kb_json_string(json, "fault", t->fault == KB_FAULT_NONE ? NULL : kb_fault_name(t->fault));
    tlb(json, os, t);
    kb_json_array(json, "steps");
    if (t->walked && os->storage != NULL)
        descriptor_step(json, os, t);
    else if (t->walked && os->mmu.scheme == KB_SCHEME_INVERTED)
        chain_steps(json, os, t);
    else if (t->walked)
        steps(json, os, &t->walk);
    kb_json_close_array(json);
    kb_json_array(json, "bits_set");
    if (t->set_bits & KB_ENTRY_REFERENCED)
        kb_json_string(json, NULL, "referenced");
    if (t->set_bits & KB_ENTRY_MODIFIED)
        kb_json_string(json, NULL, "modified");
    kb_json_close_array(json);
}

/* ---- the fields of each kind ---- */

/* What a region shows: shared memory, or a file. */
static void region_fields(struct kb_json *json, const struct kb_os *os,
                          const struct kb_os_event *e) {
    const struct kb_region *region =
        kb_process_region(e->process, e->address, kb_os_page_bytes(os));
    bool shows = region != NULL && region->object != 0;
    rights(json, e->rights);
    kb_json_string(json, "region", e->text);
    kb_json_string(json, "object", shows ? os->object[region->object - 1]->name : NULL);
    kb_json_bool(json, "shared", shows && region->shared);
    kb_json_bool(json, "guard", region != NULL && region->guard);
}

static void process_fields(struct kb_json *json, const struct kb_os *os,
                           const struct kb_os_event *e) {
    switch (e->kind) {
    case KB_OS_EVENT_CREATE:
        kb_json_u64(json, "number", e->process->number);
        break;
    case KB_OS_EVENT_EXIT:
        kb_json_string(json, "reason", kb_reason_name(e->reason));
        kb_json_u64(json, "frames", e->count);
        kb_json_u64(json, "slots", e->slots);
        break;
    case KB_OS_EVENT_SWITCH:
        name(json, "before", e->owner);
        kb_json_bool(json, "flushed", e->flag);
        break;
    case KB_OS_EVENT_MODE:
        kb_json_bool(json, "privileged", e->flag);
        break;
    case KB_OS_EVENT_BLOCK:
        kb_json_u64(json, "page", e->page);
        kb_json_u64(json, os->setup.clock ? "until_ns" : "until_cycle", e->count);
        kb_json_bool(json, "for_frame", e->flag);
        break;
    case KB_OS_EVENT_FORK:
        name(json, "parent", e->owner);
        kb_json_u64(json, "pages", e->count);
        break;
    case KB_OS_EVENT_SWAP_OUT:
        kb_json_u64(json, "pages", e->count);
        kb_json_u64(json, "written", e->slots);
        break;
    case KB_OS_EVENT_SWAP_IN:
        kb_json_u64(json, "pages", e->count);
        kb_json_u64(json, "transfers", e->slots);
        break;
    case KB_OS_EVENT_SUSPEND:
    case KB_OS_EVENT_RESUME:
        kb_json_string(json, "criterion", e->text);
        kb_json_u64(json, "active", e->count);
        if (e->flag)
            kb_json_u64(json, "working_sets", e->slots);
        else
            kb_json_null(json, "working_sets");
        break;
    case KB_OS_EVENT_PAGE_OUT:
        kb_json_u64(json, "pages", e->count);
        break;
    case KB_OS_EVENT_TABLE:
        kb_json_string(json, "way", e->flag ? "in" : "out");
        kb_json_u64(json, "table", e->page);
        kb_json_u64(json, "frame", e->frame);
        kb_json_u64(json, "slot", e->slot);
        break;
    default: /* wake, tick */
        break;
    }
}

static void space_fields(struct kb_json *json, const struct kb_os *os,
                         const struct kb_os_event *e) {
    hex(json, "address", e->address);
    kb_json_u64(json, "bytes", e->count);
    switch (e->kind) {
    case KB_OS_EVENT_REGION:
        region_fields(json, os, e);
        break;
    case KB_OS_EVENT_GROW:
        rights(json, e->rights);
        kb_json_string(json, "region", e->text);
        break;
    case KB_OS_EVENT_RESIZE:
        kb_json_u64(json, "before", e->slots);
        kb_json_string(json, "region", e->text);
        break;
    case KB_OS_EVENT_ADVICE:
        kb_json_string(json, "advice", e->text);
        kb_json_u64(json, "pages", e->slots);
        break;
    case KB_OS_EVENT_PROTECT:
        rights(json, e->rights);
        break;
    case KB_OS_EVENT_MAP:
        kb_json_u64(json, "page", e->page);
        kb_json_u64(json, "frame", e->frame);
        hex(json, "entry_address", e->entry);
        break;
    default: /* unmap */
        break;
    }
}

static void access_fields(struct kb_json *json, const struct kb_os_event *e) {
    hex(json, "address", e->address);
    kb_json_string(json, "access", access_name(e->access));
    if (e->kind == KB_OS_EVENT_REFERENCE)
        kb_json_u64(json, e->flag ? "bytes" : "references", e->count);
    if (e->kind == KB_OS_EVENT_FAULT || e->kind == KB_OS_EVENT_SKIP)
        kb_json_string(json, "fault", kb_fault_name(e->fault));
    if (e->kind == KB_OS_EVENT_SKIP)
        kb_json_string(json, "reason", kb_reason_name(e->reason));
}

static void legality_fields(struct kb_json *json, const struct kb_os_event *e) {
    hex(json, "address", e->address);
    if (e->kind == KB_OS_EVENT_KILL) {
        kb_json_string(json, "reason", kb_reason_name(e->reason));
        return;
    }
    kb_json_u64(json, "page", e->page);
    kb_json_bool(json, "legal", e->flag);
    kb_json_string(json, "region", e->text);
    if (e->text != NULL)
        rights(json, e->rights);
    else
        kb_json_null(json, "rights");
}

/* The number that decided about a victim, and the policy's sentence. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void why(struct kb_json *json, const struct kb_os *os, const struct kb_os_event *e) {
    const struct kb_policy *policy = os->setup.policy.policy;
    char text[400];
    kb_json_string(json, "policy", policy->name);
    if (e->kind == KB_OS_EVENT_VICTIM && policy->mark != NULL && e->mark != KB_NEVER)
        kb_json_u64(json, "mark", e->mark);
    else if (e->kind == KB_OS_EVENT_VICTIM)
        kb_json_null(json, "mark");
    snprintf(text, sizeof text, kb_text(os->error->language, kb_narrate_why(policy, e->mark)),
             KB_N(e->page), KB_N(e->frame), KB_N(e->mark));
    kb_json_string(json, "why", text);
}
#pragma GCC diagnostic pop

/* Pages that leave their frames. */
static void leaving_fields(struct kb_json *json, const struct kb_os *os,
                           const struct kb_os_event *e) {
    kb_json_u64(json, "page", e->page);
    name(json, "owner", e->owner);
    if (e->kind != KB_OS_EVENT_STORE_FAILED)
        kb_json_u64(json, "frame", e->frame);
    switch (e->kind) {
    case KB_OS_EVENT_VICTIM:
        kb_json_bool(json, "referenced", e->referenced);
        kb_json_bool(json, "modified", e->modified);
        why(json, os, e);
        break;
    case KB_OS_EVENT_REFUSED:
        kb_json_string(json, "reason", kb_reason_name(e->reason));
        break;
    case KB_OS_EVENT_WRITE_BACK:
        kb_json_u64(json, "slot", e->slot);
        kb_json_string(json, "file", e->flag ? kb_narrate_file_in(os, e->frame) : NULL);
        break;
    case KB_OS_EVENT_INVALIDATE:
        hex(json, "entry_address", e->entry);
        kb_json_bool(json, "further", e->flag);
        kb_json_u64(json, "segments", e->count);
        break;
    case KB_OS_EVENT_STORE_FAILED:
        kb_json_u64(json, "slot", e->slot);
        kb_json_string(json, "file", kb_narrate_file(os, e->owner, e->page));
        kb_json_string(json, "text", e->text);
        break;
    default: /* release */
        why(json, os, e);
        break;
    }
}

static void coming_fields(struct kb_json *json, const struct kb_os *os,
                          const struct kb_os_event *e) {
    if (e->kind != KB_OS_EVENT_FRAME)
        kb_json_u64(json, "page", e->page);
    kb_json_u64(json, "frame", e->frame);
    switch (e->kind) {
    case KB_OS_EVENT_FRAME:
        kb_json_u64(json, "free_frames", e->count);
        break;
    case KB_OS_EVENT_READ_IN:
    case KB_OS_EVENT_PREFETCH:
        kb_json_string(json, "source", kb_page_source_name(e->source));
        if (e->source == KB_FROM_SWAP || e->source == KB_FROM_FILE)
            kb_json_u64(json, "slot", e->slot);
        else
            kb_json_null(json, "slot");
        kb_json_string(json, "file",
                       e->source == KB_FROM_FILE ? kb_narrate_file(os, e->process, e->page) : NULL);
        break;
    case KB_OS_EVENT_SOFT:
        kb_json_u64(json, "mappings", e->count);
        kb_json_bool(json, "standby", e->flag);
        kb_json_bool(json, "ahead", e->ahead);
        break;
    case KB_OS_EVENT_COPY:
        if (e->flag)
            kb_json_null(json, "from_frame");
        else
            kb_json_u64(json, "from_frame", e->slot);
        break;
    default: /* update */
        hex(json, "entry_address", e->entry);
        hex(json, "entry", e->raw);
        break;
    }
}

static void fields(struct kb_json *json, const struct kb_os *os, const struct kb_os_event *e) {
    switch (e->kind) {
    case KB_OS_EVENT_CREATE:
    case KB_OS_EVENT_EXIT:
    case KB_OS_EVENT_SWITCH:
    case KB_OS_EVENT_MODE:
    case KB_OS_EVENT_BLOCK:
    case KB_OS_EVENT_WAKE:
    case KB_OS_EVENT_TICK:
    case KB_OS_EVENT_FORK:
    case KB_OS_EVENT_SWAP_OUT:
    case KB_OS_EVENT_SWAP_IN:
    case KB_OS_EVENT_SUSPEND:
    case KB_OS_EVENT_RESUME:
    case KB_OS_EVENT_PAGE_OUT:
    case KB_OS_EVENT_TABLE:
        process_fields(json, os, e);
        break;
    case KB_OS_EVENT_REGION:
    case KB_OS_EVENT_PROTECT:
    case KB_OS_EVENT_UNMAP:
    case KB_OS_EVENT_MAP:
    case KB_OS_EVENT_GROW:
    case KB_OS_EVENT_RESIZE:
    case KB_OS_EVENT_ADVICE:
        space_fields(json, os, e);
        break;
    case KB_OS_EVENT_REFERENCE:
    case KB_OS_EVENT_FAULT:
    case KB_OS_EVENT_RESTART:
    case KB_OS_EVENT_SKIP:
        access_fields(json, e);
        break;
    case KB_OS_EVENT_TRANSLATION:
        translation(json, os, e->translation);
        break;
    case KB_OS_EVENT_CHECK:
    case KB_OS_EVENT_KILL:
        legality_fields(json, e);
        break;
    case KB_OS_EVENT_VICTIM:
    case KB_OS_EVENT_REFUSED:
    case KB_OS_EVENT_WRITE_BACK:
    case KB_OS_EVENT_INVALIDATE:
    case KB_OS_EVENT_RELEASE:
    case KB_OS_EVENT_STORE_FAILED:
        leaving_fields(json, os, e);
        break;
    case KB_OS_EVENT_OBJECT:
        kb_json_string(json, "object", e->text);
        kb_json_string(json, "kind", e->flag ? "file" : "shared");
        kb_json_u64(json, "bytes", e->count);
        break;
    case KB_OS_EVENT_JOB:
        kb_json_string(json, "what", e->text);
        kb_json_u64(json, "unit", e->count);
        kb_json_u64(json, "bytes", e->slots);
        break;
    case KB_OS_EVENT_SEGMENT:
        hex(json, "address", e->address);
        kb_json_u64(json, "pages", e->count);
        hex(json, "entry_address", e->entry);
        hex(json, "table", e->raw);
        break;
    case KB_OS_EVENT_FRAME:
    case KB_OS_EVENT_READ_IN:
    case KB_OS_EVENT_PREFETCH:
    case KB_OS_EVENT_UPDATE:
    case KB_OS_EVENT_SOFT:
    case KB_OS_EVENT_COPY:
        coming_fields(json, os, e);
        break;
    case KB_OS_EVENT_PLACE:
    case KB_OS_EVENT_MOVE:
        kb_json_u64(json, "segment", e->page);
        kb_json_string(json, "name", e->text);
        kb_json_u64(json, "bytes", e->count);
        hex(json, e->kind == KB_OS_EVENT_MOVE ? "from" : "base", e->address);
        if (e->kind == KB_OS_EVENT_MOVE)
            hex(json, "to", e->raw);
        else
            kb_json_u64(json, "hole", e->slots);
        break;
    case KB_OS_EVENT_COMPACT:
        kb_json_u64(json, "moved", e->count);
        kb_json_u64(json, "largest_hole", e->slots);
        break;
    case KB_OS_EVENT_KINDS:
        break;
    }
}

void kb_event_json(struct kb_json *json, const char *key, const struct kb_os *os,
                   const struct kb_os_event *event) {
    kb_json_newline(json);
    kb_json_object(json, key);
    kb_json_string(json, "event", kb_os_event_name(event->kind));
    kb_json_u64(json, "time", event->time);
    name(json, "process", event->process);
    fields(json, os, event);
    kb_json_close_object(json);
}
