/* SPDX-License-Identifier: MIT */
/*
 * openers.c: opens cards, listening consoles and terminals in windows for a jailed process. An
 * opener is a function of a driver, which it registers before the jail closes. The broker calls it,
 * in a child of its own, so that it may wait; descriptors go back to the kernel process.
 *
 *      os_jail_open(opener, "slirp")  -- ASK_OPEN -->  broker: is the text named?
 *                                                        child: opener(text)
 *      descriptors, error text        <---------------------+
 *
 * The first line of the text has to be a complete value of the command line or of a command of the
 * console's owner: VALUE of "eth1=VALUE", or IN or OUT of a console's "con1=IN,OUT". So the kernel
 * process can open again what its owner gave it, and nothing else. The opener itself checks further
 * lines.
 *
 * The broker also starts the helpers of a restored kernel process: before the jail closes, a driver
 * passes a function, a text and a descriptor (os_jail_helper()). The broker calls the function in a
 * child once the jail has closed, so the restore does not wait for the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/jail/broker.h"
#include "os-linux/jail/jail.h"

#define OPENERS_MAX 16
/* children of the broker: openers that run, and helpers that they have left */
#define CHILDREN_MAX 128
#define VALUES_MAX 1024
/*
 * Helpers start this long after the close of the jail: their start takes CPU time that a restored
 * guest needs to go on.
 */
#define HELPERS_AFTER_MS 3

static int (*openers[OPENERS_MAX])(const char *text, struct os_opened *o);
static int nr_openers;
static char *values[VALUES_MAX];
/* values of the start stay; of values that commands add later, the oldest are replaced */
static int nr_values, nr_first, oldest;

/* ---- the broker ---- */

void openers_add(int (*fn)(const char *text, struct os_opened *o))
{
	if (nr_openers < OPENERS_MAX)
		openers[nr_openers++] = fn;
}

static void add_value(const char *text, size_t n)
{
	int i = nr_values;

	for (int k = 0; k < nr_values; k++)
		if (values[k] && strlen(values[k]) == n && !strncmp(values[k], text, n))
			return;
	if (i < VALUES_MAX)
		nr_values++;
	else
		i = nr_first + oldest++ % (VALUES_MAX - nr_first);
	if (broker.listener < 0)
		nr_first = nr_values < VALUES_MAX / 2 ? nr_values : VALUES_MAX / 2;
	free(values[i]);
	values[i] = strndup(text, n);
}

void openers_word(const char *word)
{
	const char *value = strchr(word, '=');

	if (value)
		add_value(value + 1, strlen(value + 1));
	/*
	 * Also adds the parts of a console's value, which commas separate. A card has options
	 * behind its commas, and its value counts as a whole.
	 */
	if (!value || !strncmp(word, "eth", 3))
		return;
	for (const char *p = strchr(value, ','); p;) {
		add_value(value + 1, (size_t)(p - value - 1));
		value = p;
		p = strchr(p + 1, ',');
		if (!p)
			add_value(value + 1, strlen(value + 1));
	}
}

/* True if the first line is a granted value. The opener itself interprets further lines. */
static bool is_named(const char *text)
{
	size_t n = strcspn(text, "\n");

	for (int i = 0; i < nr_values; i++)
		if (values[i] && strlen(values[i]) == n && !strncmp(values[i], text, n))
			return true;
	return false;
}

/*
 * True if the broker has so many children that it starts no more: a kernel process that a guest has
 * taken over may ask without an end. A host that does not list them sets no bound.
 */
static bool has_many_children(void)
{
	char path[64], text[4096];
	int fd, nr = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n; i++)
		nr += text[i] == ' ';
	return nr >= CHILDREN_MAX;
}

static void send_opened(struct os_opened *o)
{
	union {
		char room[CMSG_SPACE(OS_OPENED_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { o, sizeof(*o) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (o->nr) {
		control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(o->nr * sizeof(int)) };
		memcpy(CMSG_DATA(&control.align), o->fd, o->nr * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(o->nr * sizeof(int));
	}
	/* the kernel process receives each answer before it asks again, so there is room for one */
	sendmsg(broker.ask, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The helpers to start HELPERS_AFTER_MS after the close of the jail. */
static struct helper {
	struct helper *next;
	void (*fn)(const char *text, int fd);
	int fd;
	char text[];
} * helpers;

void openers_helper(void (*fn)(const char *text, int fd), const char *text, int fd)
{
	struct helper *h = malloc(sizeof(*h) + strlen(text) + 1);

	if (!h) {
		close(fd);
		return;
	}
	h->next = helpers;
	h->fn = fn;
	h->fd = fd;
	strcpy(h->text, text);
	helpers = h;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int openers_helpers(void)
{
	static int64_t at;

	if (!helpers || broker.listener < 0)
		return -1;
	if (!at)
		at = now_ms() + HELPERS_AFTER_MS;
	if (now_ms() < at)
		return (int)(at - now_ms());
	while (helpers) {
		struct helper *h = helpers;

		if (!fork()) {
			const int mine[] = { broker.ask, broker.listener, broker.memory,
				broker.console, broker.relay, broker.launcher };

			for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++)
				close(mine[i]);
			os_child_signals();
			h->fn(h->text, h->fd);
			_exit(0);
		}
		helpers = h->next;
		close(h->fd);
		free(h);
	}
	return -1;
}

void openers_open(const struct ask *a)
{
	struct os_opened o = { 0 };
	pid_t pid;

	if (a->value >= (uint64_t)nr_openers || !is_named(a->text)) {
		broker_say("the kernel process may not open \"%.*s\"", (int)strcspn(a->text, "\n"),
			a->text);
		o.err = -EACCES;
		send_opened(&o);
		return;
	}
	errno = EAGAIN;
	pid = has_many_children() ? -1 : fork();
	if (pid < 0) {
		o.err = -errno;
		send_opened(&o);
	}
	if (pid)
		return;
	os_child_signals();
	o.err = openers[a->value](a->text, &o);
	send_opened(&o);
	_exit(0);
}

/* ---- the kernel process ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held from a request to its answer */

/* Receives the answer. Returns the error of the opener, 0 for none, or -EIO without a broker. */
static int receive(int sock, struct os_opened *o)
{
	union {
		char room[CMSG_SPACE(OS_OPENED_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { o, sizeof(*o) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	do {
		n = host_recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*o))
		return -EIO;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		o->nr = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(o->fd, CMSG_DATA(c), o->nr * sizeof(int));
	} else {
		o->nr = 0;
	}
	return o->err;
}

int jail_open(int sock, int opener, const char *text, struct os_opened *o)
{
	int err;

	pthread_mutex_lock(&lock);
	err = broker_ask(sock, ASK_OPEN, (uint64_t)opener, text, NULL, 0);
	if (!err)
		err = receive(sock, o);
	pthread_mutex_unlock(&lock);
	return err;
}
