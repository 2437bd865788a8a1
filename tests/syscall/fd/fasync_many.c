/* SPDX-License-Identifier: MIT */
/*
 * fasync_many: a pipe with many readers that want SIGIO: each is signalled for a write, by its
 * descriptor, also while readers come and go. A writer does not signal all processes of all owners.
 * Times are checked in the guest only.
 */
#include "guest.h"

#define READERS 500
#define MANY 4000
#define MEMBERS 30
#define ROUNDS 12
/* A write must cost less than signals to this many groups of MEMBERS, and so signal few of MANY. */
#define ENOUGH 200

static int ends[2], fds[MANY];

static void open_readers(int n, int owner, int sig)
{
	char path[64];

	NEED(pipe(ends));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	for (int i = 0; i < n; i++) {
		fds[i] = NEED(open(path, O_RDONLY | O_NONBLOCK));
		NEED(fcntl(fds[i], F_SETOWN, owner));
		NEED(fcntl(fds[i], F_SETSIG, sig));
		NEED(fcntl(fds[i], F_SETFL, O_ASYNC | O_NONBLOCK));
	}
}

static void close_readers(int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
	close(ends[0]);
	close(ends[1]);
}

/* Returns how many of @n descriptors are named by at least one signal. */
static int count_told(int n, int sig)
{
	struct timespec patience = { 20, 0 };
	static char told[MANY + 64];
	siginfo_t info;
	sigset_t set;
	int count = 0;

	memset(told, 0, sizeof(told));
	sigemptyset(&set);
	sigaddset(&set, sig);
	while (count < n && sigtimedwait(&set, &info, &patience) == sig) {
		count += !told[info.si_fd] && info.si_code == POLL_IN;
		told[info.si_fd] = 1;
	}
	return count;
}

static void all_are_told(void)
{
	char c;

	t_block(SIGRTMIN);
	open_readers(READERS, getpid(), SIGRTMIN);
	for (int k = 0; k < 3; k++) {
		NEED(write(ends[1], "x", 1));
		say("told: %d", count_told(READERS, SIGRTMIN));
		NEED(read(ends[0], &c, 1));
	}
	close_readers(READERS);
}

static long time_of(bool writes)
{
	struct timespec a, b;
	char c;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (writes)
		NEED(write(ends[1], "x", 1));
	else
		NEED(kill(0, SIGIO));
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (writes)
		NEED(read(ends[0], &c, 1));
	return (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
}

static long least_of(bool writes)
{
	long least = LONG_MAX;

	for (int k = 0; k < ROUNDS; k++) {
		long t = time_of(writes);

		least = t < least ? t : least;
	}
	return least;
}

static void beside_many(void)
{
	long write_ns, kill_ns;

	NEED(setpgid(0, 0));
	signal(SIGIO, SIG_IGN);
	for (int i = 0; i < MEMBERS; i++)
		if (!NEED(fork())) {
			pause();
			_exit(0);
		}
	kill_ns = least_of(false);
	open_readers(MANY, -getpgrp(), 0);
	write_ns = least_of(true);
	if (getenv("FASYNC_MANY_TIMES"))
		say("a group %ld ns, a write %ld ns", kill_ns, write_ns);
	say("a write tells few: %s", !in_guest() || write_ns < ENOUGH * kill_ns ? "yes" : "no");
	for (int i = 0; i < MANY; i += 2) /* while they are being told */
		NEED(fcntl(fds[i], F_SETFL, O_NONBLOCK));
	NEED(write(ends[1], "x", 1));
	close_readers(MANY);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
}

TEST(fasync_many)
{
	t_soft_limit(RLIMIT_NOFILE, MANY + 64);
	CHILD(all_are_told());
	CHILD(beside_many());
}
