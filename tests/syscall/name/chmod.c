/* SPDX-License-Identifier: MIT */
/* chmod(2), fchmod(2), fchmodat(2): bits, ownership, set-id clearing, errors. */
#include "t.h"

static int mode(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : (int)(st.st_mode & 07777);
}

TEST(chmod)
{
	int fd, dir;

	t_text("f", "x");
	T(chmod("f", 0));
	T(mode("f"));
	T(chmod("f", 07777));
	T(mode("f"));
	T(chmod("f", 0100644));
	T(mode("f"));
	T(chmod("missing", 0600));
	T(chmod("f/x", 0600));
	T(chmod("", 0600));
	T(chmod(BAD, 0600));
	NEED(symlink("f", "l"));
	T(chmod("l", 0640));
	T(mode("f"));
	fd = NEED(open("f", O_RDONLY));
	T(fchmod(fd, 0444));
	T(mode("f"));
	T(fchmod(-1, 0600));
	T(fchmod(NEED(open("f", O_PATH)), 0600));
	NEED(mkdir("d", 0755));
	dir = NEED(open("d", O_RDONLY));
	t_text("d/in", "");
	T(syscall(SYS_fchmodat, dir, "in", 0601));
	T(mode("d/in"));
	T(syscall(SYS_fchmodat, -1, "in", 0601));
	T(fchmod(dir, 01777));
	T(mode("d"));

	/* Only the owner and root may; a caller outside the file's group loses set-gid. */
	NEED(chmod(".", 0777));
	NEED(chown("f", 1000, 2000));
	CHILD({
		NEED(setgid(65534));
		NEED(setuid(65534));
		T(chmod("f", 0600));
	});
	CHILD({
		t_become(1000, 1000);
		T(chmod("f", 06755));
		T(mode("f"));
	});

	/* writing and truncating by another user clear the set-id bits */
	NEED(chmod("f", 06777));
	CHILD({
		NEED(setgid(65534));
		NEED(setuid(65534));
		fd = NEED(open("f", O_WRONLY));
		NEED(write(fd, "y", 1));
	});
	T(mode("f"));
	NEED(chmod("f", 06777));
	CHILD({
		NEED(setgid(65534));
		NEED(setuid(65534));
		NEED(truncate("f", 0));
	});
	T(mode("f"));
}
