/* threads.c - COUNT threads, AT ONCE of them at a time; each writes ROUNDS times to a page of its
 * own, in a loop of known length. Where all may run at once, all begin before one ends. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 4096, MOST = 1024 };
static unsigned char pages[MOST][PAGE] __attribute__((aligned(4096)));
static long rounds;
static pthread_barrier_t all_there;
static int together;

static void *work(void *page) {
    volatile unsigned char *byte = page;
    if (together)
        pthread_barrier_wait(&all_there);
    for (long i = 0; i < rounds; i++)
        *byte = (unsigned char)i;
    return NULL;
}

int main(int argc, char **argv) {
    static pthread_t threads[MOST];
    int count = argc > 1 ? atoi(argv[1]) : 5, at_once = argc > 2 ? atoi(argv[2]) : count;
    rounds = argc > 3 ? atol(argv[3]) : 100000;
    together = at_once == count;
    pthread_barrier_init(&all_there, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        if (i >= at_once)
            pthread_join(threads[i - at_once], NULL);
        if (pthread_create(&threads[i], NULL, work, pages[i]) != 0)
            return 2;
    }
    for (int i = count > at_once ? count - at_once : 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%lx\n", (unsigned long)pages / PAGE);
    return 0;
}
