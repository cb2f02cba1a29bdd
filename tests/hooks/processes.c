/* processes.c - what becomes of the pages' references: "fork" writes 1,000 times to page 0 before,
 * in the child 500 times to page 1, after it 300 times to page 2; "exec" executes itself, which
 * then writes 200 times to page 3; "spawn" lets a new process do that; "handler" forks in a signal
 * handler. Prints where the pages are. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

extern char **environ;
static volatile char area[6][PAGE] __attribute__((aligned(PAGE)));
static volatile sig_atomic_t forks;

static void touch(int page, int times) {
    for (int i = 0; i < times; i++)
        area[page][i % PAGE] = 1;
}

static void do_fork(void) {
    touch(0, 1000);
    pid_t child = fork();
    touch(child == 0 ? 1 : 2, child == 0 ? 500 : 300);
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

/* The child goes on where the signal came, and ends a little later. */
static void fork_here(int number) {
    (void)number;
    if (forks >= 100)
        return;
    forks++;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_IGN);
        forks = -1;
    } else {
        waitpid(child, NULL, 0);
    }
}

static void do_handler(void) {
    struct itimerval often = {{0, 500}, {0, 500}};
    signal(SIGALRM, fork_here);
    setitimer(ITIMER_REAL, &often, NULL);
    while (forks < 100)
        for (int i = 0; i < 100000; i++) {
            area[4][i % PAGE] = 1;
            area[5][i % PAGE] = 1;
            if (forks < 0 && i == 99999)
                _exit(0);
        }
}

int main(int count, char **arguments) {
    char *again[] = {arguments[0], "last", NULL};
    pid_t child;
    const char *what = count > 1 ? arguments[1] : "";
    printf("%p\n", (void *)area);
    fflush(stdout);
    if (strcmp(what, "last") == 0)
        touch(3, 200);
    else if (strcmp(what, "handler") == 0)
        do_handler();
    else
        do_fork();
    if (strcmp(what, "exec") == 0)
        execv(again[0], again);
    if (strcmp(what, "spawn") == 0 &&
        posix_spawn(&child, again[0], NULL, NULL, again, environ) == 0)
        waitpid(child, NULL, 0);
    return 0;
}
