/* SPDX-License-Identifier: MIT */
/*
 * sysfs.h: how drivers add entries to /sys. Entries are never removed; sysfs_show_when() makes one
 * invisible while it has no meaning.
 */
#ifndef NESTLING_FS_SYSFS_H
#define NESTLING_FS_SYSFS_H

#include "kernel/fs/proc/proc.h"

struct gendisk;

extern const struct file_operations sysfs_file_fops; /* file.c */

int sysfs_create(const char *path, show_fn show, void *arg); /* a file 0444; 0 or -ENOMEM */
/* Shows the entry at @path only while @when(arg) is true. 0 or -ENOENT. */
int sysfs_show_when(const char *path, bool (*when)(void *arg), void *arg);
/* Gives the entry at @path the name @name, whose text may change later. 0 or -ENOENT. */
int sysfs_rename(const char *path, const char *name);
int sysfs_create_rw(const char *path, umode_t mode, show_fn show, store_fn store, void *arg);
int sysfs_symlink(const char *path, const char *target);            /* @target is kept */
int sysfs_symlink_shown(const char *path, show_fn show, void *arg); /* @show prints the target */
int sysfs_mkdir(const char *path);
/*
 * Adds a disk and all its possible partitions, which are visible while they exist: /sys/block/NAME,
 * /sys/class/block and /sys/dev/block.
 */
int sysfs_add_disk(struct gendisk *d);
int sysfs_add_blocks(void); /* at boot: the existing disks */
int sysfs_add_ksm(void);    /* at boot: kernel/mm/ksm */
int sysfs_add_notes(void);  /* at boot: kernel/notes */
/* bdi.c: files of a backing device (mm.h), which may be added once. */
struct backing_dev;
int sysfs_add_bdi(struct backing_dev *b);
int sysfs_show_ra_kb(struct seq *s, void *bdi);
int sysfs_store_ra_kb(char *text, size_t n, void *bdi);

#endif
