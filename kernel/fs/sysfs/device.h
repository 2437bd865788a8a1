/* SPDX-License-Identifier: MIT */
/* device.h: devices in the sense of udev (device.c): their `uevent` files, and the events. */
#ifndef NESTLING_FS_SYSFS_DEVICE_H
#define NESTLING_FS_SYSFS_DEVICE_H

#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

/* A device with a `uevent` file. It must never be freed, since the file is never removed. */
struct sysfs_device {
	/* path below /sys: "/devices/virtual/mem/null" */
	const char *devpath;
	const char *subsystem; /* such as "mem" */
	/*
	 * Writes the device's variables to @to, a buffer of @size bytes, as terminated lines
	 * NAME=VALUE, at most 255 bytes. Returns their length in bytes.
	 */
	int (*vars)(char *to, size_t size, void *arg);
	void *arg;
};

/* An event of a device, for udev. All texts are terminated, and borrowed for the call of send(). */
struct uevent {
	const char *action, *devpath, *subsystem;
	/* the device's variables, as lines NAME=VALUE */
	const char *vars;
	/* more lines NAME=VALUE, if a write to `uevent` requested the event, or NULL */
	const char *synth;
};

extern struct mutex sysfs_grow; /* held to add entries after boot */
struct uevent_ops {
	/* Sends the event to udev. May sleep. */
	void (*send)(const struct uevent *e);
};
extern const struct uevent_ops *uevent_ops; /* NULL until kernel/net registers it */

/*
 * Adds @dir/uevent; @dir is a path below /sys without a slash at its start. Keeps @d. Returns 0 or
 * -ENOMEM. The caller holds sysfs_grow, except at boot.
 */
int sysfs_add_uevent(const char *dir, const struct sysfs_device *d);
/*
 * Sends an event of @d to udev, if kernel/net is there. @action: "add", "remove" and so on; @synth:
 * as in struct uevent.
 */
void uevent_send(const struct sysfs_device *d, const char *action, const char *synth);
/*
 * Parses a write to a `uevent` file: "ACTION [UUID [KEY=VALUE ...]]". Leaves the action in @text,
 * and writes the event's additional lines to @synth, which has @size bytes, at least 64. Returns 0
 * or -EINVAL.
 */
int uevent_parse(char *text, char *synth, size_t size);
/*
 * Adds a character device, which has the node @node in devtmpfs, to /sys, and sends its event
 * "add". @node is copied. Takes sysfs_grow. Returns 0 or -ENOMEM.
 */
int sysfs_add_chrdev(const char *node, umode_t mode, dev_t dev);

#endif
