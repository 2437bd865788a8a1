/* SPDX-License-Identifier: MIT */
/*
 * rttime: RLIMIT_RTTIME: a real-time task that does not sleep is signalled, then killed; a task
 * that sleeps in between is not.
 */
#include "t.h"

static void busy(long ms)
{
	struct timespec start, now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

static void limit_time(rlim_t soft, rlim_t hard)
{
	struct rlimit limit = { soft, hard };

	NEED(setrlimit(RLIMIT_RTTIME, &limit));
}

static void become_realtime(void)
{
	struct sched_param sp = { 5 };

	NEED(sched_setscheduler(0, SCHED_FIFO, &sp));
}

/* Checks that a process which computes for longer than the limit, but sleeps in between, lives. */
static bool sleeper_lives(void)
{
	int status;
	pid_t pid = SPAWN({
		limit_time(400000, 400000);
		become_realtime();
		for (int i = 0; i < 8; i++) {
			busy(60);
			sleep_ms(2);
		}
	});

	NEED(waitpid(pid, &status, 0));
	return !status;
}

TEST(rttime)
{
	bool lives = false;

	CHILD({
		t_handle(SIGXCPU, 0);
		limit_time(50000, 1000000000);
		become_realtime();
		while (!t_signals)
			;
		say("told %s", t_signame(t_last_signal));
		/* only now: a busy host may miss the first */
		limit_time(50000, 200000);
		busy(10000);
	});
	/* time without the host's CPU may count */
	for (int i = 0; i < 10 && !lives; i++)
		lives = sleeper_lives();
	say("a task that sleeps in between lives: %d", lives);
	CHILD({
		limit_time(10000, 10000);
		busy(50); /* no real-time task */
	});
}
