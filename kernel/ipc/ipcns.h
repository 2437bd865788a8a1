/* SPDX-License-Identifier: MIT */
/*
 * ipcns.h: an IPC namespace: all System V objects and POSIX message queues that a group of tasks
 * can see, with their limits.
 *
 * A task's namespace is found by task_ipc_ns() only. The initial one lives for ever. clone and
 * unshare make others, with default limits. A namespace ends, with all its objects, at the last
 * ipc_ns_put(). Attached shared memory holds a reference to its namespace.
 *
 * Locks: ids[].lock for the tables; only sysv_remove() and sysv_forget_key() take it inside an
 * object's lock, and only the slab's lock is taken inside it. The limits are single words, read and
 * written racily.
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

/* The objects of one type. An object's id is (seq << IPC_IDX_BITS) | index. */
#define IPC_IDX_BITS 15
#define IPC_MAX_OBJECTS (1 << IPC_IDX_BITS)
struct ipc_ids {
	spinlock_t lock;       /* protects all members */
	struct radix by_index; /* struct sysv_perm of each object */
	struct radix by_key;   /* objects that have a key */
	int in_use;            /* objects in the table */
	int last_index;        /* of the newest object; -1: none yet */
	u32 seq;
	/* the id requested for the next object, or -1 (sysctls kernel.*_next_id) */
	int next_id;
};

struct ipc_namespace {
	struct ns_common ns; /* kernel/ident/ns.h */
	struct ipc_ids ids[IPC_TYPES];
	/* limits: sysctls of proc(5) */
	u64 shm_max, shm_all; /* shm_max in bytes, shm_all in pages */
	int shm_mni;          /* number of segments */
	/*
	 * not 0: a segment is removed at its last detach, or when the thread that made it ends and
	 * no process has it attached
	 */
	int shm_rmid_forced;
	int sem_limits[4]; /* SEMMSL, SEMMNS, SEMOPM, SEMMNI */
	/* msg_max: bytes of a message. msg_mnb: bytes of a queue. msg_mni: number of queues */
	int msg_max, msg_mnb, msg_mni;
	/* amounts in use: pages, semaphores, bytes, and numbers of messages */
	atomic64_t shm_pages, sems, msg_bytes, msgs;
	/* POSIX message queues (mqueue.c) */
	/* set once under mq_lock, then immutable */
	struct mount *mq_mount;
	/* limits: sysctls fs.mqueue.*; numbers of queues and messages, sizes in bytes */
	int mq_queues_max, mq_msg_max, mq_msgsize_max, mq_msg_default, mq_msgsize_default;
	atomic_t mq_queues;
};

extern struct ipc_namespace init_ipc_ns;

static inline struct ipc_namespace *ipc_ns_get(struct ipc_namespace *ns)
{
	ns_get(&ns->ns);
	return ns;
}
/* Drops a reference. May sleep. */
static inline void ipc_ns_put(struct ipc_namespace *ns)
{
	ns_put(&ns->ns);
}
/* Returns the namespace of @t without a reference. It is valid as long as @t keeps it. */
struct ipc_namespace *task_ipc_ns(const struct task *t);

/*
 * Charges @bytes of kernel memory that guests use through IPC, in all namespaces together. Returns
 * 0, or -ENOMEM beyond a quarter of the memory. Neither call sleeps.
 */
int ipc_charge(size_t bytes);
void ipc_uncharge(size_t bytes);
/*
 * Charge and allocate; may sleep. They return NULL on failure. ipc_free() must be called with the
 * same @bytes, and not with NULL.
 */
void *ipc_alloc(size_t bytes);
void *ipc_zalloc(size_t bytes);
void ipc_free(void *p, size_t bytes);

#endif
