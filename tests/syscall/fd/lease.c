/* SPDX-License-Identifier: MIT */
/*
 * fcntl(F_SETLEASE): which files may have a lease, what breaks it, the signal, releasing,
 * downgrading, waiting, and the time limit.
 */
#include "await.h"
#include "guest.h"

static volatile sig_atomic_t signalled, signal_fd, signal_code;

static void on_break(int sig, siginfo_t *info, void *uc)
{
	signalled = sig;
	signal_fd = info->si_fd;
	signal_code = info->si_code;
}

static void having(void)
{
	int r = NEED(open("f", O_RDONLY)), w = NEED(open("f", O_RDWR)),
	    d = NEED(open(".", O_RDONLY));

	G(fcntl(r, F_GETLEASE), "2");
	G(fcntl(r, F_SETLEASE, 77), "-1 EINVAL");
	G(fcntl(r, F_SETLEASE, F_UNLCK), "-1 EAGAIN");
	G(fcntl(r, F_SETLEASE, F_RDLCK), "-1 EAGAIN"); /* for writing */
	G(fcntl(w, F_SETLEASE, F_WRLCK), "-1 EAGAIN"); /* for reading */
	G(fcntl(d, F_SETLEASE, F_RDLCK), "-1 EINVAL");
	close(w);
	G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
	G(fcntl(r, F_GETLEASE), "0");
	w = NEED(open("f", O_RDONLY));
	G(fcntl(w, F_GETLEASE), "2");
	G(fcntl(w, F_SETLEASE, F_RDLCK), "0"); /* two may read */
	G(fcntl(w, F_SETLEASE, F_WRLCK), "-1 EAGAIN");
	close(w);
	G(fcntl(r, F_SETLEASE, F_WRLCK), "0");
	G(fcntl(r, F_GETLEASE), "1");
	G(fcntl(r, F_SETLEASE, F_UNLCK), "0");
	CHILD({
		NEED(setuid(65534));
		G(fcntl(r, F_SETLEASE, F_RDLCK), "-1 EACCES");
	});
	close(r);
	close(d);
}

static void wait_signal(void)
{
	if (in_guest())
		t_await_signal(&signalled, 1);
}

/*
 * A process that waits for the holder and reports by its exit status only: it is freed by a call
 * whose result the holder prints, so the order of two lines would be random.
 */
#define WAITER(e)                                                                                  \
	SPAWN({                                                                                    \
		close(r);                                                                          \
		_exit((e) < 0 ? errno : 0);                                                        \
	})

/* The holder gives up the lease when it gets the signal. */
static void breaking(void)
{
	int r = NEED(open("f", O_RDONLY));
	pid_t pid;

	G(fcntl(r, F_SETSIG, SIGUSR1), "0");
	G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
	OK(close(open("f", O_RDONLY))); /* readers do not mind each other */
	GIS(signalled == 0);
	G(open("f", O_RDWR | O_NONBLOCK), "-1 EAGAIN");
	wait_signal();
	GIS(signalled == SIGUSR1 && signal_fd == r && signal_code == POLL_MSG);
	G(fcntl(r, F_GETLEASE), "2"); /* the lease after the break */
	pid = WAITER(open("f", O_RDWR));
	if (in_guest())
		t_until(pid, 'S');
	G(fcntl(r, F_SETLEASE, F_UNLCK), "0");
	t_wait("child", pid);
	signalled = 0;
	G(fcntl(r, F_GETSIG), "0"); /* forgotten with the lease */
	G(fcntl(r, F_SETSIG, SIGUSR1), "0");
	G(fcntl(r, F_SETLEASE, F_WRLCK), "0");
	pid = WAITER(open("f", O_RDONLY));
	wait_signal();
	GIS(signalled == SIGUSR1);
	G(fcntl(r, F_GETLEASE), "0");
	G(fcntl(r, F_SETLEASE, F_RDLCK), "0"); /* weaker will do */
	t_wait("child", pid);
	signalled = 0;
	pid = WAITER(truncate("f", 1));
	wait_signal();
	GIS(signalled == SIGUSR1);
	close(r); /* closing gives it up, too */
	t_wait("child", pid);
}

/*
 * Which process is signalled, and with which descriptor. Without an owner it is the process that
 * took the lease last.
 */
static void whose(void)
{
	int r = NEED(open("f", O_RDONLY)), d = NEED(dup(r));

	G(fcntl(r, F_SETSIG, SIGUSR1), "0");
	G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
	G(fcntl(d, F_SETLEASE, F_RDLCK), "0");
	GIS(fcntl(r, F_GETOWN) == getpid());
	signalled = 0;
	G(open("f", O_RDWR | O_NONBLOCK), "-1 EAGAIN");
	wait_signal();
	GIS(signalled == SIGUSR1 && signal_fd == d);
	G(fcntl(r, F_SETLEASE, F_UNLCK), "0");
	G(fcntl(r, F_GETOWN), "0");
	G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
	G(fcntl(r, F_SETOWN, 0), "0");
	G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
	GIS(fcntl(r, F_GETOWN) == getpid());
	CHILD({
		G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
		GIS(fcntl(r, F_GETOWN) == getppid());
		G(fcntl(r, F_SETLEASE, F_UNLCK), "0");
		G(fcntl(r, F_SETLEASE, F_RDLCK), "0");
		GIS(fcntl(r, F_GETOWN) == getpid());
		NEED(setuid(65534));
		G(fcntl(r, F_SETLEASE, F_UNLCK), "-1 EACCES");
		G(fcntl(r, F_GETLEASE), "0");
	});
	close(d);
	close(r);
}

/* A holder that does nothing loses the lease after a while. */
static void late(void)
{
	int r = NEED(open("f", O_RDONLY)),
	    time = in_guest() ? open("/proc/sys/fs/lease-break-time", O_RDWR) : -1;

	if (in_guest())
		write(time, "1", 1);
	G(fcntl(r, F_SETLEASE, F_WRLCK), "0");
	CHILD({
		close(r);
		OK(open("f", O_RDWR));
	});
	G(fcntl(r, F_GETLEASE), "2");
	if (in_guest())
		pwrite(time, "45", 2, 0);
}

TEST(lease)
{
	struct sigaction sa = { .sa_sigaction = on_break, .sa_flags = SA_SIGINFO | SA_RESTART };

	NEED(sigaction(SIGUSR1, &sa, NULL));
	NEED(sigaction(SIGIO, &sa, NULL));
	t_text("f", "text");
	having();
	breaking();
	whose();
	late();
}
