/* SPDX-License-Identifier: MIT */
/* sysv_shm.h: a segment, shared by sysv_shm.c and sysv_shmctl.c. */
#ifndef NESTLING_IPC_SYSV_SHM_H
#define NESTLING_IPC_SYSV_SHM_H

#include <linux/shm.h>

#include "kernel/ipc/sysv.h"
#include "kernel/vfs/vfs.h"

#define SHM_DEST 01000 /* perm.mode: removed at the last detach */
#define SHM_LOCKED 02000

struct shm_segment {
	struct sysv_perm perm;
	/* immutable; valid while the namespace exists (see sysv_shm.c) */
	struct ipc_namespace *ns;
	struct file *file; /* holds the memory; immutable */
	/* immutable. size: bytes that the guest asked for. pages: whole pages for them */
	u64 size, pages;
	/* true: vm_enough_memory() has counted @pages; immutable */
	bool accounted;
	/* under perm.lock: number of VMAs that map the segment; times in seconds of real time */
	u64 nattch;
	s64 atime, dtime, ctime;
	/* cpid: process that made it. lpid: process that last attached or detached it, or NULL */
	struct pid *cpid, *lpid;
	/* the thread that made the segment, until that thread ends; for shm_rmid_forced */
	struct pid *creator;
};
static inline struct shm_segment *to_shm(struct sysv_perm *p)
{
	return container_of(p, struct shm_segment, perm);
}
/* sysv_shmctl.c: operations of sysv_shm_type */
void shm_fill(struct sysv_perm *p, union sysv_ds *all);
int shm_set(struct sysv_perm *p, const union sysv_ds *ds);

#endif
