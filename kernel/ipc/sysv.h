/* SPDX-License-Identifier: MIT */
/*
 * sysv.h: the common part of System V's semaphores, messages and shared memory.
 *
 * An object begins with a struct sysv_perm. sysv_get() makes it and enters it into its table,
 * sysv_find() returns it with a reference, and sysv_remove() removes it from the table. From then
 * on no lookup finds it, and a task that still has a reference sees `removed` and returns EIDRM.
 * Its memory is freed with the last reference.
 *
 * Locks: perm->lock for the object, ids->lock for its key and its place in the tables. perm->lock
 * is never held over uaccess.
 */
#ifndef NESTLING_IPC_SYSV_H
#define NESTLING_IPC_SYSV_H

#include <asm/shmbuf.h>
#include <linux/errno.h>
#include <linux/ipc.h>
#include <linux/msg.h>
#include <linux/sem.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/ipc/ipcns.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/signal/signal.h"

#define IPC_R 0444 /* permissions, for sysv_permits() */
#define IPC_W 0222
#define IPC_X 0111

struct sysv_perm {
	spinlock_t lock;
	atomic_t refs;
	bool removed; /* under lock */
	int id;       /* immutable once in a table */
	s32 key;      /* under ids->lock */
	u32 seq;      /* immutable */
	kuid_t uid, cuid;
	kgid_t gid, cgid;
	/* permissions, SHM_DEST and SHM_LOCKED; under lock, as are uid and gid */
	umode_t mode;
};

/* What a call of semget(), msgget() or shmget() asks for. */
struct sysv_request {
	struct ipc_namespace *ns;
	s32 key;
	int flags; /* IPC_CREAT, ... and permissions */
	u64 size;  /* bytes of a segment; number of semaphores */
};

/* Data of IPC_STAT and IPC_SET for each type. */
union sysv_ds {
	struct semid64_ds sem;
	struct msqid64_ds msg;
	struct shmid64_ds shm;
};

struct sysv_type {
	enum ipc_type type;
	/* SEM_, MSG_ or SHM_STAT_ANY */
	int stat_any;
	/* bytes of the member of union sysv_ds */
	size_t ds_size;
	/*
	 * Makes an object with refs 1, whose perm sysv_perm_init() has filled in, or returns
	 * ERR_PTR. May sleep.
	 */
	struct sysv_perm *(*make)(const struct sysv_request *r);
	/*
	 * Returns 0 if the existing object suits the request, else -EINVAL. NULL: always 0.
	 * perm->lock is held.
	 */
	int (*fits)(struct sysv_perm *p, const struct sysv_request *r);
	/* Called for the last reference, with no lock held. */
	void (*free)(struct sysv_perm *p);
	/* Returns the largest number of objects. */
	int (*limit)(struct ipc_namespace *ns);
	/* Fills in @ds, which is zeroed. perm->lock is held. */
	void (*fill)(struct sysv_perm *p, union sysv_ds *ds);
	/* Stores what IPC_SET may change. Returns 0 or -errno. perm->lock is held. */
	int (*set)(struct sysv_perm *p, const union sysv_ds *ds);
	/*
	 * Removes the object, for IPC_RMID or at the end of the namespace, unless that was done
	 * already. The caller has a reference, which it keeps, and holds no lock.
	 */
	void (*destroy)(struct ipc_namespace *ns, struct sysv_perm *p);
};
extern const struct sysv_type sysv_sem_type, sysv_msg_type, sysv_shm_type;
extern const struct sysv_type *const sysv_types[IPC_TYPES];

static inline struct ipc_namespace *current_ipc_ns(void)
{
	return task_ipc_ns(current);
}

/* Fills in the perm of a new object, with one reference, and current as its maker. */
void sysv_perm_init(struct sysv_perm *p, const struct sysv_request *r);
/*
 * Returns the id of the object that the request asks for, made if needed, or -errno (-ENOENT,
 * -EEXIST, -EACCES, -EINVAL, -ENOSPC, -ENOMEM, -ERESTARTNOINTR). May sleep.
 */
long sysv_get(const struct sysv_type *t, const struct sysv_request *r);
/*
 * Return an object with a reference, found by its id or by its index, or ERR_PTR(-EINVAL). @index
 * may be an id, of which only the index bits count.
 */
struct sysv_perm *sysv_find(struct ipc_namespace *ns, enum ipc_type t, int id);
struct sysv_perm *sysv_find_index(struct ipc_namespace *ns, enum ipc_type t, int index);
/*
 * Returns the first object at or after index *index with a reference, and sets *index to its index.
 * NULL: there is none.
 */
struct sysv_perm *sysv_next(struct ipc_namespace *ns, enum ipc_type t, u64 *index);
/* Drops a reference; the last one frees the object. No spinlock is held. */
void sysv_put(const struct sysv_type *t, struct sysv_perm *p);
/* Takes perm->lock, and returns 0; or returns -EIDRM, without the lock, if @p is removed. */
int sysv_lock(struct sysv_perm *p);
/*
 * Returns 0 if current has the permissions @want (IPC_R, IPC_W, IPC_X, or mode bits of a request),
 * or -EACCES. perm->lock is held.
 */
int sysv_permits(const struct sysv_perm *p, umode_t want);
/* Returns 0 if current may do IPC_SET and IPC_RMID, or -EPERM. perm->lock is held. */
int sysv_owner(const struct sysv_perm *p);
/*
 * Removes the object from the tables. perm->lock is held and `removed` is set. The caller drops the
 * table's reference afterwards.
 */
void sysv_remove(struct ipc_namespace *ns, enum ipc_type t, struct sysv_perm *p);
/* Removes the object's key, so that it is found by its id alone. perm->lock is held. */
void sysv_forget_key(struct ipc_namespace *ns, enum ipc_type t, struct sysv_perm *p);
/* Returns the highest index in use, or 0 if there is none. */
int sysv_max_index(struct ipc_namespace *ns, enum ipc_type t);
/* Returns the number of objects. */
int sysv_in_use(struct ipc_namespace *ns, enum ipc_type t);
/*
 * Copy ids and mode to a guest's structure, and for IPC_SET from it: 0, or -EINVAL for an id that
 * is not mapped. perm->lock is held.
 */
void sysv_perm_out(const struct sysv_perm *p, struct ipc64_perm *out);
int sysv_perm_set(struct sysv_perm *p, const struct ipc64_perm *in);
/*
 * sysv_ctl.c: sysv_stat() serves IPC_STAT, and SEM_STAT, SEM_STAT_ANY and similar commands, for
 * which @id is an index. sysv_change() serves IPC_SET and IPC_RMID. @buf is guest memory, so both
 * may sleep. They return 0, the id (SEM_STAT and similar commands), or -errno.
 */
long sysv_stat(const struct sysv_type *t, int id, int cmd, uaddr_t buf);
long sysv_change(const struct sysv_type *t, int id, int cmd, uaddr_t buf);
s64 sysv_now(void); /* seconds of real time */
/*
 * Returns the struct pid of current's process with a reference, so that it may outlive the process.
 */
struct pid *sysv_get_tgid(void);
/*
 * Sets *where to @new_pid (or NULL), for which it takes a reference, and drops the reference to the
 * old pid. The caller holds the lock of *where.
 */
static inline void sysv_set_pid(struct pid **where, struct pid *new_pid)
{
	struct pid *old = *where;

	*where = new_pid ? get_pid(new_pid) : NULL;
	if (old)
		put_pid(old);
}
/* Returns the struct pid of @t's process without a reference, or NULL if @t has none any more. */
static inline struct pid *sysv_tgid(struct task *t)
{
	return t->signal ? t->signal->pids[PIDTYPE_TGID] : NULL;
}

/*
 * Print an object's line of /proc/sysvipc to @buf, a buffer of @size bytes. They take perm->lock,
 * and return the line's bytes, 0 if the object was removed.
 */
int sysv_shm_line(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size);
int sysv_sem_line(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size);
int sysv_msg_line(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size);
/*
 * Removes all segments that no process has attached and whose makers have ended, for
 * shm_rmid_forced, which has just been set.
 */
void shm_destroy_orphans(struct ipc_namespace *ns);

/*
 * Hooks for the fork and exit of tasks (ipcns.c); may sleep. sem_task_fork() returns 0 or -ENOMEM.
 */
void sem_task_exit(struct task *t);
void shm_task_exit(struct task *t);
int sem_task_fork(struct task *child, u64 clone_flags);

#endif
