/* SPDX-License-Identifier: MIT */
/* RLIMIT_RTTIME: a real-time task that does not sleep is told, then killed; one that sleeps in between is not. */
#include "t.h"

static void busy(long ms)
{
	struct timespec start, now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

static void become_realtime(rlim_t soft, rlim_t hard)
{
	struct rlimit limit = { soft, hard };
	struct sched_param sp = { 5 };

	NEED(setrlimit(RLIMIT_RTTIME, &limit));
	NEED(sched_setscheduler(0, SCHED_FIFO, &sp));
}

TEST(rttime)
{
	CHILD({
		t_handle(SIGXCPU, 0);
		become_realtime(50000, 1000000);
		while (!t_signals)
			;
		say("told %d %s", t_signals, t_signame(t_last_signal));
		busy(10000);
	});
	CHILD({
		become_realtime(1000000, 1000000);
		for (int i = 0; i < 8; i++) {
			busy(150);
			sleep_ms(2);
		}
	});
	CHILD({
		struct rlimit limit = { 10000, 10000 };

		NEED(setrlimit(RLIMIT_RTTIME, &limit));
		busy(50); /* no real-time task */
	});
}
