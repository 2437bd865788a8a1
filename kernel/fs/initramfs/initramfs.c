/* SPDX-License-Identifier: MIT */
/*
 * initramfs.c: unpacks cpio archives, plain or compressed (gzip, zstd, xz), one after the other,
 * into the root directory.
 *
 * No name leads out of the tree: names are looked up from the root, whose ".." is the root itself.
 * An entry replaces an existing file or empty directory of its name.
 *
 * Hard links: the entries of one inode have equal (major, minor, ino) in one archive, and the last
 * of them has the contents.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "kernel/fs/initramfs/cpio.h"
#include "kernel/fs/initramfs/initramfs.h"
#include "kernel/lib/decompress.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/super.h"

/* The first name of an inode with several: (major, minor, ino) are numbers of this archive. */
struct hard_link {
	struct hard_link *next;
	u32 major, minor, ino;
	char *name;
};

struct unpack {
	struct cpio cpio;
	/* the regular file that is being written, referenced; NULL: none */
	struct file *file;
	loff_t pos; /* bytes written to the file */
	/* owner and times of the entry, set after its contents */
	struct iattr attr;
	/* the part of a symlink's target that has arrived; NULL: the entry is no symlink */
	char *target;
	u32 target_len;
	/* path of the entry, from "/" */
	char name[CPIO_NAME_MAX + 2];
	struct hard_link *links; /* owned; newest first */
};

/* ---- hard links ---- */

/* Returns the first name of the entry's inode, or NULL. */
static const char *known_link(struct unpack *u, const struct cpio_entry *e)
{
	for (struct hard_link *l = u->links; l; l = l->next)
		if (l->ino == e->ino && l->major == e->major && l->minor == e->minor)
			return l->name;
	return NULL;
}

/* Notes u->name as the first name of the entry's inode. Returns 0 or -ENOMEM. */
static int note_link(struct unpack *u, const struct cpio_entry *e)
{
	struct hard_link *l = kmalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	*l = (struct hard_link){ u->links, e->major, e->minor, e->ino, kstrdup(u->name) };
	if (!l->name) {
		kfree(l);
		return -ENOMEM;
	}
	u->links = l;
	return 0;
}

static void forget_links(struct unpack *u)
{
	while (u->links) {
		struct hard_link *l = u->links;

		u->links = l->next;
		kfree(l->name);
		kfree(l);
	}
}

/* ---- making entries: functions of type int return 0 or -errno ---- */

/*
 * Removes an existing file or empty directory named @name, unless both it and the new entry, of
 * type @mode, are directories. If it cannot be removed, making the entry fails later.
 */
static void clear_place(const char *name, umode_t mode)
{
	struct path path, parent;
	struct dentry *d;
	bool dir;

	if (kern_path(name, 0, &path))
		return;
	dir = S_ISDIR(path.dentry->d_inode->i_mode);
	if (dir && S_ISDIR(mode)) {
		path_put(&path);
		return;
	}
	parent.mnt = path.mnt;
	parent.dentry = dget_parent(path.dentry);
	down_write(&parent.dentry->d_inode->i_rwsem);
	d = path.dentry;
	if (dir)
		vfs_rmdir(parent.dentry->d_inode, d);
	else
		vfs_unlink(parent.dentry->d_inode, d);
	up_write(&parent.dentry->d_inode->i_rwsem);
	dput(parent.dentry);
	path_put(&path);
}

/*
 * Makes a directory, symlink, device, FIFO or socket named u->name. For a directory entry, an
 * existing directory stays.
 */
static int make_node(struct unpack *u, const struct cpio_entry *e)
{
	u32 how = S_ISDIR(e->mode) ? LOOKUP_DIRECTORY : 0;
	struct path parent;
	struct dentry *d;
	int err;

	d = path_create(AT_FDCWD, u->name, &parent, how);
	if (IS_ERR(d))
		return PTR_ERR(d) == -EEXIST && S_ISDIR(e->mode) ? 0 : PTR_ERR(d);
	if (S_ISDIR(e->mode))
		err = vfs_mkdir(parent.dentry->d_inode, d, e->mode);
	else if (S_ISLNK(e->mode))
		err = vfs_symlink(parent.dentry->d_inode, d, u->target);
	else
		err = vfs_mknod(parent.dentry->d_inode, d, e->mode, MKDEV(e->rmajor, e->rminor));
	done_path_create(&parent, d);
	return err;
}

/* Makes u->name a hard link of @old. */
static int make_link(struct unpack *u, const char *old)
{
	struct path path, parent;
	struct inode *dir;
	struct dentry *d;
	int err = kern_path(old, 0, &path);

	if (err)
		return err;
	d = path_create(AT_FDCWD, u->name, &parent, 0);
	err = PTR_ERR(d);
	if (!IS_ERR(d)) {
		dir = parent.dentry->d_inode;
		err = dir->i_op->link ? dir->i_op->link(path.dentry, dir, d) : -EPERM;
		done_path_create(&parent, d);
	}
	path_put(&path);
	return err;
}

/*
 * Opens u->file for the contents. If the inode has a name already, first makes a hard link, and
 * truncates the file only if this entry has contents.
 */
static int begin_file(struct unpack *u, const struct cpio_entry *e)
{
	const char *old = e->nlink > 1 ? known_link(u, e) : NULL;
	int err = 0;

	if (old)
		err = make_link(u, old);
	else if (e->nlink > 1)
		err = note_link(u, e);
	if (err)
		return err;
	u->file = filp_open(u->name,
		O_WRONLY | O_CREAT | O_LARGEFILE | (old && !e->size ? 0 : O_TRUNC), e->mode);
	u->pos = 0;
	if (!IS_ERR(u->file))
		return 0;
	err = PTR_ERR(u->file);
	u->file = NULL;
	return err;
}

static int on_entry(void *arg, const struct cpio_entry *e)
{
	struct unpack *u = arg;
	const char *name = e->name;

	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	scnprintf(u->name, sizeof(u->name), "/%s", strcmp(name, ".") ? name : "");
	u->attr = (struct iattr){ .ia_valid = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_MTIME |
					      ATTR_MTIME_SET | ATTR_ATIME | ATTR_ATIME_SET,
		.ia_mode = e->mode,
		.ia_uid = e->uid,
		.ia_gid = e->gid,
		.ia_mtime.tv_sec = e->mtime,
		.ia_atime.tv_sec = e->mtime };
	if (u->name[1])
		clear_place(u->name, e->mode);
	if (S_ISREG(e->mode))
		return begin_file(u, e);
	if (!S_ISLNK(e->mode))
		return make_node(u, e);
	if (!e->size || e->size >= PATH_MAX)
		return -EINVAL;
	u->target = kzalloc(e->size + 1, GFP_KERNEL);
	u->target_len = 0;
	return u->target ? 0 : -ENOMEM;
}

static int on_data(void *arg, const u8 *data, size_t n)
{
	struct unpack *u = arg;
	ssize_t done;

	if (u->target) {
		memcpy(u->target + u->target_len, data, n);
		u->target_len += n;
		return 0;
	}
	if (!u->file)
		return 0; /* not a regular file: ignore the data */
	done = kernel_write(u->file, data, n, &u->pos);
	return done == (ssize_t)n ? 0 : done < 0 ? done : -ENOSPC;
}

static int set_attributes(struct unpack *u)
{
	struct path path;
	struct inode *inode;
	int err = kern_path(u->name, 0, &path);

	if (err)
		return err;
	inode = path.dentry->d_inode;
	if (S_ISLNK(inode->i_mode))
		u->attr.ia_valid &= ~ATTR_MODE;
	down_write(&inode->i_rwsem);
	err = notify_change(path.dentry, &u->attr);
	up_write(&inode->i_rwsem);
	path_put(&path);
	return err;
}

static int on_end(void *arg)
{
	struct unpack *u = arg;
	int err = 0;

	/*
	 * fput() would close the file later, and /init could not be executed while it is open for
	 * writing (ETXTBSY).
	 */
	if (u->file) {
		fput_now(u->file);
		u->file = NULL;
	}
	if (u->target) {
		err = make_node(u, &u->cpio.e);
		kfree(u->target);
		u->target = NULL;
	}
	return err ? err : set_attributes(u);
}

/* Ends an archive: the next one may use the same numbers for other inodes. */
static void on_trailer(void *arg)
{
	forget_links(arg);
}

static const struct cpio_ops unpack_ops = {
	.entry = on_entry, .data = on_data, .end = on_end, .trailer = on_trailer
};

/* Unpacks the next @n bytes of an archive. @arg: the struct unpack. */
static int feed(void *arg, const u8 *data, size_t n)
{
	struct unpack *u = arg;

	cond_resched();
	return cpio_feed(&u->cpio, data, n);
}

/* ---- the input: archives and compressed streams ---- */

#define PIECE 65536 /* bytes of output of a step */

static const struct {
	const char *name;
	u8 magic[6], len;
	u32 kind;
} formats[] = {
	{ "gzip", { 0x1f, 0x8b, 8 }, 3, DECOMPRESS_ZLIB },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, DECOMPRESS_ZSTD },
	{ "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, DECOMPRESS_XZ },
};

/* Returns the format of the stream at @in as an index into formats, or -1. */
static int format_of(const u8 *in, size_t n)
{
	for (u32 i = 0; i < ARRAY_SIZE(formats); i++)
		if (n >= formats[i].len && !memcmp(in, formats[i].magic, formats[i].len))
			return (int)i;
	return -1;
}

/* Unpacks the stream at @in up to its end. *used: its length in bytes. Returns 0 or -errno. */
static int unpack_stream(struct unpack *u, void *stream, const u8 *in, size_t n, size_t *used)
{
	struct decompress_piece p = { .room = PIECE };
	int r = 0;

	*used = 0;
	p.out = kmalloc(PIECE, GFP_KERNEL);
	if (!p.out)
		return -ENOMEM;
	while (!r) {
		int err;

		p.in = in + *used;
		p.n = n - *used;
		r = decompress_step(stream, &p);
		*used += p.used;
		err = feed(u, p.out, p.made);
		r = err ? err : r;
	}
	kfree(p.out);
	return min(r, 0);
}

static int unpack_compressed(struct unpack *u, int format, const u8 *in, size_t n, size_t *used)
{
	void *stream;
	int err;

	if (!decompress_has(formats[format].kind)) {
		pr_err("initrd: this kernel is built without %s\n", formats[format].name);
		return -EOPNOTSUPP;
	}
	stream = decompress_begin(formats[format].kind);
	if (!stream)
		return -ENOMEM;
	err = unpack_stream(u, stream, in, n, used);
	decompress_end(stream);
	return err;
}

/*
 * Unpacks archives and streams, one after the other, and skips zeros between them. CPIO_SKIP: no
 * entry is unfinished. Returns 0 or -errno.
 */
static int unpack_all(struct unpack *u, const u8 *in, size_t n)
{
	int err = 0;

	while (n && !err) {
		size_t used = min_t(size_t, n, 65536);
		int format = u->cpio.state == CPIO_SKIP ? format_of(in, n) : -1;

		if (!*in && u->cpio.state == CPIO_SKIP)
			used = 1;
		else if (format >= 0)
			err = unpack_compressed(u, format, in, n, &used);
		else
			err = cpio_feed_one(&u->cpio, in, used, &used);
		cond_resched();
		in += used;
		n -= used;
	}
	return err ? err : cpio_finish(&u->cpio);
}

int unpack_initramfs(const void *buf, size_t n)
{
	struct unpack *u = kzalloc(sizeof(*u), GFP_KERNEL);
	int err;

	if (!u)
		return -ENOMEM;
	cpio_begin(&u->cpio, &unpack_ops, u);
	err = unpack_all(u, buf, n);
	if (u->file)
		fput_now(u->file);
	kfree(u->target);
	forget_links(u);
	kfree(u);
	return err;
}
