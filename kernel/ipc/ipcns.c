/* SPDX-License-Identifier: MIT */
/*
 * ipcns.c: makes and frees IPC namespaces, limits the kernel memory of all IPC, and has the hooks
 * for fork and exit. Locks: none of its own; init_ipc_ns is set up before the first process.
 */
#include <limits.h>
#include <linux/msg.h>
#include <linux/sched.h>
#include <linux/sem.h>
#include <linux/shm.h>

#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/printk.h"
#include "kernel/task/process.h"

struct ipc_namespace init_ipc_ns = { .ns = { .count = ATOMIC_INIT(2), .inum = 4026531839U } };
static atomic64_t charged; /* bytes in use */

int ipc_charge(size_t bytes)
{
	u64 limit = nr_managed_frames() * (PAGE_SIZE / 4);

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

void *ipc_alloc(size_t bytes)
{
	void *p;

	if (ipc_charge(bytes))
		return NULL;
	p = kmalloc(bytes, GFP_KERNEL);
	if (!p)
		ipc_uncharge(bytes);
	return p;
}

void *ipc_zalloc(size_t bytes)
{
	void *p = ipc_alloc(bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

void ipc_free(void *p, size_t bytes)
{
	kfree(p);
	ipc_uncharge(bytes);
}

static void ids_init(struct ipc_ids *ids)
{
	spin_lock_init(&ids->lock);
	ids->last_index = -1;
	ids->next_id = -1;
}

static const struct ns_ops ipc_ns_ops;

static void limits_init(struct ipc_namespace *ns)
{
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

static struct ns_common *ipc_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct ipc_namespace *ns;
	int err;

	ns = ipc_zalloc(sizeof(*ns));
	if (!ns)
		return ERR_PTR(-ENOMEM);
	err = ns_init(&ns->ns, &ipc_ns_ops, owner);
	if (err) {
		ipc_free(ns, sizeof(*ns));
		return ERR_PTR(err);
	}
	limits_init(ns);
	return &ns->ns;
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

static void ipc_ns_free(struct ns_common *common)
{
	struct ipc_namespace *ns = container_of(common, struct ipc_namespace, ns);

	for (int t = 0; t < IPC_TYPES; t++)
		destroy_all(ns, t);
	mq_namespace_exit(ns);
	ns_fini(common);
	ipc_free(ns, sizeof(*ns));
}

static const struct ns_ops ipc_ns_ops = {
	.name = "ipc",
	.flag = CLONE_NEWIPC,
	.count = UCOUNT_IPC,
	.copy = ipc_ns_copy,
	.free = ipc_ns_free,
	.install = ns_install_default,
};

struct ipc_namespace *task_ipc_ns(const struct task *t)
{
	const struct nsproxy *p = READ_ONCE(t->nsproxy);

	return p ? container_of(p->ns[NS_IPC], struct ipc_namespace, ns) : &init_ipc_ns;
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
	limits_init(&init_ipc_ns);
	ns_register(NS_IPC, &ipc_ns_ops, &init_ipc_ns.ns);
	task_ipc_ops = &ops;
	return 0;
}
INITCALL(1, ipc_init);
