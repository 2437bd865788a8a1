/* SPDX-License-Identifier: MIT */
/* Path walks while what they walk over is renamed, exchanged, removed, mounted and unmounted. */
#include "t.h"
#include <linux/fs.h>
#include <sys/mount.h>

#define ROUNDS 2000

static void rename_dir(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		rename("a", "b/moved");
		rename("b/moved", "a");
	}
}

/* Each path names a file with its own text, whatever moves: what opens must have that text. */
static void walk_moving(void)
{
	char buf[16];
	int fd;

	for (int i = 0; i < ROUNDS; i++) {
		fd = open(i & 1 ? "a/x/y/z" : "b/moved/x/y/z", O_RDONLY);
		if (fd < 0) {
			if (errno != ENOENT)
				_exit(2);
			continue;
		}
		if (read(fd, buf, sizeof(buf)) != 3 || memcmp(buf, "zzz", 3))
			_exit(3);
		close(fd);
	}
}

static void exchange(void)
{
	for (int i = 0; i < ROUNDS; i++)
		if (syscall(SYS_renameat2, AT_FDCWD, "e/one", AT_FDCWD, "e/two", RENAME_EXCHANGE) ==
			-1)
			_exit(4);
}

/* An exchange leaves no moment in which a name is missing. */
static void walk_exchanged(void)
{
	struct stat st;

	for (int i = 0; i < ROUNDS; i++) {
		if (stat(i & 1 ? "e/one/in" : "e/two/in", &st) == -1)
			_exit(5);
		if (st.st_size != 1 && st.st_size != 2)
			_exit(6);
	}
}

static void where_am_i(void)
{
	char buf[256], *end;

	if (chdir("e/one") == -1)
		_exit(7);
	for (int i = 0; i < ROUNDS; i++) {
		if (!getcwd(buf, sizeof(buf)))
			_exit(8);
		end = buf + strlen(buf) - 6;
		if (strcmp(end, "/e/one") && strcmp(end, "/e/two"))
			_exit(9);
	}
}

static void swap_link(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (symlink(i & 1 ? "e/one" : "e/two", "l.new") == -1 || rename("l.new", "l") == -1)
			_exit(10);
	}
}

static void walk_link(void)
{
	struct stat st;

	for (int i = 0; i < ROUNDS; i++)
		if (stat("l/in", &st) == -1)
			_exit(11);
}

static void remove_and_make(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open("u/f", O_WRONLY | O_CREAT | O_EXCL, 0600);

		if (fd == -1 || write(fd, "text", 4) != 4 || close(fd) == -1 || unlink("u/f") == -1)
			_exit(12);
	}
}

static void open_removed(void)
{
	char buf[8];
	int fd;

	for (int i = 0; i < ROUNDS; i++) {
		fd = open("u/f", O_RDONLY);
		if (fd == -1 && errno != ENOENT)
			_exit(13);
		if (fd >= 0 && read(fd, buf, sizeof(buf)) < 0)
			_exit(14);
		if (fd >= 0)
			close(fd);
	}
}

/* Makes a file with its text, renames and removes it: each stat() must find the whole text. */
static void bring_and_remove(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open("s/new", O_WRONLY | O_CREAT | O_EXCL, 0600);

		if (fd == -1 || write(fd, "text", 4) != 4 || close(fd) == -1 ||
			rename("s/new", "s/f") == -1 || unlink("s/f") == -1)
			_exit(22);
	}
}

static void stat_removed(void)
{
	struct stat st;

	for (int i = 0; i < ROUNDS * 4; i++) {
		if (stat("s/f", &st) == -1) {
			if (errno != ENOENT)
				_exit(23);
			continue;
		}
		if (st.st_size != 4 || st.st_mode != (S_IFREG | 0600))
			_exit(24);
	}
}

/* Walks relative names while a task that shares the working directory changes it. */
static void walk_from_changing(void)
{
	int one = open("c/one", O_RDONLY), two = open("c/two", O_RDONLY), child, i;
	struct stat st;

	child = (int)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		for (i = 0; i < ROUNDS; i++)
			if (fchdir(i & 1 ? one : two) == -1)
				_exit(25);
		_exit(0);
	}
	if (child == -1 || fchdir(one) == -1)
		_exit(26);
	for (i = 0; i < ROUNDS * 2; i++) {
		if (stat(i & 1 ? "in" : "../../c/one/in", &st) == -1)
			_exit(27);
		if (st.st_size != 1 && st.st_size != 2)
			_exit(28);
		if (stat(".", &st) == -1 || !S_ISDIR(st.st_mode))
			_exit(29);
	}
	if (waitpid(child, &i, 0) != child || i)
		_exit(30);
}

static void mount_and_umount(void)
{
	for (int i = 0; i < ROUNDS / 20; i++) {
		if (mount("none", "m", "tmpfs", 0, NULL) == -1)
			_exit(15);
		if (mkdir("m/d", 0700) == -1)
			_exit(16);
		while (umount2("m", i & 1 ? MNT_DETACH : 0) == -1)
			if (errno != EBUSY)
				_exit(17);
	}
}

static void walk_mounted(void)
{
	struct stat st;
	int fd;

	for (int i = 0; i < ROUNDS; i++) {
		if (stat("m/d/..", &st) == -1 && errno != ENOENT)
			_exit(18);
		fd = open("m/f", O_RDWR | O_CREAT, 0600);
		if (fd == -1)
			_exit(19);
		if (write(fd, "x", 1) != 1)
			_exit(20);
		close(fd);
	}
}

static void make_and_rmdir(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		mkdir("r/d", 0700);
		if (rmdir("r/d") == -1 && errno != ENOTEMPTY && errno != ENOENT)
			_exit(21);
	}
}

static void fill_dir(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open("r/d/f", O_WRONLY | O_CREAT, 0600);

		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT)
			_exit(22);
		if (unlink("r/d/f") == -1 && errno != ENOENT)
			_exit(23);
	}
}

/* Runs the functions at once, each in a process. */
static void together(const char *what, int n, void (*fn[])(void))
{
	int status, bad = 0, i;

	for (i = 0; i < n; i++)
		SPAWN(fn[i]());
	while (wait(&status) > 0)
		if (status) {
			say("%s: exit %d signal %d", what, WEXITSTATUS(status), WTERMSIG(status));
			bad++;
		}
	say("%s: %d bad", what, bad);
}
#define TOGETHER(what, ...)                                                                        \
	do {                                                                                       \
		void (*fn_[])(void) = { __VA_ARGS__ };                                             \
		together(what, sizeof(fn_) / sizeof(*fn_), fn_);                                   \
	} while (0)

TEST(race_names)
{
	NEED(mkdir("a", 0700));
	NEED(mkdir("a/x", 0700));
	NEED(mkdir("a/x/y", 0700));
	NEED(mkdir("b", 0700));
	t_text("a/x/y/z", "zzz");
	NEED(mkdir("e", 0700));
	NEED(mkdir("e/one", 0700));
	NEED(mkdir("e/two", 0700));
	t_text("e/one/in", "1");
	t_text("e/two/in", "22");
	NEED(symlink("e/one", "l"));
	NEED(mkdir("u", 0700));
	NEED(mkdir("s", 0700));
	NEED(mkdir("c", 0700));
	NEED(mkdir("c/one", 0700));
	NEED(mkdir("c/two", 0700));
	t_text("c/one/in", "1");
	t_text("c/two/in", "22");
	NEED(mkdir("m", 0700));
	NEED(mkdir("r", 0700));
	TOGETHER("rename", rename_dir, walk_moving, walk_moving);
	TOGETHER("exchange", exchange, walk_exchanged, walk_exchanged, where_am_i);
	TOGETHER("link", swap_link, walk_link, walk_link);
	TOGETHER("unlink", remove_and_make, open_removed, open_removed);
	TOGETHER("stat", bring_and_remove, stat_removed, stat_removed);
	TOGETHER("chdir", walk_from_changing, walk_from_changing);
	TOGETHER("rmdir", make_and_rmdir, make_and_rmdir, fill_dir, fill_dir);
	TOGETHER("umount", mount_and_umount, walk_mounted, walk_mounted);
	TOGETHER("all", rename_dir, walk_moving, exchange, walk_exchanged, swap_link, walk_link,
		remove_and_make, open_removed);
}
