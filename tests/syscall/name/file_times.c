/* SPDX-License-Identifier: MIT */
/* Which calls change which of a file's times. */
#include "t.h"

static struct stat before, after, dir_before, dir_after;

static void start(void)
{
	t_tick();
	NEED(lstat("d/f", &before));
	NEED(stat("d", &dir_before));
	t_tick();
}

static int later(struct timespec a, struct timespec b)
{
	return b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec > a.tv_nsec);
}

static void changed(const char *what, int r)
{
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	NEED(lstat("d/f", &after));
	NEED(stat("d", &dir_after));
	say("%s: mtime %d ctime %d, directory mtime %d ctime %d", what,
		later(before.st_mtim, after.st_mtim), later(before.st_ctim, after.st_ctim),
		later(dir_before.st_mtim, dir_after.st_mtim),
		later(dir_before.st_ctim, dir_after.st_ctim));
}

#define DO(e)                                                                                      \
	do {                                                                                       \
		start();                                                                           \
		changed(#e, (int)(e));                                                             \
	} while (0)

TEST(file_times)
{
	struct timespec old[2] = { { 1000, 0 }, { 2000, 0 } },
			atime_old[2] = { { 1000, 0 }, { 0, UTIME_OMIT } };
	char c, *p;
	int fd;

	NEED(mkdir("d", 0755));
	t_text("d/f", "hello");
	fd = NEED(open("d/f", O_RDWR));
	DO(write(fd, "x", 1));
	DO(write(fd, "x", 0));
	DO(read(fd, &c, 1));
	DO(pwrite(fd, "y", 1, 0));
	DO(ftruncate(fd, 100));
	DO(ftruncate(fd, 100));
	DO(truncate("d/f", 5));
	DO(close(open("d/f", O_RDWR | O_TRUNC)));
	DO(close(open("d/f", O_RDWR)));
	DO(chmod("d/f", 0600));
	DO(chmod("d/f", 0600));
	DO(chown("d/f", 1, 1));
	DO(link("d/f", "d/g"));
	DO(unlink("d/g"));
	DO(rename("d/f", "d/h") | rename("d/h", "d/f"));
	DO(mkdir("d/sub", 0755));
	DO(rmdir("d/sub"));
	DO(symlink("x", "d/s"));
	DO(access("d/f", R_OK));
	DO(utimensat(AT_FDCWD, "d/f", old, 0));
	NEED(lstat("d/f", &after));
	say("as told: %ld %ld, ctime is now %d", (long)after.st_atim.tv_sec,
		(long)after.st_mtim.tv_sec, later(before.st_ctim, after.st_ctim));
	DO(ftruncate(fd, 4096));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	DO(({
		p[0] = 'm';
		msync(p, 4096, MS_SYNC);
	}));

	/*
	 * relatime: the time of access moves when it is older than that of change, and not
	 * otherwise
	 */
	NEED(utimensat(AT_FDCWD, "d/f", atime_old, 0));
	NEED(pread(fd, &c, 1, 0));
	NEED(lstat("d/f", &after));
	say("an old atime moves: %d", after.st_atim.tv_sec != 1000);
	fd = NEED(open("d/f", O_RDONLY | O_NOATIME));
	NEED(utimensat(AT_FDCWD, "d/f", atime_old, 0));
	NEED(pread(fd, &c, 1, 0));
	NEED(lstat("d/f", &after));
	say("but not with O_NOATIME: %d", after.st_atim.tv_sec == 1000);
	CHILD({
		NEED(chmod("d/f", 0666));
		NEED(setuid(65534));
		T(open("d/f", O_RDONLY | O_NOATIME));
	});
}
