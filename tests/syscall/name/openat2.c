/* SPDX-License-Identifier: MIT */
/* openat2(2): the RESOLVE_ restrictions, and what it refuses; O_PATH and O_TMPFILE. */
#include "t.h"
#include <linux/openat2.h>
#include <sys/ioctl.h>

static long open2(int dfd, const char *path, long flags, long mode, long resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
	long fd = syscall(SYS_openat2, dfd, path, &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : -1;
}

static void beneath(int d)
{
	T(open2(d, "f", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "sub/../f", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "..", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "sub/../..", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "/etc", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "up", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "abs", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "in", O_RDONLY, 0, RESOLVE_BENEATH));
	T(open2(d, "new", O_RDWR | O_CREAT, 0600, RESOLVE_BENEATH));
	T(open2(d, "up/new", O_RDWR | O_CREAT, 0600, RESOLVE_BENEATH));
}

static void in_root(int d)
{
	T(open2(d, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	T(open2(d, "../../../f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	T(open2(d, "abs", O_RDONLY, 0, RESOLVE_IN_ROOT));
	T(open2(d, "up/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	T(open2(d, "/etc/passwd", O_RDONLY, 0, RESOLVE_IN_ROOT));
}

static void links(int d)
{
	T(open2(d, "in", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	T(open2(d, "in", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	T(open2(d, "f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	T(open2(d, "in", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	T(open2(AT_FDCWD, "/proc/self/cwd/d/f", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	T(open2(AT_FDCWD, "/proc/self/cwd/d/f", O_RDONLY, 0, 0));
	T(open2(AT_FDCWD, "/proc/self/stat", O_RDONLY, 0, RESOLVE_NO_XDEV));
	T(open2(d, "f", O_RDONLY, 0, RESOLVE_NO_XDEV));
}

static void refused(int d)
{
	struct open_how how = { .flags = O_RDONLY };
	char more[64] = { 0 };

	T(open2(d, "f", O_RDONLY, 0600, 0));
	T(open2(d, "f", 1L << 40, 0, 0));
	T(open2(d, "f", O_RDONLY, 0, 0x1000));
	T(open2(d, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	T(open2(d, "f", O_PATH | O_RDWR, 0, 0));
	T(open2(d, "f", O_CREAT, 0170000, 0));
	T(syscall(SYS_openat2, d, "f", &how, 0));
	T(syscall(SYS_openat2, d, "f", &how, 8));
	T(syscall(SYS_openat2, d, "f", NULL, sizeof(how)));
	T(syscall(SYS_openat2, d, "f", &how, 5000));
	memcpy(more, &how, sizeof(how));
	OK(syscall(SYS_openat2, d, "f", more, sizeof(more)));
	more[60] = 1;
	T(syscall(SYS_openat2, d, "f", more, sizeof(more)));
	T(open2(d, "new2", O_CREAT | O_RDWR, 0600, RESOLVE_CACHED));
}

static void path_only(int d)
{
	int fd = NEED(openat(d, "f", O_PATH)), l = NEED(openat(d, "in", O_PATH | O_NOFOLLOW));
	char buf[16] = { 0 };
	struct stat st;

	T(read(fd, buf, 1));
	T(fchmod(fd, 0600));
	T(ioctl(fd, 0, 0));
	T(fcntl(fd, F_GETFL) & O_PATH ? 0 : -1);
	T(fcntl(fd, F_SETFL, O_NONBLOCK));
	T(fstat(fd, &st));
	T(readlinkat(l, "", buf, sizeof(buf)));
	say("link to %s", buf);
	T(readlinkat(fd, "", buf, sizeof(buf)));
	T(lseek(fd, 0, SEEK_SET));
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
}

static void nameless(void)
{
	int fd = open("d", O_TMPFILE | O_RDWR, 0600);
	char path[64], buf[8] = { 0 };
	struct stat st;

	NEED(fd);
	T(write(fd, "data", 4));
	NEED(fstat(fd, &st));
	say("links %d", (int)st.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "d/named", AT_SYMLINK_FOLLOW));
	NEED(fstat(fd, &st));
	say("links %d", (int)st.st_nlink);
	close(fd);
	fd = NEED(open("d/named", O_RDONLY));
	T(read(fd, buf, sizeof(buf)));
	close(fd);
	fd = NEED(open("d", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "d/named2", AT_SYMLINK_FOLLOW));
	close(fd);
	T(open("d", O_TMPFILE | O_RDONLY, 0600));
	T(open("d", O_TMPFILE | O_RDONLY | O_TRUNC, 0600));
	T(open("d/f", O_TMPFILE | O_RDWR, 0600));
}

TEST(openat2)
{
	int d;

	NEED(mkdir("d", 0700));
	NEED(mkdir("d/sub", 0700));
	t_text("d/f", "text");
	NEED(symlink("..", "d/up"));
	NEED(symlink("/f", "d/abs"));
	NEED(symlink("sub/../f", "d/in"));
	d = NEED(open("d", O_RDONLY | O_DIRECTORY));
	beneath(d);
	in_root(d);
	links(d);
	refused(d);
	path_only(d);
	nameless();
}
