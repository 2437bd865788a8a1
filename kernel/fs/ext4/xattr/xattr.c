/* SPDX-License-Identifier: MIT */
/*
 * xattr.c: the VFS's operations on extended attributes. xattr_store.c and xattr_acl.c handle the
 * format on disk.
 *
 * Lock: i_data_sem.
 */
#include "kernel/fs/ext4/xattr/xattr.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/xattr/acl.h"

static const struct {
	u8 index;
	const char *prefix;
} prefixes[] = {
	{ 1, "user." },
	{ 2, "system.posix_acl_access" },
	{ 3, "system.posix_acl_default" },
	{ 4, "trusted." },
	{ 6, "security." },
};

/*
 * Splits "user.x" into the index of its prefix and the rest. Returns false if the prefix is
 * unknown.
 */
static bool split_name(const char *name, u8 *index, const char **rest)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].prefix);
		bool whole = prefixes[i].prefix[n - 1] != '.';

		if (strncmp(name, prefixes[i].prefix, n) || (whole && name[n]))
			continue;
		*index = prefixes[i].index;
		*rest = name + n;
		return true;
	}
	return false;
}

/* Returns the prefix of a name, or NULL if the index is unknown. */
static const char *prefix_of(u8 index)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (prefixes[i].index == index)
			return prefixes[i].prefix;
	return NULL;
}

/* ---- reading ---- */

/* Reads an access control list. Returns as ext4_acl_from_disk(), or -errno. i_data_sem is held. */
static ssize_t read_acl(struct super_block *sb, const struct attr *a, void *buf, size_t size)
{
	u8 *value = a->inum ? kmalloc(max(a->size, 1U), GFP_NOFS) : a->value;
	ssize_t n = value ? 0 : -ENOMEM;

	if (!n && a->inum)
		n = ext4_value_read(sb, a->inum, value, a->size);
	if (!n)
		n = ext4_acl_from_disk(value, a->size, buf, size);
	if (a->inum)
		kfree(value);
	return n;
}

ssize_t ext4_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct attrs *as;
	const char *rest;
	struct attr *a;
	u8 index;
	ssize_t n;
	int err = 0;

	if (!split_name(name, &index, &rest))
		return -EOPNOTSUPP;
	as = kmalloc(sizeof(*as), GFP_NOFS);
	if (!as)
		return -ENOMEM;
	down_read(&EXT4_I(inode)->i_data_sem);
	n = ext4_attrs_load(inode, as);
	if (n)
		goto out;
	/* i_data_sem prevents the drop of a value that lies in an inode. */
	a = ext4_attrs_find(as, index, rest);
	if (!a) {
		n = -ENODATA;
	} else if (ext4_attr_is_acl(index)) {
		n = read_acl(inode->i_sb, a, buf, size);
	} else {
		n = a->size;
		if (buf && a->size > size)
			n = -ERANGE;
		else if (buf && a->inum)
			err = ext4_value_read(inode->i_sb, a->inum, buf, a->size);
		else if (buf)
			memcpy(buf, a->value, a->size);
	}
	ext4_attrs_free(as);
out:
	up_read(&EXT4_I(inode)->i_data_sem);
	kfree(as);
	return err ? err : n;
}

ssize_t ext4_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct attrs *as = kmalloc(sizeof(*as), GFP_NOFS);
	ssize_t n;
	size_t used = 0;
	u32 i;

	if (!as)
		return -ENOMEM;
	down_read(&EXT4_I(inode)->i_data_sem);
	n = ext4_attrs_load(inode, as);
	up_read(&EXT4_I(inode)->i_data_sem);
	if (n)
		goto out;
	for (i = 0; i < as->n && n >= 0; i++) {
		const char *prefix = prefix_of(as->a[i]->index);
		size_t need;

		if (!prefix)
			continue;
		need = strlen(prefix) + as->a[i]->name_len + 1;
		if (buf && used + need > size)
			n = -ERANGE;
		else if (buf)
			scnprintf(buf + used, need, "%s%s", prefix, as->a[i]->name);
		used += need;
	}
	ext4_attrs_free(as);
out:
	kfree(as);
	return n ? n : (ssize_t)used;
}

/* ---- writing ---- */

int ext4_xattr_delete(struct ext4_handle *h, struct inode *inode)
{
	struct attrs *as;
	int err;

	if (!EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE))
		return ext4_attr_block_go(h, inode, NULL);
	as = kmalloc(sizeof(*as), GFP_NOFS | __GFP_NOFAIL);
	err = ext4_attrs_load(inode, as);
	if (!err) {
		err = ext4_attrs_go(h, inode, as);
		ext4_attrs_free(as);
	} else if (err == -EFSCORRUPTED || err == -EFSBADCRC) {
		err = ext4_attr_block_go(h, inode, NULL);
	}
	kfree(as);
	/* Damage is left to e2fsck, a read error to the next mount. */
	return err;
}

/* ---- system.data ---- */

int ext4_system_data(struct inode *inode, u8 **value, u32 *size)
{
	struct attrs *as = kmalloc(sizeof(*as), GFP_NOFS);
	struct attr *a;
	int err = as ? ext4_attrs_load(inode, as) : -ENOMEM;

	if (!err) {
		a = ext4_attrs_find(as, SYSTEM, SYSTEM_DATA);
		*value = a && !a->inum ? kmalloc(max(a->size, 1U), GFP_NOFS) : NULL;
		err = *value ? 0 : a ? -ENOMEM : -ENODATA;
		if (!err) {
			memcpy(*value, a->value, a->size);
			*size = a->size;
		}
		ext4_attrs_free(as);
	}
	kfree(as);
	return err;
}

static int change(struct attrs *as, u8 index, const char *name, const void *value, size_t size,
	struct attr **was);

int ext4_set_system_data(struct ext4_handle *h, struct inode *inode, const void *value, u32 size)
{
	struct attrs *as = kmalloc(sizeof(*as), GFP_NOFS);
	struct attr *was = NULL;
	int err = as ? ext4_attrs_load(inode, as) : -ENOMEM;

	if (!err) {
		err = change(as, SYSTEM, SYSTEM_DATA, value, size, &was);
		if (!err)
			err = ext4_attrs_store(h, inode, as);
		kfree(was);
		ext4_attrs_free(as);
	}
	kfree(as);
	return err;
}

/*
 * Sets an attribute in memory, or removes it if @value is NULL. *was: the replaced attribute, which
 * the caller frees. Returns 0 or -errno.
 */
static int change(struct attrs *as, u8 index, const char *name, const void *value, size_t size,
	struct attr **was)
{
	struct attr *old = ext4_attrs_find(as, index, name);
	u32 i;

	for (i = 0; old && i < as->n; i++)
		if (as->a[i] == old) {
			*was = old;
			as->a[i] = as->a[--as->n];
			break;
		}
	return value ? ext4_attrs_add(as, index, name, (u32)strlen(name), value, (u32)size) : 0;
}

/*
 * Checks the flags against the existing attribute @old, or NULL. Its errors take precedence over
 * -ENOSPC. Returns 0, -EEXIST or -ENODATA.
 */
static int may_change(const struct attr *old, const void *value, int flags)
{
	if (flags & 1 /* XATTR_CREATE */ && old)
		return -EEXIST;
	if ((flags & 2 /* XATTR_REPLACE */ || !value) && !old)
		return -ENODATA;
	return 0;
}

/*
 * Sets or removes (@value NULL) an attribute, in its own handle. Takes i_data_sem. Returns 0 or
 * -errno.
 */
static int set_attr(
	struct inode *inode, u8 index, const char *rest, const void *value, size_t size, int flags)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct attr *was = NULL;
	struct ext4_handle *h;
	struct attrs *as;
	int err;
	u32 max_size = EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE) ?
			       EXT4_VALUE_MAX :
			       (u32)inode->i_sb->s_blocksize;

	if (strlen(rest) > 255)
		return -ERANGE;
	as = kmalloc(sizeof(*as), GFP_NOFS);
	if (!as)
		return -ENOMEM;
	h = ext4_start(inode->i_sb, 3 * EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS + 2 +
					    (u32)size / EXT4_SB(inode->i_sb)->block_size);
	if (IS_ERR(h)) {
		kfree(as);
		return (int)PTR_ERR(h);
	}
	down_write(&ei->i_data_sem);
	err = ext4_attrs_load(inode, as);
	if (!err) {
		err = may_change(ext4_attrs_find(as, index, rest), value, flags);
		if (!err)
			err = size > max_size ? -ENOSPC :
						change(as, index, rest, value, size, &was);
		if (!err && was && was->inum && !was->shared)
			err = ext4_attr_hold_value(inode->i_sb, was);
		if (!err)
			err = ext4_attrs_store(h, inode, as);
		ext4_attrs_free(as);
	}
	up_write(&ei->i_data_sem);
	if (!err && was && was->inum && (!was->shared || as->alone))
		ext4_attr_drop_value(h, inode, was);
	else if (!err && was && was->inum)
		ext4_attr_leave_value(inode, was);
	if (was)
		ext4_attr_release_value(was);
	kfree(was);
	if (!err) {
		inode->i_ctime = current_time(inode);
		err = ext4_write_inode_raw(h, inode);
	}
	if (inode_is_sync(inode))
		ext4_stop_waits(h);
	ext4_stop(h);
	kfree(as);
	return err;
}

int ext4_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	void *acl = NULL;
	const char *rest;
	u32 tries = 0;
	u8 index;
	int err;

	if (!split_name(name, &index, &rest))
		return -EOPNOTSUPP;
	if (ext4_attr_is_acl(index) && value) {
		value = acl = ext4_acl_to_disk(value, size, &size);
		if (!acl)
			return -ENOMEM;
	}
	do
		err = set_attr(inode, index, rest, value, size, flags);
	while (ext4_try_again(inode->i_sb, err, &tries));
	kfree(acl);
	if (!err && ext4_attr_is_acl(index))
		acl_changed(inode);
	return err;
}
