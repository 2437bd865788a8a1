/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/maps, smaps and numa_maps of 60,000 areas: every area once and in order, for each size
 * of buffer, while other areas come and go. A read in the middle of the file, and a second read
 * from its start.
 */
#include "t.h"

#define AREAS 60000UL

static char *base;

/* Reads @path, @step bytes at a time. Returns the text with a NUL, and its length in *len. */
static char *text_of(const char *path, size_t step, size_t *len)
{
	int fd = NEED(open(path, O_RDONLY));
	size_t room = 96 << 20;
	char *text = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	*len = 0;
	while ((n = read(fd, text + *len, step < room - *len - 1 ? step : room - *len - 1)) > 0)
		*len += (size_t)n;
	if (n < 0)
		say("%s: %s", path, t_errno(errno));
	close(fd);
	return text;
}

/* Returns how many lines of the text begin with our areas, in order. */
static unsigned long in_order(char *text)
{
	unsigned long next = (unsigned long)base, found = 0;
	char *line;

	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *end;
		unsigned long start = strtoul(line, &end, 16);

		if (end - line < 8 || start != next || found == AREAS)
			continue;
		found++;
		next += PAGE;
	}
	return found;
}

static void whole(const char *path, size_t step)
{
	size_t len;
	char *text = text_of(path, step, &len);

	say("%s, %zu: %lu of %lu", path, step, in_order(text), AREAS);
	munmap(text, 96 << 20);
}

/* Checks that the text from a position on equals the end of the whole text. */
static void middle(void)
{
	int fd = NEED(open("/proc/self/maps", O_RDONLY));
	char *all = malloc(3 << 20), part[5000];
	size_t len = 0;
	ssize_t n;

	while (len < 3 << 20 && (n = read(fd, all + len, (3 << 20) - len)) > 0)
		len += (size_t)n;
	for (off_t at = 2500000; at > 0; at -= 1200000) {
		n = pread(fd, part, sizeof(part), at);
		say("at %ld: %d", (long)at, n > 0 && !memcmp(part, all + at, (size_t)n));
	}
	NEED(lseek(fd, 1000001, SEEK_SET));
	n = read(fd, part, sizeof(part));
	say("after a seek: %d", n > 0 && !memcmp(part, all + 1000001, (size_t)n));
	NEED(lseek(fd, 0, SEEK_SET));
	n = read(fd, part, sizeof(part));
	say("from the start: %d", n > 0 && !memcmp(part, all, (size_t)n));
	close(fd);
	free(all);
}

static volatile bool stop;

static void *changes(void *arg)
{
	while (!stop) {
		char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mprotect(p + PAGE, PAGE, PROT_NONE);
		munmap(p, 3 * PAGE);
	}
	return NULL;
}

TEST(proc_long)
{
	int fd = NEED(memfd_create("a name that makes the lines of the text long enough", 0));
	pthread_t t;

	NEED(ftruncate(fd, AREAS * PAGE));
	base = mmap(NULL, AREAS * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	for (unsigned long i = 1; i < AREAS; i += 2)
		NEED(mprotect(base + i * PAGE, PAGE, PROT_READ | PROT_WRITE));
	middle();
	pthread_create(&t, NULL, changes, NULL);
	whole("/proc/self/maps", 1 << 20);
	whole("/proc/self/maps", 777);
	whole("/proc/self/smaps", 65536);
	whole("/proc/self/numa_maps", 4096);
	stop = true;
	pthread_join(t, NULL);
}
