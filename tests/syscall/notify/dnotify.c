/* SPDX-License-Identifier: MIT */
/*
 * fcntl(F_NOTIFY): which events signal, once or always, by which signal; closing, copies, errors.
 */
#include "t.h"

static volatile int count, code, fd_seen, band;

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	count++;
	code = si->si_code;
	fd_seen = si->si_fd;
	band = (int)si->si_band;
}

static void saw(const char *what, int fd)
{
	say("%s: %d%s%s", what, count, count && code == POLL_MSG ? " POLL_MSG" : "",
		count && fd_seen == fd && fd >= 0 ? " its descriptor" : "");
	count = 0;
}

static void touch(const char *name)
{
	close(NEED(open(name, O_RDWR | O_CREAT, 0600)));
}

static void happen(int fd)
{
	int f;
	char c;

	touch("d/a");
	saw("create", fd);
	f = NEED(open("d/a", O_RDWR));
	NEED(write(f, "xy", 2));
	saw("write", fd);
	NEED(pread(f, &c, 1, 0));
	saw("read", fd);
	NEED(ftruncate(f, 1));
	saw("ftruncate", fd);
	close(f);
	NEED(chmod("d/a", 0640));
	saw("chmod", fd);
	NEED(rename("d/a", "d/b"));
	saw("rename within", fd);
	NEED(rename("d/b", "b"));
	saw("rename away", fd);
	NEED(rename("b", "d/b"));
	saw("rename into", fd);
	NEED(mkdir("d/sub", 0700));
	saw("mkdir", fd);
	touch("d/sub/deep");
	saw("below", fd);
	NEED(unlink("d/sub/deep"));
	NEED(rmdir("d/sub"));
	saw("rmdir", fd);
	NEED(unlink("d/b"));
	saw("unlink", fd);
	NEED(chmod("d", 0755));
	saw("chmod of itself", fd);
}

TEST(dnotify)
{
	static const int events[] = { DN_ACCESS, DN_MODIFY, DN_CREATE, DN_DELETE, DN_RENAME,
		DN_ATTRIB };
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	int fd, copy, i;

	sigaction(SIGRTMIN, &sa, NULL);
	sigaction(SIGIO, &sa, NULL);
	NEED(mkdir("d", 0700));
	for (i = 0; i < 6; i++) {
		fd = NEED(open("d", O_RDONLY));
		NEED(fcntl(fd, F_SETSIG, SIGRTMIN));
		T(fcntl(fd, F_NOTIFY, events[i] | DN_MULTISHOT));
		happen(fd);
		close(fd);
		touch("d/x");
		unlink("d/x");
		saw("closed", -1);
	}
	fd = NEED(open("d", O_RDONLY));
	T(fcntl(fd, F_NOTIFY, DN_CREATE));
	T(fcntl(fd, F_NOTIFY, DN_DELETE)); /* one more */
	touch("d/x");
	saw("SIGIO", -1);
	unlink("d/x");
	saw("not twice", -1);
	NEED(fcntl(fd, F_SETSIG, SIGRTMIN));
	T(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	T(fcntl(fd, F_NOTIFY, 0));
	touch("d/x");
	saw("cancelled", -1);
	T(fcntl(fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT));
	copy = dup(fd);
	CHILD({
		close(fd);
		close(copy);
	});
	unlink("d/x");
	saw("a child closed its copy", fd);
	close(copy); /* any close of the file by that process */
	touch("d/x");
	unlink("d/x");
	saw("closed a copy", -1);
	T(fcntl(NEED(open("f", O_CREAT | O_RDWR, 0600)), F_NOTIFY, DN_CREATE));
	T(fcntl(NEED(open("f", O_RDONLY)), F_NOTIFY, 0));
	T(fcntl(NEED(open("d", O_PATH)), F_NOTIFY, DN_CREATE));
	T(fcntl(fd, F_NOTIFY, 0x40));
	T(fcntl(fd, F_NOTIFY, DN_MULTISHOT));
}

/* F_NOTIFY makes the caller the owner of a directory that has none, and keeps one that it has. */
TEST(dnotify_owner)
{
	int fd, other;

	NEED(mkdir("owned", 0700));
	fd = NEED(open("owned", O_RDONLY));
	T(fcntl(fd, F_GETOWN));
	T(fcntl(fd, F_NOTIFY, DN_CREATE));
	say("%d", fcntl(fd, F_GETOWN) == getpid());
	other = NEED(open("owned", O_RDONLY));
	T(fcntl(other, F_SETOWN, getppid()));
	T(fcntl(other, F_NOTIFY, DN_CREATE));
	say("%d", fcntl(other, F_GETOWN) == getppid());
}
