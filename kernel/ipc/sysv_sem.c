/* SPDX-License-Identifier: MIT */
/*
 * sysv_sem.c: sets of semaphores: semget, semop, semtimedop.
 *
 * The operations of a call are done all together or not at all: sem_try() does them in order, and
 * undoes them when one is not possible. The caller then queues itself and sleeps. After each change
 * of a value (semop, semctl, the exit of a process) sem_update() does the operations of sleepers
 * for them, in the order of arrival, until no more are possible, and wakes up those sleepers.
 *
 * States of a sleeper: pending -> done (by sem_update, or EIDRM when the set is removed), then off
 * the list. A sleeper that is not done at a signal or at its deadline takes itself off the list.
 *
 * Invariants:
 * 1. 0 <= val <= SEMVMX.
 * 2. No sleeper's operations are possible when perm.lock is dropped.
 *
 * Locks: perm.lock of the set.
 */
#include "kernel/ipc/sysv_sem.h"
#include "kernel/time/time.h"

#define OPS_ON_STACK 8
#ifndef SEMAEM
#define SEMAEM SEMVMX
#endif

/* ---- the object ---- */

/* Returns the size in bytes of a set of @n semaphores. */
static size_t sem_bytes(u64 n)
{
	return sizeof(struct sem_set) + n * sizeof(struct sem);
}

static struct sysv_perm *sem_make(const struct sysv_request *r)
{
	struct ipc_namespace *ns = r->ns;
	struct sem_set *s;
	int err = -ENOSPC;

	if (!r->size)
		return ERR_PTR(-EINVAL);
	if (atomic_add_return((s64)r->size, &ns->sems) > ns->sem_limits[1])
		goto err_sems;
	s = ipc_zalloc(sem_bytes(r->size));
	err = -ENOMEM;
	if (!s)
		goto err_sems;
	sysv_perm_init(&s->perm, r);
	s->ns = ns;
	s->nsems = (u32)r->size;
	INIT_LIST_HEAD(&s->pending);
	INIT_LIST_HEAD(&s->undos);
	s->ctime = sysv_now();
	return &s->perm;

err_sems:
	atomic_sub((s64)r->size, &ns->sems);
	return ERR_PTR(err);
}

static void sem_free(struct sysv_perm *p)
{
	struct sem_set *s = to_sem(p);
	u32 n = s->nsems;

	/* not removed: its insertion failed, and sem_destroy() has not subtracted its number */
	if (!p->removed)
		atomic_sub((s64)n, &s->ns->sems);
	for (u32 i = 0; i < n; i++)
		sysv_set_pid(&s->sems[i].pid, NULL);
	ipc_free(s, sem_bytes(n));
}

static int sem_fits(struct sysv_perm *p, const struct sysv_request *r)
{
	return r->size > to_sem(p)->nsems ? -EINVAL : 0;
}

static int sem_limit(struct ipc_namespace *ns)
{
	return ns->sem_limits[3];
}

static void sem_destroy(struct ipc_namespace *ns, struct sysv_perm *p)
{
	struct sem_set *s = to_sem(p);
	LIST_HEAD(freed);

	if (sysv_lock(p))
		return;
	p->removed = true;
	sem_undo_forget(s, &freed);
	sem_wake_all(s, -EIDRM);
	atomic_sub((s64)s->nsems, &ns->sems);
	sysv_remove(ns, IPC_SEM, p);
	spin_unlock(&p->lock);
	sem_undo_free_list(&freed);
	sysv_put(&sysv_sem_type, p);
}

const struct sysv_type sysv_sem_type = {
	.type = IPC_SEM,
	.stat_any = SEM_STAT_ANY,
	.ds_size = sizeof(struct semid64_ds),
	.make = sem_make,
	.fits = sem_fits,
	.free = sem_free,
	.limit = sem_limit,
	.fill = sem_fill,
	.set = sem_set_perm,
	.destroy = sem_destroy,
};

long sys_semget(int key, int nsems, int flags)
{
	struct sysv_request r = { .ns = current_ipc_ns(), .key = key, .flags = flags };

	if (nsems < 0 || nsems > r.ns->sem_limits[0])
		return -EINVAL;
	r.size = (u64)nsems;
	return sysv_get(&sysv_sem_type, &r);
}

/* ---- operations ---- */

#define WOULD_BLOCK 1

/*
 * Tries one operation. Returns 0, WOULD_BLOCK, -EAGAIN (IPC_NOWAIT) or -ERANGE. It changes
 * something only if it returns 0. @u: undo values, used with SEM_UNDO. perm.lock is held.
 */
static int do_op(struct sem_set *s, const struct sembuf *op, struct sem_undo *u)
{
	struct sem *sem = &s->sems[op->sem_num];
	int val = sem->val + op->sem_op;

	if ((!op->sem_op && sem->val) || val < 0)
		return op->sem_flg & IPC_NOWAIT ? -EAGAIN : WOULD_BLOCK;
	if (val > SEMVMX)
		return -ERANGE;
	if (op->sem_flg & SEM_UNDO) {
		int adj = u->adj[op->sem_num] - op->sem_op;

		if (adj < -SEMAEM - 1 || adj > SEMAEM)
			return -ERANGE;
		u->adj[op->sem_num] = (s16)adj;
	}
	sem->val = val;
	return 0;
}

/* Takes back an operation that do_op() has done. */
static void undo_op(struct sem_set *s, const struct sembuf *op, struct sem_undo *u)
{
	s->sems[op->sem_num].val -= op->sem_op;
	if (op->sem_flg & SEM_UNDO)
		u->adj[op->sem_num] = (s16)(u->adj[op->sem_num] + op->sem_op);
}

/*
 * Does all operations or none. Returns 0, WOULD_BLOCK (q->blocking is the operation), -EAGAIN or
 * -ERANGE.
 */
static int sem_try(struct sem_set *s, struct sem_queue *q)
{
	int err;

	assert_spin_held(&s->perm.lock);
	for (u32 i = 0; i < q->nops; i++) {
		err = do_op(s, &q->ops[i], q->undo);
		if (err) {
			q->blocking = &q->ops[i];
			while (i--)
				undo_op(s, &q->ops[i], q->undo);
			return err;
		}
	}
	for (u32 i = 0; i < q->nops; i++)
		sysv_set_pid(&s->sems[q->ops[i].sem_num].pid, q->pid);
	s->otime = sysv_now();
	return 0;
}

/* Ends a sleep, under perm.lock. The sleeper may be freed as soon as its task sees `done`. */
static void finish(struct sem_queue *q, int result)
{
	struct task *t = q->task;

	list_del(&q->link);
	q->result = result;
	smp_store_release(&q->done, true);
	wake_up_process(t);
}

void sem_update(struct sem_set *s)
{
	struct sem_queue *q, *next;
	bool moved;

	do {
		moved = false;
		list_for_each_entry_safe(q, next, &s->pending, link) {
			int err = sem_try(s, q);

			if (err == WOULD_BLOCK)
				continue;
			finish(q, err);
			moved = moved || !err;
		}
	} while (moved);
}

void sem_wake_all(struct sem_set *s, int result)
{
	struct sem_queue *q, *next;

	list_for_each_entry_safe(q, next, &s->pending, link)
		finish(q, result);
}

/* ---- semop ---- */

/*
 * Sleeps until the operations are done. Returns their result, -EINTR, or -EAGAIN at the deadline.
 * perm.lock is held on entry, and released.
 */
static int sem_sleep(struct sem_set *s, struct sem_queue *q, u64 deadline)
{
	int err = 0;

	q->task = current;
	q->done = false;
	list_add_tail(&q->link, &s->pending);
	spin_unlock(&s->perm.lock);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&q->done) || err)
			break;
		if (signal_pending(current))
			err = -EINTR;
		else if (schedule_deadline(deadline))
			err = -EAGAIN;
	}
	__set_current_state(TASK_RUNNING);
	spin_lock(&s->perm.lock);
	if (q->done)
		err = q->result;
	else
		list_del(&q->link);
	spin_unlock(&s->perm.lock);
	return err;
}

struct op_flags {
	bool alters, undo;
};

/* Checks the semaphore numbers of the operations. Returns 0 or -EFBIG. */
static int check_ops(const struct sem_set *s, const struct sem_queue *q)
{
	for (u32 i = 0; i < q->nops; i++)
		if (q->ops[i].sem_num >= s->nsems)
			return -EFBIG;
	return 0;
}

static struct op_flags flags_of(const struct sem_queue *q)
{
	struct op_flags f = { false, false };

	for (u32 i = 0; i < q->nops; i++) {
		f.alters = f.alters || q->ops[i].sem_op;
		f.undo = f.undo || q->ops[i].sem_flg & SEM_UNDO;
	}
	return f;
}

/*
 * Does the operations of @q, or sleeps until they are done or until @deadline (ktime, ns; ~0:
 * none). Takes perm.lock. Returns 0 or -errno.
 */
static int sem_run(struct sem_set *s, struct sem_queue *q, u64 deadline)
{
	struct op_flags f = flags_of(q);
	int err = check_ops(s, q);

	if (err)
		return err;
	if (f.undo) {
		q->undo = sem_undo_get(s);
		if (IS_ERR(q->undo))
			return (int)PTR_ERR(q->undo);
	}
	err = sysv_lock(&s->perm);
	if (err)
		return err;
	err = sysv_permits(&s->perm, f.alters ? IPC_W : IPC_R);
	if (!err)
		err = sem_try(s, q);
	if (err == WOULD_BLOCK)
		return sem_sleep(s, q, deadline);
	if (!err && f.alters)
		sem_update(s);
	spin_unlock(&s->perm.lock);
	return err;
}

/*
 * Serves semop(2) and semtimedop(2). @deadline: as for sem_run(). @deadline_err: the error of a bad
 * timeout, or 0; it is returned only if no earlier check fails. Returns 0 or -errno.
 */
static long semop(int id, uaddr_t uops, u32 nops, u64 deadline, int deadline_err)
{
	struct sembuf few[OPS_ON_STACK], *ops = few;
	struct ipc_namespace *ns = current_ipc_ns();
	struct sem_queue q = { .nops = nops };
	struct sysv_perm *p;
	long ret;

	if (nops > (u32)ns->sem_limits[2])
		return -E2BIG;
	if (!nops)
		return -EINVAL;
	if (nops > OPS_ON_STACK)
		ops = kcalloc(nops, sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(ops, uops, nops * sizeof(*ops)))
		goto out;
	ret = id < 0 ? -EINVAL : deadline_err;
	if (ret)
		goto out;
	p = sysv_find(ns, IPC_SEM, id);
	ret = PTR_ERR(p);
	if (IS_ERR(p))
		goto out;
	q.ops = ops;
	q.pid = sysv_get_tgid();
	ret = sem_run(to_sem(p), &q, deadline);
	sysv_set_pid(&q.pid, NULL);
	sysv_put(&sysv_sem_type, p);
out:
	if (ops != few)
		kfree(ops);
	return ret;
}

long sys_semop(int id, uaddr_t ops, u32 nops)
{
	return semop(id, ops, nops, ~0UL, 0);
}

long sys_semtimedop(int id, uaddr_t ops, u32 nops, uaddr_t timeout)
{
	u64 ns = 0;
	int err;

	if (!timeout.v)
		return semop(id, ops, nops, ~0UL, 0);
	err = get_timespec(timeout, &ns);
	if (err == -EFAULT)
		return err;
	return semop(id, ops, nops, err ? 0 : deadline_in(ns), err);
}
