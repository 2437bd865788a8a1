/* SPDX-License-Identifier: MIT */
/*
 * image.c: passes an input to the guest kernel as a file system: mounts it through a loop device,
 * walks through it, reads, writes a little, and unmounts it. Results of the calls are ignored: a
 * refused image is a good run, and the host notices when the kernel breaks. All loops are bounded,
 * since a damaged tree may be endless.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/afl-nestling/agent/agent.h"

#define IMAGE "/dev/shm/afl-image"
#define PLACE "/run/afl"
#define DEPTH 8
#define FILES 200
#define READ_MAX (256 * 1024)

static int image_fd, loop_fd;
static char loop_name[32];

void image_start(const char *type)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);

	if (n < 0)
		fail("/dev/loop-control: %s", strerror(errno));
	close(control);
	snprintf(loop_name, sizeof(loop_name), "/dev/loop%d", n);
	loop_fd = open(loop_name, O_RDWR | O_CLOEXEC);
	if (loop_fd < 0)
		fail("%s: %s", loop_name, strerror(errno));
	image_fd = open(IMAGE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (image_fd < 0)
		fail("%s: %s", IMAGE, strerror(errno));
	if (mkdir(PLACE, 0700) && errno != EEXIST)
		fail("%s: %s", PLACE, strerror(errno));
	/* Test whether the kernel knows the type: the mount fails, since "none" is no device. */
	if (!mount("none", PLACE, type, 0, NULL))
		umount2(PLACE, MNT_DETACH);
	else if (errno == ENODEV)
		fail("%s: this kernel has no file system of this name", type);
}

/* Reads the beginning of a file and looks for a hole. Errors are ignored. */
static void read_file(const char *name)
{
	static char buf[16384];
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	off_t hole;

	if (fd < 0)
		return;
	for (size_t all = 0; all < READ_MAX; all += sizeof(buf))
		if (read(fd, buf, sizeof(buf)) <= 0)
			break;
	hole = lseek(fd, 0, SEEK_HOLE);
	if (hole >= 0)
		lseek(fd, hole, SEEK_DATA);
	close(fd);
}

/* Changes a regular file in place: at its start, in the middle, and at its end. */
static void change_file(const char *name, off_t size)
{
	int fd = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pwrite(fd, "nestling", 8, 0) < 0 || pwrite(fd, "nestling", 8, size / 2 + 3) < 0 ||
		pwrite(fd, "nestling", 8, size + 5000) < 0)
		errno = 0;
	if (ftruncate(fd, size / 3 + 1))
		errno = 0;
	fsync(fd);
	close(fd);
}

static void look_at_xattrs(const char *name)
{
	static char names[4096], value[4096];
	ssize_t n = llistxattr(name, names, sizeof(names));

	for (ssize_t at = 0, i = 0; at < n && i < 16; at += (ssize_t)strlen(names + at) + 1, i++)
		lgetxattr(name, names + at, value, sizeof(value));
}

static void walk(int *left, int depth);

/* Uses an entry of the working directory, and what is below it. */
static void look_at(const char *name, int *left, int depth)
{
	static char target[4096];
	struct stat st;

	if (lstat(name, &st))
		return;
	look_at_xattrs(name);
	if (S_ISLNK(st.st_mode) && readlink(name, target, sizeof(target)) < 0)
		return;
	if (S_ISREG(st.st_mode)) {
		read_file(name);
		if (*left % 3 == 0)
			change_file(name, st.st_size);
	}
	if (S_ISDIR(st.st_mode) && depth < DEPTH && !chdir(name)) {
		walk(left, depth + 1);
		/* walk()'s fchdir(2) leads back here: the image's ".." may be damaged */
	}
}

/* Visits at most *left files in the working directory and below. Keeps the working directory. */
static void walk(int *left, int depth)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = here < 0 ? NULL : opendir(".");

	for (struct dirent *e; d && *left > 0 && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		(*left)--;
		look_at(e->d_name, left, depth);
		if (fchdir(here))
			break;
	}
	if (d)
		closedir(d);
	if (here >= 0)
		close(here);
}

/* Creates, links, renames and removes files in the working directory. */
static void change_tree(void)
{
	int fd = open("afl-new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0) {
		for (off_t at = 0; at < 5; at++)
			if (pwrite(fd, "a new file", 10, at * 7000) < 0)
				break;
		fallocate(fd, 0, 40000, 20000);
		fsync(fd);
		close(fd);
	}
	lsetxattr("afl-new", "user.afl", "value", 5, 0);
	if (!mkdir("afl-dir", 0755) && !link("afl-new", "afl-dir/afl-link"))
		rename("afl-new", "afl-dir/afl-new");
	if (symlink("afl-dir", "afl-symlink"))
		errno = 0;
	rename("afl-dir", "afl-dir-2");
	unlink("afl-dir-2/afl-link");
	rmdir("afl-dir-2");
	unlink("afl-symlink");
}

int image_run(const char *type, const void *input, size_t size)
{
	struct statvfs vfs;
	int left = FILES;

	/* A loop device has whole sectors, so the last one is padded with zeros. */
	write_input(image_fd, input, size);
	if (ftruncate(image_fd, (off_t)((size + 511) & ~511ul)) ||
		ioctl(loop_fd, LOOP_SET_FD, image_fd))
		return 1 << 8;
	if (mount(loop_name, PLACE, type, 0, NULL) &&
		mount(loop_name, PLACE, type, MS_RDONLY, NULL))
		return 1 << 8;
	if (!chdir(PLACE)) {
		statvfs(".", &vfs);
		walk(&left, 0);
		change_tree();
		sync();
	}
	if (chdir("/") || umount2(PLACE, 0))
		umount2(PLACE, MNT_DETACH);
	return 0;
}
