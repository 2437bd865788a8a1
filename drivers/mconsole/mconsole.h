/* SPDX-License-Identifier: MIT */
/*
 * mconsole.h: what drivers offer to the management console: devices that come and go while the instance runs.
 *
 *	static struct mconsole_device dev = { .name = "eth", .numbers = CARDS, .config = ... };
 *	mconsole_register(&dev);                      at an initcall
 */
#ifndef NESTLING_MCONSOLE_H
#define NESTLING_MCONSOLE_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/*
 * Called by the console's thread, one at a time; may sleep. 0 or -errno, then @err (of @size bytes) may have one line that says why.
 * @n is below numbers. What is NULL cannot be done.
 */
struct gendisk;
struct mconsole_device {
	const char *name;
	bool letters; /* between number and = (flags): config() gets them, and the = */
	u32 numbers;  /* NAME0 to NAME<numbers - 1> */
	int (*config)(u32 n, const char *args, char *err, size_t size); /* NAME<n>=ARGS */
	int (*query)(u32 n, char *text, size_t size); /* as it would be said to config */
	int (*remove)(u32 n, char *err, size_t size);
	/* For snapshots, of what has disks: the disk that NAME<n> is, or NULL. */
	struct gendisk *(*disk)(u32 n);
	/* The host's file at @depth of its chain (0: the one that is written to), "ro|rw FORMAT FD NAME"; -ENOENT: it has no more. */
	int (*file)(u32 n, u32 depth, char *text, size_t size);
	struct list_head list; /* mconsole.c's own */
};
void mconsole_register(struct mconsole_device *dev);

#endif
