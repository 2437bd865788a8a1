/* SPDX-License-Identifier: MIT */
/*
 * conn.c: messages over a stream (protocol.h). There is one thread. Both directions of the stream
 * are non-blocking. Each wait ends at the timeout, at a signal, or when the peer has gone. The peer
 * is untrusted: messages are checked before use, and the buffer for received bytes has a fixed
 * size.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"

#define ROOM (sizeof(struct mig_head) + MIG_MAX)
#define ALIVE_MS 1000
#define STEP_MS 200
#define LINGER_MS 5000

/* ---- signals ---- */

/* how many signals have asked for the end */
static volatile sig_atomic_t ending;

static void on_signal(int sig)
{
	/* the third signal ends the process at once */
	if (++ending < 3)
		return;
	signal(sig, SIG_DFL);
	raise(sig);
}

void conn_watch_signals(void)
{
	on_ending_signals(on_signal);
	signal(SIGPIPE, SIG_IGN);
}

void conn_hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* ---- bytes ---- */

long conn_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Dies since the connection has ended. @why: an error, or "". */
static void __attribute__((noreturn)) gone(const struct conn *c, const char *why)
{
	die("%s: the connection has ended%s%s", c->peer, *why ? ": " : "", why);
}

/* Reads available bytes, if the buffer has room. */
static void fill(struct conn *c)
{
	ssize_t n;

	if (c->nr_got == ROOM && c->used) {
		memmove(c->got, c->got + c->used, c->nr_got - c->used);
		c->nr_got -= c->used;
		c->used = 0;
	}
	if (c->ended || c->nr_got == ROOM)
		return;
	n = read(c->in, c->got + c->nr_got, ROOM - c->nr_got);
	if (n > 0) {
		c->nr_got += (size_t)n;
		c->last_got = conn_now();
	} else if (!n || (errno != EINTR && errno != EAGAIN)) {
		c->ended = true;
		c->error = n ? errno : 0;
	}
}

/* Returns the sum of a message with the bytes @data. */
static uint32_t sum_of(struct mig_head h, const uint8_t *data)
{
	h.sum = 0;
	return ~crc32c_add(crc32c_add(~0U, &h, sizeof(h)), data, h.length);
}

/* True if a complete message was received. Dies if the bytes are no valid message. */
static bool has_message(const struct conn *c, struct message *m)
{
	size_t n = c->nr_got - c->used;
	struct mig_head h;

	if (n < sizeof(h))
		return false;
	memcpy(&h, c->got + c->used, sizeof(h));
	if (!h.type || h.type >= MIG_TYPES || h.length > MIG_MAX)
		die("%s: what came is no message of a migration", c->peer);
	if (n - sizeof(h) < h.length)
		return false;
	*m = (struct message){ h.type, h.length, c->got + c->used + sizeof(h) };
	if (h.sum != sum_of(h, m->data))
		die("%s: a message was damaged on its way", c->peer);
	return true;
}

/* Removes the first message, of @length bytes, from the buffer. */
static void drop_message(struct conn *c, size_t length)
{
	c->used += sizeof(struct mig_head) + length;
	if (c->used == c->nr_got)
		c->used = c->nr_got = 0;
}

/* Gets the next received message, if there is one. Drops MIG_ALIVE. Dies at MIG_REFUSED. */
static bool next(struct conn *c, struct message *m)
{
	while (has_message(c, m)) {
		if (m->type == MIG_REFUSED) {
			c->refused = true;
			die("%s: %s", c->peer, conn_text(m));
		}
		if (m->type != MIG_ALIVE)
			return true;
		drop_message(c, m->length);
	}
	return false;
}

/* Dies if a signal has asked for the end. */
static void check_signal(void)
{
	if (ending)
		die("cancelled");
}

/* Reads available bytes. Dies if the peer has closed the stream and no message is left. */
static void look(struct conn *c)
{
	struct message m;

	fill(c);
	if (!next(c, &m) && c->ended)
		gone(c, c->error ? strerror(c->error) : "");
}

/*
 * Waits until a stream is ready, for a short time. Dies at a signal, or if the peer has sent
 * nothing since @begun for longer than the timeout.
 */
static void wait_io(struct conn *c, bool writes, long begun)
{
	struct pollfd p[] = { { .fd = c->ended ? -1 : c->in, .events = POLLIN },
		{ .fd = writes ? c->out : -1, .events = POLLOUT } };
	bool full = c->nr_got == ROOM && !c->used;

	if (full)
		p[0].fd = -1;
	check_signal();
	poll(p, 2, STEP_MS);
	check_signal();
	if (p[0].revents)
		look(c);
	begun = begun < c->last_got ? c->last_got : begun;
	if (!p[0].revents && !p[1].revents && conn_now() - begun > c->timeout_ms)
		die("%s: no data came for %ld seconds", c->peer, c->timeout_ms / 1000);
}

void conn_flush(struct conn *c)
{
	long begun = conn_now();
	size_t at = 0;

	while (at < c->nr_waits) {
		ssize_t n = write(c->out, c->waits + at, c->nr_waits - at);

		if (n > 0) {
			at += (size_t)n;
			c->sent += (uint64_t)n;
			c->last_sent = begun = conn_now();
			continue;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			int err = errno;

			/* if the peer has sent a MIG_REFUSED, die with its reason instead */
			fill(c);
			look(c);
			gone(c, strerror(err));
		}
		wait_io(c, true, begun);
	}
	c->nr_waits = 0;
}

/* ---- messages ---- */

void conn_send(
	struct conn *c, uint32_t type, const void *head, size_t nr_head, const void *data, size_t n)
{
	struct mig_head h = { .type = type, .length = (uint32_t)(nr_head + n) };
	uint8_t *to;

	if (nr_head + n > MIG_MAX)
		die("%s: too long a message", c->peer);
	if (ROOM - c->nr_waits < sizeof(h) + h.length)
		conn_flush(c);
	to = c->waits + c->nr_waits + sizeof(h);
	if (nr_head)
		memcpy(to, head, nr_head);
	if (n)
		memcpy(to + nr_head, data, n);
	h.sum = sum_of(h, to);
	memcpy(to - sizeof(h), &h, sizeof(h));
	c->nr_waits += sizeof(h) + h.length;
	if (c->nr_waits >= MIG_PIECE)
		conn_flush(c);
}

bool conn_send_surely(struct conn *c, uint32_t type)
{
	struct mig_head h = { .type = type };
	size_t at = 0;

	conn_flush(c);
	h.sum = sum_of(h, NULL);
	while (at < sizeof(h)) {
		ssize_t n = write(c->out, (const uint8_t *)&h + at, sizeof(h) - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		else if (poll(&(struct pollfd){ .fd = c->out, .events = POLLOUT }, 1,
				 (int)c->timeout_ms) <= 0 &&
			 errno != EINTR)
			return errno = ETIMEDOUT, false;
	}
	c->last_sent = c->last_got = conn_now();
	return true;
}

struct message conn_receive(struct conn *c)
{
	long begun = conn_now();
	struct message m;

	conn_flush(c);
	while (!next(c, &m)) {
		conn_tick(c);
		if (!next(c, &m))
			wait_io(c, false, begun);
	}
	drop_message(c, m.length);
	return m;
}

struct message conn_expect(struct conn *c, uint32_t type, size_t least)
{
	struct message m = conn_receive(c);

	if (m.type != type || m.length < least)
		die("%s: it does not keep to the protocol (%u instead of %u)", c->peer, m.type,
			type);
	return m;
}

void conn_tick(void *conn)
{
	struct conn *c = conn;

	check_signal();
	if (c->ended || poll(&(struct pollfd){ .fd = c->in, .events = POLLIN }, 1, 0) > 0)
		look(c);
	if (conn_now() - c->last_sent < ALIVE_MS)
		return;
	conn_send(c, MIG_ALIVE, NULL, 0, NULL, 0);
	conn_flush(c);
}

void conn_await(struct conn *c, int fd)
{
	do
		conn_tick(c);
	while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, STEP_MS) <= 0);
}

const char *conn_text(const struct message *m)
{
	size_t n = m->length < 2000 ? m->length : 2000;
	char *text = format("%.*s", (int)n, (const char *)m->data);

	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	return text;
}

/* ---- the beginning and the end ---- */

static void make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		die("fcntl: %s", strerror(errno));
}

void conn_begin(struct conn *c, long timeout_ms)
{
	struct mig_hello hello = { .magic = MIG_MAGIC, .version = MIG_VERSION };
	long begun = conn_now();

	c->timeout_ms = timeout_ms;
	c->got = xalloc(ROOM);
	c->waits = xalloc(ROOM);
	c->last_sent = c->last_got = begun;
	make_nonblocking(c->in);
	make_nonblocking(c->out);
	if (write(c->out, &hello, sizeof(hello)) != sizeof(hello))
		gone(c, strerror(errno));
	/* read until the peer's greeting is complete, or is certainly none */
	while (c->nr_got < sizeof(hello) &&
		!memcmp(c->got, MIG_MAGIC, c->nr_got < 8 ? c->nr_got : 8)) {
		struct pollfd p = { .fd = c->in, .events = POLLIN };

		check_signal();
		if (poll(&p, 1, STEP_MS) > 0)
			fill(c);
		if (c->ended)
			gone(c, "before it said anything");
		if (conn_now() - begun > timeout_ms)
			die("%s: no data came for %ld seconds", c->peer, timeout_ms / 1000);
	}
	memcpy(&hello, c->got, sizeof(hello));
	if (memcmp(hello.magic, MIG_MAGIC, sizeof(hello.magic)) != 0)
		die("%s: no nestctl of a migration is at the other end", c->peer);
	if (hello.version != MIG_VERSION)
		die("%s: it speaks version %u of the protocol, this nestctl version %d", c->peer,
			hello.version, MIG_VERSION);
	c->used = sizeof(hello);
}

struct refusal {
	struct conn *c;
	const char *why;
};

/* Sends a struct refusal and waits for the end of the stream. Called by attempt(). */
static void refuse(void *arg)
{
	const struct refusal *r = arg;
	struct conn *c = r->c;
	long end = conn_now() + LINGER_MS;

	c->nr_waits = 0;
	c->timeout_ms = c->timeout_ms < LINGER_MS ? c->timeout_ms : LINGER_MS;
	conn_send(c, MIG_REFUSED, r->why, strlen(r->why), NULL, 0);
	conn_flush(c);
	shutdown(c->out, SHUT_WR);
	/*
	 * read to the end: close() with unread bytes would reset the connection, and the peer might
	 * not get the reason
	 */
	while (!c->ended && conn_now() < end) {
		c->used = c->nr_got = 0;
		if (poll(&(struct pollfd){ .fd = c->in, .events = POLLIN }, 1, STEP_MS) > 0)
			fill(c);
	}
}

void conn_refuse(struct conn *c, const char *why)
{
	struct refusal r = { c, why };

	if (c->refused || !c->waits)
		return;
	ending = 0;
	attempt(refuse, &r);
}

void conn_end(struct conn *c)
{
	struct timespec step = { .tv_nsec = 10000000 };

	close(c->in);
	if (c->out != c->in)
		close(c->out);
	for (long end = conn_now() + LINGER_MS; c->child && conn_now() < end;
		nanosleep(&step, NULL))
		if (waitpid(c->child, NULL, WNOHANG))
			return;
}
