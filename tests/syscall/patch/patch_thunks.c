/* SPDX-License-Identifier: MIT */
/*
 * patch_thunks: a kernel may have areas of its own in a program ("[thunks]" in maps) for its hot
 * sites. A program may do with them what it may do with any area, and goes on. On the host there
 * are none, and nothing is done.
 */
#include "site.h"
#include <pthread.h>
#include <stdatomic.h>

SITE(thunks_getppid, 110);
SITE(thunks_getpid, 39);

struct area {
	unsigned long start, end;
};

/* Finds the first such area. Returns false if there is none. */
static bool find(struct area *a)
{
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "r");

	NEED(f ? 0 : -1);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, "[thunks]") &&
			sscanf(line, "%lx-%lx", &a->start, &a->end) == 2;
	fclose(f);
	return found;
}

static long both(void)
{
	return site_heat(thunks_getppid, getppid()) + site_heat(thunks_getpid, getpid());
}

static void unmapped(const struct area *a)
{
	NEED(munmap((void *)a->start, a->end - a->start));
}

static void unmapped_in_part(const struct area *a)
{
	NEED(munmap((void *)a->start, PAGE));
}

static void covered(const struct area *a)
{
	void *p = mmap((void *)a->start, a->end - a->start, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	memset(p, 0xf4, a->end - a->start);
}

static void forbidden(const struct area *a)
{
	NEED(mprotect((void *)a->start, a->end - a->start, PROT_NONE));
}

static void dropped(const struct area *a)
{
	madvise((void *)a->start, a->end - a->start, MADV_DONTNEED);
}

static void moved(const struct area *a)
{
	void *to = site_page(PROT_NONE);

	mremap((void *)a->start, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void not_writable(const struct area *a)
{
	bool bad = !mprotect((void *)a->start, PAGE, PROT_READ | PROT_WRITE) ||
		   !mprotect((void *)a->start, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);

	if (bad)
		say("the area can be written to");
}

static void try(const char *what, void (*disturb)(const struct area *a))
{
	struct area a;
	long bad = both();

	if (find(&a))
		disturb(&a);
	bad += both();
	say("%s: %ld wrong", what, bad);
}

/* Disturbs the areas in a child, which must not affect the parent's. */
static void child(const char *what, void (*disturb)(const struct area *a))
{
	long bad = both();
	int status;
	pid_t pid = fork();

	NEED(pid);
	if (!pid) {
		try(what, disturb);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	bad += status != 0;
	bad += both();
	say("the parent then: %ld wrong", bad);
}

static atomic_int stop;

static void *calls(void *arg)
{
	long bad = 0;

	while (!atomic_load(&stop))
		bad += thunks_getpid(0, 0, 0, 0, 0, 0) != getpid();
	return (void *)bad;
}

/* Disturbs the areas while other threads use them. */
static void under_threads(void)
{
	pthread_t t[2];
	void *bad[2];
	int i;

	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, calls, NULL));
	try("threads, unmapped", unmapped);
	try("threads, covered", covered);
	try("threads, forbidden", forbidden);
	atomic_store(&stop, 1);
	for (i = 0; i < 2; i++)
		NEED0(pthread_join(t[i], &bad[i]));
	say("the threads: %ld %ld wrong", (long)bad[0], (long)bad[1]);
}

TEST(patch_thunks)
{
	child("child, unmapped", unmapped);
	child("child, covered", covered);
	try("not writable", not_writable);
	try("dropped", dropped);
	try("unmapped", unmapped);
	try("unmapped in part", unmapped_in_part);
	try("covered", covered);
	try("forbidden", forbidden);
	try("moved", moved);
	under_threads();
}
