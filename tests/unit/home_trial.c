/* SPDX-License-Identifier: MIT */
/*
 * home_trial.c: skas/trial.c finds the CPU of the host on which a vCPU waits least for the host's
 * disk. The vCPU tries another CPU, stays where a flush takes less time, and is not moved by noise,
 * by rare waits or by short ones.
 *
 * SOURCES: skas/trial.c
 */
#include "skas/trial.h"
#include "unit.h"

#define US NSEC_PER_USEC

static u64 now;
static int home, moves;

/*
 * Makes @n waits, each of ns[home] ns and after a pause of @each ns. @other: the CPU that may be
 * tried if home is not; CPU 0 if home is @other.
 */
static void wait(struct home_trial *t, u32 n, u64 each, const u64 *ns, int other)
{
	while (n--) {
		int to;

		now += each + ns[home];
		to = trial_waited(t, now, ns[home], home, home == other ? 0 : other);
		moves += to != home;
		home = to;
	}
}

static struct home_trial start(int cpu)
{
	now = NSEC_PER_SEC;
	home = cpu;
	moves = 0;
	return (struct home_trial){ 0 };
}

static void better_there(void **state)
{
	struct home_trial t = start(0);
	const u64 ns[] = { 150 * US, 100 * US };

	/* the first wait belongs to no row, and sets home */
	wait(&t, TRIAL_WAITS, 40 * US, ns, 1);
	assert_int_equal(home, 0);
	wait(&t, 1, 40 * US, ns, 1);
	assert_int_equal(home, 1);
	wait(&t, TRIAL_WAITS, 40 * US, ns, 1);
	assert_int_equal(home, 1);
	wait(&t, TRIAL_AGAIN, 40 * US, ns, 1);
	assert_int_equal(moves, 1);
	wait(&t, 2 * TRIAL_WAITS, 40 * US, ns, 1); /* a new trial: there and back */
	assert_int_equal(home, 1);
	assert_int_equal(moves, 3);
}

static void no_better_there(void **state)
{
	struct home_trial t = start(0);
	const u64 ns[] = { 100 * US, 90 * US, 150 * US };

	wait(&t, 2 * TRIAL_WAITS + 1, 40 * US, ns, 1); /* 10 % less is noise */
	assert_int_equal(home, 0);
	assert_int_equal(moves, 2);
	t = start(0);
	wait(&t, 2 * TRIAL_WAITS + 1, 40 * US, ns, 2);
	assert_int_equal(home, 0);
	assert_int_equal(moves, 2);
}

/* One flush that takes a second does not decide. */
static void one_long(void **state)
{
	struct home_trial t = start(0);
	const u64 ns[] = { 100 * US, 100 * US }, stalls[] = { NSEC_PER_SEC, NSEC_PER_SEC };

	wait(&t, 10, 40 * US, ns, 1);
	wait(&t, 1, 40 * US, stalls, 1);
	wait(&t, 2 * TRIAL_WAITS - 10, 40 * US, ns, 1);
	assert_int_equal(moves, 2);
	assert_int_equal(home, 0);
}

static void nothing_to_compare(void **state)
{
	struct home_trial t = start(0);
	const u64 ns[] = { 150 * US, 100 * US }, quick[] = { 10 * US, 5 * US };

	wait(&t, 10 * TRIAL_WAITS, 6 * NSEC_PER_MSEC, ns, 1); /* rare waits */
	wait(&t, 10 * TRIAL_WAITS, US, quick, 1);             /* too short for a sleep */
	wait(&t, 10 * TRIAL_WAITS, US, ns, 0);                /* no other CPU */
	assert_int_equal(moves, 0);
}

/* If the row at the other CPU breaks off, or home changes meanwhile, nothing is compared. */
static void broken_off(void **state)
{
	struct home_trial t = start(0);
	const u64 ns[] = { 150 * US, 100 * US, 150 * US };

	wait(&t, TRIAL_WAITS + 5, 40 * US, ns, 1);
	assert_int_equal(home, 1);
	wait(&t, 1, NSEC_PER_SEC, ns, 1);
	assert_int_equal(home, 0);
	wait(&t, TRIAL_AGAIN / 8, 40 * US, ns, 1);
	assert_int_equal(home, 0);
	wait(&t, 2 * TRIAL_WAITS, 40 * US, ns, 1);
	assert_int_equal(home, 1);
	home = 2;
	wait(&t, 1, 40 * US, ns, 1);
	assert_int_equal(home, 2);
	wait(&t, TRIAL_WAITS, 40 * US, ns, 1);
	assert_int_equal(home, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(better_there),
		cmocka_unit_test(no_better_there),
		cmocka_unit_test(one_long),
		cmocka_unit_test(nothing_to_compare),
		cmocka_unit_test(broken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
