/* SPDX-License-Identifier: MIT */
/* openat(2), openat2(2): directory descriptors, RESOLVE_ flags, struct sizes. */
#include "t.h"
#include <linux/openat2.h>

static int open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { flags, mode, resolve };

	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static void at(int dir)
{
	OK(openat(dir, "f", O_RDONLY));
	OK(openat(dir, "../top", O_RDONLY));
	OK(openat(dir, "new", O_RDWR | O_CREAT, 0600));
	OK(open("d/new", O_RDONLY));
	OK(openat(-1, "f", O_RDONLY));
	OK(openat(-1, "/dev/null", O_RDONLY));
	OK(openat(NEED(open("top", O_RDONLY)), "f", O_RDONLY));
	OK(openat(AT_FDCWD, "top", O_RDONLY));
	OK(openat(dir, "", O_RDONLY));
	OK(openat(dir, ".", O_RDONLY));
	OK(openat(NEED(open("d", O_PATH)), "f", O_RDONLY));
}

static void resolve(int dir)
{
	OK(open2(dir, "f", O_RDONLY, 0, 0));
	OK(open2(dir, "f", O_RDONLY, 0600, 0));
	OK(open2(dir, "made", O_RDWR | O_CREAT, 0600, 0));
	OK(open2(dir, "made", O_RDWR | O_CREAT, 0200600, 0));
	OK(open2(dir, "f", 1ULL << 40, 0, 0));
	OK(open2(dir, "f", O_RDONLY, 0, 1 << 20));
	OK(open2(dir, "../top", O_RDONLY, 0, RESOLVE_BENEATH));
	OK(open2(dir, "sub/../f", O_RDONLY, 0, RESOLVE_BENEATH));
	OK(open2(dir, "/dev/null", O_RDONLY, 0, RESOLVE_BENEATH));
	OK(open2(dir, "up", O_RDONLY, 0, RESOLVE_BENEATH));
	OK(open2(dir, "up", O_RDONLY, 0, 0));
	OK(open2(dir, "../../../f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OK(open2(dir, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OK(open2(dir, "abs", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OK(open2(dir, "up", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OK(open2(dir, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	OK(open2(dir, "link", O_RDONLY, 0, 0));
	OK(open2(dir, "link", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	OK(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	OK(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, 0));
	OK(open2(AT_FDCWD, "/proc/self/stat", O_RDONLY, 0, RESOLVE_NO_XDEV));
	OK(open2(dir, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
}

static void sizes(int dir)
{
	struct {
		struct open_how how;
		uint64_t more;
	} big = { { O_RDONLY, 0, 0 }, 0 };

	OK(syscall(SYS_openat2, dir, "f", &big, sizeof(big)));
	big.more = 1;
	OK(syscall(SYS_openat2, dir, "f", &big, sizeof(big)));
	OK(syscall(SYS_openat2, dir, "f", &big, 8));
	OK(syscall(SYS_openat2, dir, "f", &big, 0));
	OK(syscall(SYS_openat2, dir, "f", &big, 8192));
	OK(syscall(SYS_openat2, dir, "f", BAD, 24));
	OK(syscall(SYS_openat2, dir, BAD, &big, 24));
}

TEST(openat)
{
	int dir;

	t_text("top", "");
	NEED(mkdir("d", 0755));
	NEED(mkdir("d/sub", 0755));
	t_text("d/f", "");
	NEED(symlink("../top", "d/up"));
	NEED(symlink("f", "d/link"));
	NEED(symlink("/f", "d/abs"));
	dir = NEED(open("d", O_RDONLY));
	at(dir);
	resolve(dir);
	sizes(dir);
}
