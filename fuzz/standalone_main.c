/* standalone_main.c - runs a fuzz target on the files given as arguments, without libFuzzer: to
 * repeat a finding, or with a compiler that has no fuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *name) {
    FILE *file = fopen(name, "rb");
    uint8_t *bytes = NULL;
    size_t size = 0, room = 0, got = 1;
    if (file == NULL) {
        perror(name);
        return 1;
    }
    while (got > 0) {
        if (size == room) {
            uint8_t *larger = realloc(bytes, room = room * 2 + 4096);
            if (larger == NULL)
                abort();
            bytes = larger;
        }
        got = fread(bytes + size, 1, room - size, file);
        size += got;
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 0;
}

int main(int count, char **names) {
    int failed = 0;
    for (int i = 1; i < count; i++)
        failed |= run_file(names[i]);
    printf("%d files\n", count - 1);
    return failed;
}
