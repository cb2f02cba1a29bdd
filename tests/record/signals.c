/* signals.c - HOW: a program that meets signals. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static volatile unsigned long rounds;

static void note(int number) { caught = number; }

/* Until it is told to end, or a handler has run. */
static int wait_for_one(const char *name) {
    printf("%s\n", name);
    while (caught == 0)
        usleep(1000);
    printf("caught %d\n", (int)caught);
    return 40 + (int)caught;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(how, "segv") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(how, "trap") == 0)
        __builtin_trap();
    if (strcmp(how, "ready") == 0)
        return wait_for_one("ready");
    if (strcmp(how, "spin") == 0) { /* for as long as it is let */
        printf("ready\n");
        for (;;)
            rounds++;
    }
    if (strcmp(how, "nap") == 0) { /* so too, but no faster than it must */
        printf("ready\n");
        for (;; usleep(1000))
            for (int i = 0; i < 1000; i++)
                rounds++;
    }
    if (strcmp(how, "handle") == 0) {
        static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                      SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            signal(numbers[i], note);
        return wait_for_one("ready");
    }
    if (strcmp(how, "catch-segv") == 0) {
        signal(SIGSEGV, note);
        raise(SIGSEGV);
        return caught == SIGSEGV ? 41 : 1;
    }
    if (strcmp(how, "ignores") == 0)
        return 50 + (signal(SIGCHLD, SIG_DFL) == SIG_IGN);
    if (strcmp(how, "timer") == 0) { /* a handler that runs often, in the middle of a loop */
        const struct itimerval often = {{0, 1000}, {0, 1000}};
        signal(SIGALRM, note);
        setitimer(ITIMER_REAL, &often, NULL);
        for (int ticks = 0; ticks < 50; rounds++)
            if (caught != 0) {
                caught = 0;
                ticks++;
            }
        return 42;
    }
    return 1;
}
