/* test_narrate.c - events in words and as JSON: on small machines every kind of event happens, and
 * what is said of it is compared in its facts, not to the letter.
 *
 * With --json the events of all machines go to standard output as one object
 * like that of `kilburn step --json`, for tests/reference/events_schema.py. */
#include "harness.h"
#include "machine.h"
#include "os/batch.h"
#include "scenario/event_json.h"
#include "scenario/narrate.h"

#define TEXT_ROOM 65536

static struct kb_error error = {.language = KB_ENGLISH};
static struct kb_os os;
static struct kb_process *p;
static struct kb_text_out words;
static struct kb_json json;
static char text[TEXT_ROOM], object[TEXT_ROOM], longest[TEXT_ROOM];
static size_t text_used, object_used;
static bool seen[KB_OS_EVENT_KINDS], print_json, printed;

static kb_status keep(void *context, const void *bytes, size_t count, struct kb_error *failure) {
    bool is_text = context == text;
    size_t *used = is_text ? &text_used : &object_used;
    (void)failure;
    if (*used + count >= TEXT_ROOM)
        return KB_IO;
    memcpy((is_text ? text : object) + *used, bytes, count);
    *used += count;
    (is_text ? text : object)[*used] = '\0';
    return KB_OK;
}

/* ---- JSON is well-formed ---- */

static const char *value(const char *at);

static const char *blanks(const char *at) { return at == NULL ? NULL : at + strspn(at, " \n"); }

static const char *string(const char *at) {
    if (at == NULL || *at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        at += *at == '\\';
    }
    return at + 1;
}

static const char *list(const char *at, char end, bool keys) {
    at = blanks(at + 1);
    if (*at == end)
        return at + 1;
    for (;;) {
        if (keys) {
            at = blanks(string(blanks(at)));
            if (at == NULL || *at++ != ':')
                return NULL;
        }
        at = blanks(value(blanks(at)));
        if (at == NULL || (*at != ',' && *at != end))
            return NULL;
        if (*at++ == end)
            return at;
    }
}

static const char *value(const char *at) {
    static const char *const literals[] = {"true", "false", "null"};
    if (*at == '{' || *at == '[')
        return list(at, *at == '{' ? '}' : ']', *at == '{');
    if (*at == '"')
        return string(at);
    for (unsigned i = 0; i < 3; i++)
        if (strncmp(at, literals[i], strlen(literals[i])) == 0)
            return at + strlen(literals[i]);
    size_t digits = strspn(at, "0123456789");
    return digits > 0 ? at + digits : NULL;
}

/* ---- listening ---- */

static size_t columns(const char *line, size_t length) {
    size_t width = 0;
    for (size_t i = 0; i < length; i++)
        width += (line[i] & 0xc0) != 0x80;
    return width;
}

static void check_lines(const char *at) {
    while (*at != '\0') {
        size_t length = strcspn(at, "\n");
        if (columns(at, length) > columns(longest, strlen(longest)))
            snprintf(longest, sizeof longest, "%.*s", (int)length, at);
        CHECK(at[length] == '\n');
        at += length + 1;
    }
}

static void hear(void *context, const struct kb_os_event *event) {
    size_t before = text_used;
    (void)context;
    seen[event->kind] = true;
    kb_narrate(&words, &os, event);
    kb_text_flush(&words);
    bool over_limit = event->kind == KB_OS_EVENT_TRANSLATION && os.mmu.limit != 0 &&
                      event->fault == KB_FAULT_OVERFLOW; /* its trap says all */
    CHECK(text_used > before || over_limit);
    check_lines(text + before);
    object_used = 0;
    kb_json_begin(&json, (struct kb_sink){object, keep}, &error);
    kb_event_json(&json, NULL, &os, event);
    CHECK(kb_json_end(&json) == KB_OK);
    const char *end = blanks(value(blanks(object)));
    CHECK(end != NULL && *end == '\0');
    if (print_json)
        printf("%s%s", printed ? "," : "", object);
    printed = true;
}

static void clear(void) {
    text_used = 0;
    text[0] = '\0';
}

/* The words of an access begin anew. */
static void begin(const struct machine_wish *wish) {
    clear();
    CHECK(machine_make(&os, wish, NULL, &error) == KB_OK);
    kb_text_begin(&words, (struct kb_sink){text, keep}, error.language, &error);
    os.listener = (struct kb_listener){NULL, hear};
    CHECK(kb_os_create(&os, "P", &p) == KB_OK);
    kb_os_switch(&os, p);
}

static void end(void) {
    CHECK(words.status == KB_OK);
    CHECK(kb_os_check(&os) == NULL);
    kb_os_free(&os);
}

static bool load(uint64_t address) {
    uint8_t byte;
    bool done;
    clear();
    CHECK(kb_os_load(&os, address, &byte, 1, &done) == KB_OK);
    return done;
}

static bool store(uint64_t address) {
    uint8_t byte = 0xab;
    bool done;
    clear();
    CHECK(kb_os_store(&os, address, &byte, 1, &done) == KB_OK);
    return done;
}

static void region(struct kb_process *process, const char *name, uint64_t start, uint64_t end_at,
                   unsigned rights) {
    struct kb_region r = {.start = start, .end = end_at, .rights = rights};
    bool refused;
    snprintf(r.name, sizeof r.name, "%s", name);
    CHECK(kb_os_region(&os, process, &r, &refused) == KB_OK && !refused);
}

/* Whether all of these stand in the text, in this order; the list ends with NULL. */
static bool in_order(const char *where, const char *const *parts) {
    const char *at = where;
    for (; *parts != NULL; parts++) {
        at = strstr(at, *parts);
        if (at == NULL) {
            printf("not found: %s\nin:\n%s\n", *parts, where);
            return false;
        }
        at += strlen(*parts);
    }
    return true;
}

#define SAYS(...) CHECK(in_order(text, (const char *const[]){__VA_ARGS__, NULL}))
#define JSON_SAYS(...) CHECK(in_order(object, (const char *const[]){__VA_ARGS__, NULL}))

/* ---- the split and the walk ---- */

static void x86_64(void) {
    begin(&(struct machine_wish){.format = "x86-64", .frames = 4, .tlb = {{2, 2, KB_TLB_LRU, 0}}});
    CHECK(store(UINT64_C(0x7f1234567abc)));
    SAYS("P stores 1 byte at 0x7f1234567abc\n", "  0x7f1234567abc = 254 | 72 | 418 | 359 | 0xabc\n",
         "  of page 34110391655: PML4 (9) | PDPT (9) | PD (9) | PT (9) | offset (12 bits)\n",
         "TLB: page 34110391655 is not in set 1,", "PML4: entry 254 at 0x",
         "is 0x0000000000000000: P=0", "trap: page fault: page 34110391655 has no table yet",
         "PML4\n", "1 the reference is legal", "3 frame 0 is taken",
         "4 page 34110391655 comes into frame 0: zeros", "5 both tables are updated",
         ": P W U R(A)=0 M(D)=0 frame 0\n", "6 the instruction that wanted to write",
         "PML4: entry 254", ": P W U next table at 0x", "PDPT: entry 72", "PD: entry 418",
         "PT: entry 359", ": P W U R(A)=0 M(D)=0 frame 0\n", "R and M are set now",
         "loaded into set 1, way 0, which was empty", "physical 0xabc = frame 0 | offset 0xabc\n");
    JSON_SAYS("\"event\":\"translation\"", "\"process\":\"P\"", "\"address\":\"0x7f1234567abc\"",
              "\"physical\":\"0xabc\",\"fault\":null", "\"probed\":1,\"hit\":null",
              "{\"level\":4,\"index\":254,", "{\"level\":1,\"index\":359,",
              "\"bits_set\":[\"referenced\",\"modified\"]}");
    clear();
    kb_narrate_split(&words, &os, UINT64_C(0x7f1234567abc));
    kb_text_flush(&words);
    CHECK_STR(text, "0x7f1234567abc = 254 | 72 | 418 | 359 | 0xabc\n");
    CHECK(load(UINT64_C(0x7f1234568000))); /* tables above are there: the page is missing */
    SAYS("PT: entry 360", "P=0\n", "trap: page fault: page 34110391656 is not in memory",
         "valid bit is 0");
    CHECK(load(UINT64_C(0x7f1234567000)));
    SAYS("is in set 1, way 0: frame 0, rwx U; no table is read", "physical 0x0 =");
    JSON_SAYS("\"hit\":1,", "\"loaded\":false", "\"steps\":[],\"bits_set\":[]");
    CHECK(!load(UINT64_C(0x800000000000)));
    SAYS("trap: fault non-canonical: the upper bits",
         "1 the reference is not legal: the upper bits", "2 P ends: invalid reference",
         "what P had is free again: frames: 2, slots of the paging file: 0");
    end();
}

static void riscv_superpage(void) {
    bool refused, done;
    begin(&(struct machine_wish){.format = "sv39", .frames = 1024, .tlb = {{1, 4, KB_TLB_LRU, 0}}});
    clear();
    CHECK(kb_os_map(&os, p, 0x200000, KB_NO_FRAME, 21, KB_ENTRY_READ | KB_ENTRY_WRITE, &refused) ==
              KB_OK &&
          !refused);
    SAYS("P: page 512, of 2097152 bytes, is in memory from frame");
    CHECK(load(0x212345));
    SAYS("table of level 2: entry 0", "V next table at", "table of level 1: entry 1",
         "V R W U R(A)=0 M(D)=0 frame 0 (a page of 2097152 bytes)", "reference bit R is set now",
         "physical 0x12345 = page of 2097152 bytes from frame 0 on | offset 0x12345");
    clear();
    CHECK(kb_os_execute(&os, 0x212345, &done) == KB_OK && !done);
    SAYS("P executes 1 byte", "way 0: frame 18, rw- U;", /* 18 pages behind the first */
         "trap: protection fault: page 530 grants rw-, not the right to execute",
         "1 the reference is not legal: the page does not grant this right",
         "2 P ends: protection");
    end();
}

/* An entry that hardware does not accept. */
static void reserved(void) {
    begin(&(struct machine_wish){.frames = 4, .levels = 2});
    CHECK(store(0x1000));
    kb_memory_set_entry(&os.mmu.memory, kb_os_first_mapping(&os, 0)->entry, 8,
                        1 | 4); /* W without R */
    CHECK(!load(0x1000));
    SAYS("V W (reserved)", "trap: fault reserved in the table of level 0: the entry",
         "1 the reference is not legal", "2 P ends: the tables in memory");
    kb_os_free(&os);
    begin(&(struct machine_wish){.frames = 4, .levels = 2});
    CHECK(store(0x1000));
    kb_memory_set_entry(&os.mmu.memory, p->root, 8, UINT64_C(0x7ffffffffff) << 10 | 1);
    CHECK(!load(0x1000));
    SAYS("would be at 0x", "where there is no memory", "trap: fault bus in the table of level 0");
    kb_os_free(&os);
    begin(&(struct machine_wish){.frames = 4, .levels = 2});
    CHECK(store(0x1000));
    kb_memory_set_entry(&os.mmu.memory, kb_os_first_mapping(&os, 0)->entry, 8,
                        4 << 10 | 0x1f); /* frame 4 */
    CHECK(!load(0x1000));
    SAYS("V R W X U R=0 M=0 frame 4",
         "trap: fault bus: the entry of page 1 names frame 4, there are only 4",
         "2 P ends: the tables in memory");
    kb_os_free(&os);
}

/* ---- the six steps ---- */

static void six_steps(void) {
    begin(&(struct machine_wish){.frames = 1});
    region(p, "code", 0, 0x8000, KB_ENTRY_RIGHTS);
    SAYS("P: region code is legal: 32768 bytes from 0x0 on, rwx");
    CHECK(store(0x1234));
    SAYS("P stores 1 byte at 0x1234\n", "  0x1234 = page 1 | offset 0x234\n",
         "  page table: entry 1 at 0x", "is 0x00000000: V=0\n", "trap: page fault: page 1 is not");
    CHECK(store(0x2234));
    SAYS("  trap: ", "  1 the reference is legal: region code, rwx",
         "  3 no frame is free: policy fifo proposes page 1 of P", "(R=1, M=1)",
         "    why: page 1 (frame 0) leaves: it was loaded longest ago\n",
         "    page 1 of P was modified: frame 0 is written to slot 0",
         "    the entry of page 1 of P at 0x", "is invalid now",
         "  4 page 2 comes into frame 0: zeros", "  5 both tables are updated",
         "  6 the instruction that wanted to write 0x2234 starts again",
         "  physical 0x234 = frame 0 | offset 0x234\n");
    CHECK(strstr(text, "was not modified") == NULL && strstr(text, "  2 ") == NULL);
    CHECK(load(0x1000));
    SAYS("written to slot 1", "4 page 1 comes into frame 0: slot 0 of the paging file");
    CHECK(load(0x3000));
    SAYS("(R=1, M=0)", "it was not modified: nothing is written");
    CHECK(strstr(text, "written to slot") == NULL);
    CHECK(!load(0x9000));
    SAYS("trap: page fault", "1 the reference is not legal: no region of P holds page 9",
         "2 P ends: invalid reference", "frames: 1, slots of the paging file: 2");
    CHECK(strstr(text, "  3 ") == NULL && strstr(text, "  4 ") == NULL);
    JSON_SAYS("\"event\":\"exit\"", "\"reason\":\"invalid reference\",\"frames\":1,\"slots\":2}");
    end();
}

static void image(void) {
    struct kb_region r = {
        .name = "data", .end = 0x2000, .rights = KB_ENTRY_READ, .has_image = true};
    bool refused, done;
    begin(&(struct machine_wish){.frames = 2});
    CHECK(kb_os_region(&os, p, &r, &refused) == KB_OK);
    p->skips = true;
    CHECK(load(0x0));
    SAYS("4 page 0 comes into frame 0: its part of the program's image");
    CHECK(!store(0x1000));
    SAYS("trap: page fault",
         "1 the reference is not legal: region data grants r--, not the right to write",
         "the handler of P gives the instruction up: protection");
    JSON_SAYS("\"event\":\"skip\"", "\"fault\":\"invalid\",\"reason\":\"protection\"}");
    clear();
    CHECK(kb_os_run(&os, 0, KB_ACCESS_READ, 7, &done) == KB_OK && done);
    SAYS("P reads at 0x0, 7 references in a row");
    clear();
    CHECK(kb_os_run(&os, 0, KB_ACCESS_READ, 1, &done) == KB_OK && done);
    SAYS("P reads at 0x0\n");
    clear();
    kb_os_exit(&os, p, KB_REASON_DONE, 0);
    SAYS("P ends: it was told to\n");
    end();
}

/* One instruction needs four pages, and there are three frames. */
static void minimum_frames(void) {
    bool done;
    begin(&(struct machine_wish){.frames = 3});
    clear();
    CHECK(kb_os_move(&os, 0xf80, 0x2f80, 512, &done) == KB_OK && !done);
    SAYS("P reads 512 bytes from 0xf80 on", "6 the instruction",
         "P stores 512 bytes from 0x2f80 on",
         "3 page 0 of P in frame 0 may not go: the instruction under way",
         "P must end: one instruction needs more frames");
    end();
}

static void tables_full(void) {
    begin(&(struct machine_wish){.frames = 4, .levels = 3});
    os.tables.limit = os.tables.end;
    CHECK(!load(0));
    SAYS("trap: page fault: page 0 has no table yet",
         "P must end: there is no room for its page tables");
    end();
}

/* ---- rights and modes ---- */

static void protection_on_hit(void) {
    begin(&(struct machine_wish){.frames = 4, .tlb = {{1, 4, KB_TLB_LRU, 0}}});
    region(p, "code", 0, 0x3000, KB_ENTRY_READ | KB_ENTRY_EXECUTE);
    CHECK(load(0x1000));
    SAYS("TLB: page 1 is in none of its 4 registers", "TLB: loaded into set 0, way 0");
    CHECK(!store(0x1000));
    SAYS("TLB: page 1 is in set 0, way 0: frame 0, r-x U; no table is read",
         "trap: protection fault: page 1 grants r-x, not the right to write",
         "1 the reference is not legal: region code grants r-x, not the right to write",
         "2 P ends: protection");
    CHECK(strstr(text, "page table: entry") == NULL);
    end();
}

static void kernel_zone(void) {
    uint64_t start;
    begin(&(struct machine_wish){
        .format = "x86-64", .frames = 8, .kernel = true, .tlb = {{1, 4, KB_TLB_LRU, 0}}});
    start = os.mmu.kernel_start;
    region(os.kernel, "vectors", start, start + 4096, KB_ENTRY_READ | KB_ENTRY_WRITE);
    SAYS("kernel: region vectors is legal", "3 frame", "4 page", "5 both tables are updated", "P W",
         "G XD R(A)=0");
    p->skips = true;
    CHECK(!load(start + 8));
    SAYS("U is 0", "mode is user", "1 the reference is not legal", "the handler of P");
    clear();
    kb_os_set_mode(&os, p, true);
    SAYS("P runs in privileged mode");
    CHECK(load(start + 8));
    SAYS("0xffff800000000008 = 256 | 0 | 0 | 0 | 0x8", "frame 0 | offset 0x8");
    clear();
    kb_os_set_mode(&os, p, false);
    SAYS("P runs in user mode");
    CHECK(!load(start)); /* it is in the TLB now */
    SAYS("way 0: frame 0, rw-; no table is read", "trap: privilege fault", "U is 0");
    end();
}

static void relocation(void) {
    begin(&(struct machine_wish){.frames = 4});
    kb_os_relocate(&os, p, 0x1000, 0x2000);
    CHECK(load(0x1234));
    SAYS("0x1234 is below the limit 0x2000; 0x1234 + base 0x1000 = linear 0x2234",
         "0x2234 = page 2 | offset 0x234", "physical 0x234");
    CHECK(!load(0x2000));
    SAYS("trap: overflow fault: 0x2000 is not below the limit 0x2000",
         "1 the reference is not legal", "2 P ends: overflow");
    end();
}

/* Base and limit alone; and an address that its tables cannot index. */
static void no_paging(void) {
    begin(&(struct machine_wish){.frames = 4});
    os.mmu.scheme = KB_SCHEME_RELOCATION;
    struct kb_translation t = {.address = 346, .linear = 14346, .physical = 14346};
    hear(NULL,
         &(struct kb_os_event){.kind = KB_OS_EVENT_TRANSLATION, .process = p, .translation = &t});
    SAYS("is not split: base and limit only", "physical 0x380a\n");
    os.mmu.scheme = KB_SCHEME_TABLES;
    CHECK(!load(UINT64_C(1) << 40));
    SAYS("trap: fault overflow: the address lies beyond");
    end();
}

/* ---- TLBs ---- */

static void two_levels(void) {
    begin(
        &(struct machine_wish){.frames = 8, .tlb = {{1, 1, KB_TLB_LRU, 0}, {2, 2, KB_TLB_LRU, 0}}});
    CHECK(load(0x1000));
    CHECK(load(0x2000));
    SAYS("TLB level 1: page 2 is in none of its 1 registers", "TLB level 2: page 2 is not in set 0",
         "TLB level 1: loaded into set 0, way 0; the set was full, page 1 had to go",
         "TLB level 2: loaded into set 0, way 0, which was empty");
    CHECK(store(0x1004));
    SAYS("TLB level 1: page 1 is in none", "TLB level 2: page 1 is in set 1, way 0: frame 0",
         "modified bit M is set now",
         "TLB level 1: loaded into set 0, way 0; the set was full, page 2", "physical 0x4");
    JSON_SAYS("\"probed\":2,\"hit\":2,",
              "{\"level\":1,\"set\":0,\"way\":0,\"loaded\":true,\"evicted_page\":2}",
              "{\"level\":2,\"set\":1,\"way\":0,\"loaded\":false,\"evicted_page\":null}",
              "\"bits_set\":[\"modified\"]");
    end();
}

static void switches(void) {
    struct kb_process *q, *r;
    begin(&(struct machine_wish){.frames = 4, .tlb = {{1, 4, KB_TLB_LRU, 0}}});
    SAYS("process P begins", "the processor passes from nobody to P");
    clear();
    CHECK(kb_os_create(&os, "Q", &q) == KB_OK);
    kb_os_switch(&os, q);
    SAYS("from P to Q", "the TLB is flushed: its entries do not say whose");
    end();
    begin(&(struct machine_wish){.frames = 4, .asid_bits = 2, .tlb = {{1, 4, KB_TLB_LRU, 0}}});
    CHECK(kb_os_create(&os, "Q", &q) == KB_OK);
    CHECK(kb_os_create(&os, "R", &r) == KB_OK);
    clear();
    kb_os_switch(&os, q);
    SAYS("the TLB stays as it is");
    kb_os_switch(&os, r);
    clear();
    CHECK(kb_os_create(&os, "S", &q) == KB_OK);
    kb_os_switch(&os, q);
    SAYS("the TLB is flushed: all process tags");
    end();
}

/* ---- the inverted table ---- */

static void inverted_table(void) {
    begin(
        &(struct machine_wish){.format = "inverted", .frames = 4, .tlb = {{1, 1, KB_TLB_LRU, 0}}});
    CHECK(store(0x5678));
    SAYS("0x5678 = page 5 | offset 0x678", "inverted table: page 5 hashes to entry", "anchor empty",
         "chain of the pages of all (G)",
         "trap: page fault: page 5 is not in memory, it is in no chain",
         "5 both tables are updated", "V R W X U R=0 M=0 page 5 of process 0", "anchor frame 0",
         "chain: entry 0 at 0x", "V R W X U R=0 M=0 page 5 of process 0", "R and M are set now",
         "physical 0x678 = frame 0");
    JSON_SAYS("\"steps\":[", "{\"index\":", "\"link\":\"0x", "{\"index\":0,",
              "\"link\":", "\"bits_set\":[\"referenced\",\"modified\"]");
    CHECK(load(0x6000));
    CHECK(load(0x5000));
    SAYS("V R W X U R=1 M=1 page 5 of process 0");
    end();
}

/* ---- commands on memory ---- */

static void commands(void) {
    bool refused;
    begin(&(struct machine_wish){.frames = 4});
    clear();
    CHECK(kb_os_map(&os, p, 0x1000, 2, 12, KB_ENTRY_READ, &refused) == KB_OK && !refused);
    SAYS("P: page 1 is in frame 2, by command: entry at 0x",
         "P: the rights of 4096 bytes from 0x1000 on are r-- now");
    clear();
    CHECK(kb_os_unmap(&os, p, 0x1000, 0x2000) == KB_OK);
    SAYS("P: 4096 bytes from 0x1000 on are no longer legal");
    JSON_SAYS("\"event\":\"unmap\"", "\"address\":\"0x1000\",\"bytes\":4096}");
    CHECK(!load(0x1000));
    SAYS("no region of P holds page 1");
    end();
}

/* ---- policies and the store ---- */

static void policies(void) {
    bool done;
    begin(&(struct machine_wish){.frames = 8, .policy = "ws:window=2"});
    for (uint64_t page = 0; page < 4; page++)
        CHECK(store(page << 12));
    SAYS("policy ws gives frame", "why: page", "left: not referenced in the window");
    end();
    begin(&(struct machine_wish){.frames = 2, .policy = "nru:period=3"});
    clear();
    CHECK(kb_os_run(&os, 0x1000, KB_ACCESS_WRITE, 9, &done) == KB_OK && done);
    SAYS("the period of policy nru is over, after 3 references", "after 6 references");
    CHECK(load(0x2000));
    CHECK(load(0x3000));
    SAYS("proposes page", "drawn from class");
    end();
    for (unsigned i = 0; kb_policies[i] != NULL; i++) {
        if (kb_policies[i]->needs & KB_NEEDS_FUTURE)
            continue;
        begin(&(struct machine_wish){.frames = 2, .policy = kb_policies[i]->name});
        clear();
        for (uint64_t page = 0; page < 9; page++)
            CHECK(kb_os_run(&os, page % 4 << 12, KB_ACCESS_WRITE, 1, &done) == KB_OK && done);
        SAYS("why: page ");
        end();
    }
}

static void opt(void) {
    static const uint32_t runs[64] = {0, 1, 2, 0, 1}, next[64] = {3, 4, 0, 0, 0};
    bool done;
    begin(&(struct machine_wish){.frames = 2, .policy = "opt", .future = {runs, next, 5}});
    clear();
    for (unsigned i = 0; i < 5; i++)
        CHECK(kb_os_run(&os, (uint64_t)runs[i] << 12, KB_ACCESS_READ, 1, &done) == KB_OK && done);
    SAYS("why: page 1 (frame 1) leaves: its next use", "never used again");
    end();
}

static void failures(void) {
    begin(&(struct machine_wish){.frames = 1, .failing = true});
    kb_store_fail(&os.swap.store, KB_STORE_WRITE_ERROR, 1, 1);
    CHECK(store(0x1000));
    CHECK(store(0x2000));
    SAYS("the paging file fails at page 1 of P, slot 0: ", "written to slot 1");
    kb_store_fail(&os.swap.store, KB_STORE_CORRUPT, 1, 1);
    CHECK(!store(0x1000));
    SAYS("the paging file fails at page 1 of P, slot 1: ",
         "P must end: its page came back with a wrong checksum");
    end();
    begin(&(struct machine_wish){.frames = 1, .failing = true});
    kb_store_fail(&os.swap.store, KB_STORE_READ_ERROR, 1, 0);
    CHECK(store(0x1000) && store(0x2000));
    CHECK(!store(0x1000));
    SAYS("the paging file fails at page 1 of P, slot 0: ",
         "P must end: its page could not be read");
    end();
    begin(&(struct machine_wish){.frames = 1, .slots = 1});
    CHECK(store(0x1000) && store(0x2000));
    CHECK(!store(0x3000));
    SAYS("may not go: the paging file is full", "P must end: the paging file is full");
    end();
    begin(&(struct machine_wish){.frames = 1, .failing = true});
    kb_store_fail(&os.swap.store, KB_STORE_NO_SPACE, 1, 0);
    CHECK(store(0x1000));
    CHECK(!store(0x2000));
    SAYS("may not go: writing it", "P must end: writing");
    end();
}

/* ---- what the machine does not do yet, and the languages ---- */

static void waiting(void) {
    begin(&(struct machine_wish){.frames = 1});
    clear();
    hear(NULL,
         &(struct kb_os_event){.kind = KB_OS_EVENT_BLOCK, .process = p, .page = 3, .count = 1000});
    SAYS("P is blocked while page 3 comes, until cycle 1000");
    JSON_SAYS("\"page\":3,\"until_cycle\":1000,\"for_frame\":false}");
    hear(NULL, &(struct kb_os_event){.kind = KB_OS_EVENT_WAKE, .process = p});
    SAYS("P is ready again");
    hear(NULL, &(struct kb_os_event){.kind = KB_OS_EVENT_TICK});
    JSON_SAYS("{\"event\":\"tick\",\"time\":0,\"process\":null}");
    end();
}

/* With a clock and one disk: two processes, a page that comes ahead, a frame that is held. */
static void time_passes(void) {
    struct kb_process *q;
    uint8_t byte;
    bool done;
    begin(&(struct machine_wish){.frames = 1, .clock = true, .cycle_ns = 1000});
    region(p, "data", 0, 0x4000, KB_ENTRY_READ);
    p->regions[0].has_image = true;
    CHECK(kb_os_create(&os, "Q", &q) == KB_OK);
    clear();
    CHECK(kb_os_load(&os, 0x1000, &byte, 1, &done) == KB_OK && !done);
    SAYS("4 page 1 comes into frame 0", "P is blocked while page 1 comes, until 12.0401 ms");
    JSON_SAYS("\"page\":1,\"until_ns\":12040063,\"for_frame\":false}");
    kb_os_switch(&os, q);
    clear();
    CHECK(kb_os_load(&os, 0, &byte, 1, &done) == KB_OK && !done);
    SAYS("page 1 of P in frame 0 may not go: a process waits for it",
         "Q is blocked until there is a frame for page 0");
    JSON_SAYS("\"until_ns\":12040063,\"for_frame\":true}");
    clear();
    CHECK(kb_os_idle(&os));
    SAYS("P is ready again", "Q is ready again");
    end();
}

static void ahead(void) {
    begin(&(struct machine_wish){.frames = 4, .fetch = "sequential:depth=2"});
    CHECK(store(0x1000));
    SAYS("6 the instruction", "ahead: strategy sequential expects page 2: it comes into frame 1",
         "ahead: strategy sequential expects page 3: it comes into frame 2");
    JSON_SAYS("\"event\":\"prefetch\"", "\"page\":3,\"frame\":2,\"source\":\"zero\",\"slot\":null");
    CHECK(load(0x2000));
    SAYS("page 2 came ahead and is in frame 1: nothing is read, a soft fault", "5 both tables");
    hear(NULL, &(struct kb_os_event){
                   .kind = KB_OS_EVENT_SOFT, .process = p, .frame = 1, .page = 2, .ahead = true});
    JSON_SAYS("\"mappings\":0,\"standby\":false,\"ahead\":true}");
    end();
}

/* A segment's page table is made at its first use. */
static void segments(void) {
    begin(&(struct machine_wish){.format = "segments", .frames = 4});
    struct kb_region region = {.name = "data", .start = 0x200000, .end = 0x203000, .rights = 6};
    bool refused;
    CHECK(kb_os_region(&os, p, &region, &refused) == KB_OK && !refused);
    clear();
    CHECK(store(0x201234));
    SAYS("0x201234 = 2 | 1 | 0x234", "no page table", "one for 3 pages is made");
    CHECK(seen[KB_OS_EVENT_SEGMENT]);
    clear();
    CHECK(kb_os_resize(&os, p, 0x200000, 0x1000, &refused) == KB_OK && !refused);
    SAYS("P: segment data shrinks from 12288 to 4096 bytes; pages behind its end are gone");
    JSON_SAYS("\"bytes\":4096,\"before\":12288,\"region\":\"data\"}");
    CHECK(kb_os_resize(&os, p, 0x200000, 0x3000, &refused) == KB_OK && !refused);
    SAYS("P: segment data grows from 4096 to 12288 bytes; only its entry changes");
    CHECK(!load(0x203000));
    SAYS("2 P ends: overflow");
    end();
}

static void show_object(struct kb_process *process, uint32_t what, uint64_t start, bool shared);

static void job_queue(void) {
    struct kb_batch_job job[] = {{.name = "A", .size = 6 << 10, .time = 10},
                                 {.name = "B", .size = 5 << 10, .time = 10},
                                 {.name = "C", .size = 57 << 10, .time = 10}};
    struct kb_batch batch = {.os = &os, .job = job, .count = 3, .most_references = 1000};
    begin(&(struct machine_wish){
        .storage = {.organisation = KB_SINGLE_USER, .bytes = 64 << 10, .system = 8 << 10}});
    CHECK(kb_batch_run(&batch) == KB_OK);
    SAYS("unit 0: job A (6144 bytes) goes into memory");
    SAYS("unit 0: job B (5120 bytes) waits in the job queue");
    SAYS("unit 0: job C (58368 bytes) is refused");
    SAYS("unit 20: job B (5120 bytes) is done");
    end();
}

static void shared_segments(void) {
    struct kb_process *q;
    uint32_t lib;
    begin(&(struct machine_wish){
        .format = "segments", .frames = 1, .asid_bits = 4, .tlb = {{1, 4, KB_TLB_LRU, 0}}});
    CHECK(kb_os_shared(&os, "lib", 0x2000, &lib) == KB_OK);
    CHECK(kb_os_create(&os, "Q", &q) == KB_OK);
    show_object(p, lib, 0x200000, true);
    show_object(q, lib, 0x100000, true);
    CHECK(store(0x200000));
    clear();
    CHECK(store(0x201000));
    SAYS("the page table is shared: 2 segments saw the page by this one entry");
    end();
}

/* ---- what several processes see, and what programs say of their pages ---- */

static void show_object(struct kb_process *process, uint32_t what, uint64_t start, bool shared) {
    struct kb_region r = {.start = start,
                          .end = start + 0x2000,
                          .rights = KB_ENTRY_READ | KB_ENTRY_WRITE,
                          .object = what + 1,
                          .shared = shared};
    bool refused;
    snprintf(r.name, sizeof r.name, "%s", os.object[what]->name);
    clear();
    CHECK(kb_os_region(&os, process, &r, &refused) == KB_OK && !refused);
}

static void sharing(void) {
    struct kb_process *q;
    uint32_t lib;
    begin(&(struct machine_wish){.frames = 1});
    clear();
    CHECK(kb_os_shared(&os, "lib", 0x2000, &lib) == KB_OK);
    SAYS("shared memory lib: 8192 bytes of zeros");
    JSON_SAYS("\"object\":\"lib\",\"kind\":\"shared\",\"bytes\":8192}");
    CHECK(kb_os_create(&os, "Q", &q) == KB_OK);
    show_object(p, lib, 0x1000, true);
    SAYS("P: region lib is legal: shared memory, 8192 bytes from 0x1000 on, rw-");
    JSON_SAYS("\"object\":\"lib\",\"shared\":true,\"guard\":false}");
    show_object(q, lib, 0x5000, true);
    CHECK(store(0x1000));
    kb_os_switch(&os, q);
    CHECK(load(0x5000));
    SAYS("trap: page fault: page 5", "1 the reference is legal: region lib",
         "page 5 is in frame 0 already: nothing is read, a soft fault (reference count 2)",
         "5 both tables", "6 the instruction");
    CHECK(load(0x6000));
    SAYS("proposes page 1 of P as victim", "written to slot 0", "the entry of page 1 of P at 0x",
         "it is shared: the entry of page 5 of Q at 0x", "invalid now, too");
    end();
}

static void file(void) {
    struct kb_store inner, failing;
    uint32_t data;
    begin(&(struct machine_wish){.frames = 1});
    CHECK(kb_store_memory(&inner, 4096, 2, NULL, &error) == KB_OK);
    CHECK(kb_store_failing(&failing, &inner, &error) == KB_OK);
    clear();
    CHECK(kb_os_file(&os, "data", 0x2000, NULL, &failing, &data) == KB_OK);
    SAYS("file data: 8192 bytes");
    show_object(p, data, 0, true);
    SAYS("region data is legal: a file", "what is written is the file's");
    show_object(p, data, 0x4000, false);
    SAYS("region data is legal: a file", "a copy of its own");
    CHECK(store(0x1000));
    SAYS("4 page 1 comes into frame 0: page 1 of the file data");
    CHECK(load(0));
    SAYS("page 1 of P was modified: frame 0 is written to the file data, page 1 there");
    CHECK(store(0));
    clear();
    CHECK(kb_os_sync(&os, p, 0, 0x2000) == 0);
    SAYS("frame 0 is written to the file data, page 0 there",
         "P writes 8192 bytes from 0x0 on back to their file: pages that were modified: 1");
    kb_store_fail(&failing, KB_STORE_READ_ERROR, 1, 1);
    CHECK(!load(0x1000));
    SAYS("the file data fails at page 1 of P, page 1 there: ", "its page could not be read");
    end();
}

/* ---- contiguous storage ---- */

static bool segment(struct kb_process *of, const char *name, uint64_t length, unsigned rights) {
    struct kb_region wanted = {.end = length, .rights = rights};
    bool refused;
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    CHECK(kb_storage_begin_segment(&os, of, &wanted, KB_NO_AREA,
                                   (struct kb_placement_wish){KB_ANYWHERE, 0}, &refused) == KB_OK);
    return !refused;
}

static void contiguous_segments(void) {
    struct machine_wish wish = {.storage = {.organisation = KB_SEGMENTATION, .bytes = 1000},
                                .failing = true};
    uint64_t moved;
    bool refused;
    wish.tlb[0] = (struct kb_tlb_geometry){1, 4, KB_TLB_LRU, 0};
    begin(&wish);
    SAYS("it has an empty segment table");
    p->skips = true;
    segment(p, "a", 400, KB_ENTRY_READ | KB_ENTRY_WRITE);
    segment(p, "b", 300, KB_ENTRY_READ);
    segment(p, "c", 500, KB_ENTRY_RIGHTS);
    SAYS("P: segment a, 400 bytes, rw-");
    clear();
    CHECK(store(0x10));
    SAYS("0x10 = segment 0 | displacement 0x10", "the descriptor of segment 0 is in none",
         "descriptor 0 at 0x3f0: not in memory", "trap: missing segment: segment 0, a",
         "1 the reference is legal: segment a, rw-",
         "3 a, 400 bytes, goes to 0x0: a hole of 1000, chosen by first fit; 600 are left",
         "4 a comes in: 400 zeros at 0x0", "5 the descriptor at 0x3f0 says so", "6 the instruction",
         "R and M are set now", "16 is below the limit 400: base 0x0 + 0x10 = physical 0x10");
    JSON_SAYS("\"steps\":[{\"level\":0,\"index\":0,\"address\":\"0x3f0\"",
              "\"bits_set\":[\"referenced\",\"modified\"]");
    CHECK(load(0x10000));
    CHECK(load(0x20000));
    SAYS("no hole is large enough: policy fifo proposes segment 0, a, of P as victim: 400 bytes "
         "(R=1, M=1)",
         "a of P was modified: its 400 bytes are written, from slot 0",
         "a of P is absent now in its descriptor: 400 bytes are free at 0x0",
         "compaction: b of P, 300 bytes, moves from 0x190 to 0x0", "compaction is done: 300 bytes",
         "3 c, 500 bytes, goes to 0x12c");
    clear();
    CHECK(!store(0x10000));
    SAYS("trap: segment protection: b has rights r--", "1 the reference is not legal");
    CHECK(!load(0x2ffff));
    SAYS("trap: segment overflow: displacement 65535 is beyond the end of c, which has 500 bytes");
    CHECK(!load(0x90000));
    SAYS("trap: fault invalid-segment");
    CHECK(load(0x10));
    SAYS("it was not modified", "b of P is absent now", "4 a comes back: 400 bytes");
    CHECK(kb_storage_advise(&os, p, 0, 1, KB_ADVICE_PIN, &refused) == KB_OK && !refused);
    CHECK(!load(0x20000) || os.counters.faults > 0);
    CHECK(kb_storage_advise(&os, p, 0, 1, KB_ADVICE_RELEASE, &refused) == KB_OK && refused);
    CHECK(kb_storage_advise(&os, p, 0, 1, KB_ADVICE_UNPIN, &refused) == KB_OK && !refused);
    SAYS("P says of its segments: unpin");
    CHECK(kb_storage_resize(&os, p, &p->regions[0], 410, &refused) == KB_OK && !refused);
    SAYS("P: segment a has 410 bytes now");
    CHECK(kb_storage_protect(&os, p, &p->regions[0], KB_ENTRY_READ) == KB_OK);
    SAYS("P: the segment's rights are r-- now");
    CHECK(kb_storage_compact(&os, &moved) == KB_OK);
    JSON_SAYS("\"event\":\"compact\"", "\"largest_hole\":");
    CHECK(kb_os_swap_out(&os, p, &refused) == KB_OK && !refused);
    SAYS("P is swapped out, whole: segments that left:");
    CHECK(kb_os_swap_in(&os, p, false, &refused) == KB_OK && !refused);
    SAYS("P is swapped in, whole: segments that came:");
    CHECK(kb_os_swap_in(&os, p, false, &refused) == KB_OK && refused); /* a, b and c at once */
    kb_os_exit(&os, p, KB_REASON_DONE, 0);
    SAYS("what P had is free again:", "bytes of memory");
    end();
}

static void programs(void) {
    struct machine_wish wish = {.storage = {.organisation = KB_FIXED_ABSOLUTE,
                                            .bytes = 1000,
                                            .system = 100,
                                            .partition = {300, 500},
                                            .partitions = 2}};
    begin(&wish);
    p->skips = true;
    segment(p, "program", 250, KB_ENTRY_RIGHTS);
    SAYS("3 program, 250 bytes, goes to 0x64: a partition of 300; 50 of it stay unused");
    clear();
    CHECK(load(110));
    SAYS("0x6e lies between the bounds 0x64 and 0x15e: it is the physical address");
    CHECK(!load(10));
    SAYS("0xa does not lie between the bounds",
         "trap: protection fault: 0xa lies below the boundary register, 0x64");
    CHECK(!load(400));
    SAYS("is beyond the end of program, which has 250 bytes");
    end();
}

static void stack(void) {
    bool refused;
    begin(&(struct machine_wish){.frames = 2});
    region(p, "stack", 0x8000, 0x9000, KB_ENTRY_READ | KB_ENTRY_WRITE);
    p->regions[p->region_count - 1].lowest = 0x7000;
    struct kb_region guard = {.name = "guard", .start = 0x6000, .end = 0x7000, .guard = true};
    clear();
    CHECK(kb_os_region(&os, p, &guard, &refused) == KB_OK && !refused);
    SAYS("P: region guard is a guard: nobody may be in 4096 bytes from 0x6000 on");
    CHECK(store(0x7ff0));
    SAYS("trap: page fault", "the stack stack grows: from 0x7000 on, 8192 bytes",
         "1 the reference is legal: region stack");
    CHECK(!store(0x6ff0));
    SAYS("1 the reference is not legal: page 6 is a guard", "2 P ends: guard page");
    end();
}

static void forks(void) {
    struct kb_process *child;
    bool refused;
    begin(&(struct machine_wish){.frames = 4});
    CHECK(store(0x1000) && load(0x2000));
    clear();
    CHECK(kb_os_fork(&os, p, "C", &child, &refused) == KB_OK && !refused);
    SAYS("C is a copy of P: both see the same 2 pages");
    JSON_SAYS("\"event\":\"fork\"", "\"process\":\"C\",\"parent\":\"P\",\"pages\":2}");
    kb_os_switch(&os, child);
    CHECK(store(0x1000));
    SAYS("trap: protection fault: page 1 grants r-x, not the right to write",
         "1 the reference is legal: C has no regions", "3 frame 2 is taken",
         "copy on write: page 1 is written and others see it too: frame 2 gets a copy of frame 0",
         "6 the instruction");
    kb_os_switch(&os, p);
    CHECK(store(0x1000));
    SAYS("copy on write: nobody else has page 1 any more");
    JSON_SAYS("\"physical\":\"0x0\"");
    end();
}

/* Two processes whose working sets do not fit, and no more. */
static void load_control(void) {
    struct kb_process *q;
    begin(&(struct machine_wish){.frames = 3, .load = "working-set:window=10"});
    CHECK(kb_os_create(&os, "Q", &q) == KB_OK);
    CHECK(store(0x1000) && store(0x2000));
    kb_os_switch(&os, q);
    CHECK(store(0x1000) && store(0x2000));
    clear();
    CHECK(kb_os_balance(&os) == KB_OK);
    CHECK(q->state == KB_SWAPPED);
    SAYS("load control suspends Q: active processes left: 1; their working sets: 2 pages, for 3 "
         "frames (working-set)",
         "Q is swapped out, whole: pages that left:");
    clear();
    kb_os_exit(&os, p, KB_REASON_DONE, 0);
    CHECK(kb_os_balance(&os) == KB_OK);
    SAYS("load control resumes Q: active processes now: 1; their working sets: 2 pages");
    JSON_SAYS("\"event\":\"resume\"",
              "\"criterion\":\"working-set\",\"active\":1,\"working_sets\":2");
    end();
}

static void advice(void) {
    bool refused;
    uint8_t byte = 1;
    begin(&(struct machine_wish){.frames = 3, .low = 1, .high = 2});
    CHECK(store(0x1000) && store(0x2000));
    clear();
    CHECK(kb_os_store(&os, 0x3000, &byte, 1, &refused) == KB_OK);
    SAYS("frames are to be free before they are needed: policy fifo proposes page 1 of P",
         "pages that went before their frames were needed: 2; free frames now: 2");
    CHECK(load(0x1000));
    SAYS("page 1 is still in frame 0, which stands by: nothing is read, a soft fault");
    JSON_SAYS("\"event\":\"translation\"");
    clear();
    kb_os_release(&os, p, 0x1000, 0x2000, &refused);
    SAYS("P releases 4096 bytes from 0x1000 on: pages that it gives back: 1");
    clear();
    CHECK(kb_os_pin_pages(&os, p, 0x3000, 0x4000, &refused) == KB_OK && !refused);
    SAYS("P pins 4096 bytes from 0x3000 on: pages that stay in memory: 1");
    kb_os_unpin_pages(&os, p, 0x3000, 0x4000, &refused);
    SAYS("P unpins");
    kb_os_discard(&os, p, 0x3000, 0x4000, &refused);
    SAYS("P discards", "what only it had is gone");
    CHECK(store(0x4000));
    clear();
    CHECK(kb_os_swap_out(&os, p, &refused) == KB_OK && !refused);
    SAYS("written to slot", "P is swapped out, whole: pages that left: 1, of them written: 1");
    CHECK(kb_os_swap_in(&os, p, false, &refused) == KB_OK && !refused);
    SAYS("P is swapped in, whole: pages that came: 3, transfers of the disk: 0");
    end();
}

static void paged_tables(void) {
    begin(&(struct machine_wish){.format = "x86-32", .frames = 3, .tables = KB_TABLES_PAGEABLE});
    CHECK(store(0x1000)); /* a root, a table, a page */
    CHECK(store(UINT64_C(1) << 22));
    clear();
    CHECK(load(0x1000));
    SAYS("table fault: page table 0 of P comes back into frame", "6 the instruction",
         "page table 1 of P shows no page: its frame", "it goes to slot", "6 the instruction");
    end();
}

static void spanish(void) {
    error.language = KB_SPANISH;
    begin(&(struct machine_wish){.frames = 1, .levels = 2, .tlb = {{1, 2, KB_TLB_LRU, 0}}});
    SAYS("comienza el proceso P");
    CHECK(store(0x1234));
    CHECK(store(0x2234));
    SAYS("P escribe 1 byte en la dirección virtual 0x2234", "TLB (registros asociativos)",
         "tabla de nivel 1", "trampa: fallo de página", "bit válido-inválido",
         "1 la referencia es válida", "3 no hay marco libre", "víctima",
         "por qué: sale la página 1", "archivo de paginación", "4 la página 2 entra en el marco 0",
         "5 se actualizan ambas tablas", "6 se reinicia la instrucción",
         "dirección física 0x234 = marco 0 | desplazamiento 0x234");
    CHECK(!load(UINT64_C(1) << 33));
    SAYS("trampa: fallo overflow", "2 P termina: desbordamiento");
    end();
    begin(&(struct machine_wish){.frames = 1});
    CHECK(store(0x1000));
    SAYS("0x1000 = página 1 | desplazamiento 0x0");
    end();
    error.language = KB_ENGLISH;
}

int main(int count, char **arguments) {
    print_json = count > 1 && strcmp(arguments[1], "--json") == 0;
    if (print_json)
        printf("{\"events_version\":%d,\"file\":\"test_narrate\",\"events\":[",
               KB_OS_EVENTS_VERSION);
    x86_64();
    riscv_superpage();
    reserved();
    six_steps();
    image();
    minimum_frames();
    tables_full();
    protection_on_hit();
    kernel_zone();
    relocation();
    job_queue();
    no_paging();
    two_levels();
    switches();
    inverted_table();
    commands();
    policies();
    opt();
    failures();
    waiting();
    time_passes();
    ahead();
    sharing();
    file();
    contiguous_segments();
    programs();
    stack();
    forks();
    advice();
    load_control();
    paged_tables();
    spanish();
    segments();
    shared_segments();
    for (unsigned i = 0; i < KB_OS_EVENT_KINDS; i++) {
        if (!seen[i])
            printf("no event %s\n", kb_os_event_name((enum kb_os_event_kind)i));
        CHECK(seen[i]);
    }
    if (print_json) {
        printf("],\"expectations\":0,\"failed\":0,\"counters\":{}}\n");
        return harness_failures != 0;
    }
    printf("longest line, %zu columns: %s\n", columns(longest, strlen(longest)), longest);
    return harness_end();
}
