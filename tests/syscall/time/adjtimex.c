/* SPDX-License-Identifier: MIT */
/* adjtimex(2), clock_adjtime(2): reading the clock's state. */
#include "t.h"
#include <sys/timex.h>
#include <sys/utsname.h>

static void expect(const char *what, long got, long want)
{
	if (got != want)
		say("%s: %ld, not %ld", what, got, want);
}

static struct timex set(int modes, long value, int want)
{
	struct timex tx = { .modes = modes,
		.offset = value,
		.freq = value,
		.maxerror = value,
		.esterror = value,
		.status = (int)value,
		.constant = value,
		.tick = value };

	expect("state", adjtimex(&tx), want);
	return tx;
}

/* Disciplines the clock, in guests only: the host's is left alone. Linux gives these answers. */
static void discipline(void)
{
	struct utsname u;
	long begun;

	uname(&u);
	if (!strstr(u.release, "nestling"))
		return;
	begun = now_ms();
	expect("maxerror", set(ADJ_MAXERROR, 500, TIME_ERROR).maxerror, 500);
	expect("esterror", set(ADJ_ESTERROR, 700, TIME_ERROR).esterror, 700);
	expect("status", set(ADJ_STATUS, STA_PLL, TIME_OK).status, STA_PLL);
	expect("offset", set(ADJ_OFFSET, 100, TIME_OK).offset, 100);
	expect("freq", set(ADJ_FREQUENCY, 33 << 20, TIME_OK).freq, 500 << 16);
	set(ADJ_FREQUENCY, LONG_MAX, -1);
	set(ADJ_FREQUENCY, LONG_MIN, -1);
	expect("constant", set(ADJ_TIMECONST, 3, TIME_OK).constant, 7);
	expect("tick", set(ADJ_TICK, 10001, TIME_OK).tick, 10001);
	set(ADJ_TICK, 8999, -1);
	set(ADJ_TICK, 11001, -1);
	set(0x8000, 0, -1);
	struct timex ns = set(ADJ_NANO, 0, TIME_OK),
		     before = set(ADJ_OFFSET_SINGLESHOT, 2000, TIME_OK),
		     single = set(ADJ_OFFSET_SS_READ, 0, TIME_OK);

	expect("adjtime before", before.offset, 0);
	if (now_ms() - begun < 900) { /* each second takes a share of both */
		expect("in ns", ns.offset, 100000);
		expect("adjtime", single.offset, 2000);
	}
	set(ADJ_OFFSET_SINGLESHOT, 0, TIME_OK);
	set(ADJ_FREQUENCY, 0, TIME_OK);
	set(ADJ_TICK, 10000, TIME_OK);
	set(ADJ_MICRO | ADJ_STATUS, STA_UNSYNC, TIME_ERROR);
}

static long seconds(int clock)
{
	struct timespec t;

	NEED(syscall(SYS_clock_gettime, clock, &t));
	return t.tv_sec;
}

/* Checks TAI by a call and by the vDSO, its timers, and invalid offsets. In guests only. */
static void tai(void)
{
	struct itimerspec at = { .it_value.tv_nsec = 0 };
	struct timespec t, now = { 0, 0 }, long_time = { 20, 0 };
	sigset_t alarm;
	timer_t timer;
	struct utsname u;
	long before, called, after;

	uname(&u);
	if (!strstr(u.release, "nestling"))
		return;
	expect("at first", set(0, 0, TIME_ERROR).tai, 0);
	at.it_value.tv_sec = seconds(CLOCK_TAI) + 1000;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	NEED(sigprocmask(SIG_BLOCK, &alarm, NULL));
	NEED(timer_create(CLOCK_TAI, NULL, &timer));
	NEED(timer_settime(timer, TIMER_ABSTIME, &at, NULL));
	expect("early", sigtimedwait(&alarm, NULL, &now), -1);
	expect("37", set(ADJ_TAI, 37, TIME_ERROR).tai, 37);
	expect("negative", set(ADJ_TAI, -1, TIME_ERROR).tai, 37);
	expect("too much", set(ADJ_TAI, 100001, TIME_ERROR).tai, 37);
	before = seconds(CLOCK_REALTIME) + 37;
	called = seconds(CLOCK_TAI);
	NEED(clock_gettime(CLOCK_TAI, &t));
	after = seconds(CLOCK_REALTIME) + 37;
	expect("by a call", before <= called && called <= after, 1);
	expect("by the vDSO", before <= t.tv_sec && t.tv_sec <= after, 1);
	expect("still early", sigtimedwait(&alarm, NULL, &now), -1);
	expect("2000", set(ADJ_TAI, 2000, TIME_ERROR).tai, 2000);
	expect("its time has come", sigtimedwait(&alarm, NULL, &long_time), SIGALRM);
	expect("0", set(ADJ_TAI, 0, TIME_ERROR).tai, 0);
	NEED(timer_delete(timer));
}

/* Returns how many ms late a sleep to a real time ends. The clock gains a tenth meanwhile. */
static long late(void)
{
	struct timespec to, now;

	NEED(clock_gettime(CLOCK_REALTIME, &to));
	to.tv_sec += 3;
	NEED0(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &to, NULL));
	NEED(clock_gettime(CLOCK_REALTIME, &now));
	return (now.tv_sec - to.tv_sec) * 1000 + (now.tv_nsec - to.tv_nsec) / 1000000;
}

/*
 * Checks in guests that timers follow a clock that is slewed: a timer that does not is 200 ms late
 * each time, a timer whose task waits for the CPU only sometimes.
 */
static void slewed(void)
{
	struct utsname u;
	long least = 1000;

	uname(&u);
	if (!strstr(u.release, "nestling"))
		return;
	set(ADJ_TICK, 11000, TIME_ERROR);
	for (int i = 0; i < 6 && least > 150; i++) {
		long ms = late();

		least = ms < least ? ms : least;
	}
	set(ADJ_TICK, 10000, TIME_ERROR);
	if (least > 150)
		say("late by %ld ms at least", least);
}

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
	tai();
	discipline();
	slewed();
	CHILD({
		NEED(setuid(65534));
		memset(&tx, 0, sizeof(tx));
		tx.modes = ADJ_OFFSET_SS_READ;
		say("reading adjtime's rest %d", syscall(SYS_adjtimex, &tx) >= 0);
		tx.modes = ADJ_OFFSET_SINGLESHOT;
		T(syscall(SYS_adjtimex, &tx));
		tx.modes = ADJ_FREQUENCY;
		T(syscall(SYS_adjtimex, &tx));
	});
}
