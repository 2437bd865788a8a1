/* SPDX-License-Identifier: MIT */
/*
 * con_host.c: consoles on the host: fds, pseudo terminals, and the host's terminal, which is put into raw mode while the kernel runs and
 * put back as it was however the kernel ends (os_at_exit; stopping; SIGKILL: the zygote guards it).
 *
 * The user's fds are shared with other processes, so they stay as they are: never O_NONBLOCK. The reader thread blocks in read(); the
 * writer thread blocks in write(). A short write that poll() says will not block is made at once by the caller.
 *
 * Locks: h->lock for both rings. Threads start with the first use and live until the end.
 */
#include "drivers/console/con_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <signal.h>

#include "os-linux/host.h"
#include "os-linux/os_space.h"

#define OUT_RING 65536
#define IN_RING 4096
#define MAX_CHANNELS 64
#define DIRECT_MAX 256 /* a terminal or pipe that polls writable takes this much without blocking */

struct con_host {
	int in, out, irq;
	int keep; /* CON_PTY: our own fd of the slave, so that the master never sees a hang-up */
	bool plain_file; /* out never blocks */
	pthread_mutex_t lock;
	pthread_cond_t out_cond, in_cond;
	uint8_t out_ring[OUT_RING];
	uint64_t out_head, out_tail;
	bool out_busy, writer;
	uint8_t in_ring[IN_RING];
	uint64_t in_head, in_tail;
	bool in_end;
};

static struct con_host *channels[MAX_CHANNELS];
static int nr_channels;

/* ---- the host's terminal ---- */

static struct {
	int fd;
	bool raw;
	struct termios before, now;
} terminals[4];
static int nr_terminals;

static void terminals_restore(void)
{
	int i;

	for (i = 0; i < nr_terminals; i++)
		if (terminals[i].raw)
			tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].before);
}

static void terminals_take(void)
{
	int i;

	for (i = 0; i < nr_terminals; i++)
		if (terminals[i].raw)
			tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].now);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* A background job must not touch its terminal; it is taken when it comes to the front. */
static void take_terminal(int fd)
{
	int i = nr_terminals;

	if (!isatty(fd) || i == (int)(sizeof(terminals) / sizeof(terminals[0])))
		return;
	while (i--)
		if (same_file(terminals[i].fd, fd))
			return;
	i = nr_terminals;
	if (tcgetattr(fd, &terminals[i].before) < 0)
		return;
	terminals[i].fd = fd;
	terminals[i].now = terminals[i].before;
	cfmakeraw(&terminals[i].now);
	os_guard_terminal(fd);
	terminals[i].raw = true;
	nr_terminals++;
	if (tcgetpgrp(fd) == -1 || tcgetpgrp(fd) == getpgrp())
		tcsetattr(fd, TCSANOW, &terminals[i].now);
}

/* ---- output ---- */

static bool would_block(const struct con_host *h, int n)
{
	struct pollfd p = { .fd = h->out, .events = POLLOUT };

	if (h->plain_file)
		return false;
	return n > DIRECT_MAX || poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT);
}

static void writer_thread(void *arg)
{
	struct con_host *h = arg;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		uint8_t buf[4096];
		size_t n = 0, done = 0;

		while (h->out_head == h->out_tail) {
			h->out_busy = false;
			pthread_cond_broadcast(&h->out_cond);
			pthread_cond_wait(&h->out_cond, &h->lock);
		}
		h->out_busy = true;
		while (n < sizeof(buf) && h->out_tail != h->out_head)
			buf[n++] = h->out_ring[h->out_tail++ % OUT_RING];
		pthread_mutex_unlock(&h->lock);
		while (done < n) {
			ssize_t r = write(h->out, buf + done, n - done);

			if (r > 0) {
				done += (size_t)r;
			} else if (r < 0 && errno == EAGAIN) {
				struct pollfd p = { .fd = h->out, .events = POLLOUT };

				poll(&p, 1, -1);
			} else if (r < 0 && errno != EINTR) {
				break; /* nobody is there any more: what is written to it is lost */
			}
		}
		os_irq_raise(h->irq);
		pthread_mutex_lock(&h->lock);
	}
}

int con_host_write(struct con_host *h, const uint8_t *buf, int n)
{
	int done = 0;

	if (h->out < 0)
		return n;
	pthread_mutex_lock(&h->lock);
	if (h->out_head == h->out_tail && !h->out_busy && !would_block(h, n)) {
		ssize_t r = write(h->out, buf, (size_t)n);

		if (r > 0)
			done = (int)r;
		else if (r < 0 && errno != EAGAIN && errno != EINTR)
			done = n;
	}
	if (done < n && !h->writer)
		h->writer = os_worker_start("con-out", writer_thread, h) == 0;
	while (done < n && h->out_head - h->out_tail < OUT_RING)
		h->out_ring[h->out_head++ % OUT_RING] = buf[done++];
	if (h->out_head != h->out_tail)
		pthread_cond_broadcast(&h->out_cond);
	pthread_mutex_unlock(&h->lock);
	return done;
}

int con_host_room(struct con_host *h)
{
	int room;

	if (h->out < 0)
		return OUT_RING;
	pthread_mutex_lock(&h->lock);
	room = (int)(OUT_RING - (h->out_head - h->out_tail));
	pthread_mutex_unlock(&h->lock);
	return room;
}

int con_host_pending(struct con_host *h)
{
	int n;

	pthread_mutex_lock(&h->lock);
	n = (int)(h->out_head - h->out_tail) + h->out_busy;
	pthread_mutex_unlock(&h->lock);
	return n;
}

void con_host_drop(struct con_host *h)
{
	pthread_mutex_lock(&h->lock);
	h->out_tail = h->out_head;
	pthread_mutex_unlock(&h->lock);
}

/* At the end: what was written goes out, as long as somebody takes it. */
static void drain_all(void)
{
	int i, idle;

	for (i = 0; i < nr_channels; i++) {
		struct con_host *h = channels[i];
		int last = con_host_pending(h);

		for (idle = 0; last && idle < 200; idle++) {
			struct timespec t = { 0, 5000000 };
			int now;

			nanosleep(&t, NULL);
			now = con_host_pending(h);
			if (now != last)
				idle = 0;
			last = now;
		}
	}
}

static void at_exit(void)
{
	drain_all();
	terminals_restore();
}

/* ---- input ---- */

static void reader_thread(void *arg)
{
	struct con_host *h = arg;

	for (;;) {
		uint8_t buf[1024];
		ssize_t n = read(h->in, buf, sizeof(buf)), i;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = h->in, .events = POLLIN };

			poll(&p, 1, -1);
			continue;
		}
		pthread_mutex_lock(&h->lock);
		if (n <= 0) {
			h->in_end = true;
			pthread_mutex_unlock(&h->lock);
			os_irq_raise(h->irq);
			return;
		}
		for (i = 0; i < n; i++) {
			while (h->in_head - h->in_tail == IN_RING) {
				os_irq_raise(h->irq);
				pthread_cond_wait(&h->in_cond, &h->lock);
			}
			h->in_ring[h->in_head++ % IN_RING] = buf[i];
		}
		pthread_mutex_unlock(&h->lock);
		os_irq_raise(h->irq);
	}
}

int con_host_read(struct con_host *h, uint8_t *buf, int n)
{
	int got = 0;

	pthread_mutex_lock(&h->lock);
	while (got < n && h->in_tail != h->in_head)
		buf[got++] = h->in_ring[h->in_tail++ % IN_RING];
	if (got)
		pthread_cond_signal(&h->in_cond);
	else if (h->in_end)
		got = -1;
	pthread_mutex_unlock(&h->lock);
	return got;
}

/* ---- size ---- */

int con_host_size(struct con_host *h, struct con_size *size)
{
	struct winsize ws;
	int fd = h->in >= 0 && isatty(h->in) ? h->in : h->out;

	if (fd < 0 || ioctl(fd, TIOCGWINSZ, &ws) < 0)
		return -1;
	*size = (struct con_size){ ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel };
	return 0;
}

int con_host_watch_size(int irq)
{
	return os_signal_irq(SIGWINCH, irq);
}

/* ---- opening ---- */

static int fail(struct con_open *o, const char *what, int fd)
{
	int err = errno;

	if (fd >= 0)
		snprintf(o->err, sizeof(o->err), "%s %d: %s", what, fd, strerror(err));
	else
		snprintf(o->err, sizeof(o->err), "%s: %s", what, strerror(err));
	return -err;
}

static int open_pty(struct con_open *o, struct con_host *h)
{
	h->in = h->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (h->in < 0 || grantpt(h->in) < 0 || unlockpt(h->in) < 0 ||
		ptsname_r(h->in, o->name, sizeof(o->name)))
		return fail(o, "pty", -1);
	h->keep = open(o->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (h->keep >= 0) {
		struct termios t;

		tcgetattr(h->keep, &t);
		cfmakeraw(&t);
		tcsetattr(h->keep, TCSANOW, &t);
	}
	return 0;
}

static int open_fds(struct con_open *o, struct con_host *h)
{
	int flags;

	if (o->in >= 0) {
		flags = fcntl(o->in, F_GETFL);
		if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) {
			errno = EBADF;
			return fail(o, "input fd", o->in);
		}
		h->in = o->in;
		take_terminal(h->in);
	}
	if (o->out >= 0) {
		struct stat st;

		flags = fcntl(o->out, F_GETFL);
		if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
			errno = EBADF;
			return fail(o, "output fd", o->out);
		}
		h->out = o->out;
		take_terminal(h->out);
		h->plain_file = fstat(h->out, &st) == 0 && S_ISREG(st.st_mode);
	}
	return 0;
}

int con_host_open(struct con_open *o)
{
	struct con_host *h;
	int err = 0;

	if (nr_channels == MAX_CHANNELS) {
		snprintf(o->err, sizeof(o->err), "too many consoles");
		return -ENOSPC;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		errno = ENOMEM;
		return fail(o, "console", -1);
	}
	h->in = h->out = h->keep = -1;
	h->irq = o->irq;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->out_cond, NULL);
	pthread_cond_init(&h->in_cond, NULL);
	if (o->kind == CON_FD)
		err = open_fds(o, h);
	else if (o->kind == CON_PTY)
		err = open_pty(o, h);
	if (!err && h->in >= 0)
		err = os_worker_start("con-in", reader_thread, h);
	if (err) {
		free(h);
		return err;
	}
	if (!nr_channels) {
		os_at_exit(at_exit);
		os_at_stop(terminals_restore, terminals_take);
	}
	channels[nr_channels++] = h;
	o->host = h;
	return 0;
}
