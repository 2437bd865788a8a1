/* SPDX-License-Identifier: MIT */
/*
 * network.c: configures the cards of the job by DHCP (dhcp.c), the default route and
 * /etc/resolv.conf, at the boot and when links come back.
 *
 * A link may lead to another network than before, of another kind. So after each change settle()
 * computes what depends on several cards from the leases of all of them:
 *
 *	vendor class	the server of a switch knows the names of its own network only. Beside
 *			other name servers it must refuse questions, so that the resolver goes on.
 *	default route	by a card whose lease has a router, not a switch's if there is another
 *	resolv.conf	the servers of switches come first
 *
 * A child waits for the servers' answers, since init may not wait. There is one child at most.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/init/dhcp.h"
#include "tools/init/job.h"

#define CARDS_MAX 16
/* how often a silent server is asked again; seconds before the first time, doubled each time */
#define TRIES 5
#define PAUSE 1
/* glibc and musl ask so many name servers */
#define ASKED 3

struct card {
	char name[IFNAMSIZ];
	uint8_t mac[6]; /* at the boot */
	/* the vendor class that the server knows, a constant text */
	const char *class;
	struct lease lease; /* address 0: no server has answered yet */
	/* the link was there at the last message */
	atomic_bool linked;
	atomic_bool wanted; /* the lease is to be asked for */
};

/* What init and its child share. Cards are added at the boot only. */
static struct network {
	struct card cards[CARDS_MAX];
	int nr;
	char servers[RESOLV_MAX]; /* init's lines of resolv.conf, or "" */
	/* the default route that init has set: its card or NULL, the lease's address and router */
	const struct card *out;
	uint32_t address, router;
} * net;

static const struct job *job;
/* the host name for the servers */
static const char *host;
static pid_t renewer; /* the child, or 0 */
/* an eventfd: a card is wanted */
static int news = -1;
/* the socket with messages about links, or -1 */
static int watch = -1;

#define FOR_EACH_CARD(c) for (struct card *c = net->cards; c < net->cards + net->nr; c++)

/* ---- name servers ---- */

/* True if the job names servers, which replace those of cards except switches. */
static bool has_servers(void)
{
	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'n')
			return true;
	return false;
}

/* Lines of resolv.conf that are being written. */
struct text {
	char bytes[RESOLV_MAX];
	size_t n;
};

static void put(struct text *t, const char *word, const char *value)
{
	const size_t room = sizeof(t->bytes) - t->n;
	const int n = snprintf(t->bytes + t->n, room, "%s %s\n", word, value);

	if (n > 0 && (size_t)n < room)
		t->n += (size_t)n;
	else
		t->bytes[t->n] = '\0';
}

/* Counts the name servers of switches, or those of other cards. */
static int count_servers(bool local)
{
	int n = 0;

	FOR_EACH_CARD(c)
	n += c->lease.local == local ? c->lease.nr_dns : 0;
	return n;
}

/* Writes the name servers number @from to @to - 1 of switches or, unless @local, of the others. */
static void put_servers(struct text *t, bool local, int from, int to)
{
	int n = 0;

	FOR_EACH_CARD(c)
	for (int i = 0; i < c->lease.nr_dns && c->lease.local == local; i++, n++)
		if (n >= from && n < to)
			put(t, "nameserver", inet_ntoa((struct in_addr){ c->lease.dns[i] }));
}

/* Writes the name servers for the names of the world: those of the job or else of cards. */
static void put_world(struct text *t)
{
	if (!has_servers())
		put_servers(t, false, 0, count_servers(false));
	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'n')
			put(t, "nameserver", job->settings[i] + 1);
}

static void put_search(struct text *t)
{
	FOR_EACH_CARD(c)
	if (c->lease.domain[0]) {
		put(t, "search", c->lease.domain);
		return;
	}
}

/*
 * Writes init's lines of resolv.conf. Resolvers ask the first ASKED servers. A server for the names
 * of the world must be among them, so it stands before the switches' servers that no longer fit.
 */
static void write_servers(struct text *t)
{
	const bool world = has_servers() || count_servers(false);
	const int locals = count_servers(true), first = ASKED - world;

	t->n = 0;
	t->bytes[0] = '\0';
	if (!has_servers())
		put_search(t);
	put_servers(t, true, 0, first);
	put_world(t);
	put_servers(t, true, first, locals);
}

/* Reports switches whose names no program will find. */
static void report_left_out(void)
{
	const bool world = has_servers() || count_servers(false);
	const int left = count_servers(true) - (ASKED - world);

	if (left > 0)
		fprintf(stderr,
			"init: " RESOLV_CONF ": programs ask %d name servers, so the names of %d "
			"of the switches are unknown\n",
			ASKED, left);
}

/* ---- what depends on all cards ---- */

/* Returns what a switch's server must know about the other name servers. */
static const char *class_of(const struct card *c)
{
	if (count_servers(true) > 1)
		return DHCP_REFUSE_ALL;
	if (has_servers() || count_servers(false))
		return DHCP_REFUSE_DOTTED;
	return *c->class ? DHCP_REFUSE_NONE : "";
}

/* Returns the host name to send: none from a clone, whose original has the name. */
static const char *name_of(const struct card *c)
{
	uint8_t mac[6];

	return dhcp_mac(c->name, mac) && !memcmp(mac, c->mac, sizeof(mac)) ? host : "";
}

/*
 * Tells the server of each switch the card's vendor class, if that server knows another one. A card
 * without an answer becomes wanted.
 */
static void tell_classes(void)
{
	FOR_EACH_CARD(c)
	{
		const char *class = class_of(c);
		int got;

		if (!c->lease.local || !strcmp(class, c->class))
			continue;
		got = dhcp_renew(c->name, name_of(c), class, &c->lease);
		if (got > 0)
			c->class = class;
		if (!got)
			c->wanted = true;
	}
}

/* Returns the card of the default route, or NULL. */
static const struct card *way_out(void)
{
	const struct card *best = NULL;

	FOR_EACH_CARD(c)
	if (c->lease.router && (!best || (best->lease.local && !c->lease.local)))
		best = c;
	return best;
}

/*
 * Sets the default route, unless it is the route that init has set last: the guest may have changed
 * that route since.
 */
static void set_route(void)
{
	const struct card *c = way_out();
	const uint32_t address = c ? c->lease.address : 0, router = c ? c->lease.router : 0;

	if (c == net->out && address == net->address && router == net->router)
		return;
	if (net->out)
		dhcp_drop_route(net->out->name, net->router);
	if (c)
		dhcp_add_route(c->name, router);
	net->out = c;
	net->address = address;
	net->router = router;
}

/* Computes what depends on all cards, and leaves init's lines of resolv.conf in @t. */
static void settle(struct text *t)
{
	tell_classes();
	set_route();
	write_servers(t);
}

/* ---- the boot ---- */

/* Opens the socket before the first card is configured, whose link may be lost and return then. */
static void open_watch(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	watch = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (watch >= 0 && bind(watch, (struct sockaddr *)&addr, sizeof(addr))) {
		close(watch);
		watch = -1;
	}
}

/* Configures a card, if it is there. */
static void configure(const char *name)
{
	struct card *c = &net->cards[net->nr];

	if (net->nr == CARDS_MAX || !dhcp_mac(name, c->mac))
		return;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->class = "";
	c->linked = true;
	/* a card without an answer stays: its server may come later, when the link comes back */
	dhcp_configure(c->name, host, c->class, &c->lease);
	net->nr++;
}

const char *network_configure(const struct job *j, bool restored)
{
	static struct text t;
	bool good, mounted;

	job = j;
	host = *job->name ? job->name : job->hostname;
	net = mmap(NULL, sizeof(*net), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (net == MAP_FAILED)
		return "the memory of the network";
	open_watch();
	configure("eth0");
	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'd' && strcmp(job->settings[i], "deth0") != 0)
			configure(job->settings[i] + 1);
	settle(&t);
	if (!*t.bytes)
		return NULL;
	report_left_out();
	if (restored)
		resolv_begin();
	good = resolv_write(t.bytes);
	mounted = !good && errno == EBUSY;
	if (good) {
		strcpy(net->servers, t.bytes);
		resolv_written();
	} else {
		resolv_restore();
	}
	/*
	 * A network without name servers is still usable. So a failure counts only if the user has
	 * named servers (--dns), and has mounted no volume at the file.
	 */
	return good || mounted || !has_servers() ? NULL : RESOLV_CONF;
}

/* ---- links that come back ---- */

static bool is_any_wanted(void)
{
	FOR_EACH_CARD(c)
	if (c->wanted)
		return true;
	return false;
}

/* Asks for the leases of the wanted cards. A card stays wanted if no server answers. */
static void renew(void)
{
	static struct text t;

	FOR_EACH_CARD(c)
	if (atomic_exchange(&c->wanted, false) &&
		!dhcp_renew(c->name, name_of(c), c->class, &c->lease))
		c->wanted = true;
	settle(&t);
	if (!strcmp(t.bytes, net->servers) || (job->agent >= 0 && !*net->servers))
		return;
	report_left_out();
	resolv_replace(net->servers, t.bytes);
	strcpy(net->servers, t.bytes);
}

/* closes the pipes of the command in the child */
static void (*close_pipes)(void);

/* Waits for @seconds or until there are news, and takes the news. True if there were any. */
static bool wait_for_news(int seconds)
{
	struct pollfd f = { .fd = news, .events = POLLIN };
	eventfd_t n;

	return poll(&f, 1, seconds * 1000) > 0 && !eventfd_read(news, &n);
}

/*
 * The child: asks until all wanted cards have a lease, or no server has answered for a while. A
 * card without an answer is taken as one without a link, so that the next message wants it again.
 */
static void __attribute__((noreturn)) run_renewer(void)
{
	close_pipes();
	for (int tries = 0;; tries++) {
		renew();
		if (!is_any_wanted())
			_exit(0);
		if (tries == TRIES)
			break;
		if (wait_for_news(PAUSE << tries))
			tries = -1;
	}
	FOR_EACH_CARD(c)
	if (atomic_exchange(&c->wanted, false))
		c->linked = false;
	_exit(0);
}

/* Lets the child ask for the wanted cards, if there are any. */
static void start_renewer(void)
{
	if (!is_any_wanted())
		return;
	if (renewer) {
		eventfd_write(news, 1);
		return;
	}
	renewer = fork();
	if (!renewer)
		run_renewer();
	if (renewer > 0)
		return;
	renewer = 0;
	FOR_EACH_CARD(c)
	if (atomic_exchange(&c->wanted, false))
		c->linked = false;
}

void network_reaped(pid_t pid)
{
	if (pid != renewer)
		return;
	renewer = 0;
	/* a link may have come back while the child ended */
	start_renewer();
}

int network_watch(void (*closes)(void))
{
	close_pipes = closes;
	if (net->nr)
		news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	start_renewer();
	return net->nr ? watch : -1;
}

/* Handles a message about a device: if its link has come back, its lease is wanted. */
static void take_link(const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	bool linked = info->ifi_flags & IFF_RUNNING;
	char name[IFNAMSIZ];

	if (h->nlmsg_type != RTM_NEWLINK || !if_indextoname((unsigned int)info->ifi_index, name))
		return;
	FOR_EACH_CARD(c)
	if (!strcmp(c->name, name) && atomic_exchange(&c->linked, linked) != linked)
		c->wanted = linked;
}

/* Wants the leases of all cards with a link, after messages about them were lost. */
static void take_all(int fd)
{
	FOR_EACH_CARD(c)
	{
		struct ifreq r = { 0 };

		memcpy(r.ifr_name, c->name, sizeof(r.ifr_name));
		c->linked = !ioctl(fd, SIOCGIFFLAGS, &r) && (r.ifr_flags & IFF_RUNNING);
		c->wanted = c->linked;
	}
}

void network_changed(int fd)
{
	static char buf[65536] __attribute__((aligned(8)));
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	int left = (int)n;

	if (n < 0 && errno == ENOBUFS)
		take_all(fd);
	for (struct nlmsghdr *h = (struct nlmsghdr *)buf; n > 0 && NLMSG_OK(h, left);
		h = NLMSG_NEXT(h, left))
		if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			take_link(h);
	start_renewer();
}
