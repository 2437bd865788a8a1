/* SPDX-License-Identifier: MIT */
/*
 * exec_host.c: the descriptors of commands (exec_host.h). They come from clients, so no call on
 * them may block.
 */
#include "drivers/mconsole/exec_host.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/host.h"

static int exec_irq; /* shared: each waiter tries again */

struct exec_end {
	int fd;
	bool after_mark;
};

/* Returns the descriptor, or -1 if @number belonged to the process that was saved. */
static int fd_of(int number)
{
	const struct exec_end *e = number ? os_object(number) : NULL;

	return e ? e->fd : -1;
}

long exec_host_read_job(int end, void *buf, size_t size)
{
	int fd = fd_of(end);
	struct stat st;
	size_t done = 0;
	ssize_t n;

	if (host_fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0)
		return -EINVAL;
	if ((uint64_t)st.st_size > size)
		return -E2BIG;
	while (done < (size_t)st.st_size) {
		n = host_pread(fd, (char *)buf + done, (size_t)st.st_size - done, (off_t)done);
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

static int watch(int fd, int irq)
{
	int domain = 0, listens = 1;
	socklen_t len = sizeof(int);

	exec_irq = irq;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || domain != AF_UNIX)
		return -EINVAL;
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || listens)
		return -EINVAL;
	return host_no_wait(fd) ? -errno : os_event_add(fd, 0, irq);
}

int exec_host_adopt(int fd, int irq)
{
	struct exec_end *e = malloc(sizeof(*e));
	int number = e ? os_object_add(e) : -ENOMEM;
	int err = number < 0 ? number : irq >= 0 ? watch(fd, irq) : 0;

	if (err) {
		if (number > 0)
			os_object_del(number);
		free(e);
		close(fd);
		return err;
	}
	e->fd = fd;
	e->after_mark = os_marked();
	return number;
}

void exec_host_close(int end)
{
	struct exec_end *e = end ? os_object(end) : NULL;

	if (!e)
		return;
	os_object_del(end);
	os_event_del(e->fd);
	close(e->fd);
	free(e);
}

int exec_host_is_after_mark(int end)
{
	const struct exec_end *e = end ? os_object(end) : NULL;

	return e && e->after_mark;
}

static long again(int fd, uint32_t events)
{
	os_event_rearm(fd, events, exec_irq);
	return -EAGAIN;
}

long exec_host_recv(int end, void *buf, size_t n)
{
	int fd = fd_of(end);
	ssize_t got;

	if (fd < 0)
		return 0;
	do
		got = host_recv(fd, buf, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return again(fd, EPOLLIN);
	return got < 0 ? -errno : got;
}

long exec_host_send(int end, const void *buf, size_t n)
{
	int fd = fd_of(end);
	ssize_t put;

	if (fd < 0)
		return -EPIPE;
	do
		put = write(fd, buf, n);
	while (put < 0 && errno == EINTR);
	if (put < 0 && errno == EAGAIN)
		return again(fd, EPOLLOUT);
	return put < 0 ? -errno : put;
}

int exec_host_ready(int end, int out, int *gone)
{
	struct pollfd p = { .fd = fd_of(end), .events = out ? POLLOUT : POLLIN };

	*gone = p.fd < 0 || (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)));
	if (p.fd < 0 || p.revents)
		return 1;
	again(p.fd, out ? EPOLLOUT : EPOLLIN);
	return 0;
}
