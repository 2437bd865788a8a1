/* SPDX-License-Identifier: MIT */
/*
 * devpts.c: the file system of pseudo-terminal slaves, mounted on /dev/pts.
 *
 * Each mount is a separate instance (the option "newinstance" has no effect), as on Linux since
 * 4.7: with its own numbers, and with a ptmx in it. A ptmx outside, usually /dev/ptmx, belongs to
 * the instance that is mounted on the directory pts/ beside it. Nodes appear and vanish with the
 * ptys; the dentry of a node pins it, as in any memory file system. Options: uid=, gid=, mode=,
 * ptmxmode=, max=.
 *
 * An open master holds its superblock's s_active (devpts_acquire), so that the tree exists when the
 * slave's node is removed. A slave may stay open for longer: it holds only struct devpts, which has
 * the numbers. Locks: the root's i_rwsem for nodes, dp->lock for numbers; options are written at
 * mount and remount (s_umount).
 */
#include <asm/errno.h>
#include <linux/magic.h>
#include <linux/major.h>

#include "kernel/dev/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/libfs.h"
#include "kernel/vfs/super.h"

#define NUMBERS (1 << 20) /* as many as minors */

struct pts_options {
	bool set_uid, set_gid;
	kuid_t uid;
	kgid_t gid;
	umode_t mode, ptmxmode;
	int max;
};

struct devpts {
	atomic_t refs;
	struct super_block *sb;
	struct pts_options opts;
	bool first; /* mounted from the first mount namespace */
	struct mutex lock;
	struct radix numbers; /* index -> slave */
};

static struct devpts *of(const struct super_block *sb)
{
	return sb->s_fs_info;
}

static int parse_options(struct pts_options *o, char *data)
{
	char *word, *val;

	while ((word = fs_next_option(&data, &val))) {
		bool octal = !strcmp(word, "mode") || !strcmp(word, "ptmxmode");
		u64 n = 0;

		if (val && kstrtou64(val, octal ? 8 : 10, &n))
			return -EINVAL;
		if (!strcmp(word, "uid") && val) {
			o->uid = n > ~0U ? (kuid_t)-1 : make_kuid(current_user_ns(), (u32)n);
			o->set_uid = true;
		} else if (!strcmp(word, "gid") && val) {
			o->gid = n > ~0U ? (kgid_t)-1 : make_kgid(current_user_ns(), (u32)n);
			o->set_gid = true;
		} else if (!strcmp(word, "mode") && val) {
			o->mode = n & 07777;
		} else if (!strcmp(word, "ptmxmode") && val) {
			o->ptmxmode = n & 07777;
		} else if (!strcmp(word, "max") && val) {
			if (n > NUMBERS)
				return -EINVAL;
			o->max = (int)n;
		} else if (strcmp(word, "newinstance")) {
			return -EINVAL;
		}
	}
	return uid_valid(o->uid) && uid_valid(o->gid) ? 0 : -EINVAL;
}

/*
 * Sets the owner of a node. The mount options apply to slaves; a ptmx (@private NULL) belongs to
 * the task that mounts.
 */
static void set_owner(const struct pts_options *o, struct inode *inode, const void *private)
{
	inode->i_uid = private && o->set_uid ? o->uid : current_fsuid();
	inode->i_gid = private && o->set_gid ? o->gid : current_fsgid();
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
}

/*
 * Makes a device node in the root directory, with @private as i_private. Takes i_rwsem of the root.
 * Returns 0 or -ENOMEM.
 */
static int add_node(
	struct super_block *sb, const char *name, ino_t ino, umode_t mode, dev_t dev, void *private)
{
	struct inode *root = d_inode(sb->s_root), *inode = new_inode(sb);
	struct qstr q = { name, (u32)strlen(name), full_name_hash(name, (u32)strlen(name)) };
	struct dentry *d;

	if (!inode)
		return -ENOMEM;
	inode->i_ino = ino;
	init_special_inode(inode, S_IFCHR | mode, dev);
	set_owner(&of(sb)->opts, inode, private);
	inode->i_private = private;
	down_write(&root->i_rwsem);
	d = d_lookup(sb->s_root, &q);
	/* Drop a negative entry that an earlier lookup left. */
	if (d) {
		d_drop(d);
		dput(d);
	}
	d = d_alloc(sb->s_root, &q);
	if (d && simple_dir_add(root, d)) { /* adds it to the directory's list */
		dput(d);
		d = NULL;
	}
	if (d) {
		d_add(d, inode);
		dput(d); /* the directory keeps its own reference */
	}
	up_write(&root->i_rwsem);
	if (!d) {
		iput(inode);
		return -ENOMEM;
	}
	fsnotify_name(root, 0x100 /* IN_CREATE */, inode, name, q.len, 0);
	return 0;
}

int devpts_new(struct devpts *dp, struct tty_struct *slave)
{
	char name[16];
	int err;

	scnprintf(name, sizeof(name), "%d", slave->index);
	tty_get(slave);
	err = add_node(dp->sb, name, (ino_t)slave->index + 3, dp->opts.mode, slave->dev, slave);
	if (err)
		tty_put(slave);
	return err;
}

void devpts_kill(struct devpts *dp, struct tty_struct *slave)
{
	struct inode *root = d_inode(dp->sb->s_root);
	struct dentry *d;
	char name[16];
	struct qstr q = { name, 0, 0 };
	struct tty_struct *had = NULL;

	q.len = (u32)scnprintf(name, sizeof(name), "%d", slave->index);
	q.hash = full_name_hash(name, q.len);
	down_write(&root->i_rwsem);
	d = d_lookup(dp->sb->s_root, &q);
	if (d && d_inode(d)) {
		struct inode *inode = d_inode(d);

		spin_lock(&inode->i_lock);
		had = inode->i_private;
		inode->i_private = NULL;
		spin_unlock(&inode->i_lock);
		clear_nlink(inode);
		if (d->d_cookie)
			simple_dir_remove(root, d);
		d_drop(d);
	}
	if (d)
		dput(d);
	up_write(&root->i_rwsem);
	if (had)
		tty_put(had);
}

struct tty_struct *devpts_get(struct inode *inode)
{
	struct tty_struct *tty;

	if (inode->i_sb->s_magic != DEVPTS_SUPER_MAGIC)
		return NULL;
	spin_lock(&inode->i_lock);
	tty = inode->i_private;
	if (tty)
		tty_get(tty);
	spin_unlock(&inode->i_lock);
	return tty;
}

static struct dentry *devpts_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	d_add(d, NULL);
	return NULL;
}

static const struct inode_operations devpts_dir_iops = {
	.lookup = devpts_lookup,
};

/* ---- instances ---- */

struct devpts *devpts_hold(struct devpts *dp)
{
	atomic_inc(&dp->refs);
	return dp;
}

void devpts_put(struct devpts *dp)
{
	if (atomic_dec_and_test(&dp->refs)) /* no slave, so no number is left */
		kfree(dp);
}

/*
 * Finds the root of the ptmx's instance: the mount that contains the ptmx, or else the mount on
 * pts/ beside it.
 */
static int find_root(struct file *ptmx, struct path *root)
{
	int err;

	if (ptmx->f_inode->i_sb->s_magic == DEVPTS_SUPER_MAGIC) {
		*root = (struct path){ ptmx->f_path.mnt, ptmx->f_inode->i_sb->s_root };
		path_get(root);
		return 0;
	}
	err = path_beside(&ptmx->f_path, "pts", root);
	if (err)
		return -ENODEV;
	if (root->dentry->d_sb->s_magic == DEVPTS_SUPER_MAGIC &&
		root->dentry == root->dentry->d_sb->s_root)
		return 0;
	path_put(root);
	return -ENODEV;
}

struct devpts *devpts_acquire(struct file *ptmx)
{
	struct path root;
	struct devpts *dp;
	int err = find_root(ptmx, &root);

	if (err)
		return ERR_PTR(err);
	dp = devpts_hold(of(root.dentry->d_sb));
	atomic_inc(&dp->sb->s_active); /* instead of the path's reference */
	path_put(&root);
	return dp;
}

void devpts_release(struct devpts *dp)
{
	deactivate_super(dp->sb);
	devpts_put(dp);
}

struct file *devpts_open(struct devpts *dp, struct file *ptmx, int index, u32 flags)
{
	struct path root, path;
	struct file *f;
	char name[16];
	int n = scnprintf(name, sizeof(name), "%d", index), err = find_root(ptmx, &root);

	if (err)
		return ERR_PTR(err);
	path = (struct path){ root.mnt, lookup_one_unlocked(name, root.dentry, n) };
	if (IS_ERR(path.dentry)) {
		f = ERR_CAST(path.dentry);
	} else {
		f = path.dentry->d_sb == dp->sb && d_inode(path.dentry) ?
			    dentry_open(&path, flags, 0) :
			    ERR_PTR(-EIO);
		dput(path.dentry);
	}
	path_put(&root);
	return f;
}

int devpts_spare(const struct devpts *dp)
{
	return dp->first ? 0 : READ_ONCE(pty_reserve);
}

int devpts_number(struct devpts *dp, struct tty_struct *slave)
{
	int max = dp->opts.max;
	s64 n;

	if (!max)
		return -ENOSPC;
	mutex_lock(&dp->lock);
	n = radix_alloc(&dp->numbers, 0, (u64)max - 1, slave);
	mutex_unlock(&dp->lock);
	return (int)n;
}

void devpts_number_free(struct devpts *dp, int index)
{
	mutex_lock(&dp->lock);
	radix_delete(&dp->numbers, (u64)index);
	mutex_unlock(&dp->lock);
}

/* ---- superblocks ---- */

static int devpts_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct pts_options *o = &of(sb)->opts;
	int n = 0;

	if (o->set_uid)
		n += scnprintf(buf + n, size - (size_t)n, ",uid=%u", o->uid);
	if (o->set_gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u", o->gid);
	n += scnprintf(buf + n, size - (size_t)n, ",mode=%03o,ptmxmode=%03o", o->mode, o->ptmxmode);
	if (o->max < NUMBERS)
		n += scnprintf(buf + n, size - (size_t)n, ",max=%d", o->max);
	return n;
}

static const struct pts_options defaults = { .mode = 0600, .max = NUMBERS };

/*
 * Remounts. Options that are not named get their defaults, as on Linux; the existing ptmx changes
 * too.
 */
static int devpts_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct pts_options o = defaults;
	struct dentry *ptmx;
	int err = parse_options(&o, data);

	if (err)
		return err;
	of(sb)->opts = o;
	ptmx = lookup_one_unlocked("ptmx", sb->s_root, 4);
	if (IS_ERR(ptmx))
		return 0;
	if (d_inode(ptmx))
		d_inode(ptmx)->i_mode = S_IFCHR | o.ptmxmode;
	dput(ptmx);
	return 0;
}

static const struct super_operations devpts_sops = {
	.statfs = simple_statfs,
	.show_options = devpts_show_options,
	.remount = devpts_remount,
};

static int devpts_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct inode *root = new_inode(sb);

	if (!root)
		return -ENOMEM;
	sb->s_fs_info = devpts_hold(data);
	of(sb)->sb = sb;
	root->i_ino = 1;
	root->i_uid = make_kuid(current_user_ns(), 0);
	root->i_gid = make_kgid(current_user_ns(), 0);
	root->i_mode = S_IFDIR | 0755;
	root->i_op = &devpts_dir_iops;
	root->i_fop = &simple_dir_operations;
	root->i_atime = root->i_mtime = root->i_ctime = current_time(root);
	set_nlink(root, 2);
	sb->s_blocksize = 1024;
	sb->s_blocksize_bits = 10;
	sb->s_maxbytes = S64_MAX;
	sb->s_magic = DEVPTS_SUPER_MAGIC;
	sb->s_op = &devpts_sops;
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;
	return add_node(sb, "ptmx", 2, of(sb)->opts.ptmxmode, MKDEV(TTYAUX_MAJOR, 2), NULL);
}

static struct dentry *devpts_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	struct devpts *dp = kzalloc(sizeof(*dp), GFP_KERNEL);
	struct dentry *root;
	int err;

	if (!dp)
		return ERR_PTR(-ENOMEM);
	atomic_set(&dp->refs, 1);
	mutex_init(&dp->lock);
	dp->opts = defaults;
	dp->first = in_first_mnt_ns();
	err = parse_options(&dp->opts, data);
	root = err ? ERR_PTR(err) : mount_nodev(t, flags, dp, devpts_fill_super);
	devpts_put(dp);
	if (!IS_ERR(root))
		root->d_sb->s_iflags &= ~SB_I_NODEV; /* its nodes are all made by the kernel */
	return root;
}

static void devpts_kill_sb(struct super_block *sb)
{
	struct devpts *dp = of(sb);

	kill_anon_super(sb);
	if (dp)
		devpts_put(dp);
}

static const struct fs_param params[] = {
	FS_PARAM("uid", FSP_UID),
	FS_PARAM("gid", FSP_GID),
	FS_PARAM("mode", FSP_OCTAL),
	FS_PARAM("ptmxmode", FSP_OCTAL),
	FS_PARAM("max", FSP_U32),
	FS_PARAM("newinstance", FSP_FLAG),
	FS_PARAM_END,
};

static struct file_system_type devpts_type = {
	.name = "devpts",
	.fs_flags = FS_USERNS_MOUNT,
	.params = params,
	.mount = devpts_mount,
	.kill_sb = devpts_kill_sb,
};

static int devpts_init(void)
{
	return register_filesystem(&devpts_type);
}
INITCALL(3, devpts_init);
