/* SPDX-License-Identifier: MIT */
/* adjtimex(2), clock_adjtime(2): reading the clock's state. */
#include "t.h"
#include <sys/timex.h>

TEST(adjtimex)
{
	struct timex tx = { 0 };
	int r = syscall(SYS_adjtimex, &tx);

	say("state %d, tick %ld", r >= 0 && r <= 5, tx.tick);
	memset(&tx, 0, sizeof(tx));
	r = syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx);
	say("state %d, time %d", r >= 0 && r <= 5, tx.time.tv_sec > 1000000000);
	T(syscall(SYS_adjtimex, BAD));
	T(syscall(SYS_clock_adjtime, CLOCK_REALTIME, BAD));
	memset(&tx, 0, sizeof(tx));
	T(syscall(SYS_clock_adjtime, 99, &tx));
	T(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx));
	CHILD({
		NEED(setuid(65534));
		tx.modes = ADJ_FREQUENCY;
		T(syscall(SYS_adjtimex, &tx));
	});
}
