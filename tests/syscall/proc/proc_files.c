/* SPDX-License-Identifier: MIT */
/*
 * The small files of a process in /proc: pagemap, map_files, fdinfo of each kind, coredump_filter,
 * oom_adj, comm, io, and how they are read.
 */
#include "t.h"
#include "put.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static char text[65536];

static int slurp(const char *path)
{
	int fd = open(path, O_RDONLY), n, len = 0;

	text[0] = 0;
	if (fd == -1)
		return -1;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = 0;
	close(fd);
	return n < 0 ? -1 : len;
}

static long put_at(const char *path, const char *value, off_t at)
{
	int fd = NEED(open(path, O_RDWR));
	long r = pwrite(fd, value, strlen(value), at);
	int err = errno;

	close(fd);
	errno = err;
	return r;
}

/* Prints which files can be written at a position. */
static void at_position(void)
{
	T(put_at("/proc/self/comm", "name", 0));
	T(put_at("/proc/self/timerslack_ns", "60000", 0));
	T(put_at("/proc/self/autogroup", "1", 0));
	T(put_at("/proc/self/coredump_filter", "0x33", 1));
	T(put("/proc/self/comm", "proc_files"));
	T(put("/proc/self/timerslack_ns", "50000"));
}

static void pagemap(void)
{
	int fd = NEED(open("/proc/self/pagemap", O_RDONLY));
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t e[4] = { 0 };
	off_t at = (off_t)((uintptr_t)p / PAGE * 8);
	struct iovec v[2] = { { p, PAGE }, { p + PAGE, 2L * PAGE } };

	p[PAGE] = 1;
	T(pread(fd, e, sizeof(e), at));
	say("touched: present %d file %d ", (int)(e[1] >> 63), (int)(e[1] >> 61 & 1));
	say("swap bits: %d %d", (int)(e[0] >> 62 & 1), (int)(e[1] >> 62 & 1));
	T(pread(fd, e, 7, at));
	T(pread(fd, e, 8, at + 1));
	T(write(fd, e, 8));
	NEED(munmap(p + 2 * PAGE, PAGE));
	T(lseek(fd, 16, SEEK_SET));
	T(read(fd, p + PAGE, 2 * PAGE)); /* its second half is not there */
	T(lseek(fd, 0, SEEK_CUR));
	T(read(fd, p + PAGE, PAGE));
	T(lseek(fd, 0, SEEK_CUR));
	T(readv(fd, v, 2)); /* what the first one got has been read */
	T(lseek(fd, 0, SEEK_CUR));
	v[1].iov_len = 12;
	T(readv(fd, v, 2));
	v[0].iov_len = 4;
	T(readv(fd, v, 2));
	T(lseek(fd, 0, SEEK_CUR));
	close(fd);
	T(put("/proc/self/clear_refs", "5"));
	T(put("/proc/self/clear_refs", "9"));
	T(put("/proc/self/clear_refs", "x"));
}

/* Prints the names of the lines, the text before the colon. */
static void info(const char *what, int fd)
{
	char path[64], *line, *save = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	NEED(slurp(path));
	say("%s:", what);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "pos:", 4) || !strncmp(line, "flags:", 6))
			say("  %s", line);
		else if (!strncmp(line, "lock:", 5))
			say("  lock: %.23s", strchr(line, ' ') + 1);
		else if (strncmp(line, "eventfd-", 8) ||
			 line[8] == 'c') /* younger kernels say more */
			say("  %.*s", (int)strcspn(line, ": \t"), line);
	}
	close(fd);
}

static void fdinfos(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd, ep, p[2];
	sigset_t set;

	info("eventfd", eventfd(3, EFD_NONBLOCK));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	info("signalfd", signalfd(-1, &set, SFD_CLOEXEC));
	info("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	ep = epoll_create1(0);
	NEED(pipe(p));
	epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev);
	info("epoll", ep);
	fd = inotify_init();
	inotify_add_watch(fd, ".", IN_CREATE);
	info("inotify", fd);
	fd = NEED(open("f", O_RDWR | O_CREAT | O_APPEND, 0600));
	NEED(write(fd, "abc", 3));
	NEED(flock(fd, LOCK_EX));
	info("file", fd);
}

static void partial(void)
{
	char whole[8192], part[8192];
	int fd = NEED(open("/proc/self/limits", O_RDONLY)), n, i, m = 0;

	n = NEED(read(fd, whole, sizeof(whole)));
	T(lseek(fd, 0, SEEK_SET));
	for (i = 0; (i = read(fd, part + m, 7)) > 0;)
		m += i;
	say("by sevens: %s", n == m && !memcmp(whole, part, n) ? "the same" : "different");
	T(pread(fd, part, 16, 20));
	say("at 20: %s", memcmp(part, whole + 20, 16) ? "different" : "the same");
	T(lseek(fd, 0, SEEK_END));
	T(read(fd, BAD, 10));
	close(fd);
	whole[n] = 0;
	say("%.100s", whole);
}

static void written(void)
{
	T(put("/proc/self/comm", "a name that is too long"));
	slurp("/proc/self/comm");
	say("comm %s", text);
	T(put("/proc/self/coredump_filter", "0x21"));
	slurp("/proc/self/coredump_filter");
	say("filter %s", text);
	CHILD(slurp("/proc/self/coredump_filter"); say("inherited %s", text));
	T(put("/proc/self/coredump_filter", "z"));
	T(put("/proc/self/oom_score_adj", "500"));
	slurp("/proc/self/oom_adj");
	say("oom_adj %s", text);
	T(put("/proc/self/oom_adj", "15"));
	slurp("/proc/self/oom_score_adj");
	say("oom_score_adj %s", text);
	T(put("/proc/self/oom_score_adj", "1001"));
	T(put("/proc/self/timerslack_ns", "70000"));
	T(slurp("/proc/self/timerslack_ns"));
	T(put("/proc/self/timerslack_ns", "0"));
	slurp("/proc/self/timerslack_ns");
	say("slack %s", text);
}

/*
 * All can read the link, but only a caller with a right over the machine can follow it past the
 * folders before it.
 */
static void followed(const char *path)
{
	struct stat st;
	char to[PATH_MAX];

	IS(readlink(path, to, sizeof(to)) > 0);
	T(lstat(path, &st));
	T(stat(path, &st));
	T(open(path, O_RDONLY));
}

static void as_nobody(void)
{
	if (getuid())
		return;
	t_become(65534, 65534);
	NEED(prctl(PR_SET_DUMPABLE, 1));
}

static void map_files(void)
{
	char path[96], to[PATH_MAX], cwd[PATH_MAX];
	int fd = NEED(open("mapped", O_RDWR | O_CREAT, 0600));
	char *p;
	int n;

	NEED(ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		(unsigned long)p + 2 * PAGE);
	n = NEED(readlink(path, to, sizeof(to) - 1));
	to[n] = 0;
	NEED(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	say("map_files: %s", !strncmp(to, cwd, strlen(cwd)) ? to + strlen(cwd) : to);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		(unsigned long)p + PAGE);
	TN("wrong bounds", readlink(path, to, sizeof(to)));
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx", (unsigned long)p);
	TN("no bounds", readlink(path, to, sizeof(to)));
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		(unsigned long)p + 2 * PAGE);
	if (!getuid())
		OK(open(path, O_RDWR));
	CHILD(as_nobody(); followed(path));
	CHILD(NEED(unshare(CLONE_NEWUSER)); followed(path));
	munmap(p, 2 * PAGE);
	close(fd);
}

/* Tests what a sleeping child shows, and which tasks have no file `children`. */
static void others(void)
{
	pid_t pid = SPAWN(pause());
	char path[64], want[16];

	t_until(pid, 'S');
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	slurp(path);
	snprintf(want, sizeof(want), "%d ", pid);
	say("children: %s", strcmp(text, want) ? text : "that one");
	T(access("/proc/self/children", F_OK));
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	slurp(path);
	say("schedstat: %d numbers", (int)sscanf(text, "%*u %*u %*u") + 3);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	T(put(path, "x"));
	kill(pid, SIGKILL);
	t_wait("child", pid);
}

static void counters(void)
{
	unsigned long r0, w0, r1, w1, c0, c1;
	int fd = NEED(open("/dev/zero", O_RDWR));
	static char buf[10000];

	NEED(slurp("/proc/self/io"));
	sscanf(text, "rchar: %lu wchar: %lu syscr: %lu", &r0, &w0, &c0);
	read(fd, buf, sizeof(buf));
	write(fd, buf, 777);
	slurp("/proc/self/io");
	sscanf(text, "rchar: %lu wchar: %lu syscr: %lu", &r1, &w1, &c1);
	say("read at least 10000: %d written 777: %d", r1 - r0 >= 10000, w1 - w0 == 777);
	say("calls: %d", c1 > c0);
	close(fd);
}

TEST(proc_files)
{
	at_position();
	pagemap();
	fdinfos();
	partial();
	written();
	map_files();
	others();
	counters();
}
