/* SPDX-License-Identifier: MIT */
/* inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2): the events of common operations. */
#include "t.h"
#include <sys/inotify.h>
#include <sys/ioctl.h>

static const char *mask_text(uint32_t mask)
{
	static const char *const names[] = { "ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE",
		"CLOSE_NOWRITE", "OPEN", "MOVED_FROM", "MOVED_TO", "CREATE", "DELETE",
		"DELETE_SELF", "MOVE_SELF", "?", "UNMOUNT", "Q_OVERFLOW", "IGNORED" };
	static char text[200];
	int i;

	text[0] = 0;
	for (i = 0; i < 16; i++)
		if (mask & (1u << i))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", names[i]);
	if (mask & IN_ISDIR)
		strcat(text, " ISDIR");
	return text;
}

static void events(const char *what, int fd)
{
	char buf[4096] __attribute__((aligned(8))), *p;
	uint32_t cookie = 0;
	int n = read(fd, buf, sizeof(buf));

	say("%s:%s%s", what, n < 0 ? " " : "", n < 0 ? t_errno(errno) : "");
	for (p = buf; p < buf + n;) {
		struct inotify_event *e = (struct inotify_event *)p;

		say("  wd %d%s%s%s%s", e->wd, mask_text(e->mask), e->len ? " " : "",
			e->len ? e->name : "",
			e->cookie ? e->cookie == cookie ? " (same cookie)" : " (cookie)" : "");
		cookie = e->cookie;
		p += sizeof(*e) + e->len;
	}
}

static void directory(int fd)
{
	int f;
	char c;

	T(inotify_add_watch(fd, "d", IN_ALL_EVENTS));
	f = NEED(open("d/f", O_RDWR | O_CREAT, 0600));
	events("create", fd);
	NEED(write(f, "abc", 3));
	NEED(pread(f, &c, 1, 0));
	events("write and read", fd);
	NEED(ftruncate(f, 1));
	NEED(fchmod(f, 0640));
	events("truncate and chmod", fd);
	close(f);
	events("close", fd);
	close(NEED(open("d/f", O_RDONLY)));
	events("open and close", fd);
	NEED(rename("d/f", "d/g"));
	events("rename", fd);
	NEED(rename("d/g", "out"));
	NEED(rename("out", "d/g"));
	events("out and in", fd);
	NEED(link("d/g", "d/h"));
	NEED(unlink("d/g"));
	events("link and unlink", fd);
	NEED(mkdir("d/sub", 0755));
	NEED(rmdir("d/sub"));
	NEED(symlink("x", "d/l"));
	events("mkdir, rmdir, symlink", fd);
}

static void merging(int fd)
{
	int f = NEED(open("d/h", O_WRONLY)), i, n;

	for (i = 0; i < 10; i++)
		NEED(pwrite(f, "x", 1, 0));
	NEED(ioctl(fd, FIONREAD, &n));
	say("bytes that wait: %d", n);
	events("ten writes", fd);
	close(f);
	events("close", fd);
}

static void watches(int fd)
{
	int wd;

	T(inotify_add_watch(fd, "d", IN_CREATE)); /* replaces */
	close(NEED(open("d/h", O_RDONLY)));
	events("not watched", fd);
	T(inotify_add_watch(fd, "d", IN_DELETE | IN_MASK_ADD));
	t_text("d/n", "");
	NEED(unlink("d/n"));
	events("added mask", fd);
	T(inotify_add_watch(fd, "d", IN_DELETE | IN_MASK_CREATE));
	wd = T(inotify_add_watch(fd, "f", IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF));
	NEED(rename("f", "f2"));
	events("moved", fd);
	NEED(unlink("f2"));
	events("deleted", fd);
	T(inotify_rm_watch(fd, wd));
	T(inotify_rm_watch(fd, 1));
	events("removed", fd);
	T(inotify_rm_watch(fd, 1));
	t_text("one", "");
	wd = T(inotify_add_watch(fd, "one", IN_MODIFY | IN_ONESHOT));
	t_text("one", "more");
	events("one shot", fd);
	T(inotify_rm_watch(fd, wd));
	T(inotify_add_watch(fd, "one", IN_MODIFY | IN_ONLYDIR));
	T(inotify_add_watch(fd, "missing", IN_MODIFY));
	T(inotify_add_watch(fd, "one", 0));
	T(inotify_add_watch(fd, BAD, IN_MODIFY));
	T(inotify_add_watch(-1, "one", IN_MODIFY));
	T(inotify_add_watch(1, "one", IN_MODIFY));
	T(inotify_rm_watch(1, 1));
}

TEST(inotify)
{
	char small[8];
	int fd;

	T(inotify_init1(0x1234));
	fd = NEED(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL));
	NEED(mkdir("d", 0755));
	t_text("f", "");
	events("nothing", fd);
	directory(fd);
	merging(fd);
	NEED(mkdir("d/s", 0755));
	T(read(fd, small, sizeof(small)));
	events("as before", fd);
	watches(fd);
	{
		struct pollfd p = { fd, POLLIN, 0 };

		T(poll(&p, 1, 0));
		T(inotify_add_watch(fd, "d", IN_CREATE));
		t_text("d/poll", "");
		T(poll(&p, 1, 0));
		events("after poll", fd);
	}
	{
		struct pollfd p = { fd, POLLRDNORM, 0 };
		pid_t me = getpid(), pid = SPAWN({
			t_until(me, 'S');
			t_text("d/normal", "");
		});

		alarm(20);
		T(poll(&p, 1, -1));
		alarm(0);
		t_wait("creator", pid);
		events("after a wait for normal data", fd);
	}
	OK(syscall(SYS_inotify_init));
}

/* A buffer that ends in the midst of the second event: the call fails, and both events are gone. */
TEST(inotify_fault)
{
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct inotify_event *e;
	char *at = page + PAGE - sizeof(*e) - 8;
	int fd = NEED(inotify_init1(IN_NONBLOCK)), f;

	NEED(munmap(page + PAGE, PAGE));
	f = NEED(open("fault", O_RDWR | O_CREAT, 0600));
	NEED(inotify_add_watch(fd, "fault", IN_MODIFY | IN_ATTRIB));
	NEED(write(f, "x", 1));
	NEED(fchmod(f, 0640));
	T(read(fd, at, 2 * sizeof(*e)));
	e = (struct inotify_event *)at;
	say("%#x", e->mask);
	T(read(fd, at, 2 * sizeof(*e)));
}
