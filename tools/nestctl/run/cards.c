/* SPDX-License-Identifier: MIT */
/*
 * cards.c: `nestctl run --net`: the network cards of an instance, in the order of the options.
 *
 *	--net switch,A -p 8080:80      eth0 is at the switch; a card of slirp, eth1, is added for -p
 *	--net switch,A --net slirp     the same two cards, without a port
 *	--net switch,A --net switch,B  eth0 and eth1, each in its network
 *
 * Words of -p, --host-loopback, --allow-net and --policy belong to the card of slirp, of which an
 * instance has one at most.
 *
 * Name servers: the switch's server knows the names of its network, and slirp's those of the world.
 * glibc asks the servers in order and goes on only if one refuses a question; musl asks all at once
 * and takes the first answer that is no refusal. So each server must refuse questions for the other
 * ones. init tells the switch what to refuse (setting d of tools/init/job.h), and the card's word
 * names=dotted tells the helper of slirp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/init/dhcp.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

#define SLIRP "slirp"

/* Returns the words of card @i behind "ethN=". */
static const char *words_of(const struct run *r, int i)
{
	return r->nets[i] ?: SLIRP;
}

static bool is_kind(const char *words, const char *kind)
{
	size_t n = strlen(kind);

	return !strncmp(words, kind, n) && (!words[n] || words[n] == ',');
}

/* Returns how many cards are of this kind. *at: the last one. */
static int count(const struct run *r, const char *kind, int *at)
{
	int n = 0;

	for (int i = 0; i < r->nr_nets; i++)
		if (is_kind(words_of(r, i), kind)) {
			*at = i;
			n++;
		}
	return n;
}

bool run_has_net(const struct run *r, const char *kind)
{
	int at;

	return count(r, kind, &at) > 0;
}

void run_add_net(struct run *r, const char *text)
{
	const char *words = run_network_kind(text), *last;
	int at;

	if (r->nr_nets == NETS_MAX)
		die("run: --net: no more than %d cards", NETS_MAX);
	last = r->nr_nets ? words_of(r, r->nr_nets - 1) : NULL;
	r->nets[r->nr_nets++] = words;
	if (last && (is_kind(last, "none") != is_kind(words ?: SLIRP, "none")))
		die("run: --net none and --net %s exclude each other",
			is_kind(last, "none") ? words ?: SLIRP : last);
	if (count(r, SLIRP, &at) > 1)
		die("run: --net slirp: given twice, but an instance has one such card");
}

const char *run_absolute_card(const char *words)
{
	const char *path = strchr(words, ',');

	if (!path || (!is_kind(words, "switch") && !is_kind(words, "vde")))
		return words;
	return format("%.*s,%s", (int)(path - words), words, absolute_path(path + 1));
}

void run_set_nets(struct run *r, const char *only)
{
	r->nets[0] = only;
	r->nr_nets = 1;
}

/* True if a parameter of the user's is for eth@number. */
static bool is_taken(const struct run *r, int number)
{
	const char *begin = format("eth%d=", number);

	for (int i = r->user_from; i < r->user_to; i++)
		if (!strncmp(r->argv[i], begin, strlen(begin)))
			return true;
	return false;
}

/* Returns the option that only a card of slirp can carry out, or NULL. */
static const char *slirp_option(const struct run *r)
{
	return r->forwards ? "-p HOST:GUEST" :
	       r->loopback ? "--host-loopback" :
	       r->allow    ? "--allow-net" :
			     NULL;
}

/* Adds the default card, or that of -p beside a switch. Dies if an option has no card. */
static void complete(struct run *r)
{
	const char *option = slirp_option(r);
	int at, switches = count(r, "switch", &at);

	if (!r->nr_nets && !is_taken(r, 0))
		r->nets[r->nr_nets++] = NULL;
	if (!option || count(r, SLIRP, &at))
		return;
	if (r->forwards && switches && switches == r->nr_nets && switches < NETS_MAX) {
		r->nets[r->nr_nets++] = SLIRP;
		return;
	}
	die("run: %s wants --net slirp%s, not %s", option, switches ? " beside the switch" : "",
		r->nr_nets ? words_of(r, 0) : "none");
}

/*
 * Returns what a card's DHCP request tells the server that other name servers are there, or "". A
 * name without a dot is unknown for good only where a single switch can know it.
 */
static const char *class_of(const struct run *r, const char *words)
{
	int at;

	if (!is_kind(words, "switch") || r->nr_nets < 2)
		return "";
	return count(r, "switch", &at) > 1 ? " " DHCP_REFUSE_ALL : " " DHCP_REFUSE_DOTTED;
}

void run_choose_cards(struct run *r)
{
	int number = 0;

	complete(r);
	for (int i = 0; i < r->nr_nets; i++, number++) {
		while (is_taken(r, number))
			number++;
		r->net_numbers[i] = number;
		if (r->nr_nets > 1 || number)
			run_add_setting(
				r, 'd', format("eth%d%s", number, class_of(r, words_of(r, i))));
	}
}

void run_add_cards(struct run *r)
{
	const bool wanted = slirp_option(r);
	int at;

	for (int i = 0; i < r->nr_nets; i++) {
		const char *words = words_of(r, i);
		const bool slirp = is_kind(words, SLIRP);

		if (is_kind(words, "none"))
			continue;
		run_add(r, format("eth%d=%s%s%s%s%s%s", r->net_numbers[i], words,
				   slirp && r->forwards ? r->forwards : "",
				   slirp && r->allow ? r->allow : "",
				   slirp && r->loopback ? r->loopback : "",
				   slirp && count(r, "switch", &at) ? ",names=dotted" : "",
				   r->nets[i] || wanted || r->nr_nets > 1 ? "" : ",optional"));
	}
}
