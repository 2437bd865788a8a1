/* SPDX-License-Identifier: MIT */
/*
 * cgroup_memory: files of the memory controller, beside the limits, that container managers use:
 * peaks that can be reset, swap on a machine without any, reclaim on demand; and cgroup.pressure,
 * and pids.events of ancestors. A test may not change the host's groups, so the host's side prints
 * what is expected.
 */
#include "cgroup.h"
#include "inet.h"

static void swap(void)
{
	GIVES(put("m/memory.swap.max", "1M"), 0);
	GIVES(put("m/memory.swap.high", "some"), EINVAL);
	WANT("limit", text_is("m/memory.swap.max", "1048576\n"));
	WANT("other limit", text_is("m/memory.swap.high", "max\n"));
	GIVES(put("m/memory.swap.max", "max"), 0);
	WANT("none is used", text_is("m/memory.swap.current", "0\n"));
	WANT("none was", text_is("m/memory.swap.peak", "0\n"));
	GIVES(put("m/memory.swap.peak", "reset"), 0);
	GIVES(put("m/memory.swap.current", "0"), EINVAL);
	WANT("events", text_is("m/memory.swap.events", "high 0\nmax 0\nfail 0\n"));
	WANT("not of the root", access("memory.swap.max", F_OK) == -1);
}

/* Touches @bytes of memory in a child in the group, which then ends. */
static void touch(size_t bytes)
{
	pid_t pid = SPAWN(NEED(put("m/cgroup.procs", "0"));
			  char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			  for (size_t i = 0; i < bytes; i += PAGE) p[i] = 1);

	NEED(waitpid(pid, NULL, 0));
}

static long peak_of(int fd)
{
	char text[32] = "";

	NEED(pread(fd, text, sizeof(text) - 1, 0));
	return atol(text) >> 20;
}

static void peaks(void)
{
	int a, b;

	if (!guest) {
		say("ever: yes\nanew: yes; the other's: yes\nsince: yes yes; ever: yes");
		return;
	}
	a = NEED(open("m/memory.peak", O_RDWR));
	b = NEED(open("m/memory.peak", O_RDWR));
	touch(16 << 20);
	say("ever: %s", peak_of(a) >= 16 ? "yes" : "no");
	NEED(write(a, "reset", 5));
	NEED(write(b, "\n", 1));
	touch(8 << 20);
	NEED(write(a, "x", 1));
	say("anew: %s; the other's: %s", peak_of(a) < 8 ? "yes" : "no",
		peak_of(b) >= 8 && peak_of(b) < 16 ? "yes" : "no");
	touch(12 << 20);
	say("since: %s %s; ever: %s", peak_of(a) >= 12 && peak_of(a) < 16 ? "yes" : "no",
		peak_of(b) >= 12 && peak_of(b) < 16 ? "yes" : "no",
		figure("m/memory.peak", "") >> 20 >= 16 ? "yes" : "no");
	close(a);
	close(b);
}

static void reclaim(void)
{
	GIVES(put("m/memory.reclaim", "1G"), EAGAIN);
	GIVES(put("m/memory.reclaim", "0"), 0);
	GIVES(put("m/memory.reclaim", "much"), EINVAL);
	GIVES(put("m/memory.reclaim", "4K swappiness=201"), EINVAL);
	GIVES(put("m/memory.reclaim", "4K swappiness="), EINVAL);
	GIVES(put("m/memory.reclaim", "4K quickly"), EINVAL);
	GIVES(put("m/memory.reclaim", "0 swappiness=60"), 0);
}

static void statistics(void)
{
	static const char *const names[] = { "anon ", "file ", "kernel ", "kernel_stack ",
		"pagetables ", "percpu ", "sock ", "vmalloc ", "shmem ", "zswap ", "zswapped ",
		"swapcached ", "inactive_anon ", "active_anon ", "inactive_file ", "active_file ",
		"unevictable ", "slab_reclaimable ", "slab_unreclaimable ", "slab ", "pgsteal ",
		"pgfault ", "pgmajfault " };
	long before = guest ? figure("m/memory.stat", "pgfault ") : 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		WANT(names[i], figure("m/memory.stat", names[i]) >= 0);
	if (guest)
		touch(1 << 20);
	WANT("faults", figure("m/memory.stat", "pgfault ") > before);
}

static void pressure(void)
{
	WANT("on", text_is("m/cgroup.pressure", "1\n"));
	GIVES(put("m/cgroup.pressure", "2"), ERANGE);
	GIVES(put("m/cgroup.pressure", "no"), EINVAL);
	GIVES(put("m/cgroup.pressure", "0"), 0);
	WANT("off", text_is("m/cgroup.pressure", "0\n"));
	GIVES(access("m/memory.pressure", F_OK), ENOENT);
	GIVES(access("m/cpu.pressure", F_OK), ENOENT);
	GIVES(access("cpu.pressure", F_OK), 0);
	GIVES(put("m/cgroup.pressure", "1"), 0);
	GIVES(access("m/io.pressure", F_OK), 0);
}

static void refusals(void)
{
	int status = 0;

	GIVES(put("m/cgroup.subtree_control", "+pids"), 0);
	GIVES(mkdir("m/a", 0755), 0);
	GIVES(mkdir("m/a/b", 0755), 0);
	GIVES(put("m/a/cgroup.subtree_control", "+pids"), 0);
	GIVES(put("m/a/pids.max", "1"), 0);
	if (guest) {
		pid_t pid = SPAWN(NEED(put("m/a/b/cgroup.procs", "0")); pid_t c = fork();
				  if (!c) _exit(0); _exit(c != -1 || errno != EAGAIN));

		NEED(waitpid(pid, &status, 0));
	}
	WANT("refused", !status);
	WANT("whose limit it is", figure("m/a/pids.events", "max ") == 1 &&
					  figure("m/a/pids.events.local", "max ") == 1);
	WANT("above",
		figure("m/pids.events", "max ") == 1 && figure("m/pids.events.local", "max ") == 0);
	WANT("below", figure("m/a/b/pids.events", "max ") == 0);
	GIVES(rmdir("m/a/b"), 0);
	GIVES(rmdir("m/a"), 0);
}

/* Reads all data that has arrived. True if less than @left bytes are charged for sockets. */
static bool drained(int fd, char *text, size_t n, long left)
{
	while (recv(fd, text, n, MSG_DONTWAIT) > 0)
		;
	return figure("m/memory.stat", "\nsock ") < left;
}

/*
 * Queued data of a connection is charged to the process that made the sending end and accepted the
 * other end.
 */
static void sockets(void)
{
	static char text[65536];
	pid_t pid;
	int status = 0;

	if (!guest) {
		say("sockets: exited 0\nall is given back: yes");
		return;
	}
	lo_up();
	pid = SPAWN({
		int fds[2];
		long held;
		long all;

		NEED(put("m/cgroup.procs", "0"));
		tcp_pair(fds);
		NEED(fcntl(fds[0], F_SETFL, O_NONBLOCK));
		while (write(fds[0], text, sizeof(text)) > 0)
			;
		held = figure("m/memory.stat", "\nsock ");
		all = figure("m/memory.current", "");
		if (held < 64 << 10 || all < held / 2)
			_exit(2);
		T_WAIT(drained(fds[1], text, sizeof(text), held / 2));
		close(fds[0]);
		close(fds[1]);
	});
	NEED(waitpid(pid, &status, 0));
	t_status("sockets", status);
	T_WAIT(!figure("m/memory.stat", "\nsock "));
	WANT("all is given back", !figure("m/memory.stat", "\nsock "));
}

#define PAIRS 512

/* Of two equal pages KSM keeps one, which stays charged when the other is gone. */
static void merged(void)
{
	pid_t pid;
	int status = 0;

	if (!guest) {
		say("merged pages: exited 0");
		return;
	}
	pid = SPAWN({
		char *p;

		NEED(put("m/cgroup.procs", "0"));
		p = mmap(NULL, 2 * PAIRS * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int i = 0; i < PAIRS; i++) {
			memset(p + 2 * i * PAGE, 1 + i % 255, PAGE);
			p[2 * i * PAGE] = (char)(i / 255);
			memcpy(p + (2 * i + 1) * PAGE, p + 2 * i * PAGE, PAGE);
		}
		NEED(madvise(p, 2 * PAIRS * PAGE, MADV_MERGEABLE));
		NEED(put("/sys/kernel/mm/ksm/pages_to_scan", "5000"));
		NEED(put("/sys/kernel/mm/ksm/run", "1"));
		T_WAIT(figure("/sys/kernel/mm/ksm/pages_sharing", "") >= PAIRS);
		for (int i = 0; i < PAIRS; i++)
			NEED(madvise(p + 2 * i * PAGE, PAGE, MADV_DONTNEED));
		if (figure("m/memory.current", "") < PAIRS * PAGE)
			_exit(2);
	});
	NEED(waitpid(pid, &status, 0));
	t_status("merged pages", status);
	NEED(put("/sys/kernel/mm/ksm/run", "2"));
	NEED(put("/sys/kernel/mm/ksm/run", "0"));
	NEED(put("/sys/kernel/mm/ksm/pages_to_scan", "100"));
}

TEST(cgroup_memory)
{
	guest = cgroup_enter();
	GIVES(put("cgroup.subtree_control", "+memory +pids"), 0);
	GIVES(mkdir("m", 0755), 0);
	swap();
	peaks();
	reclaim();
	statistics();
	pressure();
	refusals();
	sockets();
	merged();
	GIVES(rmdir("m"), 0);
	GIVES(put("cgroup.subtree_control", "-memory -pids"), 0);
	cgroup_leave();
}
