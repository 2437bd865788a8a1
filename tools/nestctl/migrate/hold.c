/* SPDX-License-Identifier: MIT */
/* hold.c: the client of the management console's "state hold" (drivers/mconsole/hold_host.h). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"

#define REPLY_MS 60000

/* Dies with the reason why the instance could not be held. */
static void __attribute__((noreturn)) failed(struct hold *h)
{
	size_t len;
	int err = 0;
	char *text;

	h->console.wait_ms = REPLY_MS;
	h->console.step_ms = 200;
	text = umid_reply(&h->console, &err, &len);
	if (!text)
		die("%s: the instance has ended", h->in->name);
	text[strcspn(text, "\n")] = '\0';
	die("%s: %s", h->in->name, *text ? text : strerror(err < 0 ? -err : EIO));
}

/*
 * Returns the kernel's next letter, or 0 if the kernel has ended. @c: a connection to keep alive
 * while waiting, or NULL.
 */
static char hear(struct hold *h, struct conn *c)
{
	char letter = 0;
	ssize_t n;

	if (c)
		conn_await(c, h->channel);
	do
		n = recv(h->channel, &letter, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 ? letter : 0;
}

struct hold hold_begin(const struct instance *in, const char *dir, struct conn *c)
{
	struct hold h = { .in = in };
	int pair[2];
	char letter;

	umid_connect(&h.console, in->folder);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %s", strerror(errno));
	h.channel = pair[0];
	if (!umid_send(&h.console, format("state hold %s", dir), &pair[1], 1))
		die("%s: the instance has ended", in->name);
	close(pair[1]);
	if (hear(&h, c) != 'h')
		failed(&h);
	while ((letter = hear(&h, NULL)) != '\n') {
		if (!letter)
			failed(&h);
		if (letter != ' ')
			h.ns = h.ns * 10 + (uint64_t)(letter - '0');
	}
	return h;
}

bool hold_commit(struct hold *h)
{
	return send(h->channel, "c", 1, MSG_NOSIGNAL) == 1 && hear(h, NULL) == 'c';
}

bool hold_release(struct hold *h)
{
	size_t len;
	int err;
	char *text;
	bool answers;

	if (send(h->channel, "g", 1, MSG_NOSIGNAL) != 1)
		return false;
	h->console.wait_ms = REPLY_MS;
	text = umid_reply(&h->console, &err, &len);
	answers = text;
	free(text);
	hold_leave(h);
	return answers;
}

void hold_leave(struct hold *h)
{
	close(h->channel);
	close(h->console.fd);
	h->channel = -1;
}
