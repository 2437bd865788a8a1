/* SPDX-License-Identifier: MIT */
/*
 * snapshot_host.c: the timer and the client's descriptor of a snapshot (snapshot_host.h). Uses the
 * host's clock, since the guest's may stop or skip (time-travel).
 */
#include "drivers/mconsole/snapshot_host.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "os-linux/host.h"

static int line = -1, timer = -1; /* line: the client's descriptor, or -1 */

static void close_one(int *fd)
{
	if (*fd < 0)
		return;
	os_event_del(*fd);
	close(*fd);
	*fd = -1;
}

void snapshot_host_end(void)
{
	close_one(&timer);
	close_one(&line);
}

int snapshot_host_begin(int fd, uint32_t seconds, int irq)
{
	struct itimerspec t = { .it_value.tv_sec = seconds };
	int err = 0;

	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer < 0)
		err = -errno;
	else if (timerfd_settime(timer, 0, &t, NULL))
		err = -errno;
	if (!err)
		err = os_event_add(timer, EPOLLIN, irq);
	if (!err && fd >= 0)
		err = os_event_add(fd, EPOLLRDHUP, irq);
	line = fd;
	if (err)
		snapshot_host_end();
	return err;
}

int snapshot_host_look(void)
{
	struct pollfd p[] = { { .fd = timer, .events = POLLIN },
		{ .fd = line, .events = POLLRDHUP } };

	if (timer < 0 || poll(p, 2, 0) <= 0)
		return SNAPSHOT_GOES_ON;
	return p[1].revents ? SNAPSHOT_LEFT : SNAPSHOT_TIME;
}
