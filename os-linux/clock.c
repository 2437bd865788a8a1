/* SPDX-License-Identifier: MIT */
/*
 * clock.c: the host's clocks, futexes and randomness.
 *
 * A process that continues from a saved state continues its monotonic clocks, too: they are the
 * host's clocks plus a shift, which is set only while no other thread reads it. Deadlines are
 * converted back to the host's clock.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"

static struct os_clock_shifts shift;

void os_clock_set_shifts(const struct os_clock_shifts *s)
{
	shift = *s;
}

void os_clock_shifts(struct os_clock_shifts *s)
{
	*s = shift;
}

/* the monotonic clocks at os_clock_stand() */
static uint64_t stood_mono, stood_raw;

void os_clock_stand(void)
{
	stood_mono = os_clock_mono();
	stood_raw = os_clock_raw();
}

void os_clock_go_on(void)
{
	shift.mono += stood_mono - os_clock_mono();
	shift.raw += stood_raw - os_clock_raw();
}

static uint64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t os_clock_mono(void)
{
	return now(CLOCK_MONOTONIC) + shift.mono;
}

uint64_t os_clock_real(void)
{
	return now(CLOCK_REALTIME);
}

uint64_t os_clock_boot(void)
{
	return now(CLOCK_BOOTTIME) + shift.boot;
}

uint64_t os_clock_mono_coarse(void)
{
	return now(CLOCK_MONOTONIC_COARSE) + shift.mono;
}

uint64_t os_clock_real_coarse(void)
{
	return now(CLOCK_REALTIME_COARSE);
}

uint64_t os_clock_raw(void)
{
	return now(CLOCK_MONOTONIC_RAW) + shift.raw;
}

uint64_t os_host_deadline(uint64_t deadline)
{
	int64_t t = (int64_t)(deadline - shift.mono);

	if (deadline == OS_FOREVER)
		return deadline;
	return !deadline || t < 0 ? 0 : (uint64_t)t;
}

/* Converts a deadline to the host's own scale. */
static struct timespec timespec_of(uint64_t deadline)
{
	uint64_t ns = os_host_deadline(deadline);

	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

int os_sleep_until(uint64_t deadline)
{
	struct timespec ts = timespec_of(deadline);
	uint32_t word = 0; /* no thread wakes it */

	while (syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, &ts, NULL,
		FUTEX_BITSET_MATCH_ANY))
		if (errno != EINTR)
			return errno == ETIMEDOUT ? 0 : -errno;
	return 0;
}

/*
 * Uses WAIT_BITSET, which takes an absolute time. FUTEX_PRIVATE is not possible, since control
 * pages are shared with other processes.
 */
int os_futex_wait(uint32_t *word, uint32_t val, uint64_t deadline)
{
	struct timespec ts = timespec_of(deadline);

	if (!syscall(SYS_futex, word, FUTEX_WAIT_BITSET, val, deadline == OS_FOREVER ? NULL : &ts,
		    NULL, FUTEX_BITSET_MATCH_ANY))
		return 0;
	return errno == EINTR ? 0 : -errno;
}

int os_futex_wake(uint32_t *word, int n)
{
	long woken = syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);

	return woken < 0 ? -errno : (int)woken;
}

void os_getrandom(void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = getrandom((char *)buf + done, n - done, 0);

		if (r < 0 && errno != EINTR)
			abort();
		if (r > 0)
			done += r;
	}
}
