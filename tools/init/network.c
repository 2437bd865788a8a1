/* SPDX-License-Identifier: MIT */
/*
 * network.c: configures the cards of the job by DHCP (dhcp.c), the default route and
 * /etc/resolv.conf.
 *
 * A card beside others whose server knows the names of its network alone has a vendor class
 * (setting d of job.h). The name servers of these cards come first, since the resolver goes on to
 * the next one when they refuse a question. The default route goes by a card without a class.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/init/dhcp.h"
#include "tools/init/job.h"

#define CARDS_MAX 16

/* A configured card, in memory that is shared with children: they renew leases. */
static struct card {
	char name[IFNAMSIZ];
	const char *host, *class; /* as for dhcp_configure() */
	struct lease lease;
	bool linked; /* the link was there at the last message */
} * cards;
static int nr_cards;

/* Configures a card of the text "NAME[ CLASS]". */
static void configure(const struct job *job, const char *text)
{
	size_t n = strcspn(text, " ");
	struct card *c = &cards[nr_cards];

	if (!cards || nr_cards == CARDS_MAX)
		return;
	*c = (struct card){ .host = *job->name ? job->name : job->hostname,
		.class = text + n + (text[n] == ' '),
		.linked = true };
	snprintf(c->name, sizeof(c->name), "%.*s", (int)n, text);
	nr_cards += dhcp_configure(c->name, c->host, c->class, &c->lease);
}

/* Returns the card of the default route: one without a class, or else the first with a router. */
static const struct card *way_out(void)
{
	const struct card *best = NULL;

	for (const struct card *c = cards; c < cards + nr_cards; c++)
		if (c->lease.router && (!best || (*best->class && !*c->class)))
			best = c;
	return best;
}

/* Writes the name servers of the cards with a class, or of those without. */
static void put_servers(FILE *f, bool class)
{
	for (const struct card *c = cards; c < cards + nr_cards; c++)
		for (int i = 0; i < c->lease.nr_dns && !!*c->class == class; i++)
			fprintf(f, "nameserver %s\n",
				inet_ntoa((struct in_addr){ c->lease.dns[i] }));
}

/* True if the job names servers, which replace those of cards without a class. */
static bool has_servers(const struct job *job)
{
	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'n')
			return true;
	return false;
}

/* True if a lease has a name server. */
static bool have_servers(void)
{
	for (int i = 0; i < nr_cards; i++)
		if (cards[i].lease.nr_dns)
			return true;
	return false;
}

static void put_search(FILE *f)
{
	for (int i = 0; i < nr_cards; i++)
		if (cards[i].lease.domain[0]) {
			fprintf(f, "search %s\n", cards[i].lease.domain);
			return;
		}
}

/*
 * Replaces RESOLV_CONF by a new file with the name servers. The image's file has those of another
 * network, and may be a dangling link. False with errno.
 */
static bool write_resolv_conf(const struct job *job, bool restored)
{
	bool given = has_servers(job), good;
	FILE *f;

	resolv_begin(restored);
	f = fopen(RESOLV_CONF, "we");
	if (!f)
		return false;
	if (!given)
		put_search(f);
	put_servers(f, true);
	if (!given)
		put_servers(f, false);
	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'n')
			fprintf(f, "nameserver %s\n", job->settings[i] + 1);
	good = !ferror(f);
	return !fclose(f) && good;
}

const char *network_configure(const struct job *job, bool restored)
{
	const struct card *out;
	bool named = false, good;

	cards = mmap(NULL, CARDS_MAX * sizeof(*cards), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cards == MAP_FAILED)
		cards = NULL;
	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'd') {
			configure(job, job->settings[i] + 1);
			named = true;
		}
	if (!named)
		configure(job, "eth0");
	out = way_out();
	if (out)
		dhcp_route(out->lease.router);
	if (!have_servers() && !has_servers(job))
		return NULL;
	good = write_resolv_conf(job, restored);
	if (good)
		resolv_written();
	else
		resolv_restore();
	/* a network without name servers is still one; but those of --dns were asked for */
	return good || !has_servers(job) ? NULL : RESOLV_CONF;
}

/* ---- links that come back ---- */

int network_watch(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd;

	if (!nr_cards)
		return -1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Replaces each name server of the old lease in RESOLV_CONF by that of the new one. */
static void replace_servers(const struct lease *old, const struct lease *new)
{
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];

	for (int i = 0; i < old->nr_dns && i < new->nr_dns; i++)
		if (old->dns[i] != new->dns[i] &&
			inet_ntop(AF_INET, &old->dns[i], from, sizeof(from)) &&
			inet_ntop(AF_INET, &new->dns[i], to, sizeof(to)))
			resolv_replace(from, to);
}

/*
 * Asks for the card's lease again. If the link leads to another network now, sets its route and its
 * name servers anew.
 */
static void renew(struct card *c)
{
	const struct lease old = c->lease;

	if (!dhcp_renew(c->name, c->host, c->class, &c->lease))
		return;
	if (c->lease.address != old.address && c == way_out())
		dhcp_route(c->lease.router);
	replace_servers(&old, &c->lease);
}

/*
 * Handles a message about a device: if its link has come back, a child renews its lease. The child
 * may wait for the server, and this process may not.
 */
static void take_link(const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	bool linked = info->ifi_flags & IFF_RUNNING;
	char name[IFNAMSIZ];

	if (h->nlmsg_type != RTM_NEWLINK || !if_indextoname((unsigned int)info->ifi_index, name))
		return;
	for (struct card *c = cards; c < cards + nr_cards; c++) {
		if (strcmp(c->name, name) != 0 || c->linked == linked)
			continue;
		c->linked = linked;
		if (linked && !fork()) {
			renew(c);
			_exit(0);
		}
	}
}

void network_changed(int fd)
{
	static char buf[65536] __attribute__((aligned(8)));
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	int left = (int)n;

	for (struct nlmsghdr *h = (struct nlmsghdr *)buf; n > 0 && NLMSG_OK(h, left);
		h = NLMSG_NEXT(h, left))
		if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			take_link(h);
}
