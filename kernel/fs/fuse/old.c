/* SPDX-License-Identifier: MIT */
/*
 * old.c: servers of the protocols 7.1 to 7.11, whose structures are shorter than the current ones
 * (the FUSE_COMPAT_* sizes of <linux/fuse.h>).
 *
 * Requests are made with the current structures. fuse_fit_request() converts them to the server's
 * version before they are queued, and fuse_fit_answer() converts the answer back. Fields that an
 * old structure lacks become zero.
 */
#include "kernel/fs/fuse/fuse.h"

#define OLD_CREATE_IN sizeof(struct fuse_open_in)
#define OLD_CREATE_OUT (FUSE_COMPAT_ENTRY_OUT_SIZE + sizeof(struct fuse_open_out))

/*
 * Shortens the request's first argument from @from bytes to @to bytes, and moves up the bytes
 * behind it.
 */
static void cut_argument(struct fuse_req *r, size_t from, size_t to)
{
	char *in = r->in;
	size_t n = r->h.len - sizeof(r->h);

	if (n < from)
		return;
	memmove(in + to, in + from, n - from);
	r->h.len -= (u32)(from - to);
}

/*
 * Shortens arguments for old servers. Protocol 7.12 added the umask to MKNOD and CREATE, and 7.9
 * the lock owner to WRITE.
 */
static void fit_arguments(struct fuse_req *r)
{
	u32 minor = r->fc->minor;

	switch (r->h.opcode) {
	case FUSE_MKNOD:
		cut_argument(r, sizeof(struct fuse_mknod_in), FUSE_COMPAT_MKNOD_IN_SIZE);
		break;
	case FUSE_CREATE: cut_argument(r, sizeof(struct fuse_create_in), OLD_CREATE_IN); break;
	case FUSE_WRITE:
		if (minor < 9)
			cut_argument(r, sizeof(struct fuse_write_in), FUSE_COMPAT_WRITE_IN_SIZE);
		break;
	default: break;
	}
}

/*
 * Returns the size in bytes of an old server's answer. Protocol 7.9 added the block size to
 * attributes, and 7.4 the fragment size to STATFS.
 */
static u32 old_answer(const struct fuse_req *r)
{
	u32 minor = r->fc->minor;

	if (r->h.opcode == FUSE_STATFS && minor < 4)
		return FUSE_COMPAT_STATFS_SIZE;
	if (minor >= 9)
		return r->out_size;
	switch (r->h.opcode) {
	case FUSE_LOOKUP:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_LINK: return FUSE_COMPAT_ENTRY_OUT_SIZE;
	case FUSE_CREATE: return OLD_CREATE_OUT;
	case FUSE_GETATTR:
	case FUSE_SETATTR: return FUSE_COMPAT_ATTR_OUT_SIZE;
	default: return r->out_size;
	}
}

void fuse_fit_request(struct fuse_req *r)
{
	u32 old;

	if (likely(r->fc->minor >= 12) || r->h.opcode == FUSE_INIT)
		return;
	fit_arguments(r);
	old = old_answer(r);
	if (old < r->out_size) {
		r->out_cut = r->out_size - old;
		r->out_size = old;
	}
}

void fuse_fit_answer(struct fuse_req *r)
{
	char *out = r->out;

	if (likely(!r->out_cut))
		return;
	/* The old entry is shorter, and the answer to the open follows it. */
	if (r->h.opcode == FUSE_CREATE) {
		memmove(out + sizeof(struct fuse_entry_out), out + FUSE_COMPAT_ENTRY_OUT_SIZE,
			sizeof(struct fuse_open_out));
		memset(out + FUSE_COMPAT_ENTRY_OUT_SIZE, 0, r->out_cut);
	} else {
		memset(out + r->out_size, 0, r->out_cut);
	}
}
