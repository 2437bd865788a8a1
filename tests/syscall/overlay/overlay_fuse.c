/* SPDX-License-Identifier: MIT */
/*
 * overlay_fuse: a lower layer's server first reports an attribute as empty, and then as long: only
 * what there was room for is copied up.
 */
#include "t.h"

#include "fuse_server.h"

#include <sys/xattr.h>

static int asked;

static void serve_one(const char *request)
{
	const struct fuse_in_header *h = (const void *)request;
	const struct fuse_getxattr_in *g = (const void *)(h + 1);
	struct fuse_getxattr_out o = { 0 };
	struct fuse_statfs_out fs = { .st = { .bsize = 4096, .namelen = 255 } };
	const char *name = (const char *)(g + 1);

	if (h->opcode == FUSE_LISTXATTR && g->size) {
		reply(h->unique, 0, "user.x", 7);
	} else if (h->opcode == FUSE_LISTXATTR) {
		o.size = 7;
		reply(h->unique, 0, &o, sizeof(o));
	} else if (h->opcode == FUSE_GETXATTR && !strcmp(name, "user.x")) {
		o.size = asked++ ? 65536 : 0;
		reply(h->unique, 0, &o, sizeof(o));
	} else if (h->opcode == FUSE_GETXATTR) {
		reply(h->unique, -ENODATA, NULL, 0);
	} else if (h->opcode == FUSE_STATFS) {
		reply(h->unique, 0, &fs, sizeof(fs));
	} else {
		serve_file(h, 0644, 0);
	}
}

TEST(overlay_fuse)
{
	static char got[65536];

	fuse_serve();
	NEED(mkdir("t", 0755));
	NEED(mkdir("o", 0755));
	NEED(mount("none", "t", "tmpfs", 0, NULL));
	NEED(mkdir("t/u", 0755));
	NEED(mkdir("t/w", 0755));
	T(mount("overlay", "o", "overlay", 0, "lowerdir=m,upperdir=t/u,workdir=t/w,userxattr"));
	T(chmod("o/file", 0600));
	T(getxattr("o/file", "user.x", got, sizeof(got)));
	T(getxattr("m/file", "user.x", got, 0));
	umount2("o", MNT_DETACH);
	umount2("m", MNT_DETACH);
}
