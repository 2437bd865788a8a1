/* SPDX-License-Identifier: MIT */
/* tmpfs: a file is found by its handle among very many at once. */
#include "t.h"

#include <sys/mount.h>

#define FILES 60000

static double now_ms_f(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

TEST(handle_many)
{
	struct {
		struct file_handle h;
		char room[64];
	} fh = { .h.handle_bytes = 64 };
	int id, fd, missed = 0;
	double start;
	char name[32];

	NEED(unshare(CLONE_NEWNS));
	NEED(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mkdir("t", 0755));
	NEED(mount("none", "t", "tmpfs", 0, "nr_inodes=0"));
	fd = (int)NEED(open("t", O_RDONLY));
	NEED(fchdir(fd));
	for (int i = 0; i < FILES; i++) {
		sprintf(name, "%d", i);
		NEED(mknod(name, S_IFREG | 0600, 0));
		if (i == 0)
			NEED(name_to_handle_at(AT_FDCWD, name, &fh.h, &id, 0));
	}
	start = now_ms_f();
	for (int i = 0; i < 30; i++) {
		int f = open_by_handle_at(fd, &fh.h, O_RDONLY);

		missed += f < 0;
		close(f);
	}
	start = now_ms_f() - start;
	if (getenv("SHOW"))
		fprintf(stderr, "30 in %.1f ms\n", start);
	say("not found: %d, at once: %d", missed, start < 150);
	NEED(chdir("/"));
	NEED(umount2("t", MNT_DETACH));
}
