/* command.c - the commands by name: those of the language, and those of processes. */
#include <stdio.h>

#include "scenario/session.h"

static const struct {
    const char *name;
    kb_status (*run)(struct kb_scenario *s);
    const char *usage;
} commands[] = {
    {"machine", kb_command_machine,
     "machine [page=4K] [frames=16 | memory=64K] [replace=fifo] [load=demand|all] "
     "[kernel=yes|ADDRESS]\n"
     "      [format=generic|sv32|sv39|sv48|sv57|x86-32|x86-64|inverted] [tables=BYTES]\n"
     "      [address=32] [levels=1 | split=10,10] [entry=4|8]\n"
     "      [tlb=16 | tlb=64x4] [tlb2=128x12] [tlb-replace=lru|fifo|random] [asids=N]\n"
     "      [swap=SLOTS] [swap-file=PATH] [stage=BLOCKS,PAGES]\n"
     "      [search=CYCLES] [io=CYCLES] [seed=N]\n"
     "      [organisation=single-user|fixed-absolute|fixed-relocatable|variable|paging|\n"
     "                    segmentation|paged-segmentation|relocation] [wx=yes]\n"
     "      [length=pages|bytes] [preset=s370|multics|atlas]\n"
     "      [os=SIZE] [partitions=8K,16K,…] [fit=first|next|best|worst] [compaction=no]\n"
     "      [cluster=PAGES] [reserve=LOW,HIGH] [disk=8ms,4ms,100M] [cycle=1us]\n"
     "      [fetch=demand|sequential|stride|history]\n"
     "      [allocation=global|equal|proportional|variable] [minimum=FRAMES]\n"
     "      [load-control=none|working-set|fault-rate[:window=…]]\n"
     "      [tables-in=apart|resident|pageable] [free=lifo|lowest|highest|random]"},
    {"process", kb_command_process, "process NAME …"},
    {"switch", kb_command_switch, "switch NAME"},
    {"kill", kb_command_kill, "kill NAME"},
    {"patch", kb_command_patch, "patch PHYSICAL VALUE [bytes=4]"},
    {"flush", kb_command_flush, "flush [all]"},
    {"fail", kb_command_fail,
     "fail read|write|short-write|no-space|corrupt|lost-write [at=1] [count=1]\n"
     "      [file=NAME | level=2|3]"},
    {"shared", kb_command_shared, "shared NAME size=16K"},
    {"file", kb_command_file, "file NAME size=16K [image=SEED]"},
    {"holes", kb_command_holes, "holes 100K,500K,… [fixed] [block=1K]   or ADDRESS:SIZE,…"},
    {"place", kb_command_place,
     "place NAME SIZE [fit=first|next|best|worst|buddy] | place NAME [cache=NAME]"},
    {"free", kb_command_free, "free NAME …"},
    {"compact", kb_command_compact, "compact"},
    {"cache", kb_command_cache, "cache NAME object=100 [slab=4K]"},
    {"reset", kb_command_reset, "reset counters|victims|referenced"},
    {"show", kb_command_show,
     "show page-table NAME | tlb | memory | free | swap | counters [NAME] | regions NAME |\n      "
     "translation NAME ADDRESS | split ADDRESS | bytes PHYSICAL LENGTH | processes | objects | "
     "holes |\n      segments NAME"},
    {"job", kb_command_job, "job NAME size=6K time=10 [partition=1] [arrives=0] [working=4K]"},
    {"run", kb_command_run, "run jobs"},
    {"expect", kb_command_expect,
     "expect [NAME] QUANTITY [=|<|>|<=|>=|!=] VALUE [±TOLERANCE] | expect fault KIND |\n      "
     "expect "
     "physical ADDRESS | expect [NAME] page N valid=… frame=… | expect NAME ended REASON | …"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static const char *const other_usages[] = {
    "NAME region WHAT start=0 size=16K [rights=rwx] [image=SEED] [grows=ADDRESS]",
    "NAME guard page=1 | start=0 size=8K",
    "NAME share WHAT start=0 [size=16K] [offset=0] [rights=rwx]",
    "NAME map file WHAT start=0 [size=16K] [offset=0] [rights=rwx] [private]",
    "NAME sync page=1 | start=0 size=8K | NAME fork CHILD",
    "NAME release|discard|pin|unpin 1 2 … | start=0 size=8K",
    "NAME swap out | NAME swap in [page-by-page]",
    "NAME allocate FRAMES | NAME allocate share",
    "NAME segment WHAT size=16K [rights=rwx] [image=SEED]   addresses: <WHAT,DISPLACEMENT>",
    "      … [base=ADDRESS] [partition=N]   where storage is contiguous",
    "NAME grow SEGMENT SIZE | NAME detach SEGMENT | NAME move SEGMENT ADDRESS | … partition=N",
    "NAME map page=1 frame=2 [rights=rwx] [size=2M] | NAME unmap page=1 | start=0 size=8K | WHAT",
    "NAME protect page=1 rights=r | start=0 size=8K rights=rx | WHAT rights=r",
    "NAME touch 1 2w 3x …        pages: read, write, execute",
    "NAME load ADDRESS [bytes=1] | NAME store ADDRESS VALUE [bytes=1] | NAME store ADDRESS "
    "\"text\"",
    "NAME compute CYCLES | NAME compute 10ms",
    "NAME execute ADDRESS | NAME inc ADDRESS [by=1] [bytes=4] | NAME copy FROM TO LENGTH",
    "NAME fill|verify START LENGTH [seed=1] [step=RECORD [unsplit]] | NAME digest START LENGTH",
    "NAME translate ADDRESS [write|execute]",
    "NAME run GENERATOR option=value … | NAME run file=PATH [format=F] [skip=N] [limit=N] "
    "[events=yes]",
    "NAME mode kernel|user | NAME handler skip|none | NAME evict PAGE | NAME relocate base=0 "
    "limit=64K",
    "repeat N … end | together [quantum=N] … end | version 1",
};

const char *kb_scenario_usage(unsigned i) {
    if (i < COMMANDS)
        return commands[i].usage;
    i -= (unsigned)COMMANDS;
    return i < sizeof other_usages / sizeof other_usages[0] ? other_usages[i] : NULL;
}

bool kb_scenario_is_word(const struct kb_word *word) {
    static const char *const others[] = {"version", "repeat", "together", "end"};
    for (unsigned i = 0; i < COMMANDS; i++)
        if (kb_word_is(word, commands[i].name))
            return true;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (kb_word_is(word, others[i]))
            return true;
    return kb_expect_is_word(word);
}

/* ---- processes ---- */

kb_status kb_scenario_process(struct kb_scenario *s, const struct kb_word *name,
                              struct kb_process **process) {
    char text[KB_NAME_BYTES] = "", all[200] = "";
    if (name == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_wants_process);
    if (name->length < KB_NAME_BYTES)
        memcpy(text, name->at, name->length);
    *process = s->built && text[0] != '\0' ? kb_os_process(&s->os, text) : NULL;
    if (*process != NULL)
        return KB_OK;
    size_t used = 0;
    for (uint32_t i = 0; s->built && i < s->os.process_count; i++) {
        const char *one = s->os.process[i]->name;
        if (used + strlen(one) + 2 >= sizeof all)
            break;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? " " : "", one);
    }
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_process,
                   (int)(name->length < 40 ? name->length : 40), name->at, used > 0 ? all : "–");
}

static kb_status process_command(struct kb_scenario *s, const struct kb_word *name) {
    struct kb_process *p;
    static const struct {
        const char *name;
        kb_status (*act)(struct kb_scenario *s, struct kb_process *p);
    } acts[] = {
        {"region", kb_act_region},     {"segment", kb_act_segment}, {"map", kb_act_map},
        {"unmap", kb_act_unmap},       {"protect", kb_act_protect}, {"mode", kb_act_mode},
        {"handler", kb_act_handler},   {"evict", kb_act_evict},     {"relocate", kb_act_relocate},
        {"guard", kb_act_guard},       {"share", kb_act_share},     {"swap", kb_act_swap},
        {"allocate", kb_act_allocate}, {"grow", kb_act_grow},       {"detach", kb_act_detach},
        {"move", kb_act_move},
    };
    kb_status status = kb_scenario_process(s, name, &p);
    if (status != KB_OK)
        return status;
    const struct kb_word *verb = kb_line_take(&s->line);
    if (verb == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_verb, p->name);
    for (unsigned i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (kb_word_is(verb, acts[i].name)) {
            if (p->state == KB_ENDED)
                return kb_fail(s->error, KB_DATA, KB_MSG_scenario_ended, p->name,
                               kb_reason_name(p->reason));
            status = kb_word_is(verb, "swap") ? KB_OK : kb_scenario_bring_back(s, p);
            return status == KB_OK ? acts[i].act(s, p) : status;
        }
    bool known;
    status = kb_perform(s, p, verb, &known);
    if (status == KB_OK && !known)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_verb,
                       (int)(verb->length < 40 ? verb->length : 40), verb->at);
    return status;
}

/* ---- one command ---- */

void kb_command_tell(struct kb_scenario *s) {
    size_t length = s->line_length;
    while (length > 0 && (s->line_text[length - 1] == '\r' || s->line_text[length - 1] == ' '))
        length--;
    if (s->rehearsing)
        return;
    if (s->options.view == KB_VIEW_NARRATE)
        kb_text_format(&s->out, "> %.*s\n", (int)(length < 900 ? length : 900), s->line_text);
    if (s->options.view == KB_VIEW_JSON) {
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)(length < 500 ? length : 500), s->line_text);
        kb_json_newline(&s->json);
        kb_json_object(&s->json, NULL);
        kb_json_string(&s->json, "event", "command");
        kb_json_u64(&s->json, "line", s->number);
        kb_json_string(&s->json, "text", text);
        kb_json_close_object(&s->json);
    }
}

kb_status kb_command(struct kb_scenario *s) {
    uint64_t most = s->options.most_commands;
    const struct kb_word *first = kb_line_peek(&s->line);
    if (s->line.count == 0)
        return KB_OK;
    if (first == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_command);
    if (++s->tally.commands > most)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_too_long, (unsigned long long)most);
    s->told = 0;
    s->muted = false;
    kb_command_tell(s);
    (void)kb_line_take(&s->line);
    if (kb_word_is(first, "version")) {
        uint64_t version;
        kb_status status = kb_line_number(&s->line, "version", &version, s->error);
        if (status == KB_OK && (version == 0 || version > KB_SCENARIO_VERSION))
            status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_version,
                             (unsigned long long)version, (unsigned long long)KB_SCENARIO_VERSION);
        return status == KB_OK ? kb_line_end(&s->line, "version 1", s->error) : status;
    }
    unsigned which = 0;
    while (which < COMMANDS && !kb_word_is(first, commands[which].name))
        which++;
    kb_status status = which < COMMANDS ? commands[which].run(s) : process_command(s, first);
    if (status == KB_OK && s->built && s->os.diverged)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_diverged);
    return status;
}
