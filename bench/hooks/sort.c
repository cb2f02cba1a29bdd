/* sort.c - quicksort (Hoare, 1961), short pieces by insertion. */
#include <stdio.h>
#include <stdlib.h>

#define COUNT 4000000

static void sort(int *a, long n) {
    while (n > 16) {
        int pivot = a[n / 2];
        long i = 0, j = n - 1;
        for (;;) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i >= j)
                break;
            int other = a[i];
            a[i++] = a[j];
            a[j--] = other;
        }
        sort(a, i);
        a += i;
        n -= i;
    }
    for (long i = 1; i < n; i++) {
        int one = a[i];
        long j = i;
        for (; j > 0 && a[j - 1] > one; j--)
            a[j] = a[j - 1];
        a[j] = one;
    }
}

int main(void) {
    int *a = malloc(COUNT * sizeof *a);
    unsigned draw = 1;
    if (a == NULL)
        return 1;
    for (long i = 0; i < COUNT; i++) {
        draw = draw * 1664525 + 1013904223;
        a[i] = (int)(draw >> 1);
    }
    sort(a, COUNT);
    for (long i = 1; i < COUNT; i++)
        if (a[i] < a[i - 1])
            return 1;
    printf("%d\n", a[COUNT / 2]);
    free(a);
    return 0;
}
