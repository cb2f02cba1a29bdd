/* forks.c - threads and forks together: the first thread forks while others live, then another one
 * does; each child writes 1000 times to a page and ends. */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned char written[4096] __attribute__((aligned(4096)));
static pthread_barrier_t done;

static void have_child(const char *whose) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 1000; i++)
            written[0] = (unsigned char)i;
        _exit(7);
    }
    waitpid(pid, &status, 0);
    printf("%s %d\n", whose, status);
    fflush(stdout);
}

static void *wait_there(void *unused) {
    pthread_barrier_wait(&done);
    return unused;
}

static void *fork_there(void *unused) {
    have_child("another");
    return unused;
}

int main(void) {
    pthread_t waits, forks;
    pthread_barrier_init(&done, NULL, 2);
    if (pthread_create(&waits, NULL, wait_there, NULL) != 0)
        return 2;
    have_child("first");
    if (pthread_create(&forks, NULL, fork_there, NULL) != 0)
        return 2;
    pthread_join(forks, NULL);
    pthread_barrier_wait(&done);
    pthread_join(waits, NULL);
    have_child("alone");
    printf("%lx\n", (unsigned long)written / 4096);
    return 0;
}
