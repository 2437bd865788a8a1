/* SPDX-License-Identifier: MIT */
/*
 * ipcns.h: an IPC namespace: all System V objects and POSIX message queues that a group of tasks
 * can see, with their limits.
 *
 * Tasks reach theirs through task_ipc_ns() alone. The first lives for ever. Others are made by
 * clone or unshare with default limits; they end, with all their objects, with the last
 * ipc_ns_put(). Attached shared memory keeps its namespace.
 *
 * Locks: ids[].lock for the tables (it is taken without any lock of an object, and only the slab's
 * lock inside it); the limits are single words, read and written racily.
 */
#ifndef NESTLING_IPC_IPCNS_H
#define NESTLING_IPC_IPCNS_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/task/ns/nsproxy.h"

struct mount;
struct task;

enum ipc_type { IPC_SEM, IPC_MSG, IPC_SHM, IPC_TYPES };

/* The objects of one type. An id is (seq << IPC_IDX_BITS) | index. */
#define IPC_IDX_BITS 15
#define IPC_MAX_OBJECTS (1 << IPC_IDX_BITS)
struct ipc_ids {
	spinlock_t lock;       /* protects all of it */
	struct radix by_index; /* struct sysv_perm */
	struct radix by_key;   /* those with a key */
	int in_use;
	int last_index;
	u32 seq;
	/* requested id of the next object, or -1 (kernel.*_next_id) */
	int next_id;
};

struct ipc_namespace {
	struct ns_common ns; /* kernel/ident/ns.h */
	struct ipc_ids ids[IPC_TYPES];
	/* limits: proc(5), /proc/sys/kernel */
	u64 shm_max, shm_all; /* bytes; pages */
	int shm_mni;
	int shm_rmid_forced;
	int sem_limits[4]; /* SEMMSL, SEMMNS, SEMOPM, SEMMNI */
	int msg_max, msg_mnb, msg_mni;
	/* numbers in use */
	atomic64_t shm_pages, sems, msg_bytes, msgs;
	/* POSIX message queues (mqueue.c) */
	struct mount *mq_mount; /* under mq_lock until set, then immutable */
	int mq_queues_max, mq_msg_max, mq_msgsize_max, mq_msg_default, mq_msgsize_default;
	atomic_t mq_queues;
};

extern struct ipc_namespace init_ipc_ns;

static inline struct ipc_namespace *ipc_ns_get(struct ipc_namespace *ns)
{
	ns_get(&ns->ns);
	return ns;
}
/* Drops a reference; may sleep. */
static inline void ipc_ns_put(struct ipc_namespace *ns)
{
	ns_put(&ns->ns);
}
/* Returns the namespace of @t without a reference; valid while @t keeps it. */
struct ipc_namespace *task_ipc_ns(const struct task *t);

/*
 * Charges kernel memory that guests can make grow through IPC, for all namespaces together. Returns
 * 0, or -ENOMEM at a quarter of the memory.
 */
int ipc_charge(size_t bytes);
void ipc_uncharge(size_t bytes);
/* Charge and allocate; NULL on failure. The memory must be freed with an equal @bytes. */
void *ipc_alloc(size_t bytes);
void *ipc_zalloc(size_t bytes);
void ipc_free(void *p, size_t bytes);

#endif
