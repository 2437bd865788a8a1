/* SPDX-License-Identifier: MIT */
/*
 * config.c: /proc/config.gz: what this kernel has, in the words of Linux's configuration. Test suites ask it before they run a test, and
 * skip what is not there.
 *
 * Only what is true stands here: an option is y when what it stands for works, and "is not set" when somebody is likely to ask and it does
 * not. There are no modules. The file is a gzip member with one stored block (RFC 1951 section 3.2.4, RFC 1952), made when it is read.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/crc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define Y(name) "CONFIG_" name "=y\n"
#define N(name) "# CONFIG_" name " is not set\n"

static const char config[] = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86_64 "
			     "6.12.0 Kernel Configuration\n#\n"
	/* the machine */
	Y("64BIT") Y("X86_64") Y("X86") Y("MMU") Y("SMP") N("X86_X32_ABI") N("IA32_EMULATION")
		N("COMPAT") N("MODULES") N("KEXEC") N("HOTPLUG_CPU") N("HIBERNATION") N("SUSPEND")
			N("ACPI") N("PCI") N("X86_INTEL_MEMORY_PROTECTION_KEYS")
				N("MODIFY_LDT_SYSCALL") N("X86_IOPL_IOPERM") Y("IKCONFIG")
					Y("IKCONFIG_PROC") Y("PRINTK") Y("KALLSYMS") Y("MULTIUSER")
						Y("BUG")
	/* time and scheduling */
	Y("HIGH_RES_TIMERS") Y("NO_HZ") Y("NO_HZ_IDLE")
		Y("HZ_100") "CONFIG_HZ=100\n" Y("POSIX_TIMERS") Y("PREEMPT_NONE") N("PREEMPT")
			N("PREEMPT_RT") Y("SCHED_AUTOGROUP") N("UCLAMP_TASK") N("RT_GROUP_SCHED")
				N("SCHED_CORE") N("RTC_CLASS") N("SCHED_DEBUG")
	/* calls */
	Y("FUTEX") Y("FUTEX_PI") Y("EPOLL") Y("SIGNALFD") Y("TIMERFD") Y("EVENTFD") Y("SHMEM") Y(
		"AIO") Y("ADVISE_SYSCALLS") Y("MEMBARRIER") Y("RSEQ") Y("USERFAULTFD") Y("KCMP")
		Y("CROSS_MEMORY_ATTACH") Y("CHECKPOINT_RESTORE") Y("SYSVIPC") Y("SYSVIPC_SYSCTL")
			Y("POSIX_MQUEUE") Y("POSIX_MQUEUE_SYSCTL") Y("FHANDLE") Y("SECCOMP")
				Y("SECCOMP_FILTER") Y("HAVE_ARCH_SECCOMP_FILTER") Y("KEYS")
					Y("BSD_PROCESS_ACCT") Y("BSD_PROCESS_ACCT_V3") Y("IO_URING")
						N("BPF_SYSCALL") N("BPF_JIT") N("PERF_EVENTS")
							N("USELIB") Y("SYSFS_SYSCALL") N("SECURITY")
								N("SECURITY_LANDLOCK") N("AUDIT")
									N("CRYPTO_USER_API")
	/* memory */
	Y("NUMA") "CONFIG_NODES_SHIFT=0\n" N("NUMA_BALANCING") N("SWAP") N("KSM") Y("HUGETLBFS")
		Y("HUGETLB_PAGE") N("TRANSPARENT_HUGEPAGE") N("MEMORY_FAILURE") N("MEMORY_HOTPLUG")
			N("SECRETMEM") N("CMA") N("COMPACTION") N("PROC_KCORE") N("DEVMEM")
				N("STRICT_DEVMEM") "CONFIG_DEFAULT_MMAP_MIN_ADDR=2097152\n" Y(
					"PROC_PAGE_MONITOR")
	/* control groups and namespaces */
	Y("CGROUPS") Y("MEMCG") Y("CGROUP_PIDS") Y("CGROUP_SCHED") Y("FAIR_GROUP_SCHED")
		Y("CFS_BANDWIDTH") Y("PSI") Y("TASK_IO_ACCOUNTING") Y("PROC_CHILDREN")
			Y("CGROUP_FREEZER") N("CPUSETS") N("CGROUP_DEVICE") N("CGROUP_HUGETLB")
				N("CGROUP_PERF") N("CGROUP_BPF") N("CGROUP_NET_PRIO")
					Y("NAMESPACES") Y("UTS_NS") Y("IPC_NS") Y("USER_NS")
						Y("PID_NS") Y("NET_NS") Y("TIME_NS")
	/* programs */
	Y("BINFMT_ELF") Y("BINFMT_SCRIPT") N("BINFMT_MISC") Y("COREDUMP") Y("ELF_CORE")
	/* files */
	Y("BLOCK") Y("BLK_DEV") Y("BLK_DEV_INITRD") Y("BLK_DEV_LOOP") N("BLK_DEV_RAM") N(
		"BLK_DEV_NBD") Y("EXT4_FS") Y("FUSE_FS") Y("OVERLAY_FS") Y("PROC_FS")
		Y("PROC_SYSCTL") Y("SYSFS") Y("TMPFS") Y("TMPFS_XATTR") Y("TMPFS_POSIX_ACL") Y(
			"FS_POSIX_ACL") Y("EXT4_FS_POSIX_ACL") Y("DEVTMPFS")
			Y("DEVTMPFS_MOUNT") Y("FILE_LOCKING") Y("FSNOTIFY") Y("DNOTIFY") Y(
				"INOTIFY_USER") Y("FANOTIFY") Y("FANOTIFY_ACCESS_PERMISSIONS")
				Y("EXT4_FS_SECURITY") Y("EXT4_USE_FOR_EXT2") N("QUOTA")
					N("XFS_FS") N("BTRFS_FS") N("VFAT_FS") N("EXFAT_FS") N(
						"NTFS_FS") N("NFS_FS") N("ISO9660_FS") N("SQUASHFS")
						N("DEBUG_FS") N("TRACING") N("FTRACE") N(
							"FAULT_INJECTION") N("KASAN") N("LOCKDEP")
							N("DEBUG_KMEMLEAK") N("FS_ENCRYPTION")
								N("FS_VERITY") N("WATCH_QUEUE")
	/* terminals and the net */
	Y("TTY") Y("UNIX98_PTYS") N("LEGACY_PTYS") N("VT") Y("NET") Y("UNIX") Y("INET") Y("IPV6")
		N("TUN") N("VETH") N("BRIDGE") N("NETFILTER") N("VSOCKETS") N("IP_SCTP") N("RDS")
			N("CAN") N("XFRM_USER") Y("PACKET") N("INPUT_UINPUT") N("SOUND") N("ZRAM")
				N("BLK_DEV_ZONED");

/* A gzip header without anything optional; a last, stored block has its length, and the length's complement. */
static int show_config(struct seq *s, void *arg)
{
	static const u8 header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1 };
	u16 n = sizeof(config) - 1, not_n = (u16)~n;
	u32 crc = ~crc32_le(~0U, config, n), size = n;

	BUILD_BUG_ON(sizeof(config) > 0xffff);
	seq_write(s, header, sizeof(header));
	seq_write(s, &n, sizeof(n));
	seq_write(s, &not_n, sizeof(not_n));
	seq_write(s, config, n);
	seq_write(s, &crc, sizeof(crc));
	seq_write(s, &size, sizeof(size));
	return 0;
}

static int config_init(void)
{
	return proc_create("config.gz", 0444, show_config, NULL, NULL);
}
INITCALL(3, config_init);
