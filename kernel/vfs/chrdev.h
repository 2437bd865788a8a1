/* SPDX-License-Identifier: MIT */
/*
 * chrdev.h: character devices by number, and the check that guards the use of all devices
 * (chrdev.c).
 */
#ifndef NESTLING_VFS_CHRDEV_H
#define NESTLING_VFS_CHRDEV_H

#include "kernel/lib/types.h"

struct file_operations;

/*
 * Gives the @count minors from @first_minor on to a driver. @name and @fop stay valid until
 * unregister_chrdev(), which gets the same numbers, and is called when no file of the driver is
 * open. Returns 0, -EBUSY if a number is in use, or -ENOMEM. May sleep.
 */
int register_chrdev(
	u32 major, u32 first_minor, u32 count, const char *name, const struct file_operations *fop);
void unregister_chrdev(u32 major, u32 first_minor, u32 count); /* does not sleep */
/* Prints line @i of the character devices of /proc/devices. Returns its length, 0 past the end. */
int chrdev_line(int i, char *buf, size_t size);

/*
 * Checks that apply to the use of devices beside the mode bits of their nodes. kernel/bpf registers
 * the table; NULL: no further check.
 */
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4 };
struct device_guard_ops {
	/*
	 * Returns 0 if current may make, read or write (@what: DEVICE_*) the device, else -errno.
	 * @mode: S_IFCHR or S_IFBLK.
	 */
	int (*permission)(umode_t mode, dev_t dev, int what);
};
extern const struct device_guard_ops *device_guard;

#endif
