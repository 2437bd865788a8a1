/* SPDX-License-Identifier: MIT */
/*
 * lacks.h: for tests of features that the host's hypervisor may not offer. If the host lacks the
 * feature, its answer is no oracle, and tests/run skips the test:
 *
 *	if (!in_guest() && !has_feature())
 *		HOST_LACKS("feature");
 */
#ifndef TESTS_SYSCALL_LACKS_H
#define TESTS_SYSCALL_LACKS_H

#include "guest.h"

/* Prints what tests/run looks for, and returns from the test. */
#define HOST_LACKS(what)                                                                           \
	do {                                                                                       \
		say("@skip this host has no " what);                                               \
		return;                                                                            \
	} while (0)

#endif
