/* SPDX-License-Identifier: MIT */
/*
 * map_count: vm.max_map_count: mmap() and brk() refuse when a process has one area more than the
 * limit; munmap() splits an area only below it.
 */
#include "guest.h"

#define LIMIT 200

static void limit(long n)
{
	char text[16];
	int fd = open("/proc/sys/vm/max_map_count", O_WRONLY);

	snprintf(text, sizeof(text), "%ld", n);
	write(fd, text, strlen(text));
	close(fd);
}

/* Returns the number of areas in /proc/self/maps, without allocating memory. */
static long areas(void)
{
	static char text[65536];
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t n, all = 0;
	long lines = 0;

	while (all < (ssize_t)sizeof(text) && (n = read(fd, text + all, sizeof(text) - all)) > 0)
		all += n;
	close(fd);
	for (ssize_t i = 0; i < all; i++)
		lines += text[i] == '\n';
	return lines -
	       !!memmem(text, (size_t)all, "[vsyscall]", 10); /* not counted against the limit */
}

static long fill(void)
{
	while (mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		;
	return errno == ENOMEM ? areas() - LIMIT : -1;
}

TEST(map_count)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *big = mmap(NULL, 8 * PAGE, PROT_NONE, flags, -1, 0);
	char *last = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *other = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (in_guest())
		limit(LIMIT);
	CHILD({
		G(fill(), "1");
		G(sbrk(PAGE) == (void *)-1, "1");
		G(munmap(big + 2 * PAGE, PAGE), "-1 ENOMEM");
		G(munmap(last, PAGE), "0");
		G(munmap(big + 2 * PAGE, PAGE), "-1 ENOMEM");
		G(mprotect(big + 4 * PAGE, PAGE, PROT_READ), "-1 ENOMEM");
		G(munmap(other, PAGE), "0");
		G(munmap(big + 2 * PAGE, PAGE), "0");
		G(areas() - LIMIT, "0");
		G(mmap(big + 2 * PAGE, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0) == MAP_FAILED,
			"0");
		G(areas() - LIMIT, "1");
	});
	if (in_guest())
		limit(65530);
}
