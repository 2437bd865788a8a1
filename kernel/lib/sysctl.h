/* SPDX-License-Identifier: MIT */
/*
 * sysctl.h: numbers and strings under /proc/sys. The owner of a variable registers its entry at
 * boot (initcall level 3 or later). kernel/fs/proc/sysctl.c keeps the entries.
 */
#ifndef NESTLING_LIB_SYSCTL_H
#define NESTLING_LIB_SYSCTL_H

#include "kernel/lib/types.h"

enum sysctl_kind {
	SYSCTL_INT,    /* int, [min, max] */
	SYSCTL_U64,    /* u64, [min, max] */
	SYSCTL_STRING, /* char[size] */
	/* As SYSCTL_SHOW, but with words instead of numbers: the file may be read in pieces. */
	SYSCTL_WORDS,
	/* Text by @show and @store; store NULL: read only. */
	SYSCTL_SHOW,
};
struct sysctl {
	const char *path; /* below /proc/sys: "kernel/pid_max" */
	enum sysctl_kind kind;
	umode_t mode; /* without write bits: read only */
	/* The variable. Read and written without a lock. */
	void *data;
	/*
	 * Limits of a number. For SYSCTL_STRING max is the size of the buffer, terminator included.
	 */
	s64 min, max;
	/*
	 * @show and @store may sleep. @show writes at most @size bytes, which is 256, and returns
	 * how many.
	 */
	int (*show)(char *buf, size_t size);
	/*
	 * Gets the terminated text without leading blanks, may change it, and returns 0 or -errno.
	 */
	int (*store)(char *text);
	/* Called after the variable was written (not with @store). NULL: nothing to do. */
	void (*changed)(void);
};
#define SYSCTL_NUM(p, v, lo, hi)                                                                   \
	{                                                                                          \
		.path = p, .kind = SYSCTL_INT, .mode = 0644, .data = &(v), .min = lo, .max = hi    \
	}
#define SYSCTL_BIG(p, v, lo, hi)                                                                   \
	{                                                                                          \
		.path = p, .kind = SYSCTL_U64, .mode = 0644, .data = &(v), .min = lo, .max = hi    \
	}

/*
 * Lets code that may not call kernel/fs, such as mm, register entries. kernel/fs/proc/sysctl.c
 * fills the table.
 */
struct sysctl_hooks {
	int (*add)(const struct sysctl *table, u32 n);
};
extern const struct sysctl_hooks sysctl_hooks;

/* Registers the @n entries of @table, which must live for ever. May sleep. Returns 0 or -errno. */
static inline int sysctl_register(const struct sysctl *table, u32 n)
{
	return sysctl_hooks.add(table, n);
}

#endif
