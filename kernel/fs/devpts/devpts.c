/* SPDX-License-Identifier: MIT */
/*
 * devpts.c: the file system of pseudo-terminal slaves, mounted on /dev/pts.
 *
 * One instance for all mounts (an option "newinstance" is accepted and means the same instance; docs/devices.md says so). Nodes come and go
 * with the ptys; the dentry of a node pins it, as in any memory file system. Options: uid=, gid=, mode=, ptmxmode=.
 * Lock: the root's i_rwsem; s_fs_info is written at mount and remount.
 */
#include <asm/errno.h>
#include <linux/magic.h>
#include <linux/major.h>

#include "kernel/dev/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "kernel/task/cred.h"
#include "kernel/vfs/super.h"

static struct super_block *devpts_sb;
static struct {
	bool set_uid, set_gid;
	kuid_t uid;
	kgid_t gid;
	umode_t mode, ptmxmode;
} opts = { .mode = 0600, .ptmxmode = 0 };

static int parse_options(char *data)
{
	char *s = data, *word;

	while (s && (word = strsep(&s, ","))) {
		char *val = strchr(word, '=');
		u64 n = 0;
		bool octal;

		if (!*word)
			continue;
		if (val)
			*val++ = 0;
		octal = !strcmp(word, "mode") || !strcmp(word, "ptmxmode");
		if (val && kstrtou64(val, octal ? 8 : 10, &n))
			return -EINVAL;
		if (!strcmp(word, "uid") && val) {
			opts.uid = make_kuid(current_user_ns(), (u32)n);
			opts.set_uid = true;
		} else if (!strcmp(word, "gid") && val) {
			opts.gid = make_kgid(current_user_ns(), (u32)n);
			opts.set_gid = true;
		} else if (!strcmp(word, "mode") && val) {
			opts.mode = n & 07777;
		} else if (!strcmp(word, "ptmxmode") && val) {
			opts.ptmxmode = n & 07777;
		} else if (!strcmp(word, "max") && val) {
			continue; /* the kernel's own limit is lower than anybody asks for */
		} else if (strcmp(word, "newinstance")) {
			return -EINVAL;
		}
	}
	return 0;
}

static void set_owner(struct inode *inode)
{
	inode->i_uid = opts.set_uid ? opts.uid : current_fsuid();
	inode->i_gid = opts.set_gid ? opts.gid : current_fsgid();
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
}

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
	set_owner(inode);
	inode->i_private = private;
	down_write(&root->i_rwsem);
	d = d_lookup(sb->s_root, &q);
	if (d) { /* a negative entry that a lookup left behind */
		d_drop(d);
		dput(d);
	}
	d = d_alloc(sb->s_root, &q);
	if (d && simple_dir_add(root, d)) { /* which lists it */
		dput(d);
		d = NULL;
	}
	if (d)
		d_add(d, inode); /* the reference of d_alloc keeps the node */
	up_write(&root->i_rwsem);
	if (!d) {
		iput(inode);
		return -ENOMEM;
	}
	fsnotify_name(root, 0x100 /* IN_CREATE */, inode, name, q.len, 0);
	return 0;
}

int devpts_new(struct tty_struct *slave)
{
	char name[16];
	int err;

	if (!devpts_sb)
		return -ENODEV;
	scnprintf(name, sizeof(name), "%d", slave->index);
	tty_get(slave);
	err = add_node(devpts_sb, name, (ino_t)slave->index + 3, opts.mode, slave->dev, slave);
	if (err)
		tty_put(slave);
	return err;
}

void devpts_kill(struct tty_struct *slave)
{
	struct inode *root;
	struct dentry *d;
	char name[16];
	struct qstr q = { name, 0, 0 };
	struct tty_struct *had = NULL;

	if (!devpts_sb)
		return;
	root = d_inode(devpts_sb->s_root);
	q.len = (u32)scnprintf(name, sizeof(name), "%d", slave->index);
	q.hash = full_name_hash(name, q.len);
	down_write(&root->i_rwsem);
	d = d_lookup(devpts_sb->s_root, &q);
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
		dput(d); /* the one that kept the node */
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

	if (inode->i_sb != devpts_sb)
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

static int devpts_show_options(struct super_block *sb, char *buf, size_t size)
{
	int n = 0;

	if (opts.set_uid)
		n += scnprintf(buf + n, size - (size_t)n, ",uid=%u", opts.uid);
	if (opts.set_gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u", opts.gid);
	n += scnprintf(
		buf + n, size - (size_t)n, ",mode=%03o,ptmxmode=%03o", opts.mode, opts.ptmxmode);
	return n;
}

static int devpts_remount(struct super_block *sb, u32 *flags, char *data)
{
	return parse_options(data);
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
	root->i_ino = 1;
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
	devpts_sb = sb;
	return add_node(sb, "ptmx", 2, opts.ptmxmode, MKDEV(TTYAUX_MAJOR, 2), NULL);
}

static struct dentry *devpts_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	int err = parse_options(data);

	if (err)
		return ERR_PTR(err);
	return mount_single(t, flags, NULL, devpts_fill_super);
}

static struct file_system_type devpts_type = {
	.name = "devpts",
	.mount = devpts_mount,
	.kill_sb = kill_anon_super,
};

/* The instance exists from boot on, mounted or not, so that ptys work before anybody mounts it. */
static int devpts_init(void)
{
	int err = register_filesystem(&devpts_type);
	struct mount *m = err ? ERR_PTR(err) : kern_mount(&devpts_type);

	return IS_ERR(m) ? (int)PTR_ERR(m) : 0;
}
INITCALL(3, devpts_init);
