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
/* Controllers that may be enabled in a threaded group, and so divide a process. */
#define CG_THREADED (CG_CPU | CG_PIDS | CG_CPUSET)

/* The files whose changes are reported, as indices of cgroup.notify[]: cgroup.events, ... */
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
	u64 seq; /* number of changes so far; atomic */
	struct wait_queue_head wait;
};

#define CGROUP_NAME_MAX 255
/* Deepest level below the root. It bounds walks from a group up to the root. */
#define CGROUP_DEPTH 256
#define CG_MAX_FILES 64

struct cgroup {
	/* cgroup_get(), cgroup_put(); not used by the root. */
	atomic_t refs;
	/* The directory's inode number; the root's is 1. */
	u64 id;
	struct cgroup *parent; /* holds a reference; immutable */
	u32 level;             /* 0: the root */
	char *name;            /* terminated; NULL: the root; immutable */

	/* The members from here to @dead are under cgroup_mutex. */
	struct list_head children, sibling;
	u32 control;   /* CG_*: enabled for the children */
	bool threaded; /* cgroup.type is "threaded" */
	u32 nr_threaded_children;
	/* Limits of the levels below this group and of nr_descendants; ~0: none. */
	u64 max_depth, max_descendants;
	/* Numbers of groups below. nr_dying: removed but not yet freed. Atomic. */
	u64 nr_descendants, nr_dying;
	u64 cpus, mems; /* cpuset: bits as written; 0: unset */
	bool dead;      /* removed; also read racily */

	/* The members from here to @nr_frozen are under cgroup_tasks_lock. */
	/* cpuset: vCPUs on which the group's tasks may run; writers hold cgroup_mutex too. */
	u64 e_cpus;
	struct list_head tasks; /* linked by task->cg_list */
	u64 nr_tasks;
	/* Number of children with tasks in or below them, plus 1 if the group has tasks itself. */
	u64 nr_populated;
	u64 nr_populated_domain_children;
	bool freeze; /* cgroup.freeze */
	/* True if the group or an ancestor has @freeze. */
	bool e_freeze;
	/* True if @e_freeze is set, and all tasks of the group and of those below have stopped. */
	bool frozen;
	u64 nr_frozen; /* own tasks that have stopped */

	struct pids_group pids;

	/*
	 * Resources that former tasks of this group and of those below used as members: times in
	 * ns, and page faults. Under cgroup_tasks_lock.
	 */
	u64 past_exec, past_utime, past_stime, past_nice, past_faults, past_major;
	struct sched_group sched;
	struct mem_group mem;
	struct io_group io;
	struct psi_group psi; /* the root's is psi_system */

	struct cgroup_notify notify[CGN_NR];

	/*
	 * BPF programs that decide which devices the tasks may use; under kernel/bpf's attach_mutex
	 */
	struct list_head programs;
	/* BPF_F_ALLOW_* with which the programs were attached; 0 without programs */
	u32 program_flags;

	/* Inodes of kernel/fs/cgroup2, kept while the group is in the tree; under files_lock. */
	spinlock_t files_lock;
	struct inode *dir, *files[CG_MAX_FILES];
	struct simple_xattrs xattrs;
	struct rcu_head rcu;
};

extern struct cgroup cgroup_root;
/* CG_*: controllers that hierarchies of version 1 have; written under cgroup_mutex. */
extern u32 cgroup_given_away;
extern struct mutex cgroup_mutex;
extern spinlock_t cgroup_tasks_lock;

static inline bool cgroup_is_root(const struct cgroup *c)
{
	return !c->parent;
}
/* Returns the controllers (CG_*) that are enabled in @c: those that its parent has in @control. */
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

/*
 * cgroup_get() takes a reference and returns @c. cgroup_put() takes NULL too, does not sleep, and
 * is callable with locks held.
 */
struct cgroup *cgroup_get(struct cgroup *c);
void cgroup_put(struct cgroup *c);
/* Returns @t's group with a reference; the root if @t has none. Takes cgroup_tasks_lock. */
struct cgroup *task_get_cgroup(struct task *t);
/* True if @c is @ancestor or lies below it. */
bool cgroup_is_descendant(const struct cgroup *c, const struct cgroup *ancestor);
/*
 * Writes the path of @c below @root, terminated, to the end of @buf, a buffer of @size bytes (at
 * least 2): "/a/b", with "/.." for each level between @root and a common ancestor. Returns the
 * start of the path in @buf, or ERR_PTR(-ENAMETOOLONG). Takes no lock: the caller has references.
 */
char *cgroup_path(struct cgroup *c, struct cgroup *root, char *buf, size_t size);

/* Returns the root of current's cgroup namespace, without a reference. */
struct cgroup *cgroup_ns_root(void);
/* True if current is in the initial cgroup namespace. */
bool cgroup_ns_is_first(void);
/*
 * Returns the root of current's cgroup namespace, without a reference, or NULL if that is the
 * initial namespace. The tree of that group is delegated to the namespace.
 */
struct cgroup *cgroup_ns_top(void);
/*
 * True if @from or @to lies outside the subtree of @top, a group that is delegated: tasks inside
 * may not make such a move. @top NULL: never true.
 */
bool cgroup_leaves(const struct cgroup *top, const struct cgroup *from, const struct cgroup *to);

/*
 * Functions that change the tree. They take cgroup_mutex, may sleep, and return 0 or -errno unless
 * a comment says otherwise; -ENODEV: the group was removed.
 *
 * cgroup_mkdir() returns the new group with a reference, or ERR_PTR(); -EAGAIN: a limit of depth or
 * number, -EEXIST: the name of a group or file, -EINVAL: a newline in @name. @name has @len bytes
 * and need not be terminated.
 */
struct cgroup *cgroup_mkdir(struct cgroup *parent, const char *name, u32 len);
/* Removes @c. -EBUSY: @c has children or tasks. The caller keeps its reference. */
int cgroup_rmdir(struct cgroup *c);
/*
 * Enables and disables controllers (CG_*) for the children. -ENOENT: @c lacks one of @on; -EBUSY: a
 * child uses one of @off, or @c has tasks; -EOPNOTSUPP: the type of @c; -EEXIST: a group has the
 * name of a new file.
 */
int cgroup_set_control(struct cgroup *c, u32 on, u32 off);
/*
 * Makes @c a threaded group for ever. -EOPNOTSUPP: its tasks, controllers or parent do not allow
 * it.
 */
int cgroup_set_threaded(struct cgroup *c);
/*
 * cgroup_give_away() gives controllers to a hierarchy of version 1. Returns 0, or -EBUSY while a
 * group below the root has one of them enabled. cgroup_take_back() takes them back.
 */
int cgroup_give_away(u32 controllers);
void cgroup_take_back(u32 controllers);
/*
 * Set the vCPUs and memory nodes that the cpuset controller wants for @c, a bit each; 0 clears
 * them. -ENODEV also if the controller is not enabled; -ENOSPC: a group with tasks cannot clear
 * them. The machine has one memory node.
 */
int cgroup_set_cpus(struct cgroup *c, u64 mask);
int cgroup_set_mems(struct cgroup *c, u64 mask);
/*
 * Returns the text of cgroup.type, a constant. Under cgroup_mutex, as is cgroup_valid_domain(),
 * which is true unless @c is threaded or has the type "domain invalid".
 */
const char *cgroup_type(struct cgroup *c);
bool cgroup_valid_domain(struct cgroup *c);
/*
 * Returns @parent's child called @name (@len bytes) with a reference, or NULL. Takes cgroup_mutex.
 */
struct cgroup *cgroup_child(struct cgroup *parent, const char *name, u32 len);
/*
 * Returns the group after @c in a walk over @top and all groups below, parents first, without a
 * reference; NULL at the end. Under cgroup_mutex.
 */
struct cgroup *cgroup_next(struct cgroup *c, struct cgroup *top);

/*
 * Moves the process, or the one thread, with the number @nr in current's pid namespace (0: current)
 * to @dst. Returns 0 or -errno: -ESRCH; -EINVAL: a kernel thread; -ENODEV: @dst was removed;
 * -EOPNOTSUPP or -EBUSY: its type or controllers do not allow tasks. @may (NULL: none) checks the
 * permission, and returns 0 or -errno; it is called with cgroup_mutex held. May sleep.
 */
int cgroup_attach(struct cgroup *dst, pid_t nr, bool process,
	int (*may)(struct cgroup *from, struct cgroup *to, void *arg), void *arg);
/*
 * Collects the pids (of the initial namespace) of the processes, or of the threads, of @c (@below:
 * of its subtree), in ascending order. Returns their count, or -ENOMEM; the caller frees *@out with
 * kfree(). Takes cgroup_mutex.
 */
s64 cgroup_collect(struct cgroup *c, bool processes, bool below, pid_t **out);
/*
 * Kills the processes of @c and of the groups below. Takes cgroup_mutex and cgroup_threads, as does
 * cgroup_kill_those().
 */
void cgroup_kill(struct cgroup *c);
/* Kills the processes of @c and of the groups below for which @who returns true; @who NULL: all. */
void cgroup_kill_those(struct cgroup *c, bool (*who)(struct task *p));
/* Sets cgroup.freeze. Does not wait for the tasks to stop. Takes cgroup_mutex. */
void cgroup_set_freeze(struct cgroup *c, bool on);

/*
 * The steps of a task's life. cgroup_can_fork() returns -errno, or 0 with cgroup_threads held until
 * cgroup_post_fork() or cgroup_cancel_fork() is called. @into: the child's group if it is not
 * current's (CLONE_INTO_CGROUP), else NULL. With @into, cgroup_mutex is held too, so that @into is
 * neither removed nor changed in type.
 */
int cgroup_can_fork(struct task *t, struct cgroup *into);
void cgroup_cancel_fork(struct task *t, struct cgroup *into);
void cgroup_post_fork(struct task *t, struct cgroup *into);
/* Puts @t, a new kernel thread, into the root group. */
void cgroup_kthread(struct task *t);
/* Removes @t, the exiting current task, from its group. t->cgroup stays set. */
void cgroup_exit(struct task *t);
/* Uncharges a reaped task, whose pid is free, from the pids controller. */
void cgroup_release(struct task *t);
/* Drops the reference of @t, which is being freed, to its group. */
void cgroup_free(struct task *t);
/* Operations of the groups' files that the tree calls; kernel/fs/cgroup2 registers them. */
struct cgroup_file_ops {
	/*
	 * Returns the group whose directory @fd is, with a reference, or ERR_PTR(-EBADF). Sets
	 * *may_fork_into: true if the opener may fork into the group.
	 */
	struct cgroup *(*of_fd)(int fd, bool *may_fork_into);
	/* True if @cr may write to @c's cgroup.procs. */
	bool (*may_write)(const struct cred *cr, struct cgroup *c);
	/*
	 * True if @c, with @controllers enabled, would have a control file of that name, hidden or
	 * not.
	 */
	bool (*is_file)(const struct cgroup *c, u32 controllers, const char *name, u32 len);
	/*
	 * Reports to inotify that the texts of @c's files for @which (CGN_*) have changed. May
	 * sleep.
	 */
	void (*notify_inode)(struct cgroup *c, u32 which);
};
extern const struct cgroup_file_ops *cgroup_file_ops;
/* Calls cgroup_file_ops->of_fd(). Returns ERR_PTR(-EBADF) if no such table is registered. */
struct cgroup *cgroup_of_fd(int fd, bool *may_fork_into);
/*
 * Gives @f, if it is a socket, the numbers of current's groups of net_cls and net_prio. current has
 * received @f from another task.
 */
void cgroup_file_received(struct file *f);
/* Operations on the BPF programs of groups; kernel/bpf registers them. */
struct cgroup_program_ops {
	void (*drop)(struct cgroup *c); /* drops the programs of @c, a removed one */
};
extern const struct cgroup_program_ops *cgroup_program_ops;

/*
 * Writes the path of the memory group that pays for @p's memory to @buf, terminated and whole, or
 * "(too long)".
 */
void cgroup_memory_path(struct task *p, char *buf, size_t size);

#define OOM_PATH_MAX 256
/* A memory group that is out of memory, for the OOM killer. */
struct oom_scope {
	u64 total; /* pages: the group's limit */
	/* True if @p is in the group. tasklist_lock is held. */
	bool (*in)(struct task *p, void *arg);
	void (*log_use)(void *arg); /* logs the group's usage and limits */
	/* Writes the path of @p's group; @p NULL: of the group that is out of memory. */
	void (*path)(struct task *p, void *arg, char *buf, size_t size);
	void *arg;
};

/*
 * Operations on processes that groups call; kernel/task registers them while only the root group
 * exists.
 */
struct cgroup_task_ops {
	/*
	 * Kills the process in @scope with the highest OOM score. Returns it with a reference, or
	 * NULL. Sets *any to true if a process of @scope is dying, perhaps an earlier victim.
	 */
	struct task *(*oom_kill_within)(const struct oom_scope *scope, bool *any);
	/* True unless @p is a kernel thread or init, or its oom_score_adj forbids it. */
	bool (*oom_may_kill)(const struct task *p);
	/*
	 * For oom_scope.log_use(): oom_print_use() logs pages in use, the limit, and the number of
	 * refused charges; oom_print_killed() logs that @p is killed with its group.
	 */
	void (*oom_print_use)(const char *what, u64 pages, u64 limit, u64 refused);
	void (*oom_print_killed)(struct task *p);
	void (*kill)(struct task *t); /* sends SIGKILL to @t's process */
	/*
	 * Begins or ends a freeze of @t. Returns false if the task is about to end, and so will not
	 * freeze.
	 */
	bool (*set_freeze)(struct task *t, bool on);
	/*
	 * spawn_helper() starts a process of the kernel's own that runs @fn. @fn ends with a call
	 * of execve(), after which the process runs the program @path. Both return 0 or -errno.
	 */
	int (*execve)(const char *path, const char *const *argv, const char *const *envp);
	int (*spawn_helper)(int (*fn)(void *), void *arg);
};
extern const struct cgroup_task_ops *cgroup_task_ops;

/*
 * cgroup_enter_frozen() notes that current has stopped. cgroup_leave_frozen() notes that current
 * continues. Unless @always is set, it does so only if current's groups are no longer to be frozen,
 * or if current is about to end. Both functions take cgroup_tasks_lock.
 */
void cgroup_enter_frozen(void);
void cgroup_leave_frozen(bool always);

/*
 * Wakes up the tasks that poll a file of @c whose text has changed; a worker reports the change to
 * inotify. @which: CGN_*. Does not sleep.
 */
void cgroup_notify(struct cgroup *c, u32 which);

/*
 * Resources that all present and former tasks of @c and of the groups below have used. Times in ns.
 * faults: all page faults; major: those that waited for a disk. cgroup_cpu_times() takes
 * cgroup_mutex.
 */
struct cgroup_times {
	u64 exec, utime, stime, nice, faults, major;
};
void cgroup_cpu_times(struct cgroup *c, struct cgroup_times *ct);

#endif
