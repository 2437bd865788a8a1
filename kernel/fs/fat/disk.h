/* SPDX-License-Identifier: MIT */
/*
 * disk.h: FAT12, FAT16 and FAT32 as they lie on disk, little endian:
 *
 *	boot sector | reserved sectors (FAT32: FSINFO) | FATs | root directory (FAT12, FAT16)
 *	| clusters, from number 2 on
 *
 * Source: Microsoft's FAT specification 1.03; ECMA-107.
 */
#ifndef NESTLING_FAT_DISK_H
#define NESTLING_FAT_DISK_H

#include "kernel/lib/types.h"

struct fat_boot {
	u8 jump[3];
	char oem[8];
	__le16 sector_size;
	u8 cluster_sectors;
	__le16 reserved;
	u8 fats;
	__le16 root_entries, sectors16;
	u8 media;
	__le16 fat_sectors16, track, heads;
	__le32 hidden, sectors32;
	union {
		struct {
			u8 drive, state, signature;
			__le32 serial;
			char label[11], type[8];
		} __packed f16;
		struct {
			__le32 fat_sectors;
			__le16 flags, version;
			__le32 root;
			__le16 fsinfo, backup;
			u8 reserved[12], drive, state, signature;
			__le32 serial;
			char label[11], type[8];
		} __packed f32;
		u8 rest[476];
	};
} __packed;
_Static_assert(sizeof(struct fat_boot) == 512, "FAT boot sector");
#define FAT_STATE_DIRTY 1
/* flag: only the FAT whose number is in the low four bits is in use */
#define FAT32_ONE_ACTIVE 0x80

struct fat_fsinfo {
	__le32 signature1;
	u8 unused[480];
	__le32 signature2, free, next;
	u8 unused2[12];
	__le32 signature3;
} __packed;
_Static_assert(sizeof(struct fat_fsinfo) == 512, "FSINFO");
#define FSINFO_SIG1 0x41615252
#define FSINFO_SIG2 0x61417272

struct fat_slot {
	u8 name[11], attr, lcase, ctime_cs;
	__le16 ctime, cdate, adate, start_high, time, date, start;
	__le32 size;
} __packed;
_Static_assert(sizeof(struct fat_slot) == 32, "FAT directory entry");
#define FAT_ATTR_RO 1
#define FAT_ATTR_HIDDEN 2
#define FAT_ATTR_SYS 4
#define FAT_ATTR_VOLUME 8
#define FAT_ATTR_DIR 16
#define FAT_ATTR_ARCH 32
#define FAT_ATTR_LONG 15
#define FAT_LOWER_BASE 8
#define FAT_LOWER_EXT 16
#define FAT_DELETED 0xe5

struct fat_long_slot {
	u8 seq; /* FAT_LONG_LAST is set in the first slot */
	__le16 name1[5];
	u8 attr, type, sum;
	__le16 name2[6], start, name3[2];
} __packed;
_Static_assert(sizeof(struct fat_long_slot) == 32, "FAT long name entry");
#define FAT_LONG_LAST 0x40
#define FAT_LONG_UNITS 13
#define FAT_LONG_MAX 20 /* slots of the longest name */

#endif
