/* SPDX-License-Identifier: MIT */
/*
 * newer.h: for calls and options that the host may be too old for, or that its headers do not name.
 * The test contains the answers of Linux. They are checked in the guest, and on a host that has the
 * call or option (@have), and are taken for granted on another host.
 *
 *	have = known(SYS_NR) or any other question;
 *	CHECK(syscall(...), -EINVAL);		prints "TEXT: right", or what came instead
 */
#ifndef TESTS_SYSCALL_NEWER_H
#define TESTS_SYSCALL_NEWER_H

#include "guest.h"
#include "t.h"

static bool have;

/*
 * Checks that the result is @want, or -1 with errno -@want. Prints @what and the verdict. Returns
 * @r.
 */
static T_UNUSED long check(const char *what, long r, long want)
{
	int err = errno;
	bool right = want < 0 ? r == -1 && err == -want : r == want;

	if (right || !(have || in_guest()))
		say("%s: right", what);
	else
		say("%s: %ld %s", what, r, r == -1 ? t_errno(err) : "");
	return r;
}
#define CHECK(e, want)                                                                             \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(e);                                                               \
		check(#e, r_, want);                                                               \
	})
/* Checks that the call succeeds, whatever it returns. */
#define WORKS(e)                                                                                   \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(e);                                                               \
		check(#e, r_ == -1 ? -1 : 0, 0);                                                   \
		r_;                                                                                \
	})
/* Checks that the condition is true. */
#define HOLDS(e) check(#e, (e) ? 1 : 0, 1)

/* True if the kernel has the system call @nr. Calls it with arguments that it refuses. */
static T_UNUSED bool known(int nr)
{
	return syscall(nr, -1, NULL, NULL, 0x10000, NULL, 0) != -1 || errno != ENOSYS;
}

#endif
