/* SPDX-License-Identifier: MIT */
/*
 * proc_numbers: /proc/PID: how written numbers are parsed; owners of the files; the network of a
 * process that has ended; which users may write sys/user.
 */
#include "put.h"

#include <linux/capability.h>

static void one(const char *name, const char *value)
{
	char path[64], now[40] = "";
	long n, got;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	n = put(path, value);
	err = errno;
	fd = NEED(open(path, O_RDONLY));
	got = read(fd, now, sizeof(now) - 1);
	close(fd);
	now[got > 0 ? strcspn(now, "\n") : 0] = 0;
	say("%s <- %zu \"%s\" = %ld %s, now %s", name, strlen(value), *value == '\n' ? "" : value,
		n, n < 0 ? t_errno(err) : "", now);
}

static void owners(void)
{
	struct stat st;

	T(chown("/proc/self/stat", getuid(), getgid()));
	T(chown("/proc/self/stat", 12345, -1));
	NEED(stat("/proc/self/stat", &st));
	say("ours: %d", st.st_uid == geteuid());
	T(chmod("/proc/self/stat", 0444));
}

static void ended(void)
{
	pid_t pid = SPAWN(pause());
	char path[64], dents[1024];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/net", pid);
	fd = NEED(open(path, O_RDONLY | O_DIRECTORY));
	T(faccessat(fd, "dev", F_OK, 0));
	kill(pid, SIGKILL);
	t_until(pid, 'Z');
	close(fd);
	fd = NEED(open(path, O_RDONLY | O_DIRECTORY));
	T(syscall(SYS_getdents64, fd, dents, sizeof(dents)));
	T(openat(fd, "dev", O_RDONLY));
	T(faccessat(fd, "tcp", F_OK, 0));
	close(fd);
	t_wait("child", pid);
}

/* A caller without CAP_SYS_RESOURCE finds them read-only, root or not. */
static void maxima(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	NEED(syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	data[0].permitted = data[0].effective; /* access() looks at these */
	NEED(syscall(SYS_capset, &head, data));
	T(access("/proc/sys/user/max_user_namespaces", R_OK));
	T(access("/proc/sys/user/max_user_namespaces", W_OK));
	OK(open("/proc/sys/user/max_user_namespaces", O_RDONLY));
	T(open("/proc/sys/user/max_user_namespaces", O_WRONLY));
	T(open("/proc/sys/user/max_user_namespaces", O_RDWR));
}

TEST(proc_numbers)
{
	static const char *const oom[] = { "5", " 6", "7 ", "0x10", "010", "\t9\n", "1001",
		"99999999999", "99999999999999999999", "", " ", "5x", "+8", "20 20" };
	static const char *const filter[] = { "0x21", "33", "041", "0x100000000",
		"99999999999999999999", "", "1x" };
	static const char *const slack[] = { "70000", "0x20000", "99999999999999999999", "" };

	for (size_t i = 0; i < sizeof(oom) / sizeof(*oom); i++)
		one("oom_score_adj", oom[i]);
	one("oom_score_adj", "1000");
	for (size_t i = 0; i < sizeof(filter) / sizeof(*filter); i++)
		one("coredump_filter", filter[i]);
	for (size_t i = 0; i < sizeof(slack) / sizeof(*slack); i++)
		one("timerslack_ns", slack[i]);
	owners();
	ended();
	CHILD(maxima());
}
