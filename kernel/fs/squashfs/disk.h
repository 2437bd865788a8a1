/* SPDX-License-Identifier: MIT */
/*
 * disk.h: squashfs 4.0 as it lies on disk, little endian. Source: linux-doc, filesystems/squashfs.
 *
 *	superblock | options | data and fragment blocks | inodes | directories | fragment table
 *	| export table | ids | xattrs
 *
 * All parts except data are chains of metadata blocks: a 16-bit length (SQFS_META_PLAIN: not
 * compressed), then bytes that decode to at most 8 KiB. A position in such a chain is a pair:
 * position of the block, offset in the decoded bytes.
 */
#ifndef NESTLING_SQUASHFS_DISK_H
#define NESTLING_SQUASHFS_DISK_H

#include "kernel/lib/types.h"

#define SQFS_MAGIC 0x73717368
#define SQFS_META_SIZE 8192U
#define SQFS_META_PLAIN 0x8000U
#define SQFS_BLOCK_PLAIN (1U << 24) /* in a length: block is not compressed */
#define SQFS_NONE32 0xffffffffU
#define SQFS_NONE64 (~0UL)
#define SQFS_MAX_LOG 20
#define SQFS_DIR_EXTRA 3 /* a directory's size minus its listing's */
#define SQFS_DIR_RUN 256 /* most entries after one header */

enum { SQFS_ZLIB = 1, SQFS_LZMA, SQFS_LZO, SQFS_XZ, SQFS_LZ4, SQFS_ZSTD };

struct sqfs_disk_sb {
	__le32 magic, inodes, mkfs_time, block_size, fragments;
	__le16 compression, block_log, flags, ids, major, minor;
	__le64 root_inode, bytes_used, id_table, xattr_table, inode_table, directory_table,
		fragment_table, export_table;
} __packed;
_Static_assert(sizeof(struct sqfs_disk_sb) == 96, "squashfs superblock");

enum {
	SQFS_DIR = 1,
	SQFS_REG,
	SQFS_SYMLINK,
	SQFS_BLKDEV,
	SQFS_CHRDEV,
	SQFS_FIFO,
	SQFS_SOCKET,
	SQFS_LDIR,
	SQFS_LREG,
	SQFS_LSYMLINK,
	SQFS_LBLKDEV,
	SQFS_LCHRDEV,
	SQFS_LFIFO,
	SQFS_LSOCKET,
};

struct sqfs_disk_inode {
	__le16 type, mode, uid, gid; /* uid, gid: indexes into the table of ids */
	__le32 mtime, number;
} __packed;
struct sqfs_disk_dir {
	__le32 start_block, nlink;
	__le16 size, offset;
	__le32 parent;
} __packed;
struct sqfs_disk_ldir {
	__le32 nlink, size, start_block, parent;
	__le16 indices, offset;
	__le32 xattr;
} __packed;
struct sqfs_disk_reg {
	__le32 start_block, fragment, offset, size;
} __packed; /* the blocks' lengths follow */
struct sqfs_disk_lreg {
	__le64 start_block, size, sparse;
	__le32 nlink, fragment, offset, xattr;
} __packed;
/* The target follows, and after it, in the long type, the index of the xattrs. */
struct sqfs_disk_symlink {
	__le32 nlink, size;
} __packed;
struct sqfs_disk_dev {
	__le32 nlink, rdev, xattr; /* xattr only in the long type */
} __packed;
struct sqfs_disk_ipc {
	__le32 nlink, xattr;
} __packed;

struct sqfs_disk_dir_index {
	/*
	 * index: byte offset in the listing; start_block: metadata block of directories; size:
	 * length of the name - 1
	 */
	__le32 index, start_block, size;
} __packed;
struct sqfs_disk_dir_header {
	__le32 count, start_block, number; /* count: entries - 1 */
} __packed;
struct sqfs_disk_dir_entry {
	__le16 offset;
	__s16 number;      /* added to the header's number */
	__le16 type, size; /* size: length of the name - 1 */
} __packed;

struct sqfs_disk_fragment {
	__le64 start;
	__le32 size, unused;
} __packed;

struct sqfs_disk_xattr_table {
	__le64 start;
	__le32 ids, unused;
} __packed; /* positions of metadata blocks follow */
struct sqfs_disk_xattr_id {
	/*
	 * Position of the list of attributes: block << 16 | offset. The position of the block is
	 * relative to sqfs_disk_xattr_table.start.
	 */
	__le64 place;
	__le32 count, size;
} __packed;
struct sqfs_disk_xattr {
	__le16 type, size;
} __packed;
/* flag in a type: the value is stored elsewhere, and its position is stored here */
#define SQFS_XATTR_ELSEWHERE 0x100

#endif
