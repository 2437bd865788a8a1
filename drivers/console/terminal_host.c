/* SPDX-License-Identifier: MIT */
/*
 * terminal_host.c: terminals of the host, which are in raw mode while the kernel uses them. Their
 * settings are restored however the kernel ends: by os_at_exit(), by the handler of SIGTSTP, and
 * after SIGKILL or abort() by the zygote, which does so for the first few terminals.
 *
 * A background job must not change its terminal; it sets raw mode when it comes to the foreground.
 * Locks: table_lock. The exit function and the handler of SIGTSTP read the table without it, since
 * they must be async-signal-safe.
 */
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/console/internal_host.h"
#include "os-linux/host.h"
#include "os-linux/os_space.h"

static struct {
	int fd;
	int users;
	int guard; /* its slot in the zygote, or -errno */
	struct termios before, now;
} terminals[16];
#define SLOTS (int)(sizeof(terminals) / sizeof(terminals[0]))
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
/* Set once when the process ends: no terminal is set to raw mode any more. */
static int over;

static void terminals_restore(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (terminals[i].users)
			tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].before);
}

static void go_raw(int i)
{
	if (__atomic_load_n(&over, __ATOMIC_SEQ_CST))
		return;
	tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].now);
	if (__atomic_load_n(&over, __ATOMIC_SEQ_CST)) /* os_at_exit() may have run meanwhile */
		tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].before);
}

/* True unless this process is in a background job of the terminal. */
static bool may_take(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	return foreground == -1 || foreground == getpgrp();
}

static void terminals_retake(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (terminals[i].users && may_take(terminals[i].fd))
			go_raw(i);
}

static void terminals_end(void)
{
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	terminals_restore();
}

void terminals_init(void)
{
	os_at_exit(terminals_end);
	os_at_stop(terminals_restore, terminals_retake);
}

/* True for /dev/tty, whose device number differs from that of the terminal behind it. */
static bool is_dev_tty(const struct stat *st)
{
	return major(st->st_rdev) == 5 && minor(st->st_rdev) == 0;
}

static bool same_terminal(int a, int b)
{
	struct stat x, y;
	unsigned p, q;

	if (host_fstat(a, &x) || host_fstat(b, &y))
		return false;
	if (x.st_dev == y.st_dev && x.st_ino == y.st_ino)
		return true;
	return (is_dev_tty(&x) || is_dev_tty(&y)) && !ioctl(a, TIOCGDEV, &p) &&
	       !ioctl(b, TIOCGDEV, &q) && p == q;
}

/* Returns the slot of terminal @fd. If it has none, returns a free slot if @add, else -1. */
static int find_slot(int fd, bool add)
{
	int spare = -1;

	for (int i = 0; i < SLOTS; i++) {
		if (terminals[i].users && same_terminal(terminals[i].fd, fd))
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
		terminals[i].guard = os_guard_terminal(fd);
		terminals[i].users = 1;
		if (may_take(fd))
			go_raw(i);
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
	if (i >= 0 && !--terminals[i].users) {
		tcsetattr(fd, TCSANOW, &terminals[i].before);
		os_unguard_terminal(terminals[i].guard);
	}
	pthread_mutex_unlock(&table_lock);
}
