/* orphan.c - waits until its recorder is gone; then has 6,000 threads, one after the other. Writes
 * their number into the file FILE that it is given. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static volatile char area[65536];
static volatile int ended;

static void *work(void *unused) {
    for (int i = 0; i < 65536; i += 64)
        area[i] = 1;
    ended++;
    return unused;
}

int main(int argc, char **argv) {
    pid_t recorder = getppid();
    FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
    puts("ready");
    fflush(stdout);
    while (getppid() == recorder)
        usleep(1000);
    for (int i = 0; i < 6000; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            return 1;
        pthread_join(thread, NULL);
    }
    if (file == NULL || fprintf(file, "%d\n", ended) < 0)
        return 2;
    return fclose(file) != 0;
}
