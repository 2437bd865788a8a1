/* SPDX-License-Identifier: MIT */
/*
 * fork_moved: the parent moves to another CPU in the middle of fork(2). The child gets the CPU as
 * soon as others do: its virtual runtime is not the one of the parent's old queue. The parent
 * sleeps in clone(2), where the child's id is stored to a page that is not there yet.
 */
#include "guest.h"
#include "await.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define HEAD_START_NS 1000000000L
/* In one of the two directions the scales of the CPUs differ by half of the head start at least. */
#define LATE_NS 350000000L

static int uffd, parent_tid;
static pid_t *where; /* in the page that is missing */
static pid_t child, busy;
/* what the child has seen of the hog's time: its parent may be late to see it end */
static volatile long *seen;
static cpu_set_t all;

static void pin(pid_t tid, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	NEED(sched_setaffinity(tid, sizeof(one), &one));
}

static long used_ns(pid_t pid)
{
	struct timespec t;
	clockid_t c;

	if (clock_getcpuclockid(pid, &c) || clock_gettime(c, &t))
		return 0;
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static pid_t hog(int cpu)
{
	pid_t pid = NEED(fork());

	if (!pid) {
		pin(0, cpu);
		for (;;)
			;
	}
	return pid;
}

static void *forks(void *cpu)
{
	parent_tid = (int)syscall(SYS_gettid);
	pin(0, *(int *)cpu);
	child = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, where, 0, 0);
	if (!child) {
		*seen = used_ns(busy);
		_exit(0);
	}
	return NULL;
}

static void open_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .range.len = PAGE, .mode = UFFDIO_REGISTER_MODE_MISSING };

	where = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = (int)NEED(syscall(SYS_userfaultfd, O_CLOEXEC));
	NEED(ioctl(uffd, UFFDIO_API, &api));
	r.range.start = (uintptr_t)where;
	NEED(ioctl(uffd, UFFDIO_REGISTER, &r));
}

static void bring_page(void)
{
	struct uffdio_zeropage z = { .range = { .start = (uintptr_t)where, .len = PAGE } };

	NEED(ioctl(uffd, UFFDIO_ZEROPAGE, &z));
	close(uffd);
	munmap(where, PAGE);
}

/*
 * Returns the time that the hog of CPU @from has used until the child runs there, after its parent
 * moved to CPU @to.
 */
static long used_before(int from, int to)
{
	struct uffd_msg m;
	pthread_t t;
	long used;

	busy = hog(from);
	seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(seen == MAP_FAILED ? -1 : 0);
	pin(0, to);
	open_page();
	T_WAIT(used_ns(busy) >= HEAD_START_NS);
	pthread_create(&t, NULL, forks, &from);
	NEED(read(uffd, &m, sizeof(m)));
	pin(parent_tid, to);
	used = used_ns(busy);
	bring_page();
	pthread_join(t, NULL);
	NEED(waitpid(child, NULL, 0));
	used = *seen - used;
	munmap((void *)seen, PAGE);
	t_kill(busy);
	return used;
}

/*
 * With one CPU there is nowhere to move. A wrong place is a wrong place each time; what a
 * hypervisor takes counts as the hog's, but not always.
 */
static bool runs_soon(int from, int to)
{
	bool soon = CPU_COUNT(&all) < 2;

	for (int i = 0; i < 5 && !soon; i++)
		soon = used_before(from, to) < LATE_NS;
	return soon;
}

TEST(fork_moved)
{
	NEED(sched_getaffinity(0, sizeof(all), &all));
	GIS(runs_soon(0, 1));
	GIS(runs_soon(1, 0));
}
