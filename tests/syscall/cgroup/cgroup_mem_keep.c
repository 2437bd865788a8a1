/* SPDX-License-Identifier: MIT */
/*
 * cgroup_mem_keep: memory.min and memory.low: what a group keeps when a sibling takes much; groups
 * whose tasks are killed together, and tasks that are spared; an allocation above memory.high by a
 * single call. A test may not change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

#define MIB (1UL << 20)

/*
 * Writes @size bytes of a file in a child in the group. They stay in the page cache when the child
 * has ended.
 */
static void cached(const char *procs, const char *file, size_t size)
{
	static char text[65536];
	int status;
	pid_t pid = SPAWN(NEED(put(procs, "0")); int fd = NEED(open(file, O_CREAT | O_RDWR, 0600));
			  for (size_t i = 0; i < size; i += sizeof(text))
				  NEED(write(fd, text, sizeof(text)));
			  NEED(fsync(fd)); NEED(close(fd)));

	NEED(waitpid(pid, &status, 0));
	t_status("cached", status);
}

/* Returns how a sibling ended that took @size bytes. */
static int press(size_t size)
{
	int status;
	pid_t pid = SPAWN(NEED(put("p/g/cgroup.procs", "0"));
			  char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			  for (size_t i = 0; i < size; i += PAGE)((volatile char *)p)[i] = 0);

	NEED(waitpid(pid, &status, 0));
	return status;
}

static bool within(const char *group, long least, long most)
{
	char path[64];
	long now;

	snprintf(path, sizeof(path), "%s/memory.current", group);
	now = figure(path, "");
	return now >= least * (long)MIB && now <= most * (long)MIB;
}

static long events(const char *group, const char *which)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/memory.events", group);
	return figure(path, which);
}

/*
 * Checks how protection is divided. p/m has 24 of the 40 MiB of p, and keeps 12 of them: p/m/a asks
 * for more than all of its 12, p/m/b for 4 of 8, p/m/c for nothing.
 */
static void shares(const char *kind)
{
	char file[32];
	bool min = !strcmp(kind, "min");

	snprintf(file, sizeof(file), "memory.%s", kind);
	GIVES(mkdir("p", 0755), 0);
	GIVES(put("p/cgroup.subtree_control", "+memory"), 0);
	GIVES(put("p/memory.max", "40M"), 0);
	GIVES(put("p/memory.swap.max", "0"), 0);
	GIVES(mkdir("p/m", 0755), 0);
	GIVES(mkdir("p/g", 0755), 0);
	GIVES(put("p/m/cgroup.subtree_control", "+memory"), 0);
	GIVES(mkdir("p/m/a", 0755), 0);
	GIVES(mkdir("p/m/b", 0755), 0);
	GIVES(mkdir("p/m/c", 0755), 0);
	if (guest) {
		char path[64];

		cached("p/m/a/cgroup.procs", "../fa", 12 * MIB);
		cached("p/m/b/cgroup.procs", "../fb", 8 * MIB);
		cached("p/m/c/cgroup.procs", "../fc", 4 * MIB);
		snprintf(path, sizeof(path), "p/m/%s", file);
		NEED(put(path, "12M"));
		snprintf(path, sizeof(path), "p/m/a/%s", file);
		NEED(put(path, "16M"));
		snprintf(path, sizeof(path), "p/m/b/%s", file);
		NEED(put(path, "4M"));
	} else {
		say("cached: exited 0\ncached: exited 0\ncached: exited 0");
	}
	WANT("lives", press(26 * MIB) == 0);
	WANT("all together", within("p/m", 11, 14));
	WANT("a", within("p/m/a", 7, 10));
	WANT("b", within("p/m/b", 2, 6));
	WANT("c", within("p/m/c", 0, 1));
	WANT("no low yet", !events("p/m/a", "low ") && !events("p/m/c", "low "));
	WANT("more than there is", (press(32 * MIB) == 0) == !min);
	WANT("what is left", min ? within("p/m", 11, 14) : within("p/m", 3, 9));
	WANT("low", (events("p/m/a", "low ") > 0) == !min && !events("p/m/c", "low "));
	GIVES(put("p/m/memory.reclaim", "1G"), EAGAIN);
	WANT("what is reclaimed itself keeps what those below ask for",
		min ? within("p/m", 4, 14) : within("p/m", 0, 1));
	if (guest) {
		NEED(unlink("../fa"));
		NEED(unlink("../fb"));
		NEED(unlink("../fc"));
	}
	GIVES(rmdir("p/m/a"), 0);
	GIVES(rmdir("p/m/b"), 0);
	GIVES(rmdir("p/m/c"), 0);
	GIVES(rmdir("p/m"), 0);
	GIVES(rmdir("p/g"), 0);
	GIVES(rmdir("p"), 0);
}

static pid_t member(const char *adjust, size_t size)
{
	pid_t pid = SPAWN(NEED(put("o/cgroup.procs", "0"));
			  NEED(put("/proc/self/oom_score_adj", adjust));
			  memset(mmap(NULL, size, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
				  0, size);
			  pause());

	T_WAIT(figure("o/memory.current", "") >= (long)size);
	return pid;
}

static void as_one(void)
{
	int status = SIGKILL;
	pid_t spared = 0, other = 0;

	GIVES(mkdir("o", 0755), 0);
	GIVES(put("o/memory.max", "24M"), 0);
	GIVES(put("o/memory.swap.max", "0"), 0);
	GIVES(put("o/memory.oom.group", "1"), 0);
	if (guest) {
		pid_t big;

		spared = member("-1000", MIB);
		other = member("0", 2 * MIB);
		big = SPAWN(NEED(put("o/cgroup.procs", "0"));
			    memset(mmap(NULL, 48 * MIB, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
				    1, 48 * MIB));
		NEED(waitpid(big, &status, 0));
	}
	t_status("big", status);
	if (guest)
		NEED(waitpid(other, &status, 0));
	t_status("other", status);
	WANT("spared", !kill(spared, 0) && !waitpid(spared, NULL, WNOHANG));
	WANT("killed", events("o", "oom_kill ") == 3); /* the first victim twice */
	WANT("as one", events("o", "oom_group_kill ") == 1);
	if (guest) {
		t_kill(spared);
	}
	GIVES(rmdir("o"), 0);
}

/* A task that takes 48 MiB with a single call waits before it has them all. */
static void at_once(void)
{
	pid_t pid = 0;

	GIVES(mkdir("h", 0755), 0);
	GIVES(put("h/memory.high", "8M"), 0);
	GIVES(put("h/memory.swap.max", "0"), 0);
	if (guest) {
		pid = SPAWN(NEED(put("h/cgroup.procs", "0")); mmap(NULL, 48 * MIB,
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
		T_WAIT(events("h", "high ") > 0);
	}
	WANT("held up", within("h", 8, 16));
	if (guest) {
		t_kill(pid);
	}
	GIVES(rmdir("h"), 0);
}

TEST(cgroup_mem_keep)
{
	guest = cgroup_enter();
	GIVES(put("cgroup.subtree_control", "+memory"), 0);
	shares("min");
	shares("low");
	as_one();
	at_once();
	GIVES(put("cgroup.subtree_control", "-memory"), 0);
	cgroup_leave();
}
