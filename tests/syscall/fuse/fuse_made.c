/* SPDX-License-Identifier: MIT */
/* fuse_made: open(2) with O_CREAT of a file that another client makes on the server meanwhile. */
#include "fuse_server.h"

static volatile bool there;
static volatile unsigned long size;

static void serve_create(const struct fuse_in_header *h, const struct fuse_create_in *c)
{
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out = { .e.nodeid = 2, .o.fh = 7 };

	there = true; /* made by another client */
	size = 5;
	if (c->flags & O_EXCL) {
		reply(h->unique, -EEXIST, NULL, 0);
		return;
	}
	if (c->flags & O_TRUNC)
		size = 0;
	file_attr(&out.e.attr, 2, 0644, size);
	reply(h->unique, 0, &out, sizeof(out));
}

static void serve_setattr(const struct fuse_in_header *h, const struct fuse_setattr_in *in)
{
	if (in->valid & FATTR_SIZE)
		size = in->size;
	serve_file(h, 0644, size);
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;

	switch (h->opcode) {
	case FUSE_LOOKUP:
		if (there)
			serve_file(h, 0644, size);
		else
			reply(h->unique, -ENOENT, NULL, 0);
		break;
	case FUSE_CREATE: serve_create(h, (const void *)(h + 1)); break;
	case FUSE_SETATTR: serve_setattr(h, (const void *)(h + 1)); break;
	default: serve_file(h, 0644, size);
	}
}

static void make(const char *name, int flags)
{
	struct stat st;
	int fd;

	there = false;
	fd = open(name, flags | O_CREAT, 0644);
	if (fd < 0) {
		say("%s: %s", name, t_errno(errno));
		return;
	}
	NEED(fstat(fd, &st));
	say("%s: opened, %d bytes, on the server %d", name, (int)st.st_size, (int)size);
	close(fd);
}

TEST(fuse_made)
{
	CHILD({
		fuse_serve();
		make("m/shared", O_RDWR);
		make("m/read", O_RDONLY);
		make("m/emptied", O_WRONLY | O_TRUNC);
		make("m/own", O_RDWR | O_EXCL);
		NEED(umount2("m", MNT_DETACH));
	});
}
