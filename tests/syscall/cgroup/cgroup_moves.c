/* SPDX-License-Identifier: MIT */
/*
 * cgroup_moves: tasks that are moved to another group while they wait in the old one, which is
 * removed before they run again. A test may not change the host's groups, so the host's side prints
 * what is expected.
 */
#include "await.h"
#include "cgroup.h"

/* Returns for how many us tasks of the group have waited for memory. */
static long stalled(const char *path)
{
	return figure(path, "total=");
}

static void touch(long bytes)
{
	char *p = mmap(
		NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < bytes; i += PAGE)
		p[i] = 1;
}

/*
 * A child that exceeds memory.high sleeps for two seconds, most of them in another group. Returns
 * for how many us that group's pressure file counts it. Clears *no_more if the first group still
 * counts it after the move.
 */
static long waits_elsewhere(bool *no_more)
{
	long here, there;
	pid_t pid;

	NEED(mkdir("high", 0755));
	NEED(mkdir("other", 0755));
	NEED(put("high/memory.high", "0"));
	pid = SPAWN(put_pid(getpid(), "high/cgroup.procs"); touch(64 * PAGE); pause());
	T_WAIT(stalled("high/memory.pressure") >= 100000);
	put_pid(pid, "other/cgroup.procs");
	here = stalled("high/memory.pressure");
	sleep_ms(500);
	here = stalled("high/memory.pressure") - here;
	there = stalled("other/memory.pressure");
	t_kill(pid);
	NEED(rmdir("high"));
	NEED(rmdir("other"));
	*no_more &= here < 100000;
	return there;
}

/* Tries up to ten times: a busy host may let the two seconds pass before the move. */
static void while_it_waits_for_memory(void)
{
	bool no_more = true, elsewhere = false;

	for (int i = 0; i < 10 && !elsewhere; i++)
		elsewhere = waits_elsewhere(&no_more) > 100000;
	say("it stalls no more where it was: %s; but where it is: %s", no_more ? "yes" : "no",
		elsewhere ? "yes" : "no");
}

/* Removes the group of a throttled task, while other tasks have the CPUs for a while. */
static void while_it_is_throttled(void)
{
	pid_t pid, busy[2];

	NEED(mkdir("slow", 0755));
	NEED(put("slow/cpu.max", "1000 1000000"));
	pid = SPAWN(struct sched_param p = { 0 }; sched_setscheduler(0, SCHED_IDLE, &p);
		    put_pid(getpid(), "slow/cgroup.procs"); for (;;) getppid());
	T_WAIT(figure("slow/cpu.stat", "nr_throttled ") > 0);
	for (int i = 0; i < 2; i++)
		busy[i] = SPAWN(for (;;) getppid());
	put_pid(pid, "cgroup.procs");
	NEED(rmdir("slow"));
	NEED(mkdir("slow", 0755)); /* may reuse the old one's memory */
	sleep_ms(200);
	for (int i = 0; i < 2; i++)
		t_kill(busy[i]);
	sleep_ms(50);
	t_kill(pid);
	NEED(rmdir("slow"));
}

/*
 * A task reclaims at the limit of a group that is removed meanwhile. It reads a disk, whose pages
 * can be dropped. Files of /tmp cannot, so the OOM killer would come at once.
 */
static void while_it_reclaims(void)
{
	pid_t pid =
		SPAWN(int fd = NEED(open("/dev/ubdb", O_RDONLY)); static char block[1 << 16];
			for (long i = 0;; i++) if (pread(fd, block, sizeof(block), i << 16) <= 0) {
				posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
				i = -1;
			});

	for (int i = 0; i < 100; i++) {
		NEED(mkdir("full", 0755));
		NEED(put("full/memory.max", "1M"));
		put_pid(pid, "full/cgroup.procs");
		sleep_ms(5);
		if (waitpid(pid, NULL, WNOHANG))
			break; /* the OOM killer's */
		put_pid(pid, "cgroup.procs");
		NEED(rmdir("full"));
	}
	t_kill(pid);
	rmdir("full");
}

/*
 * A task that is ending moves to a frozen group: it freezes there, or it ends first. In both cases
 * the group is frozen again.
 */
static void while_it_ends(void)
{
	pid_t stays, pid;
	char text[16];
	int fd, lost = 0;

	NEED(mkdir("frozen", 0755));
	stays = SPAWN(put_pid(getpid(), "frozen/cgroup.procs"); pause());
	T_WAIT(figure("frozen/cgroup.events", "populated ") == 1);
	NEED(put("frozen/cgroup.freeze", "1"));
	T_WAIT(figure("frozen/cgroup.events", "frozen ") == 1);
	fd = NEED(open("frozen/cgroup.procs", O_WRONLY));
	for (int i = 0; i < 1000 && !lost; i++) {
		pid = SPAWN(for (int k = i % 50; k; k--) getppid(); _exit(0));
		snprintf(text, sizeof(text), "%d", pid);
		write(fd, text, strlen(text));
		t_kill(pid);
		for (int k = 0; figure("frozen/cgroup.events", "frozen ") != 1 && !lost; k++) {
			sleep_ms(1);
			lost = k > 30000;
		}
	}
	close(fd);
	t_kill(stays);
	NEED(rmdir("frozen"));
	if (lost)
		say("it is not frozen any more");
}

/* The first thread of a process has ended. The other threads can be moved. */
static void without_its_leader(void)
{
	pthread_t t;
	pid_t pid;

	NEED(mkdir("from", 0755));
	NEED(mkdir("to", 0755));
	pid = SPAWN(put_pid(getpid(), "from/cgroup.procs");
		    NEED0(pthread_create(&t, NULL, t_sleeper, NULL)); syscall(SYS_exit, 0));
	t_until(pid, 'Z');
	NEED(figure("from/cgroup.procs", "") == pid ? 0 : -1);
	put_pid(pid, "to/cgroup.procs");
	NEED(figure("to/cgroup.procs", "") == pid ? 0 : -1);
	NEED(rmdir("from"));
	t_kill(pid);
	NEED(rmdir("to"));
}

TEST(cgroup_moves)
{
	if (cgroup_enter()) {
		NEED(put("cgroup.subtree_control", "+memory +cpu"));
		while_it_waits_for_memory();
		while_it_is_throttled();
		while_it_reclaims();
		while_it_ends();
		without_its_leader();
		NEED(put("cgroup.subtree_control", "-memory -cpu"));
		cgroup_leave();
	} else {
		say("it stalls no more where it was: yes; but where it is: yes");
	}
	say("done");
}
