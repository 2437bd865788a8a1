/* SPDX-License-Identifier: MIT */
/*
 * mconsole.h: what drivers offer to the management console: devices that come and go while the
 * instance runs.
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
 * return 0 or -errno; then @err (of @size bytes) may have one line with the reason. @n is below
 * numbers. A NULL function is not supported.
 */
struct gendisk;
struct mconsole_device {
	const char *name;
	/* NAME<n> may be followed by letters (flags), which config() gets with the = */
	bool letters;
	u32 numbers; /* NAME0 to NAME<numbers - 1> */
	int (*config)(u32 n, const char *args, char *err, size_t size); /* NAME<n>=ARGS */
	int (*query)(u32 n, char *text, size_t size); /* prints the arguments for config */
	int (*remove)(u32 n, char *err, size_t size);
	/* For snapshots: returns the disk that NAME<n> is, or NULL. */
	struct gendisk *(*disk)(u32 n);
	/*
	 * Describes the host's file at @depth of the disk's chain (0: the one that is written):
	 * "ro|rw FORMAT FD NAME". -ENOENT behind the last.
	 */
	int (*file)(u32 n, u32 depth, char *text, size_t size);
	struct list_head list; /* owned by mconsole.c */
};
void mconsole_register(struct mconsole_device *dev);

#endif
