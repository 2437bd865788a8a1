/* SPDX-License-Identifier: MIT */
/*
 * rows.h: keys of the options in rows.c. nestctl itself has these rows without the commands' code.
 */
#ifndef NESTLING_NESTCTL_BUILD_ROWS_H
#define NESTLING_NESTCTL_BUILD_ROWS_H

enum {
	KEY_BUILD_ARG = 256,
	KEY_TARGET,
	KEY_NO_CACHE,
	KEY_SECRET,
	KEY_NETWORK,
	KEY_PRUNE,
	KEY_LABEL,
	KEY_PLATFORM,
	KEY_IIDFILE,
	KEY_IGNORED,
};

#endif
