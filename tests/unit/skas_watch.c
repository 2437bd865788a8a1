/* SPDX-License-Identifier: MIT */
/*
 * Tests of skas/watch.c, which kills runners that compute while no vCPU drives them. The clocks are
 * fakes.
 *
 * SOURCES: skas/watch.c
 */
#include "kernel/lib/lock.h"
#include "kernel/lib/string.h"
#include "skas/internal.h"
#include "unit.h"

#define MS NSEC_PER_MSEC
#define SECOND NSEC_PER_SEC

struct skas skas;
const struct skas_ops seccomp_ops, ptrace_ops;

static struct {
	u64 used, user;
	bool asleep, ended;
} task;
static struct space *space;

struct space *space_next(u32 *index)
{
	return *index < 2 ? (*index = 1, space) : NULL;
}

u64 os_space_cputime(int t)
{
	return task.used;
}

u64 os_space_usertime(int t)
{
	return task.user;
}

int os_space_is_asleep(int t)
{
	return task.asleep;
}

void os_space_end(int t)
{
	task.ended = true;
}

/* Begins a test with one runner. */
static void begin(void)
{
	static u64 room[(sizeof(struct space) + sizeof(struct runner)) / 8] __aligned(64);

	space = (struct space *)room;
	memset(space, 0, sizeof(room));
	memset(&task, 0, sizeof(task));
	skas.ops = &seccomp_ops;
	skas.cfg.ncpus = 1;
	space->runner[0].state = RUNNER_WAITING;
	space->runner[0].task = 7;
	space->runner[0].watched.fresh = true;
}

/*
 * Lets a second pass, in which a vCPU drives the runner for @driven ns and the runner uses @user
 * and @system ns. True if skas_look() reports activity.
 */
static bool second(u64 driven, u64 user, u64 system)
{
	bool active = false;

	space->runner[0].allowed += TAIL_NS;
	skas_stayed(space, 0, driven);
	task.used += user + system;
	task.user += user;
	assert_int_equal(skas_look(1, &active), 0);
	return active;
}

/* Returns after how many seconds the runner is killed, or 1000 if it lives. */
static int seconds_until_ended(u64 driven, u64 user, u64 system)
{
	int n = 0;

	begin();
	while (n < 1000 && !task.ended) {
		second(driven, user, system);
		n++;
	}
	return n;
}

static void test_honest(void **state)
{
	assert_int_equal(seconds_until_ended(SECOND, SECOND, 0), 1000);
	assert_int_equal(seconds_until_ended(SECOND / 2, SECOND / 2, 10 * MS), 1000);
	assert_int_equal(seconds_until_ended(0, 0, 0), 1000);
}

static void test_liar(void **state)
{
	assert_in_range(seconds_until_ended(0, SECOND, 0), 5, 12);
	assert_in_range(seconds_until_ended(MS, SECOND, 0), 5, 12);
	assert_in_range(seconds_until_ended(SECOND / 2, SECOND, 0), 5, 12);
	assert_in_range(seconds_until_ended(0, 100 * MS, 0), 15, 40); /* the host is busy */
}

/* System time alone does not count, since other processes can cause it by wake-ups. */
static void test_woken_for_nothing(void **state)
{
	assert_int_equal(seconds_until_ended(0, 100 * MS, 800 * MS), 1000);
	assert_int_equal(seconds_until_ended(SECOND / 2, SECOND / 2, SECOND / 2), 1000);
}

static void test_asleep(void **state)
{
	begin();
	task.asleep = true;
	for (int i = 0; i < 100; i++)
		second(0, SECOND, 0);
	assert_false(task.ended);
}

/* A runner's past time is not charged to its next guest. A runner that is ending is not killed. */
static void test_another(void **state)
{
	begin();
	for (int i = 0; i < 100; i++) {
		space->runner[0].watched.fresh = i % 5 == 0;
		second(0, SECOND, 0);
	}
	assert_false(task.ended);
	watch_ends(&space->runner[0]);
	for (int i = 0; i < 100; i++)
		second(0, SECOND, 0);
	assert_false(task.ended);
}

/* skas_look() reports no activity if no runner has computed since the last call. */
static void test_quiet(void **state)
{
	begin();
	assert_true(second(SECOND, SECOND, 0));
	assert_false(second(0, 0, 0));
	assert_true(second(0, 2 * MS, 0));
	space->runner[0].state = RUNNER_RUNNING;
	assert_true(second(0, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_liar),
		cmocka_unit_test(test_woken_for_nothing),
		cmocka_unit_test(test_asleep),
		cmocka_unit_test(test_another),
		cmocka_unit_test(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
