/* SPDX-License-Identifier: MIT */
/*
 * sysctl.h: numbers and strings under /proc/sys. Entries are registered at boot (initcall level 3 or later) by whoever owns the variable.
 */
#ifndef NESTLING_PROC_SYSCTL_H
#define NESTLING_PROC_SYSCTL_H

#include "kernel/lib/types.h"

enum sysctl_kind {
	SYSCTL_INT,    /* int, [min, max] */
	SYSCTL_U64,    /* u64, [min, max] */
	SYSCTL_STRING, /* char[size] */
	SYSCTL_SHOW,   /* read only, show(buf, size) -> bytes */
};
struct sysctl {
	const char *path; /* "kernel/pid_max" */
	enum sysctl_kind kind;
	umode_t mode;
	void *data;
	s64 min, max; /* for strings: max is the size with the terminator */
	int (*show)(char *buf, size_t size);
	void (*changed)(void);
};
int sysctl_register(const struct sysctl *table, u32 n); /* the table lives forever */

#endif
