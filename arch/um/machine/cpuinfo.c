/* SPDX-License-Identifier: MIT */
/*
 * cpuinfo.c: the description of the CPU in /proc/cpuinfo and the auxiliary vector: the host's CPU,
 * read once.
 */
#include <linux/auxvec.h>

#include "arch/um/machine/host_cpu.h"
#include "arch/um/internal.h"
#include "kernel/lib/string.h"
#include "kernel/lib/printk.h"
#include "skas/skas.h"

#define HWCAP2_FSGSBASE 2UL

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static struct os_cpuinfo host; /* immutable after boot */

static int cpuinfo_init(void)
{
	if (os_cpuinfo(&host))
		pr_warn("the host does not describe its CPU\n");
	return 0;
}
INITCALL(1, cpuinfo_init);

u64 arch_auxv(u32 type)
{
	switch (type) {
	case AT_HWCAP: return host.hwcap;
	/*
	 * With patched call sites the gs base may be the stub's, so programs must use arch_prctl()
	 * to read it.
	 */
	case AT_HWCAP2: return host.hwcap2 & ~(skas_patch_entry() ? HWCAP2_FSGSBASE : 0UL);
	case AT_MINSIGSTKSZ: return host.minsigstksz;
	default: return 0;
	}
}

int arch_cpuinfo(int cpu, char *buf, size_t size)
{
	int n = scnprintf(buf, size,
		"processor\t: %d\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: "
		"%s\n"
		"stepping\t: %u\nmicrocode\t: 0x%x\ncpu MHz\t\t: %u.000\ncache size\t: %u KB\n"
		"physical id\t: 0\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\napicid\t\t: "
		"%d\n"
		"initial apicid\t: %d\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: "
		"13\nwp\t\t: yes\n",
		cpu, host.vendor, host.family, host.model, host.model_name, host.stepping,
		host.microcode, host.mhz, host.cache_kb, nr_cpus, cpu, nr_cpus, cpu, cpu);

	n += scnprintf(buf + n, size - (size_t)n,
		"flags\t\t: %s\nbugs\t\t: %s\nbogomips\t: %u.00\nclflush size\t: "
		"64\ncache_alignment\t: 64\n"
		"address sizes\t: 48 bits physical, 48 bits virtual\npower management:\n\n",
		host.flags, host.bugs, host.mhz * 2);
	return n;
}

int arch_host_cpu(const char *name, char *buf, size_t size)
{
	char path[128];
	int file;
	long n;

	scnprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", name);
	file = os_file_open(path, OS_READ);
	if (file < 0)
		return file;
	n = os_file_pread(file, buf, size - 1, 0);
	os_file_close(file);
	if (n < 0)
		return (int)n;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return (int)strlen(buf);
}

/* Returns the XSAVE components that guests have: those that the host saves in its own frames. */
u64 arch_xfeatures(void)
{
	return xstate_size <= 512 ? 0 : skas_xfeatures();
}
