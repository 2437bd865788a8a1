/* SPDX-License-Identifier: MIT */
/* rows.h: the keys of options whose rows are in rows.c; nestctl knows the rows without the code. */
#ifndef NESTLING_NESTCTL_BUILD_ROWS_H
#define NESTLING_NESTCTL_BUILD_ROWS_H

enum {
	KEY_BUILD_ARG = 256,
	KEY_TARGET,
	KEY_NO_CACHE,
	KEY_SECRET,
	KEY_NETWORK,
	KEY_PRUNE,
	KEY_IGNORED,
};

#endif
