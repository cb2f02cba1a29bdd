/* threads.c - threads at once, each on a page of its own, with other destructors of a thread's end;
 * then 5,000, one after the other. Prints where the pages are. */
#include <pthread.h>
#include <stdio.h>

#define PAGE 4096
#define AT_ONCE 8
#define IN_TURN 5000

static volatile char area[AT_ONCE + 3][PAGE] __attribute__((aligned(PAGE)));
static pthread_key_t key;
static pthread_barrier_t all;

static void at_end(void *page) { ((volatile char *)page)[9] = 1; }

static void *work(void *page) {
    pthread_setspecific(key, page);
    pthread_barrier_wait(&all);
    for (int i = 0; i < 100000; i++)
        ((volatile char *)page)[i & 1023] = 1; /* a run */
    for (int i = 0; i < 5000; i++) {           /* none */
        ((volatile char *)page)[0] = 1;
        (void)((volatile char *)page)[1];
    }
    return NULL;
}

static void *once(void *page) {
    ((volatile char *)page)[0] = 1;
    return NULL;
}

int main(void) {
    pthread_t threads[AT_ONCE], thread;
    pthread_key_create(&key, at_end);
    pthread_barrier_init(&all, NULL, AT_ONCE);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_create(&threads[i], NULL, work, (void *)area[i]);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < IN_TURN; i++) {
        if (pthread_create(&thread, NULL, once, (void *)area[AT_ONCE]) != 0)
            return 1;
        pthread_join(thread, NULL);
    }
    printf("%p\n", (void *)area);
    return 0;
}
