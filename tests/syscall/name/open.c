/* SPDX-License-Identifier: MIT */
/* open(2) and creat(2): flags, modes, links, errors. */
#include "t.h"

static void show(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		say("%s: %s", path, t_errno(errno));
	else
		say("%s: %s %04o size %ld", path, t_type(st.st_mode), st.st_mode & 07777,
			(long)st.st_size);
}

static void creation(void)
{
	OK(open("new", O_RDONLY));
	OK(open("new", O_RDWR | O_CREAT, 0666));
	show("new");
	OK(open("new", O_RDWR | O_CREAT | O_EXCL, 0666));
	OK(open("odd", O_RDONLY | O_CREAT, 07777));
	show("odd");
	OK(open("none", O_WRONLY | O_CREAT, 0));
	show("none");
	t_text("full", "abc");
	OK(open("full", O_WRONLY | O_TRUNC));
	show("full");
	t_text("full", "abc");
	OK(creat("full", 0600));
	show("full");
	OK(creat("made", 0640));
	show("made");
	umask(077);
	OK(creat("masked", 0777));
	show("masked");
	umask(022);
}

static void links(void)
{
	NEED(symlink("new", "link"));
	NEED(symlink("nothing", "dangling"));
	NEED(symlink("loop2", "loop1"));
	NEED(symlink("loop1", "loop2"));
	OK(open("link", O_RDONLY));
	OK(open("link", O_RDONLY | O_NOFOLLOW));
	OK(open("link", O_PATH | O_NOFOLLOW));
	OK(open("dangling", O_RDONLY));
	OK(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600));
	OK(open("dangling", O_RDWR | O_CREAT, 0600));
	show("nothing");
	OK(open("loop1", O_RDONLY));
	OK(open("loop1/x", O_RDONLY));
	NEED(symlink(".", "here"));
	OK(open("here/here/here/new", O_RDONLY));
	OK(open("here", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	OK(open("here/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

static void names(void)
{
	char name[5000];

	NEED(mkdir("dir", 0755));
	OK(open("", O_RDONLY));
	OK(open("new/x", O_RDONLY));
	OK(open("new/", O_RDONLY));
	OK(open("missing/", O_RDWR | O_CREAT, 0600));
	OK(open("missing/x", O_RDWR | O_CREAT, 0600));
	OK(open("dir", O_RDONLY));
	OK(open("dir", O_WRONLY));
	OK(open("dir", O_RDWR | O_CREAT, 0600));
	OK(open("new", O_RDONLY | O_DIRECTORY));
	OK(open("dir/..//./new", O_RDONLY));
	OK(open("new/..", O_RDONLY));
	memset(name, 'a', sizeof(name));
	name[256] = 0;
	OK(open(name, O_RDWR | O_CREAT, 0600));
	name[255] = 0;
	OK(open(name, O_RDWR | O_CREAT, 0600));
	memset(name, '/', sizeof(name));
	name[4095] = 0;
	OK(open(name, O_RDONLY));
	name[4095] = '/';
	name[4096] = 0;
	OK(open(name, O_RDONLY));
	OK(open(BAD, O_RDONLY));
	OK(open(NULL, O_RDONLY));
	OK(open("/dev/null/x", O_RDONLY));
}

static void accmode(void)
{
	int fd = NEED(open("new", O_RDONLY | O_TRUNC));
	char c;

	T(fcntl(NEED(open("new", O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC)), F_GETFL) & ~0100000);
	T(fcntl(NEED(open("new", O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0600)), F_GETFL) &
		~0100000);
	T(fcntl(NEED(open("new", O_RDONLY | O_CLOEXEC)), F_GETFD));
	T(fcntl(NEED(open("new", O_RDONLY)), F_GETFD));
	T(read(fd, &c, 1));
	fd = NEED(open("new", 3)); /* ioctl only */
	T(read(fd, &c, 1));
	T(write(fd, &c, 1));
	OK(open("none", O_RDONLY)); /* root may */
}

static void tmpfile_flag(void)
{
	struct stat st;
	char path[64];
	int fd;

	T(open("missing", O_TMPFILE | O_RDWR, 0600));
	T(open(".", O_TMPFILE | O_RDONLY, 0600));
	fd = OK(open(".", O_TMPFILE | O_RDWR, 0640));
	if (fd < 0)
		return;
	T(write(fd, "temporary", 9));
	NEED(fstat(fd, &st));
	say("links %d mode %04o", (int)st.st_nlink, st.st_mode & 07777);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	t_cat("named");
	fd = NEED(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "named2", AT_SYMLINK_FOLLOW));
}

static void lowest(void)
{
	int a = NEED(open("new", O_RDONLY)), b = NEED(open("new", O_RDONLY)), c;

	close(a);
	c = NEED(open("new", O_RDONLY));
	say("lowest number is used again: %s", c == a ? "yes" : "no");
	close(b);
	close(c);
}

/* A running program is not written to. The open may be by a process that only reads. */
static void busy_text(void)
{
	static char buf[1 << 16];
	int in = NEED(open("/proc/self/exe", O_RDONLY)),
	    out = NEED(open("run", O_WRONLY | O_CREAT, 0700)), p[2];
	pid_t pid;
	long n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		NEED(write(out, buf, n));
	close(in);
	close(out);
	NEED(pipe2(p, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		execl("./run", "open", "wait", NULL);
		_exit(1);
	}
	close(p[1]);
	NEED(read(p[0], buf, 1)); /* it has begun */
	T(open("run", O_RDONLY | O_TRUNC));
	T(open("run", O_WRONLY));
	T(open("run", O_RDWR | O_TRUNC));
	T(truncate("run", 0));
	T(access("run", W_OK));
	kill(pid, SIGKILL);
	t_wait("run", pid);
	T(truncate("run", 5));
	close(OK(open("run", O_RDONLY | O_TRUNC)));
	T(lseek(NEED(open("run", O_RDONLY)), 0, SEEK_END));
}

TEST(open)
{
	if (t_argc > 1)
		pause();
	creation();
	links();
	names();
	accmode();
	tmpfile_flag();
	lowest();
	busy_text();
}
