/* SPDX-License-Identifier: MIT */
/*
 * machine.c: files of the fixed tree that describe the machine to tools: zoneinfo, buddyinfo,
 * softirqs, schedstat, iomem, consoles, tty/drivers and others. Formats: proc(5) and linux-doc's
 * filesystems/proc.
 *
 * There is one node with one zone. Things that this machine lacks (soft interrupts, DMA, ports,
 * crypto algorithms) are shown as empty lists or zeros, as tools expect.
 */
#include <asm/errno.h>
#include <linux/tty.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/ksyms.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

/* ---- memory ---- */

static int show_buddyinfo(struct seq *s, void *arg)
{
	u32 order;

	seq_puts(s, "Node 0, zone   Normal ");
	for (order = 0; order <= MM_MAX_ORDER; order++)
		seq_printf(s, "%6lu ", mm_free_blocks(order));
	seq_puts(s, "\n");
	return 0;
}

static int show_pagetypeinfo(struct seq *s, void *arg)
{
	static const char *const types[] = { "Unmovable", "Movable", "Reclaimable" };
	u32 order, i;

	seq_puts(s, "Page block order: 10\nPages per block:  1024\n\n"
		    "Free pages count per migrate type at order ");
	for (order = 0; order <= MM_MAX_ORDER; order++)
		seq_printf(s, "%6u ", order);
	seq_puts(s, "\n");
	/* All blocks are of one type, movable. */
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		seq_printf(s, "Node    0, zone   Normal, type %12s ", types[i]);
		for (order = 0; order <= MM_MAX_ORDER; order++)
			seq_printf(s, "%6lu ", i == 1 ? mm_free_blocks(order) : 0);
		seq_puts(s, "\n");
	}
	seq_puts(s, "\nNumber of blocks type     Unmovable      Movable  Reclaimable \n");
	seq_printf(s, "Node 0, zone   Normal %12u %12lu %12u \n", 0, max_pfn >> MM_MAX_ORDER, 0);
	return 0;
}

static int show_zoneinfo(struct seq *s, void *arg)
{
	struct mm_zone_info z;
	struct meminfo m;
	int cpu;

	mm_zone_info(&z);
	si_meminfo(&m);
	seq_puts(s, "Node 0, zone   Normal\n  per-node stats\n");
	seq_printf(s,
		"      nr_inactive_anon %lu\n      nr_active_anon %lu\n      nr_inactive_file %lu\n"
		"      nr_active_file %lu\n      nr_unevictable 0\n      nr_anon_pages %lu\n"
		"      nr_mapped    %lu\n      nr_file_pages %lu\n      nr_dirty     %lu\n"
		"      nr_writeback %lu\n      nr_shmem     %lu\n",
		m.inactive_anon, m.active_anon, m.inactive_file, m.active_file, m.anon, m.mapped,
		m.cached, m.dirty, m.writeback, m.shmem);
	seq_printf(s,
		"  pages free     %lu\n        boost    0\n        min      %lu\n        low      "
		"%lu\n"
		"        high     %lu\n        spanned  %lu\n        present  %lu\n"
		"        managed  %lu\n        cma      0\n        protection: (0, 0)\n",
		m.free, z.min, z.low, z.high, max_pfn, max_pfn, m.total);
	seq_printf(s, "      nr_free_pages %lu\n  pagesets\n", m.free);
	for (cpu = 0; cpu < nr_cpus; cpu++)
		seq_printf(s,
			"    cpu: %d\n              count: %u\n              high:  %u\n           "
			"   "
			"batch: %u\n",
			cpu, mm_cached_frames(cpu), z.cache_max, z.cache_batch);
	seq_puts(s, "  node_unreclaimable:  0\n  start_pfn:           0\n");
	return 0;
}

static int show_iomem(struct seq *s, void *arg)
{
	bool may = capable(CAP_SYS_ADMIN);

	seq_printf(s, "%08lx-%08lx : System RAM\n", 0UL, may ? (max_pfn << PAGE_SHIFT) - 1 : 0UL);
	return 0;
}

/* ---- processors ---- */

static int show_softirqs(struct seq *s, void *arg)
{
	static const char *const names[] = { "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL",
		"TASKLET", "SCHED", "HRTIMER", "RCU" };
	int cpu;
	u32 i;

	seq_puts(s, "                    ");
	for (cpu = 0; cpu < nr_cpus; cpu++)
		seq_printf(s, "CPU%-8d", cpu);
	seq_puts(s, "\n");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		seq_printf(s, "%12s:", names[i]);
		for (cpu = 0; cpu < nr_cpus; cpu++)
			seq_printf(s, " %10u", 0);
		seq_puts(s, "\n");
	}
	return 0;
}

static int show_schedstat(struct seq *s, void *arg)
{
	int cpu;

	seq_printf(s, "version 15\ntimestamp %lu\n", ktime_get() / 4000000);
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		struct sched_cpu_stats st;

		sched_cpu_stats(cpu, &st);
		seq_printf(s, "cpu%d 0 0 %lu 0 0 0 %lu %lu %lu\n", cpu, st.switches, st.run_ns,
			st.wait_ns, st.slices);
	}
	return 0;
}

/* ---- lists ---- */

static int show_consoles(struct seq *s, void *arg)
{
	seq_puts(s, "tty0                 -WU (EC p  )    4:0\n");
	return 0;
}

static int show_execdomains(struct seq *s, void *arg)
{
	seq_puts(s, "0-0\tLinux           \t[kernel]\n");
	return 0;
}

static int show_tty_drivers(struct seq *s, void *arg)
{
	seq_puts(s, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
		    "/dev/console         /dev/console    5       1 system:console\n"
		    "/dev/ptmx            /dev/ptmx       5       2 system\n"
		    "serial               /dev/ttyS       4 64-127 serial\n"
		    "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
		    "pty_master           /dev/ptm      128 0-1048575 pty:master\n"
		    "unknown              /dev/tty        4 0-63 console\n");
	return 0;
}

static int show_ioports(struct seq *s, void *arg)
{
	seq_puts(s, "0000-0000 : none\n");
	return 0;
}

static int show_tty_ldiscs(struct seq *s, void *arg)
{
	seq_printf(s, "n_tty      %2d\n", N_TTY);
	return 0;
}

static int show_nothing(struct seq *s, void *arg)
{
	return 0;
}

/*
 * Shows the kernel's functions, with addresses as for kptr_restrict 1. All symbols are local ("t"),
 * since the linker has made them so.
 */
static int show_kallsyms(struct seq *s, void *arg)
{
	bool may = capable(CAP_SYSLOG);
	const char *name;
	u64 addr;

	for (u32 n = 0; (name = ksym_nth(n, &addr)); n++)
		seq_printf(s, "%016lx t %s\n", may ? addr : 0, name);
	return 0;
}

static int machine_init(void)
{
	static const struct {
		const char *name;
		umode_t mode;
		show_fn show;
	} files[] = {
		{ "buddyinfo", 0444, show_buddyinfo },
		{ "pagetypeinfo", 0400, show_pagetypeinfo },
		{ "zoneinfo", 0444, show_zoneinfo },
		{ "iomem", 0444, show_iomem },
		{ "ioports", 0444, show_ioports },
		{ "softirqs", 0444, show_softirqs },
		{ "schedstat", 0444, show_schedstat },
		{ "consoles", 0444, show_consoles },
		{ "execdomains", 0444, show_execdomains },
		{ "crypto", 0444, show_nothing },
		{ "dma", 0444, show_nothing },
		{ "kallsyms", 0444, show_kallsyms },
		{ "tty/drivers", 0444, show_tty_drivers },
		{ "tty/ldiscs", 0444, show_tty_ldiscs },
	};
	static const char *const dirs[] = { "fs", "bus", "driver", "irq", "tty/driver", "tty/ldisc",
		"sys/fs/binfmt_misc" };
	u32 i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(files) && !err; i++)
		err = proc_create(files[i].name, files[i].mode, files[i].show, NULL, NULL);
	for (i = 0; i < ARRAY_SIZE(dirs) && !err; i++)
		err = proc_mkdir(dirs[i]);
	return err;
}
INITCALL(3, machine_init);
