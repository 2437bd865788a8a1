/* SPDX-License-Identifier: MIT */
/* pump.c: threads that carry the bytes of a terminal through a pipe; see run.h. */
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
	bool input;
} pumps[3];
static int npumps;

static void *pump_run(void *arg)
{
	struct pump *p = arg;
	char buf[16384];
	ssize_t n;

	while ((n = read(p->from, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(p->to, buf + done, n - done);
			if (w < 0 && errno == EINTR)
				w = 0;
			else if (w < 0)
				goto out;
		}
out:
	if (p->input)
		close(p->to);
	return NULL;
}

int pump_start(int fd, bool input)
{
	struct pump *p = &pumps[npumps++];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	p->input = input;
	p->from = input ? fd : fds[0];
	p->to = input ? fds[1] : fd;
	return input ? fds[0] : fds[1];
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
		if (!pumps[i].input)
			pthread_join(pumps[i].thread, NULL);
}
