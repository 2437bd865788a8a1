/* SPDX-License-Identifier: MIT */
/*
 * netload.c: the small programs of bench/net. Static, so that the same binary runs natively, in
 * Nestling and in User Mode Linux.
 *
 *	netload serve PORT			answers each byte of each connection with a byte
 *	netload rr ADDRESS PORT SECONDS		a byte there and a byte back, again and again:
 *                                              microseconds of a round trip, the median of batches
 *	netload hold PORT			takes connections and leaves them alone
 *	netload idle ADDRESS PORT COUNT		opens so many, says "open COUNT", keeps them until
 *                                              its standard input ends
 *	netload agent ADDRESS PORT NAME		connects to the bench, says NAME and runs the
 *                                              commands that it sends: each line is one for sh,
 *						its answer what that prints, with a byte 0 behind it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 50000000L
#define BATCHES 4096

static int die(const char *what)
{
	perror(what);
	return 1;
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

/*
 * Connects, and tries for ten seconds, since the server may still be starting. Returns the socket
 * or -1.
 */
static int reach(const char *ip, const char *port)
{
	struct sockaddr_in a = address(ip, port);

	for (int i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
			return fd;
		close(fd);
		usleep(50000);
	}
	return -1;
}

static int listener(const char *port)
{
	struct sockaddr_in a = address("0.0.0.0", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4096))
		exit(die("listen"));
	return fd;
}

static int serve(const char *port)
{
	int l = listener(port), fd, on = 1;
	char byte;

	signal(SIGCHLD, SIG_IGN);
	while ((fd = accept(l, NULL, NULL)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
		if (fd >= 0 && !fork()) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
				;
			_exit(0);
		}
		close(fd);
	}
	return die("accept");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Returns the microseconds of a round trip in one batch, or -1 if the connection is gone. */
static double batch(int fd)
{
	long began = now(), ns = 0, n = 0;
	char byte = 'x';

	for (; ns < BATCH_NS; ns = now() - began, n++)
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			return -1;
	return (double)ns / 1000.0 / (double)n;
}

static int rr(const char *ip, const char *port, const char *seconds)
{
	static double us[BATCHES];
	int fd = reach(ip, port), n = 0;
	long end;

	if (fd < 0)
		return die("connect");
	batch(fd); /* warm */
	for (end = now() + atol(seconds) * 1000000000L; n < BATCHES && (!n || now() < end); n++) {
		us[n] = batch(fd);
		if (us[n] < 0)
			return die("rr");
	}
	qsort(us, (size_t)n, sizeof(us[0]), by_value);
	return printf("%.2f\n", us[n / 2]) < 0;
}

static void many_files(void)
{
	struct rlimit r = { 65536, 65536 };

	setrlimit(RLIMIT_NOFILE, &r);
}

static int hold(const char *port)
{
	int l = listener(port);

	many_files();
	while (accept(l, NULL, NULL) >= 0 || errno == EINTR || errno == ECONNABORTED)
		;
	return die("accept");
}

static int idle(const char *ip, const char *port, const char *count)
{
	int n = 0;
	char c;

	many_files();
	while (n < atoi(count) && reach(ip, port) >= 0)
		n++;
	printf("open %d\n", n);
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return n < atoi(count);
}

/* Sends what @command prints, and a byte 0. Returns 0, or 1 on an error. */
static int answer(int to, const char *command)
{
	FILE *p = popen(command, "r");
	char text[4096];
	size_t n;

	if (!p)
		return die("popen");
	while ((n = fread(text, 1, sizeof(text), p)) > 0)
		if (write(to, text, n) != (ssize_t)n)
			break;
	pclose(p);
	return write(to, "", 1) != 1;
}

static int agent(const char *ip, const char *port, const char *name)
{
	int fd = reach(ip, port);
	FILE *in = fd < 0 ? NULL : fdopen(dup(fd), "r");
	char line[4096];

	if (!in)
		return die("connect");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fileno(in), F_SETFD, FD_CLOEXEC);
	dprintf(fd, "%s\n", name);
	while (fgets(line, sizeof(line), in))
		if (answer(fd, line))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc == 3 && !strcmp(what, "serve"))
		return serve(argv[2]);
	if (argc == 3 && !strcmp(what, "hold"))
		return hold(argv[2]);
	if (argc == 5 && !strcmp(what, "rr"))
		return rr(argv[2], argv[3], argv[4]);
	if (argc == 5 && !strcmp(what, "idle"))
		return idle(argv[2], argv[3], argv[4]);
	if (argc == 5 && !strcmp(what, "agent"))
		return agent(argv[2], argv[3], argv[4]);
	fprintf(stderr, "netload serve|rr|hold|idle|agent ...\n");
	return 2;
}
