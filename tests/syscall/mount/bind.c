/* SPDX-License-Identifier: MIT */
/*
 * bind(2), listen(2), connect(2), accept4(2), getsockname(2), getpeername(2) of AF_UNIX: names,
 * files, abstract names.
 */
#include "t.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t un(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (name[0] == '@') {
		memcpy(a->sun_path + 1, name + 1, strlen(name) - 1);
		return offsetof(struct sockaddr_un, sun_path) + strlen(name);
	}
	strcpy(a->sun_path, name);
	return offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1;
}

static int do_bind(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t n = un(&a, name);

	return bind(fd, (void *)&a, n);
}

static int do_connect(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t n = un(&a, name);

	return connect(fd, (void *)&a, n);
}

static void name_of(const char *what, int fd, int peer)
{
	struct sockaddr_un a;
	socklen_t n = sizeof(a);
	int r;

	memset(&a, 0x55, sizeof(a));
	r = peer ? getpeername(fd, (void *)&a, &n) : getsockname(fd, (void *)&a, &n);
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	else if (n <= 2)
		say("%s: family %d, no name", what, a.sun_family);
	else
		say("%s: length %d %c%.*s", what, (int)n, a.sun_path[0] ? a.sun_path[0] : '@',
			(int)n - 3, a.sun_path + 1);
}

static int stream(void)
{
	return NEED(socket(AF_UNIX, SOCK_STREAM, 0));
}

static void names(void)
{
	struct sockaddr_un a;
	int fd = stream(), other = stream();
	char buf[2];
	socklen_t n;

	name_of("unbound", fd, 0);
	T(do_bind(fd, "sock"));
	name_of("bound", fd, 0);
	T(do_bind(fd, "sock2"));
	T(do_bind(other, "sock"));
	T(do_bind(other, "missing/sock"));
	T(do_bind(other, "@t-abstract-name"));
	name_of("abstract", other, 0);
	T(do_bind(stream(), "@t-abstract-name"));
	close(other);
	T(do_bind(stream(), "@t-abstract-name"));
	n = 2;
	T(getsockname(fd, (void *)buf, &n)); /* cut, and told how long it was */
	say("%d", (int)n);
	n = sizeof(a);
	T(getsockname(fd, BAD, &n));
	T(getsockname(fd, (void *)&a, BAD));
	n = -1;
	T(getsockname(fd, (void *)&a, &n));
	T(getsockname(1, (void *)&a, &n));
	T(getsockname(-1, (void *)&a, &n));
	a.sun_family = AF_INET;
	T(bind(stream(), (void *)&a, sizeof(a)));
	a.sun_family = AF_UNIX;
	T(bind(stream(), (void *)&a, 1));
	T(bind(stream(), (void *)&a, sizeof(a) + 1));
	T(bind(stream(), BAD, 10));
	T(bind(1, (void *)&a, 10));
	other = stream();
	T(bind(other, (void *)&a, 2)); /* autobind */
	n = sizeof(a);
	NEED(getsockname(other, (void *)&a, &n));
	say("a name of its own: length %d, abstract %d", (int)n, !a.sun_path[0]);
	T(unlink("sock"));
	T(access("sock", F_OK));
	name_of("after unlink", fd, 0);
}

static void connections(void)
{
	int l = stream(), c = stream(), s;
	struct sockaddr_un a;
	socklen_t n;

	T(listen(l, 5));
	NEED(do_bind(l, "listen"));
	T(do_connect(c, "listen")); /* it does not listen yet */
	T(accept(l, NULL, NULL));
	T(listen(l, 1));
	T(do_connect(c, "listen"));
	name_of("peer", c, 1);
	name_of("own", c, 0);
	n = sizeof(a);
	s = OK(accept4(l, (void *)&a, &n, SOCK_CLOEXEC | SOCK_NONBLOCK));
	say("length %d, flags %d %#x", (int)n, fcntl(s, F_GETFD), fcntl(s, F_GETFL) & O_NONBLOCK);
	name_of("server's peer", s, 1);
	name_of("server's own", s, 0);
	T(write(c, "hello", 5));
	T(read(s, &a, 10));
	T(do_connect(c, "listen"));
	T(do_connect(s, "listen"));
	T(do_connect(l, "listen"));
	T(listen(c, 5));
	T(accept(c, NULL, NULL));
	T(do_connect(stream(), "missing"));
	t_text("file", "");
	T(do_connect(stream(), "file"));
	T(do_connect(stream(), "@t-nobody"));
	T(do_connect(NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), "listen"));
	fcntl(l, F_SETFL, O_NONBLOCK);
	T(accept(l, NULL, NULL));
	T(accept4(l, NULL, NULL, 0x100));
	T(accept(1, NULL, NULL));
	close(c);
	T(read(s, &a, 10));
	signal(SIGPIPE, SIG_IGN);
	T(write(s, "x", 1));
	c = stream();
	NEED(do_connect(c, "listen"));
	close(l); /* with one in the queue */
	T(read(c, &a, 10));
	T(do_connect(stream(), "listen"));
	NEED(chmod("listen", 0));
	CHILD({
		NEED(setuid(65534));
		T(do_connect(stream(), "listen"));
	});
}

static void queue(void)
{
	int l = stream(), i, n = 0;

	NEED(do_bind(l, "queue"));
	NEED(listen(l, 2));
	for (i = 0; i < 10; i++) {
		int c = NEED(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));

		if (do_connect(c, "queue") == 0)
			n++;
		else
			break;
	}
	say("a queue of 2 takes %d, then %s", n, t_errno(errno));
	CHILD({
		pid_t me = getpid(), pid = SPAWN({
			t_until(me, 'S');
			NEED(accept(l, NULL, NULL));
		});
		T(do_connect(stream(), "queue")); /* waits for room */
		t_wait("accepter", pid);
	});
}

static void datagrams(void)
{
	int a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), b = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), c;
	struct sockaddr_un from;
	socklen_t n = sizeof(from);
	char buf[32];

	NEED(do_bind(a, "da"));
	NEED(do_bind(b, "db"));
	T(listen(a, 1));
	T(write(a, "x", 1));
	T(do_connect(a, "db"));
	T(write(a, "one", 3));
	T(write(a, "two!", 4));
	T(recvfrom(b, buf, 2, 0, (void *)&from, &n)); /* the rest is lost */
	say("from %s", from.sun_path);
	T(recv(b, buf, sizeof(buf), MSG_PEEK));
	T(recv(b, buf, sizeof(buf), MSG_TRUNC));
	T(recv(b, buf, sizeof(buf), MSG_DONTWAIT));
	n = un(&from, "da");
	T(sendto(b, "back", 4, 0, (void *)&from, n));
	c = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	T(sendto(c, "stranger", 8, 0, (void *)&from, n)); /* a is connected to b only */
	T(recv(a, buf, sizeof(buf), 0));
	from.sun_family = AF_UNSPEC;
	T(connect(a, (void *)&from, sizeof(from))); /* disconnects */
	from.sun_family = AF_UNIX;
	T(sendto(c, "stranger", 8, 0, (void *)&from, n));
	n = sizeof(from);
	T(recvfrom(a, buf, sizeof(buf), 0, (void *)&from, &n));
	say("from nobody: length %d", (int)n);
	close(b);
	n = un(&from, "db");
	T(sendto(a, "x", 1, 0, (void *)&from, n));
	T(sendto(a, "x", 1, 0, (void *)&from, 1));
	T(write(a, "", 0));
}

TEST(bind)
{
	names();
	connections();
	queue();
	datagrams();
}
