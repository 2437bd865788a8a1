/* SPDX-License-Identifier: MIT */
/* stat(2), fstat(2), lstat(2), newfstatat(2): types, sizes, links, errors. */
#include "t.h"
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

/*
 * The owner of the host's devices is not printed: it depends on the host (nobody, in a container
 * with mapped ids).
 */
static void show_device(const char *what, int r, const struct stat *st)
{
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: %s links %d size %ld rdev %d:%d", what, t_type(st->st_mode),
			(int)st->st_nlink, (long)st->st_size, (int)major(st->st_rdev),
			(int)minor(st->st_rdev));
}

static void show(const char *what, int r, const struct stat *st)
{
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: %s %04o links %d uid %d gid %d size %ld rdev %d:%d", what,
			t_type(st->st_mode), st->st_mode & 07777,
			S_ISDIR(st->st_mode) ? 0 : (int)st->st_nlink, (int)st->st_uid,
			(int)st->st_gid, S_ISDIR(st->st_mode) ? 0 : (long)st->st_size,
			(int)major(st->st_rdev), (int)minor(st->st_rdev));
}

static void one(const char *path)
{
	struct stat st;

	show(path, syscall(SYS_stat, path, &st), &st);
	show(path, syscall(SYS_lstat, path, &st), &st);
}

static void descriptors(void)
{
	struct stat st;
	int p[2], dir = NEED(open(".", O_RDONLY)), fd = NEED(open("f", O_RDONLY));

	NEED(pipe(p));
	T(syscall(SYS_fstat, p[0], &st));
	say("%s %04o", t_type(st.st_mode), st.st_mode & 07777);
	T(syscall(SYS_fstat, NEED(socket(AF_UNIX, SOCK_STREAM, 0)), &st));
	say("%s %04o", t_type(st.st_mode), st.st_mode & 07777);
	show("fstat", syscall(SYS_fstat, fd, &st), &st);
	show("O_PATH", syscall(SYS_fstat, NEED(open("f", O_PATH)), &st), &st);
	T(syscall(SYS_fstat, -1, &st));
	T(syscall(SYS_fstat, fd, BAD));
	T(syscall(SYS_stat, "f", BAD));
	T(syscall(SYS_stat, BAD, &st));
	show("at dir", syscall(SYS_newfstatat, dir, "f", &st, 0), &st);
	show("at empty", syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), &st);
	show("at empty, no flag", syscall(SYS_newfstatat, fd, "", &st, 0), &st);
	show("at cwd", syscall(SYS_newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH), &st);
	show("at file", syscall(SYS_newfstatat, fd, "f", &st, 0), &st);
	show("nofollow", syscall(SYS_newfstatat, AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW), &st);
	show("bad flag", syscall(SYS_newfstatat, AT_FDCWD, "l", &st, 0x80000), &st);
	show("bad fd", syscall(SYS_newfstatat, -1, "l", &st, 0), &st);
	show_device("absolute", syscall(SYS_newfstatat, -1, "/dev/null", &st, 0), &st);
	show_device("stat", syscall(SYS_stat, "/dev/null", &st), &st);
	show_device("lstat", syscall(SYS_lstat, "/dev/null", &st), &st);
}

static void identity(void)
{
	struct stat a, b;

	NEED(stat("f", &a));
	NEED(stat("hard", &b));
	say("same inode: %s", a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "yes" : "no");
	NEED(stat("d", &b));
	say("same device: %s", a.st_dev == b.st_dev ? "yes" : "no");
	NEED(stat("d/..", &a));
	NEED(stat(".", &b));
	say("d/.. is .: %s", a.st_ino == b.st_ino ? "yes" : "no");
	NEED(stat("f", &a));
	sleep_ms(20);
	t_text("f", "longer text");
	NEED(stat("f", &b));
	say("mtime grew: %s", b.st_mtim.tv_sec > a.st_mtim.tv_sec ||
					      (b.st_mtim.tv_sec == a.st_mtim.tv_sec &&
						      b.st_mtim.tv_nsec > a.st_mtim.tv_nsec) ?
				      "yes" :
				      "no");
}

TEST(stat)
{
	struct sockaddr_un un = { AF_UNIX, "sock" };

	t_text("f", "hello");
	NEED(link("f", "hard"));
	NEED(symlink("f", "l"));
	NEED(symlink("missing", "dangling"));
	NEED(mkdir("d", 01750));
	NEED(mkfifo("p", 0640));
	NEED(bind(NEED(socket(AF_UNIX, SOCK_STREAM, 0)), (void *)&un, sizeof(un)));
	one("f");
	one("l");
	one("dangling");
	one("d");
	one("d/");
	one("l/");
	one("f/");
	one("p");
	one("sock");
	one("");
	one("missing");
	descriptors();
	identity();
	NEED(chown("f", 12, 34));
	NEED(chmod("f", 06711));
	one("f");
}
