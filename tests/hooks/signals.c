/* signals.c - a timer's handler notes while hooks run: it returns, or leaves with siglongjmp, on
 * the same stack or on another one. The main program's own references are counted: 100,000 and more
 * to pages 0 and 1, 12,345 to page 3 at the end; the handler's are 1,500 reads and writes of
 * page 2. Prints where the pages are, and how often it came. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define PAGE 4096

static volatile char area[4][PAGE] __attribute__((aligned(PAGE)));
static sigjmp_buf back;
static volatile sig_atomic_t leaves, came, over;

/* One at a time, so that the main program always has its turn. */
static void set_timer(void) {
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, over ? 0 : 300}}, NULL);
}

static void handle(int number) {
    (void)number;
    for (int i = 0; i < 1500; i++) { /* more than a chunk */
        area[2][i % PAGE] = 1;
        (void)area[2][0];
    }
    came++;
    set_timer();
    if (leaves)
        siglongjmp(back, 1);
}

static void work(volatile long *left) {
    while (*left > 0) {
        area[0][*left % PAGE] = 1;
        (void)area[1][0];
        --*left;
    }
}

int main(int count, char **arguments) {
    struct sigaction action = {.sa_handler = handle};
    static volatile long left = 100000;
    static char other[65536];
    for (int i = 1; i < count; i++) {
        leaves |= strcmp(arguments[i], "leave") == 0;
        if (strcmp(arguments[i], "other") == 0)
            action.sa_flags = SA_ONSTACK;
    }
    sigaltstack(&(stack_t){.ss_sp = other, .ss_size = sizeof other}, NULL);
    sigaction(SIGALRM, &action, NULL);
    set_timer();
    sigsetjmp(back, 1);
    work(&left);
    leaves = 0;
    over = 1;
    set_timer();
    for (int i = 0; i < 12345; i++)
        area[3][i % PAGE] = 1;
    printf("%p %d\n", (void *)area, (int)came);
    return 0;
}
