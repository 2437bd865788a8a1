/* SPDX-License-Identifier: MIT */
/*
 * mconsole.h: how drivers offer devices to the management console, which adds and removes them
 * while the instance runs.
 *
 *      static struct mconsole_device dev = { .name = "eth", .numbers = CARDS, .config = ... };
 *      mconsole_register(&dev);                at an initcall
 */
#ifndef NESTLING_MCONSOLE_H
#define NESTLING_MCONSOLE_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/*
 * A kind of device. The console's thread calls the functions, one at a time; they may sleep. They
 * return 0, or -errno with a line of explanation in @err (of @size bytes) or "". @n is below
 * @numbers. A NULL function means that the operation is unsupported.
 */
struct gendisk;
struct mconsole_device {
	const char *name;
	/* NAME<n> may be followed by letters (flags), which config() gets together with the "=". */
	bool letters;
	u32 numbers; /* NAME0 to NAME<numbers - 1> */
	int (*config)(u32 n, const char *args, char *err, size_t size); /* NAME<n>=ARGS */
	int (*query)(u32 n, char *text, size_t size); /* prints the arguments for config */
	int (*remove)(u32 n, char *err, size_t size);
	/* For snapshots: returns the disk of device NAME<n>, or NULL. */
	struct gendisk *(*disk)(u32 n);
	/*
	 * Describes a file on the host that the disk consists of, as "ro|rw FORMAT FD NAME". @depth
	 * counts from 0, the file that is written, through its chain. -ENOENT past the last.
	 */
	int (*file)(u32 n, u32 depth, char *text, size_t size);
	struct list_head list; /* owned by mconsole.c */
};
void mconsole_register(struct mconsole_device *dev);

#endif
