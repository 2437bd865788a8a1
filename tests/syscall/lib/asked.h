/* SPDX-License-Identifier: MIT */
/*
 * asked.h: for calls that a host may forbid, or answer by other rules. Each check knows its answer,
 * which a host that is not asked prints.
 *
 *	asked = in_guest() || ...;
 *	WANT(-EINVAL, call());			prints "call(): -22", or the result beside it
 */
#ifndef TESTS_SYSCALL_ASKED_H
#define TESTS_SYSCALL_ASKED_H

#include "t.h"

static bool asked;

#define WANT(want, e)                                                                              \
	({                                                                                         \
		long w_ = (want), r_;                                                              \
		errno = 0;                                                                         \
		r_ = asked ? (long)(e) : w_;                                                       \
		r_ = r_ == -1 && errno ? -errno : r_;                                              \
		if (!asked || r_ == w_)                                                            \
			say("%s: %ld", #e, w_);                                                    \
		else                                                                               \
			say("%s: %ld, not %ld", #e, r_, w_);                                       \
	})

#endif
