/* SPDX-License-Identifier: MIT */
/* address.c: makes the connection of a migration. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/*
 * Parses "[HOST:]PORT", with or without brackets around an IPv6 address. HOST must be an address,
 * since nestctl is static and has no resolver.
 */
static union address parse_tcp(const char *text)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	size_t n = colon ? (size_t)(colon - text) : 0;
	const char *host = n ? format("%.*s", (int)n, text) : "127.0.0.1";
	union address a = { .v4.sin_family = AF_INET };
	unsigned long number = strtoul(port, NULL, 10);

	if (!*port || port[strspn(port, "0123456789")] || number > 65535)
		die("tcp:%s: expected tcp:[HOST:]PORT, with a PORT up to 65535", text);
	if (n > 2 && text[0] == '[' && text[n - 1] == ']')
		host = format("%.*s", (int)n - 2, text + 1);
	if (!strcmp(host, "localhost"))
		host = "127.0.0.1";
	a.v4.sin_port = htons((uint16_t)number);
	if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1)
		return a;
	a.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)number) };
	if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) != 1)
		die("tcp:%s: HOST must be an address, not a name", text);
	return a;
}

/* Returns the size of the address for its family. */
static socklen_t size_of(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

/* Returns a socket that listens at the address, or is connected to it. */
static int tcp_socket(const char *text, bool listens)
{
	union address a = parse_tcp(text);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 && listens)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || (listens ? bind(fd, &a.any, size_of(&a)) || listen(fd, 1) :
				 connect(fd, &a.any, size_of(&a))))
		die("tcp:%s: %s", text, strerror(errno));
	return fd;
}

/* Returns the address of a socket with this path. Dies if the path is empty or too long. */
static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		die("unix:%s: expected a path of at most %zu letters", path,
			sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	return a;
}

static int unix_connect(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("unix:%s: %s", path, strerror(errno));
	return fd;
}

struct conn conn_to_command(char *const *argv)
{
	struct conn c = { .peer = argv[0] };
	int to[2], from[2];

	/*
	 * two pipes: O_NONBLOCK, which one program sets on its input, must not apply to another's
	 * output
	 */
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fflush(NULL);
	c.child = fork();
	if (c.child < 0)
		die("cannot start a process: %s", task_error(errno));
	if (!c.child) {
		/*
		 * the command ends with the connection, and must survive a SIGINT to the whole
		 * process group until then
		 */
		signal(SIGINT, SIG_IGN);
		signal(SIGPIPE, SIG_DFL);
		if (dup2(to[0], 0) < 0 || dup2(from[1], 1) < 0)
			_exit(126);
		execvp(argv[0], argv);
		dprintf(2, "nestctl: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	c.in = from[0];
	c.out = to[1];
	return c;
}

/* Disables Nagle's algorithm, since the peer waits for small messages. */
static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

struct conn conn_to(const char *address)
{
	struct conn c = { .peer = address };

	if (!strncmp(address, "exec:", 5) && address[5]) {
		char *const argv[] = { "sh", "-c", format("%s", address + 5), NULL };

		c = conn_to_command(argv);
		c.peer = address;
		return c;
	}
	if (!strncmp(address, "tcp:", 4))
		c.in = tcp_socket(address + 4, false);
	else if (!strncmp(address, "unix:", 5))
		c.in = unix_connect(address + 5);
	else
		die("%s: expected tcp:HOST:PORT, unix:PATH or exec:COMMAND", address);
	c.out = c.in;
	no_delay(c.in);
	return c;
}

/* ---- the receiver ---- */

/* the path of the listening socket, which clean_up() removes, or NULL */
static const char *volatile listens_at;

static void clean_up(void)
{
	if (listens_at)
		unlink(listens_at);
	listens_at = NULL;
}

static void on_signal(int sig)
{
	clean_up();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int unix_listen(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t mask = umask(0177);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1))
		die("unix:%s: %s", path, strerror(errno));
	umask(mask);
	listens_at = path;
	atexit(clean_up);
	on_ending_signals(on_signal);
	return fd;
}

/*
 * Dies if another user has connected. The modes of folder and socket keep out all others but root.
 */
static void check_user(int fd, const char *address)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		die("%s: %s", address, strerror(errno));
	if (cred.uid && cred.uid != geteuid())
		die("%s: another user (%u) has connected", address, cred.uid);
}

/* Prints the address at which the socket listens. */
static void say_port(int fd, const char *text)
{
	union address a;
	socklen_t size = sizeof(a);
	char host[INET6_ADDRSTRLEN] = "";
	bool v6;

	if (getsockname(fd, &a.any, &size))
		die("%s: %s", text, strerror(errno));
	v6 = a.any.sa_family == AF_INET6;
	inet_ntop(a.any.sa_family, v6 ? (void *)&a.v6.sin6_addr : (void *)&a.v4.sin_addr, host,
		sizeof(host));
	warn("waits at tcp:%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
		ntohs(v6 ? a.v6.sin6_port : a.v4.sin_port));
}

struct conn conn_from(const char *address)
{
	struct conn c = { .peer = address };
	int fd, got;

	if (!strcmp(address, "-")) {
		if (isatty(0) || isatty(1))
			die("receive -: expected the connection as standard input and output, "
			    "which "
			    "`nestctl migrate UMID -- COMMAND` gives it, and not a terminal");
		c.peer = "the source";
		c.in = 0;
		/* other output of this process goes to stderr, not between the messages */
		c.out = fcntl(1, F_DUPFD_CLOEXEC, 3);
		if (c.out < 0 || dup2(2, 1) < 0)
			die("standard output: %s", strerror(errno));
		return c;
	}
	if (!strncmp(address, "tcp:", 4)) {
		fd = tcp_socket(address + 4, true);
		say_port(fd, address);
	} else if (!strncmp(address, "unix:", 5)) {
		fd = unix_listen(address + 5);
	} else {
		die("%s: expected tcp:[HOST:]PORT, unix:PATH or -", address);
	}
	while ((got = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) < 0)
		if (errno != EINTR && errno != ECONNABORTED)
			die("%s: %s", address, strerror(errno));
	close(fd);
	clean_up();
	if (!strncmp(address, "unix:", 5))
		check_user(got, address);
	else
		no_delay(got);
	c.in = c.out = got;
	return c;
}
