/* SPDX-License-Identifier: MIT */
/*
 * interrupted.c: a guest program whose signal handler interrupts a read of the clock in the host's
 * vdso, prints "inside", and sleeps there. After the sleep the program reads the clock a million
 * times more. It prints "fine", or that the clock went back.
 *
 *	interrupted SECONDS
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static struct {
	uintptr_t from, to;
} maps[256];
static int nr_maps;
static volatile sig_atomic_t inside;
static int seconds;

static void read_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f) && nr_maps < 256)
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &maps[nr_maps].from,
			    &maps[nr_maps].to) == 2)
			nr_maps++;
	if (!nr_maps)
		exit(2);
	fclose(f);
}

/* True if @at is an address of this program or its own vDSO. */
static int is_own(uintptr_t at)
{
	for (int i = 0; i < nr_maps; i++)
		if (at >= maps[i].from && at < maps[i].to)
			return 1;
	return 0;
}

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(3);
}

static void on_alarm(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	struct timespec left;

	if (inside || is_own((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]))
		return;
	inside = 1;
	say("inside\n");
	left.tv_sec = seconds;
	left.tv_nsec = 0;
	while (nanosleep(&left, &left))
		;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
	int64_t last;

	seconds = argc > 1 ? atoi(argv[1]) : 1;
	last = now();
	read_maps();
	if (sigaction(SIGALRM, &sa, NULL) || setitimer(ITIMER_REAL, &every, NULL))
		return 2;
	for (int after = 0; after < 1000000; after += inside) {
		int64_t t = now();

		if (t < last) {
			say("the clock went back\n");
			return 1;
		}
		last = t;
	}
	say("fine\n");
	return 0;
}
