/* SPDX-License-Identifier: MIT */
/*
 * v1.h: hierarchies of cgroup version 1. A hierarchy is a tree of groups that track tasks ("mount
 * -t cgroup -o none,name=systemd"), or that have controllers:
 * - controllers that version 2 lacks in this form: cpuacct and freezer (v1_controllers.c), devices
 *   (v1_devices.c), net_cls and net_prio (v1_net.c), and perf_event, which has no files and only
 *   groups tasks
 * - controllers that version 2 has under another name: blkio (v1_blkio.c), cpu and pids (v1_cpu.c),
 *   cpuset (v1_cpuset.c), memory and hugetlb (v1_memory.c). A hierarchy takes them from version 2,
 *   and gives them back when it ends.
 *
 * The files are in kernel/fs/cgroup1.
 *
 * A task is in one group of each hierarchy. The members of the top group are not recorded: a task
 * without a group in the hierarchy is a member of its top. So the start or end of a hierarchy
 * touches no task.
 *
 * A hierarchy lives while it is mounted or has groups below its top, each of which holds the
 * superblock. Its memory stays until no namespace or open file refers to one of its groups.
 *
 * Locks, from the outside: cgroup1_mutex protects the hierarchies, the shape of their trees, and
 * migrations; cgroup_threads (rwsem, cgroup.h) keeps tasks from being made during a migration;
 * cgroup1_lock (spin) protects membership and counts.
 */
#ifndef NESTLING_CGROUP_V1_H
#define NESTLING_CGROUP_V1_H

#include "kernel/cgroup/pids.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/sched/group.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "kernel/vfs/xattr/simple_xattr.h"

struct cred;
struct dentry;
struct super_block;

#define CGROUP1_NAME 64 /* bytes of a hierarchy's name, with its 0 */

/* Controllers, as bits of masks; each is in one hierarchy at most. */
#define CG1_CPUSET BIT(0)
#define CG1_CPU BIT(1)
#define CG1_CPUACCT BIT(2)
#define CG1_BLKIO BIT(3)
#define CG1_MEMORY BIT(4)
#define CG1_DEVICES BIT(5)
#define CG1_FREEZER BIT(6)
#define CG1_NET_CLS BIT(7)
#define CG1_PERF_EVENT BIT(8)
#define CG1_NET_PRIO BIT(9)
#define CG1_NETWORK (CG1_NET_CLS | CG1_NET_PRIO)
#define CG1_HUGETLB BIT(10)
#define CG1_PIDS BIT(11)
#define CG1_NR 12
extern const char *const cgroup1_controllers[CG1_NR]; /* their names, by bit */

/* Most levels below the top. They are limited since building a path walks them more than once. */
#define CGROUP1_DEPTH 256

struct cgroup1_hier {
	/* Index in task->cg1; immutable. */
	u32 slot;
	/* Number in /proc/PID/cgroup; set by cgroup1_list(), then immutable. */
	u32 id;
	/* Terminated; "" if it has only controllers; immutable. */
	char name[CGROUP1_NAME];
	u32 controllers; /* CG1_*; immutable */
	/* true if it was mounted with the option xattr; immutable */
	bool xattr;
	/* true if it was mounted with the option cpuset_v2_mode (no effect); immutable */
	bool cpuset_v2_mode;
	/* true if files are called "cpus", not "cpuset.cpus"; immutable */
	bool noprefix;
	/* The top group, which exists as long as this struct. */
	struct cgroup1 *top;

	/* The members below are under cgroup1_mutex. */
	struct super_block *sb; /* valid while the hierarchy is listed */
	/* Path of the program that is started when a group becomes empty; NULL or "": none. */
	char *agent;
	u64 last_ino;  /* the last inode number given */
	u64 nr_groups; /* the top included */
	/* The groups below the top that were not removed, linked by cgroup1.sibling. */
	struct list_head groups;
};

/* Most control files of a group. */
#define CGROUP1_FILES 96

struct cgroup1_usage {
	u64 exec, utime, stime; /* ns */
};

struct cgroup1 {
	atomic_t refs;
	/* hier, parent (which holds a reference), level and name are immutable. */
	struct cgroup1_hier *hier;
	struct cgroup1 *parent;   /* NULL: the top */
	struct list_head sibling; /* in hier->groups; under cgroup1_mutex */
	u32 level;                /* 0: the top */
	char *name;               /* terminated */

	/* Set when removed; written under cgroup1_mutex and cgroup1_lock, read racily. */
	bool dead;
	/*
	 * Shown in the file cgroup.clone_children and inherited by new groups; only cpuset uses it
	 * (v1_cpuset.c). Read and written racily.
	 */
	bool clone_children;

	/* The members from here to @release are under cgroup1_lock. */
	u64 nr_tasks; /* not counted in the top: always 0 */
	u64 nr_children;
	bool notify; /* notify_on_release */
	bool queued; /* @release is queued */
	/* Starts the hierarchy's agent for this group. */
	struct work release;

	/*
	 * cpuacct. past: what tasks that have left this group, or a group below, used as members.
	 * base: the usage at the last reset. Under cgroup1_lock.
	 */
	struct cgroup1_usage past, base;
	/*
	 * devices. @deny true: the group allows only what @rules allow; false: it allows everything
	 * except what @rules deny. deny, nr_rules and rules are under cgroup1_rules_mutex.
	 */
	bool deny;
	u32 nr_rules;
	struct list_head rules;
	u32 classid; /* net_cls; under cgroup1_lock */
	/*
	 * net_prio: an index that no other living group has; 0 if the hierarchy does not have the
	 * controller. Immutable.
	 */
	u32 prioidx;
	/* blkio: the group's I/O, without the groups below; tasks refer to it by task->io_group */
	struct io_group io;
	/* The directory's inode number; read racily. */
	u64 ino;
	struct mem_group mem; /* memory, hugetlb */
	u32 nr_oom;           /* tasks that wait for memory; atomic */
	/*
	 * memory: eventfds to be signalled. watches and nr_watches are under v1_memory.c's
	 * cg1_watch_lock.
	 */
	struct list_head watches;
	u32 nr_watches;
	/* Signals the eventfds of @watches. */
	struct work notify_work;
	bool notify_queued; /* notify_work is queued; atomic */
	struct pids_group pids;
	struct sched_group sched; /* cpu; settings under cgroup1_mutex */
	/*
	 * cpuset: masks of vCPUs and memory nodes, as written or inherited; flags CS1_*. Under
	 * cgroup1_mutex; writers of cpus also hold cgroup1_lock.
	 */
	u64 cpus, mems;
	u32 cpuset_flags;
	/*
	 * freezer.state: true if FROZEN was written last. Written under cgroup1_mutex,
	 * cgroup_threads and cgroup_tasks_lock.
	 */
	bool freeze;

	/*
	 * The group's directory and control files, set by kernel/fs/cgroup1; NULL when removed. No
	 * references. dir is under cgroup1_mutex. files are set while the directory is made, and
	 * cleared under its i_rwsem.
	 */
	struct dentry *dir, *files[CGROUP1_FILES];
	struct simple_xattrs xattrs;
	/* Delays freeing the group: tasks that read or write a disk use @io without a lock. */
	struct rcu_head rcu;
};

extern struct mutex cgroup1_mutex;

/* Takes a reference and returns @g. */
struct cgroup1 *cgroup1_get(struct cgroup1 *g);
/* Drops a reference, in any context. Does nothing if @g is NULL. */
void cgroup1_put(struct cgroup1 *g);

/*
 * Makes a hierarchy, which is not listed yet; may sleep. Its top has one reference, the caller's.
 * Returns ERR_PTR(-ENOMEM, -ENOSPC) on failure. Only one caller at a time may be between this call
 * and cgroup1_list().
 */
struct cgroup1_hier *cgroup1_create(const char *name, u32 controllers);
/* Adds @h, mounted as @sb, to the hierarchies, and numbers it. Under cgroup1_mutex. */
void cgroup1_list(struct cgroup1_hier *h, struct super_block *sb);
/*
 * Removes @h from the hierarchies, if it is listed, and gives its controllers back to version 2.
 * Under cgroup1_mutex.
 */
void cgroup1_unlist(struct cgroup1_hier *h);
/*
 * Returns the listed hierarchy that has the name @name (NULL: any name) and exactly the controllers
 * @controllers, without a reference; NULL: there is none. If @controllers is 0, any controllers
 * match, but with @none only a hierarchy without controllers. ERR_PTR(-EBUSY): the hierarchy called
 * @name has other controllers. Under cgroup1_mutex.
 */
struct cgroup1_hier *cgroup1_find(const char *name, u32 controllers, bool none);
/*
 * Returns the listed hierarchy with the greatest id below @id, without a reference, or NULL. Under
 * cgroup1_mutex.
 */
struct cgroup1_hier *cgroup1_before(u32 id);
/* Returns which of version 2's controllers (CG_*) a hierarchy with @controllers (CG1_*) takes. */
u32 cgroup1_taken(u32 controllers);
/*
 * Returns the first hierarchy that has any of these controllers, without a reference, or NULL.
 * Under cgroup1_mutex.
 */
struct cgroup1_hier *cgroup1_owner(u32 controllers);

/*
 * Makes a group, and returns it with a reference. ERR_PTR: -EAGAIN if it would be too deep, -ENODEV
 * if @parent was removed, -ENOMEM, or -ENOSPC if no prioidx is free. Takes cgroup1_mutex.
 */
struct cgroup1 *cgroup1_mkdir(
	struct cgroup1 *parent, const char *name, u32 len); /* length without the final 0 */
/*
 * Removes @g, which is not the top. Returns 0, or -EBUSY if it has tasks or children. Takes
 * cgroup1_mutex.
 */
int cgroup1_rmdir(struct cgroup1 *g);
/* Sets notify_on_release. Takes cgroup1_lock. */
void cgroup1_set_notify(struct cgroup1 *g, bool on);
/* Sets the agent to a copy of @path. Takes cgroup1_mutex. Returns 0 or -ENOMEM. */
int cgroup1_set_agent(struct cgroup1_hier *h, const char *path);

/*
 * Writes the path from @root to @g to @buf, terminated: "/a/b", or "/../b" if @g is not below
 * @root. Returns the path's length in bytes, or -ENAMETOOLONG. Takes no lock: the caller has
 * references to both groups.
 */
int cgroup1_path(const struct cgroup1 *g, const struct cgroup1 *root, char *buf, size_t size);

/*
 * cgroup1_label() writes what /proc/PID/cgroup shows for a hierarchy: "cpuacct,freezer,name=x".
 * CGROUP1_LABEL has room for the names of all controllers.
 */
#define CGROUP1_LABEL (CGROUP1_NAME + 128)
void cgroup1_label(const struct cgroup1_hier *h, char buf[CGROUP1_LABEL]);

/*
 * cpuacct: cgroup1_usage() computes the usage of the present and former tasks of @g and the groups
 * below, since @g was made or cgroup1_reset_usage() was called. The top has the usage of the
 * machine, which is not reset. Both functions take tasklist_lock and cgroup1_lock. For the top,
 * cgroup1_usage() takes cgroup_mutex instead, and may sleep.
 */
void cgroup1_usage(struct cgroup1 *g, struct cgroup1_usage *u);
void cgroup1_reset_usage(struct cgroup1 *g);
/*
 * devices: cgroup1_set_devices() adds a rule in the format of devices.allow or devices.deny to @g,
 * which is not the top. Returns 0; -EINVAL for another format, or for "a" if @g has children;
 * -EPERM if a group above denies the access; -ENOSPC if @g has too many rules; or -ENOMEM. Takes
 * cgroup1_mutex. cgroup1_devices_text() returns the rules in the format of devices.list, terminated
 * and to be freed with kfree(), or NULL if memory is short. May sleep.
 */
int cgroup1_set_devices(struct cgroup1 *g, const char *text, bool allow);
char *cgroup1_devices_text(struct cgroup1 *g);
/*
 * True if current's groups allow the accesses @what (DEVICE_*) to the device @dev. @mode: S_IFBLK
 * or S_IFCHR. May sleep.
 */
bool cgroup1_may_use(umode_t mode, dev_t dev, int what);
/*
 * blkio: cgroup1_set_io() sets the limit @which (IO_RBPS...) for one disk, in bytes or requests per
 * second or IO_NO_LIMIT, and takes cgroup1_mutex. Returns 0, -ENOMEM, or -ENODEV if the group was
 * removed. cgroup1_add_io() adds the figures of @g and the groups below for one disk to the
 * IO_KINDS numbers @bytes and @ios; under cgroup1_mutex.
 */
int cgroup1_set_io(struct cgroup1 *g, dev_t dev, u32 which, u64 limit);
void cgroup1_add_io(struct cgroup1 *g, dev_t dev, u64 *bytes, u64 *ios);
/*
 * pids: cgroup1_charge_pids() charges @t, a task being forked, to current's group, under
 * cgroup_threads. Returns 0, or -EAGAIN if a limit is reached. cgroup1_uncharge_pids() uncharges a
 * task that was reaped, or whose fork failed.
 */
int cgroup1_charge_pids(struct task *t);
void cgroup1_uncharge_pids(struct task *t);
/*
 * cpu: settings of @g. All take cgroup1_mutex. They return 0; -ENODEV if the group was removed;
 * -EINVAL if @g is the top, which has no settings, or for a value that is not allowed: shares of an
 * idle group, or a quota that is a larger part of its period than that of a group above or a
 * smaller one than that of a group below. @shares is clamped to 2 ... 2^18. @quota (or
 * SCHED_QUOTA_NONE), @period (1 ms to 1 s) and @burst (at most @quota) are in ns.
 */
int cgroup1_set_shares(struct cgroup1 *g, u64 shares);
int cgroup1_set_idle(struct cgroup1 *g, bool idle);
int cgroup1_set_quota(struct cgroup1 *g, u64 quota, u64 period, u64 burst);
/* cpuset: bits of cpuset_flags. */
#define CS1_CPU_EXCLUSIVE BIT(0)
#define CS1_MEM_EXCLUSIVE BIT(1)
/*
 * CS1_MEM_HARDWALL and CS1_MEMORY_MIGRATE affect the choice of a memory node. They have no effect,
 * since there is only one node.
 */
#define CS1_MEM_HARDWALL BIT(2)
#define CS1_MEMORY_MIGRATE BIT(3)
#define CS1_SPREAD_PAGE BIT(4)
#define CS1_SPREAD_SLAB BIT(5)
/*
 * Set the mask of vCPUs or of memory nodes, or switch a flag CS1_*. All take cgroup1_mutex, and
 * return 0; -EACCES if the parent lacks what is set, or if masks of the top are set; -EBUSY if a
 * child has what is taken away; -EINVAL if an exclusive group would share with a sibling; -ENOSPC
 * if tasks of @g would have no vCPU or no node; or -ENODEV if @g was removed.
 */
int cgroup1_set_cpus(struct cgroup1 *g, u64 cpus);
int cgroup1_set_mems(struct cgroup1 *g, u64 mems);
int cgroup1_set_cpuset_flag(struct cgroup1 *g, u32 flag, bool on);
/*
 * memory: make @eventfd be signalled when usage crosses @pages in either direction, or each time
 * that the group is out of memory; and when the group is removed. Return 0 with the caller's
 * reference to @eventfd taken over; -ENOMEM; -ENOSPC if the group has too many eventfds; or -ENODEV
 * if it was removed.
 */
int cgroup1_watch_usage(struct cgroup1 *g, struct file *eventfd, u64 pages);
int cgroup1_watch_oom(struct cgroup1 *g, struct file *eventfd);
/*
 * Returns the part of the count @of (pages), a member of g->mem, that the groups below do not have.
 * Takes cgroup1_mutex.
 */
u64 cgroup1_own_pages(struct cgroup1 *g, const atomic64_t *of);
/*
 * Freezes or thaws the tasks of @g and of the groups below; does not wait for them to stop. Takes
 * cgroup1_mutex.
 */
void cgroup1_set_freeze(struct cgroup1 *g, bool on);
/* True if FROZEN was written to @g or to a group above; read racily. */
bool cgroup1_freezes(const struct cgroup1 *g);
/*
 * True if cgroup1_freezes(@g), and all tasks in the group and below have stopped. Takes
 * tasklist_lock.
 */
bool cgroup1_is_frozen(struct cgroup1 *g);

/*
 * net_cls and net_prio: a socket carries the numbers of a task's group. That task is the socket's
 * creator, the last task that received the socket, or a task that has it open while it moves or
 * while its group's class changes. kernel/net sets cgroup1_net.
 */
struct cgroup1_net_ids {
	/* 0: not set, or no hierarchy has the controller */
	u32 classid, prioidx;
};
struct cgroup1_net_ops {
	/*
	 * Marks @t's sockets with its group's numbers for the controllers @which. May sleep;
	 * cgroup1_mutex is held.
	 */
	void (*mark)(struct task *t, u32 which);
	/*
	 * set() sets a priority for one network device of the initial network namespace. copy()
	 * copies all priorities of index @from to the new index @to. Both return 0, -ENODEV or
	 * -ENOMEM.
	 */
	int (*set)(u32 prioidx, const char *dev, u32 prio);
	int (*copy)(u32 from, u32 to);
	/*
	 * Writes the name and priority of the @nth network device. Returns false if there are fewer
	 * devices.
	 */
	bool (*show)(u32 prioidx, u32 nth, char dev[16], u32 *prio);
	/*
	 * Marks @f with current's numbers if it is a socket. Called after current has received @f
	 * from another task.
	 */
	void (*received)(struct file *f);
};
extern const struct cgroup1_net_ops *cgroup1_net;
/* Stores the numbers of @t's groups in *ids. Takes cgroup1_lock. */
void cgroup1_net_ids(const struct task *t, struct cgroup1_net_ids *ids);
/*
 * Sets the class of @g, and marks the sockets of its tasks with it. Takes cgroup1_mutex, and may
 * sleep. Returns 0, -ENOMEM, or -ENODEV if @g was removed.
 */
int cgroup1_set_classid(struct cgroup1 *g, u32 classid);

/*
 * Moves the process or thread @nr (in current's pid namespace, 0: current) to @g, with the rights
 * of @cr. Takes cgroup1_mutex. Returns 0; -ESRCH; -EINVAL for a kernel thread; -EACCES if @cr may
 * not move the task; -ENODEV if @g was removed; or -ENOSPC if @g's cpuset lacks vCPUs or nodes.
 */
int cgroup1_attach(struct cgroup1 *g, pid_t nr, bool process, const struct cred *cr);
/*
 * Collects the pids of the processes or threads in @g itself, as cgroup_collect() does (cgroup.h).
 * Takes tasklist_lock, not cgroup_mutex.
 */
s64 cgroup1_collect(struct cgroup1 *g, bool processes, pid_t **out);

/*
 * cgroup1_of_task() returns @t's group in @h with a reference. cgroup1_copy() writes @t's groups in
 * all hierarchies to @to, by slot, with references; NULL stands for the top. Both take
 * cgroup1_lock.
 */
struct cgroup1 *cgroup1_of_task(struct task *t, struct cgroup1_hier *h);
void cgroup1_copy(struct task *t, struct cgroup1 *to[CGROUP1_MAX]);
/* Returns the group of @h that is the root in current's cgroup namespace, without a reference. */
struct cgroup1 *cgroup1_ns_root(struct cgroup1_hier *h);

/*
 * cgroup1_fork() makes @t, a new child, join current's groups; under cgroup_threads. cgroup1_exit()
 * removes an exiting task from its groups.
 */
void cgroup1_fork(struct task *t);
void cgroup1_exit(struct task *t);

#endif
