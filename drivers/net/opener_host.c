/* SPDX-License-Identifier: MIT */
/*
 * opener_host.c: links of a jailed process, which has no socket(2), connect(2) or fork(2). The link
 * is opened in a child of the broker (os-linux/jail/openers.c), from the value of the card's
 * parameter. The child sends back its descriptors and properties.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/net/internal_host.h"
#include "os-linux/host.h"

/* Properties that come back with the descriptors, in os_opened's text. */
struct opened {
	uint32_t header;
	bool tap;
	/* True if the second descriptor is net_host.out; else it is net_host.control. */
	bool has_out;
	char name[16];
};
_Static_assert(sizeof(struct opened) <= sizeof(((struct os_opened *)0)->text), "it fits");

static const struct {
	const char *name;
	const struct net_link *link;
} kinds[] = {
	{ "slirp", &slirp_link },
	{ "tuntap", &tap_link },
	{ "switch", &switch_link },
	{ "vde", &vde_link },
	{ "mcast", &mcast_link },
};

/* True for a word for the front end (drivers/net/cards.c), which the link must ignore. */
static bool is_of_front_end(const char *word, const struct net_link *link)
{
	return (strlen(word) == 17 && word[2] == ':' && word[5] == ':') ||
	       !strcmp(word, "optional") || !strncmp(word, "queues=", 7) ||
	       (!strncmp(word, "mtu=", 4) && link != &slirp_link);
}

/*
 * Parses a value: returns the kind of link, the number of queues, and the link's words. @args has
 * room for the whole value.
 */
static const struct net_link *parse(char *value, char *args, unsigned int *queues)
{
	char *kind = strsep(&value, ","), *word;
	const struct net_link *link = NULL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i].name))
			link = kinds[i].link;
	*args = 0;
	while (link && (word = strsep(&value, ","))) {
		sscanf(word, "queues=%u", queues);
		if (*word && !is_of_front_end(word, link)) {
			if (*args)
				strcat(args, ",");
			strcat(args, word);
		}
	}
	return link;
}

/*
 * Opens a further queue of the device that the value names. Refuses if the host has to choose the
 * device's name: the name of the first queue's device could only come from the kernel process,
 * which is not trusted.
 */
static int take_device(struct net_host *h, struct net_host *first)
{
	size_t n = strcspn(h->args, ",");

	if (!n || n >= sizeof(first->name))
		return net_fail(h, EPERM, "%s: several queues want the name of a device", h->args);
	memcpy(first->name, h->args, n);
	h->first = first;
	return 0;
}

static int open_link(struct net_host *h)
{
	int err = h->link->check(h);

	while (!err && (err = h->link->open(h)) == -EINPROGRESS) {
		struct pollfd p = { .fd = h->asked, .events = POLLIN };
		uint64_t now = net_now_ms();

		poll(&p, 1, h->give_up > now ? (int)(h->give_up - now) : 0);
		err = 0;
	}
	return err;
}

/* Runs in the broker's child. @text is "VALUE", or "VALUE\nmore" for a further queue. */
static int open_for_jailed(const char *text, struct os_opened *o)
{
	struct net_host h = { .queues = 1,
		.helper_end = -1,
		.fd = -1,
		.parked = -1,
		.out = -1,
		.control = -1,
		.asked = -1,
		.half = -1 };
	struct net_host first = { 0 };
	const char *end = strchr(text, '\n');
	char *value = strndup(text, end ? (size_t)(end - text) : strlen(text));
	char *args = calloc(1, strlen(text) + 1);
	int err = -ENOMEM;

	if (value && args) {
		h.link = parse(value, args, &h.queues);
		h.args = args;
		err = h.link ? 0 : -EINVAL;
		if (!err && end)
			err = take_device(&h, &first);
		if (!err)
			err = open_link(&h);
	}
	if (err) {
		memcpy(o->text, h.err, sizeof(o->text) - 1);
	} else {
		struct opened answer = { h.header, h.tap, h.out >= 0, "" };

		memcpy(answer.name, h.name, sizeof(answer.name));
		memcpy(o->text, &answer, sizeof(answer));
		o->fd[o->nr++] = h.fd;
		if (h.out >= 0 || h.control >= 0)
			o->fd[o->nr++] = h.out >= 0 ? h.out : h.control;
	}
	free(value);
	free(args);
	return err;
}

/* ---- the kernel process ---- */

static int opener = -1, nowhere = -1;

/*
 * Prepares before the jail closes: registers the opener, makes an unconnected socket of a kind that
 * cannot send to an address, and has helpers started.
 */
static void prepare(void)
{
	if (os_jail_is_open())
		nowhere = net_nowhere();
	opener = os_jail_opener(open_for_jailed);
	slirp_at_jail();
}

int net_nowhere(void)
{
	if (nowhere >= 0)
		return fcntl(nowhere, F_DUPFD_CLOEXEC, 3);
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

int net_host_setup(void)
{
	static bool done;

	if (done)
		return 0;
	done = true;
	return os_at_jail(prepare);
}

int net_jailed_open(struct net_host *h)
{
	struct os_opened o = { 0 };
	struct opened answer;
	char *text = NULL;
	int err;

	if (h->first && asprintf(&text, "%s\nmore", h->value) < 0)
		return net_fail(h, ENOMEM, "%s", strerror(ENOMEM));
	err = os_jail_open(opener, text ? text : h->value, &o);
	free(text);
	o.text[sizeof(o.text) - 1] = 0;
	if (!err && !o.nr)
		return net_fail(h, EIO, "%s", strerror(EIO));
	if (err)
		return net_fail(h, -err, "%s", *o.text ? o.text : strerror(-err));
	memcpy(&answer, o.text, sizeof(answer));
	h->fd = o.fd[0];
	h->control = o.nr > 1 && !answer.has_out ? o.fd[1] : -1;
	if (o.nr > 1 && answer.has_out)
		net_set_out(h, o.fd[1]);
	h->tap = answer.tap;
	h->header = answer.header;
	memcpy(h->name, answer.name, sizeof(h->name));
	return 0;
}
