/* SPDX-License-Identifier: MIT */
/*
 * config.c: /proc/config.gz: the features of this kernel, as options of Linux's configuration. Test
 * suites read it before they run a test, and skip tests of missing features.
 *
 * The text is true: an option is y if its feature works, and "is not set" if the feature is missing
 * and programs are likely to look for it. There are no modules. The file is a gzip member with one
 * stored block (RFC 1951 section 3.2.4, RFC 1952), made when it is read.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/crc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define CONFIG_MAX 0xffffU /* most bytes that a stored block can hold */

/* Options that are y: names without CONFIG_, each followed by a blank. */
static const char there[] =
	/* the machine */
	"64BIT X86_64 X86 MMU SMP X86_UMIP X86_IOPL_IOPERM MODIFY_LDT_SYSCALL IKCONFIG "
	"IKCONFIG_PROC PRINTK "
	"KALLSYMS MULTIUSER BUG DETECT_HUNG_TASK MAGIC_SYSRQ SYSCTL "
	/* time and scheduling */
	"HIGH_RES_TIMERS NO_HZ NO_HZ_IDLE HZ_100 POSIX_TIMERS PREEMPT_NONE SCHED_AUTOGROUP "
	"SCHEDSTATS SCHED_INFO "
	/* system calls */
	"FUTEX FUTEX_PI EPOLL SIGNALFD TIMERFD EVENTFD SHMEM AIO ADVISE_SYSCALLS MEMBARRIER RSEQ "
	"USERFAULTFD HAVE_ARCH_USERFAULTFD_WP HAVE_ARCH_USERFAULTFD_MINOR PTE_MARKER_UFFD_WP KCMP "
	"CROSS_MEMORY_ATTACH "
	"CHECKPOINT_RESTORE SYSVIPC SYSVIPC_SYSCTL POSIX_MQUEUE POSIX_MQUEUE_SYSCTL FHANDLE "
	"SECCOMP "
	"SECCOMP_FILTER HAVE_ARCH_SECCOMP_FILTER KEYS BIG_KEYS BSD_PROCESS_ACCT "
	"BSD_PROCESS_ACCT_V3 CONNECTOR PROC_EVENTS TASKSTATS TASK_DELAY_ACCT TASK_XACCT "
	"TASK_IO_ACCOUNTING IO_URING "
	"BPF BPF_SYSCALL PERF_EVENTS SYSFS_SYSCALL SECURITY SECURITY_LANDLOCK "
	/* memory */
	"NUMA SLUB VM_EVENT_COUNTERS HUGETLBFS HUGETLB_PAGE SECRETMEM PROC_PAGE_MONITOR "
	"MEMFD_CREATE KSM HAVE_ARCH_MMAP_RND_BITS "
	/* control groups and namespaces */
	"CGROUPS MEMCG CGROUP_PIDS CPUSETS PROC_PID_CPUSET CGROUP_SCHED FAIR_GROUP_SCHED "
	"CFS_BANDWIDTH CGROUP_FREEZER CGROUP_CPUACCT CGROUP_HUGETLB CGROUP_PERF CGROUP_NET_PRIO "
	"CGROUP_NET_CLASSID BLK_CGROUP BLK_DEV_THROTTLING "
	"CGROUP_BPF CGROUP_DEVICE PSI PROC_CHILDREN NAMESPACES UTS_NS IPC_NS USER_NS PID_NS NET_NS "
	"TIME_NS "
	/* programs */
	"SWAP BINFMT_ELF BINFMT_SCRIPT BINFMT_MISC COREDUMP ELF_CORE "
	/* files */
	"BLOCK BLK_DEV BLK_DEV_INITRD BLK_DEV_LOOP EXT4_FS EXT4_FS_POSIX_ACL EXT4_FS_SECURITY "
	"EXT4_USE_FOR_EXT2 FAT_FS MSDOS_FS VFAT_FS ISO9660_FS SQUASHFS FUSE_FS OVERLAY_FS PROC_FS "
	"PROC_SYSCTL KERNFS SYSFS TMPFS TMPFS_XATTR TMPFS_POSIX_ACL FS_POSIX_ACL DEVTMPFS "
	"DEVTMPFS_MOUNT FILE_LOCKING FSNOTIFY DNOTIFY INOTIFY_USER FANOTIFY "
	"FANOTIFY_ACCESS_PERMISSIONS "
	/* terminals and devices */
	"TTY UNIX98_PTYS WATCHDOG "
	/* networking */
	"NET PACKET PACKET_DIAG UNIX AF_UNIX_OOB UNIX_DIAG NETLINK_DIAG INET INET_DIAG "
	"INET_TCP_DIAG "
	"INET_UDP_DIAG IP_MULTICAST IP_ADVANCED_ROUTER IP_MULTIPLE_TABLES SYN_COOKIES IPV6 "
	"IPV6_MULTIPLE_TABLES NETDEVICES NET_CORE DUMMY TUN VETH BRIDGE VLAN_8021Q MACVLAN "
	"NETFILTER "
	"NETFILTER_ADVANCED NETFILTER_NETLINK NETFILTER_XTABLES NETFILTER_XT_NAT NF_CONNTRACK "
	"NF_CT_NETLINK NF_NAT NF_TABLES NF_TABLES_INET NF_TABLES_IPV4 NF_TABLES_IPV6 NFT_CT "
	"NFT_NAT "
	"NET_SCHED NET_SCH_HTB NET_SCH_PRIO NET_SCH_TBF NET_SCH_NETEM NET_SCH_FQ_CODEL "
	"NFT_MASQ NFT_REDIR NFT_REJECT NFT_COMPAT ";

static const char absent[] =
	/* the machine */
	"X86_X32_ABI IA32_EMULATION COMPAT MODULES KEXEC KEXEC_FILE HOTPLUG_CPU HIBERNATION "
	"SUSPEND "
	"ACPI PCI X86_INTEL_MEMORY_PROTECTION_KEYS X86_USER_SHADOW_STACK "
	"X86_MCE PREEMPT PREEMPT_RT UCLAMP_TASK UCLAMP_TASK_GROUP RT_GROUP_SCHED SCHED_CORE "
	"SCHED_DEBUG SCHED_CLASS_EXT RTC_CLASS "
	/* system calls */
	"BPF_JIT USELIB PERSISTENT_KEYRINGS KEY_DH_OPERATIONS KEY_NOTIFICATIONS ENCRYPTED_KEYS "
	"TRUSTED_KEYS USER_DECRYPTED_DATA ASYMMETRIC_KEY_TYPE DNS_RESOLVER SECURITY_SELINUX "
	"SECURITY_SMACK SECURITY_TOMOYO SECURITY_APPARMOR SECURITY_YAMA INTEGRITY IMA EVM AUDIT "
	"CRYPTO_USER CRYPTO_USER_API CRYPTO_USER_API_AEAD CRYPTO_USER_API_HASH "
	"CRYPTO_USER_API_SKCIPHER CRYPTO_USER_API_RNG "
	/* memory */
	"ANON_VMA_NAME NUMA_BALANCING ZSWAP TRANSPARENT_HUGEPAGE MEMORY_FAILURE "
	"MEMORY_HOTPLUG CMA "
	"COMPACTION PROC_KCORE DEVMEM STRICT_DEVMEM "
	/* control groups */
	"CPUSETS_V1 MEMCG_V1 CGROUP_RDMA CGROUP_MISC BLK_CGROUP_IOCOST BLK_CGROUP_IOLATENCY "
	/* files */
	"BLK_DEV_RAM BLK_DEV_NBD BLK_DEV_ZONED ZRAM QUOTA QFMT_V2 TMPFS_QUOTA XFS_FS BTRFS_FS "
	"EXFAT_FS NTFS_FS NTFS3_FS NFS_FS NFSD UNICODE DEBUG_FS TRACING FTRACE DYNAMIC_DEBUG "
	"FAULT_INJECTION KASAN LOCKDEP DEBUG_KMEMLEAK FS_ENCRYPTION FS_VERITY WATCH_QUEUE "
	/* terminals and devices */
	"LEGACY_PTYS VT SERIO SERIO_SERPORT N_HDLC SLIP PPP INPUT INPUT_UINPUT SOUND SND "
	/* networking */
	"VSOCKETS IP_SCTP RDS CAN CAN_BCM XFRM XFRM_USER MPTCP TIPC TLS XDP_SOCKETS "
	"BPF_STREAM_PARSER "
	"IPVLAN VXLAN NET_CLS NET_CLS_ACT NET_SCH_INGRESS NET_CLS_TCINDEX IP_NF_IPTABLES_LEGACY "
	"IP_SET ";

/* Options whose value is a number or a string, as whole lines. */
static const char valued[] = "CONFIG_HZ=100\n"
			     "CONFIG_NODES_SHIFT=0\n"
			     "CONFIG_DEFAULT_MMAP_MIN_ADDR=65536\n"
			     "CONFIG_ARCH_MMAP_RND_BITS_MIN=28\n"
			     "CONFIG_ARCH_MMAP_RND_BITS_MAX=32\n"
			     "CONFIG_ARCH_MMAP_RND_BITS=28\n"
			     "CONFIG_DEFAULT_HOSTNAME=\"(none)\"\n"
			     "CONFIG_LOCALVERSION=\"-nestling\"\n"
			     "CONFIG_LSM=\"landlock\"\n";

/* Prints a line for each of @names to @to, by @format. Returns the number of bytes. */
static size_t lines_of(const char *names, char *to, size_t room, const char *format)
{
	const char *end;
	char name[64];
	size_t n = 0;

	for (; (end = strchr(names, ' ')); names = end + 1) {
		memcpy(name, names, (size_t)(end - names));
		name[end - names] = 0;
		n += (size_t)scnprintf(to + n, room - n, format, name);
	}
	return n;
}

static size_t config_text(char *to)
{
	size_t n = (size_t)scnprintf(to, CONFIG_MAX,
		"#\n# Automatically generated file; DO NOT EDIT.\n"
		"# Linux/x86_64 6.12.0 Kernel Configuration\n#\n%s",
		valued);

	n += lines_of(there, to + n, CONFIG_MAX - n, "CONFIG_%s=y\n");
	return n + lines_of(absent, to + n, CONFIG_MAX - n, "# CONFIG_%s is not set\n");
}

/*
 * Shows the text in gzip format: a header without optional parts, and one stored block, with its
 * length and the length's complement.
 */
static int show_config(struct seq *s, void *arg)
{
	static const u8 header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1 };
	char *text = kmalloc(CONFIG_MAX, GFP_KERNEL);
	u32 crc, size;
	u16 n, not_n;

	if (!text)
		return -ENOMEM;
	size = (u32)config_text(text);
	n = (u16)size;
	not_n = (u16)~n;
	crc = ~crc32_le(~0U, text, n);
	seq_write(s, header, sizeof(header));
	seq_write(s, &n, sizeof(n));
	seq_write(s, &not_n, sizeof(not_n));
	seq_write(s, text, n);
	seq_write(s, &crc, sizeof(crc));
	seq_write(s, &size, sizeof(size));
	kfree(text);
	return 0;
}

static int config_init(void)
{
	return proc_create("config.gz", 0444, show_config, NULL, NULL);
}
INITCALL(3, config_init);
