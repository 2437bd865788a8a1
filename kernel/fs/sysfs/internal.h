/* SPDX-License-Identifier: MIT */
/* internal.h: declarations that the files of kernel/fs/sysfs share. */
#ifndef NESTLING_FS_SYSFS_INTERNAL_H
#define NESTLING_FS_SYSFS_INTERNAL_H

#include "kernel/fs/sysfs/sysfs.h"

/*
 * sysfs.c: functions of type show_fn, which return 0. They print the number @arg, the CPU mask of
 * vCPU @arg, the range of all vCPUs, and the CPU mask of all vCPUs.
 */
int sysfs_show_number(struct seq *s, void *arg);
int sysfs_show_cpu_mask(struct seq *s, void *arg);
int sysfs_show_cpu_range(struct seq *s, void *arg);
int sysfs_show_all_cpus_mask(struct seq *s, void *arg);

/* Adds the files about vulnerabilities and caches of CPUs at boot. Returns 0 or -errno. */
int sysfs_add_cpu_host(void);

#endif
