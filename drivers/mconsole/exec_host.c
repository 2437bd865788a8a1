/* SPDX-License-Identifier: MIT */
/*
 * exec_host.c: the descriptors of a command in the instance; see exec_host.h. They are the
 * client's: no call on them may wait.
 */
#include "drivers/mconsole/exec_host.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/host.h"

static int exec_irq; /* one for all: each waiter looks again */

long exec_host_read_job(int fd, void *buf, size_t size)
{
	struct stat st;
	size_t done = 0;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0)
		return -EINVAL;
	if ((uint64_t)st.st_size > size)
		return -E2BIG;
	while (done < (size_t)st.st_size) {
		n = pread(fd, (char *)buf + done, (size_t)st.st_size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (long)done;
}

int exec_host_adopt(int fd, int irq)
{
	int domain = 0, listens = 1;
	socklen_t len = sizeof(int);

	exec_irq = irq;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || domain != AF_UNIX)
		return -EINVAL;
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || listens)
		return -EINVAL;
	return os_event_add(fd, 0, irq);
}

void exec_host_close(int fd)
{
	os_event_del(fd);
	close(fd);
}

static long again(int fd, uint32_t events)
{
	os_event_rearm(fd, events, exec_irq);
	return -EAGAIN;
}

long exec_host_recv(int fd, void *buf, size_t n)
{
	ssize_t got;

	do
		got = recv(fd, buf, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return again(fd, EPOLLIN);
	return got < 0 ? -errno : got;
}

long exec_host_send(int fd, const void *buf, size_t n)
{
	ssize_t put;

	do
		put = send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < 0 && errno == EAGAIN)
		return again(fd, EPOLLOUT);
	return put < 0 ? -errno : put;
}

int exec_host_ready(int fd, int out, int *gone)
{
	struct pollfd p = { .fd = fd, .events = out ? POLLOUT : POLLIN };

	*gone = poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
	if (p.revents)
		return 1;
	again(fd, out ? EPOLLOUT : EPOLLIN);
	return 0;
}
