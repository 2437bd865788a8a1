/* SPDX-License-Identifier: MIT */
/*
 * sysctl_writes: effects of writes to files of /proc/sys; /dev/userfaultfd. The host's side prints
 * what Linux documents.
 */
#include "guest.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

static long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err;
	long n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? n : 0;
}

static long number(const char *path)
{
	char buf[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		return -1;
	close(fd);
	return atol(buf);
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void last_pid(void)
{
	const char *file = "/proc/sys/kernel/ns_last_pid";
	char text[16];
	pid_t pid = child();

	snprintf(text, sizeof(text), "%d", pid - 1);
	G(put(file, text), "0");
	GIS(child() == pid);
	G(put(file, "-1"), "-1 EINVAL");
	G(put(file, "x"), "-1 EINVAL");
	if (in_guest()) {
		CHILD({
			setuid(1000);
			T(put(file, text));
		});
	} else {
		say("put(file, text) = -1 EPERM");
		say("child: exited 0");
	}
}

static void rr(void)
{
	const char *file = "/proc/sys/kernel/sched_rr_timeslice_ms";

	G(put(file, "7"), "0");
	G(number(file), "7");
	G(put(file, "-1"), "0");
	GIS(number(file) > 7);
	G(put(file, "0"), "0");
	GIS(number(file) > 7);
}

static void device(void)
{
	int fd = in_guest() ? open("/dev/userfaultfd", O_RDWR | O_CLOEXEC) : -1;
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = in_guest() ? ioctl(fd, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK) : -1;

	GIS(fd >= 0);
	GIS(uffd >= 0);
	G(ioctl(uffd, UFFDIO_API, &api), "0");
	G(ioctl(fd, USERFAULTFD_IOC_NEW, 4), "-1 EINVAL");
	G(ioctl(fd, UFFDIO_API, &api), "-1 EINVAL");
}

static void others(void)
{
	const char *file = "/proc/sys/fs/pipe-max-size";
	char text[100] = "";
	int fd = in_guest() ? open("/proc/sys/kernel/seccomp/actions_avail", O_RDONLY) : -1;

	if (fd >= 0)
		read(fd, text, sizeof(text) - 1);
	GT(text, "kill_process kill_thread trap errno user_notif trace log allow\n");
	G(put(file, "1"), "0");
	G(number(file), "4096");
	G(put(file, "-1"), "-1 EINVAL");
	G(put(file, "1048576"), "0");
}

/* Numbers may be of base 8, 10 or 16, and have no plus sign. */
static void numbers(void)
{
	const char *own = "/proc/sys/vm/dirty_expire_centisecs",
		   *net = "/proc/sys/net/ipv4/ip_default_ttl";

	G(put(own, "+5"), "-1 EINVAL");
	G(put(own, "0x1000"), "0");
	GIS(number(own) == 4096);
	G(put(own, "3000"), "0");
	G(put(net, "+5"), "-1 EINVAL");
	G(put(net, "0x20"), "0");
	GIS(number(net) == 32);
	G(put(net, "0100"), "0");
	GIS(number(net) == 64);
	G(put("/proc/sys/user/max_mnt_namespaces", "0x7fff"), "0");
	GIS(number("/proc/sys/user/max_mnt_namespaces") == 32767);
}

TEST(sysctl_writes)
{
	numbers();
	last_pid();
	rr();
	device();
	others();
}
