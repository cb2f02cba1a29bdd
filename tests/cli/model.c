/* model.c FORMAT POLICY FRAMES - a naive model of paging, for public.sh: reads a text trace,
 * searches all frames at each reference, prints references, faults, evictions, write_backs and
 * still_dirty. It shares nothing with Kilburn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    static unsigned long long page[4096], used[4096], loaded[4096];
    static int bit[4096], dirty[4096];
    unsigned long long address, now = 0, faults = 0, evictions = 0, written = 0, still = 0;
    char line[200], kind;
    int have = 0, hand = 0;
    if (argc != 4)
        return 2;
    int rw = strcmp(argv[1], "rw") == 0, frames = atoi(argv[3]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (rw ? sscanf(line, "%llx %c", &address, &kind) != 2
               : sscanf(line, "%c %llx", &kind, &address) != 2)
            return 1;
        int write = kind == 'W' || kind == 's', frame = 0;
        unsigned long long wanted = address / 4096;
        now++;
        while (frame < have && page[frame] != wanted)
            frame++;
        if (frame == have) {
            faults++;
            if (have < frames) {
                have++;
            } else {
                evictions++;
                frame = 0;
                if (strcmp(argv[2], "clock") == 0) {
                    for (; bit[hand]; hand = (hand + 1) % frames)
                        bit[hand] = 0;
                    frame = hand;
                } else {
                    unsigned long long *age = strcmp(argv[2], "lru") == 0 ? used : loaded;
                    for (int i = 1; i < frames; i++)
                        if (age[i] < age[frame])
                            frame = i;
                }
                written += (unsigned)dirty[frame];
            }
            hand = (frame + 1) % frames; /* clock: one past the frame that it fills */
            page[frame] = wanted;
            loaded[frame] = now;
            dirty[frame] = 0;
        }
        used[frame] = now;
        bit[frame] = 1;
        dirty[frame] |= write;
    }
    for (int i = 0; i < have; i++)
        still += (unsigned)dirty[i];
    printf("%llu %llu %llu %llu %llu\n", now, faults, evictions, written, still);
    return 0;
}
