/* hash.c - counts numbers in a hash table with linear probing. */
#include <stdio.h>
#include <stdlib.h>

#define BITS 18
#define LOOKUPS 12000000

struct entry {
    unsigned key, count;
};

int main(void) {
    const unsigned mask = (1u << BITS) - 1;
    struct entry *table = calloc(mask + 1, sizeof *table);
    unsigned draw = 1;
    long keys = 0;
    if (table == NULL)
        return 1;
    for (long i = 0; i < LOOKUPS; i++) {
        draw = draw * 1664525 + 1013904223;
        unsigned key = (draw >> 8) % 100000 + 1, slot = key * 2654435761u >> (32 - BITS);
        while (table[slot].key != 0 && table[slot].key != key)
            slot = (slot + 1) & mask;
        keys += table[slot].key == 0;
        table[slot].key = key;
        table[slot].count++;
    }
    printf("%ld\n", keys);
    free(table);
    return 0;
}
