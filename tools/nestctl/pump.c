/* SPDX-License-Identifier: MIT */
/* pump.c: threads that carry the bytes of a standard stream through a pipe; see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/nestctl.h"
#include "tools/nestctl/run.h"

static struct pump {
	pthread_t thread;
	int from, to;
	int ready;   /* input waits for this; -1 for output */
	int control; /* output: where to say that nobody reads */
} pumps[3];
static int npumps;

/* All of it: false when nobody wants it. */
static bool put(int fd, const char *buf, ssize_t n)
{
	for (ssize_t done = 0, w; done < n; done += w) {
		w = write(fd, buf + done, (size_t)(n - done));
		if (w < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (w < 0 && errno != EINTR)
			return false;
		if (w < 0)
			w = 0;
	}
	return true;
}

static ssize_t get(int fd, char *buf, size_t size)
{
	for (;;) {
		ssize_t n = read(fd, buf, size);

		if (n >= 0 || (errno != EINTR && errno != EAGAIN))
			return n;
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
	}
}

static void *input_run(void *arg)
{
	struct pump *p = arg;
	char buf[16384];
	ssize_t n;

	get(p->ready, buf, 1);
	while ((n = get(p->from, buf, sizeof(buf))) > 0 && put(p->to, buf, n))
		;
	close(p->to);
	return NULL;
}

static void *output_run(void *arg)
{
	struct pump *p = arg;
	char buf[65536];
	bool gone = false;
	ssize_t n;

	while ((n = get(p->from, buf, sizeof(buf))) > 0) {
		if (gone || put(p->to, buf, n))
			continue;
		gone = true;
		dprintf(p->control, "g%d\n", p->to);
	}
	return NULL;
}

static struct pump *pump_new(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	return &pumps[npumps++];
}

int pump_input(int fd, int ready)
{
	int fds[2];
	struct pump *p = pump_new(fds);

	*p = (struct pump){ .from = fd, .to = fds[1], .ready = ready, .control = -1 };
	return fds[0];
}

int pump_output(int fd, int control)
{
	int fds[2];
	struct pump *p = pump_new(fds);

	*p = (struct pump){ .from = fds[0], .to = fd, .ready = -1, .control = control };
	return fds[1];
}

void pump_kernel_started(const int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (fds[i] > 2)
			close(fds[i]);
	for (int i = 0; i < npumps; i++)
		if (pthread_create(&pumps[i].thread, NULL,
			    pumps[i].ready >= 0 ? input_run : output_run, &pumps[i]))
			die("cannot start a thread");
}

void pump_finish(void)
{
	for (int i = 0; i < npumps; i++)
		if (pumps[i].ready < 0)
			pthread_join(pumps[i].thread, NULL);
}
