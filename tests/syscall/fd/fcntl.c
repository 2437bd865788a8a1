/* SPDX-License-Identifier: MIT */
/*
 * fcntl(2): descriptor and status flags, owner, signal, seals' absence; locks are in fcntl_lock.c.
 */
#include "t.h"
#include <sys/epoll.h>
#include <sys/inotify.h>

static void flags(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));

	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_SETFD, FD_CLOEXEC));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_SETFD, 6));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & ~0100000);
	T(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY | O_CREAT));
	T(fcntl(fd, F_GETFL) & ~0100000);
	T(fcntl(fd, F_SETFL, 0));
	T(fcntl(fd, F_GETFL) & ~0100000);
	T(fcntl(fd, F_SETFL, O_NOATIME));
	T(fcntl(fd, F_GETFL) & ~0100000);
	T(fcntl(fd, 999));
	T(fcntl(-1, F_GETFD));
	T(fcntl(-1, 999));
	fd = NEED(open("f", O_PATH));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & ~0100000);
	T(fcntl(fd, F_SETFL, 0));
	OK(fcntl(fd, F_DUPFD, 0));
}

static void owner(void)
{
	int p[2];

	NEED(pipe(p));
	T(fcntl(p[0], F_GETOWN));
	T(fcntl(p[0], F_SETOWN, getpid()));
	say("owner is me: %d", fcntl(p[0], F_GETOWN) == getpid());
	T(fcntl(p[0], F_SETOWN, -getpgrp()));
	T(fcntl(p[0], F_GETSIG));
	T(fcntl(p[0], F_SETSIG, SIGUSR1));
	T(fcntl(p[0], F_GETSIG));
	T(fcntl(p[0], F_SETSIG, 65));
	T(fcntl(p[0], F_SETSIG, -1));
}

static void async(void)
{
	int p[2];

	NEED(pipe(p));
	t_handle(SIGIO, 0);
	NEED(fcntl(p[0], F_SETOWN, getpid()));
	T(fcntl(p[0], F_SETFL, O_ASYNC));
	T(fcntl(p[0], F_GETFL));
	T(write(p[1], "x", 1));
	say("signals %d last %s", t_signals, t_signals ? t_signame(t_last_signal) : "none");
}

/* A watch of files tells by SIGIO as well. */
static void async_inotify(void)
{
	int fd = NEED(inotify_init1(IN_NONBLOCK)), on = 1;

	NEED(inotify_add_watch(fd, ".", IN_CREATE));
	NEED(fcntl(fd, F_SETOWN, getpid()));
	t_signals = 0;
	T(ioctl(fd, 0x5452 /* FIOASYNC */, &on));
	T(fcntl(fd, F_GETFL) & O_ASYNC);
	NEED(close(open("made", O_CREAT | O_RDWR, 0600)));
	say("signals %d last %s", t_signals, t_signals ? t_signame(t_last_signal) : "none");
	T(fcntl(fd, F_SETFL, 0));
	NEED(close(open("another", O_CREAT | O_RDWR, 0600)));
	say("signals %d", t_signals);
	close(fd);
}

/*
 * A file that sends no signals does not accept O_ASYNC. The inode that anonymous files share cannot
 * be changed.
 */
static void anonymous(void)
{
	int fd = NEED(epoll_create1(0)), pidfd = NEED(syscall(SYS_pidfd_open, getpid(), 0)), on = 1;
	struct stat st;

	T(fcntl(fd, F_SETFL, O_ASYNC));
	T(fcntl(fd, F_GETFL) & O_ASYNC);
	T(ioctl(fd, 0x5452, &on));
	T(fchmod(fd, 0777));
	T(fchown(fd, getuid(), -1));
	T(fchmod(pidfd, 0777));
	T(fchown(pidfd, getuid(), -1));
	NEED(fstat(fd, &st));
	say("mode %o", st.st_mode);
	T(syscall(SYS_execveat, fd, "", (char *[]){ "x", NULL }, NULL, AT_EMPTY_PATH));
	close(fd);
	close(pidfd);
}

TEST(fcntl)
{
	flags();
	owner();
	async();
	async_inotify();
	anonymous();
}
