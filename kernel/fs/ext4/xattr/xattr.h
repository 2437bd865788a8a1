/* SPDX-License-Identifier: MIT */
/*
 * xattr.h: what xattr.c, ea_inode.c (values in inodes) and inline.c (file content among the
 * attributes) share.
 */
#ifndef NESTLING_EXT4_XATTR_H
#define NESTLING_EXT4_XATTR_H

#include "kernel/fs/ext4/ext4.h"

/* what a value in an inode of its own may have */
#define EXT4_VALUE_MAX 65536U

/* ea_inode.c: Values in inodes of their own. 0 or -errno. */
int ext4_value_read(struct super_block *sb, u32 ino, void *buf, u32 size); /* all of it */
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
 * Sets system.data, or removes it if @value is NULL. -ENOSPC: it does not fit into the inode beside
 * what must be there. The caller writes the inode.
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
	bool made; /* that inode was made by this change */
	/* named by a block that other inodes had too when it was loaded */
	bool shared;
	/* this change has counted it for us as well */
	bool kept;
	u8 *value;
	struct inode *held; /* ext4_attr_hold_value() */
};
/* more than fit in an inode and a block: each takes at least 16 bytes */
#define MAX_ATTRS 512
#define MIN_INODE_VALUE 32 /* shorter ones are not worth an inode */
struct attrs {
	u32 n;
	/*
	 * store, go: the block is not shared any more, though it may have been when it was loaded:
	 * its entries' counts are this inode's
	 */
	bool alone;
	struct attr *a[MAX_ATTRS];
};

/*
 * Loads all of @inode's attributes; the caller frees them. i_data_sem held. After -errno there is
 * nothing to free.
 */
int ext4_attrs_load(struct inode *inode, struct attrs *as);
void ext4_attrs_free(struct attrs *as);
int ext4_attrs_add(
	struct attrs *as, u8 index, const char *name, u32 name_len, const void *value, u32 size);
struct attr *ext4_attrs_find(struct attrs *as, u8 index, const char *name);
/* Writes them all; i_data_sem held for writing. 0, or -errno and nothing has changed. */
int ext4_attrs_store(struct ext4_handle *h, struct inode *inode, struct attrs *as);
/*
 * Drops the values and the block of an inode that is being removed. After -errno nothing has
 * changed.
 */
int ext4_attrs_go(struct ext4_handle *h, struct inode *inode, struct attrs *as);
/*
 * Drop a value in an inode in two steps, so that a read error shows before anything has changed.
 * ext4_attr_hold_value() returns 0 or an error such as -EIO; it leaves a damaged value to the drop,
 * which reports it. Each value that is held is dropped or released.
 */
int ext4_attr_hold_value(struct super_block *sb, struct attr *a);
void ext4_attr_release_value(struct attr *a);
/* Stops counting the value as @inode's; others keep it. */
void ext4_attr_leave_value(struct inode *inode, const struct attr *a);
void ext4_attr_drop_value(struct ext4_handle *h, struct inode *inode, struct attr *a);
/* Drops @inode's reference. *@alone (or NULL): true if it was the last, and the block was freed. */
int ext4_attr_block_go(struct ext4_handle *h, struct inode *inode, bool *alone);

/* ---- access control lists: xattr_acl.c ---- */

bool ext4_attr_is_acl(u8 index);
/*
 * Converts a list from the disk into the attribute as vfs knows it, and returns its size, also if
 * @out is NULL. -EINVAL, -ERANGE.
 */
ssize_t ext4_acl_from_disk(const u8 *p, u32 size, void *out, size_t room);
/*
 * Converts an attribute, which vfs has checked, into the form on disk, in memory that the caller
 * frees. NULL: no memory.
 */
void *ext4_acl_to_disk(const void *value, size_t size, size_t *len);

#endif
