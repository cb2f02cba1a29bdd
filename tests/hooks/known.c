/* known.c - a program whose data references can be counted by hand, page by page (record_hooks.sh
 * has the sums). Prints where its pages are. */
#include <stdio.h>
#include <string.h>

#define PAGE 4096
#define PAGES 64

static volatile char area[PAGES][PAGE] __attribute__((aligned(PAGE)));

int main(int count, char **arguments) {
    long sum = 0;
    for (int p = 0; p < PAGES; p++) /* page p: p + 1 writes */
        for (int i = 0; i <= p; i++)
            area[p][i] = 1;
    for (int p = 0; p < PAGES; p += 2) /* even ones: 100 reads */
        for (int i = 0; i < 100; i++)
            sum += area[p][i];
    *(volatile long *)(area[3] + PAGE - 4) = 1; /* 3 and 4: a write on both */
    for (long i = 0; i < 200000; i++)           /* 63: more than a word counts, 200,000 reads */
        sum += area[63][5];
    if (count > 1 && strcmp(arguments[1], "crash") == 0)
        *(volatile int *)(long)(count - 2) = 1;
    printf("%p\n", (void *)area);
    return sum == 200000 + 1024 ? 7 : 1;
}
