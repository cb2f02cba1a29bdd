/* recorder.c - who records: QEMU, the program itself, or lackey; the first two into shared memory.
 */
#include "record/recorder.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "record/collector.h"
#include "record/lackey.h"
#include "record/launch.h"

/* A comma within an option of QEMU is written twice. */
static void double_commas(const char *from, char *to, size_t room) {
    size_t n = 0;
    for (; *from != '\0' && n + 3 < room; from++) {
        to[n++] = *from;
        if (*from == ',')
            to[n++] = ',';
    }
    to[n] = '\0';
}

/* What runs in QEMU, and does not record itself. */
static bool needs_qemu(const struct kb_launch *l, const struct kb_record_options *options) {
    return options->with == KB_RECORD_WITH_QEMU || !l->program.hooked;
}

/* plugin: room for an option of QEMU. */
static kb_status put_together(const char *const *argv, const struct kb_record_options *options,
                              struct kb_recording *head, struct kb_launch *l, char *plugin,
                              size_t room, struct kb_error *error) {
    size_t count;
    bool qemu = needs_qemu(l, options);
    l->arguments = kb_program_arguments(&l->program, argv, qemu ? 5 : 0, &count);
    if (l->arguments == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0], 0ULL);
    l->run = qemu ? options->qemu : l->program.image;
    if (!qemu)
        return KB_OK;
    snprintf(head->qemu, sizeof head->qemu, "%s", options->qemu);
    double_commas(options->plugin, head->plugin, sizeof head->plugin);
    snprintf(plugin, room, "%s,memory=%s,channel=0", head->plugin, head->memory);
    /* qemu -plugin P -0 NAME IMAGE ARGUMENTS: NAME is what the program sees as its own name */
    const char **a = l->arguments;
    a[0] = options->qemu;
    a[1] = "-plugin";
    a[2] = plugin;
    a[3] = "-0";
    a[4] = a[5];
    a[5] = l->program.image;
    return KB_OK;
}

/* ---- while it runs ---- */

/* In the child. Programs that QEMU runs do not record themselves. */
static void before_program(void *context) {
    struct kb_recording *head = context;
    head->channels[0].pid = (int32_t)getpid();
    if (head->qemu[0] == '\0')
        setenv(KB_RECORD_VARIABLE, head->memory, 1);
    else
        unsetenv(KB_RECORD_VARIABLE);
}

/* Until the program has ended and all is written. */
static void wait_for_all(struct kb_collecting *c, struct kb_launch *l) {
    double started = kb_launch_clock();
    bool ended = false;
    while (!atomic_load(&c->all_ended)) {
        struct pollfd poll_for = {.fd = l->signals, .events = POLLIN};
        poll(&poll_for, 1, ended ? 5 : KB_LAUNCH_TICK);
        kb_launch_look(l);
        if (l->impatient)
            atomic_store(&c->give_up, true);
        if (l->ended && !ended) {
            ended = true;
            atomic_store(&c->main_ended, true);
            atomic_fetch_add(&c->shared->head->bell, 1);
        }
        kb_launch_progress(c->options, &c->counts, started);
    }
    kb_collecting_end(c);
}

/* Nobody has written a reference: the file is no trace. */
static void remove_empty(const char *output) {
    struct stat status;
    if (lstat(output, &status) == 0 && S_ISREG(status.st_mode))
        unlink(output);
}

static void fill_result(const struct kb_collecting *c, struct kb_record_result *result) {
    const struct kb_recording *head = c->shared->head;
    result->references = atomic_load(&c->counts.references);
    result->pages = atomic_load(&c->counts.pages);
    result->bytes = atomic_load(&c->counts.bytes);
    result->recorded_children = c->recorded_children;
    result->dropped_children = atomic_load(&head->forks);
    result->unfollowed = atomic_load(&head->unfollowed);
    result->dropped_threads = atomic_load(&head->crowded);
    result->limited = c->limited;
}

static kb_status run(struct kb_launch *l, struct kb_collecting *c, struct kb_record_result *result,
                     struct kb_error *error) {
    kb_status status = kb_launch_catch(l, error);
    if (status == KB_OK)
        status = kb_collecting_start(c, error);
    if (status == KB_OK) {
        status = kb_launch_start(l, before_program, c->shared->head, error);
        if (status == KB_OK) {
            wait_for_all(c, l);
            kb_launch_result(l, result);
            fill_result(c, result);
        } else {
            atomic_store(&c->main_ended, true);
            kb_collecting_end(c);
        }
    }
    if (status == KB_OK && c->error.status != KB_OK) {
        *error = c->error;
        status = c->error.status;
    }
    return status;
}

/* What was recorded, for the trace's header, which cuts it. */
static void name_program(const char *const *argv, char *text, size_t room) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; argv[i] != NULL && length < room; i++)
        length += (size_t)snprintf(text + length, room - length, "%s%s", i > 0 ? " " : "", argv[i]);
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
}

/* With shared memory: in QEMU, or a program with hooks. */
static kb_status record(struct kb_launch *l, const char *const *argv, const char *name,
                        const struct kb_record_options *options, struct kb_record_result *result,
                        struct kb_error *error) {
    struct kb_collecting *c = calloc(1, sizeof *c);
    struct kb_shared shared = {.fd = -1};
    char plugin[2 * KB_RECORD_PATH + 64];
    kb_status status = KB_OK;
    if (c == NULL)
        status =
            kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0], (unsigned long long)sizeof *c);
    if (status == KB_OK && needs_qemu(l, options) && options->qemu == NULL)
        status = kb_fail(error, KB_UNSUPPORTED, KB_MSG_record_no_qemu, KB_RECORD_QEMU);
    if (status == KB_OK && needs_qemu(l, options) && options->plugin == NULL)
        status = kb_fail(error, KB_UNSUPPORTED, KB_MSG_record_no_plugin);
    if (status == KB_OK)
        status = kb_shared_open(&shared, error);
    if (status == KB_OK)
        status = put_together(argv, options, shared.head, l, plugin, sizeof plugin, error);
    if (status == KB_OK) {
        shared.head->shift = kb_log2(options->grain);
        shared.head->flags = (options->exact ? KB_RECORD_EXACT : 0u) |
                             (options->data_only ? KB_RECORD_DATA : 0u) |
                             (options->children ? KB_RECORD_CHILDREN : 0u);
        c->shared = &shared;
        c->options = options;
        c->stream = (struct kb_stream_options){.grain = options->grain,
                                               .limit = options->limit,
                                               .program = name,
                                               .host = options->host};
        status = run(l, c, result, error);
    }
    if (status == KB_OK && !c->attached) {
        bool qemu = needs_qemu(l, options);
        result->status = KB_RECORD_FAILED;
        remove_empty(options->output);
        status = kb_fail(error, KB_IO, qemu ? KB_MSG_record_not_loaded : KB_MSG_record_not_joined,
                         l->run);
    }
    kb_shared_close(&shared);
    free(c);
    return status;
}

kb_status kb_record(const char *const *argv, const struct kb_record_options *options,
                    struct kb_record_result *result, struct kb_error *error) {
    struct kb_launch *launch = calloc(1, sizeof *launch);
    *result = (struct kb_record_result){.status = KB_RECORD_FAILED};
    if (launch == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0],
                       (unsigned long long)sizeof *launch);
    char name[64];
    name_program(argv, name, sizeof name);
    kb_launch_open(launch);
    kb_status status = kb_launch_find(launch, argv[0], &result->status, error);
    if (status == KB_OK && options->with == KB_RECORD_WITH_LACKEY)
        status = kb_lackey_record(launch, argv, name, options, result, error);
    else if (status == KB_OK)
        status = record(launch, argv, name, options, result, error);
    kb_launch_close(launch);
    free(launch);
    return status;
}
