/* SPDX-License-Identifier: MIT */
/* clocks.h: clocks that stand still, for programs without those of os-linux. Included once. */
#ifndef NESTLING_TESTS_STATE_CLOCKS_H
#define NESTLING_TESTS_STATE_CLOCKS_H

#include <stdint.h>

uint64_t os_clock_mono(void)
{
	return 1000;
}

uint64_t os_clock_boot(void)
{
	return 2000;
}

uint64_t os_clock_raw(void)
{
	return 3000;
}

uint64_t os_clock_real(void)
{
	return 1UL << 60;
}

#endif
