/* workers.c - a pool of threads that take numbered tasks from a counter.
 *
 * One round at a time: run() publishes the task, works itself too, and waits
 * until every taker is done. Threads start with the first round. */
#include "host/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pool {
    struct kb_workers table;
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    pthread_t *threads;
    unsigned started; /* threads, without the caller */
    uint64_t round;
    unsigned busy; /* threads that have not finished this round */
    bool stop;

    void (*task)(void *argument, unsigned index);
    void *argument;
    unsigned count;
    atomic_uint next;
};

static void take_tasks(struct pool *pool) {
    for (;;) {
        unsigned index = atomic_fetch_add(&pool->next, 1);
        if (index >= pool->count)
            return;
        pool->task(pool->argument, index);
    }
}

static void *work(void *context) {
    struct pool *pool = context;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->stop)
            pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->lock);
        take_tasks(pool);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void start_threads(struct pool *pool) {
    while (pool->started + 1 < pool->table.count) {
        if (pthread_create(&pool->threads[pool->started], NULL, work, pool) != 0) {
            pool->table.count = pool->started + 1; /* fewer hands, the same work */
            return;
        }
        pool->started++;
    }
}

static void run(void *context, void (*task)(void *argument, unsigned index), void *argument,
                unsigned count) {
    struct pool *pool = context;
    if (count <= 1 || pool->table.count <= 1) {
        for (unsigned i = 0; i < count; i++)
            task(argument, i);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    start_threads(pool);
    pool->task = task;
    pool->argument = argument;
    pool->count = count;
    atomic_store(&pool->next, 0);
    pool->busy = pool->started;
    pool->round++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    take_tasks(pool);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static unsigned cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    return 1;
}

const struct kb_workers *kb_workers_new(unsigned threads) {
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    unsigned count = threads > 0 ? threads : cores();
    pool->threads = calloc(count, sizeof *pool->threads);
    if (pool->threads == NULL) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->table = (struct kb_workers){pool, count, run};
    return &pool->table;
}

void kb_workers_free(const struct kb_workers *workers) {
    if (workers == NULL)
        return;
    struct pool *pool = workers->context;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->done);
    free(pool->threads);
    free(pool);
}
