/* SPDX-License-Identifier: MIT */
/* internal.h: declarations that the files of kernel/fs/cgroup1 share. */
#ifndef NESTLING_FS_CGROUP1_INTERNAL_H
#define NESTLING_FS_CGROUP1_INTERNAL_H

#include <asm/errno.h>
#include <linux/capability.h>

#include "kernel/cgroup/v1.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/user_ns.h"
#include "kernel/vfs/super.h"

/*
 * files.c: add and remove the control files of a group's directory; may sleep. The caller of
 * cg1_remove_files() holds the directory's i_rwsem, that of cg1_add_files() does not.
 * cg1_add_files() returns 0 or -errno. After an error the caller removes the files that were added.
 */
int cg1_add_files(struct cgroup1 *g, struct dentry *dir);
void cg1_remove_files(struct cgroup1 *g, struct inode *dir);
/* True if @name is a control file of the groups below the top group of @h. */
bool cg1_is_file(
	const struct cgroup1_hier *h, const char *name); /* @name: with its prefix, if any */
/*
 * True if @cr, the credentials of an opener or mounter, may set the release agent, which the kernel
 * runs as root.
 */
bool cg1_may_set_agent(const struct cred *cr);

/*
 * blkio_files.c, and the files below: show and store functions of control files. They return 0 or
 * -errno, may sleep, and are called without locks. A store function may overwrite @text, which is
 * terminated.
 */
#define CG1_RW(fn)                                                                                 \
	int cg1_show_##fn(struct seq *s, struct cgroup1 *g);                                       \
	int cg1_store_##fn(struct file *f, struct cgroup1 *g, char *text)
CG1_RW(read_bps);
CG1_RW(write_bps);
CG1_RW(read_iops);
CG1_RW(write_iops);
int cg1_show_io_bytes(struct seq *s, struct cgroup1 *g);
int cg1_show_io_bytes_below(struct seq *s, struct cgroup1 *g);
int cg1_show_ios(struct seq *s, struct cgroup1 *g);
int cg1_show_ios_below(struct seq *s, struct cgroup1 *g);

/* cpu_files.c, cpuset_files.c */
CG1_RW(shares);
CG1_RW(idle);
CG1_RW(quota);
CG1_RW(period);
CG1_RW(burst);
int cg1_show_cpu_stat(struct seq *s, struct cgroup1 *g);
CG1_RW(pids_max);
int cg1_show_pids_current(struct seq *s, struct cgroup1 *g);
int cg1_show_pids_peak(struct seq *s, struct cgroup1 *g);
int cg1_show_pids_events(struct seq *s, struct cgroup1 *g);
CG1_RW(cpus);
CG1_RW(mems);
CG1_RW(cpu_exclusive);
CG1_RW(mem_exclusive);
CG1_RW(mem_hardwall);
CG1_RW(memory_migrate);
CG1_RW(spread_page);
CG1_RW(spread_slab);
CG1_RW(balance);
CG1_RW(relax);
CG1_RW(pressure);

/* memory_files.c */
int cg1_show_mem_usage(struct seq *s, struct cgroup1 *g);
CG1_RW(mem_peak);
CG1_RW(mem_fails);
CG1_RW(mem_limit);
int cg1_show_both_usage(struct seq *s, struct cgroup1 *g);
CG1_RW(both_peak);
CG1_RW(both_fails);
CG1_RW(both_limit);
CG1_RW(soft_limit);
CG1_RW(hierarchy);
CG1_RW(move_charge);
CG1_RW(swappiness);
CG1_RW(oom);
int cg1_show_mem_stat(struct seq *s, struct cgroup1 *g);
int cg1_store_force_empty(struct file *f, struct cgroup1 *g, char *text);
int cg1_store_event(struct file *f, struct cgroup1 *g, char *text);
CG1_RW(huge_limit);
int cg1_show_huge_usage(struct seq *s, struct cgroup1 *g);
CG1_RW(huge_peak);
CG1_RW(huge_fails);
CG1_RW(promised_limit);
int cg1_show_promised_usage(struct seq *s, struct cgroup1 *g);
CG1_RW(promised_peak);
CG1_RW(promised_fails);
int cg1_show_huge_numa(struct seq *s, struct cgroup1 *g);

/* files.c: returns the name of the control file that @f has open if it is one of @g, else NULL. */
const char *cg1_name_of(const struct file *f, const struct cgroup1 *g);

/*
 * cgroup1.c: returns a new inode with a reference to @g, or NULL if memory is short. Its owner is
 * current's user, or root for the top group. Takes cgroup1_mutex.
 */
struct inode *cg1_new_inode(struct super_block *sb, struct cgroup1 *g, umode_t mode);

#endif
