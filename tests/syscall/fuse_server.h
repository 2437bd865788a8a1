/* SPDX-License-Identifier: MIT */
/* fuse_server.h: a thread that serves a mount of FUSE; what it answers is the test's. */
#ifndef TESTS_SYSCALL_FUSE_SERVER_H
#define TESTS_SYSCALL_FUSE_SERVER_H

#include "t.h"
#include <linux/fuse.h>

static int dev; /* of /dev/fuse */

static void serve_one(const char *request);

static long reply(unsigned long unique, int error, const void *data, size_t n)
{
	struct fuse_out_header h = { sizeof(h) + n, error, unique };
	struct iovec v[2] = { { &h, sizeof(h) }, { (void *)data, n } };

	return writev(dev, v, 2);
}

/* Until the file system is gone. */
static void *server(void *unused)
{
	static char buf[200000];

	while (read(dev, buf, sizeof(buf)) > 0 || errno == EINTR)
		serve_one(buf);
	return NULL;
}

#endif
