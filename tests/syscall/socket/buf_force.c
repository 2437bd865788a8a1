/* SPDX-License-Identifier: MIT */
/*
 * buf_force: buffers beyond the machine's limits need rights over the machine, not over the
 * caller's user namespace.
 */
#include "t.h"
#include <sys/socket.h>

static void force(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0)), big = 100000000;

	T(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big)));
	T(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)));
	T(setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &(int){ 1 }, sizeof(int)));
	T(setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &(int){ 0 }, sizeof(int)));
	T(setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &(int){ 100 }, sizeof(int)));
	T(setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &(int){ 0 }, sizeof(int)));
	T(setsockopt(fd, SOL_SOCKET, SO_MARK, &(int){ 1 }, sizeof(int)));
	T(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &(int){ 7 }, sizeof(int)));
	close(fd);
}

TEST(buf_force)
{
	if (getuid())
		return;
	CHILD(force());
	t_become(64321, 64321);
	CHILD(force());
	CHILD({
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
		force();
	});
}
