/* SPDX-License-Identifier: MIT */
/*
 * signalfd4(2), signalfd(2): what is read, polling, changing the mask, and which process's signals
 * a reader gets.
 */
#include "t.h"
#include <sys/signalfd.h>

TEST(signalfd)
{
	struct signalfd_siginfo si[4];
	sigset_t set;
	union sigval v = { .sival_int = 99 };
	struct pollfd p = { .events = POLLIN };
	uint64_t raw = 1ull << (SIGUSR1 - 1);
	int fd, n, i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = NEED(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	p.fd = fd;
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & O_NONBLOCK);
	T(read(fd, si, sizeof(si)));
	T(poll(&p, 1, 0));
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, v);
	sigqueue(getpid(), SIGRTMIN, v);
	T(poll(&p, 1, 0));
	n = read(fd, si, sizeof(si));
	say("%d records", n / (int)sizeof(si[0]));
	for (i = 0; i < n / (int)sizeof(si[0]); i++)
		say("signo %u code %d pid %d int %d", si[i].ssi_signo, si[i].ssi_code,
			si[i].ssi_pid == (uint32_t)getpid(), si[i].ssi_int);
	kill(getpid(), SIGUSR1);
	T(read(fd, si, sizeof(si[0]) - 1));
	T(read(fd, BAD, sizeof(si[0])));
	T(read(fd, si, sizeof(si)));
	sigdelset(&set, SIGUSR1);
	T(signalfd(fd, &set, 0) == fd);
	kill(getpid(), SIGUSR1);
	T(read(fd, si, sizeof(si)));
	t_handle(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	say("handled %d", t_signals);
	/* a child reads its own signals from the inherited one */
	CHILD({
		kill(getppid(), SIGUSR2);
		T(read(fd, si, sizeof(si)));
		raise(SIGUSR2);
		T(read(fd, si, sizeof(si)) == sizeof(si[0]));
		say("from me: %d", si[0].ssi_pid == (uint32_t)getpid());
	});
	T(read(fd, si, sizeof(si)) == sizeof(si[0]));
	T(signalfd(1, &set, 0));
	T(signalfd(-1, &set, 0x100));
	T(syscall(SYS_signalfd4, -1, &raw, 4, 0));
	T(syscall(SYS_signalfd4, -1, BAD, 8, 0));
	T(syscall(SYS_signalfd4, 999, &raw, 8, 0));
	OK(syscall(SYS_signalfd, -1, &raw, 8));

	/* a blocking read waits */
	fd = NEED(signalfd(-1, &set, 0));
	sigprocmask(SIG_BLOCK, &set, NULL);
	{
		pid_t me = getpid(), pid = SPAWN({
			t_until(me, 'S');
			kill(me, SIGUSR1);
		});

		T(read(fd, si, sizeof(si)) == sizeof(si[0]));
		say("from the child: %d", si[0].ssi_pid == (uint32_t)pid);
		t_wait("child", pid);
	}
}

/* What a signal of F_SETSIG says of the descriptor. */
TEST(signalfd_poll)
{
	const int sigs[] = { 0, SIGUSR1, SIGRTMIN, SIGCHLD };
	struct signalfd_siginfo si;
	sigset_t set;
	int fd, p[2];

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = NEED(signalfd(-1, &set, SFD_NONBLOCK));
	for (int i = 0; i < 4; i++) {
		NEED(pipe(p));
		NEED(fcntl(p[0], F_SETFL, O_ASYNC));
		NEED(fcntl(p[0], F_SETOWN, getpid()));
		NEED(fcntl(p[0], F_SETSIG, sigs[i]));
		NEED(write(p[1], "x", 1));
		T(read(fd, &si, sizeof(si)));
		say("signo %u code %d fd %d band %#x pid %d ptr %d", si.ssi_signo, si.ssi_code,
			si.ssi_fd == p[0], si.ssi_band, si.ssi_pid != 0, si.ssi_ptr != 0);
		close(p[0]);
		close(p[1]);
	}
}
