/* SPDX-License-Identifier: MIT */
/*
 * errqueue.h: reads messages and error queues completely. Each test defines show(), which prints
 * what it checks.
 */
#ifndef TESTS_SYSCALL_ERRQUEUE_H
#define TESTS_SYSCALL_ERRQUEUE_H

#include "inet.h"

/* Prints a message of @n bytes in m->msg_iov; m->msg_name is a sockaddr_storage. */
static void show(ssize_t n, struct msghdr *m);

/* Turns on every record that may come with a datagram. */
static T_UNUSED void tell_all(int fd)
{
	set(fd, SOL_IP, IP_PKTINFO, 1);
	set(fd, SOL_IP, IP_RECVTTL, 1);
	set(fd, SOL_IP, IP_RECVTOS, 1);
	set(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
	set(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
	set(fd, SOL_IPV6, IPV6_RECVTCLASS, 1);
}

/*
 * Reads a message with @room bytes for its data (2048 at most) and @control bytes for its records
 * (1024 at most), and calls show(). Does not wait. Returns 0 or -errno.
 */
static T_UNUSED int take_in(int fd, int flags, size_t room, size_t control)
{
	struct sockaddr_storage a = { 0 };
	char buf[2048] = "", ctl[1024];
	struct iovec v = { buf, room };
	struct msghdr m = { &a, sizeof(a), &v, 1, ctl, control, 0 };
	ssize_t n = recvmsg(fd, &m, flags | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	show(n, &m);
	return 0;
}

/*
 * Reads the whole error queue, at most 20 messages, once packets that are under way on lo have
 * arrived. Prints the error unless it is EAGAIN.
 */
static T_UNUSED void drain(int fd)
{
	int err;

	lo_settled();
	for (int k = 0; k < 20; k++) {
		err = take_in(fd, MSG_ERRQUEUE, 2048, 1024);
		if (err)
			break;
	}
	if (err != -EAGAIN)
		say(" %s", t_errno(-err));
}

#endif
