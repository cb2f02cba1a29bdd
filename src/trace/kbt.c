/* kbt.c - the fixed parts of the native format. */
#include "trace/kbt.h"

#include "base/checksum.h"

void kbt_pack_block_header(const struct kbt_block_header *header, uint8_t bytes[KBT_BLOCK_BYTES]) {
    memset(bytes, 0, KBT_BLOCK_BYTES);
    kbt_put(bytes, header->magic, 4);
    kbt_put(bytes + 4, header->payload_crc, 4);
    kbt_put(bytes + 8, header->stored, 4);
    kbt_put(bytes + 12, header->raw, 4);
    kbt_put(bytes + 16, header->new_pages, 4);
    kbt_put(bytes + 20, header->pages_before, 4);
    kbt_put(bytes + 24, header->references_before, 8);
    kbt_put(bytes + 32, header->references, 8);
    kbt_put(bytes + 40, header->records, 4);
    bytes[44] = header->codec;
    bytes[45] = header->flags;
    kbt_put(bytes + 48, header->events, 4);
    kbt_put(bytes + 52, header->process, 4);
    kbt_put(bytes + 60, kb_crc32c(0, bytes, 60), 4);
}

int kbt_unpack_block_header(const uint8_t bytes[KBT_BLOCK_BYTES], struct kbt_block_header *header) {
    header->magic = (uint32_t)kbt_get(bytes, 4);
    header->payload_crc = (uint32_t)kbt_get(bytes + 4, 4);
    header->stored = (uint32_t)kbt_get(bytes + 8, 4);
    header->raw = (uint32_t)kbt_get(bytes + 12, 4);
    header->new_pages = (uint32_t)kbt_get(bytes + 16, 4);
    header->pages_before = (uint32_t)kbt_get(bytes + 20, 4);
    header->references_before = kbt_get(bytes + 24, 8);
    header->references = kbt_get(bytes + 32, 8);
    header->records = (uint32_t)kbt_get(bytes + 40, 4);
    header->codec = bytes[44];
    header->flags = bytes[45];
    header->events = (uint32_t)kbt_get(bytes + 48, 4);
    header->process = (uint32_t)kbt_get(bytes + 52, 4);
    return (header->magic == KBT_BLOCK_MAGIC || header->magic == KBT_FOOTER_MAGIC) &&
           kbt_get(bytes + 60, 4) == kb_crc32c(0, bytes, 60);
}
