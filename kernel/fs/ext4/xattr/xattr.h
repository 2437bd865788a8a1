/* SPDX-License-Identifier: MIT */
/*
 * xattr.h: what xattr.c, ea_inode.c (values in inodes) and inline.c (file content among the
 * attributes) share.
 */
#ifndef NESTLING_EXT4_XATTR_H
#define NESTLING_EXT4_XATTR_H

#include "kernel/fs/ext4/ext4.h"

/* the largest value that may lie in an inode of its own, in bytes */
#define EXT4_VALUE_MAX 65536U

/* ea_inode.c: Values in inodes of their own. 0 or -errno. */
int ext4_value_read(struct super_block *sb, u32 ino, void *buf, u32 size); /* @size: all of it */
int ext4_value_create(
	struct ext4_handle *h, struct inode *owner, const void *value, u32 size, u32 *ino);
struct inode *ext4_value_hold(struct super_block *sb, u32 ino); /* ERR_PTR; for iput() */
int ext4_value_ref(struct ext4_handle *h, struct super_block *sb, u32 ino,
	int by); /* +1 or -1; at 0 it goes */
u32 ext4_value_hash(const struct ext4_sb *sbi, const void *value, u32 size);

/*
 * Returns the value of the attribute system.data, allocated (*size 0: NULL), or -ENODATA.
 * i_data_sem is held, for writing if the value will change.
 */
int ext4_system_data(struct inode *inode, u8 **value, u32 *size);
/*
 * Sets system.data, or removes it if @value is NULL. -ENOSPC: it does not fit into the inode. The
 * caller writes the inode.
 */
int ext4_set_system_data(struct ext4_handle *h, struct inode *inode, const void *value, u32 size);

/* ---- attributes in memory: xattr_store.c ---- */

/* system.data: a small file's content; not visible as an attribute */
#define SYSTEM 7
#define SYSTEM_DATA "data"

/* An attribute in memory. */
struct attr {
	u8 index, name_len;
	char name[256];
	u32 size;
	/*
	 * the inode that holds the value, and its checksum; 0: the value is in this block or inode
	 */
	u32 inum, hash;
	bool made; /* this change made that inode */
	/* loaded from a block that other inodes shared at that time */
	bool shared;
	/* this change has added a count to the value for this inode (keep_shared()) */
	bool kept;
	u8 *value;
	struct inode *held; /* ext4_attr_hold_value() */
};
/* more than an inode and a block can hold: each attribute takes at least 16 bytes */
#define MAX_ATTRS 512
#define MIN_INODE_VALUE 32 /* bytes; shorter values get no inode */
struct attrs {
	u32 n;
	/*
	 * set by ext4_attrs_store() and ext4_attrs_go(): when the block was given up, no other
	 * inode shared it, so the counts of its entries belong to this inode
	 */
	bool alone;
	struct attr *a[MAX_ATTRS];
};

/*
 * Loads all of @inode's attributes; the caller frees them with ext4_attrs_free(). i_data_sem held.
 * After -errno there is nothing to free.
 */
int ext4_attrs_load(struct inode *inode, struct attrs *as);
void ext4_attrs_free(struct attrs *as);
int ext4_attrs_add(
	struct attrs *as, u8 index, const char *name, u32 name_len, const void *value, u32 size);
struct attr *ext4_attrs_find(struct attrs *as, u8 index, const char *name);
/*
 * Writes all attributes in @as to the disk. i_data_sem held for writing. 0, or -errno with nothing
 * changed.
 */
int ext4_attrs_store(struct ext4_handle *h, struct inode *inode, struct attrs *as);
/*
 * Drops the values and the block of an inode that is being removed. After -errno nothing has
 * changed.
 */
int ext4_attrs_go(struct ext4_handle *h, struct inode *inode, struct attrs *as);
/*
 * A value in an inode is dropped in two steps, so that a read error shows before anything has
 * changed: ext4_attr_hold_value(), then ext4_attr_drop_value() or ext4_attr_release_value(). The
 * first returns 0 or an error such as -EIO; a damaged value is no error, and the drop reports it.
 */
int ext4_attr_hold_value(struct super_block *sb, struct attr *a);
void ext4_attr_release_value(struct attr *a);
/* Takes the value's blocks off @inode's i_blocks; other inodes keep the value. */
void ext4_attr_leave_value(struct inode *inode, const struct attr *a);
void ext4_attr_drop_value(struct ext4_handle *h, struct inode *inode, struct attr *a);
/*
 * Drops @inode's reference to its block. *alone (@alone may be NULL) becomes true if that was the
 * last one, and the block was freed.
 */
int ext4_attr_block_go(struct ext4_handle *h, struct inode *inode, bool *alone);

/* ---- access control lists: xattr_acl.c ---- */

bool ext4_attr_is_acl(u8 index);
/*
 * Converts a list from the disk into vfs's form of the attribute. Returns its size in bytes, also
 * if @out is NULL. -EINVAL, -ERANGE.
 */
ssize_t ext4_acl_from_disk(const u8 *p, u32 size, void *out, size_t room);
/*
 * Converts an attribute, which vfs has checked, into the form on disk, in memory that the caller
 * frees. NULL: no memory.
 */
void *ext4_acl_to_disk(const void *value, size_t size, size_t *len);

#endif
