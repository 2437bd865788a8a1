/* SPDX-License-Identifier: MIT */
/*
 * asked.h: for calls that a host may forbid, or answer by other rules. Each check knows its answer.
 * A host on which @asked is false makes no call and prints that answer.
 *
 *	asked = in_guest() || ...;
 *	WANT(-EINVAL, call());			prints "call(): -22", or the result beside it
 */
#ifndef TESTS_SYSCALL_ASKED_H
#define TESTS_SYSCALL_ASKED_H

#include "t.h"

/* set by the test before its first WANT() */
static bool asked;

/* @want: a result, or -errno for a call that returns -1. */
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
