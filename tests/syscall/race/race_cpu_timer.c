/* SPDX-License-Identifier: MIT */
/*
 * race_cpu_timer: timers on the CPU clock of another process, which lets them expire while their
 * owner sets, stops and deletes them, execs, or ends. A stopped timer sends nothing any more.
 */
#include "await.h"

static volatile sig_atomic_t seen;
static clockid_t clock_of_spinner;

static void count(int sig)
{
	seen++;
}

static timer_t create(int sig)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
	timer_t id;

	NEED(timer_create(clock_of_spinner, &ev, &id));
	return id;
}

static void start(timer_t id, long ns)
{
	struct itimerspec t = { { 0, ns }, { 0, ns } };

	NEED(timer_settime(id, 0, &t, NULL));
}

/*
 * Waits for a signal in every second call, then for up to most of a period: what follows meets the
 * next signal at any moment.
 */
static void a_while(int i)
{
	long end;

	t_await_signal(&seen, i % 2);
	end = now_us() + i % 8 * 120;
	while (now_us() < end)
		;
}

static void stopped(void)
{
	timer_t id = create(SIGUSR1);
	int late = 0;

	for (int i = 0; i < 100; i++) {
		seen = 0;
		start(id, 1000000);
		a_while(i);
		start(id, 0);
		seen = 0;
		for (int n = 0; n < 20; n++)
			sched_yield();
		late += seen;
	}
	say("after it was stopped: %d", late);
	T(timer_delete(id));
}

static void deleted(void)
{
	int late = 0;

	for (int i = 0; i < 80; i++) {
		timer_t id = create(SIGUSR1);

		seen = 0;
		start(id, 1000000);
		a_while(i);
		NEED(timer_delete(id));
		seen = 0;
		sched_yield();
		late += seen;
	}
	say("after it was deleted: %d", late);
}

static void armed(int n)
{
	signal(SIGUSR2, SIG_IGN);
	for (int i = 0; i < n; i++) /* ignored, blocked and pending, real-time */
		start(create(i % 2 ? SIGRTMIN : SIGUSR2), 1000000 + i);
}

/* Runs children with eight timers each, which end or exec a program that begins without timers. */
static void gone(bool exec)
{
	for (int i = 0; i < 24; i++) {
		pid_t pid = SPAWN({
			sigset_t all;

			seen = 0;
			sigfillset(&all);
			sigdelset(&all, SIGUSR1);
			sigprocmask(SIG_BLOCK, &all, NULL);
			armed(8);
			start(create(SIGUSR1), 1000000);
			a_while(i);
			sigaddset(&all, SIGUSR1);
			sigprocmask(SIG_BLOCK, &all, NULL);
			if (exec)
				execl("/proc/self/exe", "race_cpu_timer", "end", NULL);
		});
		int status;

		NEED(waitpid(pid, &status, 0));
		if (status)
			t_status("owner", status);
	}
	say("%s: done", exec ? "other programs" : "ends");
}

TEST(race_cpu_timer)
{
	pid_t pid;

	if (t_argc > 1)
		return;
	signal(SIGUSR1, count);
	pid = SPAWN({
		while (getppid() != 1)
			;
	});
	NEED0(clock_getcpuclockid(pid, &clock_of_spinner));
	stopped();
	deleted();
	gone(false);
	gone(true);
	kill(pid, SIGKILL);
	t_wait("spinner", pid);
}
