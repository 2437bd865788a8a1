/* SPDX-License-Identifier: MIT */
/*
 * Programs that never call the kernel share the processors; sleepers are woken in between; nice
 * values weigh.
 */
#include "t.h"

static volatile long *counts;

static int ran(void)
{
	int n = 0;

	for (int i = 0; i < 8; i++)
		n += counts[i] > 0;
	return n;
}

TEST(preempt)
{
	pid_t pid[8];
	cpu_set_t one;
	int i;
	long start, timely = 0, was[2];
	bool less = false;

	counts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one));
	for (i = 0; i < 8; i++)
		pid[i] = SPAWN(for (;;) counts[i]++);
	T_WAIT(ran() == 8);
	say("%d of 8 spinners ran", ran());
	/* on a busy host some sleeps end late */
	for (i = 0; i < 100 && timely < 6; i++) {
		start = now_ms();
		sleep_ms(5);
		timely += now_ms() - start <= 200;
	}
	say("sleeps among spinners end in time: %d", timely == 6);
	for (i = 0; i < 8; i++) {
		kill(pid[i], SIGKILL);
		NEED(waitpid(pid[i], NULL, 0));
	}
	for (i = 0; i < 2; i++) {
		counts[i] = 0;
		pid[i] = SPAWN({
			setpriority(PRIO_PROCESS, 0, i ? 15 : 0);
			for (;;)
				counts[i]++;
		});
	}
	/*
	 * A second of several: a task is charged for the time that the host does not run this
	 * machine.
	 */
	for (i = 0; i < 20 && !less; i++) {
		was[0] = counts[0];
		was[1] = counts[1];
		sleep_ms(1000);
		less = counts[0] - was[0] > 4 * (counts[1] - was[1]);
	}
	T_WAIT(counts[1] > 0);
	say("the nicer one gets much less: %d, but something %d", less, counts[1] > 0);
	for (i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		NEED(waitpid(pid[i], NULL, 0));
	}
}
