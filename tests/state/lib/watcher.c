/* SPDX-License-Identifier: MIT */
/*
 * watcher.c: a guest program that tells what it sees of a jump of real time: it waits with timers
 * of all kinds, and then prints lines.
 *
 *	jump ERROR		of a timer that asked to be told (TFD_TIMER_CANCEL_ON_SET)
 *	mono|boot|real N	how often a timer of 10 ms of that clock has expired, the most in
 *				one read(2) from then on for RUN_MS
 *	reads CLOCK N		the number of these reads
 *	gone CLOCK SECONDS	how far that clock has moved
 *	sleep SECONDS		how long a nanosleep of 0.2 s took, of the monotonic clock
 *	random HEX		getrandom(2), and what __vdso_getrandom() gives
 */
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS 300
#define TICK_NS 10000000

static const struct {
	const char *name;
	clockid_t id;
} clocks[] = { { "mono", CLOCK_MONOTONIC }, { "boot", CLOCK_BOOTTIME },
	{ "real", CLOCK_REALTIME } };
#define CLOCKS 3

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- __vdso_getrandom() ---- */

typedef ssize_t random_fn(void *buf, size_t n, unsigned flags, void *state, size_t size);
static random_fn *vdso;
static void *state;
static size_t state_size;

static void find_vdso(void)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const ElfW(Ehdr) *e = (const void *)base;
	const ElfW(Phdr) *p = (const void *)(base + e->e_phoff);
	const ElfW(Sym) *symbols = NULL;
	const char *names = NULL;
	struct {
		uint32_t size, prot, flags, reserved[13];
	} params;

	for (int i = 0; i < e->e_phnum; i++)
		for (const ElfW(Dyn) *d = (const void *)(base + p[i].p_offset);
			p[i].p_type == PT_DYNAMIC && d->d_tag; d++) {
			if (d->d_tag == DT_SYMTAB)
				symbols = (const void *)(base + d->d_un.d_ptr);
			else if (d->d_tag == DT_STRTAB)
				names = base + d->d_un.d_ptr;
		}
	for (int i = 1; symbols && i < 32; i++)
		if (!strcmp(names + symbols[i].st_name, "__vdso_getrandom")) {
			vdso = (random_fn *)(base + symbols[i].st_value);
			break;
		}
	if (!vdso || vdso(NULL, 0, 0, &params, ~0UL))
		exit(1);
	state_size = params.size;
	state = mmap(NULL, 4096, (int)params.prot, (int)params.flags, -1, 0);
}

/* ---- what has changed ---- */

static void say_random(void)
{
	uint8_t b[32];

	if (getrandom(b, 16, 0) != 16 || vdso(b + 16, 16, 0, state, state_size) != 16)
		exit(1);
	printf("random ");
	for (size_t i = 0; i < sizeof(b); i++)
		printf("%02x", b[i]);
	puts("");
}

/*
 * Prints the ticks of each timer. @most: the most ticks in a read that may have come after the jump
 * already.
 */
static void say_ticks(int *fds, uint64_t *most)
{
	double end = seconds(CLOCK_MONOTONIC) + RUN_MS / 1e3;
	int reads[CLOCKS] = { 0 };
	uint64_t n;

	while (seconds(CLOCK_MONOTONIC) < end)
		for (int i = 0; i < CLOCKS; i++)
			if (read(fds[i], &n, sizeof(n)) == sizeof(n)) {
				most[i] = n > most[i] ? n : most[i];
				reads[i]++;
			}
	for (int i = 0; i < CLOCKS; i++)
		printf("%s %llu\nreads %s %d\n", clocks[i].name, (unsigned long long)most[i],
			clocks[i].name, reads[i]);
}

static bool jumped(int told, int ms)
{
	return poll(&(struct pollfd){ .fd = told, .events = POLLIN }, 1, ms);
}

/*
 * Waits for the jump. @before: the clocks at a moment before it. The jump may come at any point
 * here: a reading counts only once it is known that the jump came later.
 */
static void wait_for_jump(int told, int *fds, double *before, uint64_t *most)
{
	double now[CLOCKS];

	do {
		for (int i = 0; i < CLOCKS; i++) {
			now[i] = seconds(clocks[i].id);
			if (read(fds[i], &most[i], sizeof(*most)) != sizeof(*most))
				most[i] = 0;
		}
		if (jumped(told, 0))
			return;
		memcpy(before, now, sizeof(now));
	} while (!jumped(told, 1));
}

int main(void)
{
	struct itimerspec far = { .it_value.tv_sec = 1L << 34 };
	struct itimerspec ticks = { .it_value.tv_nsec = 1, .it_interval.tv_nsec = TICK_NS };
	int told = timerfd_create(CLOCK_REALTIME, 0), fds[CLOCKS], err;
	double before[CLOCKS], start;
	uint64_t most[CLOCKS];
	uint64_t n;
	char byte;

	find_vdso();
	if (timerfd_settime(told, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL))
		return 1;
	for (int i = 0; i < CLOCKS; i++) {
		fds[i] = timerfd_create(clocks[i].id, TFD_NONBLOCK);
		ticks.it_value.tv_sec = (time_t)seconds(clocks[i].id);
		before[i] = seconds(clocks[i].id);
		if (fds[i] < 0 || timerfd_settime(fds[i], TFD_TIMER_ABSTIME, &ticks, NULL))
			return 1;
	}
	vdso(&byte, 1, 0, state, state_size);
	puts("waits");
	fflush(stdout);
	wait_for_jump(told, fds, before, most);
	say_random();
	err = read(told, &n, sizeof(n)) < 0 ? errno : 0;
	printf("jump %s\n", err ? strerrorname_np(err) : "none");
	for (int i = 0; i < CLOCKS; i++)
		printf("gone %s %.0f\n", clocks[i].name, seconds(clocks[i].id) - before[i]);
	say_ticks(fds, most);
	start = seconds(CLOCK_MONOTONIC);
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	printf("sleep %.0f\nend\n", seconds(CLOCK_MONOTONIC) - start);
	return 0;
}
