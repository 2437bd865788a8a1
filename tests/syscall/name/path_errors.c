/* SPDX-License-Identifier: MIT */
/*
 * path_errors: which error comes first: every call that takes a path, with every kind of path. The
 * tree is made anew after each call that has succeeded, so that its changes do not show in the
 * next.
 */
#include "t.h"

#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <utime.h>

static char long_name[NAME_MAX + 2], long_path[PATH_MAX + 100], top[PATH_MAX];
static char buf[8192];
static struct stat st;
static struct statfs sf;

static void tree(void)
{
	NEED(chdir(top));
	nftw("w", t_remove, 16, FTW_DEPTH | FTW_PHYS);
	NEED(mkdir("w", 0755));
	NEED(chdir("w"));
	t_text("f", "hello");
	NEED(mkdir("d", 0755));
	t_text("d/g", "x");
	NEED(mkdir("empty", 0755));
	NEED(symlink("loop1", "loop2"));
	NEED(symlink("loop2", "loop1"));
	NEED(symlink("f", "to-f"));
	NEED(symlink("d", "to-d"));
	NEED(symlink("nowhere", "dangling"));
	NEED(mkfifo("fifo", 0644));
}

static const struct {
	const char *name, *path;
} paths[] = {
	{ "no text", "" },
	{ "NULL", NULL },
	{ "wild", BAD },
	{ "long name", long_name },
	{ "long path", long_path },
	{ "f/x", "f/x" },
	{ "f/", "f/" },
	{ "f/.", "f/." },
	{ "d", "d" },
	{ "d/", "d/" },
	{ "d/.", "d/." },
	{ "d/..", "d/.." },
	{ "empty", "empty" },
	{ "missing", "m" },
	{ "missing/", "m/" },
	{ "missing/x", "m/x" },
	{ "loop", "loop1" },
	{ "loop/", "loop1/" },
	{ "to-f", "to-f" },
	{ "to-f/", "to-f/" },
	{ "to-d", "to-d" },
	{ "to-d/", "to-d/" },
	{ "dangling", "dangling" },
	{ "dangling/", "dangling/" },
	{ "dangling/x", "dangling/x" },
	{ "fifo", "fifo" },
	{ ".", "." },
};

static const char *p;         /* the path that is tried */
static const char *path_name; /* and its name */
static bool worked = true;    /* the last call: the tree may have changed */

static void result(const char *what, long r)
{
	if (r == -1)
		say("%s [%s] %s", what, path_name, t_errno(errno));
	else
		say("%s [%s] ok", what, path_name);
}

#define TRY(e)                                                                                     \
	do {                                                                                       \
		if (worked)                                                                        \
			tree();                                                                    \
		errno = 0;                                                                         \
		long r_ = (long)(e);                                                               \
		worked = r_ != -1;                                                                 \
		result(#e, r_);                                                                    \
	} while (0)

static int opened(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd;
}

static int try_openat2(uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

	return opened(syscall(SYS_openat2, AT_FDCWD, p, &how, sizeof(how)));
}

#define OPEN(flags) opened(syscall(SYS_open, p, (flags) | O_NONBLOCK, 0600))

static void opening(void)
{
	TRY(OPEN(O_RDONLY));
	TRY(OPEN(O_RDWR));
	TRY(OPEN(O_ACCMODE));
	TRY(OPEN(O_PATH));
	TRY(OPEN(O_PATH | O_NOFOLLOW));
	TRY(OPEN(O_NOFOLLOW));
	TRY(OPEN(O_DIRECTORY));
	TRY(OPEN(O_DIRECTORY | O_NOFOLLOW));
	TRY(OPEN(O_DIRECTORY | O_CREAT));
	TRY(OPEN(O_CREAT));
	TRY(OPEN(O_CREAT | O_EXCL));
	TRY(OPEN(O_WRONLY | O_TRUNC));
	TRY(OPEN(O_TMPFILE | O_RDONLY));
	TRY(OPEN(O_TMPFILE | O_CREAT | O_RDWR));
	TRY(try_openat2(O_NONBLOCK, 0, 0));
	TRY(try_openat2(O_NONBLOCK, 0, RESOLVE_NO_SYMLINKS));
	TRY(try_openat2(O_NONBLOCK, 0, RESOLVE_BENEATH));
	TRY(try_openat2(O_NONBLOCK, 0, RESOLVE_IN_ROOT));
	TRY(try_openat2(O_NONBLOCK, 0, RESOLVE_NO_MAGICLINKS));
	TRY(try_openat2(O_NONBLOCK, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	TRY(try_openat2(O_NONBLOCK, 0, 0x40));
	TRY(try_openat2(O_NONBLOCK, 0600, 0));
	TRY(try_openat2(O_PATH | O_RDWR, 0, 0));
	TRY(try_openat2(O_CREAT, 010000, 0));
}

static void looking(void)
{
	TRY(syscall(SYS_access, p, F_OK));
	TRY(syscall(SYS_access, p, 8));
	TRY(syscall(SYS_faccessat2, -1, p, F_OK, 0));
	TRY(syscall(SYS_faccessat2, AT_FDCWD, p, F_OK, AT_SYMLINK_NOFOLLOW));
	TRY(syscall(SYS_faccessat2, AT_FDCWD, p, F_OK, AT_EMPTY_PATH));
	TRY(syscall(SYS_faccessat2, AT_FDCWD, p, F_OK, 0x8000));
	TRY(syscall(SYS_stat, p, &st));
	TRY(syscall(SYS_lstat, p, &st));
	TRY(syscall(SYS_stat, p, BAD));
	TRY(syscall(SYS_newfstatat, -1, p, &st, 0));
	TRY(syscall(SYS_newfstatat, AT_FDCWD, p, &st, AT_SYMLINK_FOLLOW));
	TRY(syscall(SYS_statfs, p, &sf));
	TRY(syscall(SYS_statfs, p, BAD));
	TRY(syscall(SYS_readlink, p, buf, 0));
	TRY(syscall(SYS_readlink, p, buf, -1));
	TRY(syscall(SYS_readlink, p, BAD, 3));
	TRY(syscall(SYS_readlinkat, AT_FDCWD, p, buf, sizeof(buf)));
	TRY(syscall(SYS_chdir, p));
	TRY(syscall(SYS_execve, p, NULL, NULL));
}

static void changing(void)
{
	const struct utimbuf ub = { 1, 2 };
	const struct timeval tv[2] = { { 1, 2 }, { 3, 4 } },
			     bad_tv[2] = { { 1, 2000000 }, { 3, 4 } };
	const struct timespec ts[2] = { { 1, UTIME_NOW }, { 1, UTIME_OMIT } };
	const struct timespec bad_ts[2] = { { 1, 1000000000 }, { 1, 1 } };

	TRY(syscall(SYS_truncate, p, 3));
	TRY(syscall(SYS_truncate, p, -1));
	TRY(syscall(SYS_chmod, p, 0755));
	TRY(syscall(SYS_chown, p, -1, -1));
	TRY(syscall(SYS_lchown, p, -1, -1));
	TRY(syscall(SYS_fchownat, AT_FDCWD, p, -1, -1, 0x80));
	TRY(syscall(SYS_utime, p, &ub));
	TRY(syscall(SYS_utime, p, BAD));
	TRY(syscall(SYS_utimes, p, tv));
	TRY(syscall(SYS_utimes, p, bad_tv));
	TRY(syscall(SYS_utimensat, AT_FDCWD, p, ts, 0));
	TRY(syscall(SYS_utimensat, AT_FDCWD, p, bad_ts, 0));
	TRY(syscall(SYS_utimensat, AT_FDCWD, p, ts, AT_SYMLINK_NOFOLLOW));
	TRY(syscall(SYS_utimensat, AT_FDCWD, p, ts, 0x800));
	TRY(syscall(SYS_utimensat, -1, p, BAD, 0));
	TRY(syscall(SYS_futimesat, AT_FDCWD, p, tv));
}

static void attributes(void)
{
	TRY(syscall(SYS_setxattr, p, "user.x", "v", 1, 0));
	TRY(syscall(SYS_lsetxattr, p, "user.x", "v", 1, 0));
	TRY(syscall(SYS_setxattr, p, "user.", "v", 1, 0));
	TRY(syscall(SYS_setxattr, p, "foo.x", "v", 1, 0));
	TRY(syscall(SYS_setxattr, p, "", "v", 1, 0));
	TRY(syscall(SYS_setxattr, p, long_name, "v", 1, 0));
	TRY(syscall(SYS_setxattr, p, "user.x", "v", 65537, 0));
	TRY(syscall(SYS_setxattr, p, "user.x", "v", 1, 4));
	TRY(syscall(SYS_setxattr, p, "user.x", "v", 1, XATTR_REPLACE));
	TRY(syscall(SYS_setxattr, p, "user.x", BAD, 1, 0));
	TRY(syscall(SYS_getxattr, p, "user.none", buf, 10));
	TRY(syscall(SYS_getxattr, p, BAD, buf, 10));
	TRY(syscall(SYS_lgetxattr, p, "user.none", buf, 10));
	TRY(syscall(SYS_removexattr, p, "user.none"));
	TRY(syscall(SYS_removexattr, p, BAD));
}

static void naming(void)
{
	TRY(syscall(SYS_mkdir, p, 0755));
	TRY(syscall(SYS_mknod, p, S_IFREG | 0644, 0));
	TRY(syscall(SYS_mknod, p, S_IFDIR | 0644, 0));
	TRY(syscall(SYS_mknod, p, S_IFLNK | 0644, 0));
	TRY(syscall(SYS_mknod, p, 0644, 0));
	TRY(syscall(SYS_symlink, "x", p));
	TRY(syscall(SYS_symlink, p, "new"));
	TRY(syscall(SYS_link, "f", p));
	TRY(syscall(SYS_link, p, "new"));
	TRY(syscall(SYS_link, p, "f"));
	TRY(syscall(SYS_linkat, AT_FDCWD, p, AT_FDCWD, "new", AT_SYMLINK_FOLLOW));
	TRY(syscall(SYS_linkat, AT_FDCWD, p, AT_FDCWD, "new", 1));
	TRY(syscall(SYS_rename, p, p));
	TRY(syscall(SYS_rename, "f", p));
	TRY(syscall(SYS_rename, "d", p));
	TRY(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, p, RENAME_NOREPLACE));
	TRY(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, "q", RENAME_EXCHANGE | RENAME_NOREPLACE));
	TRY(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, "q", RENAME_EXCHANGE | RENAME_WHITEOUT));
	TRY(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, "q", 8));
	TRY(syscall(SYS_unlinkat, AT_FDCWD, p, 0x400));
	TRY(syscall(SYS_unlink, p));
	TRY(syscall(SYS_rmdir, p));
}

TEST(path_errors)
{
	memset(long_name, 'a', sizeof(long_name) - 1);
	for (size_t i = 0; i < sizeof(long_path) - 1; i++)
		long_path[i] = i % 100 ? 'a' : '/';
	NEED(getcwd(top, sizeof(top)) ? 0 : -1);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		p = paths[i].path;
		path_name = paths[i].name;
		opening();
		looking();
		changing();
		attributes();
		naming();
	}
	NEED(chdir(top));
}
