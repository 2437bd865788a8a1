/* SPDX-License-Identifier: MIT */
/* internal.h: between the files of kernel/fs/sysfs. */
#ifndef NESTLING_FS_SYSFS_INTERNAL_H
#define NESTLING_FS_SYSFS_INTERNAL_H

#include "kernel/fs/sysfs/sysfs.h"

/* sysfs.c: Print a number, one vCPU as a mask, all as a range and as a mask; arg: the number. */
int sysfs_show_number(struct seq *s, void *arg);
int sysfs_show_cpu_mask(struct seq *s, void *arg);
int sysfs_show_cpu_range(struct seq *s, void *arg);
int sysfs_show_all_cpus_mask(struct seq *s, void *arg);

/* Adds vulnerabilities and caches of CPUs, at boot. */
int sysfs_add_cpu_host(void);

#endif
