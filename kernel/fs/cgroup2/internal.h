/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations that the files of kernel/fs/cgroup2 share, among them the table of
 * control files.
 */
#ifndef NESTLING_FS_CGROUP2_INTERNAL_H
#define NESTLING_FS_CGROUP2_INTERNAL_H

#include <asm/errno.h>

#include "kernel/cgroup/cgroup.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

/* flags of struct cg_file */
#define CGF_NOT_ON_ROOT 1
#define CGF_ONLY_ON_ROOT 2
#define CGF_PRESSURE 8 /* hidden if cgroup.pressure is 0 */
/* flag: store() is called between cg_begin() and cg_end() */
#define CGF_SETTING 16
/* flag: the file may be written even in the root group of the opener's cgroup namespace */
#define CGF_DELEGATED 4

struct cg_file {
	const char *name;
	umode_t mode;
	u32 controller; /* CG_* that has the file; 0: core file */
	/* CGF_* */
	u32 flags;
	int notify; /* CGN_* of its changes, or -1 */
	/*
	 * Prints the text of the file. Returns 0 or -errno. May sleep. NULL: the file cannot be
	 * read.
	 */
	int (*show)(struct seq *s, struct cgroup *c);
	/*
	 * @text is NUL-terminated, without blanks around it. Returns 0 or -errno. May sleep, and
	 * with CGF_SETTING is called with cgroup_mutex held. NULL: the file cannot be written.
	 */
	int (*store)(struct file *f, struct cgroup *c, char *text);
};

struct cg_open {
	struct seq seq;
	/* cgroup_ns_top() of the opener (referenced), or NULL */
	struct cgroup *top;
	u64 seen;                    /* notifier's seq at the last read */
	bool unread;                 /* True until the first read */
	struct psi_trigger *trigger; /* set once, under f_lock */
	/* memory.peak or memory.swap.peak: the highest usage since the last write */
	struct mem_watch peak;
};

extern const struct cg_file cg_files[];
extern const u32 nr_cg_files;
/* True if @c has the file @cf now. */
bool cg_file_here(const struct cgroup *c, const struct cg_file *cf);
/*
 * cg_begin() and cg_end() enclose a change of a controller's settings. In between, the group is not
 * removed and keeps @controller (0: none is needed). cg_begin() returns 0 with cgroup_mutex held,
 * or -ENODEV.
 */
int cg_begin(struct cgroup *c, u32 controller);
void cg_end(void);
/*
 * True if @name is a control file of @c, given the group's @controllers (CG_*). For
 * cgroup_file_ops.
 */
bool cg_is_file(const struct cgroup *c, u32 controllers, const char *name, u32 len);

/* procs.c: cgroup.procs and cgroup.threads */
int cg_show_procs(struct seq *s, struct cgroup *c);
int cg_show_threads(struct seq *s, struct cgroup *c);
int cg_store_procs(struct file *f, struct cgroup *c, char *text);
/* True if @cr may write to @c's cgroup.procs. For cgroup_file_ops. */
bool cg_may_write_procs(const struct cred *cr, struct cgroup *c);
int cg_store_threads(struct file *f, struct cgroup *c, char *text);

/* Parses "max", for which *v becomes @max, or a number, with no blanks. Returns 0 or -EINVAL. */
int cg_parse_max(char *text, u64 max, u64 *v);
/* Prints @v, or "max" if it is at least @max, and a newline. */
void cg_show_max(struct seq *s, u64 v, u64 max);

/* memory_files.c, cpu_files.c, cpuset_files.c and others: show() and store() of struct cg_file */
int cg_show_memory_stat(struct seq *s, struct cgroup *c);
#define CG_RW(fn)                                                                                  \
	int cg_show_##fn(struct seq *s, struct cgroup *c);                                         \
	int cg_store_##fn(struct file *f, struct cgroup *c, char *text)
CG_RW(memory_min);
CG_RW(memory_low);
CG_RW(memory_high);
CG_RW(memory_max);
CG_RW(memory_oom_group);
int cg_store_memory_reclaim(struct file *f, struct cgroup *c, char *text);
int cg_show_memory_current(struct seq *s, struct cgroup *c);
CG_RW(memory_peak);
CG_RW(memory_swap_max);
CG_RW(memory_swap_high);
CG_RW(memory_swap_peak);
int cg_show_memory_swap_current(struct seq *s, struct cgroup *c);
int cg_show_memory_swap_events(struct seq *s, struct cgroup *c);
int cg_show_memory_events(struct seq *s, struct cgroup *c);
int cg_show_memory_events_local(struct seq *s, struct cgroup *c);
CG_RW(cpu_weight);
CG_RW(cpu_weight_nice);
CG_RW(cpu_max);
CG_RW(cpu_max_burst);
CG_RW(cpu_idle);
int cg_show_cpu_stat(struct seq *s, struct cgroup *c);
CG_RW(cpuset_cpus);
CG_RW(cpuset_mems);
CG_RW(cpuset_partition);
int cg_show_cpuset_cpus_effective(struct seq *s, struct cgroup *c);
int cg_show_cpuset_mems_effective(struct seq *s, struct cgroup *c);
CG_RW(huge_max);
CG_RW(huge_rsvd_max);
int cg_show_huge_current(struct seq *s, struct cgroup *c);
int cg_show_huge_rsvd_current(struct seq *s, struct cgroup *c);
int cg_show_huge_events(struct seq *s, struct cgroup *c);
int cg_show_huge_events_local(struct seq *s, struct cgroup *c);
int cg_show_huge_numa_stat(struct seq *s, struct cgroup *c);
CG_RW(io_max);
int cg_show_io_stat(struct seq *s, struct cgroup *c);
CG_RW(cpu_pressure);
CG_RW(memory_pressure);
CG_RW(io_pressure);
CG_RW(pressure);

#endif
