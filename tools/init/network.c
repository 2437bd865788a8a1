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
#include <stdio.h>
#include <string.h>

#include "tools/init/dhcp.h"
#include "tools/init/job.h"

#define CARDS_MAX 16

/* A configured card. */
static struct card {
	const char *class;
	struct lease lease;
} cards[CARDS_MAX];
static int nr_cards;

/* Configures a card of the text "NAME[ CLASS]". */
static void configure(const struct job *job, const char *text)
{
	const char *host = *job->name ? job->name : job->hostname;
	size_t n = strcspn(text, " ");
	struct card *c = &cards[nr_cards];
	char name[16];

	if (nr_cards == CARDS_MAX)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	c->class = text + n + (text[n] == ' ');
	nr_cards += dhcp_configure(name, host, c->class, &c->lease);
}

/* Sets the default route: by a card without a class, or else by the first with a router. */
static void route(void)
{
	const struct card *best = NULL;

	for (const struct card *c = cards; c < cards + nr_cards; c++)
		if (c->lease.router && (!best || (*best->class && !*c->class)))
			best = c;
	if (best)
		dhcp_route(best->lease.router);
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
	bool named = false, good;

	for (int i = 0; i < job->nr_settings; i++)
		if (*job->settings[i] == 'd') {
			configure(job, job->settings[i] + 1);
			named = true;
		}
	if (!named)
		configure(job, "eth0");
	route();
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
