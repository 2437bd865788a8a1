/* SPDX-License-Identifier: MIT */
/* xattr.h: what xattr.c, ea_inode.c (values in inodes) and inline.c (file content among the attributes) share. */
#ifndef NESTLING_EXT4_XATTR_H
#define NESTLING_EXT4_XATTR_H

#include "kernel/fs/ext4/ext4.h"

#define EXT4_VALUE_MAX 65536U /* what a value in an inode of its own may have */

/* ea_inode.c. 0 or -errno. */
int ext4_value_read(struct super_block *sb, u32 ino, void *buf, u32 size); /* all of it */
int ext4_value_create(
	struct ext4_handle *h, struct inode *owner, const void *value, u32 size, u32 *ino);
int ext4_value_ref(struct ext4_handle *h, struct super_block *sb, u32 ino,
	int by); /* +1 or -1; at 0 it goes */
u32 ext4_value_hash(const struct ext4_sb *sbi, const void *value, u32 size);

/* The attribute system.data; i_data_sem held for writing where it changes. A value, allocated (*size 0: NULL), -ENODATA when there is none. */
int ext4_system_data(struct inode *inode, u8 **value, u32 *size);
/* @value NULL: it goes. -ENOSPC: it does not fit into the inode beside what must be there. The caller writes the inode. */
int ext4_set_system_data(struct ext4_handle *h, struct inode *inode, const void *value, u32 size);

#endif
