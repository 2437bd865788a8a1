/* SPDX-License-Identifier: MIT */
/*
 * boot.c: brings vfs up and mounts the root file system.
 *
 * Order: vfs_init (level 1) makes the caches, kernel/fs/tmpfs calls set_initial_root(), which
 * mounts rootfs, and mount_root() mounts the disk's file system over rootfs. So the root mount has
 * a parent, as on Linux, which pivot_root(2) requires.
 */
#include "kernel/block/block.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/mount/mount.h"

/* ---- mm's operations on files ---- */

static struct address_space *file_mapping(struct file *f)
{
	return f->f_mapping;
}
static loff_t inode_size(struct inode *i)
{
	return i_size_read(i);
}
static void file_hold(struct file *f)
{
	get_file(f);
}
static int file_mmap(struct file *f, struct vm_area *vma)
{
	return f->f_op->mmap ? f->f_op->mmap(f, vma) : -ENODEV;
}
static u64 file_ino(struct file *f)
{
	return f->f_inode->i_ino;
}
static dev_t file_dev(struct file *f)
{
	return f->f_inode->i_sb->s_dev;
}
static bool file_may_watch(struct file *f)
{
	return path_owner_or_capable(&f->f_path) || !path_permission(&f->f_path, MAY_WRITE);
}
static bool file_may_exec(struct file *f)
{
	return !(f->f_mode & FMODE_NOEXEC) && !(f->f_path.mnt->mnt_flags & MS_NOEXEC) &&
	       !(f->f_inode->i_sb->s_iflags & SB_I_NOEXEC);
}
static u32 file_mode(struct file *f)
{
	return (f->f_mode & (FMODE_READ | FMODE_WRITE)) | (f->f_inode->i_flags & S_APPEND ? 4 : 0) |
	       (f->f_mapping && f->f_mapping->host->i_flags & S_SWAPFILE ? 8 : 0);
}
static int file_fsync_range(struct file *f, loff_t start, loff_t end)
{
	return vfs_fsync_range(f, start, end, false);
}
static struct file_ra *file_ra(struct file *f)
{
	return &f->f_ra;
}
static void inode_wb_error(struct inode *inode, int err)
{
	WRITE_ONCE(inode->i_sb->s_wb_err, err);
	__atomic_add_fetch(&inode->i_sb->s_wb_err_seq, 1, __ATOMIC_RELEASE);
}
static int file_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	return f->f_op->fallocate ? (int)f->f_op->fallocate(f, mode, off, len) : -EOPNOTSUPP;
}
static const struct mm_file_ops file_ops_for_mm = {
	.fallocate = file_fallocate,
	.fget = fget,
	.inode_get = igrab,
	.inode_put = iput,
	.fsync = file_fsync_range,
	.mapping = file_mapping,
	.size = inode_size,
	.get = file_hold,
	.put = fput,
	.mmap = file_mmap,
	.touch = file_accessed,
	.ino = file_ino,
	.ra = file_ra,
	.wb_error = inode_wb_error,
	.dev = file_dev,
	.may_exec = file_may_exec,
	.may_watch = file_may_watch,
	.mode = file_mode,
};

static int vfs_init(void)
{
	dcache_init();
	inode_init();
	namei_caches_init();
	file_table_init();
	mm_file_ops = &file_ops_for_mm;
	if (!current->fs)
		current->fs = fs_initial();
	if (!current->files)
		current->files = files_alloc();
	return current->files ? 0 : -ENOMEM;
}
INITCALL(1, vfs_init);

static int make_dir(const char *name, umode_t mode)
{
	struct path parent;
	struct dentry *d = path_create(AT_FDCWD, name, &parent, LOOKUP_DIRECTORY);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d) == -EEXIST ? 0 : PTR_ERR(d);
	err = vfs_mkdir(parent.dentry->d_inode, d, mode);
	done_path_create(&parent, d);
	return err;
}

static int make_node(const char *name, umode_t mode, dev_t dev)
{
	struct path parent;
	struct dentry *d = path_create(AT_FDCWD, name, &parent, 0);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d) == -EEXIST ? 0 : PTR_ERR(d);
	err = vfs_mknod(parent.dentry->d_inode, d, mode, dev);
	done_path_create(&parent, d);
	return err;
}

/*
 * Creates the entries that Linux has in an empty rootfs: /dev with a console, and a mountpoint for
 * the root disk.
 */
int set_initial_root(struct file_system_type *t)
{
	struct mount *m = kern_mount(t);
	struct path root;
	int err;

	if (IS_ERR(m))
		return PTR_ERR(m);
	m->mnt_state &= ~MNT_INTERNAL;
	mnt_set_ns_root(m);
	root = (struct path){ m, m->mnt_root };
	set_fs_root(fs_initial(), &root);
	set_fs_pwd(fs_initial(), &root);
	err = make_dir("/dev", 0755);
	if (!err)
		err = make_node("/dev/console", S_IFCHR | 0600, MKDEV(5, 1));
	return err ? err : make_dir("/root", 0700);
}

/* ---- the root file system ---- */

/*
 * Returns the device that @dev names, or NULL. Forms: "/dev/ubda1", "ubda1", "98:1", and "6201"
 * (hexadecimal, as old boot loaders write it).
 */
static struct block_device *root_device(const char *dev)
{
	const char *colon = strchr(dev, ':');
	char major[16];
	u64 ma, mi;

	if (!strncmp(dev, "/dev/", 5))
		return bdev_by_name(dev + 5);
	if (colon && (size_t)(colon - dev) < sizeof(major)) {
		memcpy(major, dev, colon - dev);
		major[colon - dev] = 0;
		if (kstrtou64(major, 10, &ma) || kstrtou64(colon + 1, 10, &mi))
			return NULL;
		return bdev_by_dev(MKDEV(ma, mi));
	}
	if (!kstrtou64(dev, 16, &ma) && ma < 0x10000)
		return bdev_by_dev(MKDEV(ma >> 8, ma & 0xff));
	return bdev_by_name(dev);
}

/* True if @name is in the comma-separated list. */
static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (;; list++) {
		if (!strncmp(list, name, n) && (!list[n] || list[n] == ','))
			return true;
		list = strchr(list, ',');
		if (!list)
			return false;
	}
}

static int try_type(const char *type, u32 flags, const char *data)
{
	char *copy = data ? kstrdup(data) : NULL; /* file systems modify it */
	int err = do_mount("/dev/root", "/root", type, flags, copy);

	kfree(copy);
	return err;
}

/*
 * Tries the types that need a disk, one after the other, while they return -EINVAL: the disk has
 * another file system.
 */
static int try_types(const char *types, u32 flags, const char *data)
{
	struct file_system_type *t;
	int err = -EINVAL;

	for (int i = 0; (t = filesystem_nth(i)); i++) {
		if (!(t->fs_flags & FS_REQUIRES_DEV) || (types && !in_list(types, t->name)))
			continue;
		err = try_type(t->name, flags, data);
		if (err != -EINVAL)
			break;
	}
	return err;
}

/*
 * Moves the mount on /root over rootfs, so that it becomes the root. @b: the device of the mount,
 * or NULL.
 */
static int move_root(const struct block_device *b)
{
	struct path new, top;
	char *name;
	int err = kern_path("/root", LOOKUP_FOLLOW, &new);

	if (err)
		return err;
	name = b ? kmalloc(32, GFP_KERNEL) : NULL;
	if (name) {
		scnprintf(name, 32, b->partno ? "/dev/%s%u" : "/dev/%s", b->disk->name, b->partno);
		kfree(new.mnt->mnt_devname);
		new.mnt->mnt_devname = name;
	}
	get_fs_root(current->fs, &top);
	down_write(&namespace_sem);
	mnt_move(new.mnt, &top);
	up_write(&namespace_sem);
	set_fs_root(current->fs, &new);
	set_fs_pwd(current->fs, &new);
	if (current->fs != fs_initial()) {
		set_fs_root(fs_initial(), &new);
		set_fs_pwd(fs_initial(), &new);
	}
	path_put(&top);
	path_put(&new);
	return 0;
}

/* True if rootfstype= names one type that needs no disk (hostfs). root= is then ignored. */
static bool type_without_disk(const char *types)
{
	const struct file_system_type *t = types ? get_fs_type(types) : NULL;

	return t && !(t->fs_flags & FS_REQUIRES_DEV);
}

int mount_root(const char *dev, const char *types, u32 flags, const char *data)
{
	struct block_device *b;
	int err;

	if (type_without_disk(types)) {
		err = try_type(types, flags, data);
		return err ? err : move_root(NULL);
	}
	b = root_device(dev);
	if (!b)
		return -ENODEV;
	err = make_node("/dev/root", S_IFBLK | 0600, b->dev);
	if (err)
		return err;
	err = try_types(types, flags, data);
	if ((err == -EROFS || err == -EACCES) && !(flags & MS_RDONLY))
		err = try_types(types, flags | MS_RDONLY, data);
	return err ? err : move_root(b);
}

int mount_devtmpfs(const char *dir)
{
	int err = do_mount("devtmpfs", dir, "devtmpfs", MS_SILENT, NULL);

	return err == -EBUSY ? 0 : err;
}
