/* SPDX-License-Identifier: MIT */
/*
 * tcp_unspec: connect(2) to AF_UNSPEC of a TCP socket without a connection: what stays of its name,
 * and what it may do afterwards.
 */
#include "inet.h"

static int unspec(int fd)
{
	struct sockaddr a = { .sa_family = AF_UNSPEC };

	return connect(fd, &a, sizeof(a));
}

static void compare(const char *what, int fd, int before)
{
	int after = port_of(fd);

	say("%s: %s", what, after == before ? "the same port" : after ? "another" : "none");
}

static void after(const char *what, int fd, int *port)
{
	compare(what, fd, *port);
	*port = port_of(fd);
}

/* A port that was released stays in the name until there is a new port. */
static void old_names(void)
{
	int fd = NEED(socket(AF_INET, SOCK_STREAM, 0)), l = listener(5), port = 0;
	struct sockaddr_in a = at("0.0.0.0", 0);

	T(reach(fd, 1));
	after("refused", fd, &port);
	T(reach(fd, port_of(l)));
	port = port_of(fd);
	T(unspec(fd));
	after("no longer connected", fd, &port);
	T(unspec(fd));
	after("and once more", fd, &port);
	T(listen(fd, 1));
	port = port_of(fd);
	T(unspec(fd));
	after("no longer listening", fd, &port);
	NEED(bind(fd, SA(&a), sizeof(a)));
	port = port_of(fd);
	T(reach(fd, 1));
	after("bound to any port, refused", fd, &port);
	NEED(set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	T(bind(fd, SA(&a), sizeof(a)));
	after("bound to no port", fd, &port);
	close(fd);
	close(l);
}

TEST(tcp_unspec)
{
	int fd, port;
	struct sockaddr_in a;

	lo_up();
	fd = bound(SOCK_STREAM, "127.0.0.1");
	port = port_of(fd);
	T(unspec(fd));
	compare("port of its choice", fd, port);
	a = at("127.0.0.1", port);
	say("in use: %d", bind(socket(AF_INET, SOCK_STREAM, 0), SA(&a), sizeof(a)) ? errno : 0);
	T(listen(fd, 1));
	compare("listening", fd, port);
	T(unspec(fd));
	T(listen(fd, 1));
	close(fd);

	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	T(unspec(fd));
	say("never bound: %d", port_of(fd));
	T(reach(fd, 1)); /* a closed port */
	T(unspec(fd));
	T(listen(fd, 1));
	say("has a port: %d", port_of(fd) > 0);
	close(fd);
	old_names();
}
