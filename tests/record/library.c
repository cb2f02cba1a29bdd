/* library.c - SIZE numbers are sorted, printed into a text, and read again, by the C library: by
 * functions that it does not choose by the processor. */
#include <stdio.h>
#include <stdlib.h>

static int numbers[SIZE];
static char text[SIZE * 12 + 1];

static int compare(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

int main(void) {
    unsigned state = 1;
    char *at = text;
    for (int i = 0; i < SIZE; i++) {
        state = state * 1103515245u + 12345u;
        numbers[i] = (int)(state >> 8) % 1000000;
    }
    qsort(numbers, SIZE, sizeof numbers[0], compare);
    for (int i = 0; i < SIZE; i++)
        at += sprintf(at, "%d ", numbers[i]);
    long sum = 0;
    char *end = text;
    for (int i = 0; i < SIZE; i++)
        sum += strtol(end, &end, 10) & 7;
    return (int)(sum & 63);
}
