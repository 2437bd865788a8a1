/* SPDX-License-Identifier: MIT */
/*
 * vdso_getrandom: random bytes from the vDSO, out of a state in memory that the kernel may drop
 * (Linux 6.11).
 */
#include "recorded.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/random.h>

struct params {
	uint32_t size, prot, flags, reserved[13];
};
typedef ssize_t (*random_fn)(void *buf, size_t len, unsigned flags, void *state, size_t size);

static random_fn vdso;
static struct params params;

static void *vdso_function(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *eh = (const void *)base;
	const Elf64_Phdr *ph = (const void *)(base + eh->e_phoff);
	const Elf64_Sym *syms = NULL;
	const char *names = NULL;
	const uint32_t *hash = NULL;
	const Elf64_Dyn *d = NULL;

	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			d = (const void *)(base + ph[i].p_offset);
	for (; d && d->d_tag; d++) {
		const void *at = base + d->d_un.d_ptr;

		if (d->d_tag == DT_SYMTAB)
			syms = at;
		if (d->d_tag == DT_STRTAB)
			names = at;
		if (d->d_tag == DT_HASH)
			hash = at;
	}
	/* without an old hash table: names follow the symbols */
	for (const Elf64_Sym *s = syms; s && (hash ? s < syms + hash[1] : (char *)s < names); s++)
		if (!strcmp(names + s->st_name, name) && s->st_shndx)
			return (void *)(base + s->st_value);
	return NULL;
}

static char *new_state(void)
{
	char *p = mmap(NULL, 2 * PAGE, (int)params.prot, (int)params.flags, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	return p;
}

static void ask(const char *what, void *buf, size_t len, unsigned flags, void *state, size_t size)
{
	ssize_t n = vdso(buf, len, flags, state, size);

	say("%s: %s", what, n < 0 ? t_errno((int)-n) : (size_t)n == len ? "all" : "some");
}

static void about(void)
{
	uint32_t any = 0;

	memset(&params, 0xff, sizeof(params));
	say("params: %zd", vdso(NULL, 0, 0, &params, ~0UL));
	for (int i = 0; i < 13; i++)
		any |= params.reserved[i];
	say("prot %u, flags %#x, reserved %u, size %d", params.prot, params.flags, any,
		params.size >= 40 && params.size <= 1024);
	say("with a length: %s", t_errno((int)-vdso(NULL, 1, 0, &params, ~0UL)));
	say("with flags: %s", t_errno((int)-vdso(NULL, 0, 1, &params, ~0UL)));
}

static void refused(void)
{
	char buf[64], *state = new_state();

	ask("flags", buf, 8, 8, state, params.size);
	ask("all flags", buf, 8, GRND_RANDOM | GRND_INSECURE, state, params.size);
	ask("a page's end", buf, 8, 0, state + PAGE - 8, params.size);
	ask("before a page's end", buf, 8, 0, state + PAGE - params.size, params.size);
	ask("another size", buf, 8, 0, state, params.size - 1);
	ask("no size", buf, 8, 0, state, 0);
	ask("nothing", buf, 0, 0, state, params.size);
	ask("nowhere", NULL, 0, 0, state, params.size);
	ask("not to block", buf, 8, GRND_NONBLOCK, state, params.size);
	ask("random", buf, 8, GRND_RANDOM, state, params.size);
	ask("insecure", buf, 8, GRND_INSECURE, state, params.size);
	munmap(state, 2 * PAGE);
}

/*
 * True if half of the bits are set, within five standard deviations, and, of 4096 bytes or more, no
 * value of a byte is too frequent.
 */
static bool looks_random(const unsigned char *p, size_t n)
{
	long ones = 0, seen[256] = { 0 }, most = 0;

	for (size_t i = 0; i < n; i++) {
		ones += __builtin_popcount(p[i]);
		if (++seen[p[i]] > most)
			most = seen[p[i]];
	}
	ones = ones * 2 - (long)n * 8;
	return ones * ones < 25 * (long)n * 8 && (n < 4096 || most < (long)n / 128);
}

static void lengths(void)
{
	static unsigned char buf[70000];
	char *state = new_state();
	int bad = 0;

	for (size_t len = 1; len < 600; len++) {
		memset(buf, 0xaa, 1000);
		bad += vdso(buf, len, 0, state, params.size) != (ssize_t)len;
		for (int i = 0; i < 100; i++) /* not one byte more */
			bad += buf[len + (size_t)i] != 0xaa;
	}
	say("lengths: %d bad", bad);
	for (size_t at = 0; at < 70000; at += 7)
		bad += vdso(buf + at, 7, 0, state, params.size) != 7;
	say("in pieces: %d bad, random %d", bad, looks_random(buf, 70000));
	ask("at once", buf, 70000, 0, state, params.size);
	say("random %d", looks_random(buf, 70000));
	for (int i = 0; i < 300000; i++) /* keys are renewed meanwhile */
		bad += vdso(buf, 16, 0, state, params.size) != 16;
	say("often: %d bad", bad);
	munmap(state, 2 * PAGE);
}

/* A state that is all zeros, or a child's, is invalid: parent and child get different bytes. */
static void forgotten(void)
{
	unsigned char a[4][64] = { 0 };
	char *state = new_state();
	int ends[2], status;

	NEED(pipe(ends));
	NEED(vdso(a[0], 1, 0, state, params.size) < 0 ? -1 : 0);
	if (!fork()) {
		NEED(vdso(a[1], 64, 0, state, params.size) < 0 ? -1 : 0);
		NEED(write(ends[1], a[1], 64));
		_exit(0);
	}
	NEED(vdso(a[0], 64, 0, state, params.size) < 0 ? -1 : 0);
	wait(&status);
	NEED(read(ends[0], a[1], 64));
	NEED(madvise(state, PAGE, MADV_DONTNEED));
	NEED(vdso(a[2], 64, 0, state, params.size) < 0 ? -1 : 0);
	NEED(madvise(state, PAGE, MADV_DONTNEED));
	NEED(vdso(a[3], 64, 0, state, params.size) < 0 ? -1 : 0);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			if (!memcmp(a[i], a[k], 32))
				say("%d and %d are the same", i, k);
	say("forgotten");
	munmap(state, 2 * PAGE);
}

static volatile bool stop;

static void *dropper(void *state)
{
	while (!stop)
		madvise(state, PAGE, MADV_DONTNEED);
	return NULL;
}

/* The kernel drops the state in the middle: the bytes are still random. */
static void dropped(void)
{
	static unsigned char buf[20000][32];
	char *state = new_state();
	pthread_t t;
	int bad = 0;

	pthread_create(&t, NULL, dropper, state);
	for (int i = 0; i < 20000; i++)
		bad += vdso(buf[i], 32, 0, state, params.size) != 32;
	stop = true;
	pthread_join(t, NULL);
	for (int i = 1; i < 20000; i++)
		bad += !memcmp(buf[i], buf[i - 1], 16) || !memcmp(buf[i], buf[0], 16);
	say("dropped: %d bad, random %d", bad, looks_random(buf[0], sizeof(buf)));
}

/* A handler that interrupts a call, and makes a call with the same state. */
static char *shared_state;
static unsigned char last[16];
static int handled;

static void on_alarm(int sig)
{
	unsigned char buf[16];

	vdso(buf, 16, 0, shared_state, params.size);
	if (!memcmp(buf, last, 16))
		say("the handler has the same");
	handled++;
}

static void interrupted(void)
{
	struct itimerval it = { { 0, 300 }, { 0, 300 } }, off = { 0 };
	int bad = 0;

	shared_state = new_state();
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, NULL);
	while (handled < 200) {
		unsigned char now[16];

		bad += vdso(now, 16, 0, shared_state, params.size) != 16 || !memcmp(now, last, 16);
		memcpy(last, now, 16);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	say("interrupted: %d bad", bad);
}

static const char expected[] =
#include "vdso_getrandom.inc"
	;

TEST(vdso_getrandom)
{
	vdso = (random_fn)vdso_function("__vdso_getrandom");
	if (older_than(6, 11) || (!vdso && older_than(1000, 0)))
		RECORDED(expected);
	say("alias %d", vdso_function("getrandom") == (void *)vdso);
	about();
	refused();
	lengths();
	forgotten();
	dropped();
	interrupted();
}
