/* recorder.c - the program is found and started; signals go to it; its end is awaited. */
#include "record/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "record/collector.h"
#include "record/program.h"

#define TICK 100 /* milliseconds between two looks at the progress */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- what to run ---- */

#define CANNOT_EXECUTE 126
#define NOT_FOUND 127

/* What is started: QEMU with the program, or a program with hooks. */
struct command {
    char path[KB_PROGRAM_PATH]; /* of the program as it was found */
    struct kb_program program;
    char plugin[2 * KB_RECORD_PATH + 64];
    const char *run; /* the file that is executed */
    const char **arguments;
};

static kb_status refuse(struct kb_error *error, enum kb_program_fault fault, const char *name,
                        const struct kb_program *program, int *status) {
    *status = fault == KB_PROGRAM_MISSING ? NOT_FOUND : CANNOT_EXECUTE;
    switch (fault) {
    case KB_PROGRAM_MISSING:
        return kb_fail(error, KB_IO, KB_MSG_record_missing, name);
    case KB_PROGRAM_DENIED:
        return kb_fail(error, KB_IO, KB_MSG_record_denied, name);
    case KB_PROGRAM_FOREIGN:
        return kb_fail(error, KB_IO, KB_MSG_record_foreign, name,
                       kb_program_machine(program->machine),
                       kb_program_machine(kb_program_host_machine()));
    case KB_PROGRAM_INTERPRETER:
        return kb_fail(error, KB_IO, KB_MSG_record_interpreter, name, program->image);
    default:
        return kb_fail(error, KB_IO, KB_MSG_record_unknown, name);
    }
}

static kb_status find_program(const char *name, struct command *command, int *status,
                              struct kb_error *error) {
    enum kb_program_fault fault = kb_program_find(name, command->path);
    if (fault == KB_PROGRAM_FINE)
        fault = kb_program_check(command->path, &command->program);
    return fault == KB_PROGRAM_FINE ? KB_OK : refuse(error, fault, name, &command->program, status);
}

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

static kb_status put_together(const char *const *argv, const struct kb_record_options *options,
                              struct kb_shared *shared, struct command *c, struct kb_error *error) {
    size_t count;
    struct kb_recording *head = shared->head;
    bool qemu = !c->program.hooked;
    c->arguments = kb_program_arguments(&c->program, c->path, argv, qemu ? 5 : 0, &count);
    if (c->arguments == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0], 0ULL);
    c->run = qemu ? options->qemu : c->program.image;
    if (!qemu)
        return KB_OK;
    snprintf(head->qemu, sizeof head->qemu, "%s", options->qemu);
    double_commas(options->plugin, head->plugin, sizeof head->plugin);
    snprintf(c->plugin, sizeof c->plugin, "%s,memory=%s,channel=0", head->plugin, head->memory);
    /* qemu -plugin P -0 NAME IMAGE ARGUMENTS: NAME is what the program sees as its own name */
    const char **a = c->arguments;
    a[0] = options->qemu;
    a[1] = "-plugin";
    a[2] = c->plugin;
    a[3] = "-0";
    a[4] = a[5];
    a[5] = c->program.image;
    return KB_OK;
}

/* ---- the program, its signals, its end ---- */

static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                                SIGUSR2, SIGALRM, SIGCONT, SIGWINCH};

static void own_signals(sigset_t *set) {
    sigemptyset(set);
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
        sigaddset(set, forwarded[i]);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGPIPE); /* these two: writing fails instead */
    sigaddset(set, SIGXFSZ);
}

/* In the child. Comes back only if it cannot be executed. */
static void become(const struct command *command, const struct kb_recording *head,
                   const sigset_t *mask) {
    if (command->program.hooked)
        setenv("KILBURN_RECORDING", head->memory, 1);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv(command->run, (char *const *)command->arguments);
}

static kb_status start(const struct command *command, struct kb_recording *head,
                       const sigset_t *mask, pid_t *pid, struct kb_error *error) {
    int report[2], number = 0;
    if (pipe2(report, O_CLOEXEC) != 0)
        return kb_fail(error, KB_IO, KB_MSG_record_start, command->run, strerror(errno));
    *pid = fork();
    if (*pid == 0) {
        head->channels[0].pid = (int32_t)getpid();
        become(command, head, mask);
        number = errno;
        ssize_t told = write(report[1], &number, sizeof number);
        _exit(told == sizeof number ? 125 : 124);
    }
    if (*pid < 0)
        number = errno;
    close(report[1]);
    if (*pid > 0 && read(report[0], &number, sizeof number) == sizeof number)
        waitpid(*pid, NULL, 0);
    close(report[0]);
    return number == 0 ? KB_OK
                       : kb_fail(error, KB_IO, KB_MSG_record_start, command->run, strerror(number));
}

/* A signal that a terminal makes has reached the program, too; others are passed on. */
static void pass_on(int signals, pid_t pid, bool ended, struct kb_collecting *c) {
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGCHLD || number == SIGPIPE || number == SIGXFSZ)
            continue;
        if (ended && (number == SIGINT || number == SIGTERM || number == SIGHUP))
            atomic_store(&c->give_up, true);
        if (!ended && info.ssi_code <= 0)
            kill(pid, number);
    }
}

static void tell_progress(const struct kb_collecting *c, double started) {
    struct kb_record_progress progress = {
        .references = atomic_load(&c->counts.references),
        .pages = atomic_load(&c->counts.pages),
        .bytes = atomic_load(&c->counts.bytes),
        .seconds = now() - started,
    };
    if (c->options->progress != NULL)
        c->options->progress(c->options->context, &progress);
}

static bool collecting_ended(struct kb_collecting *c) { return atomic_load(&c->all_ended); }

/* Until the program has ended and all is written. Returns what waitpid tells. */
static int wait_for_all(struct kb_collecting *c, pid_t pid, int signals) {
    double started = now();
    int told = 0;
    bool ended = false;
    while (!collecting_ended(c)) {
        struct pollfd poll_for = {.fd = signals, .events = POLLIN};
        poll(&poll_for, 1, ended ? 5 : TICK);
        pass_on(signals, pid, ended, c);
        if (!ended && waitpid(pid, &told, WNOHANG) == pid) {
            ended = true;
            atomic_store(&c->main_ended, true);
            atomic_fetch_add(&c->shared->head->bell, 1);
        }
        tell_progress(c, started);
    }
    kb_collecting_end(c);
    return told;
}

static void fill_result(const struct kb_collecting *c, int told, struct kb_record_result *result) {
    const struct kb_recording *head = c->shared->head;
    result->started = true;
    result->signal = WIFSIGNALED(told) ? WTERMSIG(told) : 0;
    result->status = WIFSIGNALED(told) ? 128 + WTERMSIG(told) : WEXITSTATUS(told);
    result->references = atomic_load(&c->counts.references);
    result->pages = atomic_load(&c->counts.pages);
    result->bytes = atomic_load(&c->counts.bytes);
    result->recorded_children = c->recorded_children;
    result->dropped_children = atomic_load(&head->forks);
    result->unfollowed = atomic_load(&head->unfollowed);
    result->dropped_threads = atomic_load(&head->crowded);
    result->limited = c->limited;
}

static kb_status run(const struct command *command, struct kb_collecting *c, const sigset_t *mask,
                     struct kb_record_result *result, struct kb_error *error) {
    sigset_t own;
    pid_t pid = 0;
    own_signals(&own);
    int signals = signalfd(-1, &own, SFD_CLOEXEC | SFD_NONBLOCK);
    kb_status status =
        signals < 0 ? kb_fail(error, KB_IO, KB_MSG_record_start, command->run, strerror(errno))
                    : kb_collecting_start(c, error);
    if (status == KB_OK) {
        status = start(command, c->shared->head, mask, &pid, error);
        if (status == KB_OK) {
            fill_result(c, wait_for_all(c, pid, signals), result);
        } else {
            atomic_store(&c->main_ended, true);
            kb_collecting_end(c);
        }
    }
    if (signals >= 0)
        close(signals);
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

/* Where a standard stream is closed, no file of ours may take its place; the program finds it
 * closed. */
static void keep_streams(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

kb_status kb_record(const char *const *argv, const struct kb_record_options *options,
                    struct kb_record_result *result, struct kb_error *error) {
    struct command *command = calloc(1, sizeof *command);
    struct kb_collecting *c = calloc(1, sizeof *c);
    struct kb_shared shared = {.fd = -1};
    char name[64];
    sigset_t own, mask;
    own_signals(&own);
    sigprocmask(SIG_BLOCK, &own, &mask);
    keep_streams();
    name_program(argv, name, sizeof name);
    *result = (struct kb_record_result){.status = KB_RECORD_FAILED};
    kb_status status = command != NULL && c != NULL
                           ? find_program(argv[0], command, &result->status, error)
                           : kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0],
                                     (unsigned long long)sizeof *c);
    if (status == KB_OK && !command->program.hooked && options->qemu == NULL)
        status = kb_fail(error, KB_UNSUPPORTED, KB_MSG_record_no_qemu, KB_RECORD_QEMU);
    if (status == KB_OK && !command->program.hooked && options->plugin == NULL)
        status = kb_fail(error, KB_UNSUPPORTED, KB_MSG_record_no_plugin);
    if (status == KB_OK)
        status = kb_shared_open(&shared, error);
    if (status == KB_OK)
        status = put_together(argv, options, &shared, command, error);
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
        status = run(command, c, &mask, result, error);
    }
    if (status == KB_OK && !c->attached) {
        result->status = KB_RECORD_FAILED;
        status = kb_fail(error, KB_IO, KB_MSG_record_not_loaded, command->run);
    }
    kb_shared_close(&shared);
    free(command != NULL ? command->arguments : NULL);
    free(command);
    free(c);
    const struct timespec at_once = {0};
    while (sigtimedwait(&own, NULL, &at_once) > 0)
        ; /* what came at the end has nobody to go to */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return status;
}
