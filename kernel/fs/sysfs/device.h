/* SPDX-License-Identifier: MIT */
/* device.h: devices as udev knows them (device.c): their files `uevent`, and the events. */
#ifndef NESTLING_FS_SYSFS_DEVICE_H
#define NESTLING_FS_SYSFS_DEVICE_H

#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

/* A device with a file `uevent`. It must exist as long as the file, which is never removed. */
struct sysfs_device {
	const char *devpath;   /* below /sys: "/devices/virtual/mem/null" */
	const char *subsystem; /* "mem" */
	/*
	 * Writes the device's variables to @to as lines NAME=VALUE, at most 255 bytes, and returns
	 * their length.
	 */
	int (*vars)(char *to, size_t size, void *arg);
	void *arg;
};

/* An event of a device. */
struct uevent {
	const char *action, *devpath, *subsystem;
	const char *vars; /* the device's variables, as lines */
	/* more lines, of an event that a write to `uevent` requested; or NULL */
	const char *synth;
};

extern struct mutex sysfs_grow; /* held while entries are added after boot */
/* The operation that sends events to udev; kernel/net registers it. */
struct uevent_ops {
	void (*send)(const struct uevent *e);
};
extern const struct uevent_ops *uevent_ops; /* NULL until the network registers it */

/* Adds @dir/uevent. 0 or -ENOMEM. sysfs_grow held, or at boot. */
int sysfs_add_uevent(const char *dir, const struct sysfs_device *d);
void uevent_tell(const struct sysfs_device *d, const char *action, const char *synth);
/*
 * Parses a write to a file `uevent`: "ACTION [UUID [KEY=VALUE ...]]". Leaves the action in @text,
 * and writes the event's additional lines to @synth, which has @size bytes, at least 64. 0 or
 * -EINVAL.
 */
int uevent_parse(char *text, char *synth, size_t size);
/*
 * Adds a character device, which has a node in devtmpfs, to /sys, and sends its event "add". 0 or
 * -ENOMEM.
 */
int sysfs_add_chrdev(const char *node, umode_t mode, dev_t dev);

#endif
