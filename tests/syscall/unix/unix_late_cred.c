/* SPDX-License-Identifier: MIT */
/*
 * unix_late_cred: AF_UNIX: a message has its sender's credentials if the receiver has asked for
 * them when it is sent. Also a name that is bound twice, control data at a bad address, and
 * FIONREAD.
 */
#include "t.h"
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *id(unsigned v, unsigned mine)
{
	return v == mine ? "mine" : v == 65534 ? "nobody's" : "another";
}

static void told(int fd)
{
	char data[20], ctl[200];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	struct cmsghdr *c;
	struct ucred u;

	T(recvmsg(fd, &m, MSG_DONTWAIT));
	c = CMSG_FIRSTHDR(&m);
	if (!c) {
		say(" nothing");
		return;
	}
	memcpy(&u, CMSG_DATA(c), sizeof(u));
	say(" type %d pid %s uid %s gid %s", c->cmsg_type, u.pid ? id(u.pid, getpid()) : "0",
		id(u.uid, getuid()), id(u.gid, getgid()));
}

static void credentials(int type)
{
	int f[2], on = 1, off = 0;

	NEED(socketpair(AF_UNIX, type, 0, f));
	T(send(f[0], "early", 5, 0));
	T(setsockopt(f[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	T(send(f[0], "late", 4, 0));
	told(f[1]);
	told(f[1]);
	T(setsockopt(f[1], SOL_SOCKET, SO_PASSCRED, &off, sizeof(off)));
	T(setsockopt(f[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	T(send(f[0], "asked here", 10, 0));
	T(setsockopt(f[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	told(f[1]);
	close(f[0]);
	close(f[1]);
}

/* Sends before the connection is accepted. */
static void not_accepted(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "listens" };
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), c, s, on = 1;

	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, 3));
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(connect(c, (struct sockaddr *)&a, sizeof(a)));
	T(send(c, "waits", 5, 0));
	s = NEED(accept(l, NULL, NULL));
	T(send(c, "accepted", 8, 0));
	T(setsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	told(s);
	told(s);
	close(c);
	close(s);
	close(l);
}

static void named_twice(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "named" };
	int s = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	T(bind(s, (struct sockaddr *)&a, sizeof(a)));
	T(bind(s, (struct sockaddr *)&a, sizeof(a.sun_family)));
	a.sun_path[0] = 'N';
	T(bind(s, (struct sockaddr *)&a, sizeof(a)));
	close(s);
}

static void no_control(int type)
{
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_controllen = 100 };
	int f[2];

	NEED(socketpair(AF_UNIX, type, 0, f));
	T(sendmsg(f[0], &m, 0));
	m.msg_controllen = 0;
	T(sendmsg(f[0], &m, 0));
	close(f[0]);
	close(f[1]);
}

static void waiting(int type)
{
	int f[2], n = -1;

	NEED(socketpair(AF_UNIX, type, 0, f));
	T(send(f[0], "abc", 3, 0));
	T(send(f[0], "de", 2, 0));
	T(ioctl(f[1], FIONREAD, &n));
	say("%d", n);
	close(f[0]);
	close(f[1]);
}

/* Prints what one read got: its bytes, and of which child the pidfd is. */
static void read_pidfd(int fd, int flags, const pid_t *pids)
{
	char data[20] = "", ctl[200], path[64], line[64];
	struct iovec v = { data, sizeof(data) - 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	int pidfd = -1, whose = -1, pid = 0;
	struct cmsghdr *c;
	FILE *f;

	T(recvmsg(fd, &m, MSG_DONTWAIT | flags));
	c = CMSG_FIRSTHDR(&m);
	if (c)
		memcpy(&pidfd, CMSG_DATA(c), sizeof(pidfd));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %d", &pid);
	if (f)
		fclose(f);
	close(pidfd);
	for (int i = 0; i < 2; i++)
		if (pid == pids[i])
			whose = i;
	say(" \"%s\" of sender %d", data, whose);
}

/* SO_PASSPIDFD without SO_PASSCRED: a read does not mix senders either. */
static void pidfds(void)
{
	int f[2], on = 1, go[2], done[2];
	pid_t pids[2];
	char c;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, f));
	NEED(pipe(go));
	NEED(pipe(done));
	NEED(setsockopt(f[1], SOL_SOCKET, 76 /* SO_PASSPIDFD */, &on, sizeof(on)));
	for (int i = 0; i < 2; i++) {
		pids[i] = SPAWN({
			NEED(send(f[0], i ? "def" : "abc", 3, 0));
			NEED(write(done[1], "x", 1));
			(void)!read(go[0], &c, 1);
		});
		NEED(read(done[0], &c, 1));
	}
	read_pidfd(f[1], MSG_PEEK, pids);
	read_pidfd(f[1], 0, pids);
	read_pidfd(f[1], 0, pids);
	NEED(write(go[1], "xx", 2));
	t_wait("sender", pids[0]);
	t_wait("sender", pids[1]);
	close(f[0]);
	close(f[1]);
}

TEST(unix_late_cred)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	for (int i = 0; i < 3; i++) {
		say("type %d", types[i]);
		credentials(types[i]);
		no_control(types[i]);
		waiting(types[i]);
	}
	not_accepted();
	named_twice();
	pidfds();
}
