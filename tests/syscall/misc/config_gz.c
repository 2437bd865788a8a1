/* SPDX-License-Identifier: MIT */
/*
 * config_gz: /proc/config.gz names the options that are there: suites skip a test whose option is
 * not set. The host's own configuration is not looked at.
 */
#include "guest.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/io.h>

static char text[65536], types[4096], groups[4096];

static void slurp(const char *path, char *to, size_t size)
{
	int fd = NEED(open(path, O_RDONLY));
	ssize_t n, at = 0;

	while ((n = read(fd, to + at, size - 1 - (size_t)at)) > 0)
		at += n;
	to[at] = 0;
	close(fd);
}

/* length of a gzip header and of the header of a stored block */
#define HEADER 15

static bool set(const char *option)
{
	char line[80];

	snprintf(line, sizeof(line), "\nCONFIG_%s=y\n", option);
	return strstr(text + HEADER, line);
}

static bool known(const char *option)
{
	char line[80];

	snprintf(line, sizeof(line), "\n# CONFIG_%s is not set\n", option);
	return set(option) || strstr(text + HEADER, line);
}

static bool has_call(long r)
{
	return r >= 0 || errno != ENOSYS;
}

static bool has_type(const char *type)
{
	char line[80];

	snprintf(line, sizeof(line), "\t%s\n", type);
	return strstr(types, line);
}

static bool has_controller(const char *name)
{
	char line[80];

	snprintf(line, sizeof(line), "\n%s\t", name);
	return strstr(groups, line);
}

#define AGREE(option, there) GIS(set(option) == (there))

TEST(config_gz)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK
	};

	if (in_guest()) {
		slurp("/proc/config.gz", text, sizeof(text));
		slurp("/proc/filesystems", types, sizeof(types));
		slurp("/proc/cgroups", groups, sizeof(groups));
	}
	GIS(strstr(text + HEADER, "\nCONFIG_LSM=\"landlock\"\n"));
	AGREE("SECURITY_LANDLOCK", has_call(syscall(SYS_landlock_create_ruleset, NULL, 0, 1)));
	AGREE("BPF_SYSCALL", has_call(syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0)));
	AGREE("PERF_EVENTS", syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) >= 0);
	AGREE("SECRETMEM", syscall(SYS_memfd_secret, 0) >= 0);
	AGREE("MODIFY_LDT_SYSCALL", has_call(syscall(SYS_modify_ldt, 0, NULL, 0)));
	AGREE("USERFAULTFD", has_call(syscall(SYS_userfaultfd, ~0)));
	AGREE("KCMP", has_call(syscall(SYS_kcmp, 0, 0, 99, 0, 0)));
	AGREE("SWAP", has_call(syscall(SYS_swapon, "nowhere", 0)));
	AGREE("TIME_NS", !access("/proc/self/ns/time", F_OK));
	AGREE("VFAT_FS", has_type("vfat"));
	AGREE("ISO9660_FS", has_type("iso9660"));
	AGREE("SQUASHFS", has_type("squashfs"));
	AGREE("OVERLAY_FS", has_type("overlay"));
	AGREE("BINFMT_MISC", has_type("binfmt_misc"));
	AGREE("XFS_FS", has_type("xfs"));
	AGREE("BTRFS_FS", has_type("btrfs"));
	AGREE("HAVE_ARCH_MMAP_RND_BITS", !access("/proc/sys/vm/mmap_rnd_bits", F_OK));
	AGREE("CPUSETS", !access("/proc/self/cpuset", F_OK));
	AGREE("MEMCG", has_controller("memory"));
	AGREE("BLK_CGROUP", has_controller("blkio"));
	AGREE("CGROUP_HUGETLB", has_controller("hugetlb"));
	AGREE("CGROUP_PERF", has_controller("perf_event"));
	AGREE("CGROUP_NET_CLASSID", has_controller("net_cls"));
	AGREE("CGROUP_NET_PRIO", has_controller("net_prio"));
	AGREE("CGROUP_CPUACCT", has_controller("cpuacct"));
	AGREE("CGROUP_RDMA", has_controller("rdma"));
	AGREE("CGROUP_MISC", has_controller("misc"));
	AGREE("X86_IOPL_IOPERM", !geteuid() && ioperm(0x80, 1, 0) == 0);
	AGREE("NET_SCHED", !access("/proc/net/psched", F_OK));
	AGREE("TUN", !access("/dev/net/tun", F_OK));
	GIS(known("KSM") && known("CPUSETS") && known("QUOTA") && known("NETFILTER"));
}
