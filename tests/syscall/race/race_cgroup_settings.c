/* SPDX-License-Identifier: MIT */
/*
 * race_cgroup_settings: a process that had a file open before writes settings while the controller
 * is taken away, or while the group is removed. The setting goes with the controller, and nothing
 * is armed for a group that has gone. A test may not change the host's groups.
 */
#include "cgroup.h"

static volatile bool stop;
static volatile unsigned long refused; /* in a row */

/* Writes a limit again and again. Counts how often it was refused since it was last accepted. */
static void *sets(void *arg)
{
	int fd = *(int *)arg;

	while (!stop)
		if (pwrite(fd, "1000000000", 10, 0) > 0)
			refused = 0;
		else
			refused++;
	return NULL;
}

/* Returns in how many rounds an old limit is there when the controller is enabled again. */
static int stale(const char *file, const char *off, const char *on, int rounds)
{
	int fd = NEED(open(file, O_WRONLY)), found = 0;
	pthread_t t;

	for (int i = 0; i < rounds; i++) {
		stop = false;
		refused = 0;
		NEED0(pthread_create(&t, NULL, sets, &fd));
		NEED(put("cgroup.subtree_control", off));
		T_WAIT(refused > 1);
		stop = true;
		pthread_join(t, NULL);
		NEED(put("cgroup.subtree_control", on));
		found += strncmp(get(file), "max", 3) != 0;
	}
	close(fd);
	return found;
}

static volatile int quota = -1;

/* Sets a quota that is soon used up, of the group in @quota at the moment. */
static void *throttles(void *arg)
{
	while (!stop)
		if (quota >= 0 && pwrite(quota, "1000 10000", 10, 0) < 0)
			sched_yield();
	return NULL;
}

/* Removes groups while their last task ends and their quota is set. Returns their number. */
static int removed(int rounds)
{
	int done = 0;
	pthread_t t[2];

	stop = false;
	for (int i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, throttles, NULL));
	for (int i = 0; i < rounds; i++) {
		char nr[20];
		pid_t pid;
		int fd;

		NEED(mkdir("g", 0755));
		fd = NEED(open("g/cpu.max", O_WRONLY));
		pid = SPAWN(pause());
		snprintf(nr, sizeof(nr), "%d", pid);
		NEED(put("g/cgroup.procs", nr));
		NEED(kill(pid, SIGKILL));
		quota = fd;
		while (rmdir("g"))
			sched_yield();
		NEED(waitpid(pid, NULL, 0));
		quota = -1;
		close(fd);
		done++;
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return done;
}

TEST(race_cgroup_settings)
{
	int n;

	guest = cgroup_enter();
	if (!guest) {
		say("stale limits: 0\nstale counts: 0\nremoved: 300");
		return;
	}
	NEED(put("cgroup.subtree_control", "+memory +pids +cpu"));
	NEED(mkdir("s", 0755));
	n = stale("s/memory.max", "-memory", "+memory", 100);
	say("stale limits: %d", n);
	n = stale("s/cpu.max", "-cpu", "+cpu", 100);
	say("stale counts: %d", n);
	say("removed: %d", removed(300));
	NEED(rmdir("s"));
	NEED(put("cgroup.subtree_control", "-memory -pids -cpu"));
	cgroup_leave();
}
