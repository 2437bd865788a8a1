/* SPDX-License-Identifier: MIT */
/*
 * pty_hangup: which processes hear that a terminal is gone: when its master is closed, when the
 * session's leader releases it, or ends. Each process keeps SIGHUP and SIGCONT blocked and prints
 * at the end which have come.
 */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

/* a byte each way */
struct talk {
	int to[2], from[2];
};

static void tell(const int *p)
{
	NEED(write(p[1], "x", 1));
}

static void hear(const int *p)
{
	char c;

	NEED(read(p[0], &c, 1) == 1 ? 0 : -1);
}

static void talk_open(struct talk *t)
{
	NEED(pipe(t->to));
	NEED(pipe(t->from));
}

static void talk_close(const struct talk *t)
{
	for (int i = 0; i < 2; i++) {
		close(t->to[i]);
		close(t->from[i]);
	}
}

static struct talk leads, front, back;

/* Prints the signals that have come so far. */
static void pending(const char *who)
{
	sigset_t s;

	sigpending(&s);
	say("  %s:%s%s", who, sigismember(&s, SIGHUP) ? " HUP" : "",
		sigismember(&s, SIGCONT) ? " CONT" : "");
}

/* Starts a child in its own process group, which prints its signals when it is asked. */
static pid_t member(const char *who, const struct talk *t)
{
	pid_t pid = SPAWN({
		setpgid(0, 0);
		tell(t->from);
		hear(t->to);
		pending(who);
		tell(t->from);
	});

	hear(t->from);
	return pid;
}

static void ask(const struct talk *t)
{
	tell(t->to);
	hear(t->from);
}

enum how { CLOSED, NOTTY, LEAVES, CLOSED_LEAVES, CLOSED_NEW_LEAVES, CLOSED_NONE_LEAVES };

static void end_it(enum how how)
{
	struct termios t;

	if (how == LEAVES)
		return;
	if (how == NOTTY)
		T(ioctl(slave, TIOCNOTTY));
	T(tcgetattr(slave, &t));
	if (how == CLOSED_NEW_LEAVES) { /* with it the old group is forgotten */
		int m = NEED(posix_openpt(O_RDWR | O_NOCTTY));

		NEED(grantpt(m) | unlockpt(m));
		NEED(open(ptsname(m), O_RDWR));
	}
	if (how == CLOSED_NONE_LEAVES)
		T(open("/dev/tty", O_RDWR));
}

/* The session's leader: reports that all are ready, does what @how says, and exits. */
static void leader(enum how how, bool other)
{
	pid_t pid;

	NEED(setsid());
	slave = NEED(open(ptsname(master), O_RDWR));
	close(master);
	pid = member("foreground", &front);
	member("background", &back);
	if (other) {
		signal(SIGTTOU, SIG_IGN);
		NEED(tcsetpgrp(slave, pid));
	}
	tell(leads.from);
	hear(leads.to);
	end_it(how);
	pending("leader");
	tell(leads.from);
	hear(leads.to);
}

static void session(const char *what, enum how how, bool other)
{
	bool leaves = how >= LEAVES;
	pid_t pid;

	say("%s, %s", what, other ? "another group in front" : "the leader in front");
	talk_open(&leads);
	talk_open(&front);
	talk_open(&back);
	master = NEED(posix_openpt(O_RDWR | O_NOCTTY));
	NEED(grantpt(master) | unlockpt(master));
	pid = SPAWN(leader(how, other));
	hear(leads.from);
	if (how != NOTTY && how != LEAVES)
		close(master);
	ask(&leads);
	if (leaves) {
		tell(leads.to);
		t_wait("  leader", pid);
	}
	ask(&front);
	ask(&back);
	if (!leaves) {
		tell(leads.to);
		t_wait("  leader", pid);
	}
	if (how == NOTTY || how == LEAVES)
		close(master);
	talk_close(&leads);
	talk_close(&front);
	talk_close(&back);
}

TEST(pty_hangup)
{
	static const char *const names[] = { "the master is closed", "TIOCNOTTY",
		"the leader leaves", "the master is closed, the leader leaves",
		"closed, another terminal, the leader leaves",
		"closed, no other terminal, the leader leaves" };
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGHUP);
	sigaddset(&s, SIGCONT);
	NEED(sigprocmask(SIG_BLOCK, &s, NULL));
	for (int other = 0; other < 2; other++)
		for (enum how how = CLOSED; how <= CLOSED_NONE_LEAVES; how++)
			session(names[how], how, other);
}
