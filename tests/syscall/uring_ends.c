/* SPDX-License-Identifier: MIT */
/* What a ring has under way when its thread ends: a second thread that execs (its number changes), and rings that poll themselves. */
#include "guest.h"
#include "uring.h"
#include <sys/sysinfo.h>

static void *execs(void *arg)
{
	static int fds[2];

	NEED(pipe(fds));
	open_ring(4, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
	add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	NEED(enter(1, 0, 0));
	execl("/proc/self/exe", "uring_ends", "done", NULL);
	return NULL;
}

static void from_a_thread(void)
{
	pthread_t t;

	alarm(20);
	NEED(-pthread_create(&t, NULL, execs, NULL));
	pthread_join(t, NULL);
}

/* A host's user may not lock much memory, and has it back some time after the end. */
static int many(int n)
{
	return in_guest() ? n : 4;
}

/* So many that, if they stayed for ever, they would be a quarter of the memory of a guest of 1 GiB. */
static void polls_itself(void)
{
	for (int i = 0; i < many(20); i++) {
		open_ring(4096, 0, 0);
		add(IORING_OP_POLL_ADD, ring, NULL, 0, 0, 1)->poll32_events = POLLIN;
		NEED(enter(1, 0, 0));
	}
}

/* A guest of 1 GiB does not run out by them: so it is asked what is left. */
static long free_mib(void)
{
	struct sysinfo s;

	NEED(sysinfo(&s));
	return (long)(s.freeram * s.mem_unit >> 20);
}

TEST(uring_ends)
{
	long before;

	if (t_argc > 1) {
		say("execed");
		_exit(0);
	}
	if (refused()) {
		say("execed");
		say("all rings could be made");
		return;
	}
	NEED(waitpid(SPAWN(from_a_thread()), NULL, 0));
	before = free_mib();
	for (int i = 0; i < many(40); i++)
		NEED(waitpid(SPAWN(polls_itself()), NULL, 0));
	if (in_guest())
		T_WAIT(free_mib() > before - 100);
	say("all rings could be made");
}
