/* SPDX-License-Identifier: MIT */
/*
 * landlock_path.c: the operations on files that a domain allows.
 *
 * A right is granted if each layer that handles it has a rule that grants it for the file or for a
 * directory above it, up to the root of the tree of mounts. unmet_at() walks up this path and
 * returns, for each layer, the rights that no rule has granted. The cost is a binary search for
 * each layer and directory.
 *
 * A short path is walked without references, within one stretch of code that passes no boundary
 * (vfs/internal.h), and walked again if a rename or a mount happened meanwhile. A longer path is
 * walked with references, one directory at a time, as Linux always does. So is a path that other
 * tasks keep changing, for which walks without references might never succeed.
 *
 * A move of a file needs LL_REFER in both directories. If the file would gain rights by the move,
 * the move fails with -EXDEV, so that mv(1) copies the file.
 *
 * Files outside every tree (pipes, sockets, memfds, namespaces) are not restricted.
 */
#include <asm/ioctls.h>
#include <linux/fiemap.h>

#include "kernel/vfs/landlock/landlock_rules.h"

struct unmet {
	u32 bits[LANDLOCK_LAYERS];
};

/* Returns the domain of current if any of its layers handles a right of @access, else NULL. */
static const struct landlock_domain *domain_for(u32 access)
{
	const struct landlock_domain *d = current_cred()->landlock;

	return d && (d->any_fs & access) ? d : NULL;
}

static void unmet_all(const struct landlock_domain *d, struct unmet *u)
{
	for (; d; d = d->parent)
		u->bits[d->depth - 1] = d->fs;
}

static void grant_at(const struct landlock_domain *d, const struct inode *inode, struct unmet *u)
{
	for (; d; d = d->parent)
		if (u->bits[d->depth - 1])
			u->bits[d->depth - 1] &= ~ll_find(&d->files, (u64)inode, inode);
}

static u32 unmet_any(const struct landlock_domain *d, const struct unmet *u)
{
	u32 any = 0;

	for (; d; d = d->parent)
		any |= u->bits[d->depth - 1];
	return any;
}

static bool is_free(const struct dentry *d)
{
	return (d->d_flags & DCACHE_PSEUDO) || (d->d_sb->s_iflags & SB_I_NOUSER) ||
	       (d->d_inode && (d->d_inode->i_flags & S_PRIVATE));
}

/*
 * Goes up one directory and returns true, or returns false at the top. A directory that a mount
 * covers is skipped. A file that was moved out of the subtree of its mount reaches the root of the
 * file system instead of the mount's root. The walk then continues at the mountpoint, so the rules
 * there still apply.
 */
static bool step_up(struct path *p)
{
	while (p->dentry == p->mnt->mnt_root) {
		struct mount *m = p->mnt;

		if (m->mnt_parent == m)
			return false;
		p->dentry = m->mnt_mountpoint;
		p->mnt = m->mnt_parent;
	}
	if (p->dentry->d_parent == p->dentry)
		p->dentry = p->mnt->mnt_root;
	else
		p->dentry = READ_ONCE(p->dentry->d_parent);
	return true;
}

/*
 * Maximum of directories for a walk without references, which takes up to 0.1 ms with 16 layers of
 * a thousand rules.
 */
#define SHORT_WAY 128
#define TRIES 3

/*
 * Walks up without references, and collects in @u the rights that no rule grants. Returns false if
 * the path is too long for that.
 */
static bool climb(const struct landlock_domain *d, struct path p, u32 want, struct unmet *u)
{
	u32 n = 0;

	unmet_all(d, u);
	do {
		if (n++ == SHORT_WAY)
			return false;
		if (p.dentry->d_inode)
			grant_at(d, p.dentry->d_inode, u);
	} while ((unmet_any(d, u) & want) && step_up(&p));
	return true;
}

/* Does what step_up() does, and holds references on @p. */
static bool step_up_holding(struct path *p)
{
	struct dentry *up;

	while (p->dentry == p->mnt->mnt_root)
		if (!follow_up(p))
			return false;
	up = dget_parent(p->dentry);
	if (up == p->dentry) {
		dput(up);
		up = dget(p->mnt->mnt_root);
	}
	dput(p->dentry);
	p->dentry = up;
	return true;
}

static void climb_holding(
	const struct landlock_domain *d, const struct path *from, u32 want, struct unmet *u)
{
	struct path p = *from;

	path_get(&p);
	unmet_all(d, u);
	do {
		cond_resched();
		if (p.dentry->d_inode)
			grant_at(d, p.dentry->d_inode, u);
	} while ((unmet_any(d, u) & want) && step_up_holding(&p));
	path_put(&p);
}

/*
 * Finds, for each layer, those rights of @want that the layer handles and that none of its rules
 * grants for @p or a directory above it.
 */
static void unmet_at(
	const struct landlock_domain *d, const struct path *p, u32 want, struct unmet *u)
{
	if (is_free(p->dentry)) {
		memset(u, 0, sizeof(*u));
		return;
	}
	for (int i = 0; i < TRIES; i++) {
		u32 rseq = vfs_seq_begin(&rename_seq), mseq = vfs_seq_begin(&mount_seq);

		if (!climb(d, *p, want, u))
			break;
		if (!vfs_seq_retry(&rename_seq, rseq) && !vfs_seq_retry(&mount_seq, mseq))
			return;
	}
	climb_holding(d, p, want, u);
}

static u32 denied_at(const struct path *p, u32 access)
{
	const struct landlock_domain *d = domain_for(access);
	struct unmet u;

	if (!d)
		return 0;
	unmet_at(d, p, access, &u);
	return unmet_any(d, &u) & access;
}

/* ---- opening and later operations ---- */

static bool is_device(const struct inode *inode)
{
	return S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode);
}

int landlock_open(struct file *f)
{
	u32 need = 0, later = LL_TRUNCATE, denied;

	if (f->f_mode & FMODE_READ)
		need |= is_dir(f->f_inode) ? LL_READ_DIR : LL_READ_FILE;
	if (f->f_mode & FMODE_WRITE)
		need |= LL_WRITE_FILE;
	if (f->f_mode & FMODE_EXEC)
		need |= LL_EXECUTE;
	if (is_device(f->f_inode))
		later |= LL_IOCTL_DEV;
	denied = denied_at(&f->f_path, need | later);
	if (denied & need)
		return -EACCES;
	if (denied & LL_TRUNCATE)
		f->f_mode |= FMODE_NO_TRUNCATE;
	if (denied & LL_IOCTL_DEV)
		f->f_mode |= FMODE_NO_IOCTL;
	return 0;
}

int landlock_truncate(const struct path *path)
{
	return denied_at(path, LL_TRUNCATE) ? -EACCES : 0;
}

int landlock_ftruncate(const struct file *f)
{
	return f->f_mode & FMODE_NO_TRUNCATE ? -EACCES : 0;
}

int landlock_ioctl(const struct file *f, u32 cmd)
{
	if (!(f->f_mode & FMODE_NO_IOCTL))
		return 0;
	/* The vfs, not the device, handles these commands. */
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
	case FIONBIO:
	case FIOASYNC:
	case FIOQSIZE:
	case FIFREEZE:
	case FITHAW:
	case FS_IOC_FIEMAP:
	case FIGETBSZ:
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
	/* FS_IOC_GETFSUUID, which older headers lack */
	case 0x80111500:
	case 0x80811501: return 0; /* FS_IOC_GETFSSYSFSPATH, newer too */
	default: return -EACCES;
	}
}

/* ---- names ---- */

static u32 right_to_make(umode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK: return LL_MAKE_SYM;
	case S_IFDIR: return LL_MAKE_DIR;
	case S_IFCHR: return LL_MAKE_CHAR;
	case S_IFBLK: return LL_MAKE_BLOCK;
	case S_IFIFO: return LL_MAKE_FIFO;
	case S_IFSOCK: return LL_MAKE_SOCK;
	default: return LL_MAKE_REG;
	}
}

static u32 right_to_remove(const struct dentry *d)
{
	if (!d->d_inode)
		return 0;
	return is_dir(d->d_inode) ? LL_REMOVE_DIR : LL_REMOVE_FILE;
}

int landlock_make(const struct path *dir, umode_t mode)
{
	return denied_at(dir, right_to_make(mode)) ? -EACCES : 0;
}

int landlock_remove(const struct path *dir, bool of_dir)
{
	return denied_at(dir, of_dir ? LL_REMOVE_DIR : LL_REMOVE_FILE) ? -EACCES : 0;
}

int landlock_mount(void)
{
	return domain_for(LL_FS_ALL) ? -EPERM : 0;
}

/* True if @child would have a right in @to that it lacks in @from. */
static bool gains(const struct landlock_domain *dom, const struct dentry *child,
	const struct unmet *from, const struct unmet *to)
{
	u32 minded = is_dir(child->d_inode) ? LL_FS_ALL : LL_FS_FILE;
	const struct landlock_domain *d;
	struct unmet own;

	unmet_all(dom, &own);
	grant_at(dom, child->d_inode, &own);
	for (d = dom; d; d = d->parent) {
		u32 i = d->depth - 1;

		if (from->bits[i] & own.bits[i] & ~to->bits[i] & minded)
			return true;
	}
	return false;
}

int landlock_refer(const struct path *from, struct dentry *old, const struct path *to,
	struct dentry *new, bool removable, bool exchange)
{
	const struct landlock_domain *d = domain_for(LL_FS_ALL);
	u32 need_from = 0, need_to, lacks_from, lacks_to;
	struct unmet uf, ut;

	if (!d)
		return 0;
	if (!old->d_inode || (exchange && !new->d_inode))
		return -ENOENT;
	need_to = right_to_make(old->d_inode->i_mode);
	if (exchange)
		need_from = right_to_make(new->d_inode->i_mode);
	if (removable) {
		need_from |= right_to_remove(old);
		need_to |= right_to_remove(new);
	}
	if (from->dentry == to->dentry)
		return denied_at(to, need_from | need_to) ? -EACCES : 0;
	unmet_at(d, from, LL_FS_ALL, &uf);
	unmet_at(d, to, LL_FS_ALL, &ut);
	lacks_from = unmet_any(d, &uf);
	lacks_to = unmet_any(d, &ut);
	if ((lacks_from & need_from) || (lacks_to & need_to))
		return -EACCES;
	if (((lacks_from | lacks_to) & LL_REFER) || gains(d, old, &uf, &ut))
		return -EXDEV;
	return exchange && gains(d, new, &ut, &uf) ? -EXDEV : 0;
}
