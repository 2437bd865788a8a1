/* SPDX-License-Identifier: MIT */
/*
 * fuse_server.h: a thread that serves a mount of FUSE. The test defines serve_one(), which answers
 * a request, beginning with a struct fuse_in_header.
 */
#ifndef TESTS_SYSCALL_FUSE_SERVER_H
#define TESTS_SYSCALL_FUSE_SERVER_H

#include "t.h"
#include <linux/fuse.h>
#include <sys/mount.h>

static int dev; /* descriptor of /dev/fuse */
/* FUSE_* flags that the server offers at FUSE_INIT */
static T_UNUSED unsigned fuse_init_flags;

static void serve_one(const char *request);

/*
 * Answers the request @unique with @n bytes. @error: 0 or -errno. Returns the result of writev().
 */
static long reply(unsigned long unique, int error, const void *data, size_t n)
{
	struct fuse_out_header h = { sizeof(h) + n, error, unique };
	struct iovec v[2] = { { &h, sizeof(h) }, { (void *)data, n } };

	return writev(dev, v, 2);
}

/*
 * Answers a request that the test does not: FUSE_INIT, and those that open and close, with success,
 * all others with ENOSYS. FORGET and INTERRUPT have no answer.
 */
static T_UNUSED void serve_rest(const struct fuse_in_header *h)
{
	struct fuse_init_out init = {
		.major = 7, .minor = 31, .max_write = 65536, .flags = fuse_init_flags
	};
	struct fuse_open_out open = { .fh = 7 };

	switch (h->opcode) {
	case FUSE_INIT: reply(h->unique, 0, &init, sizeof(init)); break;
	case FUSE_OPENDIR:
	case FUSE_OPEN: reply(h->unique, 0, &open, sizeof(open)); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH: reply(h->unique, 0, NULL, 0); break;
	default: reply(h->unique, -ENOSYS, NULL, 0);
	}
}

/*
 * Fills in the attributes of a node: 1 is the root folder, with all rights for all; others are
 * files.
 */
static T_UNUSED void file_attr(
	struct fuse_attr *a, unsigned long node, mode_t mode, unsigned long size)
{
	memset(a, 0, sizeof(*a));
	a->ino = node;
	a->mode = node == 1 ? S_IFDIR | 0777 : S_IFREG | mode;
	a->nlink = 1;
	a->size = node == 1 ? 0 : size;
}

/*
 * Answers LOOKUP, of any name, GETATTR and SETATTR, which changes nothing. The file is node 2; the
 * answers are not cached. Passes other requests to serve_rest().
 */
static T_UNUSED void serve_file(const struct fuse_in_header *h, mode_t mode, unsigned long size)
{
	struct fuse_entry_out e = { .nodeid = 2 };
	struct fuse_attr_out a = { .attr_valid = 0 };

	switch (h->opcode) {
	case FUSE_LOOKUP:
		file_attr(&e.attr, 2, mode, size);
		reply(h->unique, 0, &e, sizeof(e));
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		file_attr(&a.attr, h->nodeid, mode, size);
		reply(h->unique, 0, &a, sizeof(a));
		break;
	default: serve_rest(h);
	}
}

/* MS_* flags of fuse_mount() */
static T_UNUSED unsigned long fuse_mount_flags = MS_NOSUID | MS_NODEV;

/*
 * Opens /dev/fuse anew, since a mount that fails late has used up its descriptor, and mounts. Sets
 * @dev. Returns the result of mount().
 */
static T_UNUSED long fuse_mount(const char *where, const char *options)
{
	char all[200];

	if (dev > 0)
		close(dev);
	dev = NEED(open("/dev/fuse", O_RDWR));

	snprintf(all, sizeof(all), "fd=%d,%s", dev, options);
	return mount("x", where, "fuse", fuse_mount_flags, all);
}

/* Serves requests until the file system is unmounted. */
static void *server(void *unused)
{
	static char buf[200000];

	while (read(dev, buf, sizeof(buf)) > 0 || errno == EINTR)
		serve_one(buf);
	return NULL;
}

/*
 * Mounts on the new folder m, which root owns and all may enter, in a mount namespace of the
 * caller's, and starts a thread that serves it.
 */
static T_UNUSED void fuse_serve(void)
{
	pthread_t t;

	NEED(unshare(CLONE_NEWNS));
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mkdir("m", 0777));
	NEED(fuse_mount("m", "rootmode=40000,user_id=0,group_id=0,allow_other"));
	NEED0(pthread_create(&t, NULL, server, NULL));
}

#endif
