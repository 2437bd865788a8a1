/* SPDX-License-Identifier: MIT */
/*
 * audit_host.c: writes the audit's lines (audit_host.h).
 *
 * Times are the host's, even if the guest has set its clock.
 *
 * Locks: one, under which a line gets its time and is written, so that times increase. The count of
 * lost lines is written in their place.
 */
#include "drivers/audit/audit_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/host.h"

/*
 * The descriptor to which lines are written, or -1 without an audit. Set while parameters are
 * parsed.
 */
static int out = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long lost; /* number of lost lines; under lock */
/* True if the last line was written in part, because the disk is full; under lock. */
static bool torn;

/* Number of the user's descriptor, which the broker of a jail inherits, too; @out is a copy. */
static int inherited;

/*
 * Runs in the broker, which starts the helpers of network cards that are added later: they get the
 * descriptor from audit_host_fd().
 */
static void take_in_broker(const char *number)
{
	out = atoi(number);
}

static void before_jail(void)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", inherited);
	os_jail_run(take_in_broker, number);
}

int audit_host_open(int fd)
{
	int flags = fcntl(fd, F_GETFL), copy;
	struct stat st;

	/* Refuse the kernel's own descriptors: those close on exec, inherited ones do not. */
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fcntl(fd, F_GETFD) & FD_CLOEXEC)
		return -EBADF;
	if (host_fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) && fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	if (out >= 0) /* the parameter was given before */
		close(out);
	else
		os_at_jail(before_jail);
	out = copy;
	inherited = fd;
	return 0;
}

int audit_host_fd(void)
{
	return out;
}

/*
 * Writes one line, under lock. Returns false if it was not written in full: there was no room, the
 * line is longer than PIPE_BUF, or the write failed.
 */
static bool put_line(const char *text, size_t n)
{
	char line[PIPE_BUF];
	struct timespec now;
	ssize_t done;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	len = snprintf(line, sizeof(line), "%s{\"time\":%ld.%06ld,%.*s\n", torn ? "\n" : "",
		(long)now.tv_sec, now.tv_nsec / 1000, (int)n, text);
	if (len < 0 || (size_t)len >= sizeof(line))
		return false;
	do
		done = write(out, line, (size_t)len);
	while (done < 0 && errno == EINTR);
	if (done > 0)
		torn = done < len;
	return done == len;
}

/* Writes the line that counts the lost lines, under lock. Returns false as put_line() does. */
static bool put_lost(void)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "\"event\":\"lost\",\"lines\":%lu}", lost);

	return put_line(text, (size_t)n);
}

void audit_host_add(const char *text, size_t n)
{
	pthread_mutex_lock(&lock);
	if (lost && put_lost())
		lost = 0;
	if (lost || !put_line(text, n))
		lost++;
	pthread_mutex_unlock(&lock);
}

void audit_host_lose(void)
{
	pthread_mutex_lock(&lock);
	lost++;
	pthread_mutex_unlock(&lock);
}
