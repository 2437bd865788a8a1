/* SPDX-License-Identifier: MIT */
/*
 * fsnotify.c: turns vfs's calls into events for inotify, fanotify and dnotify. Without watchers a
 * call costs two tests.
 *
 * An event on a file is also an event of the directory that has its name. Files that fanotify
 * opened for a listener (FMODE_NONOTIFY) cause no events.
 */
#include <linux/fanotify.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>

#include "kernel/vfs/notify/notify.h"
#include "kernel/vfs/fserror.h"
#include "kernel/lib/string.h"

static bool has_watch(const struct inode *inode)
{
	return inode && (READ_ONCE(inode->i_fsnotify) || READ_ONCE(inode->i_dnotify));
}

static bool watched(const struct inode *inode)
{
	return READ_ONCE(fanotify_nr_marks) || has_watch(inode);
}

static void notify_watchers(const struct fs_event *e)
{
	if (!e->dirent && READ_ONCE(e->inode->i_dnotify))
		dnotify_signal(e->inode, e->mask, false);
	if (e->dir && READ_ONCE(e->dir->i_dnotify))
		dnotify_signal(e->dir, e->mask, false);
	inotify_event(e);
	if (READ_ONCE(fanotify_nr_marks))
		fanotify_event(e);
}

void fsnotify_inode(struct inode *inode, u32 mask)
{
	struct fs_event e = { .mask = mask, .inode = inode };

	if (watched(inode))
		notify_watchers(&e);
	if ((mask & IN_DELETE_SELF) && !inode->i_nlink)
		fsnotify_inode_gone(inode);
}

void fsnotify_name(
	struct inode *dir, u32 mask, struct inode *child, const char *name, u32 len, u32 cookie)
{
	struct fs_event e = { .mask = mask,
		.inode = child,
		.dir = dir,
		.name = name,
		.len = len,
		.cookie = cookie,
		.dirent = true };

	if (watched(dir))
		notify_watchers(&e);
}

void fsnotify_rename(struct inode *odir, struct inode *ndir, struct inode *child, const char *was,
	u32 was_len, const char *name, u32 len)
{
	struct fs_event e = { .mask = FAN_RENAME,
		.inode = child,
		.dir = odir,
		.name = was,
		.len = was_len,
		.dirent = true,
		.new_dir = ndir,
		.new_name = name,
		.new_len = len };

	if (READ_ONCE(fanotify_nr_marks))
		fanotify_event(&e);
}

/*
 * Sets the directory and the name of an event. @s keeps the name. Returns the parent dentry or
 * NULL. The caller must drop both @s and the parent afterwards.
 */
static struct dentry *name_event(struct fs_event *e, struct dentry *d, struct name_snapshot *s)
{
	struct dentry *parent = d->d_parent == d ? NULL : dget_parent(d);

	s->name.name = NULL;
	if (!parent || !parent->d_inode)
		return parent;
	d_keep_name(d, s);
	e->dir = parent->d_inode;
	e->name = s->name.name;
	e->len = s->name.len;
	e->unlinked = e->path && READ_ONCE(d->d_flags) & DCACHE_UNHASHED;
	return parent;
}

static bool dentry_watched(const struct dentry *d)
{
	const struct inode *dir = READ_ONCE(d->d_parent)->d_inode;

	return watched(d->d_inode) || (d->d_parent != d && has_watch(dir));
}

void fsnotify_dentry(struct dentry *d, u32 mask)
{
	struct fs_event e = { .mask = mask, .inode = d->d_inode };
	struct name_snapshot name;
	struct dentry *parent;

	if (likely(!dentry_watched(d)))
		return;
	parent = name_event(&e, d, &name);
	notify_watchers(&e);
	d_drop_name(&name);
	dput(parent);
}

static bool is_special(const struct inode *inode)
{
	return S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode) || S_ISFIFO(inode->i_mode) ||
	       S_ISSOCK(inode->i_mode);
}

static __noinline void notify_of_file(struct file *f, u32 mask)
{
	struct fs_event e = { .mask = mask, .path = &f->f_path, .inode = f->f_inode };
	struct name_snapshot name;
	struct dentry *parent;

	if ((mask & IN_OPEN) && (f->f_mode & FMODE_EXEC))
		e.mask |= FAN_OPEN_EXEC;
	parent = name_event(&e, f->f_path.dentry, &name);
	/*
	 * Data that is transferred through a device or a pipe is no event of the directory of its
	 * node.
	 */
	if (mask & (IN_ACCESS | IN_MODIFY) && is_special(f->f_inode))
		e.dir = NULL;
	notify_watchers(&e);
	d_drop_name(&name);
	dput(parent);
}

void fsnotify_file(struct file *f, u32 mask)
{
	struct dentry *d = f->f_path.dentry;

	if (!d || !f->f_inode || likely(!dentry_watched(d)) || (f->f_mode & FMODE_NONOTIFY))
		return;
	notify_of_file(f, mask);
}

static __noinline int ask_listeners(struct file *f, u32 mask)
{
	struct fs_event e = { .mask = mask, .path = &f->f_path, .inode = f->f_inode };
	struct name_snapshot name;
	struct dentry *parent;
	int err;

	if ((mask & FAN_OPEN_PERM) && (f->f_mode & FMODE_EXEC))
		e.mask |= FAN_OPEN_EXEC_PERM;
	parent = name_event(&e, f->f_path.dentry, &name);
	err = fanotify_permission(&e);
	d_drop_name(&name);
	dput(parent);
	return err;
}

int fsnotify_permission(struct file *f, u32 mask)
{
	if (likely(!READ_ONCE(fanotify_nr_marks)) || (f->f_mode & FMODE_NONOTIFY) || !f->f_inode)
		return 0;
	return ask_listeners(f, mask);
}

void fsnotify_inode_gone(struct inode *inode)
{
	inotify_inode_gone(inode);
	if (READ_ONCE(fanotify_nr_marks))
		fanotify_inode_gone(inode);
}

void fsnotify_mount_gone(struct mount *m)
{
	if (READ_ONCE(fanotify_nr_marks))
		fanotify_gone(m);
}

void fsnotify_fs_error(struct super_block *sb, struct inode *inode, int error)
{
	if (READ_ONCE(fanotify_nr_marks))
		fanotify_error(sb, inode, error);
}

void fsnotify_sb_gone(struct super_block *sb)
{
	if (!READ_ONCE(fanotify_nr_marks))
		return;
	fanotify_gone(sb);
	fanotify_sb_inodes_gone(sb);
}
