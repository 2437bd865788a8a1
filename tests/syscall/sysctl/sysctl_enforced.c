/* SPDX-License-Identifier: MIT */
/*
 * sysctl_enforced: variables of /proc/sys that forbid something. They are the whole machine's, so
 * the host's side prints what Linux documents.
 */
#include "guest.h"
#include "put.h"

#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sys/msg.h>

/* Returns the mode and the value of a setting. */
static const char *seen(const char *path)
{
	static char text[80];
	char value[64] = "?";
	struct stat st = { 0 };
	int fd = open(path, O_RDONLY);

	if (fd >= 0 && !fstat(fd, &st) && read(fd, value, sizeof(value) - 1) > 0)
		value[strcspn(value, "\n")] = 0;
	close(fd);
	snprintf(text, sizeof(text), "%o %s", st.st_mode & 07777, value);
	return text;
}

static long ring(void)
{
	struct io_uring_params p = { 0 };
	long fd = syscall(SYS_io_uring_setup, 2, &p);

	if (fd >= 0)
		close((int)fd);
	return fd < 0 ? fd : 0;
}

#define DISABLED "/proc/sys/kernel/io_uring_disabled"
#define GROUP "/proc/sys/kernel/io_uring_group"

static void ring_of(const char *who, unsigned gid, const char *want)
{
	say("%s", who);
	CHILD({
		if (in_guest()) {
			t_become(1000, gid);
		}
		G(ring(), want);
	});
}

static void rings(void)
{
	GT(seen(DISABLED), "644 0");
	GT(seen(GROUP), "644 -1");
	G(put(DISABLED, "1"), "1");
	G(ring(), "0");
	ring_of("nobody", 1000, "-1 EPERM");
	G(put(GROUP, "1000"), "4");
	ring_of("of the group", 1000, "0");
	ring_of("of none", 1001, "-1 EPERM");
	G(put(DISABLED, "2"), "1");
	G(ring(), "-1 EPERM");
	G(put(DISABLED, "3"), "-1 EINVAL");
	G(put(DISABLED, "0"), "1");
	ring_of("of none", 1001, "0");
	G(put(GROUP, "-1"), "2");
}

#define RATE "/proc/sys/kernel/perf_event_max_sample_rate"

static long sampler(unsigned long freq)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_DUMMY,
		.freq = 1,
		.sample_freq = freq };
	long fd = syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);

	if (fd >= 0)
		close((int)fd);
	return fd < 0 && errno == EINVAL;
}

static void rate(void)
{
	G(put(RATE, "0"), "-1 EINVAL");
	G(put(RATE, "5000"), "4");
	G(sampler(5001), "1");
	G(sampler(5000), "0");
	G(put(RATE, "100000"), "6");
	G(sampler(5001), "0");
}

static void notify(void)
{
	int fd = GNEED(open(".", O_RDONLY));

	signal(SIGIO, SIG_IGN);
	GT(seen("/proc/sys/fs/dir-notify-enable"), "644 1");
	G(put("/proc/sys/fs/dir-notify-enable", "0"), "1");
	G(fcntl(fd, F_NOTIFY, DN_CREATE), "-1 EINVAL");
	G(put("/proc/sys/fs/dir-notify-enable", "1"), "1");
	G(fcntl(fd, F_NOTIFY, DN_CREATE), "0");
}

#define NEXT "/proc/sys/kernel/msg_next_id"

static void next_id(void)
{
	int id;

	GT(seen(NEXT), "444 -1");
	G(put(NEXT, "65541"), "5");
	id = G(msgget(IPC_PRIVATE, 0600), "65541");
	GT(seen(NEXT), "444 -1");
	G(msgctl(id, IPC_RMID, NULL), "0");
	G(put(NEXT, "-1"), "-1 EINVAL");
	CHILD({
		if (in_guest())
			NEED(setuid(1000));
		G(put(NEXT, "7"), "-1 EACCES");
	});
}

static void others(void)
{
	GT(seen("/proc/sys/kernel/acct"), "644 4\t2\t30");
	GT(seen("/proc/sys/kernel/arch"), "444 x86_64");
	G(put("/proc/sys/kernel/acct", "5 3"), "3");
	G(put("/proc/sys/kernel/acct", "4 2 30"), "6");
	G(put("/proc/sys/kernel/acct", "x"), "-1 EINVAL");
	GT(seen("/proc/sys/kernel/acct"), "644 4\t2\t30");
	G(put("/proc/sys/vm/mmap_rnd_bits", "33"), "-1 EINVAL");
	G(put("/proc/sys/vm/mmap_rnd_bits", "32"), "2");
	CHILD({ execl("/proc/self/exe", "sysctl_enforced", "end", NULL); });
	G(put("/proc/sys/vm/mmap_rnd_bits", "28"), "2");
}

/* Returns how many lines of a program are in the kernel's log. */
static int lines(int log, const char *mode)
{
	int fd = GNEED(open("/dev/kmsg", O_WRONLY)), found = 0;
	char text[1024];
	ssize_t n;

	if (!in_guest())
		return 0;
	NEED(put("/proc/sys/kernel/printk_devkmsg", mode));
	NEED(lseek(log, 0, SEEK_END));
	for (int i = 0; i < 12; i++)
		NEED(write(fd, "<6>sysctl_enforced says so", 26));
	close(fd);
	while ((n = read(log, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		found += strstr(text, "sysctl_enforced says so") != NULL;
	}
	return found;
}

static void devkmsg(void)
{
	static const char path[] = "/proc/sys/kernel/printk_devkmsg";
	int log = GNEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	GT(seen(path), "644 on");
	G(lines(log, "off"), "0");
	G(lines(log, "ratelimit"), "10");
	G(lines(log, "on\n"), "12");
	G(put(path, "maybe"), "-1 EINVAL");
	GT(seen(path), "644 on");
}

/* Variables that Linux keeps without a use, and read-only ones. */
static void idle(void)
{
	GT(seen("/proc/sys/kernel/auto_msgmni"), "644 0");
	G(put("/proc/sys/kernel/auto_msgmni", "1"), "1");
	GT(seen("/proc/sys/kernel/auto_msgmni"), "644 0");
	G(put("/proc/sys/kernel/auto_msgmni", "2"), "-1 EINVAL");
	GT(seen("/proc/sys/kernel/core_modes"), "444 file");
	GT(seen("/proc/sys/vm/stat_refresh"), "600 ?");
	G(put("/proc/sys/vm/stat_refresh", "1"), "1");
	GT(seen("/proc/sys/kernel/hung_task_check_count"), "644 4194304");
	G(put("/proc/sys/kernel/hung_task_check_count", "-1"), "-1 EINVAL");
}

TEST(sysctl_enforced)
{
	if (t_argc > 1)
		return;
	rings();
	rate();
	notify();
	next_id();
	others();
	devkmsg();
	idle();
}
