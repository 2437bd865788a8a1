/* SPDX-License-Identifier: MIT */
/* statx(2): masks, flags, agreement with stat. */
#include "t.h"

static void show(const char *what, int r, unsigned mask, const struct statx *x)
{
	mask &= STATX_BASIC_STATS;
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: asked for %d reserved %d %s %04o links %u uid %u size %llu", what,
			(x->stx_mask & mask) == mask, !!(x->stx_mask & STATX__RESERVED),
			t_type(x->stx_mode), x->stx_mode & 07777, x->stx_nlink, x->stx_uid,
			(unsigned long long)x->stx_size);
}

TEST(statx)
{
	struct statx x;
	struct stat st;
	int fd;

	t_text("f", "hello");
	NEED(symlink("f", "l"));
	fd = NEED(open("f", O_RDONLY));
	show("f", statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x), STATX_BASIC_STATS, &x);
	NEED(stat("f", &st));
	say("inode %d mtime %d dev %d", x.stx_ino == st.st_ino,
		x.stx_mtime.tv_sec == st.st_mtim.tv_sec &&
			x.stx_mtime.tv_nsec == st.st_mtim.tv_nsec,
		x.stx_dev_major == ((st.st_dev >> 8) & 0xfff));
	show("all", statx(AT_FDCWD, "f", 0, STATX_ALL, &x), STATX_ALL, &x);
	show("no mask", statx(AT_FDCWD, "f", 0, 0, &x), 0, &x);
	show("link", statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x),
		STATX_BASIC_STATS, &x);
	show("empty", statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x), STATX_BASIC_STATS, &x);
	show("empty, no flag", statx(fd, "", 0, STATX_BASIC_STATS, &x), STATX_BASIC_STATS, &x);
	show("sync", statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, STATX_SIZE, &x), STATX_SIZE, &x);
	show("dont sync", statx(AT_FDCWD, "f", AT_STATX_DONT_SYNC, STATX_SIZE, &x), STATX_SIZE, &x);
	show("both", statx(AT_FDCWD, "f", AT_STATX_SYNC_TYPE, STATX_SIZE, &x), STATX_SIZE, &x);
	show("reserved", statx(AT_FDCWD, "f", 0, STATX__RESERVED, &x), STATX__RESERVED, &x);
	show("bad flag", statx(AT_FDCWD, "f", 0x40000000, STATX_SIZE, &x), STATX_SIZE, &x);
	show("missing", statx(AT_FDCWD, "missing", 0, STATX_SIZE, &x), STATX_SIZE, &x);
	show("bad fd", statx(-1, "f", 0, STATX_SIZE, &x), STATX_SIZE, &x);
	T(statx(AT_FDCWD, BAD, 0, STATX_SIZE, &x));
	T(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_SIZE, BAD));
	T(statx(AT_FDCWD, "/dev/null", 0, STATX_BASIC_STATS, &x));
	say("%s size %llu rdev %u:%u", t_type(x.stx_mode), (unsigned long long)x.stx_size,
		x.stx_rdev_major, x.stx_rdev_minor);
}
