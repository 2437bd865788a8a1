/* SPDX-License-Identifier: MIT */
/*
 * terminal_host.c: terminals of the host that are in raw mode while the kernel has them, and as they were afterwards, however the kernel
 * ends (os_at_exit; stopping; SIGKILL: the zygote guards the user's own).
 *
 * A background job must not touch its terminal; it is taken when it comes to the front.
 * Locks: table_lock; the end and SIGTSTP look at it without, as they may only do what is async-signal-safe.
 */
#include <pthread.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/console/internal_host.h"
#include "os-linux/host.h"
#include "os-linux/os_space.h"

static struct {
	int fd;
	int users;
	struct termios before, now;
} terminals[16];
#define SLOTS (int)(sizeof(terminals) / sizeof(terminals[0]))
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

static void terminals_restore(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (terminals[i].users)
			tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].before);
}

static void terminals_retake(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (terminals[i].users)
			tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].now);
}

void terminals_init(void)
{
	os_at_exit(terminals_restore);
	os_at_stop(terminals_restore, terminals_retake);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The slot of the terminal @fd, else a free one if @add, else -1. */
static int find_slot(int fd, bool add)
{
	int spare = -1;

	for (int i = 0; i < SLOTS; i++) {
		if (terminals[i].users && same_file(terminals[i].fd, fd))
			return i;
		if (!terminals[i].users)
			spare = i;
	}
	return add ? spare : -1;
}

void terminal_take(int fd)
{
	int i;

	if (!isatty(fd))
		return;
	pthread_mutex_lock(&table_lock);
	i = find_slot(fd, true);
	if (i >= 0 && !terminals[i].users && !tcgetattr(fd, &terminals[i].before)) {
		terminals[i].fd = fd;
		terminals[i].now = terminals[i].before;
		cfmakeraw(&terminals[i].now);
		os_guard_terminal(fd);
		terminals[i].users = 1;
		if (tcgetpgrp(fd) == -1 || tcgetpgrp(fd) == getpgrp())
			tcsetattr(fd, TCSANOW, &terminals[i].now);
	} else if (i >= 0 && terminals[i].users) {
		terminals[i].users++;
	}
	pthread_mutex_unlock(&table_lock);
}

void terminal_release(int fd)
{
	int i;

	if (!isatty(fd))
		return;
	pthread_mutex_lock(&table_lock);
	i = find_slot(fd, false);
	if (i >= 0 && !--terminals[i].users)
		tcsetattr(fd, TCSANOW, &terminals[i].before);
	pthread_mutex_unlock(&table_lock);
}
