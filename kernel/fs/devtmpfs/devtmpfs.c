/* SPDX-License-Identifier: MIT */
/*
 * devtmpfs.c: the file system of /dev: a tmpfs in which the kernel makes and removes device nodes.
 *
 * There is one instance. Drivers call devtmpfs_create() from initcalls, long before /dev is
 * mounted. The first call makes the superblock. Names may contain directories ("input/mice"), which
 * are made as needed. All nodes belong to root; programs of the guest may change and remove them,
 * as in any tmpfs.
 *
 * Locks: dev_mutex while the instance is made; the directories' i_rwsem for their names.
 */
#include "kernel/block/block.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/fs/tmpfs/tmpfs.h"

#include "arch/um/machine/arch.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/vfs/libfs.h"

static DEFINE_MUTEX(dev_mutex);
/* set once, under dev_mutex */
static struct mount *dev_mount;

static int dev_fill_super(struct super_block *sb, void *data, bool silent)
{
	int err = tmpfs_fill_super(sb, NULL, silent);

	if (!err)
		sb->s_root->d_inode->i_mode = S_IFDIR | 0755;
	return err;
}

static struct dentry *dev_do_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_single(t, flags & ~(u32)SB_RDONLY, data, dev_fill_super);
}

static struct file_system_type dev_type = {
	.name = "devtmpfs", .mount = dev_do_mount, .kill_sb = kill_anon_super
};

static struct dentry *dev_root(void)
{
	struct mount *m;

	m = smp_load_acquire(&dev_mount);
	if (m)
		return dget(m->mnt_root);
	mutex_lock(&dev_mutex);
	if (!dev_mount) {
		m = kern_mount(&dev_type);
		if (!IS_ERR(m))
			smp_store_release(&dev_mount, m);
	}
	m = dev_mount;
	mutex_unlock(&dev_mutex);
	return m ? dget(m->mnt_root) : ERR_PTR(-ENOMEM);
}

/* Finds the entry @name in @dir. Returns its dentry, referenced, or NULL. */
static struct dentry *find_entry(struct dentry *dir, const char *name, u32 len)
{
	struct qstr q = { name, len, full_name_hash(name, len) };
	struct dentry *d = d_lookup(dir, &q);

	if (d && !d->d_inode) {
		dput(d);
		d = NULL;
	}
	return d;
}

static struct dentry *make_entry(struct dentry *dir, const char *name, umode_t mode, dev_t dev)
{
	struct inode *inode = tmpfs_new_inode(dir->d_sb, NULL, mode, dev);

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_mode = mode;
	inode->i_uid = 0;
	inode->i_gid = 0;
	return simple_add_entry(dir, name, inode);
}

/*
 * Exchanges the reference to @dir for a reference to its directory @name. If @name does not exist
 * and @make is set, makes it. Returns ERR_PTR on failure.
 */
static struct dentry *enter(struct dentry *dir, const char *name, u32 len, bool make)
{
	struct dentry *d = find_entry(dir, name, len);
	char text[NAME_MAX + 1];

	if (!d && make && len <= NAME_MAX) {
		memcpy(text, name, len);
		text[len] = 0;
		d = make_entry(dir, text, S_IFDIR | 0755, 0);
	}
	dput(dir);
	return d ? d : ERR_PTR(-ENOENT);
}

/*
 * Returns the directory that contains @name, referenced, or ERR_PTR. *last: the last component of
 * @name. @make: makes missing directories.
 */
static struct dentry *folder_of(const char *name, bool make, const char **last)
{
	struct dentry *dir = dev_root();
	const char *slash;

	while (!IS_ERR(dir) && (slash = strchr(name, '/'))) {
		dir = enter(dir, name, slash - name, make);
		name = slash + 1;
	}
	*last = name;
	return dir;
}

int devtmpfs_create(const char *name, umode_t mode, dev_t dev)
{
	struct dentry *dir, *d;
	const char *last;

	dir = folder_of(name, true, &last);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	d = make_entry(dir, last, mode, dev);
	dput(dir);
	if (IS_ERR(d))
		return PTR_ERR(d);
	dput(d);
	return S_ISCHR(mode) ? sysfs_add_chrdev(name, mode, dev) : 0;
}

/* Removes a device node. Another kind of file that the guest has put in its place stays. */
int devtmpfs_remove(const char *name)
{
	struct dentry *dir, *d;
	const char *last;
	int err = -ENOENT;

	dir = folder_of(name, false, &last);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	d = find_entry(dir, last, strlen(last));
	if (d && (S_ISCHR(d->d_inode->i_mode) || S_ISBLK(d->d_inode->i_mode))) {
		simple_remove_entry(d);
		err = 0;
	}
	dput(d);
	dput(dir);
	return err;
}

static const struct dev_node_ops node_ops_for_disks = {
	.create = devtmpfs_create,
	.remove = devtmpfs_remove,
};

static int devtmpfs_init(void)
{
	dev_node_ops = &node_ops_for_disks;
	return register_filesystem(&dev_type);
}
INITCALL(2, devtmpfs_init);

/*
 * Adds the links (/dev/fd, stdin and others) that other systems leave to udev, since shells need
 * them.
 */
static int add_links(void)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" },
	};
	struct dentry *dir = dev_root(), *d;
	int err = IS_ERR(dir) ? (int)PTR_ERR(dir) : 0;

	for (u32 i = 0; i < ARRAY_SIZE(links) && !err; i++) {
		struct inode *inode = tmpfs_new_inode(dir->d_sb, NULL, S_IFLNK | 0777, 0);

		if (IS_ERR(inode))
			return (int)PTR_ERR(inode);
		inode->i_link = kstrdup(links[i].target);
		if (!inode->i_link)
			return -ENOMEM;
		inode->i_size = (loff_t)strlen(inode->i_link);
		d = simple_add_entry(dir, links[i].name, inode);
		err = IS_ERR(d) ? (int)PTR_ERR(d) : 0;
		if (!err)
			dput(d);
	}
	if (!IS_ERR(dir))
		dput(dir);
	return err;
}
INITCALL(4, add_links);
