/* SPDX-License-Identifier: MIT */
/*
 * cable_host.c: cables. A cable connects a line (the host's half of a console of the guest) with a
 * descriptor, with a terminal of the host (tty:PATH), or with a new pseudo terminal.
 *
 * The user's descriptors are shared with other processes, so their flags stay unchanged: never
 * O_NONBLOCK. The reader thread waits in poll() and then reads; the writer thread blocks in
 * write(). A short write that will not block, according to poll(), and any write to a plain file
 * are made by the thread that has the output (cable_write_now()).
 *
 * End of input on a descriptor is the end of the guest's input. The line is hung up when a terminal
 * of the host is hung up, and when the last program closes a pseudo terminal, which inotify
 * reports. The cable itself keeps the slave open, since the master would otherwise be hung up
 * before the first program opens the slave.
 *
 * Locks: each cable's lock protects @busy, @pending, @writer and @refs, and is the mutex of @more;
 * it may be taken under the line's lock. @closing is atomic: cable_close() sets it under the line's
 * lock, so that a reader thread that waits for in_room does not miss it. The drop of the last
 * reference frees a cable.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/console/internal_host.h"
#include "os-linux/host.h"

/*
 * A terminal or pipe that is writable according to poll() accepts this many bytes without blocking.
 */
#define DIRECT_MAX 256
/* Time between two tries to read a terminal while this process is in its background. */
#define BACKGROUND_MS 200

struct con_cable {
	struct con_host *h;
	struct con_tap tap;
	int fd;
	/* For CON_PTY: the slave, and an inotify descriptor for it (-1: refused); else -1. */
	int slave, watch;
	/* Opens of the slave by other programs. Written by the reader thread, read racily. */
	int opens;
	/* An eventfd that ends the poll() of both threads, so that they check @closing. */
	int wake;
	bool own;        /* fd is closed with the cable */
	bool plain_file; /* writing never blocks */
	bool terminal;
	pthread_mutex_t lock;
	/* Signalled when @pending or @closing was set. */
	pthread_cond_t more;
	/*
	 * closing: the threads must end. busy: the writer thread is writing. pending: there may be
	 * output that the writer thread has not seen. writer: the writer thread was started.
	 */
	bool closing, busy, pending, writer;
	int refs; /* the opener's, and one for each thread */
};

static void cable_put(struct con_cable *c)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	last = !--c->refs;
	pthread_mutex_unlock(&c->lock);
	if (!last)
		return;
	if (c->own)
		close(c->fd);
	if (c->slave >= 0)
		close(c->slave);
	if (c->watch >= 0)
		close(c->watch);
	close(c->wake);
	free(c);
}

/* ---- output ---- */

/*
 * Reports once that the host has no room for a console's output file. A closed peer is not
 * reported.
 */
static void report_full(int err)
{
	static int reported;
	char line[200];

	if ((err != ENOSPC && err != EDQUOT && err != EFBIG) ||
		__atomic_exchange_n(&reported, 1, __ATOMIC_RELAXED))
		return;
	os_note_lost();
	snprintf(line, sizeof(line), "nestling: output of a console is lost: %s\n", strerror(err));
	os_write_stderr(line, strlen(line));
}

static void write_all(struct con_cable *c, const uint8_t *buf, size_t n)
{
	size_t done = 0;

	while (done < n && !__atomic_load_n(&c->closing, __ATOMIC_RELAXED)) {
		ssize_t r = write(c->fd, buf + done, n - done);

		if (r > 0) {
			done += (size_t)r;
		} else if (r < 0 && errno == EAGAIN) {
			struct pollfd p[2] = { { c->fd, POLLOUT, 0 }, { c->wake, POLLIN, 0 } };

			poll(p, 2, -1);
		} else if (r < 0 && errno != EINTR) {
			report_full(errno);
			/* The peer has closed, or the disk is full: the rest is lost. */
			return;
		}
	}
}

static void writer_thread(void *arg)
{
	struct con_cable *c = arg;
	uint8_t buf[4096];

	pthread_mutex_lock(&c->lock);
	while (!c->closing) {
		size_t n;

		if (!c->pending) {
			c->busy = false;
			pthread_cond_wait(&c->more, &c->lock);
			continue;
		}
		c->pending = false;
		c->busy = true;
		pthread_mutex_unlock(&c->lock);
		while ((n = line_tap_peek(c->h, &c->tap, buf, sizeof(buf)))) {
			write_all(c, buf, n);
			line_tap_took(c->h, &c->tap);
			if (__atomic_load_n(&c->closing, __ATOMIC_RELAXED))
				break;
		}
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	cable_put(c);
}

/* Starts the writer thread if it is not running. c->lock is held. Returns 0 or -errno. */
static int need_writer(struct con_cable *c)
{
	int err = 0;

	if (c->writer || c->closing)
		return 0;
	c->refs++;
	err = os_worker_start("con-out", writer_thread, c);
	c->writer = !err;
	c->refs -= !c->writer;
	return err;
}

static void cable_ready(struct con_tap *t)
{
	struct con_cable *c = (struct con_cable *)((char *)t - offsetof(struct con_cable, tap));

	pthread_mutex_lock(&c->lock);
	c->pending = true;
	need_writer(c);
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
}

size_t cable_write_now(struct con_cable *c, struct con_tap *only, const uint8_t *buf, size_t n)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };
	ssize_t r = 0;
	bool busy;

	if (only != &c->tap || !n)
		return 0;
	pthread_mutex_lock(&c->lock);
	busy = c->busy || c->pending;
	pthread_mutex_unlock(&c->lock);
	if (busy)
		return 0;
	if (c->plain_file ||
		(n <= DIRECT_MAX && poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR))))
		r = write(c->fd, buf, n);
	if (r >= 0)
		return (size_t)r;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	report_full(errno);
	return n;
}

/* ---- input ---- */

/*
 * Passes input to the line, and waits while the line has no room. The host sends no signal when a
 * pseudo terminal's size changes, so the guest reads the size whenever input arrives.
 */
static void input(struct con_cable *c, const uint8_t *buf, size_t n)
{
	struct con_host *h = c->h;

	while (n) {
		size_t took = line_input(h, buf, n);

		buf += took;
		n -= took;
		pthread_mutex_lock(&h->lock);
		while (n && h->in_head - h->in_tail == IN_RING && !c->closing)
			pthread_cond_wait(&h->in_room, &h->lock);
		pthread_mutex_unlock(&h->lock);
		if (__atomic_load_n(&c->closing, __ATOMIC_RELAXED))
			return;
	}
}

static void look_at_opens(struct con_cable *c)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(c->watch, buf, sizeof(buf));
	bool were = c->opens > 0, left = false;

	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		if (e->mask & IN_OPEN)
			c->opens++;
		if (e->mask & IN_CLOSE && c->opens > 0)
			left = !--c->opens || left; /* true even if a later event is an open */
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	if (left)
		line_hangup(c->h);
	if ((left || !were) && c->opens)
		os_irq_raise(c->h->irq); /* the guest must read the size again */
}

/*
 * Handles a read that failed or reached the end. Returns true if the read may be retried; otherwise
 * the line is hung up or its input has ended.
 */
static bool after_error(struct con_cable *c, ssize_t n)
{
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0 && errno == EIO && c->terminal) {
		pid_t front = tcgetpgrp(c->fd);

		/* This process is in the background, and may come to the foreground again. */
		if (front > 0 && front != getpgrp()) {
			host_pause(BACKGROUND_MS);
			return true;
		}
	}
	if (c->own)
		line_hangup(c->h);
	else
		line_end(c->h);
	return false;
}

static void reader_thread(void *arg)
{
	struct con_cable *c = arg;
	uint8_t buf[1024];

	for (;;) {
		struct pollfd p[3] = { { c->fd, POLLIN, 0 }, { c->wake, POLLIN, 0 },
			{ c->watch, POLLIN, 0 } };
		ssize_t n;

		poll(p, 3, -1);
		if (__atomic_load_n(&c->closing, __ATOMIC_ACQUIRE))
			break;
		if (p[0].revents) {
			n = read(c->fd, buf, sizeof(buf));
			if (n > 0)
				input(c, buf, (size_t)n);
			else if (!after_error(c, n))
				break;
		}
		/* Input that came before a program closed the slave is passed on first. */
		if (p[2].revents)
			look_at_opens(c);
	}
	cable_put(c);
}

/* ---- opening ---- */

static int fail(struct con_open *o, const char *what)
{
	int err = errno;

	snprintf(o->err, sizeof(o->err), "%s: %s", what, strerror(err));
	errno = err;
	return -1;
}

int pty_make(struct con_pty *p, char *name, size_t size)
{
	struct termios t;

	*p = (struct con_pty){ posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), -1, -1 };
	snprintf(name, size, "pty");
	if (p->fd < 0 || grantpt(p->fd) < 0 || unlockpt(p->fd) < 0 || ptsname_r(p->fd, name, size))
		goto err;
	p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0)
		goto err;
	if (!tcgetattr(p->slave, &t)) {
		cfmakeraw(&t);
		tcsetattr(p->slave, TCSANOW, &t);
	}
	/*
	 * Without inotify the cable does not notice when a program closes the slave; all else
	 * works.
	 */
	p->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (p->watch >= 0)
		inotify_add_watch(p->watch, name, IN_OPEN | IN_CLOSE);
	return 0;
err:
	if (p->fd >= 0)
		close(p->fd);
	return -errno;
}

static int open_pty(struct con_cable *c, struct con_open *o)
{
	struct con_pty p;
	int err = os_jailed() ? jailed_pty(&p, o->name, sizeof(o->name)) :
				pty_make(&p, o->name, sizeof(o->name));

	c->own = true;
	errno = -err;
	if (err)
		return fail(o, *o->name ? o->name : "pty");
	c->fd = p.fd;
	c->slave = p.slave;
	c->watch = p.watch;
	return 0;
}

static int open_tty(struct con_cable *c, const char *path, struct con_open *o)
{
	c->own = true;
	os_jail_grant(path, OS_GRANT_READ | OS_GRANT_WRITE);
	c->fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0)
		return fail(o, path);
	if (!isatty(c->fd)) {
		errno = ENOTTY;
		return fail(o, path);
	}
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) & ~O_NONBLOCK);
	return 0;
}

static int open_fd(struct con_cable *c, int fd, unsigned ways, struct con_open *o)
{
	char what[40];
	int flags = fcntl(fd, F_GETFL);

	c->fd = fd;
	/* Only inherited descriptors are allowed; the kernel's own ones all close on exec. */
	if (fcntl(fd, F_GETFD) > 0) {
		flags = -1;
		errno = EBADF;
	}
	if (flags >= 0 && ((ways & CABLE_IN && (flags & O_ACCMODE) == O_WRONLY) ||
				  (ways & CABLE_OUT && (flags & O_ACCMODE) == O_RDONLY))) {
		flags = -1;
		errno = EBADF;
	}
	if (flags >= 0)
		return 0;
	snprintf(what, sizeof(what), "%s fd %d", ways & CABLE_IN ? "input" : "output", fd);
	return fail(o, what);
}

static int open_side(
	struct con_cable *c, const struct con_side *s, unsigned ways, struct con_open *o)
{
	struct stat st;

	if (s->kind == CON_PTY)
		return open_pty(c, o);
	if (s->kind == CON_TTY ? open_tty(c, s->text, o) : open_fd(c, s->fd, ways, o))
		return -1;
	terminal_take(c->fd);
	c->terminal = isatty(c->fd);
	c->plain_file = host_fstat(c->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

/*
 * Starts the threads. A file rarely needs a writer. Any other cable gets one now: if the host
 * refused a thread later, all output would be lost.
 */
static int start_threads(struct con_cable *c, unsigned ways)
{
	int err = 0;

	pthread_mutex_lock(&c->lock);
	if (ways & CABLE_OUT && !c->plain_file)
		err = need_writer(c);
	if (!err && ways & CABLE_IN) {
		c->refs++;
		err = os_worker_start("con-in", reader_thread, c);
		c->refs -= err != 0;
	}
	if (err) { /* end the writer */
		__atomic_store_n(&c->closing, true, __ATOMIC_RELEASE);
		pthread_cond_broadcast(&c->more);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

static int start_ways(struct con_cable *c, unsigned ways, struct con_open *o)
{
	int err;

	c->tap = (struct con_tap){ .paces = true, .idle = true, .ready = cable_ready };
	err = start_threads(c, ways);
	if (err) {
		snprintf(o->err, sizeof(o->err), "no thread: %s", os_why(err));
		errno = -err;
		return -1;
	}
	if (ways & CABLE_OUT)
		line_tap_add(c->h, &c->tap, LINE_NOW);
	return 0;
}

struct con_cable *cable_open(
	struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o)
{
	struct con_cable *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return NULL;
	c->h = h;
	c->fd = c->slave = c->watch = -1;
	c->refs = 1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake < 0 ? fail(o, "eventfd") : open_side(c, s, ways, o) || start_ways(c, ways, o)) {
		err = errno;
		if (c->terminal)
			terminal_release(c->fd);
		c->own = c->own && c->fd >= 0;
		cable_put(c);
		errno = err;
		return NULL;
	}
	return c;
}

void cable_close(struct con_cable *c)
{
	struct con_host *h = c->h;
	uint64_t one = 1;

	line_tap_del(h, &c->tap);
	pthread_mutex_lock(&h->lock);
	__atomic_store_n(&c->closing, true, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&h->in_room);
	pthread_mutex_unlock(&h->lock);
	pthread_mutex_lock(&c->lock);
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
	if (write(c->wake, &one, sizeof(one)) < 0) /* a full eventfd wakes the reader, too */
		errno = 0;
	if (c->terminal)
		terminal_release(c->fd);
	cable_put(c);
}

bool cable_in_use(const struct con_cable *c)
{
	return __atomic_load_n(&c->opens, __ATOMIC_RELAXED) > 0;
}

int cable_size(struct con_cable *c, struct con_size *size)
{
	struct winsize ws;

	if (ioctl(c->fd, TIOCGWINSZ, &ws) < 0)
		return -1;
	if (c->watch >= 0 && !ws.ws_row) /* no size was set yet */
		return -1;
	*size = (struct con_size){ ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel };
	return 0;
}
