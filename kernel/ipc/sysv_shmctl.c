/* SPDX-License-Identifier: MIT */
/*
 * sysv_shmctl.c: shmctl(2) and /proc/sysvipc/shm.
 *
 * No segment is ever swapped, so SHM_LOCK only checks the permission and sets SHM_LOCKED. Locks:
 * perm.lock of the segment.
 */
#include <linux/resource.h>

#include "kernel/ipc/sysv_shm.h"

static long shm_info(struct ipc_namespace *ns, uaddr_t buf)
{
	struct shm_info si = { 0 };
	struct sysv_perm *p;
	u64 at = 0;

	si.used_ids = sysv_in_use(ns, IPC_SHM);
	si.shm_tot = (u64)atomic_read(&ns->shm_pages);
	for (; (p = sysv_next(ns, IPC_SHM, &at)); at++) {
		si.shm_rss += READ_ONCE(to_shm(p)->file->f_mapping->nrpages);
		sysv_put(&sysv_shm_type, p);
		cond_resched();
	}
	return copy_to_user(buf, &si, sizeof(si)) ? -EFAULT : sysv_max_index(ns, IPC_SHM);
}

static long shm_limits(struct ipc_namespace *ns, uaddr_t buf)
{
	struct shminfo64 si = {
		.shmmax = ns->shm_max,
		.shmmin = SHMMIN,
		.shmmni = (u64)ns->shm_mni,
		.shmseg = (u64)ns->shm_mni,
		.shmall = ns->shm_all,
	};

	return copy_to_user(buf, &si, sizeof(si)) ? -EFAULT : sysv_max_index(ns, IPC_SHM);
}

void shm_fill(struct sysv_perm *p, union sysv_ds *all)
{
	struct shm_segment *s = to_shm(p);
	struct shmid64_ds *ds = &all->shm;

	sysv_perm_out(&s->perm, &ds->shm_perm);
	ds->shm_segsz = s->size;
	ds->shm_atime = s->atime;
	ds->shm_dtime = s->dtime;
	ds->shm_ctime = s->ctime;
	ds->shm_cpid = pid_vnr(s->cpid);
	ds->shm_lpid = pid_vnr(s->lpid);
	ds->shm_nattch = s->nattch;
}

/* Returns 0, or -EPERM if current may not use @cmd (SHM_LOCK, SHM_UNLOCK). perm.lock is held. */
static int may_lock(const struct sysv_perm *p, int cmd)
{
	if (ns_capable(task_ipc_ns(current)->ns.owner, CAP_IPC_LOCK))
		return 0;
	if (current_euid() != p->uid && current_euid() != p->cuid)
		return -EPERM;
	return cmd == SHM_LOCK && !rlimit(RLIMIT_MEMLOCK) ? -EPERM : 0;
}

/* Does @cmd. perm.lock is held. Returns 0, -EPERM or -ENOMEM. */
static int lock_segment(struct shm_segment *s, int cmd)
{
	int err = may_lock(&s->perm, cmd);

	if (err)
		return err;
	if (cmd == SHM_UNLOCK) {
		s->perm.mode &= ~(umode_t)SHM_LOCKED;
	} else {
		if (!capable(CAP_IPC_LOCK) && s->pages > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)
			return -ENOMEM;
		s->perm.mode |= SHM_LOCKED;
	}
	return 0;
}

int shm_set(struct sysv_perm *p, const union sysv_ds *ds)
{
	int err = sysv_perm_set(p, &ds->shm.shm_perm);

	if (!err)
		to_shm(p)->ctime = sysv_now();
	return err;
}

static long shm_lock(struct ipc_namespace *ns, int id, int cmd)
{
	struct sysv_perm *p = sysv_find(ns, IPC_SHM, id);
	long ret;

	if (IS_ERR(p))
		return PTR_ERR(p);
	ret = sysv_lock(p);
	if (!ret) {
		ret = lock_segment(to_shm(p), cmd);
		spin_unlock(&p->lock);
	}
	sysv_put(&sysv_shm_type, p);
	return ret;
}

long sys_shmctl(int id, int cmd, uaddr_t buf)
{
	struct ipc_namespace *ns = current_ipc_ns();

	if (cmd < 0 || id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO: return shm_limits(ns, buf);
	case SHM_INFO: return shm_info(ns, buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY: return sysv_stat(&sysv_shm_type, id, cmd, buf);
	case IPC_SET:
	case IPC_RMID: return sysv_change(&sysv_shm_type, id, cmd, buf);
	case SHM_LOCK:
	case SHM_UNLOCK: return shm_lock(ns, id, cmd);
	}
	return -EINVAL;
}

int sysv_shm_line(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size)
{
	struct shm_segment *s = to_shm(p);
	union sysv_ds all = { 0 };
	struct shmid64_ds *ds = &all.shm;

	if (sysv_lock(p))
		return 0;
	shm_fill(p, &all);
	spin_unlock(&p->lock);
	return scnprintf(buf, size,
		"%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu "
		"%21lu\n",
		ds->shm_perm.key, p->id, ds->shm_perm.mode, ds->shm_segsz, (u32)ds->shm_cpid,
		(u32)ds->shm_lpid, ds->shm_nattch, ds->shm_perm.uid, ds->shm_perm.gid,
		ds->shm_perm.cuid, ds->shm_perm.cgid, ds->shm_atime, ds->shm_dtime, ds->shm_ctime,
		READ_ONCE(s->file->f_mapping->nrpages) << PAGE_SHIFT, 0UL);
}
