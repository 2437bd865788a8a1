/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h: control groups version 2: the tree, the membership of tasks, and the controllers' data.
 * The files are in kernel/fs/cgroup2.
 *
 * A task belongs to exactly one group from its birth (cgroup_can_fork, cgroup_post_fork) to its
 * death (cgroup_exit), and keeps a reference until it is freed. A group that was removed stays in
 * memory while zombies, open files or pages refer to it.
 *
 * Locks: cgroup_mutex protects the shape of the tree, the enabled controllers, and migrations;
 * cgroup_threads (a rwsem, read by forks) keeps the threads of a process together while it moves;
 * cgroup_tasks_lock protects membership, counts and freezing.
 */
#ifndef NESTLING_CGROUP_H
#define NESTLING_CGROUP_H

#include "kernel/cgroup/pids.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/sched/group.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/psi.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/xattr/simple_xattr.h"

struct file;
struct inode;

/* Controllers, as bits of masks. */
#define CG_CPU BIT(0)
#define CG_MEMORY BIT(1)
#define CG_PIDS BIT(2)
#define CG_CPUSET BIT(3)
#define CG_IO BIT(4)
#define CG_HUGETLB BIT(5)
#define CG_ALL (CG_CPU | CG_MEMORY | CG_PIDS | CG_CPUSET | CG_IO | CG_HUGETLB)
#define CG_THREADED (CG_CPU | CG_PIDS | CG_CPUSET) /* may divide the threads of one process */

enum {
	CGN_EVENTS,
	CGN_PIDS,
	CGN_PIDS_LOCAL,
	CGN_MEMORY,
	CGN_MEMORY_LOCAL,
	CGN_HUGETLB,
	CGN_HUGETLB_LOCAL,
	CGN_NR
};

/* A file whose changes poll and inotify report. */
struct cgroup_notify {
	u64 seq; /* changes so far; atomic */
	struct wait_queue_head wait;
};

#define CGROUP_NAME_MAX 255
/* levels below the root: it bounds each walk over all groups above */
#define CGROUP_DEPTH 256
#define CG_MAX_FILES 64

struct cgroup {
	atomic_t refs;
	/* the directory's inode number; the root's is 1 */
	u64 id;
	struct cgroup *parent; /* a reference; immutable */
	u32 level;
	char *name;

	/* under cgroup_mutex */
	struct list_head children, sibling;
	u32 control; /* CG_*: what its children have */
	bool threaded;
	u32 nr_threaded_children;
	u64 max_depth, max_descendants;
	u64 nr_descendants, nr_dying;
	u64 cpus, mems; /* cpuset: as written; 0: nothing */
	bool dead;      /* read racily */

	/* under cgroup_tasks_lock */
	/* cpuset: where its tasks may run; written under cgroup_mutex, too */
	u64 e_cpus;
	struct list_head tasks; /* of task->cg_list */
	u64 nr_tasks;
	/* children with tasks below, and 1 for tasks of its own */
	u64 nr_populated;
	u64 nr_populated_domain_children;
	bool freeze;   /* cgroup.freeze */
	bool e_freeze; /* its own or an ancestor's */
	bool frozen;   /* all tasks below have stopped */
	u64 nr_frozen; /* tasks of its own that have */

	struct pids_group pids;

	/* what tasks that have gone used, with all below; under cgroup_tasks_lock */
	u64 past_exec, past_utime, past_stime, past_nice, past_faults, past_major;
	struct sched_group sched;
	struct mem_group mem;
	struct io_group io;
	struct psi_group psi; /* the root's is psi_system */

	struct cgroup_notify notify[CGN_NR];

	/*
	 * for kernel/bpf, under its attach_mutex: programs that decide which devices the tasks may
	 * use
	 */
	struct list_head programs;
	/* BPF_F_ALLOW_* that they were attached with; 0 without any */
	u32 program_flags;

	/*
	 * for kernel/fs/cgroup2: inodes that stay while the group is in the tree; under files_lock
	 */
	spinlock_t files_lock;
	struct inode *dir, *files[CG_MAX_FILES];
	struct simple_xattrs xattrs;
	struct rcu_head rcu;
};

extern struct cgroup cgroup_root;
/* CG_*: controllers that a hierarchy of version 1 has; written under cgroup_mutex */
extern u32 cgroup_given_away;
extern struct mutex cgroup_mutex;
extern spinlock_t cgroup_tasks_lock;

static inline bool cgroup_is_root(const struct cgroup *c)
{
	return !c->parent;
}
/* Returns the controllers that are enabled in @c, which its parent sets for its children. */
static inline u32 cgroup_enabled(const struct cgroup *c)
{
	u32 mask =
		c->parent ? READ_ONCE(c->parent->control) : CG_ALL & ~READ_ONCE(cgroup_given_away);

	return c->threaded ? mask & CG_THREADED : mask;
}

static inline struct psi_group *cgroup_psi(struct cgroup *c)
{
	return c->parent ? &c->psi : &psi_system;
}

static inline struct pids_group *cgroup_pids(struct cgroup *c)
{
	return c->parent ? &c->pids : NULL;
}

struct cgroup *cgroup_get(struct cgroup *c);
void cgroup_put(struct cgroup *c);
struct cgroup *task_get_cgroup(struct task *t);
bool cgroup_is_descendant(const struct cgroup *c, const struct cgroup *ancestor); /* or itself */
/*
 * Writes the path below @root to the end of buf: "/a/b", with "/.." for a group that is not below
 * it. ERR_PTR(-ENAMETOOLONG).
 */
char *cgroup_path(struct cgroup *c, struct cgroup *root, char *buf, size_t size);

/* Returns the root of current's cgroup namespace, without a reference */
struct cgroup *cgroup_ns_root(void);
bool cgroup_ns_is_first(void); /* is current in the first one? */
/* Returns the group that is delegated to the caller's namespace; NULL for the initial namespace. */
struct cgroup *cgroup_ns_top(void);
/*
 * True if a move from @from to @to would cross the border of the groups delegated at @top (NULL:
 * all).
 */
bool cgroup_leaves(const struct cgroup *top, const struct cgroup *from, const struct cgroup *to);

/* Functions on the tree: 0 or -errno; they take cgroup_mutex. */
struct cgroup *cgroup_mkdir(struct cgroup *parent, const char *name, u32 len); /* a reference */
int cgroup_rmdir(struct cgroup *c);
int cgroup_set_control(struct cgroup *c, u32 on, u32 off);
int cgroup_set_threaded(struct cgroup *c);
/*
 * Gives controllers to a hierarchy of version 1: 0, or -EBUSY while a group below the root has
 * them. And takes them back.
 */
int cgroup_give_away(u32 controllers);
void cgroup_take_back(u32 controllers);
/* cpuset: sets the wanted vCPUs, 0 clears them; 0 or -errno. The machine has one memory node. */
int cgroup_set_cpus(struct cgroup *c, u64 mask);
int cgroup_set_mems(struct cgroup *c, u64 mask);
const char *cgroup_type(struct cgroup *c);
bool cgroup_valid_domain(struct cgroup *c);
/* Returns the child of that name with a reference, or NULL. */
struct cgroup *cgroup_child(struct cgroup *parent, const char *name, u32 len);
/*
 * Returns the next group in a walk over @top and all below, parents first; NULL at the end. Under
 * cgroup_mutex.
 */
struct cgroup *cgroup_next(struct cgroup *c, struct cgroup *top);

/*
 * Moves a process, or one thread, to @dst: 0 or -errno. @may: checks the permission, with
 * cgroup_mutex held.
 */
int cgroup_attach(struct cgroup *dst, pid_t nr, bool process,
	int (*may)(struct cgroup *from, struct cgroup *to, void *arg), void *arg);
/*
 * Collects the numbers of the processes, or of the threads, in ascending order; the caller frees
 * them with kfree(). Returns their count, or -ENOMEM. @below: of the subtree.
 */
s64 cgroup_collect(struct cgroup *c, bool processes, bool below, pid_t **out);
void cgroup_kill(struct cgroup *c);
/* Kills the processes of @c for which @who returns true. */
void cgroup_kill_those(struct cgroup *c, bool (*who)(struct task *p));
void cgroup_set_freeze(struct cgroup *c, bool on);

/*
 * The life of a task. can_fork returns 0 with cgroup_threads held until post_fork or cancel_fork,
 * or -errno. @into: NULL, or another group than current's (CLONE_INTO_CGROUP); cgroup_mutex is then
 * held too, so that the group is not removed, nor its type changed.
 */
int cgroup_can_fork(struct task *t, struct cgroup *into);
void cgroup_cancel_fork(struct task *t, struct cgroup *into);
void cgroup_post_fork(struct task *t, struct cgroup *into);
void cgroup_kthread(struct task *t); /* a kernel thread: of the root group */
void cgroup_exit(struct task *t);
void cgroup_release(struct task *t); /* it is reaped: its number is free */
void cgroup_free(struct task *t);
/* Functions of the files that the tree calls; kernel/fs/cgroup2 registers them. */
struct cgroup_file_ops {
	/* Returns the group whose directory @fd is, with a reference, or ERR_PTR(-EBADF). */
	struct cgroup *(*of_fd)(int fd, bool *may_fork_into);
	bool (*may_write)(const struct cred *cr, struct cgroup *c); /* to cgroup.procs of @c */
	/*
	 * True if a control file of @c, hidden ones among them, would have that name with these
	 * controllers.
	 */
	bool (*is_file)(const struct cgroup *c, u32 controllers, const char *name, u32 len);
	void (*notify_inode)(struct cgroup *c, u32 which); /* a file's text has changed */
};
extern const struct cgroup_file_ops *cgroup_file_ops;
/* Returns the group whose directory @fd is, with a reference, or ERR_PTR(-EBADF). */
struct cgroup *cgroup_of_fd(int fd, bool *may_fork_into);
/*
 * Handles a file that current has received from another task: a socket becomes the receiver's, for
 * net_cls and net_prio.
 */
void cgroup_file_received(struct file *f);
/* Functions of BPF programs that groups call; kernel/bpf registers them. */
struct cgroup_program_ops {
	void (*drop)(struct cgroup *c); /* @c was removed: its programs go */
};
extern const struct cgroup_program_ops *cgroup_program_ops;

/* Writes the path of the memory group to which @p is charged. */
void cgroup_memory_path(struct task *p, char *buf, size_t size);

#define OOM_PATH_MAX 256
/* A memory group that is out of memory, for the OOM killer. */
struct oom_scope {
	u64 total; /* pages: the group's limit */
	/* true if @p is in the group; tasklist_lock held */
	bool (*in)(struct task *p, void *arg);
	void (*tell)(void *arg); /* writes use and limits to the log */
	/* Writes the path of @p's group; NULL: of the group itself. */
	void (*path)(struct task *p, void *arg, char *buf, size_t size);
	void *arg;
};

/*
 * Functions on processes that groups call; kernel/task registers them before any group but the root
 * exists.
 */
struct cgroup_task_ops {
	/*
	 * Kills the worst process of @scope: it with a reference, or NULL. *any: true if a process
	 * dies, perhaps an earlier victim.
	 */
	struct task *(*oom_kill_within)(const struct oom_scope *scope, bool *any);
	bool (*oom_may_kill)(const struct task *p);
	/*
	 * For oom_scope.tell(). The first logs pages in use, the limit, and the number of failures;
	 * the second logs that @p is killed with its group.
	 */
	void (*oom_tell_use)(const char *what, u64 pages, u64 limit, u64 refused);
	void (*oom_tell_killed)(struct task *p);
	void (*kill)(struct task *t); /* SIGKILL to its process */
	/*
	 * A freeze begins or ends for @t. Returns false if the task is about to end, and will not
	 * freeze.
	 */
	bool (*set_freeze)(struct task *t, bool on);
	/* Runs the program @argv[0] as a process of the kernel's own: 0 or -errno. */
	int (*execve)(const char *path, const char *const *argv, const char *const *envp);
	int (*spawn_helper)(int (*fn)(void *), void *arg);
};
extern const struct cgroup_task_ops *cgroup_task_ops;

/*
 * Freezing: the caller has stopped, or continues: @always, or only if its group is not to be
 * frozen.
 */
void cgroup_enter_frozen(void);
void cgroup_leave_frozen(bool always);

/* Wakes waiters after a file's text has changed (inotify's from a worker). */
void cgroup_notify(struct cgroup *c, u32 which);

/*
 * Resources that all present and former tasks of @c and below have used: CPU time in ns; faults,
 * and those of them that waited for a disk.
 */
struct cgroup_times {
	u64 exec, utime, stime, nice, faults, major;
};
void cgroup_cpu_times(struct cgroup *c, struct cgroup_times *ct);

#endif
