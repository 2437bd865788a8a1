/* SPDX-License-Identifier: MIT */
/*
 * line_host.c: a line's rings. Output is written once, into a ring that keeps it as long as
 * possible, and any number of taps (readers) take it from there. The slowest tap with @paces set
 * determines how much room the guest has. Without taps the output is scroll-back only.
 *
 * Invariants: t->pos <= head; head - t->pos <= OUT_RING for a tap with @paces; 0 <= in_head -
 * in_tail <= IN_RING. Locks: the line's, for all of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/console/internal_host.h"
#include "os-linux/host.h"

#define DRAIN_IDLE 200 /* steps of 5 ms */

static struct con_host *lines; /* written while the kernel boots */

static uint64_t lag_locked(const struct con_host *h);

struct con_host *line_first(void)
{
	return lines;
}

struct con_host *line_find(const char *name)
{
	struct con_host *h = lines;

	while (h && strcmp(h->name, name) != 0)
		h = h->next;
	return h;
}

/*
 * Returns con_host_pending() at the end of the process. A thread may have died while it held the
 * lock. Then returns h->left, the last known value.
 */
static int pending_at_end(struct con_host *h)
{
	int n;

	if (pthread_mutex_trylock(&h->lock))
		return h->left;
	n = (int)lag_locked(h);
	pthread_mutex_unlock(&h->lock);
	return n;
}

/*
 * True if output of any line is pending. *moved: true if the amount has changed since the last
 * call.
 */
static bool something_left(bool *moved)
{
	bool left = false;

	*moved = false;
	for (struct con_host *h = lines; h; h = h->next) {
		int now = pending_at_end(h);

		*moved = *moved || now != h->left;
		left = left || now;
		h->left = now;
	}
	return left;
}

/* At the end of the process, waits while the readers of any line take pending output. */
static void drain_all(void)
{
	int idle = 0;
	bool moved;

	for (struct con_host *h = lines; h; h = h->next)
		h->left = 1;
	while (something_left(&moved) && idle < DRAIN_IDLE) {
		idle = moved ? 0 : idle + 1;
		host_pause(5);
	}
}

int con_host_create(const char *name, int irq, int number)
{
	struct con_host *h = calloc(1, sizeof(*h));
	pthread_mutexattr_t attr;
	int err = -ENOMEM;

	if (h && number)
		err = os_object_add_as(number, h);
	else if (h)
		err = number = os_object_add(h);
	if (err < 0) {
		free(h);
		return err;
	}
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->irq = irq;
	pthread_mutexattr_init(&attr);
	/* con_host_write() relies on the error */
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&h->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_cond_init(&h->in_room, NULL);
	if (!lines) {
		terminals_init();
		os_at_exit(drain_all);
	}
	h->next = lines;
	lines = h;
	return number;
}

/* ---- taps ---- */

static uint64_t oldest(const struct con_host *h)
{
	return h->head > OUT_RING ? h->head - OUT_RING : 0;
}

void line_tap_add(struct con_host *h, struct con_tap *t, uint64_t from)
{
	pthread_mutex_lock(&h->lock);
	t->pos = from < oldest(h) ? oldest(h) : from < h->head ? from : h->head;
	t->next = h->taps;
	h->taps = t;
	pthread_mutex_unlock(&h->lock);
}

void line_tap_del(struct con_host *h, struct con_tap *t)
{
	pthread_mutex_lock(&h->lock);
	for (struct con_tap **at = &h->taps; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	pthread_mutex_unlock(&h->lock);
	os_irq_raise(h->irq); /* wakes up the guest's waiting writer */
}

size_t line_tap_peek(struct con_host *h, struct con_tap *t, uint8_t *buf, size_t n)
{
	size_t got = 0;

	pthread_mutex_lock(&h->lock);
	if (t->pos < oldest(h))
		t->pos = oldest(h);
	while (got < n && t->pos + got < h->head) {
		buf[got] = h->ring[(t->pos + got) % OUT_RING];
		got++;
	}
	t->peeked = t->pos + got;
	t->idle = !got;
	pthread_mutex_unlock(&h->lock);
	return got;
}

void line_tap_took(struct con_host *h, struct con_tap *t)
{
	pthread_mutex_lock(&h->lock);
	if (t->pos < t->peeked) /* unless the guest has dropped the output */
		t->pos = t->peeked;
	pthread_mutex_unlock(&h->lock);
	os_irq_raise(h->irq);
}

/* ---- output ---- */

static uint64_t lag_locked(const struct con_host *h)
{
	uint64_t lag = 0;

	for (const struct con_tap *t = h->taps; t; t = t->next)
		if (t->paces && h->head - t->pos > lag)
			lag = h->head - t->pos;
	return lag;
}

static size_t room_locked(const struct con_host *h)
{
	uint64_t lag = lag_locked(h);

	return lag < OUT_RING ? (size_t)(OUT_RING - lag) : 0;
}

static void append_locked(struct con_host *h, const uint8_t *buf, size_t n)
{
	while (n) {
		size_t at = h->head % OUT_RING, k = OUT_RING - at < n ? OUT_RING - at : n;

		memcpy(h->ring + at, buf, k);
		h->head += k;
		buf += k;
		n -= k;
	}
}

/*
 * Writes directly in the usual case: the only reader is a terminal or a pipe and has taken all
 * earlier output. That saves the wake-up of its thread.
 */
static void write_now_locked(struct con_host *h, const uint8_t *buf, size_t n)
{
	struct con_tap *t = h->taps;
	struct con_cable *c = h->cables[1] ? h->cables[1] : h->cables[0];

	if (t && !t->next && t->idle && c && t->pos == h->head - n)
		t->pos += cable_write_now(c, t, buf, n);
}

/*
 * Writes output. If a thread faults while it holds the lock, its report of the fault is written to
 * this line too: that copy is dropped, but the report reaches stderr and the log.
 */
int con_host_write(int line, const uint8_t *buf, int n)
{
	struct con_host *h = os_object(line);
	size_t take;

	/* During a restore the line may not exist yet. */
	if (!h || pthread_mutex_lock(&h->lock))
		return n;
	if (!h->ring)
		h->ring = malloc(OUT_RING);
	take = h->ring ? room_locked(h) : 0;
	take = take < (size_t)n ? take : (size_t)n;
	append_locked(h, buf, h->ring ? take : 0);
	write_now_locked(h, buf, take);
	for (struct con_tap *t = h->taps; t; t = t->next) {
		if (t->idle && t->pos < h->head) {
			t->idle = false;
			t->ready(t);
		}
	}
	if (!h->ring) /* no memory: the output is lost */
		take = (size_t)n;
	pthread_mutex_unlock(&h->lock);
	return (int)take;
}

int con_host_room(int line)
{
	struct con_host *h = os_object(line);
	int room;

	pthread_mutex_lock(&h->lock);
	room = (int)room_locked(h);
	pthread_mutex_unlock(&h->lock);
	return room;
}

int con_host_pending(int line)
{
	struct con_host *h = os_object(line);
	int n;

	pthread_mutex_lock(&h->lock);
	n = (int)lag_locked(h);
	pthread_mutex_unlock(&h->lock);
	return n;
}

void con_host_drop(int line)
{
	struct con_host *h = os_object(line);

	pthread_mutex_lock(&h->lock);
	for (struct con_tap *t = h->taps; t; t = t->next)
		if (t->paces)
			t->pos = h->head;
	pthread_mutex_unlock(&h->lock);
}

/* ---- input ---- */

size_t line_input(struct con_host *h, const uint8_t *buf, size_t n)
{
	size_t took = 0;

	pthread_mutex_lock(&h->lock);
	if (!h->in_ring)
		h->in_ring = malloc(IN_RING);
	while (h->in_ring && took < n && h->in_head - h->in_tail < IN_RING)
		h->in_ring[h->in_head++ % IN_RING] = buf[took++];
	if (!h->in_ring) /* no memory: the input is lost */
		took = n;
	if (took < n)
		h->starved = true;
	pthread_mutex_unlock(&h->lock);
	if (took)
		os_irq_raise(h->irq);
	return took;
}

void line_end(struct con_host *h)
{
	pthread_mutex_lock(&h->lock);
	h->in_end = true;
	pthread_mutex_unlock(&h->lock);
	os_irq_raise(h->irq);
}

/*
 * Hangs up the line. The session of the next client begins at this point: it must not see the
 * screen of the last client.
 */
void line_hangup(struct con_host *h)
{
	pthread_mutex_lock(&h->lock);
	h->hung = true;
	h->session = h->head;
	pthread_mutex_unlock(&h->lock);
	os_irq_raise(h->irq);
}

int con_host_has_client(int line)
{
	struct con_host *h = os_object(line);
	bool hung;

	pthread_mutex_lock(&h->lock);
	hung = h->hung;
	pthread_mutex_unlock(&h->lock);
	for (int i = 0; i < 2; i++)
		hung = hung || (h->cables[i] && cable_in_use(h->cables[i]));
	return hung || serve_has_owner(h);
}

void con_host_hang_up(int line)
{
	line_hangup(os_object(line));
}

int con_host_read(int line, uint8_t *buf, int n)
{
	struct con_host *h = os_object(line);
	bool kick = false;
	int got = 0;

	pthread_mutex_lock(&h->lock);
	while (got < n && h->in_tail != h->in_head)
		buf[got++] = h->in_ring[h->in_tail++ % IN_RING];
	if (got) {
		pthread_cond_broadcast(&h->in_room);
		kick = h->starved;
		h->starved = false;
	} else if (h->hung) {
		h->hung = false;
		kick = true; /* lets the next client have the line */
		got = CON_HANGUP;
	} else if (h->in_end) {
		got = CON_END;
	}
	pthread_mutex_unlock(&h->lock);
	if (kick)
		serve_kick();
	return got;
}

/* ---- size ---- */

void line_set_size(struct con_host *h, uint16_t rows, uint16_t cols)
{
	pthread_mutex_lock(&h->lock);
	h->size = (struct con_size){ .rows = rows, .cols = cols };
	h->has_size = rows && cols;
	pthread_mutex_unlock(&h->lock);
	os_irq_raise(h->irq);
}

int con_host_size(int line, struct con_size *size)
{
	struct con_host *h = os_object(line);
	int err = -1;

	for (int i = 0; i < 2 && err; i++)
		if (h->cables[i])
			err = cable_size(h->cables[i], size);
	if (!err)
		return 0;
	pthread_mutex_lock(&h->lock);
	if (h->has_size) {
		*size = h->size;
		err = 0;
	}
	pthread_mutex_unlock(&h->lock);
	return err;
}

int con_host_watch_size(int irq)
{
	return os_signal_irq(SIGWINCH, irq);
}

/* ---- connecting channels ---- */

static int plug(struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o,
	struct con_cable **cable)
{
	switch (s->kind) {
	case CON_FD:
	case CON_TTY:
	case CON_PTY: *cable = cable_open(h, s, ways, o); return *cable ? 0 : -errno;
	case CON_PORT:
	case CON_UNIX: return serve_open(h, s, ways, o);
	}
	return 0;
}

/*
 * Connects a channel. A new cable may use the descriptors of the old one, so closing the old one
 * leaves them open; a port keeps its listener.
 */
int con_host_open(int line, struct con_open *o)
{
	struct con_host *h = os_object(line);
	struct con_cable *in = NULL, *out = NULL, *old[2] = { h->cables[0], h->cables[1] };
	bool one = !memcmp(&o->in, &o->out, sizeof(o->in));
	int err;

	serve_close(h);
	pthread_mutex_lock(&h->lock);
	h->in_end = h->has_size = false;
	pthread_mutex_unlock(&h->lock);
	err = plug(h, &o->in, one ? CABLE_IN | CABLE_OUT : CABLE_IN, o, &in);
	if (!err && !one)
		err = plug(h, &o->out, CABLE_OUT, o, &out);
	if (err) {
		serve_close(h);
		if (in)
			cable_close(in);
		return err;
	}
	pthread_mutex_lock(&h->lock);
	h->cables[0] = in;
	h->cables[1] = out;
	h->xterm = o->in.kind == CON_XTERM || o->out.kind == CON_XTERM;
	pthread_mutex_unlock(&h->lock);
	for (int i = 0; i < 2; i++)
		if (old[i])
			cable_close(old[i]);
	if (h->xterm && h->wanted)
		xterm_start(h);
	return 0;
}

void con_host_close(int line)
{
	struct con_open none = { .err = "" };

	con_host_open(line, &none);
}

void con_host_want(int line, int wanted)
{
	struct con_host *h = os_object(line);
	bool start;

	pthread_mutex_lock(&h->lock);
	start = wanted && !h->wanted && h->xterm;
	h->wanted = wanted;
	pthread_mutex_unlock(&h->lock);
	if (start)
		xterm_start(h);
	else if (!wanted && h->xterm)
		serve_end_owner(h);
}
