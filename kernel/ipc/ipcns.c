/* SPDX-License-Identifier: MIT */
/*
 * ipcns.c: IPC namespaces come and go; what all of IPC may take of the kernel's memory; the hooks at fork and exit.
 * Locks: none of its own; init_ipc_ns is filled before the first process.
 */
#include <limits.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/printk.h"
#include "kernel/task/process.h"

struct ipc_namespace init_ipc_ns;
static atomic64_t charged; /* bytes */

int ipc_charge(size_t bytes)
{
	u64 limit = max_pfn * (PAGE_SIZE / 4);

	if (bytes <= limit && (u64)atomic_add_return((s64)bytes, &charged) <= limit)
		return 0;
	if (bytes <= limit)
		ipc_uncharge(bytes);
	return -ENOMEM;
}

void ipc_uncharge(size_t bytes)
{
	atomic_sub((s64)bytes, &charged);
}

static void ids_init(struct ipc_ids *ids)
{
	spin_lock_init(&ids->lock);
	ids->last_index = -1;
	ids->next_id = -1;
}

static void ns_init(struct ipc_namespace *ns)
{
	atomic_set(&ns->count, 1);
	for (int t = 0; t < IPC_TYPES; t++)
		ids_init(&ns->ids[t]);
	ns->shm_max = SHMMAX;
	ns->shm_all = SHMALL;
	ns->shm_mni = SHMMNI;
	ns->sem_limits[0] = SEMMSL;
	ns->sem_limits[1] = SEMMNS;
	ns->sem_limits[2] = SEMOPM;
	ns->sem_limits[3] = SEMMNI;
	ns->msg_max = MSGMAX;
	ns->msg_mnb = MSGMNB;
	ns->msg_mni = MSGMNI;
	mq_namespace_init(ns);
}

struct ipc_namespace *ipc_ns_create(void)
{
	struct ipc_namespace *ns;

	if (ipc_charge(sizeof(*ns)))
		return ERR_PTR(-ENOMEM);
	ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	if (!ns) {
		ipc_uncharge(sizeof(*ns));
		return ERR_PTR(-ENOMEM);
	}
	ns_init(ns);
	return ns;
}

struct ipc_namespace *ipc_ns_get(struct ipc_namespace *ns)
{
	atomic_inc(&ns->count);
	return ns;
}

static void destroy_all(struct ipc_namespace *ns, enum ipc_type t)
{
	struct sysv_perm *p;
	u64 at = 0;

	for (; (p = sysv_next(ns, t, &at)); at++) {
		sysv_types[t]->destroy(ns, p);
		sysv_put(sysv_types[t], p);
		cond_resched();
	}
}

void ipc_ns_put(struct ipc_namespace *ns)
{
	if (!atomic_dec_and_test(&ns->count))
		return;
	for (int t = 0; t < IPC_TYPES; t++)
		destroy_all(ns, t);
	mq_namespace_exit(ns);
	kfree(ns);
	ipc_uncharge(sizeof(*ns));
}

struct ipc_namespace *task_ipc_ns(const struct task *t)
{
	return &init_ipc_ns;
}

/* ---- tasks ---- */

static void ipc_exit(struct task *t)
{
	sem_task_exit(t);
	shm_task_exit(t);
}

static const struct task_ipc_ops ops = {
	.fork = sem_task_fork,
	.exit = ipc_exit,
	.unshare_sem = sem_task_exit,
};

static int ipc_init(void)
{
	ns_init(&init_ipc_ns);
	task_ipc_ops = &ops;
	return 0;
}
INITCALL(1, ipc_init);
