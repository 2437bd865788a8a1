/* SPDX-License-Identifier: MIT */
/*
 * unix_oob_mix: streams of AF_UNIX with out-of-band bytes: chains of sends, reads and peeks of both
 * kinds, with and without SO_OOBINLINE. The test checks the mark (SIOCATMARK) and poll(2) after
 * each step, but not FIONREAD: Linux 6.18 goes on counting a byte that was skipped. A line is a
 * chain.
 */
#include "inet.h"
#include "rnd.h"
#include <sys/un.h>

static char line[4000], next_byte;
static size_t used;

static __attribute__((format(printf, 1, 2))) void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	used += (size_t)vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	va_end(ap);
}

static void give(int fd, int flags)
{
	char b[4];
	size_t n = 1 + rnd(3);

	for (size_t k = 0; k < n; k++) {
		b[k] = next_byte;
		next_byte = next_byte == 'z' ? 'a' : (char)(next_byte + 1);
	}
	note(" %s%.*s", flags ? "!" : "+", (int)n, b);
	if (send(fd, b, n, flags) != (ssize_t)n)
		note("?%s", t_errno(errno));
}

static void take(int fd, int flags)
{
	char b[16];
	size_t room = flags & MSG_OOB ? 1 : 1 + rnd(8);
	ssize_t n = recv(fd, b, room, flags | MSG_DONTWAIT);

	note(" %s%s%zu:", flags & MSG_PEEK ? "p" : "r", flags & MSG_OOB ? "!" : "", room);
	if (n < 0)
		note("%s", t_errno(errno));
	else
		note("%.*s", (int)n, b);
}

static void state(int fd)
{
	int mark = -1, e = events(fd);

	ioctl(fd, SIOCATMARK, &mark);
	note("[%s%s%s%s]", mark ? "m" : "", e & POLLPRI ? "u" : "", e & POLLIN ? "i" : "",
		e & POLLHUP ? "h" : "");
}

static void step(const int fd[2], bool options)
{
	switch (rnd(options ? 10 : 8)) {
	case 0:
	case 1: give(fd[0], 0); break;
	case 2:
	case 3: give(fd[0], MSG_OOB); break;
	case 4: take(fd[1], MSG_OOB); break;
	case 5: take(fd[1], 0); break;
	case 6: take(fd[1], MSG_PEEK); break;
	case 7: take(fd[1], rnd(3) ? 0 : MSG_OOB | MSG_PEEK); break;
	case 8: {
		int on = (int)rnd(2);

		note(" inline%d", on);
		set(fd[1], SOL_SOCKET, SO_OOBINLINE, on);
		break;
	}
	case 9: take(fd[1], MSG_OOB); break;
	}
	state(fd[1]);
}

static void chain(unsigned n, bool options)
{
	int fd[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	used = 0;
	next_byte = 'a';
	if (n % 4 == 3)
		set(fd[1], SOL_SOCKET, SO_OOBINLINE, 1);
	for (unsigned k = 0; k < 14; k++)
		step(fd, options);
	close(fd[0]);
	note(" end");
	state(fd[1]);
	for (unsigned k = 0; k < 6; k++)
		take(fd[1], k == 2 ? MSG_OOB : 0);
	say("%u:%s", n, line);
	close(fd[1]);
}

TEST(unix_oob_mix)
{
	rnd_seed = 1;
	for (unsigned n = 0; n < 600; n++)
		chain(n, n >= 400);
}
