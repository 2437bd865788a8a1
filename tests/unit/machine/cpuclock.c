/* SPDX-License-Identifier: MIT */
/*
 * cpuclock.c: the clock becomes fast (it no longer asks the host) once its rate is measured, also
 * if a rollback puts it back during the measurement. It stays slow where the host has no TSC.
 *
 * SOURCES: arch/um/machine/cpuclock.c
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "unit.h"

/* ---- a host whose clock counts every second tick of the TSC ---- */

bool time_frozen;
u64 frozen_now;
static bool has_tsc;
static int asked; /* readings of the host's clock */

s64 os_vdso_function(const char *name)
{
	return has_tsc ? 0 : -ENOENT;
}

u64 os_clock_mono(void)
{
	u32 lo, hi;

	asked++;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return ((u64)hi << 32 | lo) / 2;
}

/* ---- tests ---- */

static void pass(u64 ns)
{
	u64 begin = os_clock_mono();

	while (os_clock_mono() - begin < ns)
		;
}

/*
 * True if the clock does not ask the host for each of 20 readings. It may ask when it refreshes its
 * rate.
 */
static bool fast(void)
{
	pass(2000000);
	arch_cpu_clock();
	asked = 0;
	for (int i = 0; i < 20; i++)
		arch_cpu_clock();
	return asked < 20;
}

static void measured(void **state)
{
	has_tsc = true;
	cpu_clock_start();
	assert_true(fast());
	cpu_clock_put_back(5, os_clock_mono());
	assert_true(fast());
}

static void put_back(void **state)
{
	u64 now;

	has_tsc = true;
	cpu_clock_start();
	cpu_clock_put_back(1000000000, os_clock_mono());
	now = arch_cpu_clock();
	assert_in_range(now, 1000000000, 1900000000);
	assert_true(fast());
	assert_true(arch_cpu_clock() > now);
}

static void slow(void **state)
{
	has_tsc = false;
	cpu_clock_start();
	assert_false(fast());
	cpu_clock_put_back(1000000000, os_clock_mono());
	assert_false(fast());
}

UNIT_MAIN(cmocka_unit_test(measured), cmocka_unit_test(put_back), cmocka_unit_test(slow))
