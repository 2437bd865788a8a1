/* SPDX-License-Identifier: MIT */
/*
 * mincore_others: only the owner of a file and users that may write to it learn which of its pages
 * are in memory; others see all as resident.
 */
#include "t.h"

#define PAGES 64

static int missing(const char *file, int prot, int flags)
{
	static unsigned char vec[PAGES];
	int fd = NEED(open(file, O_RDONLY)), n = 0;
	char *p = mmap(NULL, PAGES * PAGE, prot, flags, fd, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	NEED(mincore(p, PAGES * PAGE, vec));
	for (int i = 0; i < PAGES; i++)
		n += !(vec[i] & 1);
	NEED(munmap(p, PAGES * PAGE));
	close(fd);
	return n;
}

static void look(const char *who)
{
	static const char *const files[] = { "mine", "readable", "writable" };

	for (unsigned i = 0; i < 3; i++)
		say("%s, %s: %s, private: %s", who, files[i],
			missing(files[i], PROT_READ, MAP_SHARED) ? "some are missing" : "all there",
			missing(files[i], PROT_READ | PROT_WRITE, MAP_PRIVATE) ?
				"some are missing" :
				"all there");
}

static void fresh(const char *name, mode_t mode)
{
	int fd = NEED(open(name, O_CREAT | O_RDWR, 0600));

	NEED(ftruncate(fd, PAGES * PAGE));
	NEED(fchmod(fd, mode));
	close(fd);
}

TEST(mincore_others)
{
	fresh("mine", 0644);
	fresh("readable", 0644);
	fresh("writable", 0666);
	if (!geteuid())
		NEED(chown("mine", 65534, 65534));
	look("root");
	CHILD({
		char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		unsigned char c;

		if (!geteuid()) {
			t_become(65534, 65534);
		}
		look("nobody");
		T(mincore(p, PAGE, &c));
		say("shared memory: %d", c & 1);
	});
}
