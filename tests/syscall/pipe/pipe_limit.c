/* SPDX-License-Identifier: MIT */
/*
 * pipe_limit: pipes that grow at the same time have no more pages than a user may have
 * (fs.pipe-user-pages-soft); and vmsplice() of vectors with very many areas.
 */
#include "t.h"

#define PIPES 200
#define THREADS 4
#define ROUNDS 60
#define UID 54317 /* a user id of the test's own */

static int ends[PIPES];
static pthread_barrier_t together;

static void *grow(void *arg)
{
	long me = (long)arg;

	for (int r = 0; r < ROUNDS; r++) {
		pthread_barrier_wait(&together);
		for (long i = me; i < PIPES; i += THREADS)
			fcntl(ends[i], F_SETPIPE_SZ, 1 << 20);
		pthread_barrier_wait(&together);
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static void growing(void)
{
	int limit = 0, over = 0, large = 0;
	pthread_t t[THREADS];
	int f = (int)NEED(open("/proc/sys/fs/pipe-user-pages-soft", O_RDONLY));
	char text[20] = "";

	NEED(read(f, text, sizeof(text) - 1));
	limit = atoi(text);
	close(f);
	NEED(setresuid(UID, UID, UID));
	for (int i = 0; i < PIPES; i++) {
		int p[2];

		NEED(pipe(p));
		ends[i] = p[1];
		NEED(fcntl(p[1], F_SETPIPE_SZ, 4096));
	}
	pthread_barrier_init(&together, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		NEED0(pthread_create(&t[i], NULL, grow, (void *)i));
	for (int r = 0; r < ROUNDS; r++) {
		int pages = 0;

		pthread_barrier_wait(&together);
		pthread_barrier_wait(&together);
		for (int i = 0; i < PIPES; i++) {
			int size = (int)NEED(fcntl(ends[i], F_GETPIPE_SZ));

			pages += size / 4096;
			large += size == 1 << 20;
			NEED(fcntl(ends[i], F_SETPIPE_SZ, 4096));
		}
		over += pages > limit;
		pthread_barrier_wait(&together);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	say("over the limit: %d of %d times, some grew: %d", over, ROUNDS, large > 0);
}

#define AREAS 8000
#define VECTORS 1024

/* Makes every other page read-only, so that each is an area; each vector has many of them. */
static void many_areas(void)
{
	size_t n = AREAS * 4096UL, each = 0x7ffff000UL / VECTORS & ~4095UL;
	char *m = (char *)NEED(mmap(NULL, n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	static struct iovec v[VECTORS];
	double best = 1e9;
	int p[2];

	for (int i = 1; i < AREAS; i += 2)
		NEED(mprotect(m + i * 4096L, 4096, PROT_READ));
	for (int i = 0; i < VECTORS; i++)
		v[i] = (struct iovec){ m, each };
	NEED(pipe2(p, O_NONBLOCK));
	for (int i = 0; i < 5; i++) {
		double t = now_us() / 1e6;
		static char buf[65536];

		NEED(vmsplice(p[1], v, VECTORS, SPLICE_F_NONBLOCK));
		t = now_us() / 1e6 - t;
		best = t < best ? t : best;
		NEED(read(p[0], buf, sizeof(buf)));
	}
	T(vmsplice(p[1], v, VECTORS, SPLICE_F_NONBLOCK));
	if (getenv("SHOW"))
		fprintf(stderr, "vmsplice: %.3f ms\n", best * 1e3);
}

TEST(pipe_limit)
{
	pid_t pid = SPAWN({ growing(); });

	t_wait("growing", pid);
	many_areas();
}
