/* churn.c - COUNT mappings of three pages that come and go, a store to each; says done, returns 21.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 1;
    for (long i = 0; i < count; i++) {
        volatile char *memory =
            mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return 1;
        memory[i % (3 * 4096)] = 1;
        if (munmap((void *)memory, 3 * 4096) != 0)
            return 2;
    }
    printf("done\n");
    return 21;
}
