/* SPDX-License-Identifier: MIT */
/*
 * race_proc_text: threads read a text of /proc from its beginning while it grows and shrinks: each
 * sees a whole text.
 */
#include "t.h"

#define READERS 3
#define ROUNDS 150
#define MOST_MS 5000 /* each change waits for the readers' texts */
#define MOST 300

static int fd;
static volatile bool over;

static void *reader(void *arg)
{
	/*
	 * not the thread's own storage, which all programs of the suite would have in each thread
	 */
	char buf[1 << 16];
	long bad = 0;

	while (!over) {
		ssize_t n = pread(fd, buf, sizeof(buf), 0);

		if (n < 20 || buf[n - 1] != '\n' || memchr(buf, 0, (size_t)n))
			bad++;
	}
	return (void *)bad;
}

/* Changes the text of /proc/self/maps, and opens files anew, whose buffers begin small. */
static void change(const char *path)
{
	long end = now_ms() + MOST_MS;

	for (int i = 0; i < ROUNDS && now_ms() < end; i++) {
		char *p = mmap(NULL, MOST * 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (int k = 0; k < MOST; k++)
			mprotect(p + k * 8192, 4096, PROT_READ);
		munmap(p, MOST * 8192);
		if (i % 20 == 0) {
			int other = open(path, O_RDONLY);

			NEED(dup2(other, fd));
			close(other);
		}
	}
}

static void race(const char *path)
{
	pthread_t t[READERS];
	long bad = 0;
	void *r;

	over = false;
	fd = open(path, O_RDONLY);
	for (int i = 0; i < READERS; i++)
		NEED0(pthread_create(&t[i], NULL, reader, NULL));
	change(path);
	over = true;
	for (int i = 0; i < READERS; i++) {
		pthread_join(t[i], &r);
		bad += (long)r;
	}
	close(fd);
	printf("%s: bad reads: %ld\n", path, bad);
}

TEST(race_proc_text)
{
	race("/proc/self/maps");
	race("/proc/self/mountinfo");
}
