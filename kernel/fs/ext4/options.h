/* SPDX-License-Identifier: MIT */
/*
 * options.h: the options of a mount: flags, and numbers, which have the units of ext4's mount
 * options.
 */
#ifndef NESTLING_EXT4_OPTIONS_H
#define NESTLING_EXT4_OPTIONS_H

#include "kernel/vfs/mount/fsparam.h"

struct super_block;
struct ext4_disk_sb;

#define EXT4_OPT_MINIXDF 0x1U
#define EXT4_OPT_GRPID 0x2U
#define EXT4_OPT_VALIDITY 0x4U
#define EXT4_OPT_DIOREAD_NOLOCK 0x8U
#define EXT4_OPT_DISCARD 0x10U
#define EXT4_OPT_DELALLOC 0x20U
#define EXT4_OPT_WARN_ON_ERROR 0x40U
#define EXT4_OPT_JCSUM 0x80U
#define EXT4_OPT_NOLOAD 0x100U
#define EXT4_OPT_BARRIER 0x200U
#define EXT4_OPT_DA_ALLOC 0x400U
#define EXT4_OPT_NOUID32 0x800U
#define EXT4_OPT_DEBUG 0x1000U
#define EXT4_OPT_NOMBCACHE 0x2000U
#define EXT4_OPT_NO_PREFETCH 0x4000U
#define EXT4_OPT_NOACL 0x8000U
#define EXT4_OPT_INIT_ITABLE 0x10000U
#define EXT4_OPT_DATA_ERR_ABORT 0x20000U
/* remount with "abort": stop writing at once, as after an error */
#define EXT4_OPT_ABORT 0x40000U

enum ext4_data_mode {
	EXT4_DATA_DEFAULT,
	EXT4_DATA_JOURNAL,
	EXT4_DATA_ORDERED,
	EXT4_DATA_WRITEBACK
};

struct ext4_options {
	u32 flags; /* EXT4_OPT_* */
	/* errors: EXT4_ERRORS_*. data: enum ext4_data_mode. */
	u32 errors, data;
	u32 commit; /* in seconds */
	u32 resuid, resgid;
	/*
	 * min_batch and max_batch are in microseconds, stripe and readahead in blocks, max_dir_kb
	 * in KiB. init_itable is the option's multiplier.
	 */
	u32 min_batch, max_batch, stripe, readahead, init_itable, max_dir_kb;
	/* Position of the superblock on the device, in units of 1024 bytes. */
	u32 sb_block;
};

/*
 * Sets the default options. @d: the superblock, in which tune2fs -o and -E mount_opts store
 * defaults, or NULL.
 */
void ext4_default_options(
	struct super_block *sb, const struct ext4_disk_sb *d, struct ext4_options *o);
/*
 * Applies the options in @data to @o. Modifies @data. Returns 0, or -EINVAL and logs a line for an
 * unknown or invalid option.
 */
int ext4_parse_options(struct super_block *sb, char *data, struct ext4_options *o);
/* Prints the options that differ from @def, as ",a,b=c". Returns the length in bytes. */
int ext4_show_option_list(
	const struct ext4_options *o, const struct ext4_options *def, char *buf, size_t size);
/*
 * The options that fsconfig(2) accepts. ext4_init_params() fills the array from the tables in
 * options.c, before the type is registered.
 */
extern struct fs_param ext4_params[];
void ext4_init_params(void);

#endif
