/* SPDX-License-Identifier: MIT */
/*
 * autogroup_shares: two sessions on one CPU, with one and with three tasks that compute. Each task
 * gets a quarter of it; with sched_autogroup_enabled each session gets half, and with a nice level
 * less than the other. Those who leave their session or end are in no group that has gone.
 */
#include "guest.h"

#include <pthread.h>

#define TASKS 4
#define SWITCH "/proc/sys/kernel/sched_autogroup_enabled"

static pid_t pids[TASKS];

static void spin(void)
{
	for (volatile long n = 0;; n++)
		;
}

static double used(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	NEED0(clock_getcpuclockid(pid, &clock));
	NEED(clock_gettime(clock, &ts));
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Says what the first session gets of the next 0.6 seconds that all of them compute. */
static void share(const char *what)
{
	double begin[TASKS], first = 0, all = 0;

	for (int i = 0; i < TASKS; i++)
		begin[i] = used(pids[i]);
	while (all < 0.6) {
		sleep_ms(20);
		all = 0;
		for (int i = 0; i < TASKS; i++)
			all += used(pids[i]) - begin[i];
		first = used(pids[0]) - begin[0];
	}
	first /= all;
	if (first > 0.4 && first < 0.6)
		say("%s: half", what);
	else if (first > 0.17 && first < 0.33)
		say("%s: a quarter", what);
	else if (first < 0.17)
		say("%s: little", what);
	else
		say("%s: %.2f", what, first);
}

static void begin(void)
{
	t_one_cpu();
	for (int i = 0; i < TASKS; i++) {
		pids[i] = SPAWN({
			if (i < 2)
				NEED(setsid());
			if (i == 1)
				for (int k = 2; k < TASKS; k++)
					if (!fork())
						break;
			spin();
		});
		if (i == 1)
			break;
	}
}

/* Finds the two children of the second session's leader. */
static void find_children(void)
{
	char path[64], text[64];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pids[1], pids[1]);
	T_WAIT(({
		FILE *f = fopen(path, "r");

		n = f && fgets(text, sizeof(text), f) ? sscanf(text, "%d %d", &pids[2], &pids[3]) :
							0;
		if (f)
			fclose(f);
		n == 2;
	}));
}

static void sessions(void)
{
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = SPAWN(_exit(setsid() < 0 || setsid() >= 0));

		NEED(waitpid(pid, &status, 0));
		NEED(status ? -1 : 0);
	}
}

/* Sessions that come and go, with threads, while the switch changes. */
static void come_and_go(void)
{
	pthread_t t;

	for (int i = 0; i < 20; i++) {
		pid_t pid = SPAWN({
			NEED0(pthread_create(&t, NULL, t_sleeper, NULL));
			NEED(setsid());
			t_text(SWITCH, i % 2 ? "1" : "0");
			NEED0(pthread_create(&t, NULL, t_sleeper, NULL));
			_exit(i);
		});
		int status;

		NEED(waitpid(pid, &status, 0));
		NEED(WEXITSTATUS(status) == i ? 0 : -1);
	}
	sessions();
}

static void in_the_guest(void)
{
	char path[64];

	begin();
	find_children();
	t_text(SWITCH, "0");
	share("tasks alone");
	t_text(SWITCH, "1");
	share("sessions");
	snprintf(path, sizeof(path), "/proc/%d/autogroup", pids[0]);
	t_text(path, "10");
	share("a session with nice 10");
	t_text(SWITCH, "0");
	share("tasks alone again");
	for (int i = 0; i < TASKS; i++)
		kill(pids[i], SIGKILL);
	waitpid(pids[0], NULL, 0);
	waitpid(pids[1], NULL, 0);
	come_and_go();
	t_text(SWITCH, "0");
}

TEST(autogroup_shares)
{
	if (in_guest()) {
		in_the_guest();
		return;
	}
	say("tasks alone: a quarter");
	say("sessions: half");
	say("a session with nice 10: little");
	say("tasks alone again: a quarter");
}
