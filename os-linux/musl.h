/* SPDX-License-Identifier: MIT */
/*
 * musl.h: calls of the host that musl (1.2.3, Debian 12) has no functions for, and glibc has. The
 * Makefile includes it first in each file that it compiles with musl-gcc. The functions have
 * glibc's arguments and results.
 */
#ifndef NESTLING_OS_MUSL_H
#define NESTLING_OS_MUSL_H

#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2

static inline int renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from, old, to, name, flags);
}
#endif

#ifndef STATX_BASIC_STATS
#error "linux/stat.h has no statx"
#endif

static inline int statx(int dir, const char *name, int flags, unsigned mask, struct statx *st)
{
	return (int)syscall(SYS_statx, dir, name, flags, mask, st);
}

static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

/*
 * Call the host, which takes the offset in two words. The second counts on 32-bit hosts alone.
 */
static inline ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t at, int flags)
{
	return syscall(SYS_preadv2, fd, iov, n, at, 0L, flags);
}

static inline ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t at, int flags)
{
	return syscall(SYS_pwritev2, fd, iov, n, at, 0L, flags);
}

#endif
