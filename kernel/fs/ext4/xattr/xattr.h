/* SPDX-License-Identifier: MIT */
/*
 * xattr.h: declarations that xattr.c, xattr_store.c (attributes on the disk), xattr_acl.c,
 * ea_inode.c (values in inodes) and inline.c (file content stored as an attribute) share.
 */
#ifndef NESTLING_EXT4_XATTR_H
#define NESTLING_EXT4_XATTR_H

#include "kernel/fs/ext4/ext4.h"

/* largest value that can lie in its own inode, in bytes */
#define EXT4_VALUE_MAX 65536U

/* ea_inode.c: values in their own inodes. The functions with an int result return 0 or -errno. */

/*
 * Reads a value into @buf, which has room for it. @size: the value's full size in bytes.
 * -EFSCORRUPTED: the inode's size or hash differs.
 */
int ext4_value_read(struct super_block *sb, u32 ino, void *buf, u32 size);
/*
 * Makes the value's inode, with a count of 1, and sets *ino to its number. At a failure there is no
 * inode.
 */
int ext4_value_create(
	struct ext4_handle *h, struct inode *owner, const void *value, u32 size, u32 *ino);
struct inode *ext4_value_hold(struct super_block *sb, u32 ino); /* ERR_PTR; drop it by iput() */
/*
 * Adds @by to the number of entries that name the value. Its inode is freed when that becomes 0.
 * Takes the i_data_sem of the value's inode.
 */
int ext4_value_ref(struct ext4_handle *h, struct super_block *sb, u32 ino,
	int by); /* 1 or -1: number of entries */
/* Returns the value's checksum, which its inode and the entries that name it have. */
u32 ext4_value_hash(const struct ext4_sb *sbi, const void *value, u32 size);

/*
 * Gets a copy of the value of the attribute system.data: sets *value, which the caller frees by
 * kfree(), and *size. Returns 0, -ENODATA if there is no such attribute, or another -errno.
 * i_data_sem is held, for writing if the value will change.
 */
int ext4_system_data(struct inode *inode, u8 **value, u32 *size);
/*
 * Sets system.data, or removes it if @value is NULL. Returns 0 or -errno: -ENOSPC if it does not
 * fit into the inode. The caller writes the inode.
 */
int ext4_set_system_data(struct ext4_handle *h, struct inode *inode, const void *value, u32 size);

/* ---- attributes in memory: xattr_store.c ---- */

/* system.data: content of a small file, which is not visible as an attribute */
#define SYSTEM 7
#define SYSTEM_DATA "data"

/* An attribute in memory. */
struct attr {
	u8 index, name_len;
	char name[256];
	u32 size;
	/*
	 * Number of the inode that holds the value, and the value's checksum. @inum 0: the value
	 * lies in the same block or inode as the entry.
	 */
	u32 inum, hash;
	bool made; /* True if this change made that inode */
	/* True if it was loaded from a block that other inodes then shared. */
	bool shared;
	/* True if this change has raised the value's count for this inode (keep_shared()). */
	bool kept;
	u8 *value;
	struct inode *held; /* set by ext4_attr_hold_value() */
};
/* more than an inode and a block can hold, since each attribute takes at least 16 bytes */
#define MAX_ATTRS 512
#define MIN_INODE_VALUE 32 /* bytes; only longer values get an inode */
struct attrs {
	u32 n;
	/*
	 * True if no other inode shared the block when this inode left or rewrote it, so that the
	 * references to value inodes that the block's entries have are this inode's. Set by
	 * ext4_attrs_store() and ext4_attrs_go().
	 */
	bool alone;
	struct attr *a[MAX_ATTRS];
};

/*
 * Loads all of @inode's attributes, which the caller frees by ext4_attrs_free(). Returns 0, or
 * -errno with nothing to free. i_data_sem is held.
 */
int ext4_attrs_load(struct inode *inode, struct attrs *as);
void ext4_attrs_free(struct attrs *as);
/*
 * Adds an attribute that is not in @as. Copies name and value. Returns 0, -ENOSPC (@as is full) or
 * -ENOMEM.
 */
int ext4_attrs_add(
	struct attrs *as, u8 index, const char *name, u32 name_len, const void *value, u32 size);
/* Returns the attribute, which @as keeps, or NULL. */
struct attr *ext4_attrs_find(struct attrs *as, u8 index, const char *name);
/*
 * Writes all attributes in @as to the disk. Returns 0, or -errno with nothing changed. i_data_sem
 * is held for writing.
 */
int ext4_attrs_store(struct ext4_handle *h, struct inode *inode, struct attrs *as);
/*
 * Drops the values and the block of an inode that is being removed. Returns 0, or -errno with
 * nothing changed.
 */
int ext4_attrs_go(struct ext4_handle *h, struct inode *inode, struct attrs *as);
/*
 * A value in an inode is dropped in two steps, so that a read error is found before anything has
 * changed: ext4_attr_hold_value(), then ext4_attr_drop_value() or ext4_attr_release_value(). The
 * first returns 0 or an error such as -EIO. It ignores a damaged value, which the drop reports.
 */
int ext4_attr_hold_value(struct super_block *sb, struct attr *a);
void ext4_attr_release_value(struct attr *a);
/* Subtracts the value's blocks from @inode's i_blocks. Other inodes keep the value. */
void ext4_attr_leave_value(struct inode *inode, const struct attr *a);
void ext4_attr_drop_value(struct ext4_handle *h, struct inode *inode, struct attr *a);
/*
 * Drops @inode's reference to its block of attributes. *alone (@alone may be NULL) is set if that
 * was the last reference, so that the block was freed. Returns 0 or -errno.
 */
int ext4_attr_block_go(struct ext4_handle *h, struct inode *inode, bool *alone);

/* ---- access control lists: xattr_acl.c ---- */

/* True if the name's index stands for an access control list. */
bool ext4_attr_is_acl(u8 index);
/*
 * Converts an access control list from the form on disk into the VFS's form. Returns its size in
 * bytes, even if @out is NULL, or -EINVAL or -ERANGE.
 */
ssize_t ext4_acl_from_disk(const u8 *p, u32 size, void *out, size_t room);
/*
 * Converts an access control list, which the VFS has checked, into the form on disk. Returns it and
 * sets *len (bytes). The caller frees it by kfree(). Returns NULL if memory is short.
 */
void *ext4_acl_to_disk(const void *value, size_t size, size_t *len);

#endif
