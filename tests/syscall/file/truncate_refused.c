/* SPDX-License-Identifier: MIT */
/* A change of a file's size that is refused leaves the set-id bits. */
#include "t.h"
#include <sys/resource.h>

static void mode(const char *when)
{
	struct stat st;

	NEED(stat("f", &st));
	say("%s: mode %o, size %lld", when, st.st_mode & 07777, (long long)st.st_size);
}

static void shrink_and_grow(void)
{
	struct rlimit r = { 4096, 4096 };
	int fd = NEED(open("f", O_RDWR));

	signal(SIGXFSZ, SIG_IGN);
	NEED(setrlimit(RLIMIT_FSIZE, &r));
	T(truncate("f", 8192));
	mode("too large");
	T(ftruncate(fd, 5000));
	mode("by its descriptor");
	T(ftruncate(fd, 100));
	mode("shorter");
}

TEST(truncate_refused)
{
	NEED(chmod(".", 0777));
	CHILD({
		int fd;

		NEED(setgid(1234));
		NEED(setuid(1234));
		fd = NEED(open("f", O_RDWR | O_CREAT, 0755));
		NEED(write(fd, "abc", 3));
		NEED(fchmod(fd, 06755));
		mode("new");
		shrink_and_grow();
	});
}
