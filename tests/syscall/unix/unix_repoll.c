/* SPDX-License-Identifier: MIT */
/*
 * unix_repoll: a datagram socket is polled while it is connected to a first peer, then to another,
 * and to none; the first peer is closed meanwhile.
 */
#include "t.h"
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

static int receiver(struct sockaddr_un *name, const char *text)
{
	int fd = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(name->sun_path, text);
	NEED(bind(fd, (struct sockaddr *)name, sizeof(*name)));
	return fd;
}

TEST(unix_repoll)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	struct sockaddr_un a, b;
	int s = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), ep = NEED(epoll_create1(0)), one, other;

	one = receiver(&a, "one");
	other = receiver(&b, "other");
	T(connect(s, (struct sockaddr *)&a, sizeof(a)));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, s, &e));
	T(epoll_wait(ep, &e, 1, 0));
	T(connect(s, (struct sockaddr *)&b, sizeof(b)));
	close(one);
	for (int i = 0; i < 2000; i++) /* whatever was freed is used again */
		close(socket(AF_UNIX, SOCK_DGRAM, 0));
	T(send(s, "x", 1, 0));
	T(connect(s, &none, sizeof(none)));
	close(other);
	for (int i = 0; i < 2000; i++)
		close(socket(AF_UNIX, SOCK_DGRAM, 0));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, s, NULL));
	close(ep);
	close(s);
}
