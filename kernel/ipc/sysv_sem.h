/* SPDX-License-Identifier: MIT */
/* sysv_sem.h: a set of semaphores, shared by sysv_sem.c, sysv_semctl.c and sysv_undo.c. */
#ifndef NESTLING_IPC_SYSV_SEM_H
#define NESTLING_IPC_SYSV_SEM_H

#include "kernel/ipc/sysv.h"

struct sem {
	int val;         /* 0 .. SEMVMX */
	struct pid *pid; /* process that last changed `val` */
};

/* A set. All members are under perm.lock, @undos also under undo_lock. */
struct sem_set {
	struct sysv_perm perm;
	struct ipc_namespace *ns; /* immutable */
	u32 nsems;                /* immutable */
	struct list_head pending; /* sem_queue, in the order of arrival */
	struct list_head undos;   /* of sem_undo.set_link */
	s64 otime, ctime;         /* seconds of real time */
	struct sem sems[];
};
static inline struct sem_set *to_sem(struct sysv_perm *p)
{
	return container_of(p, struct sem_set, perm);
}

/*
 * The adjustments that a process makes to a set at its end. The record is on the lists of its
 * sem_undo_list and of the set, both under undo_lock (inside perm.lock). `adj` is under perm.lock.
 * The record holds a reference to the set.
 */
struct sem_undo {
	struct list_head list_link, set_link;
	/* NULL: an exiting process is about to apply and free the record */
	struct sem_undo_list *list;
	struct sem_set *set;
	/* for each semaphore, what is added to its value */
	s16 adj[];
};
struct sem_undo_list {
	atomic_t users;         /* number of tasks (CLONE_SYSVSEM) */
	struct list_head undos; /* under undo_lock */
};
extern spinlock_t undo_lock;

/* A task that sleeps in semop(2). Under the set's perm.lock. */
struct sem_queue {
	struct list_head link; /* in sem_set.pending */
	struct task *task;
	struct pid *pid;    /* its process, referenced */
	struct sembuf *ops; /* @nops of them */
	u32 nops;
	/* The process's record for the set; NULL: no operation has SEM_UNDO. */
	struct sem_undo *undo;
	const struct sembuf *blocking; /* the operation that is not possible yet */
	bool done;                     /* off the list, and @result is set */
	int result;
};

/*
 * Does the operations of sleepers that have become possible, and wakes up these sleepers. perm.lock
 * is held.
 */
void sem_update(struct sem_set *s);
/* Wakes up all sleepers with @result. perm.lock is held. */
void sem_wake_all(struct sem_set *s, int result);
/*
 * Returns current's undo record for @s, and makes it if needed; or ERR_PTR(-ENOMEM or -EIDRM). No
 * lock is held; may sleep. The record is valid until the set is removed: the caller checks that
 * under perm.lock.
 */
struct sem_undo *sem_undo_get(struct sem_set *s);
/*
 * Sets the adjustments of semaphore @n (~0: of all) to 0 in all records, after its value was set.
 * perm.lock is held.
 */
void sem_undo_clear(struct sem_set *s, u32 n);
/*
 * Removes all records of a set that is removed. Those that no exiting process is about to free go
 * on @freed, for sem_undo_free_list(). perm.lock is held.
 */
void sem_undo_forget(struct sem_set *s, struct list_head *freed);
/* Frees the records on @freed. Called without locks. */
void sem_undo_free_list(struct list_head *freed);
/* sysv_semctl.c: operations of sysv_sem_type */
void sem_fill(struct sysv_perm *p, union sysv_ds *all);
int sem_set_perm(struct sysv_perm *p, const union sysv_ds *ds);

#endif
