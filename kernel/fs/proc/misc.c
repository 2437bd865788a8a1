/* SPDX-License-Identifier: MIT */
/*
 * misc.c: the files of the fixed tree: meminfo, cpuinfo, stat, uptime, loadavg, version, devices,
 * interrupts ... Formats: proc(5).
 */
#include <asm/errno.h>
#include <linux/time.h>

#include "arch/um/machine/arch.h"
#include "kernel/block/block.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/cgroup/v1.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/task/keys/keys.h"
#include "kernel/task/process.h"
#include "kernel/task/sysrq.h"
#include "kernel/vfs/swap.h"

#define TICK_NS 10000000UL
#define NSEC 1000000000UL

static void kb(struct seq *s, const char *name, u64 pages)
{
	seq_printf(s, "%-15s %8lu kB\n", name, pages << 2);
}

static int show_meminfo(struct seq *s, void *arg)
{
	struct hugetlb_numbers huge;
	struct meminfo m;

	si_meminfo(&m);
	kb(s, "MemTotal:", m.total);
	kb(s, "MemFree:", m.free);
	kb(s, "MemAvailable:", m.available);
	kb(s, "Buffers:", m.buffers);
	kb(s, "Cached:", m.cached);
	kb(s, "SwapCached:", m.swap_cached);
	kb(s, "Active:", m.active_anon + m.active_file);
	kb(s, "Inactive:", m.inactive_anon + m.inactive_file);
	kb(s, "Active(anon):", m.active_anon);
	kb(s, "Inactive(anon):", m.inactive_anon);
	kb(s, "Active(file):", m.active_file);
	kb(s, "Inactive(file):", m.inactive_file);
	kb(s, "Unevictable:", 0);
	kb(s, "Mlocked:", 0);
	kb(s, "SwapTotal:", m.swap_total);
	kb(s, "SwapFree:", m.swap_free);
	kb(s, "Dirty:", m.dirty);
	kb(s, "Writeback:", m.writeback);
	kb(s, "AnonPages:", m.anon);
	kb(s, "Mapped:", m.mapped);
	kb(s, "Shmem:", m.shmem);
	kb(s, "KReclaimable:", m.slab_reclaimable);
	kb(s, "Slab:", m.slab);
	kb(s, "SReclaimable:", m.slab_reclaimable);
	kb(s, "SUnreclaim:", m.slab - min(m.slab, m.slab_reclaimable));
	kb(s, "KernelStack:", m.kernel_stack);
	kb(s, "PageTables:", m.page_tables);
	kb(s, "NFS_Unstable:", 0);
	kb(s, "Bounce:", 0);
	kb(s, "WritebackTmp:", 0);
	kb(s, "CommitLimit:", m.commit_limit);
	kb(s, "Committed_AS:", m.committed);
	seq_puts(s, "VmallocTotal:   34359738367 kB\nVmallocUsed:           0 kB\nVmallocChunk:    "
		    "      0 kB\n");
	hugetlb_numbers(&huge);
	seq_printf(s, "HugePages_Total:   %5lu\nHugePages_Free:    %5lu\n", huge.total, huge.free);
	seq_printf(s, "HugePages_Rsvd:    %5lu\nHugePages_Surp:    %5lu\n", huge.reserved,
		huge.surplus);
	kb(s, "Hugepagesize:", HPAGE_FRAMES);
	kb(s, "Hugetlb:", huge.total << HPAGE_ORDER);
	return 0;
}

static int show_cpuinfo(struct seq *s, void *arg)
{
	char *buf = get_free_pages(GFP_KERNEL, 2);
	int cpu, n;

	if (!buf)
		return -ENOMEM;
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		n = arch_cpuinfo(cpu, buf, PAGE_SIZE * 4);
		seq_write(s, buf, (size_t)max(n, 0));
	}
	free_pages_addr(buf, 2);
	return 0;
}

static void stat_cpu(struct seq *s, const struct cpu_times *c)
{
	seq_printf(s, " %lu %lu %lu %lu %lu 0 0 %lu 0 0\n", c->user / TICK_NS, c->nice / TICK_NS,
		c->system / TICK_NS, c->idle / TICK_NS, c->iowait / TICK_NS, c->steal / TICK_NS);
}

/* Returns the number of threads that wait for a disk. */
static u32 nr_iowait(void)
{
	struct task *p, *t;
	u32 n = 0;

	read_lock(&tasklist_lock);
	list_for_each_entry(p, &all_processes, tasks)
		list_for_each_entry(t, &p->signal->threads, thread_node)
			n += t->in_iowait;
	read_unlock(&tasklist_lock);
	return n;
}

static int show_stat(struct seq *s, void *arg)
{
	struct cpu_times sum = { 0 }, c;
	u64 intr = 0;
	int cpu, i;

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		sched_cpu_times(cpu, &c);
		sum.user += c.user;
		sum.nice += c.nice;
		sum.system += c.system;
		sum.idle += c.idle;
		sum.iowait += c.iowait;
		sum.steal += c.steal;
	}
	seq_puts(s, "cpu ");
	stat_cpu(s, &sum);
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		sched_cpu_times(cpu, &c);
		seq_printf(s, "cpu%d", cpu);
		stat_cpu(s, &c);
	}
	for (i = 0; i < 256; i++)
		if (irq_name(i))
			intr += irq_count(i);
	seq_printf(s, "intr %lu", intr);
	for (i = 0; i < 256 && irq_name(i); i++)
		seq_printf(s, " %lu", irq_count(i));
	seq_printf(s, "\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked %u\n",
		nr_context_switches(),
		(ktime_get_real() - time_ns_read(CLOCK_BOOTTIME, ktime_get_boottime())) / NSEC,
		nr_forks(), max(nr_running(), 1U), nr_iowait());
	seq_puts(s, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

static int show_uptime(struct seq *s, void *arg)
{
	u64 up = time_ns_read(CLOCK_BOOTTIME, ktime_get_boottime()), idle = 0;
	struct cpu_times c;
	int cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		sched_cpu_times(cpu, &c);
		idle += c.idle;
	}
	seq_printf(s, "%lu.%02lu %lu.%02lu\n", up / NSEC, up % NSEC / 10000000, idle / NSEC,
		idle % NSEC / 10000000);
	return 0;
}

static int show_loadavg(struct seq *s, void *arg)
{
	u64 a[3];
	int i;

	sched_loadavg(a);
	for (i = 0; i < 3; i++) {
		u64 v = a[i] + 10; /* rounds to hundredths */

		seq_printf(s, "%lu.%02lu ", v >> 11, ((v & 2047) * 100) >> 11);
	}
	seq_printf(s, "%u/%u %d\n", max(nr_running(), 1U), nr_threads_total(), last_pid());
	return 0;
}

static int show_version(struct seq *s, void *arg)
{
	seq_printf(s, "%s version %s (nestling) %s\n", init_uts.name.sysname, init_uts.name.release,
		init_uts.name.version);
	return 0;
}

static int show_cmdline(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", boot_command_line);
	return 0;
}

typedef int (*line_fn)(int i, char *buf, size_t size);

static int show_lines(struct seq *s, line_fn fn)
{
	char *buf = get_free_page(GFP_KERNEL);
	int i, n;

	if (!buf)
		return -ENOMEM;
	for (i = 0; (n = fn(i, buf, PAGE_SIZE)) > 0; i++) {
		seq_write(s, buf, (size_t)n);
		cond_resched();
	}
	free_page_addr(buf);
	return 0;
}

static int show_devices(struct seq *s, void *arg)
{
	int err;

	seq_puts(s, "Character devices:\n");
	err = show_lines(s, chrdev_line);
	seq_puts(s, "\nBlock devices:\n");
	return err ? err : show_lines(s, blkdev_major_line);
}

static int show_keys(struct seq *s, void *arg)
{
	char *buf = kmalloc(KEY_LINE_MAX, GFP_KERNEL);
	s32 *serials = NULL;
	s64 nr = buf ? key_serials(&serials) : -ENOMEM;

	for (s64 i = 0; i < nr; i++) {
		int n = key_line(serials[i], buf, KEY_LINE_MAX);

		seq_write(s, buf, (size_t)n);
	}
	kfree(serials);
	kfree(buf);
	return nr < 0 ? (int)nr : 0;
}

static int show_key_users(struct seq *s, void *arg)
{
	return show_lines(s, key_user_line);
}

static int show_partitions(struct seq *s, void *arg)
{
	seq_puts(s, "major minor  #blocks  name\n\n");
	return show_lines(s, partitions_line);
}

static int show_diskstats(struct seq *s, void *arg)
{
	return show_lines(s, diskstats_line);
}

/* Where a text of all locks is. */
struct locks_text {
	struct locks_at at;
	const struct pid_namespace *ns;
};

static int more_locks(void *arg, char *buf, size_t size)
{
	struct locks_text *t = arg;

	return locks_lines(&t->at, t->ns, buf, size);
}

/* Shows all file locks. Each turn walks through all of them, so it is long. */
static int show_locks(struct seq *s, void *arg)
{
	struct locks_text t = { .ns = seq_pid_ns(s) };

	return seq_turns(s, 16 * PAGE_SIZE, more_locks, &t);
}

static int show_slabinfo(struct seq *s, void *arg)
{
	seq_puts(s, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> "
		    "<objperslab> "
		    "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		    "<active_slabs> "
		    "<num_slabs> <sharedavail>\n");
	return show_lines(s, slabinfo_line);
}

static int show_filesystems(struct seq *s, void *arg)
{
	return show_lines(s, filesystems_line);
}

static int show_interrupts(struct seq *s, void *arg)
{
	int cpu, i;

	seq_puts(s, "    ");
	for (cpu = 0; cpu < nr_cpus; cpu++)
		seq_printf(s, "       CPU%d", cpu);
	seq_puts(s, "\n");
	for (i = 0; i < 256; i++) {
		if (!irq_name(i))
			continue;
		/*
		 * Interrupts are not counted for each vCPU, so the whole count is in the first
		 * column.
		 */
		seq_printf(s, "%3d: %10lu", i, irq_count(i));
		for (cpu = 1; cpu < nr_cpus; cpu++)
			seq_printf(s, " %10d", 0);
		seq_printf(s, "  host-event  %s\n", irq_name(i));
	}
	return 0;
}

static int show_vmstat(struct seq *s, void *arg)
{
	u64 background, limit;
	struct meminfo m;

	si_meminfo(&m);
	seq_printf(s,
		"nr_free_pages %lu\nnr_inactive_anon %lu\nnr_active_anon %lu\nnr_inactive_file "
		"%lu\n"
		"nr_active_file %lu\nnr_anon_pages %lu\nnr_mapped %lu\nnr_file_pages %lu\nnr_dirty "
		"%lu\n"
		"nr_writeback %lu\nnr_shmem %lu\nnr_page_table_pages %lu\nnr_slab_reclaimable "
		"%lu\nnr_direct_pages %lu\n",
		m.free, m.inactive_anon, m.active_anon, m.inactive_file, m.active_file, m.anon,
		m.mapped, m.cached + m.buffers, m.dirty, m.writeback, m.shmem, m.page_tables,
		m.slab_reclaimable, nr_direct_pages());
	seq_printf(s,
		"pgpgin %lu\npgpgout %lu\npswpin %lu\npswpout %lu\npgalloc_normal %lu\npgfree %lu\n"
		"pgfault %lu\npgmajfault %lu\noom_kill %lu\n",
		vmstat.pgpgin / 2, vmstat.pgpgout / 2, vmstat.pswpin, vmstat.pswpout,
		vmstat.pgalloc, vmstat.pgfree, vmstat.pgfault, vmstat.pgmajfault, vmstat.oom_kill);
	dirty_limits(&background, &limit);
	seq_printf(s,
		"nr_dirtied %lu\nnr_written %lu\nnr_dirty_threshold %lu\n"
		"nr_dirty_background_threshold %lu\nallocstall_normal %lu\npgactivate %lu\n"
		"pgdeactivate %lu\npgsteal_kswapd %lu\npgsteal_direct %lu\npgscan_kswapd %lu\n"
		"pgscan_direct %lu\nslabs_scanned %lu\ndrop_pagecache %lu\ndrop_slab %lu\n",
		vmstat.dirtied, vmstat.written, limit, background, vmstat.allocstall,
		vmstat.pgactivate, vmstat.pgdeactivate, vmstat.steal_kswapd, vmstat.steal_direct,
		vmstat.scan_kswapd, vmstat.scan_direct, vmstat.slabs_scanned, vmstat.drop_pagecache,
		vmstat.drop_slab);
	return 0;
}

struct swaps_line {
	struct seq *s;
	char *buf;
};

static void show_swap(void *arg, struct file *f, const struct swap_stat *st)
{
	struct swaps_line *l = arg;
	const char *path = d_path(&f->f_path, l->buf, PAGE_SIZE);
	u64 size = st->pages << 2, used = st->used << 2, column = 0;

	for (; !IS_ERR(path) && *path; path++, column++) {
		if (!strchr(" \t\n\\", *path)) {
			seq_write(l->s, path, 1);
			continue;
		}
		seq_printf(l->s, "\\%03o", (u8)*path);
		column += 3;
	}
	do
		seq_puts(l->s, " ");
	while (++column < 40);
	seq_printf(l->s, "%s\t%lu\t%s%lu\t%s%d\n",
		S_ISBLK(f->f_inode->i_mode) ? "partition" : "file\t", size,
		size < 10000000 ? "\t" : "", used, used < 10000000 ? "\t" : "", st->prio);
}

static int show_swaps(struct seq *s, void *arg)
{
	struct swaps_line l = { s, get_free_page(GFP_KERNEL) };

	if (!l.buf)
		return -ENOMEM;
	seq_puts(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for_each_swap_area(show_swap, &l);
	free_page_addr(l.buf);
	return 0;
}

static int show_empty(struct seq *s, void *arg)
{
	return 0;
}

static int show_cgroups(struct seq *s, void *arg)
{
	static const struct {
		const char *name;
		u32 v1; /* CG1_*, or 0: version 2 only */
	} all[] = { { "cpuset", CG1_CPUSET }, { "cpu", CG1_CPU }, { "cpuacct", CG1_CPUACCT },
		{ "blkio", CG1_BLKIO }, { "memory", CG1_MEMORY }, { "devices", CG1_DEVICES },
		{ "freezer", CG1_FREEZER }, { "net_cls", CG1_NET_CLS },
		{ "perf_event", CG1_PERF_EVENT }, { "net_prio", CG1_NET_PRIO },
		{ "hugetlb", CG1_HUGETLB }, { "pids", CG1_PIDS } };

	seq_puts(s, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
	mutex_lock(&cgroup1_mutex);
	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		struct cgroup1_hier *h = cgroup1_owner(all[i].v1);

		seq_printf(s, "%s\t%u\t%lu\t1\n", all[i].name, h ? h->id : 0,
			h ? h->nr_groups : cgroup_root.nr_descendants + 1);
	}
	mutex_unlock(&cgroup1_mutex);
	return 0;
}

static int show_misc(struct seq *s, void *arg)
{
	seq_puts(s, "237 loop-control\n235 autofs\n229 fuse\n200 tun\n126 userfaultfd\n");
	return 0;
}

static int store_sysrq(char *text, size_t n, void *arg)
{
	if (n)
		sysrq(text[0]);
	return 0;
}

static int misc_init(void)
{
	static const struct {
		const char *name;
		umode_t mode;
		show_fn show;
		store_fn store;
	} files[] = {
		{ "meminfo", 0444, show_meminfo, NULL },
		{ "cpuinfo", 0444, show_cpuinfo, NULL },
		{ "stat", 0444, show_stat, NULL },
		{ "uptime", 0444, show_uptime, NULL },
		{ "loadavg", 0444, show_loadavg, NULL },
		{ "version", 0444, show_version, NULL },
		{ "cmdline", 0444, show_cmdline, NULL },
		{ "devices", 0444, show_devices, NULL },
		{ "partitions", 0444, show_partitions, NULL },
		{ "key-users", 0444, show_key_users, NULL },
		{ "keys", 0444, show_keys, NULL },
		{ "diskstats", 0444, show_diskstats, NULL },
		{ "locks", 0444, show_locks, NULL },
		{ "slabinfo", 0400, show_slabinfo, NULL },
		{ "filesystems", 0444, show_filesystems, NULL },
		{ "interrupts", 0444, show_interrupts, NULL },
		{ "vmstat", 0444, show_vmstat, NULL },
		{ "swaps", 0444, show_swaps, NULL },
		{ "modules", 0444, show_empty, NULL },
		{ "cgroups", 0444, show_cgroups, NULL },
		{ "misc", 0444, show_misc, NULL },
		{ "sysrq-trigger", 0200, NULL, store_sysrq },
	};
	struct proc_entry *swaps;
	u32 i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(files) && !err; i++)
		err = proc_create(
			files[i].name, files[i].mode, files[i].show, files[i].store, NULL);
	swaps = err ? NULL : proc_find(&proc_root_entry, "swaps", 5);
	if (swaps)
		swaps->fops = &proc_polled_fops;
	return err;
}
INITCALL(3, misc_init);
