/* process.c - regions and images. */
#include "os/process.h"

#include "base/random.h"

uint8_t kb_image_byte(uint64_t seed, uint64_t i) {
    struct kb_random random = {seed + i / 8};
    return (uint8_t)(kb_random_next(&random) >> 8 * (i % 8));
}

void kb_image_fill(const struct kb_image *image, uint64_t at, uint8_t *page, uint32_t bytes) {
    at += image->offset;
    if (image->bytes == NULL) {
        for (uint32_t i = 0; i < bytes; i++)
            page[i] = kb_image_byte(image->seed, at + i);
        return;
    }
    if (at < image->length) {
        uint64_t left = image->length - at;
        memcpy(page, image->bytes + at, left < bytes ? (size_t)left : bytes);
    }
}

/* A page belongs to the region that has any byte of it; regions do not share pages. */
const struct kb_region *kb_process_region(const struct kb_process *process, uint64_t address,
                                          uint64_t page_bytes) {
    for (uint32_t i = 0; i < process->region_count; i++) {
        const struct kb_region *region = &process->regions[i];
        if (address >= region->start && address <= ((region->end - 1) | (page_bytes - 1)))
            return region;
    }
    return NULL;
}

uint64_t kb_process_waste(const struct kb_process *process, uint64_t page_bytes) {
    uint64_t waste = 0;
    for (uint32_t i = 0; i < process->region_count; i++)
        waste += -process->regions[i].end & (page_bytes - 1);
    return waste;
}
