/* SPDX-License-Identifier: MIT */
/* put.h: one write() to a file of /proc or a group's. */
#ifndef TESTS_SYSCALL_PUT_H
#define TESTS_SYSCALL_PUT_H

#include "t.h"

/* Returns the result of write(), or -1. */
static T_UNUSED long put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	long n = fd == -1 ? -1 : write(fd, value, strlen(value));
	int err = errno;

	if (fd != -1)
		close(fd);
	errno = err;
	return n;
}

#endif
