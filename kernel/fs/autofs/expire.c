/* SPDX-License-Identifier: MIT */
/* expire.c: finds mounts that were unused for so long that the daemon may unmount them. */
#include "kernel/fs/autofs/autofs.h"
#include "kernel/vfs/libfs.h"

/*
 * True if the name or trigger of @i may expire now. If it does not expire because its mount is
 * @busy, the time of its last use is set to now. s->lock is held.
 */
static bool is_old(const struct autofs_sb *s, struct autofs_info *i, bool busy, u32 how)
{
	if (i->expiring)
		return false;
	if (how & AUTOFS_EXP_FORCED)
		return true;
	if (busy) {
		i->last_used = ktime_get();
		return false;
	}
	if (how & AUTOFS_EXP_IMMEDIATE)
		return true;
	return s->timeout && ktime_get() - i->last_used >= s->timeout;
}

/*
 * Returns the root, referenced, if the trigger may expire, else NULL. The caller's descriptor holds
 * one reference to @m, which does not count as a use. s->lock is held.
 */
static struct dentry *choose_trigger(struct autofs_sb *s, struct mount *m, u32 how)
{
	struct dentry *root = s->sb->s_root;
	struct path p = { m, root };

	if (!path_is_mountpoint(&p) && !path_has_submounts(&p))
		return NULL;
	if (!is_old(s, autofs_info(root), mnt_tree_busy(m, 1), how))
		return NULL;
	return dget(root);
}

/*
 * True for a name with a mount on it or below it, and for a symlink. A tree of mounts expires as a
 * whole, unless AUTOFS_EXP_LEAVES asks for single leaves.
 */
static bool may_expire(const struct autofs_sb *s, const struct path *p, u32 how)
{
	const struct inode *inode = d_inode(p->dentry);

	if (!inode)
		return false;
	if (S_ISLNK(inode->i_mode))
		return true;
	return path_is_mountpoint(p) || (!(how & AUTOFS_EXP_LEAVES) && path_has_submounts(p));
}

/* Returns a name that may expire, referenced, or NULL. s->lock is held. */
static struct dentry *choose_name(struct autofs_sb *s, struct mount *m, u32 how)
{
	struct autofs_info *i;

	list_for_each_entry(i, &s->names, link) {
		struct path p = { m, i->dentry };

		if (!may_expire(s, &p, how) || !is_old(s, i, path_mounts_busy(&p), how))
			continue;
		return dget(i->dentry);
	}
	return NULL;
}

int autofs_expire_name(struct autofs_sb *s, struct mount *m, struct autofs_packet_expire *p)
{
	struct dentry *d;

	mutex_lock(&s->lock);
	d = choose_name(s, m, AUTOFS_EXP_NORMAL);
	if (d) {
		memcpy(p->name, d->d_name.name, d->d_name.len);
		p->len = (int)d->d_name.len;
		/* The next call should choose another name. */
		autofs_info(d)->last_used = ktime_get();
	}
	mutex_unlock(&s->lock);
	dput(d);
	return d ? 0 : -EAGAIN;
}

int autofs_expire(struct autofs_sb *s, struct mount *m, u32 how)
{
	struct autofs_info *i;
	struct path p = { m, NULL };
	int err;

	mutex_lock(&s->lock);
	p.dentry = autofs_is_trigger(s) ? choose_trigger(s, m, how) : choose_name(s, m, how);
	if (p.dentry)
		autofs_info(p.dentry)->expiring = true;
	mutex_unlock(&s->lock);
	if (!p.dentry)
		return -EAGAIN;
	err = autofs_ask(s, &p, true);
	i = autofs_info(p.dentry);
	mutex_lock(&s->lock);
	i->last_used = ktime_get();
	i->expiring = false;
	mutex_unlock(&s->lock);
	wake_up_all(&s->expired);
	dput(p.dentry);
	return err;
}
