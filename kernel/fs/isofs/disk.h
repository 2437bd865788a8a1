/* SPDX-License-Identifier: MIT */
/*
 * disk.h: ISO 9660 (ECMA-119), Joliet, and the System Use entries of SUSP and Rock Ridge (IEEE
 * P1281, P1282), as they lie on disk.
 *
 * Numbers are stored twice, little and big endian. The driver reads the little endian ones.
 */
#ifndef NESTLING_ISOFS_DISK_H
#define NESTLING_ISOFS_DISK_H

#include "kernel/lib/types.h"

#define ISO_SECTOR 2048U
#define ISO_SECTOR_BITS 11
#define ISO_FIRST_DESCRIPTOR 16
#define ISO_MAX_DESCRIPTORS 100
enum { ISO_VD_PRIMARY = 1, ISO_VD_SUPPLEMENTARY = 2, ISO_VD_END = 255 };

struct iso_dir_record {
	u8 length, ext_attr_length;
	__le32 extent;
	__be32 extent_be;
	__le32 size;
	__be32 size_be;
	/*
	 * Years since 1900, month, day, hour, minute, second, time zone in quarters of an hour east
	 * of Greenwich.
	 */
	u8 date[7];
	u8 flags;
	u8 unit_size, interleave;
	__le16 volume;
	__be16 volume_be;
	u8 name_len;
	u8 name[];
} __packed;
_Static_assert(sizeof(struct iso_dir_record) == 33, "directory record");
#define ISO_HIDDEN 1
#define ISO_DIRECTORY 2
#define ISO_ASSOCIATED 4
#define ISO_NOT_FINAL 128 /* the file has another section */

struct iso_volume_descriptor {
	u8 type;
	char id[5]; /* "CD001" */
	u8 version, flags;
	char system[32], volume[32];
	u8 unused[8];
	__le32 blocks;
	__be32 blocks_be;
	/* the character set, in a supplementary (Joliet) descriptor */
	u8 escape[32];
	__le16 set_size;
	__be16 set_size_be;
	__le16 sequence;
	__be16 sequence_be;
	__le16 block_size;
	__be16 block_size_be;
	u8 path_tables[24];
	u8 root[34]; /* directory record of the root */
	u8 rest[ISO_SECTOR - 190];
} __packed;
_Static_assert(sizeof(struct iso_volume_descriptor) == ISO_SECTOR, "volume descriptor");

/* ---- System Use entries ---- */

struct susp {
	u8 sig[2], length, version;
	u8 data[];
} __packed;

/*
 * Byte offsets in susp.data of numbers that are stored in both byte orders: the offset of the
 * little endian half. *_SIZE: bytes of susp.data that this type of entry needs. The constants from
 * RR_NM_CONTINUE on are flags of entries.
 */
#define SUSP_CE_BLOCK 0
#define SUSP_CE_OFFSET 8
#define SUSP_CE_LENGTH 16
#define SUSP_CE_SIZE 24
#define RR_PX_MODE 0
#define RR_PX_LINKS 8
#define RR_PX_UID 16
#define RR_PX_GID 24
#define RR_PX_SIZE 32
#define RR_PN_HIGH 0
#define RR_PN_LOW 8
#define RR_PN_SIZE 16
#define RR_NM_CONTINUE 1
#define RR_NM_CURRENT 2
#define RR_NM_PARENT 4
#define RR_SL_CONTINUE 1
#define RR_SL_CURRENT 2
#define RR_SL_PARENT 4
#define RR_SL_ROOT 8
#define RR_TF_CREATE 1
#define RR_TF_MODIFY 2
#define RR_TF_ACCESS 4
#define RR_TF_ATTRIBUTES 8
#define RR_TF_LONG 128 /* 17-byte dates */

#endif
