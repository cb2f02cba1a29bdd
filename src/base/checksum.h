/* checksum.h - CRC-32C (Castagnoli), as iSCSI, ext4 and Btrfs use it: polynomial 0x1EDC6F41,
 * reflected, start and final xor 0xFFFFFFFF. */
#ifndef KB_BASE_CHECKSUM_H
#define KB_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes that continue those of previous (0 for the first). */
uint32_t kb_crc32c(uint32_t previous, const void *bytes, size_t count);

#endif
