/* SPDX-License-Identifier: MIT */
/*
 * pty_outlives: a pseudo terminal whose session leader ends, or releases it: which processes are
 * signalled, and that the rest of the session reads and writes on.
 */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

/* to the foreground's child, to the background's; from each */
static int go[2][2], done[2];
static volatile sig_atomic_t hups, conts;

static void count(int sig)
{
	if (sig == SIGHUP)
		hups++;
	else
		conts++;
}

static void hear_from(int child)
{
	char c = 0;

	NEED(write(go[child][1], "g", 1));
	NEED(read(done[0], &c, 1));
}

static void report(int which, int s)
{
	char c, line[2];

	NEED(write(done[1], "r", 1));
	NEED(read(go[which][0], &c, 1));
	say("%s: SIGHUP %d, SIGCONT %d", which ? "background" : "foreground", (int)hups,
		(int)conts);
	T(write(s, "x", 1));
	T(tcgetpgrp(s));
	T(tcgetsid(s));
	T(open("/dev/tty", O_RDWR));
	NEED(write(done[1], "d", 1));
	NEED(read(go[which][0], &c, 1));
	if (which)
		T(read(s, line, sizeof(line)));
	close(s);
	NEED(write(done[1], "e", 1));
	_exit(0);
}

/* Leads a session with a child in its own group and one in another, until a byte comes. */
static void lead(const char *name, int end, bool gives_up)
{
	int s, i;
	char c;

	setsid();
	s = NEED(open(name, O_RDWR));
	signal(SIGHUP, count);
	signal(SIGCONT, count);
	for (i = 0; i < 2; i++)
		if (!NEED(fork())) {
			if (i)
				setpgid(0, 0);
			report(i, s);
		}
	NEED(read(end, &c, 1));
	if (gives_up)
		T(ioctl(s, TIOCNOTTY));
}

static void take_over(const char *name)
{
	int s;

	setsid();
	s = NEED(open(name, O_RDWR));
	IS(tcgetsid(s) == getpid());
}

static void outlives(bool gives_up)
{
	int m = NEED(posix_openpt(O_RDWR | O_NOCTTY)), end[2], i;
	char name[64], buf[64];
	long n, all = 0;
	pid_t leader;

	say("the leader %s", gives_up ? "gives it up" : "ends");
	NEED(grantpt(m) | unlockpt(m));
	snprintf(name, sizeof(name), "%s", ptsname(m));
	NEED(pipe(end));
	NEED(pipe(done));
	for (i = 0; i < 2; i++)
		NEED(pipe(go[i]));
	leader = SPAWN({
		close(m);
		lead(name, end[0], gives_up);
	});
	for (i = 0; i < 2; i++)
		NEED(read(done[0], buf, 1));
	NEED(write(end[1], "e", 1));
	t_wait("leader", leader);
	hear_from(0);
	hear_from(1);
	NEED(write(m, "k\n", 2));
	hear_from(0);
	hear_from(1);
	while ((n = read(m, buf, sizeof(buf))) > 0)
		all += n;
	say("the master got %ld and %s", all, t_errno(errno));
	CHILD(take_over(name));
	close(m);
}

TEST(pty_outlives)
{
	outlives(false);
	outlives(true);
}
