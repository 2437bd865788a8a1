/* SPDX-License-Identifier: MIT */
/*
 * inode.c: maps objects of the host to inodes, and their attributes.
 *
 * Identity is the host's device and inode number, the type, and the time of birth, since hosts
 * reuse numbers. An object that differs from the inode with its number gets a new inode, and the
 * old inode is unhashed. Objects on the folder's own device have the host's inode numbers in the
 * guest; others have a number mixed from inode and device number.
 *
 * Ids: without real_ids the user's own files belong to uid=, gid= (0 by default) in the guest, and
 * all others to nobody (65534); new files belong to the user.
 */
#include <linux/xattr.h>

#include "drivers/hostfs/hostfs.h"

#define NOBODY 65534U
/* The granularity of the host's file times, at worst, in ns. */
#define RACY_NS 20000000
#define NSEC 1000000000UL

/* ---- validity of attributes ---- */

u64 hostfs_until(const struct hostfs_sb *hs)
{
	if (!hs->interval || hs->interval == HOSTFS_FOREVER)
		return hs->interval;
	return ktime_get() + hs->interval;
}

u64 hostfs_sample(struct hostfs_sb *hs)
{
	return READ_ONCE(hs->changes);
}

static u64 next_change(struct hostfs_sb *hs)
{
	u64 n;

	spin_lock(&hs->lock);
	n = ++hs->changes;
	spin_unlock(&hs->lock);
	return n;
}

u64 hostfs_number(const struct hostfs_sb *hs, u64 dev, u64 ino)
{
	if (dev == hs->root_dev)
		return ino;
	return ino ^ ((dev * 0x9e3779b97f4a7c15UL) | 1UL << 63) << 8;
}

static struct timespec64 stamp(const struct hostfs_time *t)
{
	return (struct timespec64){ t->sec, t->nsec };
}

static bool differs(const struct timespec64 *a, const struct hostfs_time *b)
{
	return a->tv_sec != b->sec || a->tv_nsec != (s64)b->nsec;
}

static bool older(const struct hostfs_time *a, const struct timespec64 *b)
{
	return a->sec < b->tv_sec || (a->sec == b->tv_sec && (s64)a->nsec < b->tv_nsec);
}

/* ---- applying attributes ---- */

static void set_owner(struct inode *inode, const struct hostfs_attr *a)
{
	const struct hostfs_sb *hs = hostfs_sb_of(inode);

	if (hs->real_ids) {
		inode->i_uid = a->uid;
		inode->i_gid = a->gid;
		return;
	}
	inode->i_uid = a->uid == hs->host_uid ? hs->uid : NOBODY;
	inode->i_gid = a->gid == hs->host_gid ? hs->gid : NOBODY;
}

static void set_fields(struct inode *inode, const struct hostfs_attr *a)
{
	umode_t mode = (umode_t)(a->mode & 07777);

	if (!hostfs_sb_of(inode)->setid && !S_ISDIR(a->mode))
		mode &= ~(S_ISUID | S_ISGID);
	inode->i_mode = (inode->i_mode & S_IFMT) | mode;
	HOSTFS_I(inode)->mode = mode;
	set_owner(inode, a);
	set_nlink(inode, a->nlink);
	inode->i_blocks = a->blocks;
	inode->i_atime = stamp(&a->atime);
	inode->i_mtime = stamp(&a->mtime);
	inode->i_ctime = stamp(&a->ctime);
}

static bool changed_just_now(const struct hostfs_attr *a)
{
	u64 now = ktime_get_real_coarse();
	u64 then = (u64)a->ctime.sec * NSEC + a->ctime.nsec;

	return then + RACY_NS > now;
}

/* Marks a regular file's pages stale if a process of the host has changed it. hi->lock is held. */
static void note_change(struct inode *inode, const struct hostfs_attr *a)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);

	if (!S_ISREG(inode->i_mode))
		return;
	if (hi->racy || differs(&inode->i_mtime, &a->mtime) || (u64)inode->i_size != a->size ||
		(!hi->renamed && differs(&inode->i_ctime, &a->ctime)))
		hi->stale = true;
	hi->renamed = false;
	hi->racy = changed_just_now(a);
}

void hostfs_take_attr(struct inode *inode, const struct hostfs_attr *a, u64 sample)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);

	spin_lock(&hi->lock);
	if (!hi->changing && hi->changed <= sample) {
		note_change(inode, a);
		set_fields(inode, a);
		if (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode))
			i_size_write(inode, (loff_t)min_t(u64, a->size, S64_MAX));
		WRITE_ONCE(hi->until, hostfs_until(hostfs_sb_of(inode)));
	}
	spin_unlock(&hi->lock);
}

void hostfs_forget_attr(struct inode *inode)
{
	WRITE_ONCE(HOSTFS_I(inode)->until, 0);
}

void hostfs_change_begin(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	u64 n = next_change(hostfs_sb_of(inode));

	spin_lock(&hi->lock);
	hi->changing++;
	hi->changed = n;
	spin_unlock(&hi->lock);
}

void hostfs_change_end(struct inode *inode, const struct hostfs_attr *a, bool size)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	u64 n = next_change(hostfs_sb_of(inode));

	spin_lock(&hi->lock);
	hi->changing--;
	hi->changed = n;
	if (a && !older(&a->ctime, &inode->i_ctime))
		set_fields(inode, a);
	if (a && size)
		i_size_write(inode, (loff_t)min_t(u64, a->size, S64_MAX));
	hi->renamed = !a;
	WRITE_ONCE(hi->until, a ? hostfs_until(hostfs_sb_of(inode)) : 0);
	spin_unlock(&hi->lock);
}

/*
 * Reads the attributes from the host. If the name was removed there while the guest has the file
 * open, reads them through the open file.
 */
static int ask_attr(struct hostfs_inode *hi, struct hostfs_attr *a)
{
	int err = hostfs_host_getattr(hi->node, 0, a);
	struct hostfs_file *f;

	if (err != -ESTALE)
		return err;
	spin_lock(&hi->lock);
	f = hi->rfile ? hi->rfile : hi->wfile;
	if (f && f->host)
		err = hostfs_host_getattr(hi->node, f->host, a);
	spin_unlock(&hi->lock);
	return err;
}

int hostfs_refresh(struct inode *inode)
{
	u64 sample = hostfs_sample(hostfs_sb_of(inode));
	struct hostfs_attr a;
	int err = ask_attr(HOSTFS_I(inode), &a);

	if (!err)
		hostfs_take_attr(inode, &a, sample);
	return err;
}

int hostfs_revalidate(struct inode *inode)
{
	u64 until = READ_ONCE(HOSTFS_I(inode)->until);

	if (until == HOSTFS_FOREVER || until > ktime_get())
		return 0;
	return hostfs_refresh(inode);
}

/*
 * Drops the cached pages if they are stale. Pages dirtied by a shared mapping are written back
 * first; pages that become dirty meanwhile stay.
 */
int hostfs_check_data(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	bool stale;
	int err;

	if (likely(!READ_ONCE(hi->stale)))
		return 0;
	spin_lock(&hi->lock);
	stale = hi->stale;
	hi->stale = false;
	spin_unlock(&hi->lock);
	if (!stale || !READ_ONCE(inode->i_data.nrpages))
		return 0;
	unmap_mapping_range(&inode->i_data, 0, 0);
	err = filemap_write_and_wait_range(&inode->i_data, 0, S64_MAX);
	invalidate_mapping_pages(&inode->i_data, 0, ~0UL);
	return err;
}

/* ---- identity ---- */

bool hostfs_same(const struct inode *inode, const struct hostfs_attr *a)
{
	const struct hostfs_inode *hi = HOSTFS_I(inode);

	return hi->ino == a->ino && hi->dev == a->dev &&
	       (inode->i_mode & S_IFMT) == (a->mode & S_IFMT) &&
	       !differs(&inode->i_btime, &a->btime);
}

static void set_operations(struct inode *inode, const struct hostfs_attr *a)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFDIR:
		inode->i_op = &hostfs_dir_iops;
		inode->i_fop = &hostfs_dir_fops;
		break;
	case S_IFLNK: inode->i_op = &hostfs_link_iops; break;
	case S_IFREG:
		inode->i_op = &hostfs_file_iops;
		inode->i_fop = &hostfs_file_fops;
		inode->i_data.a_ops = &hostfs_aops;
		break;
	default:
		inode->i_op = &hostfs_file_iops;
		init_special_inode(inode, inode->i_mode, MKDEV(a->rdev_major, a->rdev_minor));
	}
}

/*
 * Reads the text of a link once and stores it, since it never changes: walks then need no host
 * call.
 */
static int read_text(struct inode *inode, int dir, const char *name)
{
	char *text = kmalloc(PATH_MAX, GFP_KERNEL);
	long n;

	if (!text)
		return -ENOMEM;
	n = hostfs_host_readlink(dir, name, text, PATH_MAX - 1);
	if (n >= 0) {
		text[n] = 0;
		inode->i_link = kstrdup(text);
		inode->i_size = n;
		if (!inode->i_link)
			n = -ENOMEM;
	}
	kfree(text);
	return n < 0 ? (int)n : 0;
}

/*
 * Sets up a new inode for the object with attributes @a. Its node is @node or, for 0, a new one.
 * Returns 0 or -errno.
 */
static int fill_new(
	struct inode *inode, int dir, const char *name, int node, const struct hostfs_attr *a)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	int err = 0;

	hi->ino = a->ino;
	hi->dev = a->dev;
	inode->i_mode = (umode_t)(a->mode & S_IFMT);
	inode->i_btime = stamp(&a->btime);
	inode->i_size = (loff_t)min_t(u64, a->size, S64_MAX);
	inode->i_flags |= S_NOSEC;
	set_fields(inode, a);
	hi->racy = changed_just_now(a);
	WRITE_ONCE(hi->until, hostfs_until(hostfs_sb_of(inode)));
	if (node)
		hi->node = node;
	else
		err = hostfs_host_node(dir, name, a, &hi->node);
	if (!err && S_ISLNK(inode->i_mode))
		err = read_text(inode, dir, name);
	set_operations(inode, a);
	return err;
}

void hostfs_found_as(struct inode *inode, int dir, const char *name)
{
	WRITE_ONCE(HOSTFS_I(inode)->nameless, false);
	hostfs_host_moved(HOSTFS_I(inode)->node, dir, name);
}

struct inode *hostfs_iget(struct super_block *sb, int dir, const char *name, int node,
	const struct hostfs_attr *a, u64 sample)
{
	u32 before = READ_ONCE(hostfs_restores);
	struct inode *inode;
	int err;

	for (;;) {
		inode = iget_locked(sb, hostfs_number(sb->s_fs_info, a->dev, a->ino));
		if (before != READ_ONCE(hostfs_restores))
			node = 0;
		if (IS_ERR(inode)) {
			hostfs_host_put(node);
			return inode;
		}
		if (inode->i_state & I_NEW)
			break;
		if (hostfs_same(inode, a)) {
			if (node)
				hostfs_host_put(node);
			else
				hostfs_found_as(inode, dir, name);
			hostfs_take_attr(inode, a, sample);
			return inode;
		}
		inode_unhash(inode); /* the host has reused its number */
		iput(inode);
	}
	err = fill_new(inode, dir, name, node, a);
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	hostfs_note_dev(inode, false);
	unlock_new_inode(inode);
	return inode;
}

/* ---- operations ---- */

/* Does not sleep: the RCU walk may call it. */
int hostfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	int err = 0;

	if (flags & AT_STATX_FORCE_SYNC)
		err = hostfs_refresh(inode);
	else if (!(flags & AT_STATX_DONT_SYNC))
		err = hostfs_revalidate(inode);
	/* If the object was removed on the host, returns the last known attributes. */
	if (err && err != -ESTALE)
		return err;
	generic_fillattr(inode, st);
	return 0;
}

/* Sets the ids that the host must store. Returns -EPERM if it cannot store them. */
static int set_ids(const struct inode *inode, const struct iattr *a, struct hostfs_set *s)
{
	const struct hostfs_sb *hs = hostfs_sb_of(inode);

	if (hs->real_ids) {
		s->valid |= (a->ia_valid & ATTR_UID ? HOSTFS_SET_UID : 0) |
			    (a->ia_valid & ATTR_GID ? HOSTFS_SET_GID : 0);
		s->uid = a->ia_uid;
		s->gid = a->ia_gid;
		return 0;
	}
	if ((a->ia_valid & ATTR_UID && a->ia_uid != inode->i_uid) ||
		(a->ia_valid & ATTR_GID && a->ia_gid != inode->i_gid))
		return -EPERM;
	return 0;
}

static struct hostfs_time to_host(const struct timespec64 *t)
{
	return (struct hostfs_time){ t->tv_sec, (u32)t->tv_nsec };
}

/*
 * Translates a change of attributes into one of the host's object. Returns 0, or -EPERM if the
 * mount does not permit it.
 */
static int fill_set(const struct inode *inode, const struct iattr *a, struct hostfs_set *s)
{
	int err = set_ids(inode, a, s);

	if (err)
		return err;
	if (a->ia_valid & ATTR_MODE) {
		if (a->ia_mode & (S_ISUID | S_ISGID) && !S_ISDIR(inode->i_mode) &&
			!hostfs_sb_of(inode)->setid)
			return -EPERM;
		s->valid |= HOSTFS_SET_MODE;
		s->mode = a->ia_mode & 07777;
	}
	if (a->ia_valid & ATTR_SIZE) {
		if (hostfs_sb_of(inode)->append)
			return -EPERM;
		s->valid |= HOSTFS_SET_SIZE;
		s->size = (u64)a->ia_size;
	}
	/* vfs has cleared set-id bits in i_mode: the host must clear them too. */
	if (!(s->valid & HOSTFS_SET_MODE) && (inode->i_mode & 07777) != HOSTFS_I(inode)->mode) {
		s->valid |= HOSTFS_SET_MODE;
		s->mode = inode->i_mode & 07777;
	}
	/* A truncation on the host sets the times itself. */
	if (a->ia_valid & ATTR_ATIME &&
		!(a->ia_valid & ATTR_SIZE && !(a->ia_valid & ATTR_ATIME_SET))) {
		s->valid |= HOSTFS_SET_ATIME;
		s->atime = to_host(&a->ia_atime);
	}
	if (a->ia_valid & ATTR_MTIME &&
		!(a->ia_valid & ATTR_SIZE && !(a->ia_valid & ATTR_MTIME_SET))) {
		s->valid |= HOSTFS_SET_MTIME;
		s->mtime = to_host(&a->ia_mtime);
	}
	return 0;
}

/*
 * Begins a change of size: writes back and drops pages first, since later writeback could extend
 * the host's file again.
 */
static int begin_resize(struct inode *inode, loff_t size)
{
	loff_t old = i_size_read(inode);
	int err = filemap_write_and_wait_range(&inode->i_data, 0, S64_MAX);

	if (err)
		return err;
	hostfs_clean_tail(inode);
	if (size < old) {
		i_size_write(inode, size);
		truncate_pagecache(&inode->i_data, size);
	}
	return 0;
}

int hostfs_setattr(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	struct hostfs_inode *hi = HOSTFS_I(inode);
	struct hostfs_file *f = NULL;
	struct hostfs_set s = { .valid = 0 };
	struct hostfs_attr now;
	int err = setattr_prepare(d, a);

	if (!err)
		err = fill_set(inode, a, &s);
	if (err)
		return err;
	hostfs_change_begin(inode);
	if (s.valid & HOSTFS_SET_SIZE) {
		err = begin_resize(inode, a->ia_size);
		f = hostfs_writer(hi);
	}
	if (!err)
		err = hostfs_host_setattr(hi->node, f ? f->host : 0, &s, &now);
	hostfs_change_end(inode, err ? NULL : &now, true);
	if (err && s.valid & HOSTFS_SET_SIZE)
		hostfs_refresh(inode);
	if (f)
		hostfs_file_put(f);
	if (!err && a->ia_valid & ATTR_SIZE && !(a->ia_valid & ATTR_OPEN))
		hostfs_audit("truncate", d, NULL);
	if (!err && a->ia_valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		hostfs_audit("change", d, NULL);
	return err;
}

/* ---- extended attributes: user.* only, since the others have a meaning on the host ---- */

static bool is_user(const char *name)
{
	return !strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN);
}

ssize_t hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	if (!is_user(name))
		return -EOPNOTSUPP;
	return hostfs_host_getxattr(HOSTFS_I(inode)->node, name, buf, buf ? size : 0);
}

int hostfs_setxattr(
	struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	struct hostfs_attr a;
	int err;

	if (!is_user(name))
		return -EOPNOTSUPP;
	hostfs_change_begin(inode);
	err = hostfs_host_setxattr(hi->node, name, value, size, flags);
	hostfs_change_end(inode, !err && !hostfs_host_getattr(hi->node, 0, &a) ? &a : NULL, false);
	return err;
}

/* Removes names without "user." from the list. Returns its length. */
static ssize_t only_user(char *buf, ssize_t n)
{
	ssize_t at = 0, kept = 0;

	while (at < n) {
		ssize_t len = (ssize_t)strnlen(buf + at, (size_t)(n - at)) + 1;

		if (at + len > n)
			break;
		if (is_user(buf + at)) {
			memmove(buf + kept, buf + at, (size_t)len);
			kept += len;
		}
		at += len;
	}
	return kept;
}

ssize_t hostfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	char *all = kmalloc(XATTR_LIST_MAX, GFP_KERNEL);
	ssize_t n;

	if (!all)
		return -ENOMEM;
	n = hostfs_host_listxattr(HOSTFS_I(inode)->node, all, XATTR_LIST_MAX);
	if (n > 0)
		n = only_user(all, n);
	if (n > 0 && buf) {
		if ((size_t)n > size)
			n = -ERANGE;
		else
			memcpy(buf, all, (size_t)n);
	}
	kfree(all);
	return n;
}
