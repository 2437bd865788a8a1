/* SPDX-License-Identifier: MIT */
/*
 * xattr.c: extended attributes.
 *
 * An inode has an index into a table. The table's entry has the number of attributes, their size in
 * bytes, and the position of the inode's list of names and values in a separate chain of metadata.
 * A value that several lists share is stored once, and the other lists have its position.
 */
#include <asm/errno.h>
#include <linux/limits.h>

#include "kernel/fs/squashfs/squashfs.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"

static const char *const prefixes[] = { "user.", "trusted.", "security." };

struct attr {
	u32 prefix; /* index into prefixes; larger: unknown */
	u32 name_len, value_len;
	char name[XATTR_NAME_MAX + 1];
	struct sqfs_cursor value;
};

int sqfs_xattr_open(struct sqfs_sb *s)
{
	struct sqfs_disk_xattr_table t;
	int err;

	if (s->xattr_table == SQFS_NONE64)
		return 0;
	err = sqfs_read_cached(s, s->xattr_table, &t, sizeof(t));
	if (err)
		return err;
	if (t.start >= s->xattr_table)
		return sqfs_error(s, "the table of attributes lies behind itself", t.start);
	s->xattr_ids = t.ids;
	s->xattr_start = t.start;
	return 0;
}

static struct sqfs_cursor at_place(const struct sqfs_sb *s, u64 place)
{
	return (struct sqfs_cursor){ .block = s->xattr_start + (place >> 16),
		.offset = (u32)(place & 0xffff),
		.end = s->xattr_table };
}

/*
 * Finds the list of @inode's attributes. It begins at *c and has *count attributes. Returns 0 or
 * -errno.
 */
static int list_of(struct inode *inode, struct sqfs_cursor *c, u32 *count)
{
	struct sqfs_sb *s = SQFS_SB(inode->i_sb);
	u32 index = SQFS_I(inode)->xattr;
	struct sqfs_disk_xattr_id id;
	int err;

	*count = 0;
	if (index == SQFS_NONE32 || s->xattr_table == SQFS_NONE64)
		return 0;
	if (index >= s->xattr_ids)
		return sqfs_error(s, "an inode has attributes that are not there", inode->i_ino);
	err = sqfs_read_entry(
		s, s->xattr_table + sizeof(struct sqfs_disk_xattr_table), index, sizeof(id), &id);
	if (err)
		return err;
	*c = at_place(s, id.place);
	*count = id.count;
	return c->block < s->xattr_start ? -EIO : 0;
}

static int read_elsewhere(struct sqfs_sb *s, struct sqfs_cursor *c, struct attr *a)
{
	__le64 place;
	__le32 n;
	int err = a->value_len == sizeof(place) ? sqfs_read(s, c, &place, sizeof(place)) : -EIO;

	if (err)
		return err;
	a->value = at_place(s, place);
	if (a->value.block < s->xattr_start)
		return -EIO;
	err = sqfs_read(s, &a->value, &n, sizeof(n));
	a->value_len = n;
	return err;
}

/* Reads the attribute at @c into @a, and moves @c past it. Returns 0 or -errno. */
static int next_attr(struct sqfs_sb *s, struct sqfs_cursor *c, struct attr *a)
{
	struct sqfs_disk_xattr d;
	__le32 n;
	int err = sqfs_read(s, c, &d, sizeof(d));

	if (err)
		return err;
	a->prefix = d.type & ~SQFS_XATTR_ELSEWHERE;
	a->name_len = d.size;
	if (!a->name_len || a->name_len > XATTR_NAME_MAX)
		return sqfs_error(s, "an attribute has a name that cannot be", c->block);
	err = sqfs_read(s, c, a->name, a->name_len);
	if (!err)
		err = sqfs_read(s, c, &n, sizeof(n));
	if (err)
		return err;
	a->name[a->name_len] = 0;
	a->value_len = n;
	a->value = *c;
	if (d.type & SQFS_XATTR_ELSEWHERE)
		err = read_elsewhere(s, c, a);
	else
		err = n > XATTR_SIZE_MAX ? 0 : sqfs_read(s, c, NULL, n);
	if (!err && a->value_len > XATTR_SIZE_MAX)
		err = sqfs_error(s, "an attribute has a value that cannot be", c->block);
	return err;
}

static bool is_named(const struct attr *a, const char *name)
{
	size_t n;

	if (a->prefix >= ARRAY_SIZE(prefixes))
		return false;
	n = strlen(prefixes[a->prefix]);
	return !strncmp(name, prefixes[a->prefix], n) && !strcmp(name + n, a->name);
}

ssize_t sqfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct sqfs_sb *s = SQFS_SB(inode->i_sb);
	struct sqfs_cursor c;
	struct attr *a;
	u32 count;
	ssize_t r = list_of(inode, &c, &count);

	if (r || !count)
		return r ? r : -ENODATA;
	a = kmalloc(sizeof(*a), GFP_NOFS);
	if (!a)
		return -ENOMEM;
	for (r = -ENODATA; count; count--) {
		int err = boundary_or_killed();

		if (!err)
			err = next_attr(s, &c, a);
		if (err || is_named(a, name)) {
			r = err;
			break;
		}
	}
	if (!r && buf && a->value_len > size)
		r = -ERANGE;
	if (!r && buf)
		r = sqfs_read(s, &a->value, buf, a->value_len);
	if (!r)
		r = a->value_len;
	kfree(a);
	return r;
}

ssize_t sqfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct sqfs_sb *s = SQFS_SB(inode->i_sb);
	struct sqfs_cursor c;
	struct attr *a;
	size_t used = 0;
	u32 count;
	ssize_t r = list_of(inode, &c, &count);

	if (r || !count)
		return r;
	a = kmalloc(sizeof(*a), GFP_NOFS);
	if (!a)
		return -ENOMEM;
	while (count-- && !r && used <= XATTR_LIST_MAX) {
		r = next_attr(s, &c, a);
		if (!r && a->prefix < ARRAY_SIZE(prefixes)) {
			size_t need = strlen(prefixes[a->prefix]) + strlen(a->name) + 1;

			if (buf && used + need > size)
				r = -ERANGE;
			else if (buf)
				scnprintf(buf + used, need, "%s%s", prefixes[a->prefix], a->name);
			used += need;
		}
		if (!r)
			r = boundary_or_killed();
	}
	kfree(a);
	return r ? r : (ssize_t)used;
}
