/* SPDX-License-Identifier: MIT */
/* pump.c: threads that carry the bytes of a standard stream through a pipe; see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

#define STEP_MS 100
/* seconds after which a reader that has read nothing is taken for dead */
#define DEAF_S 1

/* A thread that copies a stream from @from to @to. */
static struct pump {
	struct thread thread;
	int from, to;
	/* input is carried once this pipe has a message or is at its end; output: -1 */
	int ready;
	int control;         /* output: pipe for the line "gN" */
	int error;           /* errno of a failed write */
	bool done;           /* the thread was joined */
	unsigned int pieces; /* output: counts reads from the pipe */
	/* for is_deaf(): the value of @pieces at its last change */
	unsigned int seen;
	time_t since; /* time of that change, in seconds */
	volatile sig_atomic_t dropping;
} pumps[3];
static int npumps;
static int started_fd = -1;
static bool was_ready; /* atomic */

/* Waits for the message on @ready, and reports it to started_fd. */
static void wait_until_ready(int ready)
{
	char c;

	if (get_some(ready, &c, 1) <= 0)
		return;
	__atomic_store_n(&was_ready, true, __ATOMIC_RELAXED);
	if (started_fd >= 0)
		put_all(started_fd, "r", 1, NULL);
}

bool pump_was_ready(int ready)
{
	struct pollfd p = { .fd = ready, .events = POLLIN };

	return __atomic_load_n(&was_ready, __ATOMIC_RELAXED) ||
	       (poll(&p, 1, 0) > 0 && p.revents & POLLIN);
}

static void *ready_run(void *arg)
{
	wait_until_ready((int)(intptr_t)arg);
	return NULL;
}

void pump_tell_started(int fd, int ready, bool terminal)
{
	static struct thread thread;

	started_fd = fd;
	if (!terminal)
		return;
	thread_start(&thread, ready_run, (void *)(intptr_t)ready);
	pthread_detach(thread.id);
}

static void *input_run(void *arg)
{
	struct pump *p = arg;
	char buf[16384];
	ssize_t n;

	wait_until_ready(p->ready);
	while ((n = get_some(p->from, buf, sizeof(buf))) > 0 &&
		put_all(p->to, buf, (size_t)n, NULL))
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

	while ((n = get_some(p->from, buf, sizeof(buf))) > 0) {
		__atomic_add_fetch(&p->pieces, 1, __ATOMIC_RELAXED);
		if (gone || put_all(p->to, buf, (size_t)n, &p->dropping))
			continue;
		gone = true;
		p->error = errno;
		dprintf(p->control, "g%d\n", p->to);
	}
	return NULL;
}

/* Returns a new pump and the ends of its pipe, both close-on-exec. */
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

/* Returns nestctl's end of the pipe for the output @to, or -1. */
static int pipe_of(int to)
{
	for (int i = 0; i < npumps; i++)
		if (pumps[i].ready < 0 && pumps[i].to == to)
			return pumps[i].from;
	return -1;
}

int pump_waiting(int to)
{
	int n = 0;

	return pipe_of(to) < 0 || ioctl(pipe_of(to), FIONREAD, &n) ? 0 : n;
}

char *pump_take(int to)
{
	int n = pump_waiting(to);
	char *text = xalloc((size_t)n + 1);

	n = n ? (int)read(pipe_of(to), text, (size_t)n) : 0;
	text[n > 0 ? n : 0] = '\0';
	return text;
}

void pump_kernel_ended(const int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (fds[i] > 2)
			close(fds[i]);
}

void pump_kernel_started(const int fds[3], bool kept)
{
	if (!kept)
		pump_kernel_ended(fds);
	for (int i = 0; i < npumps; i++)
		thread_start(
			&pumps[i].thread, pumps[i].ready >= 0 ? input_run : output_run, &pumps[i]);
}

static void nothing(int sig)
{
}

/* True if the reader has taken nothing for more than DEAF_S seconds. Called repeatedly. */
static bool is_deaf(struct pump *p)
{
	unsigned int pieces = __atomic_load_n(&p->pieces, __ATOMIC_RELAXED);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!p->since || pieces != p->seen) {
		p->seen = pieces;
		p->since = now.tv_sec;
	}
	return now.tv_sec - p->since > DEAF_S;
}

void pump_drop(void)
{
	const struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGALRM, &sa, NULL);
	for (int i = 0; i < npumps; i++) {
		struct pump *p = &pumps[i];

		if (p->ready >= 0 || p->done || !is_deaf(p))
			continue;
		p->dropping = 1;
		pthread_kill(p->thread.id, SIGALRM); /* interrupts a blocked write */
	}
}

/* Waits for the thread's end. Calls pump_drop() while @hurry() is true. */
static void join(struct thread *thread, bool (*hurry)(void))
{
	do {
		if (hurry())
			pump_drop();
	} while (!thread_join(thread, STEP_MS));
}

bool pump_finish(bool (*hurry)(void))
{
	bool good = true;

	for (int i = 0; i < npumps; i++) {
		struct pump *p = &pumps[i];

		if (p->ready >= 0)
			continue;
		join(&p->thread, hurry);
		p->done = true;
		if (!p->error || p->error == EPIPE || p->error == ECANCELED)
			continue;
		warn("standard %s: %s", p->to == 1 ? "output" : "error", strerror(p->error));
		good = false;
	}
	return good;
}
