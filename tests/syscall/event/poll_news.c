/* SPDX-License-Identifier: MIT */
/*
 * poll_news: what poll(2) and epoll report of files in /proc and /sys, before and after they are
 * read and when they change.
 */
#include "t.h"
#include "guest.h"
#include "mounts.h"
#include <sys/epoll.h>
#include <sys/mount.h>

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM)

static int state(int fd)
{
	struct pollfd p = { fd, ALL, 0 };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void file(const char *path)
{
	int fd = open(path, O_RDONLY), ep = NEED(epoll_create1(0)), unread;
	struct epoll_event ev = { .events = EPOLLIN };
	char c;

	if (fd < 0) {
		say("%s: %s", path, t_errno(errno));
		close(ep);
		return;
	}
	unread = state(fd);
	NEED(read(fd, &c, 1));
	say("%s: %#x, then %#x, epoll: %s", path, unread, state(fd),
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? t_errno(errno) : "yes");
	close(fd);
	close(ep);
}

/* Prints the results of seeking in an attribute, of syncing it, and of opening it to write. */
static void attribute(const char *path)
{
	int fd = NEED(open(path, O_RDONLY));

	say("%s", path);
	T(lseek(fd, 0, SEEK_END));
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, -1, SEEK_SET));
	T(fsync(fd));
	T(fdatasync(fd));
	T(open(path, O_WRONLY));
	T(open(path, O_RDWR));
	close(fd);
}

static void pressure(void)
{
	int fd = GNEED(open("/proc/pressure/memory", O_RDONLY));

	G(state(fd), "335");
	G(close(fd), "0");
}

/*
 * The host name changes in a UTS namespace of the test's own, and each reader that polls the
 * sysctls is woken once.
 */
static void names(void)
{
	int host, domain;

	if (in_guest())
		NEED(unshare(CLONE_NEWUTS));
	host = GNEED(open("/proc/sys/kernel/hostname", O_RDWR));
	domain = GNEED(open("/proc/sys/kernel/domainname", O_RDONLY));
	G(state(host), "325");
	G(sethostname("here", 4), "0");
	G(state(host), "75");
	G(state(host), "325");
	G(state(domain), "325");
	G(setdomainname("there", 5), "0");
	G(state(domain), "75");
	G(write(host, "again", 5), "5");
	G(state(host), "75");
	G(state(host), "325");
	GNEED(close(host));
	GNEED(close(domain));
}

static void *change(void *arg)
{
	t_until_sleeps(arg);
	NEED(sethostname("late", 4));
	return NULL;
}

/* A waiting reader is woken. */
static void waiting(void)
{
	struct pollfd p = { -1, POLLPRI, 0 };
	static volatile pid_t tid;
	pthread_t t;

	if (in_guest()) {
		p.fd = NEED(open("/proc/sys/kernel/hostname", O_RDONLY));
		pthread_create(&t, NULL, change, (void *)&tid);
		tid = (pid_t)syscall(SYS_gettid);
	}
	G(poll(&p, 1, 100000), "1");
	GIS(p.revents == (POLLERR | POLLPRI));
	if (in_guest()) {
		pthread_join(t, NULL);
		close(p.fd);
	}
}

static void mounts(void)
{
	int fd;

	if (in_guest()) {
		own_mounts();
		NEED(mkdir("m", 0755));
	}
	fd = GNEED(open("/proc/self/mounts", O_RDONLY));
	G(state(fd), "65");
	G(mount("none", "m", "tmpfs", 0, NULL), "0");
	G(state(fd), "75");
	G(state(fd), "65");
	G(umount2("m", 0), "0");
	G(state(fd), "75");
	GNEED(close(fd));
}

/* No reader, not even root, can read a write-only variable. */
static void write_only(void)
{
	G(open("/proc/sys/vm/drop_caches", O_RDONLY), "-1 EACCES");
	G(open("/proc/sys/vm/drop_caches", O_RDWR), "-1 EACCES");
}

TEST(poll_news)
{
	static const char *const files[] = { "/proc/loadavg", "/proc/meminfo", "/proc/self/mounts",
		"/proc/self/mountinfo", "/proc/self/mountstats", "/proc/self/status",
		"/proc/self/maps", "/proc/net/dev", "/proc/self/net/dev", "/proc/sys/kernel/ostype",
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/pid_max",
		"/sys/kernel/uevent_seqnum", "/sys/devices/system/cpu/possible" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		file(files[i]);
	attribute("/sys/kernel/uevent_seqnum");
	pressure();
	names();
	waiting();
	mounts();
	write_only();
}
