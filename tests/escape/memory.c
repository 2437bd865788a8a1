/* SPDX-License-Identifier: MIT */
/*
 * memory.c: attacks on other guests' memory. Two processes race: one unmaps, drops and remaps pages
 * while its threads write to them, the other takes fresh memory and checks that it is zero and
 * keeps its data. And a search for the secret of another user's process (tests/escape/run starts
 * it: escape victim).
 */
#include "escape.h"

#define SPAN (64 * PAGE)
#define MARK 0x6b72616d2d657669UL
#define SECRET_PARTS                                                                               \
	{                                                                                          \
		0x7365637265742d31UL, 0x2d6f662d76696374UL                                         \
	}

/* ---- the race ---- */

static char *volatile span;
static volatile bool racing;

static void skip(int sig, siginfo_t *si, void *arg)
{
	struct timespec t = { 0, 20000 };

	(void)sig;
	(void)si;
	(void)arg;
	if (!racing)
		_exit(0);
	/* the page is missing: try again until it is mapped */
	nanosleep(&t, NULL);
}

static void *writer(void *arg)
{
	size_t i = (size_t)arg;

	while (racing) {
		*(volatile uint64_t *)(span + i % SPAN) = MARK;
		i += PAGE + 8;
	}
	return NULL;
}

static void race(void *arg)
{
	struct sigaction sa = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO | SA_NODEFER };
	int how = (long)arg, i;
	long end = now_ms() + 700;
	pthread_t t;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	racing = true;
	span = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 2; i++)
		pthread_create(&t, NULL, writer, (void *)(i * 16L));
	while (now_ms() < end) {
		if (how == 0) {
			munmap(span, SPAN);
			mmap(span, SPAN, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		} else if (how == 1) {
			madvise(span, SPAN, MADV_DONTNEED);
		} else if (how == 2) {
			if (!fork())
				_exit(0);
			mprotect(span, SPAN, PROT_NONE);
			mprotect(span, SPAN, PROT_READ | PROT_WRITE);
		} else {
			char *p = mremap(span, SPAN, SPAN / 2, 0);

			p = mremap(p, SPAN / 2, SPAN, 0);
			if (p == MAP_FAILED)
				mmap(span, SPAN, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		}
	}
	_exit(0);
}

/* Checks that fresh pages are zero and keep what is written to them. */
static void look_at_fresh_memory(void *arg)
{
	long end = now_ms() + 700, me = getpid();
	size_t i, n = 4 * SPAN / 8;
	uint64_t *p;

	(void)arg;
	while (now_ms() < end) {
		p = mmap(
			NULL, 4 * SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			continue;
		for (i = 0; i < n; i++)
			if (p[i])
				_exit(STATUS_ESCAPED);
		for (i = 0; i < n; i++)
			p[i] = me << 32 | i;
		sched_yield();
		for (i = 0; i < n; i++)
			if (p[i] != (uint64_t)(me << 32 | i))
				_exit(STATUS_ESCAPED);
		munmap(p, 4 * SPAN);
	}
	_exit(0);
}

void attack_mapper(void)
{
	long how, round;
	pid_t pid;
	int status;

	for (round = 0; round < effort; round++)
		for (how = 0; how < 4; how++) {
			pid = fork();
			if (!pid)
				look_at_fresh_memory(NULL);
			attempt(race, (void *)how, 3000);
			if (waitpid(pid, &status, 0) != pid || status)
				finding("race %ld: a write into memory that was another's, status "
					"%#x",
					how, status);
		}
}

/* ---- the secret ---- */

/*
 * The victim: keeps a secret in its memory until it is told to end, and reports a change. Returns
 * the exit status.
 */
int victim(void)
{
	static const uint64_t parts[] = SECRET_PARTS;
	size_t i, n = 1 << 17;
	uint64_t *p = mmap(NULL, n * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec t = { 0, 10000000 };
	pid_t parent = getppid();

	for (i = 0; i < n; i++)
		p[i] = (parts[0] ^ parts[1]) + i / 512;
	while (access("victim-ends", F_OK)) {
		for (i = 0; i < n; i++)
			if (p[i] != (parts[0] ^ parts[1]) + i / 512) {
				puts("NOT OK victim: its memory has changed");
				return 1;
			}
		for (i = 0; i < 100; i++) /* hot calls of this program file */
			if (getppid() != parent) {
				puts("NOT OK victim: its calls are spoilt");
				return 1;
			}
		nanosleep(&t, NULL);
	}
	puts("ok victim: its memory is as it was");
	return 0;
}

static bool page_has_secret(uintptr_t at)
{
	static const uint64_t parts[] = SECRET_PARTS;
	const uint64_t *p = (const uint64_t *)at;
	size_t i;

	for (i = 1; i < PAGE / 8;
		/* whole pages of it, so that our own registers do not count */
		i++)
		if (p[i] != p[0] || p[i] - (parts[0] ^ parts[1]) > 1 << 20)
			return false;
	return true;
}

static void search(uintptr_t from, uintptr_t to)
{
	uintptr_t at;

	for (at = from; at < to; at += PAGE)
		if (readable(at) && page_has_secret(at))
			finding("the secret is at %#lx", at);
}

/* Searches the window, and the addresses at which the kernel process has its own memory. */
void attack_secret(void)
{
	static const uintptr_t kernel[] = { 0x60000000, 0x600000000000, 0x620000000000,
		0x624000000000, 0x630000000000, 0x5e0000000000 };
	size_t i;

	search(stub, stub + STUB_WINDOW);
	for (i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++) {
		if (readable(kernel[i]))
			finding("memory at %#lx", kernel[i]);
		search(kernel[i], kernel[i] + 64 * PAGE);
	}
	/* fresh memory that has another process's data */
	for (i = 0; i < 64UL * effort; i++) {
		char *p = mmap(
			NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			search((uintptr_t)p, (uintptr_t)p + SPAN);
	}
}
