/* SPDX-License-Identifier: MIT */
/* pump.c: threads that carry the bytes of a standard stream through a pipe; see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/nestctl.h"
#include "tools/nestctl/run.h"

static struct pump {
	pthread_t thread;
	int from, to;
	int ready; /* input waits for this; -1 for output */
} pumps[3];
static int npumps;

static void *pump_run(void *arg)
{
	struct pump *p = arg;
	char buf[16384];
	ssize_t n;

	while (p->ready >= 0 && read(p->ready, buf, 1) < 0 && errno == EINTR)
		;
	while ((n = read(p->from, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(p->to, buf + done, n - done);
			if (w < 0 && errno == EINTR)
				w = 0;
			else if (w < 0)
				goto out;
		}
out:
	if (p->ready >= 0)
		close(p->to);
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

	*p = (struct pump){ .from = fd, .to = fds[1], .ready = ready };
	return fds[0];
}

int pump_output(int fd)
{
	int fds[2];
	struct pump *p = pump_new(fds);

	*p = (struct pump){ .from = fds[0], .to = fd, .ready = -1 };
	return fds[1];
}

void pump_kernel_started(const int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (fds[i] > 2)
			close(fds[i]);
	for (int i = 0; i < npumps; i++)
		if (pthread_create(&pumps[i].thread, NULL, pump_run, &pumps[i]))
			die("cannot start a thread");
}

void pump_finish(void)
{
	for (int i = 0; i < npumps; i++)
		if (pumps[i].ready < 0)
			pthread_join(pumps[i].thread, NULL);
}
