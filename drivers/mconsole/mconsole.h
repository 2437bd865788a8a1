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

struct gendisk;
/*
 * A kind of device. The functions may sleep. The console's thread calls config(), query() and
 * remove(), one at a time. They return 0, or -errno with a line of explanation in @err or @text (of
 * @size bytes) or "". The thread of a snapshot calls disk() and file(); config() and remove() of
 * that device are not called during a snapshot. @n is below @numbers. A NULL function means that
 * the operation is unsupported. A device with disk() has file() too.
 */
struct mconsole_device {
	const char *name;
	/* True if NAME<n> may be followed by letters (flags), which config() gets with the "=". */
	bool letters;
	u32 numbers; /* NAME0 to NAME<numbers - 1> */
	int (*config)(u32 n, const char *args, char *err, size_t size); /* NAME<n>=ARGS */
	int (*query)(u32 n, char *text, size_t size); /* prints the arguments for config */
	int (*remove)(u32 n, char *err, size_t size);
	/* For snapshots: returns the disk of device NAME<n>, or NULL. */
	struct gendisk *(*disk)(u32 n);
	/*
	 * Describes a file on the host that the disk consists of, as "ro|rw|part FORMAT FD NAME"
	 * (image_describe()). @depth 0 is the file that is written, 1 the file below it, and so on.
	 * Returns 0, or -ENOENT past the last file.
	 */
	int (*file)(u32 n, u32 depth, char *text, size_t size);
	struct list_head list; /* owned by mconsole.c */
};
/* Offers @dev, which stays valid for ever. Called at an initcall. */
void mconsole_register(struct mconsole_device *dev);

#endif
