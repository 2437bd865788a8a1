/* SPDX-License-Identifier: MIT */
/*
 * file_caps: what removes a file's capabilities: a change of owner (also to the same owner), a
 * truncation, a write, fallocate(); nothing else.
 */
#include "t.h"
#include <sys/xattr.h>

static const struct {
	uint32_t magic, data[4];
} caps = { 0x02000001, { 1 << 10 } };

static int fresh(mode_t mode)
{
	int fd;

	unlink("f");
	fd = NEED(open("f", O_CREAT | O_RDWR, 0755));
	NEED(write(fd, "12345", 5));
	NEED(fchmod(fd, mode));
	NEED(setxattr("f", "security.capability", &caps, sizeof(caps), 0));
	return fd;
}

static void left(const char *what)
{
	char buf[64];
	struct stat st;

	NEED(stat("f", &st));
	say("%s: mode %o", what, st.st_mode & 07777);
	T(getxattr("f", "security.capability", buf, sizeof(buf)));
}

#define AFTER(mode, e)                                                                             \
	({                                                                                         \
		int fd = fresh(mode);                                                              \
		T(e);                                                                              \
		left("afterwards");                                                                \
		close(fd);                                                                         \
	})

/* Root opens the file. The owner sets the bit, then writes to it. */
static void by_the_owner(void)
{
	int fd = fresh(04777);

	CHILD({
		t_become(65534, 65534);
		T(write(fd, "x", 1));
	});
	left("written by nobody");
	close(fd);
}

TEST(file_caps)
{
	AFTER(0755, chown("f", 65534, 65534));
	AFTER(0755, chown("f", -1, -1));
	AFTER(04755, chown("f", -1, -1));
	AFTER(0755, fchown(fd, 0, -1));
	AFTER(0755, lchown("f", -1, 0));
	AFTER(0755, truncate("f", 5));
	AFTER(0755, truncate("f", 10));
	AFTER(0755, ftruncate(fd, 0));
	AFTER(04755, ftruncate(fd, 0));
	AFTER(0755, close(open("f", O_WRONLY | O_TRUNC)));
	AFTER(0755, fallocate(fd, 0, 0, 4096));
	AFTER(0755, write(fd, "x", 1));
	AFTER(04755, write(fd, "x", 1));
	AFTER(0755, write(fd, "x", 0));
	AFTER(0755, chmod("f", 0700));
	AFTER(0755, utimensat(AT_FDCWD, "f", NULL, 0));
	AFTER(0755, close(open("f", O_WRONLY)));
	by_the_owner();
}
