/* SPDX-License-Identifier: MIT */
/*
 * sysctl_more: files of /proc and /sys that tools and tests look for: type and mode, bounds, and
 * effect. On the host the test writes only the old value; settings change in the guest alone.
 */
#include "guest.h"
#include "put.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static void kinds(void)
{
	static const char *const paths[] = { "/proc/sys/kernel/numa_balancing",
		"/proc/sys/kernel/sched_deadline_period_max_us",
		"/proc/sys/kernel/sched_deadline_period_min_us", "/proc/sys/vm/zone_reclaim_mode",
		"/proc/sys/net/core/netdev_max_backlog", "/proc/sys/dev/tty/legacy_tiocsti",
		"/proc/sys/dev/tty/ldisc_autoload", "/proc/kpagecgroup", "/proc/tty/ldiscs",
		"/proc/tty/ldisc", "/sys/kernel/address_bits", "/sys/kernel/cpu_byteorder",
		"/sys/kernel/fscaps", "/sys/kernel/cgroup/delegate",
		"/sys/kernel/cgroup/features" };
	struct stat st;

	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (!stat(paths[i], &st))
			say("%s: %o %ld", paths[i], st.st_mode, (long)st.st_size);
		else
			say("%s: %s", paths[i], t_errno(errno));
}

/* Reads a file at once, in pieces, and from the middle. */
static void pieces(const char *path)
{
	char whole[4096], parts[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, whole, sizeof(whole) - 1), at = 0, k;

	lseek(fd, 0, SEEK_SET);
	while ((k = read(fd, parts + at, 3)) > 0)
		at += k;
	say("%s: %s", path,
		n == at && n > 0 && !memcmp(whole, parts, (size_t)n) ? "same" : "not the same");
	if (n > 0)
		whole[n] = 0;
	if (lseek(fd, 2, SEEK_SET) == 2 && (k = read(fd, parts, sizeof(parts))) >= 0)
		say("from the third: %s", k == n - 2 && !memcmp(parts, whole + 2, (size_t)k) ?
						  "same" :
						  "not the same");
	close(fd);
}

static void texts(void)
{
	static const char *const paths[] = { "/sys/kernel/address_bits",
		"/sys/kernel/cpu_byteorder", "/sys/kernel/fscaps", "/sys/kernel/cgroup/delegate",
		"/sys/kernel/cgroup/features", "/proc/tty/ldiscs",
		"/proc/sys/kernel/sched_deadline_period_min_us" };
	char text[64] = "";
	int fd;

	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		pieces(paths[i]);
	for (unsigned i = 0; i < 3; i++) {
		fd = open(paths[i], O_RDONLY);
		text[read(fd, text, sizeof(text) - 1)] = 0;
		close(fd);
		say("%s", text);
	}
}

static long deadline(unsigned long period)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = { sizeof(a), 6, 0, 0, 0, 20000, period, period };
	struct sched_param p = { 0 };
	long r = syscall(SYS_sched_setattr, 0, &a, 0);
	int err = errno;

	if (!r)
		sched_setscheduler(0, SCHED_OTHER, &p);
	errno = err;
	return r;
}

#define DL "/proc/sys/kernel/sched_deadline_period_"

static void periods(void)
{
	G(deadline(99000), "-1 EINVAL");
	G(deadline(100000), "0");
	G(put(DL "min_us", "200"), "3");
	G(deadline(199000), "-1 EINVAL");
	G(deadline(200000), "0");
	G(put(DL "max_us", "199"), "-1 EINVAL");
	G(put(DL "max_us", "1000"), "4");
	G(deadline(1000000), "0");
	G(deadline(1001000), "-1 EINVAL");
	G(put(DL "min_us", "1001"), "-1 EINVAL");
	G(put(DL "min_us", "x"), "-1 EINVAL");
	G(put(DL "max_us", "4194304"), "7");
	G(put(DL "min_us", "100"), "3");
}

static void tiocsti(void)
{
	int m, s;

	NEED(openpty(&m, &s, NULL, NULL, NULL));
	if (!fork()) {
		setsid();
		ioctl(s, TIOCSCTTY, 0);
		if (setuid(65534))
			_exit(1);
		T(ioctl(s, TIOCSTI, "x"));
		_exit(0);
	}
	wait(NULL);
	G(put("/proc/sys/dev/tty/legacy_tiocsti", "0"), "1");
	if (!fork()) {
		setsid();
		ioctl(s, TIOCSCTTY, 0);
		if (setuid(65534))
			_exit(1);
		G(ioctl(s, TIOCSTI, "x"), "-1 EIO");
		_exit(0);
	}
	wait(NULL);
	T(ioctl(s, TIOCSTI, "x"));
	G(put("/proc/sys/dev/tty/legacy_tiocsti", "2"), "-1 EINVAL");
	G(put("/proc/sys/dev/tty/legacy_tiocsti", "1"), "1");
	close(m);
	close(s);
}

static void pages(void)
{
	uint64_t words[64], id = 1;
	int fd = (int)NEED(open("/proc/kpagecgroup", O_RDONLY));

	T(read(fd, words, 12));
	T(pread(fd, words, sizeof(words), 4));
	T(pread(fd, words, sizeof(words), 0));
	for (unsigned i = 0; i < 64; i++)
		id &= words[i] < 1000000;
	say("numbers of groups: %d", (int)id);
	close(fd);
}

TEST(sysctl_more)
{
	kinds();
	texts();
	periods();
	tiocsti();
	pages();
}
