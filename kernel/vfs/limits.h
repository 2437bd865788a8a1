/* SPDX-License-Identifier: MIT */
/*
 * limits.h: the counts and limits of files that /proc/sys/fs shows. The limits are read without a
 * lock.
 */
#ifndef NESTLING_VFS_LIMITS_H
#define NESTLING_VFS_LIMITS_H

#include "kernel/lib/types.h"

/*
 * Number of dentries or inodes in memory, and how many of them are unused, so that they can be
 * freed.
 */
void dcache_stats(u64 *nr, u64 *unused);
void inode_stats(u64 *nr, u64 *unused);
u64 nr_files(void);        /* open files */
extern u32 sysctl_nr_open; /* descriptors of a process, at most */
/*
 * sysctl_leases_enable: 1 if leases can be taken. sysctl_lease_break_time: seconds until a lease
 * that is being broken is removed, 0: never.
 */
extern int sysctl_leases_enable, sysctl_lease_break_time;
extern u64 sysctl_file_max; /* open files, at most */
/* As in Linux: 0 switches the protection off. */
extern int sysctl_protected_symlinks, sysctl_protected_hardlinks, sysctl_protected_fifos,
	sysctl_protected_regular;

#endif
