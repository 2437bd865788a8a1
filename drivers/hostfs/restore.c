/* SPDX-License-Identifier: MIT */
/*
 * restore.c: hostfs in a restored instance. The host's files may have changed in between, or it may
 * be another host.
 *
 * The roots are opened at the paths of the parameters. Each inode gets a node with its old number,
 * the identity that it had, and the name and folder that the guest knows; the node is opened by
 * that name when it is used. An object that has no name on this host, or whose name now belongs to
 * another object, is gone: its users get ESTALE. So do users of files that were removed while they
 * were open. Files are reopened at their first use. All cached names and attributes expire at the
 * restore.
 *
 * Locks on the host's files are set again during the restore. If another process holds a
 * conflicting lock, such as the instance that was saved, the lock holds among the guest's programs
 * only, and a line in the log reports it.
 *
 * Locks: none, the machine is stopped.
 */
#include "drivers/hostfs/hostfs.h"
#include "kernel/state/state.h"
#include "kernel/vfs/lock/locks.h"

u32 hostfs_restores;
static u32 lost_locks;

static struct hostfs_time host_time(const struct timespec64 *t)
{
	return (struct hostfs_time){ t->tv_sec, (u32)t->tv_nsec };
}

/*
 * Opens the root's folder again, and takes over its device and inode numbers. Returns 0, or -errno
 * with a line in @why.
 */
static int restore_root(struct hostfs_sb *hs, struct state_why *why)
{
	struct hostfs_inode *root = hs->sb->s_root ? HOSTFS_I(hs->sb->s_root->d_inode) : NULL;
	u64 old_dev = hs->root_dev;
	struct hostfs_attr a;
	struct inode *inode;
	int err;

	/* A mount that has just begun, or is ending, has no root. */
	if (!root || !root->node) {
		hs->root = 0;
		return 0;
	}
	hs->real_ids = hostfs_host_ids(&hs->host_uid, &hs->host_gid);
	err = hostfs_host_root(
		hs->share->dir, hs->dir, hs->share->only, hs->share->ro, &root->node);
	if (!err)
		err = hostfs_host_getattr(root->node, 0, &a);
	if (err) {
		scnprintf(why->text, sizeof(why->text), "hostfs: %.200s, %.100s: %s",
			hs->share->dir, hs->dir, arch_strerror(err));
		return err;
	}
	/* Device numbers may differ after another boot of the host. */
	hs->root_dev = a.dev;
	list_for_each_entry(inode, &hs->sb->s_inodes, i_sb_list) {
		struct hostfs_inode *hi = HOSTFS_I(inode);

		if (hi->dev == old_dev)
			hi->dev = a.dev;
	}
	root->ino = a.ino;
	root->dev = a.dev;
	root->vfs.i_btime = (struct timespec64){ a.btime.sec, (long)a.btime.nsec };
	return 0;
}

/* Recreates the nodes, without names. */
static int restore_nodes(struct hostfs_sb *hs, struct state_why *why)
{
	struct inode *inode;
	int err = 0;

	list_for_each_entry(inode, &hs->sb->s_inodes, i_sb_list) {
		struct hostfs_inode *hi = HOSTFS_I(inode);
		struct hostfs_attr a = {
			.ino = hi->ino,
			.dev = hi->dev,
			.btime = host_time(&inode->i_btime),
		};

		WRITE_ONCE(hi->until, 0);
		if (hi->node && hi->node != hs->root)
			err = hostfs_host_restore(hi->node, &a);
		if (err) {
			scnprintf(why->text, sizeof(why->text), "hostfs: %s", arch_strerror(err));
			return err;
		}
	}
	return 0;
}

/*
 * Sets the names and folders of all nodes as the guest knows them, and makes the guest revalidate
 * all names.
 */
static void restore_names(struct hostfs_sb *hs)
{
	struct inode *inode;
	struct dentry *d, *child;

	list_for_each_entry(inode, &hs->sb->s_inodes, i_sb_list) {
		list_for_each_entry(d, &inode->i_dentry, d_alias) {
			WRITE_ONCE(d->d_fsdata, NULL);
			if (d->d_parent != d && !(d->d_flags & DCACHE_UNHASHED))
				hostfs_found_as(inode, HOSTFS_I(d->d_parent->d_inode)->node,
					d->d_name.name);
			list_for_each_entry(child, &d->d_subdirs, d_child)
				WRITE_ONCE(child->d_fsdata, NULL);
		}
	}
}

static void restore_files(void)
{
	struct hostfs_file *f;

	list_for_each_entry(f, &hostfs_files, list) {
		if (!f->owner || hostfs_host_restore_file(f->host, f->owner->node, f->how))
			f->host = 0;
	}
}

static const int host_types[] = { [FLK_READ] = F_RDLCK, [FLK_WRITE] = F_WRLCK };

static int lock_again(int file, const struct file_lock *l)
{
	s64 len = l->end == FLK_END ? 0 : l->end - l->start + 1;

	if (l->kind == FLK_FLOCK)
		return hostfs_host_flock(file, host_types[l->type]);
	return hostfs_host_lock(file, host_types[l->type], l->start, len);
}

static void restore_locks(struct hostfs_sb *hs)
{
	struct inode *inode;
	struct file_lock *l;

	list_for_each_entry(inode, &hs->sb->s_inodes, i_sb_list) {
		const struct hostfs_file *f = HOSTFS_I(inode)->lfile;

		if (!f)
			continue;
		list_for_each_entry(l, &inode->i_flock, list)
			lost_locks += lock_again(f->host, l) != 0;
	}
}

static int rebuild(const char *dir, struct state_why *why)
{
	struct hostfs_sb *hs;
	int err;

	hostfs_restores++;
	lost_locks = 0;
	err = hostfs_requests_again();
	list_for_each_entry(hs, &hostfs_sbs, list) {
		if (!err)
			err = restore_root(hs, why);
		if (!err)
			err = restore_nodes(hs, why);
		if (!err)
			restore_names(hs);
	}
	if (err)
		return err;
	restore_files();
	list_for_each_entry(hs, &hostfs_sbs, list)
		restore_locks(hs);
	if (lost_locks)
		pr_warn("hostfs: %u locks are other processes' of the host now\n", lost_locks);
	return 0;
}

/*
 * Refuses a mark or rollback while hostfs is mounted: the host's half cannot roll back its open
 * objects.
 */
static int mark(struct state_why *why)
{
	if (list_empty(&hostfs_sbs))
		return 0;
	scnprintf(why->text, sizeof(why->text), "hostfs: a folder of the host is mounted");
	return -EBUSY;
}

static bool note(void)
{
	return list_empty(&hostfs_sbs);
}

STATE_PART(hostfs_state) = {
	.name = "hostfs",
	.quiet = hostfs_requests_none,
	.mark = mark,
	.put_back = mark,
	.note = note,
	.rebuild = rebuild,
};
