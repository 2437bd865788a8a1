/* SPDX-License-Identifier: MIT */
/*
 * readdir.c: getdents, getdents64, and iterate_dir() for the kernel itself.
 *
 * Entries are written to a kernel buffer with the directory's i_rwsem held, and copied to the guest
 * after its release. So there is one copy for many entries, and no page fault under the lock. If
 * the copy fails, only the records that were copied wholly count, and the position is that of the
 * entry after them.
 */
#include <linux/inotify.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

#define DENTS_MAX 32768

/* The record of getdents(2). The entry's type is in its last byte. */
struct linux_dirent {
	u64 d_ino;
	u64 d_off;
	u16 d_reclen;
	char d_name[];
};
struct linux_dirent64 {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
};

int iterate_dir(struct file *f, struct dir_context *ctx)
{
	struct inode *inode = f->f_inode;
	int err = -ENOENT;

	if (!f->f_op->iterate)
		return -ENOTDIR;
	err = fsnotify_permission(f, FSNOTIFY_ACCESS_PERM);
	if (err)
		return err;
	err = down_read_killable(&inode->i_rwsem);
	if (err)
		return err;
	err = -ENOENT;
	if (!(inode->i_flags & S_DEAD)) {
		ctx->pos = f->f_pos;
		err = f->f_op->iterate(f, ctx);
		f->f_pos = ctx->pos;
		file_accessed(f);
	}
	up_read(&inode->i_rwsem);
	if (err != -ENOENT)
		fsnotify_file(f, IN_ACCESS);
	return err;
}

bool dir_emit_dots(struct file *f, struct dir_context *ctx)
{
	struct dentry *d = f->f_path.dentry, *parent;
	u64 ino;

	if (ctx->pos == 0) {
		if (!dir_emit(ctx, ".", 1, d->d_inode->i_ino, inode_dtype(S_IFDIR)))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		parent = dget_parent(d);
		ino = parent->d_inode->i_ino;
		dput(parent);
		if (!dir_emit(ctx, "..", 2, ino, inode_dtype(S_IFDIR)))
			return false;
		ctx->pos = 2;
	}
	return true;
}

struct dents {
	struct dir_context ctx;
	char *buf;
	u32 size, used;
	/*
	 * Offset in the buffer of the last record, plus 1; 0 if there is no record. That record's
	 * d_off is set to the position of the next entry when that is known.
	 */
	u32 prev;
	bool old, too_small;
};

static void set_prev_off(struct dents *b, loff_t pos)
{
	if (!b->prev)
		return;
	if (b->old)
		((struct linux_dirent *)(b->buf + b->prev - 1))->d_off = pos;
	else
		((struct linux_dirent64 *)(b->buf + b->prev - 1))->d_off = pos;
}

static void put_record(struct dents *b, const char *name, int len, u64 ino, u32 type, u32 reclen)
{
	char *at = b->buf + b->used;

	memset(at, 0, reclen);
	if (b->old) {
		struct linux_dirent *d = (void *)at;

		d->d_ino = ino;
		d->d_reclen = reclen;
		memcpy(d->d_name, name, len);
		at[reclen - 1] = type;
	} else {
		struct linux_dirent64 *d = (void *)at;

		d->d_ino = ino;
		d->d_reclen = reclen;
		d->d_type = type;
		memcpy(d->d_name, name, len);
	}
}

static bool dents_actor(
	struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type)
{
	struct dents *b = container_of(ctx, struct dents, ctx);
	u32 head = b->old ? offsetof(struct linux_dirent, d_name) + 2 :
			    offsetof(struct linux_dirent64, d_name) + 1;
	u32 reclen = round_up(head + len, 8);

	if (b->used + reclen > b->size) {
		b->too_small = !b->used;
		return false;
	}
	set_prev_off(b, pos);
	put_record(b, name, len, ino, type, reclen);
	b->prev = b->used + 1;
	b->used += reclen;
	return true;
}

/*
 * Returns the length of the whole records among the @copied bytes that fitted into the guest's
 * buffer, and sets *pos to the position of the entry after them.
 */
static u32 whole_records(const struct dents *b, u32 copied, loff_t *pos)
{
	u32 at = 0;

	while (at < b->used) {
		const struct linux_dirent64 *d = (const void *)(b->buf + at);
		u32 reclen = b->old ? ((const struct linux_dirent *)d)->d_reclen : d->d_reclen;

		if (at + reclen > copied)
			break;
		*pos = b->old ? (loff_t)((const struct linux_dirent *)d)->d_off : d->d_off;
		at += reclen;
	}
	return at;
}

static long do_getdents(struct file *f, uaddr_t ua, u32 count, bool old)
{
	struct dents b = {
		.ctx.actor = dents_actor, .size = min(count, (u32)DENTS_MAX), .old = old
	};
	size_t left;
	loff_t start;
	long err;

	b.buf = kmalloc(max(b.size, 32U), GFP_KERNEL);
	if (!b.buf)
		return -ENOMEM;
	mutex_lock(&f->f_pos_lock);
	start = f->f_pos;
	err = iterate_dir(f, &b.ctx);
	if (!err && b.too_small)
		err = -EINVAL;
	if (b.used) {
		set_prev_off(&b, f->f_pos);
		err = b.used;
		left = copy_to_user(ua, b.buf, b.used);
		if (left) {
			err = whole_records(&b, b.used - (u32)left, &start);
			f->f_pos = start;
			err = err ? err : -EFAULT;
		}
	}
	mutex_unlock(&f->f_pos_lock);
	kfree(b.buf);
	return err;
}

static long getdents(int fd, uaddr_t ua, u32 count, bool old)
{
	struct fd f = fdget(fd);
	long n;

	if (!f.file)
		return -EBADF;
	n = do_getdents(f.file, ua, count, old);
	fdput(f);
	return n;
}

long sys_getdents64(int fd, uaddr_t ua, u32 count)
{
	return getdents(fd, ua, count, false);
}

long sys_getdents(int fd, uaddr_t ua, u32 count)
{
	return getdents(fd, ua, count, true);
}
