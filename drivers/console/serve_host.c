/* SPDX-License-Identifier: MIT */
/*
 * serve_host.c: lines on sockets, by one thread: `port:` (TCP, with telnet), `unix:`, and `nestctl
 * console`.
 *
 * A listener may serve several lines. A client gets the first free line, in the order in which the
 * lines were configured; if all are in use, it waits in the listen queue. The client is the line's
 * owner: when it disconnects, the line is hung up. `nestctl console` is a visitor on any line,
 * owned or not; with ATTACH_OWN (xterm=) it is an owner.
 *
 * A client's life: accept_locked() -> client_new_locked() -> frames both ways ->
 * client_end_locked(), all on the thread. Other threads only set c->end.
 *
 * An owner that does not read stops the guest's output when the ring is full, as a stopped terminal
 * does. For a visitor that has not read for VISITOR_MS, output is overwritten instead.
 *
 * Locks: serve_lock (both lists and their entries), which is taken before a line's lock. Buffers
 * and sockets of clients are used by the thread only.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/console/attach_host.h"
#include "drivers/console/internal_host.h"
#include "os-linux/host.h"

#define LINES_MAX 64 /* on a listener */
#define CLIENTS_MAX 64
#define CHUNK 2048
#define VISITOR_MS 1000

enum { BY_PORT, BY_UNIX, BY_ATTACH };
struct listener {
	struct listener *next;
	int fd, by;
	char key[CON_TEXT]; /* text of the channel */
	bool closing;
	struct {
		struct con_host *h;
		unsigned ways;
	} lines[LINES_MAX]; /* in the order of configuration */
	int nr_lines;
};

struct client {
	struct client *next;
	int fd, by;
	struct con_host *h; /* NULL: not chosen yet (BY_ATTACH) */
	unsigned ways;
	bool owner, end, tapped;
	struct con_tap tap;
	struct telnet telnet;
	uint8_t out[2 * CHUNK + 16], in[ATTACH_PACKET];
	size_t out_at, out_len, in_at, in_len;
	/* Time (ms) at which the client stopped reading; 0: it reads. */
	int64_t stuck;
};

static pthread_mutex_t serve_lock = PTHREAD_MUTEX_INITIALIZER;
static struct listener *listeners;
static struct client *clients;
static int nr_clients;
static int wake = -1;
static char attach_path[256];

void serve_kick(void)
{
	uint64_t one = 1;

	if (write(wake, &one, sizeof(one)) < 0) /* a full eventfd wakes the thread, too */
		errno = 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- clients ---- */

static void client_ready(struct con_tap *t)
{
	serve_kick();
}

static bool has_owner_locked(const struct con_host *h)
{
	for (const struct client *c = clients; c; c = c->next)
		if (c->h == h && c->owner)
			return true;
	return false;
}

static void client_tap(struct client *c, uint64_t from)
{
	c->tap = (struct con_tap){ .paces = true, .ready = client_ready };
	c->tapped = true;
	line_tap_add(c->h, &c->tap, from);
}

static void client_out(struct client *c);

static void client_new_locked(struct listener *l, int fd, int at)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->by = l->by;
	if (l->by != BY_ATTACH) {
		c->h = l->lines[at].h;
		c->ways = l->lines[at].ways;
		c->owner = true;
		c->h->owned++;
	}
	if (l->by == BY_PORT)
		c->out_len = telnet_hello(c->out);
	c->next = clients;
	clients = c;
	nr_clients++;
	if (c->h && c->ways & CABLE_OUT)
		client_tap(c, c->h->session);
	client_out(c);
}

static void client_end_locked(struct client *c)
{
	struct client **at = &clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	nr_clients--;
	if (c->tapped)
		line_tap_del(c->h, &c->tap);
	if (c->owner)
		line_hangup(c->h);
	close(c->fd);
	free(c);
}

static void send_packet(struct client *c, char type, const char *text)
{
	char buf[1024];

	snprintf(buf, sizeof(buf), "%c%s", type, text);
	(void)!write(c->fd, buf, strlen(buf));
}

static void send_names(struct client *c)
{
	char names[900] = "";
	size_t n = 0;

	for (int i = 0; i < LINES_MAX && n < sizeof(names); i++) {
		const char *kind = i < LINES_MAX / 2 ? "con" : "ssl";
		char name[12];

		snprintf(name, sizeof(name), "%s%d", kind, i % (LINES_MAX / 2));
		if (line_find(name))
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s\n", name);
	}
	send_packet(c, ATTACH_LIST, names);
}

/* Handles the first packet of `nestctl console`, which names the line. */
static void attach(struct client *c, const uint8_t *buf, size_t n)
{
	struct con_host *h;
	char name[16] = "";

	if (n == 1 && buf[0] == ATTACH_LIST) {
		send_names(c);
		return;
	}
	if (n < 3 || n - 2 >= sizeof(name) || buf[0] != ATTACH_LINE) {
		c->end = true;
		return;
	}
	memcpy(name, buf + 2, n - 2);
	h = line_find(name);
	if (!h || (buf[1] & ATTACH_OWN && has_owner_locked(h))) {
		send_packet(c, ATTACH_ERROR, h ? "the line is in use" : "there is no such line");
		c->end = true;
		return;
	}
	c->h = h;
	c->ways = CABLE_IN | CABLE_OUT;
	c->owner = buf[1] & ATTACH_OWN;
	h->owned += c->owner;
	client_tap(c, buf[1] & ATTACH_QUIET ? LINE_NOW : c->owner ? h->session : 0);
}

/* ---- input ---- */

static void frame_in(struct client *c, uint8_t *buf, size_t n)
{
	struct attach_size size;

	if (!c->h) {
		attach(c, buf, n);
	} else if (n == 1 + sizeof(size) && buf[0] == ATTACH_SIZE) {
		memcpy(&size, buf + 1, sizeof(size));
		line_set_size(c->h, size.rows, size.cols);
	} else if (n > 1 && buf[0] == ATTACH_DATA) {
		memcpy(c->in, buf + 1, n - 1);
		c->in_len = n - 1;
	}
}

static void telnet_bytes(struct client *c, uint8_t *buf, size_t n)
{
	uint8_t reply[CHUNK + 8];
	size_t len;

	c->in_len = telnet_in(&c->telnet, buf, n, reply, &len);
	memcpy(c->in, buf, c->in_len);
	if (len)
		(void)!write(c->fd, reply, len);
	if (c->telnet.rows && c->telnet.cols) {
		line_set_size(c->h, c->telnet.rows, c->telnet.cols);
		c->telnet.rows = 0;
	}
}

static void push_input(struct client *c)
{
	if (!c->h || !(c->ways & CABLE_IN))
		c->in_at = c->in_len; /* input is dropped: output only */
	else if (c->in_at < c->in_len)
		c->in_at += line_input(c->h, c->in + c->in_at, c->in_len - c->in_at);
	if (c->in_at == c->in_len)
		c->in_at = c->in_len = 0;
}

static void client_in(struct client *c)
{
	uint8_t buf[ATTACH_PACKET];
	/* what a port gets may grow by telnet's answers */
	size_t room = c->by == BY_ATTACH ? sizeof(buf) : CHUNK;
	ssize_t n = host_recv(c->fd, buf, room, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->end = true;
		return;
	}
	c->in_at = c->in_len = 0;
	if (c->by == BY_ATTACH) {
		frame_in(c, buf, (size_t)n);
	} else if (c->by == BY_PORT) {
		telnet_bytes(c, buf, (size_t)n);
	} else {
		memcpy(c->in, buf, (size_t)n);
		c->in_len = (size_t)n;
	}
	push_input(c);
}

/* ---- output ---- */

/*
 * Fills the client's buffer with the line's next output, framed for the socket. Returns false if
 * there is no output.
 */
static bool fill(struct client *c)
{
	uint8_t buf[CHUNK];
	size_t n;

	if (c->out_at < c->out_len)
		return true;
	c->out_at = c->out_len = 0;
	if (!c->tapped)
		return false;
	n = line_tap_peek(c->h, &c->tap, buf, sizeof(buf));
	if (!n)
		return false;
	if (c->by == BY_PORT) {
		c->out_len = telnet_out(buf, n, c->out);
	} else {
		c->out[0] = ATTACH_DATA;
		memcpy(c->out + (c->by == BY_ATTACH), buf, n);
		c->out_len = n + (c->by == BY_ATTACH);
	}
	line_tap_took(c->h, &c->tap);
	return true;
}

static void set_pacing(struct client *c, bool reads)
{
	int64_t now = now_ms();

	if (reads) {
		c->stuck = 0;
		c->tap.paces = true;
		return;
	}
	if (!c->stuck)
		c->stuck = now;
	if (c->tapped && !c->owner && c->tap.paces && now - c->stuck > VISITOR_MS) {
		c->tap.paces = false;
		os_irq_raise(c->h->irq); /* the guest's writer may continue */
	}
}

static void client_out(struct client *c)
{
	while (fill(c)) {
		ssize_t n = write(c->fd, c->out + c->out_at, c->out_len - c->out_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			set_pacing(c, false);
			return;
		}
		if (n < 0) {
			c->end = true;
			return;
		}
		c->out_at += (size_t)n;
		set_pacing(c, true);
	}
}

/* ---- listeners ---- */

/*
 * Returns the index of the listener's first free line, or -1: all have an owner, or the guest has
 * not yet read the hang-up of their last client.
 */
static int free_line_locked(const struct listener *l)
{
	for (int i = 0; i < l->nr_lines; i++)
		if (!has_owner_locked(l->lines[i].h) && !l->lines[i].h->hung)
			return i;
	return -1;
}

static bool may_attach(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	       (cred.uid == geteuid() || cred.uid == 0);
}

static void accept_locked(struct listener *l)
{
	int at = l->by == BY_ATTACH ? 0 : free_line_locked(l), fd;

	if (at < 0 || nr_clients == CLIENTS_MAX)
		return;
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 && l->by != BY_PORT && !may_attach(fd)) {
		close(fd);
		return;
	}
	if (fd >= 0)
		client_new_locked(l, fd, at);
}

/* ---- the thread ---- */

struct round {
	struct pollfd p[CLIENTS_MAX + LINES_MAX + 2];
	struct client *c[CLIENTS_MAX];
	struct listener *l[LINES_MAX + 1];
	int nr, nr_c, nr_l;
	int timeout;
};

static void gather_locked(struct round *r)
{
	struct client *c, *next;

	r->timeout = -1;
	r->nr_c = r->nr_l = 0;
	r->p[0] = (struct pollfd){ wake, POLLIN, 0 };
	r->nr = 1;
	for (c = clients; c; c = next) {
		next = c->next;
		if (c->end)
			client_end_locked(c);
	}
	for (c = clients; c; c = c->next) {
		short ask = c->in_at < c->in_len ? 0 : POLLIN;

		if (c->stuck)
			ask |= POLLOUT;
		if (c->stuck && !c->owner && c->tap.paces)
			r->timeout = VISITOR_MS / 2;
		/*
		 * While a client's input waits for room in the line, its descriptor is not polled,
		 * since poll() would report its end again and again.
		 */
		r->p[r->nr++] = (struct pollfd){ ask ? c->fd : -1, ask, 0 };
		r->c[r->nr_c++] = c;
	}
	for (struct listener *l = listeners; l && r->nr_l <= LINES_MAX; l = l->next) {
		bool open = nr_clients < CLIENTS_MAX &&
			    (l->by == BY_ATTACH || free_line_locked(l) >= 0);

		r->p[r->nr++] = (struct pollfd){ open ? l->fd : -1, POLLIN, 0 };
		r->l[r->nr_l++] = l;
	}
}

static void act_locked(struct round *r)
{
	for (int i = 0; i < r->nr_c; i++) {
		struct client *c = r->c[i];

		if (r->p[1 + i].revents & (POLLIN | POLLHUP | POLLERR) && c->in_at == c->in_len)
			client_in(c);
		else
			push_input(c);
		if (!c->end)
			client_out(c);
	}
	for (int i = 0; i < r->nr_l; i++)
		if (r->p[1 + r->nr_c + i].revents & POLLIN)
			accept_locked(r->l[i]);
}

/*
 * Frees closing listeners. Only the thread does this, so a descriptor that it polls is never
 * reused.
 */
static void sweep_locked(void)
{
	for (struct listener **at = &listeners; *at;) {
		struct listener *l = *at;

		if (!l->closing || l->nr_lines) {
			l->closing = false;
			at = &l->next;
			continue;
		}
		*at = l->next;
		if (l->by == BY_UNIX)
			unlink(l->key);
		close(l->fd);
		free(l);
	}
}

static void serve_thread(void *unused)
{
	static struct round r;
	uint64_t n;

	(void)unused;
	pthread_mutex_lock(&serve_lock);
	for (;;) {
		sweep_locked();
		gather_locked(&r);
		pthread_mutex_unlock(&serve_lock);
		poll(r.p, (nfds_t)r.nr, r.timeout);
		if (r.p[0].revents && read(wake, &n, sizeof(n)) < 0)
			errno = 0;
		pthread_mutex_lock(&serve_lock);
		act_locked(&r);
	}
}

/* Starts the thread unless an earlier call has. Returns 0 or -errno. */
static int start_locked(void)
{
	static bool started;
	int err;

	if (started)
		return 0;
	if (wake < 0)
		wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake < 0)
		return -errno;
	err = os_worker_start("con-serve", serve_thread, NULL);
	started = !err;
	return err;
}

/* ---- opening ---- */

/* Removes the unix sockets' paths at the end of the process. Async-signal-safe. */
static void leave(void)
{
	for (struct listener *l = listeners; l; l = l->next)
		if (l->by == BY_UNIX)
			unlink(l->key);
}

/*
 * Finds or makes the listener with that kind and address. Returns NULL with errno set, and o->err
 * too, except without memory.
 */
static struct listener *listener_get_locked(int by, const char *key, struct con_open *o)
{
	struct listener *l;
	static bool registered;

	for (l = listeners; l; l = l->next)
		if (l->by == by && !strcmp(l->key, key))
			return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->by = by;
	snprintf(l->key, sizeof(l->key), "%s", key);
	if (os_jailed())
		l->fd = jailed_listen(by == BY_PORT ? "port" : "unix", key);
	else
		l->fd = by == BY_PORT ? listen_port(key) : listen_unix(key);
	if (by == BY_UNIX)
		os_jail_grant(key, OS_GRANT_READ | OS_GRANT_REMOVE);
	if (l->fd < 0) {
		snprintf(o->err, sizeof(o->err), "%s %.100s: %s", by == BY_PORT ? "port" : "socket",
			key, strerror(-l->fd));
		errno = -l->fd;
		free(l);
		return NULL;
	}
	if (by == BY_UNIX && !registered) {
		registered = true;
		os_at_exit(leave);
	}
	l->next = listeners;
	listeners = l;
	return l;
}

int serve_open(struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o)
{
	struct listener *l;
	int err;

	pthread_mutex_lock(&serve_lock);
	err = start_locked();
	l = err ? NULL : listener_get_locked(s->kind == CON_PORT ? BY_PORT : BY_UNIX, s->text, o);
	if (!err && !l)
		err = -errno;
	if (!err && l->nr_lines == LINES_MAX) {
		snprintf(o->err, sizeof(o->err), "%s: %d lines use this socket already", s->text,
			LINES_MAX);
		err = -ENOSPC;
	}
	if (!err) {
		l->lines[l->nr_lines].h = h;
		l->lines[l->nr_lines++].ways = ways;
	}
	pthread_mutex_unlock(&serve_lock);
	serve_kick();
	return err;
}

bool serve_has_owner(struct con_host *h)
{
	bool has;

	pthread_mutex_lock(&serve_lock);
	has = has_owner_locked(h);
	pthread_mutex_unlock(&serve_lock);
	return has;
}

void serve_end_owner(struct con_host *h)
{
	pthread_mutex_lock(&serve_lock);
	for (struct client *c = clients; c; c = c->next)
		if (c->h == h && c->owner)
			c->end = true;
	pthread_mutex_unlock(&serve_lock);
	serve_kick();
}

void serve_close(struct con_host *h)
{
	if (wake < 0)
		return;
	pthread_mutex_lock(&serve_lock);
	for (struct listener *l = listeners; l; l = l->next) {
		for (int i = 0; i < l->nr_lines;) {
			if (l->lines[i].h != h) {
				i++;
				continue;
			}
			memmove(&l->lines[i], &l->lines[i + 1],
				(size_t)(--l->nr_lines - i) * sizeof(l->lines[0]));
		}
		l->closing = !l->nr_lines && l->by != BY_ATTACH;
	}
	pthread_mutex_unlock(&serve_lock);
	serve_end_owner(h);
}

uint32_t serve_owned(struct con_host *h)
{
	uint32_t n;

	pthread_mutex_lock(&serve_lock);
	n = h->owned;
	pthread_mutex_unlock(&serve_lock);
	return n;
}

/* ---- nestctl console ---- */

int con_attach_serve(int fd, const char *path)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->fd = fd;
	l->by = BY_ATTACH;
	pthread_mutex_lock(&serve_lock);
	err = start_locked();
	if (!err) {
		l->next = listeners;
		listeners = l;
		snprintf(attach_path, sizeof(attach_path), "%s", path);
	}
	pthread_mutex_unlock(&serve_lock);
	if (err)
		free(l);
	else
		serve_kick();
	return err;
}

const char *serve_attach_path(void)
{
	return attach_path;
}
