/* launch.c - a child is started with the caller's signal mask; signals come through a descriptor.
 */
#include "record/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double kb_launch_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- what to run ---- */

static kb_status refuse(struct kb_error *error, enum kb_program_fault fault, const char *name,
                        const struct kb_program *program, int *status) {
    *status = fault == KB_PROGRAM_MISSING ? KB_LAUNCH_MISSING : KB_LAUNCH_DENIED;
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
    case KB_PROGRAM_LOADER:
        return kb_fail(error, KB_IO, KB_MSG_record_loader, program->image, program->loader);
    default:
        return kb_fail(error, KB_IO, KB_MSG_record_unknown, name);
    }
}

kb_status kb_launch_find(struct kb_launch *l, const char *name, int *status,
                         struct kb_error *error) {
    enum kb_program_fault fault = kb_program_find(name, l->path);
    if (fault == KB_PROGRAM_FINE)
        fault = kb_program_check(l->path, &l->program);
    return fault == KB_PROGRAM_FINE ? KB_OK : refuse(error, fault, name, &l->program, status);
}

/* ---- signals ---- */

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

void kb_launch_open(struct kb_launch *l) {
    sigset_t own;
    own_signals(&own);
    sigprocmask(SIG_BLOCK, &own, &l->mask);
    l->children = signal(SIGCHLD, SIG_DFL); /* where it is ignored, nobody learns of an end */
    l->signals = -1;
    keep_streams();
}

kb_status kb_launch_catch(struct kb_launch *l, struct kb_error *error) {
    sigset_t own;
    own_signals(&own);
    l->signals = signalfd(-1, &own, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signals >= 0 ? KB_OK
                           : kb_fail(error, KB_IO, KB_MSG_record_start, l->run, strerror(errno));
}

/* A signal that a terminal makes has reached the program, too; others are passed on. */
static void pass_on(struct kb_launch *l) {
    struct signalfd_siginfo info;
    while (read(l->signals, &info, sizeof info) == sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGCHLD || number == SIGPIPE || number == SIGXFSZ)
            continue;
        if (l->ended && (number == SIGINT || number == SIGTERM || number == SIGHUP))
            l->impatient = true;
        if (!l->ended && info.ssi_code <= 0)
            kill(l->pid, number);
    }
}

void kb_launch_look(struct kb_launch *l) {
    pass_on(l);
    if (!l->ended && waitpid(l->pid, &l->told, WNOHANG) == l->pid)
        l->ended = true;
}

void kb_launch_close(struct kb_launch *l) {
    const struct timespec at_once = {0};
    sigset_t own;
    own_signals(&own);
    if (l->signals >= 0)
        close(l->signals);
    while (sigtimedwait(&own, NULL, &at_once) > 0)
        ; /* what came at the end has nobody to go to */
    signal(SIGCHLD, l->children);
    sigprocmask(SIG_SETMASK, &l->mask, NULL);
    free(l->arguments);
}

/* ---- the program ---- */

/* In the child. Comes back only if it cannot be executed. */
static void become(const struct kb_launch *l, void (*before)(void *context), void *context) {
    if (before != NULL)
        before(context);
    signal(SIGCHLD, l->children);
    sigprocmask(SIG_SETMASK, &l->mask, NULL);
    execv(l->run, (char *const *)l->arguments);
}

kb_status kb_launch_start(struct kb_launch *l, void (*before)(void *context), void *context,
                          struct kb_error *error) {
    int report[2], number = 0;
    if (pipe2(report, O_CLOEXEC) != 0)
        return kb_fail(error, KB_IO, KB_MSG_record_start, l->run, strerror(errno));
    l->pid = fork();
    if (l->pid == 0) {
        become(l, before, context);
        number = errno;
        ssize_t told = write(report[1], &number, sizeof number);
        _exit(told == sizeof number ? KB_RECORD_FAILED : KB_RECORD_FAILED - 1);
    }
    if (l->pid < 0)
        number = errno;
    close(report[1]);
    if (l->pid > 0 && read(report[0], &number, sizeof number) == sizeof number)
        waitpid(l->pid, NULL, 0);
    close(report[0]);
    return number == 0 ? KB_OK
                       : kb_fail(error, KB_IO, KB_MSG_record_start, l->run, strerror(number));
}

void kb_launch_result(const struct kb_launch *l, struct kb_record_result *result) {
    result->started = true;
    result->signal = WIFSIGNALED(l->told) ? WTERMSIG(l->told) : 0;
    result->status = WIFSIGNALED(l->told) ? 128 + WTERMSIG(l->told) : WEXITSTATUS(l->told);
}

void kb_launch_progress(const struct kb_record_options *options,
                        const struct kb_stream_counts *counts, double started) {
    struct kb_record_progress progress = {
        .references = atomic_load(&counts->references),
        .pages = atomic_load(&counts->pages),
        .bytes = atomic_load(&counts->bytes),
        .seconds = kb_launch_clock() - started,
    };
    if (options->progress != NULL)
        options->progress(options->context, &progress);
}
