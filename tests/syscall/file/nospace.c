/* SPDX-License-Identifier: MIT */
/*
 * nospace: a full file system: short writes, ENOSPC, removal makes room, limits of files and sizes.
 */
#include "t.h"
#include <sys/mount.h>
#include <sys/vfs.h>

TEST(nospace)
{
	static char block[65536];
	struct statfs s;
	char name[32];
	long n, total = 0;
	int fd, i;

	NEED(mkdir("m", 0755));
	T(mount("none", "m", "tmpfs", 0, "size=1m,nr_inodes=20"));
	NEED(statfs("m", &s));
	say("blocks %ld files %ld", (long)(s.f_blocks * s.f_bsize), (long)s.f_files);
	fd = NEED(open("m/big", O_RDWR | O_CREAT, 0600));
	while ((n = write(fd, block, sizeof(block))) > 0)
		total += n;
	say("wrote %ld, then %s", total, t_errno(errno));
	T(write(fd, "x", 1));
	T(close(open("m/x", O_RDWR | O_CREAT, 0600))); /* names need no blocks here */
	T(pwrite(fd, "over", 4, 100));
	T(fallocate(fd, 0, 0, 4 << 20));
	T(ftruncate(fd, 1 << 19));
	T(pwrite(fd, block, 100, 1 << 19));
	{
		char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		NEED(ftruncate(fd, 4 << 20));
		CHILD({
			for (i = 0; i < 4 << 20; i += PAGE)
				p[i] = 1; /* SIGBUS when nothing is left */
		});
		NEED(munmap(p, 4 << 20));
	}
	close(fd);
	NEED(unlink("m/big"));
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "m/n%d", i);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		if (fd == -1)
			break;
		close(fd);
	}
	say("some files and then %s: %d", t_errno(errno), i < 20);
	T(mkdir("m/d", 0700));
	T(symlink("x", "m/l"));
	NEED(unlink("m/n0"));
	T(mkdir("m/d", 0700));
	T(mount("none", "m", NULL, MS_REMOUNT, "size=2m"));
	NEED(statfs("m", &s));
	say("blocks %ld", (long)(s.f_blocks * s.f_bsize));
	T(umount2("m", 0));
	T(mount("none", "m", "tmpfs", 0, "size=nonsense"));
	T(mount("none", "m", "tmpfs", 0, "nooption"));
}
