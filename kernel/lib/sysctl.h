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
	SYSCTL_STRING, /* char[max], terminated */
	/* As SYSCTL_SHOW, but programs may read the text in pieces. */
	SYSCTL_WORDS,
	/* Text made by @show and parsed by @store. Without @store a write fails with -EINVAL. */
	SYSCTL_SHOW,
};
struct sysctl {
	const char *path; /* below /proc/sys: "kernel/pid_max" */
	enum sysctl_kind kind;
	umode_t mode; /* without write bits: read only */
	/* The variable, read and written without a lock. Unused with @show and @store. */
	void *data;
	/*
	 * Smallest and largest value of a number; a write outside fails with -EINVAL. For
	 * SYSCTL_STRING max is the size of @data in bytes, terminator included.
	 */
	s64 min, max;
	/*
	 * Writes the text to @buf, at most @size (256) bytes. Returns the number of bytes; a
	 * negative result shows no text. May sleep.
	 */
	int (*show)(char *buf, size_t size);
	/*
	 * Parses the terminated text that a program has written, without leading blanks, and may
	 * change it. Returns 0 or -errno. May sleep.
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
	/* The body of sysctl_register(). */
	int (*add)(const struct sysctl *table, u32 n);
};
extern const struct sysctl_hooks sysctl_hooks;

/* Registers the @n entries of @table, which must live for ever. May sleep. Returns 0 or -errno. */
static inline int sysctl_register(const struct sysctl *table, u32 n)
{
	return sysctl_hooks.add(table, n);
}

#endif
