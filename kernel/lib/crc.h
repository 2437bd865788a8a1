/* SPDX-License-Identifier: MIT */
/* crc.h: checksums of on-disk formats. Data need no alignment. Callable anywhere. */
#ifndef NESTLING_LIB_CRC_H
#define NESTLING_LIB_CRC_H

#include "kernel/lib/types.h"

/*
 * Computes CRC-32 (IEEE 802.3), reflected, without the final inversion: callers pass ~0 and invert
 * for the usual form.
 */
u32 crc32_le(u32 crc, const void *p, size_t n);
/*
 * Computes CRC-32C (Castagnoli), reflected, without inversions: ext4's metadata_csum passes the
 * result of one call to the next.
 */
u32 crc32c(u32 crc, const void *p, size_t n);
/*
 * Computes CRC-16 (polynomial 0x8005, reflected): ext4's group descriptors without metadata_csum.
 */
u16 crc16(u16 crc, const void *p, size_t n);

#endif
