/* SPDX-License-Identifier: MIT */
/*
 * overlay_maps: a mapped file of an overlay has the overlay's name and numbers in /proc/PID/maps,
 * and keeps the overlay mounted.
 */
#include "recorded.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

/* Maps a page of @path and returns it. Prints what maps and map_files show of it. */
static char *look(const char *path, int flags)
{
	int fd = NEED(open(path, flags));
	bool write = (flags & O_ACCMODE) == O_RDWR;
	char *p = mmap(NULL, PAGE, PROT_READ | (write ? PROT_WRITE : 0),
		write ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	char line[512], name[256] = "", link[128], to[256] = "";
	unsigned long start = 0, end, ino;
	unsigned major, minor;
	struct stat st, mst;
	FILE *f = fopen("/proc/self/maps", "r");

	NEED(p == MAP_FAILED ? -1 : 0);
	NEED(fstat(fd, &st));
	while (fgets(line, sizeof(line), f) && start != (unsigned long)p)
		sscanf(line, "%lx-%lx %*s %*s %x:%x %lu %255s", &start, &end, &major, &minor, &ino,
			name);
	fclose(f);
	say("%s: device %d, number %d, name %s", path, makedev(major, minor) == st.st_dev,
		ino == st.st_ino, name);
	snprintf(link, sizeof(link), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		(unsigned long)p + PAGE);
	NEED(readlink(link, to, sizeof(to) - 1));
	say("map_files: %s, the same file %d", to,
		!stat(link, &mst) && mst.st_dev == st.st_dev && mst.st_ino == st.st_ino);
	close(fd);
	return p;
}

static bool has_overlays(void)
{
	return !mkdir("ground", 0755) && !mount("none", "ground", "tmpfs", 0, NULL) &&
	       !mkdir("ground/lower", 0755) && !mkdir("ground/upper", 0755) &&
	       !mkdir("ground/work", 0755) && !mkdir("ground/o", 0755) &&
	       close(open("ground/lower/below", O_CREAT | O_RDWR, 0644)) == 0 &&
	       !truncate("ground/lower/below", PAGE) &&
	       !mount("overlay", "ground/o", "overlay", 0,
		       "lowerdir=ground/lower,upperdir=ground/upper,workdir=ground/work");
}

static const char expected[] =
#include "overlay_maps.inc"
	;

TEST(overlay_maps)
{
	char *p, *q;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		!has_overlays())
		RECORDED(expected);
	NEED(chroot("ground"));
	NEED(chdir("/"));
	NEED(mkdir("o/proc", 0755));
	NEED(mkdir("proc", 0755));
	NEED(mount("none", "proc", "proc", 0, NULL));
	close(NEED(open("o/above", O_CREAT | O_RDWR, 0644)));
	NEED(truncate("o/above", PAGE));
	p = look("o/above", O_RDWR);
	q = look("o/below", O_RDONLY);
	T(umount("o"));
	munmap(p, PAGE);
	T(umount("o"));
	p = look("o/below", O_RDWR); /* copied up */
	munmap(p, PAGE);
	T(umount("o"));
	munmap(q, PAGE);
	T(umount("o"));
}
