/* SPDX-License-Identifier: MIT */
/*
 * sysv_semctl.c: semctl(2) and /proc/sysvipc/sem. Locks: perm.lock of the set; values are copied
 * through a buffer, since the lock is not held over uaccess.
 */
#include "kernel/ipc/sysv_sem.h"

/* ---- limits ---- */

static long sem_info(struct ipc_namespace *ns, int cmd, uaddr_t buf)
{
	struct seminfo si = {
		.semmap = SEMMAP,
		.semmni = ns->sem_limits[3],
		.semmns = ns->sem_limits[1],
		.semmnu = SEMMNU,
		.semmsl = ns->sem_limits[0],
		.semopm = ns->sem_limits[2],
		.semume = SEMUME,
		.semusz = SEMUSZ,
		.semvmx = SEMVMX,
		.semaem = SEMAEM,
	};

	if (cmd == SEM_INFO) {
		si.semusz = sysv_in_use(ns, IPC_SEM);
		si.semaem = (int)atomic_read(&ns->sems);
	}
	return copy_to_user(buf, &si, sizeof(si)) ? -EFAULT : sysv_max_index(ns, IPC_SEM);
}

/* ---- the set ---- */

void sem_fill(struct sysv_perm *p, union sysv_ds *all)
{
	struct sem_set *s = to_sem(p);
	struct semid64_ds *ds = &all->sem;

	sysv_perm_out(&s->perm, &ds->sem_perm);
	ds->sem_otime = s->otime;
	ds->sem_ctime = s->ctime;
	ds->sem_nsems = s->nsems;
}

int sem_set_perm(struct sysv_perm *p, const union sysv_ds *ds)
{
	int err = sysv_perm_set(p, &ds->sem.sem_perm);

	if (!err)
		to_sem(p)->ctime = sysv_now();
	return err;
}

/* ---- values ---- */

/*
 * Returns how many sleepers wait until semaphore @n is 0 (@zero), or until it is greater. perm.lock
 * is held.
 */
static int count_waiters(const struct sem_set *s, u32 n, bool zero)
{
	struct sem_queue *q;
	int found = 0;

	list_for_each_entry(q, &s->pending, link)
		if (q->blocking->sem_num == n && !q->blocking->sem_op == zero)
			found++;
	return found;
}

/*
 * sem_get_one() returns the number that @cmd requests about semaphore @n. sem_setval() sets the
 * semaphore's value and returns 0. Both return -EINVAL if there is no such semaphore. perm.lock is
 * held.
 */
static long sem_get_one(struct sem_set *s, u32 n, int cmd)
{
	if (n >= s->nsems)
		return -EINVAL;
	switch (cmd) {
	case GETVAL: return s->sems[n].val;
	case GETPID: return pid_vnr(s->sems[n].pid);
	case GETNCNT: return count_waiters(s, n, false);
	}
	return count_waiters(s, n, true);
}

static long sem_setval(struct sem_set *s, u32 n, int val)
{
	if (n >= s->nsems)
		return -EINVAL;
	sem_undo_clear(s, n);
	s->sems[n].val = val;
	sysv_set_pid(&s->sems[n].pid, sysv_tgid(current));
	s->ctime = sysv_now();
	sem_update(s);
	return 0;
}

/* Sets all values. perm.lock is held. */
static void sem_setall(struct sem_set *s, const u16 *vals)
{
	for (u32 i = 0; i < s->nsems; i++) {
		s->sems[i].val = vals[i];
		sysv_set_pid(&s->sems[i].pid, sysv_tgid(current));
	}
	sem_undo_clear(s, ~0U);
	s->ctime = sysv_now();
	sem_update(s);
}

/* Copies all values to @vals. Takes perm.lock. Returns 0 or -errno. */
static long sem_getall(struct sem_set *s, u16 *vals)
{
	int err = sysv_lock(&s->perm);

	if (err)
		return err;
	err = sysv_permits(&s->perm, IPC_R);
	for (u32 i = 0; !err && i < s->nsems; i++)
		vals[i] = (u16)s->sems[i].val;
	spin_unlock(&s->perm.lock);
	return err;
}

/* Reads nsems values from the guest. Returns 0, -EFAULT or -ERANGE. */
static int read_values(const struct sem_set *s, u16 *vals, uaddr_t from)
{
	if (copy_from_user(vals, from, s->nsems * sizeof(*vals)))
		return -EFAULT;
	for (u32 i = 0; i < s->nsems; i++)
		if (vals[i] > SEMVMX)
			return -ERANGE;
	return 0;
}

/* Returns 0 if current has the permission at this moment, else -errno. The lock is not kept. */
static int ask(struct sem_set *s, umode_t want)
{
	int err = sysv_lock(&s->perm);

	if (err)
		return err;
	err = sysv_permits(&s->perm, want);
	spin_unlock(&s->perm.lock);
	return err;
}

/* Serves GETALL and SETALL, with guest memory at @array. Takes perm.lock. Returns 0 or -errno. */
static long sem_all(struct sem_set *s, int cmd, uaddr_t array)
{
	u16 *vals = kcalloc(s->nsems, sizeof(*vals), GFP_KERNEL);
	long ret;

	if (!vals)
		return -ENOMEM;
	if (cmd == GETALL) {
		ret = sem_getall(s, vals);
		if (!ret && copy_to_user(array, vals, s->nsems * sizeof(*vals)))
			ret = -EFAULT;
		goto out;
	}
	ret = ask(s, IPC_W);
	if (!ret)
		ret = read_values(s, vals, array);
	if (!ret)
		ret = sysv_lock(&s->perm);
	if (!ret) {
		sem_setall(s, vals);
		spin_unlock(&s->perm.lock);
	}
out:
	kfree(vals);
	return ret;
}

/* Serves the commands for one semaphore, @n. Takes perm.lock. Returns a value, 0 or -errno. */
static long sem_one(struct sem_set *s, int n, int cmd, u64 arg)
{
	long ret = sysv_lock(&s->perm);

	if (ret)
		return ret;
	/* only SETVAL checks the number before the permission */
	if (cmd == SETVAL)
		ret = (u32)n >= s->nsems ? -EINVAL : sysv_permits(&s->perm, IPC_W);
	else
		ret = sysv_permits(&s->perm, IPC_R);
	if (!ret && cmd == SETVAL)
		ret = sem_setval(s, (u32)n, (int)arg);
	else if (!ret)
		ret = sem_get_one(s, (u32)n, cmd);
	spin_unlock(&s->perm.lock);
	return ret;
}

static long sem_values(struct ipc_namespace *ns, int id, int n, int cmd, u64 arg)
{
	struct sysv_perm *p;
	long ret;

	if (cmd == SETVAL && ((int)arg < 0 || (int)arg > SEMVMX))
		return -ERANGE;
	p = sysv_find(ns, IPC_SEM, id);
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (cmd == GETALL || cmd == SETALL)
		ret = sem_all(to_sem(p), cmd, UADDR(arg));
	else
		ret = sem_one(to_sem(p), n, cmd, arg);
	sysv_put(&sysv_sem_type, p);
	return ret;
}

long sys_semctl(int id, int num, int cmd, unsigned long arg)
{
	struct ipc_namespace *ns = current_ipc_ns();

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO: return sem_info(ns, cmd, UADDR(arg));
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY: return sysv_stat(&sysv_sem_type, id, cmd, UADDR(arg));
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
	case SETVAL:
	case GETALL:
	case SETALL: return sem_values(ns, id, num, cmd, arg);
	case IPC_SET:
	case IPC_RMID: return sysv_change(&sysv_sem_type, id, cmd, UADDR(arg));
	}
	return -EINVAL;
}

int sysv_sem_line(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size)
{
	union sysv_ds all = { 0 };
	struct semid64_ds *ds = &all.sem;

	if (sysv_lock(p))
		return 0;
	sem_fill(p, &all);
	spin_unlock(&p->lock);
	return scnprintf(buf, size, "%10d %10d  %4o %10lu %5u %5u %5u %5u %10lu %10lu\n",
		ds->sem_perm.key, p->id, ds->sem_perm.mode, (u64)ds->sem_nsems, ds->sem_perm.uid,
		ds->sem_perm.gid, ds->sem_perm.cuid, ds->sem_perm.cgid, (u64)ds->sem_otime,
		(u64)ds->sem_ctime);
}
