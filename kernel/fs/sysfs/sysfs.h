/* SPDX-License-Identifier: MIT */
/*
 * sysfs.h: how drivers add to /sys. Added entries stay; sysfs_show_when() hides an entry while it
 * has no meaning.
 */
#ifndef NESTLING_FS_SYSFS_H
#define NESTLING_FS_SYSFS_H

#include "kernel/fs/proc/proc.h"

struct gendisk;

extern const struct file_operations sysfs_file_fops; /* file.c */

int sysfs_create(const char *path, show_fn show, void *arg); /* a file 0444; 0 or -ENOMEM */
/* Shows the entry at @path only while @when(arg) is true. 0 or -ENOENT. */
int sysfs_show_when(const char *path, bool (*when)(void *arg), void *arg);
/* Gives the entry at @path a name that may change. */
int sysfs_rename(const char *path, const char *name);
int sysfs_create_rw(const char *path, umode_t mode, show_fn show, store_fn store, void *arg);
int sysfs_symlink(const char *path, const char *target);            /* @target stays */
int sysfs_symlink_shown(const char *path, show_fn show, void *arg); /* where it leads, @show says */
int sysfs_mkdir(const char *path);
/*
 * Adds a disk and its possible partitions (visible while they exist): /sys/block/NAME and its kin.
 */
int sysfs_add_disk(struct gendisk *d);
int sysfs_add_blocks(void); /* at boot: those that are there */
int sysfs_add_ksm(void);    /* at boot: kernel/mm/ksm */
int sysfs_add_notes(void);  /* at boot: kernel/notes */
/* bdi.c; of a backing device (mm.h). It may be added once. */
struct backing_dev;
int sysfs_add_bdi(struct backing_dev *b);
int sysfs_show_ra_kb(struct seq *s, void *bdi);
int sysfs_store_ra_kb(char *text, size_t n, void *bdi);

#endif
