// SPDX-License-Identifier: MIT
/*
 * host.c: damages images of file systems at random, guided by the code that they reach (gcc's
 * -fsanitize-coverage=trace-pc in the kernel side).
 *
 *	fsfuzz SEED EXECUTIONS FOUND FILE...	FILE: whole images, named by file system:
 *                                              ext4-anything; what fails is kept as FOUND
 *	fsfuzz replay FOUND FILE...		once more
 *
 * An input is a seed image, a choice and a list of patches. Inputs that reach new code are kept and
 * changed further. Patches go to places that are not zero in the seed, since metadata is there.
 * Checksums are not corrected: most of the seeds have none (mke2fs -O ^metadata_csum).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>
#include <zlib.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include "tests/fsfuzz/world.h"

#define SEEDS 64
#define PATCHES 12
#define CORPUS 8192
#define CHUNK 32UL /* bytes of a place for patches */
#define STACK (256UL << 10)
#define LIMIT 20 /* CPU seconds for 16 executions */

struct patch {
	uint32_t place; /* index into seed.places */
	uint8_t at, kind;
	uint16_t pad;
	uint64_t value;
};
struct input {
	uint32_t seed, nr;
	uint64_t choice;
	struct patch patch[PATCHES];
};
static struct seed {
	char fs[16], file[64];
	uint8_t *data, *work; /* whole; damaged copy */
	size_t size;
	uint32_t *places, nr;
	unsigned long executions;
} seeds[SEEDS];
static uint32_t nr_seeds;
static struct input *corpus, now;
static uint32_t nr_corpus;
static uint64_t state;
static const char *found;
static unsigned long execution;
static int verbose;

/* ---- what the kernel side asks for ---- */

void *host_alloc(unsigned long n)
{
	return calloc(1, n);
}

size_t __sanitizer_get_allocated_size(const volatile void *p); /* gcc has no header that says so */

unsigned long host_size(const void *p)
{
	return __sanitizer_get_allocated_size(p);
}

void host_free(void *p)
{
	free(p);
}

void *host_map(void *at, unsigned long n)
{
	return mmap(at, n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

void host_poison(const void *p, unsigned long n)
{
	__asan_poison_memory_region(p, n);
}

void host_unpoison(const void *p, unsigned long n)
{
	__asan_unpoison_memory_region(p, n);
}

void host_say(const char *text, unsigned long n)
{
	if (verbose)
		(void)!write(2, text, n);
}

static void keep(void)
{
	int fd = found ? open(found, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

	if (fd >= 0 && write(fd, &now, sizeof(now)) == sizeof(now))
		close(fd);
	fprintf(stderr, "execution %lu, %s, choice %lu\n", execution, seeds[now.seed].file,
		(unsigned long)now.choice);
	for (uint32_t i = 0; i < now.nr; i++)
		fprintf(stderr, "  at %lu: kind %d, %lx\n",
			seeds[now.seed].places[now.patch[i].place % seeds[now.seed].nr] * CHUNK +
				now.patch[i].at,
			now.patch[i].kind, (unsigned long)now.patch[i].value);
}

void host_die(const char *why)
{
	fprintf(stderr, "ERROR: %s\n", why);
	__sanitizer_print_stack_trace();
	keep();
	_exit(1);
}

static void hangs(int sig)
{
	host_die("an execution without end");
}

/* a signal has asked for the end, with the usual summary */
static volatile sig_atomic_t stop;

static void stops(int sig)
{
	stop = 1;
}

/* SIGABRT is how ubsan ends the process (UBSAN_OPTIONS=abort_on_error=1). */
static void aborted(int sig)
{
	keep();
	_exit(1);
}

struct stack {
	ucontext_t context;
	void *memory;
	void *fake;
	const void *bottom;
	size_t size;
	void (*fn)(void *);
	void *arg;
};
static struct stack *current_stack, *previous_stack;

static void arrived(struct stack *s)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(s->fake, &bottom, &size);
	/* the bounds of the first stack are known once it is left */
	if (previous_stack && !previous_stack->memory) {
		previous_stack->bottom = bottom;
		previous_stack->size = size;
	}
}

static void begin(void)
{
	struct stack *s = current_stack;

	s->fake = NULL;
	arrived(s);
	s->fn(s->arg);
	abort();
}

void *host_stack(void (*fn)(void *), void *arg)
{
	struct stack *s = calloc(1, sizeof(*s));

	if (!fn) {
		current_stack = s;
		return s;
	}
	s->memory = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->bottom = s->memory;
	s->size = STACK;
	s->fn = fn;
	s->arg = arg;
	getcontext(&s->context);
	s->context.uc_stack.ss_sp = s->memory;
	s->context.uc_stack.ss_size = STACK;
	makecontext(&s->context, begin, 0);
	return s;
}

void host_stack_free(void *stack)
{
	struct stack *s = stack;

	__asan_unpoison_memory_region(s->memory, STACK);
	munmap(s->memory, STACK);
	free(s);
}

void host_switch(void *from, void *to)
{
	struct stack *a = from, *b = to;

	previous_stack = a;
	current_stack = b;
	__sanitizer_start_switch_fiber(&a->fake, b->bottom, b->size);
	swapcontext(&a->context, &b->context);
	arrived(a);
}

long host_inflate(void *to, unsigned long room, const void *from, unsigned long n)
{
	uLongf size = room;

	return uncompress(to, &size, from, n) == Z_OK ? (long)size : -1;
}

/* ---- coverage: edges, by a hash of two places ---- */

#define EDGES (1U << 18)
static uint8_t edges[EDGES], known[EDGES];
static uint32_t touched[EDGES];
static uint32_t nr_touched;
static uintptr_t last_place;

void __sanitizer_cov_trace_pc(void)
{
	uintptr_t pc = (uintptr_t)__builtin_return_address(0);
	uint32_t e = (uint32_t)((pc ^ (last_place << 5)) * 0x9e3779b1U) % EDGES;

	last_place = pc;
	if (edges[e] == 0 && nr_touched < EDGES)
		touched[nr_touched++] = e;
	if (edges[e] < 255)
		edges[e]++;
}

/*
 * Returns a number that is not 0 if the execution has met a new edge, or an old one in a new class
 * of counts.
 */
static int news(void)
{
	int new = 0;

	for (uint32_t i = 0; i < nr_touched; i++) {
		uint8_t n = edges[touched[i]], class = n < 4   ? (uint8_t)(1 << (n - 1)) :
						       n < 32  ? 8 :
						       n < 128 ? 16 :
								 32;

		new |= class & ~known[touched[i]];
		known[touched[i]] |= class;
		edges[touched[i]] = 0;
	}
	nr_touched = 0;
	return new;
}

/* ---- damage ---- */

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 8;
}

static uint64_t interesting(void)
{
	static const uint64_t few[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
		0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0xf30a, 0xc03b3998, 8, 12, 1024,
		4096, 65535, 0x80081, 0x10080000 };

	return rnd() % 3 ? few[rnd() % (sizeof(few) / sizeof(few[0]))] :
			   (1UL << rnd() % 64) + rnd() % 3 - 1;
}

static void new_patch(struct patch *p, const struct seed *s)
{
	p->place = (uint32_t)(rnd() % s->nr);
	if (rnd() % 3 == 0) /* superblock, first descriptors */
		p->place = (uint32_t)(rnd() % (s->nr < 64 ? s->nr : 64));
	p->at = (uint8_t)(rnd() % CHUNK);
	p->kind = (uint8_t)(rnd() % 8);
	p->value = rnd() % 2 ? interesting() : rnd();
}

static void apply(uint8_t *image, const struct seed *s, const struct patch *p)
{
	size_t at = (size_t)s->places[p->place % s->nr] * CHUNK + p->at % CHUNK;
	uint64_t old = 0;

	if (at + 8 > s->size)
		return;
	memcpy(&old, image + at, 8);
	switch (p->kind % 8) {
	case 0: image[at] ^= (uint8_t)(1U << (p->value & 7)); break;
	case 1: image[at] = (uint8_t)p->value; break;
	case 2: memcpy(image + (at & ~1UL), &p->value, 2); break;
	case 3: memcpy(image + (at & ~3UL), &p->value, 4); break;
	case 4: memcpy(image + (at & ~7UL), &p->value, 8); break;
	case 5: image[at] = (uint8_t)(image[at] + (int)(p->value % 17) - 8); break;
	case 6: /* the bytes of another place */
		memmove(image + at / CHUNK * CHUNK, image + s->places[p->value % s->nr] * CHUNK,
			at / CHUNK * CHUNK + CHUNK <= s->size ? CHUNK : 1);
		break;
	default: /* a number near the old one */
		old = (uint32_t)old + (p->value % 9) - 4;
		memcpy(image + (at & ~3UL), &old, 4);
	}
}

static void new_input(void)
{
	if (!nr_corpus || rnd() % 16 == 0) {
		now = (struct input){ .seed = (uint32_t)(rnd() % nr_seeds), .choice = rnd() };
	} else {
		now = corpus[rnd() % 4 ? nr_corpus - 1 - rnd() % (1 + nr_corpus / 4) :
					 rnd() % nr_corpus];
	}
	for (uint32_t n = 1 + rnd() % 4; n; n--) {
		uint32_t i = now.nr && (now.nr == PATCHES || rnd() % 3 == 0) ?
				     (uint32_t)(rnd() % now.nr) :
				     now.nr++;

		new_patch(&now.patch[i], &seeds[now.seed]);
	}
	if (rnd() % 4 == 0)
		now.choice = rnd();
	if (now.nr > 1 && rnd() % 8 == 0)
		now.nr--;
}

static void execute(void)
{
	struct seed *s = &seeds[now.seed];

	s->executions++;
	memcpy(s->work, s->data, s->size);
	for (uint32_t i = 0; i < now.nr; i++)
		apply(s->work, s, &now.patch[i]);
	last_place = 0;
	world_use(s->fs, s->work, s->size, now.choice >> 1, now.choice & 1);
}

/* ---- seeds ---- */

static void load(const char *path)
{
	struct seed *s = &seeds[nr_seeds++];
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (nr_seeds > SEEDS || fd < 0 || fstat(fd, &st))
		exit(2);
	snprintf(s->file, sizeof(s->file), "%s", name);
	snprintf(s->fs, sizeof(s->fs), "%.*s", (int)strcspn(name, "-."), name);
	if (!world_knows(s->fs)) {
		fprintf(stderr, "no file system %s\n", s->fs);
		exit(2);
	}
	s->size = (size_t)st.st_size / 512 * 512;
	s->data = malloc(s->size);
	s->work = malloc(s->size);
	if (pread(fd, s->data, s->size, 0) != (ssize_t)s->size)
		exit(2);
	close(fd);
	s->places = calloc(s->size / CHUNK + 1, sizeof(uint32_t));
	for (size_t at = 0; at + CHUNK <= s->size; at += CHUNK)
		for (size_t i = 0; i < CHUNK; i++)
			if (s->data[at + i]) {
				s->places[s->nr++] = (uint32_t)(at / CHUNK);
				break;
			}
	if (!s->nr)
		exit(2);
}

static void replay(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, &now, sizeof(now)) != sizeof(now) || now.seed >= nr_seeds ||
		now.nr > PATCHES)
		exit(2);
	verbose = 1;
	keep();
	execute();
	printf("ok      nothing was found\n");
}

/* Prints the number of executions for each kind of image. Seeds of a kind are adjacent. */
static void say_kinds(void)
{
	unsigned long n = 0;

	for (uint32_t i = 0; i < nr_seeds; i++) {
		n += seeds[i].executions;
		if (i + 1 == nr_seeds || strcmp(seeds[i].fs, seeds[i + 1].fs)) {
			printf("# %s %lu\n", seeds[i].fs, n);
			n = 0;
		}
	}
}

int main(int argc, char **argv)
{
	int again = argc > 3 && !strcmp(argv[1], "replay");
	struct itimerval limit = { .it_value.tv_sec = LIMIT };
	unsigned long runs;

	if (argc < 4)
		return 2;
	verbose = getenv("FSFUZZ_VERBOSE") != NULL;
	world_boot();
	for (int i = again ? 3 : 4; i < argc; i++)
		load(argv[i]);
	signal(SIGPROF, hangs); /* CPU time: the host may be busy */
	signal(SIGABRT, aborted);
	signal(SIGTERM, stops);
	__sanitizer_set_death_callback(keep);
	if (again) {
		replay(argv[2]);
		return 0;
	}
	state = strtoull(argv[1], NULL, 0) * 0x9e3779b97f4a7c15UL + 0x1234567;
	runs = strtoul(argv[2], NULL, 0);
	found = argv[3];
	corpus = calloc(CORPUS, sizeof(*corpus));
	/* Whole images come first: one execution reads each, the next one writes to it. */
	for (; execution < nr_seeds * 2UL; execution++) {
		now = (struct input){ .seed = (uint32_t)execution / 2,
			.choice = 2 | (execution & 1) };
		execute();
		if (news())
			corpus[nr_corpus++] = now;
	}
	if (world_mounted < nr_seeds * 2UL) {
		fprintf(stderr, "ERROR: only %lu of %u whole images were mounted\n", world_mounted,
			2 * nr_seeds);
		return 1;
	}
	for (; execution < runs && !stop; execution++) {
		if (execution % 16 == 0)
			setitimer(ITIMER_PROF, &limit, NULL);
		new_input();
		execute();
		if (news() && nr_corpus < CORPUS)
			corpus[nr_corpus++] = now;
	}
	printf("ok      %lu executions, %lu mounted, %u inputs that reached something new\n",
		execution, world_mounted, nr_corpus);
	say_kinds();
	return world_mounted ? 0 : 1;
}
