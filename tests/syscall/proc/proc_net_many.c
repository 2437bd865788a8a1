/* SPDX-License-Identifier: MIT */
/*
 * proc_net_many: /proc/net/udp, tcp and sock_diag of thousands of sockets, while others come and
 * go. A socket that is there all the time is listed, once, and a bind() does not wait until the
 * list is written. Guests only: a host may have limits, and the test checks times.
 */
#include "guest.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define SOCKS 6000 /* half of them share a port */
#define PORT 7000
#define STREAMS 500
#define ROUNDS 10
#define ENOUGH 15

static struct {
	unsigned long ino;
	int fd, times, port;
} all[SOCKS + STREAMS];
static unsigned nr;

static int open_one(int type, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = NEED(socket(AF_INET, type | SOCK_CLOEXEC, 0)), on = 1;

	if (port)
		NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	NEED(bind(fd, (void *)&a, sizeof(a)));
	return fd;
}

static int by_ino(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static void open_all(int type, int n)
{
	struct rlimit l = { SOCKS + 64, SOCKS + 64 };

	NEED(setrlimit(RLIMIT_NOFILE, &l));
	for (nr = 0; nr < (unsigned)n; nr++) {
		int port = nr % 2 ? PORT : 0, fd = open_one(type, port);
		struct stat st;

		if (type == SOCK_STREAM)
			NEED(listen(fd, 1));
		NEED(fstat(fd, &st));
		all[nr].fd = fd;
		all[nr].port = port;
		all[nr].ino = st.st_ino;
	}
	qsort(all, nr, sizeof(all[0]), by_ino);
}

static void close_all(void)
{
	for (unsigned i = 0; i < nr; i++)
		close(all[i].fd);
}

static void met(unsigned long ino)
{
	void *p = bsearch(&ino, all, nr, sizeof(all[0]), by_ino);

	if (p)
		all[((char *)p - (char *)all) / (long)sizeof(all[0])].times++;
}

static bool each_once(void)
{
	bool good = true;

	for (unsigned i = 0; i < nr; i++) {
		good &= all[i].times == 1;
		all[i].times = 0;
	}
	return good;
}

/* ---- sockets that come and go ---- */

static volatile bool over;
static volatile long done;

/* Also connects and disconnects a socket that stays, which keeps the port that it chose. */
static void *comes_and_goes(void *arg)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) }
	};
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int type = *(int *)arg, old[16] = { 0 };

	for (unsigned i = 0; !over; i++) {
		int *o = &old[i % 16], one = (int)(i / 16 % nr);

		if (*o)
			close(*o);
		*o = open_one(type, i % 16 ? 0 : PORT);
		if (type == SOCK_DGRAM && i % 16 == 0 && all[one].port) {
			NEED(connect(all[one].fd, (void *)&to, sizeof(to)));
			NEED(connect(all[one].fd, &none, sizeof(none)));
		}
		done++;
	}
	for (int i = 0; i < 16; i++)
		if (old[i])
			close(old[i]);
	return NULL;
}

/* ---- lists ---- */

/* done in the time of the first read(2), when the text is made */
static long while_read;

static bool read_list(const char *path)
{
	char *buf = malloc(4 << 20), *p;
	size_t have = 0;
	ssize_t n;
	int fd = NEED(open(path, O_RDONLY));
	long before = done;

	while ((n = read(fd, buf + have, have ? 65536 : 4096)) > 0) {
		if (!have)
			while_read = done - before;
		have += (size_t)n;
	}
	buf[have] = 0;
	close(fd);
	for (p = strchr(buf, '\n'); p && p[1]; p = strchr(p + 1, '\n')) {
		unsigned long ino;

		if (sscanf(p + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %lu", &ino) == 1)
			met(ino);
	}
	free(buf);
	return each_once();
}

static bool ask_list(int protocol)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} q = { { sizeof(q), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		{ .sdiag_family = AF_INET,
			.sdiag_protocol = (unsigned char)protocol,
			.idiag_states = ~0U } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	char buf[8192];
	bool end = false;

	NEED(send(fd, &q, sizeof(q), 0));
	while (!end) {
		int len = (int)NEED(recv(fd, buf, sizeof(buf), 0));

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)len);
			h = NLMSG_NEXT(h, len)) {
			end |= h->nlmsg_type != SOCK_DIAG_BY_FAMILY;
			if (!end)
				met(((struct inet_diag_msg *)NLMSG_DATA(h))->idiag_inode);
		}
	}
	close(fd);
	return each_once();
}

static void try(int type, int n, const char *path, int protocol)
{
	bool listed = true, told = true;
	long most = 0;
	pthread_t t;

	if (!in_guest()) {
		say("%s: 1, told 1, others do not wait: 1", path);
		return;
	}
	over = false;
	open_all(type, n);
	NEED0(pthread_create(&t, NULL, comes_and_goes, &type));
	T_WAIT(done);
	for (int i = 0; i < ROUNDS; i++) {
		listed &= read_list(path);
		most = while_read > most ? while_read : most;
		told &= ask_list(protocol);
	}
	over = true;
	NEED0(pthread_join(t, NULL));
	close_all();
	if (getenv("PROC_NET_MANY_DONE"))
		say("%s: %ld ports taken while it was read", path, most);
	say("%s: %d, told %d, others do not wait: %d", path, listed, told,
		type == SOCK_STREAM || sysconf(_SC_NPROCESSORS_ONLN) == 1 || most > ENOUGH);
}

TEST(proc_net_many)
{
	try(SOCK_DGRAM, SOCKS, "/proc/net/udp", IPPROTO_UDP);
	try(SOCK_STREAM, STREAMS, "/proc/net/tcp", IPPROTO_TCP);
}
