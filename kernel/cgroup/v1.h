/* SPDX-License-Identifier: MIT */
/*
 * v1.h: hierarchies of cgroup version 1. A hierarchy is a tree of groups that track tasks ("mount
 * -t cgroup -o none,name=systemd"), or that have controllers:
 * - controllers that version 2 lacks in this form: cpuacct and freezer (v1_controllers.c), devices
 *   (v1_devices.c), net_cls and net_prio (v1_net.c), and perf_event, which has no files and only
 *   groups tasks
 * - controllers that version 2 has otherwise: blkio (v1_blkio.c), cpu and pids (v1_cpu.c), cpuset
 *   (v1_cpuset.c), memory and hugetlb (v1_memory.c). A hierarchy takes them from version 2, and
 *   gives them back when it ends.
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
 * Locks: cgroup1_mutex protects the hierarchies, the shape of their trees, and migrations;
 * cgroup_threads as for version 2; cgroup1_lock protects membership and counts.
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

#define CGROUP1_NAME 64 /* of a hierarchy, with its end */

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

/* levels below the top: building a path walks them more than once */
#define CGROUP1_DEPTH 256

struct cgroup1_hier {
	/* in task->cg1; this, id and name are immutable */
	u32 slot;
	u32 id;                  /* in /proc/PID/cgroup */
	char name[CGROUP1_NAME]; /* "": none, but controllers */
	u32 controllers;         /* CG1_*; immutable */
	/* it was mounted with that option; immutable */
	bool xattr;
	/* files are called "cpus", not "cpuset.cpus"; constant */
	bool noprefix;
	struct cgroup1 *top; /* whose memory this is a part of */

	/* under cgroup1_mutex */
	struct super_block *sb; /* valid while the hierarchy is listed */
	/* program that is started when a group becomes empty, or NULL */
	char *agent;
	u64 last_ino;
	u64 nr_groups; /* with the top */
	/* those below the top that were not removed */
	struct list_head groups;
};

#define CGROUP1_FILES 96

struct cgroup1_usage {
	u64 exec, utime, stime; /* ns */
};

struct cgroup1 {
	atomic_t refs;
	/* immutable, as are parent (a reference), level and name */
	struct cgroup1_hier *hier;
	struct cgroup1 *parent;   /* NULL: the top */
	struct list_head sibling; /* in hier->groups; under cgroup1_mutex */
	u32 level;
	char *name;

	bool dead; /* written under both locks, read racily */
	/* read and written racily: only its file uses it */
	bool clone_children;

	/* under cgroup1_lock */
	u64 nr_tasks; /* of the top: unknown, 0 */
	u64 nr_children;
	bool notify; /* notify_on_release */
	bool queued; /* release */
	struct work release;

	/*
	 * cpuacct: the usage of tasks that have left the group or one below; the usage when it was
	 * last reset. Under cgroup1_lock.
	 */
	struct cgroup1_usage past, base;
	/* devices: all but what rules say, or nothing but that; under cgroup1_rules_mutex */
	bool deny;
	u32 nr_rules;
	struct list_head rules;
	u32 classid; /* net_cls; under cgroup1_lock */
	/*
	 * net_prio: no other group that lives has it; 0: the hierarchy has not that controller.
	 * Immutable
	 */
	u32 prioidx;
	/* blkio: the group's I/O, without groups below; tasks refer to it */
	struct io_group io;
	u64 ino;              /* of its directory; read racily */
	struct mem_group mem; /* memory, hugetlb */
	u32 nr_oom;           /* tasks that wait for memory; atomic */
	/* of eventfds; under v1_memory.c's lock, as the next */
	struct list_head watches;
	u32 nr_watches;
	/* notifies the eventfds of @watches */
	struct work told;
	bool telling;
	struct pids_group pids;
	struct sched_group sched; /* cpu; settings under cgroup1_mutex */
	/* cpuset: values as written, CS1_*; under cgroup1_mutex, cpus under cgroup1_lock, too */
	u64 cpus, mems;
	u32 cpuset_flags;
	/* freezer.state; written under cgroup1_mutex, cgroup_threads and cgroup_tasks_lock */
	bool freeze;

	/*
	 * for kernel/fs/cgroup1: entries that stay as long as the group; dir under cgroup1_mutex,
	 * files under dir's i_rwsem
	 */
	struct dentry *dir, *files[CGROUP1_FILES];
	struct simple_xattrs xattrs;
	/* a task that reads or writes a disk reads io without a lock */
	struct rcu_head rcu;
};

extern struct mutex cgroup1_mutex;

struct cgroup1 *cgroup1_get(struct cgroup1 *g);
/* Drops a reference; NULL is fine; callable in any context */
void cgroup1_put(struct cgroup1 *g);

/*
 * Makes a hierarchy that is not listed yet: its top has one reference, the caller's.
 * ERR_PTR(-ENOMEM, -ENOSPC). Only one caller at a time is between this call and cgroup1_list().
 */
struct cgroup1_hier *cgroup1_create(const char *name, u32 controllers);
/*
 * Functions under cgroup1_mutex. list and unlist: adds @h to the hierarchies, or removes it if it
 * is listed. find: returns the hierarchy of that name (NULL: any) and with those controllers (0:
 * any, unless @none); ERR_PTR(-EBUSY): it has others. before: returns the newest hierarchy whose id
 * is less than @id. Both return NULL if there is none, and take no reference.
 */
void cgroup1_list(struct cgroup1_hier *h, struct super_block *sb);
void cgroup1_unlist(struct cgroup1_hier *h);
struct cgroup1_hier *cgroup1_find(const char *name, u32 controllers, bool none);
struct cgroup1_hier *cgroup1_before(u32 id);
u32 cgroup1_taken(u32 controllers); /* which of version 2's they are: CG_* */
/* Returns the first hierarchy that has any of these controllers, or NULL. */
struct cgroup1_hier *cgroup1_owner(u32 controllers);

/* Functions on the tree: 0 or -errno; they take cgroup1_mutex. */
struct cgroup1 *cgroup1_mkdir(
	struct cgroup1 *parent, const char *name, u32 len); /* a reference; -EAGAIN: too deep */
int cgroup1_rmdir(struct cgroup1 *g);
void cgroup1_set_notify(struct cgroup1 *g, bool on);
int cgroup1_set_agent(struct cgroup1_hier *h, const char *path);

/*
 * Writes the path of @g below @root: "/a/b", with "/.." for a group that is not below it. Returns
 * its length, or -ENAMETOOLONG.
 */
int cgroup1_path(const struct cgroup1 *g, const struct cgroup1 *root, char *buf, size_t size);

/* Size of a hierarchy's name in /proc/PID/cgroup: "cpuacct,freezer,name=x". */
#define CGROUP1_LABEL (CGROUP1_NAME + 64)
void cgroup1_label(const struct cgroup1_hier *h, char buf[CGROUP1_LABEL]);

/*
 * cpuacct: computes the usage of the present and former tasks of @g and below, since @g was made or
 * reset.
 */
void cgroup1_usage(struct cgroup1 *g, struct cgroup1_usage *u);
void cgroup1_reset_usage(struct cgroup1 *g);
/*
 * devices: adds a rule in the format of devices.allow or devices.deny, 0 or -errno; returns the
 * rules in the format of devices.list, for kfree(), or NULL.
 */
int cgroup1_set_devices(struct cgroup1 *g, const char *text, bool allow);
char *cgroup1_devices_text(struct cgroup1 *g);
/* True if current may use a device in that way (DEVICE_*). */
bool cgroup1_may_use(umode_t mode, dev_t dev, int what);
/*
 * blkio: sets a limit for one disk, 0 (-ENOMEM); sums a group and those below, with figures of each
 * disk by dev. Under cgroup1_mutex.
 */
int cgroup1_set_io(struct cgroup1 *g, dev_t dev, u32 which, u64 limit);
void cgroup1_add_io(struct cgroup1 *g, dev_t dev, u64 *bytes, u64 *ios);
/*
 * pids: charges a fork to current's group; uncharges a task that was reaped, or whose fork failed.
 * 0 or -EAGAIN.
 */
int cgroup1_charge_pids(struct task *t);
void cgroup1_uncharge_pids(struct task *t);
/* cpu: 0 or -EINVAL; -ENODEV */
int cgroup1_set_shares(struct cgroup1 *g, u64 shares);
int cgroup1_set_idle(struct cgroup1 *g, bool idle);
int cgroup1_set_quota(struct cgroup1 *g, u64 quota, u64 period, u64 burst); /* ns */
/* cpuset: 0 or -errno */
#define CS1_CPU_EXCLUSIVE BIT(0)
#define CS1_MEM_EXCLUSIVE BIT(1)
/* this and the next say which node memory comes from: there is one */
#define CS1_MEM_HARDWALL BIT(2)
#define CS1_MEMORY_MIGRATE BIT(3)
#define CS1_SPREAD_PAGE BIT(4)
#define CS1_SPREAD_SLAB BIT(5)
int cgroup1_set_cpus(struct cgroup1 *g, u64 cpus);
int cgroup1_set_mems(struct cgroup1 *g, u64 mems);
int cgroup1_set_cpuset_flag(struct cgroup1 *g, u32 flag, bool on);
/*
 * memory: signals an eventfd when the group's pages pass @pages, or each time that it is out of
 * memory. -ENOMEM, -ENOSPC, -ENODEV; takes the reference.
 */
int cgroup1_watch_usage(struct cgroup1 *g, struct file *eventfd, u64 pages);
int cgroup1_watch_oom(struct cgroup1 *g, struct file *eventfd);
/* @of: of g->mem, with those below; without them */
u64 cgroup1_own_pages(struct cgroup1 *g, const atomic64_t *of);
/* freezer */
void cgroup1_set_freeze(struct cgroup1 *g, bool on);
bool cgroup1_freezes(const struct cgroup1 *g); /* by itself or by one above; racily */
/* True if the group is to be frozen, and all its tasks and those below have stopped */
bool cgroup1_is_frozen(struct cgroup1 *g);

/*
 * net_cls and net_prio: a socket is marked with the numbers of the group whose task made it, or got
 * it from another task, or has it open when it moves or its group's class changes. kernel/net sets
 * cgroup1_net.
 */
struct cgroup1_net_ids {
	/* 0: there is no hierarchy with the controller */
	u32 classid, prioidx;
};
struct cgroup1_net_ops {
	/*
	 * @t's sockets get its numbers, of the controllers @which; may sleep, cgroup1_mutex is held
	 */
	void (*mark)(struct task *t, u32 which);
	/* Priorities of the first namespace's cards: 0, -ENODEV, -ENOMEM. */
	int (*set)(u32 prioidx, const char *dev, u32 prio);
	int (*copy)(u32 from, u32 to);
	/* Of the @nth card; false: there are fewer. */
	bool (*show)(u32 prioidx, u32 nth, char dev[16], u32 *prio);
	/* Current has got a file that another task had: a socket becomes the receiver's. */
	void (*received)(struct file *f);
};
extern const struct cgroup1_net_ops *cgroup1_net;
void cgroup1_net_ids(const struct task *t, struct cgroup1_net_ids *ids);
int cgroup1_set_classid(struct cgroup1 *g, u32 classid); /* 0, -ENOMEM, -ENODEV */

/* Moves a process, or one thread, with the rights of @cr: 0 or -errno. */
int cgroup1_attach(struct cgroup1 *g, pid_t nr, bool process, const struct cred *cr);
/* Collects numbers like cgroup_collect(). */
s64 cgroup1_collect(struct cgroup1 *g, bool processes, pid_t **out);

/*
 * Returns @t's group, with a reference; lists @t's groups of all hierarchies, with references in
 * @to.
 */
struct cgroup1 *cgroup1_of_task(struct task *t, struct cgroup1_hier *h);
void cgroup1_copy(struct task *t, struct cgroup1 *to[CGROUP1_MAX]);
/* Returns the group that is the root in current's cgroup namespace, without a reference. */
struct cgroup1 *cgroup1_ns_root(struct cgroup1_hier *h);

/* The life of a task: it begins, under cgroup_threads, as current's child; it ends. */
void cgroup1_fork(struct task *t);
void cgroup1_exit(struct task *t);

#endif
