/* SPDX-License-Identifier: MIT */
/*
 * sysfs.h: how drivers add entries to /sys. Entries are never removed. sysfs_show_when() can hide
 * one while it has no meaning.
 *
 * Paths are relative to /sys, without a slash at the start, and copied; missing directories are
 * made. @show, @store and @arg are kept. Functions whose comment says nothing else return 0 or
 * -ENOMEM. All may sleep. The caller holds sysfs_grow (device.h), except at boot, and except for
 * sysfs_add_disk(), which takes it.
 */
#ifndef NESTLING_FS_SYSFS_H
#define NESTLING_FS_SYSFS_H

#include "kernel/fs/proc/proc.h"

struct gendisk;

extern const struct file_operations sysfs_file_fops; /* file.c */

int sysfs_create(const char *path, show_fn show, void *arg); /* mode 0444 */
/* Hides the entry at @path whenever @when(arg) is false. Returns 0, -ENOENT or -ENOMEM. */
int sysfs_show_when(const char *path, bool (*when)(void *arg), void *arg);
/*
 * Renames the entry at @path to @name. The pointer is kept, so the text may change later. Returns 0
 * or -ENOENT.
 */
int sysfs_rename(const char *path, const char *name);
int sysfs_create_rw(const char *path, umode_t mode, show_fn show, store_fn store, void *arg);
/* Makes a symbolic link. The pointer @target is kept. */
int sysfs_symlink(const char *path, const char *target);
int sysfs_symlink_shown(const char *path, show_fn show, void *arg); /* @show prints the target */
int sysfs_mkdir(const char *path);
/*
 * Adds the entries of a disk and of its present partitions in /sys/block/NAME, /sys/class/block and
 * /sys/dev/block. They are visible while the disk or partition exists. Takes sysfs_grow.
 */
int sysfs_add_disk(struct gendisk *d);
int sysfs_add_blocks(void); /* at boot, for the existing disks */
int sysfs_add_ksm(void);    /* at boot: adds kernel/mm/ksm */
int sysfs_add_notes(void);  /* at boot: adds kernel/notes */
/* bdi.c: adds the files of a backing device (mm.h), at most once for each. */
struct backing_dev;
int sysfs_add_bdi(struct backing_dev *b);
/* The show and store functions of read_ahead_kb. @bdi: a struct backing_dev. */
int sysfs_show_ra_kb(struct seq *s, void *bdi);
int sysfs_store_ra_kb(char *text, size_t n, void *bdi);

#endif
