/* SPDX-License-Identifier: MIT */
/*
 * kmsg: /proc/kmsg gives each unread record once, in the format of syslog(2); waiting, and
 * permissions. The records are shared with the machine, so only the guest is asked.
 */
#include "guest.h"

#include <poll.h>

static void say_into_log(const char *text)
{
	int fd = GNEED(open("/dev/kmsg", O_WRONLY));

	G(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "1");
	close(fd);
}

/* Reads the log to its end. Stores the last record in @last. */
static void drain(int fd, char *last, size_t size)
{
	ssize_t n;

	*last = 0;
	while (in_guest() && (n = read(fd, last, size - 1)) > 0)
		last[n] = 0;
}

/* Returns how many records from here on end with @text. */
static int records(int fd, const char *text)
{
	static char record[8192];
	ssize_t n;
	int found = 0;

	while (in_guest() && (n = read(fd, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		found += strstr(record, text) != NULL;
	}
	return found;
}

/*
 * Records that `dmesg -c` cleared are not shown by the next dmesg, which seeks to the data. A
 * reader that begins at the start still gets them.
 */
static void cleared(void)
{
	int fd = GNEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	say_into_log("<5>old line");
	G(syscall(SYS_syslog, 5, NULL, 0), "0");
	say_into_log("<5>new line");
	G(lseek(fd, 0, SEEK_DATA), "0");
	G(records(fd, ";old line\n"), "0");
	G(lseek(fd, 0, SEEK_DATA), "0");
	G(records(fd, ";new line\n"), "1");
	G(lseek(fd, 0, SEEK_SET), "0");
	G(records(fd, ";old line\n"), "1");
	G(lseek(fd, 0, SEEK_CUR), "-1 EINVAL");
	G(lseek(fd, 1, SEEK_SET), "-1 ESPIPE");
	if (in_guest())
		close(fd);
}

/* A number above all facilities that fit does not cut the message, and is not the kernel's. */
static void facility(void)
{
	int fd = GNEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	G(lseek(fd, 0, SEEK_END), "0");
	say_into_log("<256>of no facility");
	G(records(fd, ";of no facility\n"), "1");
	G(lseek(fd, 0, SEEK_END), "0");
	say_into_log("<257>of none either");
	G(records(fd, "9,"), "1");
	if (in_guest())
		close(fd);
}

/* kernel.printk_delay delays the writer of each message. */
static void delayed(void)
{
	struct timespec a, b;
	int fd = GNEED(open("/proc/sys/kernel/printk_delay", O_WRONLY));

	GNEED(write(fd, "50", 2));
	clock_gettime(CLOCK_MONOTONIC, &a);
	say_into_log("<7>late");
	clock_gettime(CLOCK_MONOTONIC, &b);
	GNEED(pwrite(fd, "0", 1, 0));
	GIS((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 50000000L);
	if (in_guest())
		close(fd);
}

static void restricted(const char *value)
{
	int fd = GNEED(open("/proc/sys/kernel/dmesg_restrict", O_WRONLY));

	GNEED(write(fd, value, 1));
	if (in_guest())
		close(fd);
}

/* dmesg_restrict=1 closes the device to ordinary users, as it closes syslog(2). */
static void closed(void)
{
	restricted("1");
	CHILD({
		int fd = GNEED(open("/dev/kmsg", O_RDONLY));

		if (in_guest())
			close(fd);
		GNEED(setuid(65534));
		G(open("/dev/kmsg", O_RDONLY), "-1 EPERM");
		G(syscall(SYS_syslog, 3, NULL, 0), "-1 EPERM");
		G(syscall(SYS_syslog, 10, NULL, 0), "-1 EPERM");
	});
	restricted("0");
	CHILD({
		GNEED(setuid(65534));
		G(open("/dev/kmsg", O_RDONLY) > 0, "1");
		G(syscall(SYS_syslog, 10, NULL, 0) > 0, "1");
	});
}

static long fails_reading(int fd, char *text, size_t size)
{
	return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0) == 1 ? read(fd, text, size) : 0;
}

/* A reader whose records were overwritten gets EPIPE once, then the oldest record. */
static void overwritten(void)
{
	static char text[8192], filler[800];
	int fd = GNEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
	int out = GNEED(open("/dev/kmsg", O_WRONLY));
	struct pollfd p = { fd, POLLIN, 0 };

	if (in_guest()) {
		NEED(lseek(fd, 0, SEEK_END));
		memset(filler, 'f', sizeof(filler));
		for (int i = 0; i < 4000; i++)
			NEED(write(out, filler, sizeof(filler)));
		NEED(poll(&p, 1, 0));
	}
	G(p.revents, "9"); /* POLLIN, and unasked POLLERR */
	G(fails_reading(fd, text, sizeof(text)), "-1 EPIPE");
	G(fails_reading(fd, text, sizeof(text)) > 800, "1");
	G(lseek(fd, 0, SEEK_SET), "0");
	G(fails_reading(fd, text, sizeof(text)) > 800, "1");
	if (in_guest()) {
		close(fd);
		close(out);
	}
}

/* A reader that waits for a record does not block another reader of the same open file. */
static void together(void)
{
	static char text[8192];
	int fd = GNEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
	pid_t pid[2];

	drain(fd, text, sizeof(text));
	GNEED(fcntl(fd, F_SETFL, 0));
	for (int i = 0; i < 2 && in_guest(); i++) {
		pid[i] = SPAWN(read(fd, text, sizeof(text)));
		t_until(pid[i], 'S');
	}
	GNEED(fcntl(fd, F_SETFL, O_NONBLOCK));
	G(read(fd, text, sizeof(text)), "-1 EAGAIN");
	for (int i = 1; i >= 0; i--) {
		GNEED(kill(pid[i], SIGKILL));
		G(waitpid(pid[i], NULL, 0) == pid[i], "1");
	}
	if (in_guest())
		close(fd);
}

TEST(kmsg)
{
	static char text[8192];
	int fd = GNEED(open("/proc/kmsg", O_RDONLY | O_NONBLOCK));
	struct pollfd p = { fd, POLLIN, 0 };

	drain(fd, text, sizeof(text));
	G(read(fd, text, sizeof(text)), "-1 EAGAIN");
	G(poll(&p, 1, 0), "0");
	say_into_log("<5>a line of ours");
	G(poll(&p, 1, 100000), "1");
	drain(fd, text, sizeof(text));
	GIS(!strncmp(text, "<", 1) && strstr(text, "] a line of ours\n"));
	say_into_log("<5>another");
	G(read(fd, text, 5), "-1 EINVAL"); /* not even one line fits */
	G(syscall(SYS_syslog, 2, text, sizeof(text)) > 0, "1");
	G(read(fd, text, sizeof(text)), "-1 EAGAIN"); /* the call has taken it */
	CHILD({
		GNEED(setuid(65534));
		G(open("/proc/kmsg", O_RDONLY), "-1 EACCES");
	});
	if (in_guest())
		close(fd);
	cleared();
	facility();
	delayed();
	closed();
	together();
	overwritten();
}
