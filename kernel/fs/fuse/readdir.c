/* SPDX-License-Identifier: MIT */
/*
 * readdir.c: open directories. Reads a page of entries at a time from the server, without a cache,
 * and checks each entry.
 */
#include "kernel/fs/fuse/fuse.h"

static int fuse_dir_open(struct inode *inode, struct file *f)
{
	return fuse_open_common(inode, f, true);
}

static int fuse_dir_release(struct inode *inode, struct file *f)
{
	fuse_file_release(inode, f->private_data, f->f_flags);
	return 0;
}

static int fuse_dir_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct fuse_file *ff = f->private_data;

	return fuse_fsync_common(f, datasync, FUSE_FSYNCDIR, &ff->fc->no_fsyncdir);
}

/*
 * Emits the entries in the answer to READDIR, each checked first. Returns 0 to continue, 1 if the
 * reader's buffer is full, or -EIO.
 */
static int emit_entries(struct dir_context *ctx, const char *buf, size_t n)
{
	while (n >= FUSE_NAME_OFFSET) {
		struct fuse_dirent e;
		size_t len;

		memcpy(&e, buf, FUSE_NAME_OFFSET);
		len = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + (size_t)e.namelen);
		if (!e.namelen || e.namelen > NAME_MAX)
			return -EIO;
		if (len > n)
			break;
		if (memchr(buf + FUSE_NAME_OFFSET, '/', e.namelen) ||
			memchr(buf + FUSE_NAME_OFFSET, 0, e.namelen))
			return -EIO;
		if (!dir_emit(ctx, buf + FUSE_NAME_OFFSET, (int)e.namelen, e.ino, e.type))
			return 1;
		ctx->pos = (loff_t)e.off;
		buf += len;
		n -= len;
	}
	return 0;
}

static int fuse_iterate(struct file *f, struct dir_context *ctx)
{
	struct fuse_file *ff = f->private_data;
	u32 rounds;
	int err = 0;

	for (rounds = 0; !err && rounds < 4096; rounds++) {
		struct fuse_req *r = fuse_ask_data(ff, FUSE_READDIR, ctx->pos, PAGE_SIZE, 0);

		if (IS_ERR(r))
			return (int)PTR_ERR(r);
		err = r->out_len ? emit_entries(ctx, r->out, r->out_len) : 1;
		fuse_req_put(r);
	}
	return err < 0 ? err : 0;
}

const struct file_operations fuse_dir_fops = {
	.open = fuse_dir_open,
	.release = fuse_dir_release,
	.llseek = generic_file_llseek,
	.iterate = fuse_iterate,
	.fsync = fuse_dir_fsync,
	.ioctl = fuse_ioctl,
};
