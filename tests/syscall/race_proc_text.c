/* SPDX-License-Identifier: MIT */
/* Threads that read one text of /proc from its beginning, each for itself, while it gets longer and shorter: each sees one whole text. */
#include "t.h"

#define READERS 3
#define ROUNDS 150
#define MOST 300

static int fd;
static volatile bool over;

static void *reader(void *arg)
{
	static __thread char buf[1 << 16];
	long bad = 0;

	while (!over) {
		ssize_t n = pread(fd, buf, sizeof(buf), 0);

		if (n < 20 || buf[n - 1] != '\n' || memchr(buf, 0, (size_t)n) ||
			!memchr(buf, '-', 20))
			bad++;
	}
	return (void *)bad;
}

TEST(race_proc_text)
{
	pthread_t t[READERS];
	long bad = 0;
	void *r;

	fd = open("/proc/self/maps", O_RDONLY);
	for (int i = 0; i < READERS; i++)
		NEED(pthread_create(&t[i], NULL, reader, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		char *p = mmap(NULL, MOST * 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (int k = 0; k < MOST; k++)
			mprotect(p + k * 8192, 4096, PROT_READ);
		munmap(p, MOST * 8192);
		if (i % 40 == 0) { /* a buffer that begins small */
			int other = open("/proc/self/maps", O_RDONLY);

			NEED(dup2(other, fd));
			close(other);
		}
	}
	over = true;
	for (int i = 0; i < READERS; i++) {
		pthread_join(t[i], &r);
		bad += (long)r;
	}
	printf("bad reads: %ld\n", bad);
}
