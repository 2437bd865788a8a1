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
 * ones. init tells the switch what to refuse (tools/init/network.c), and the card's word
 * names=dotted tells the helper of slirp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

#define SLIRP "slirp"
/* eth0 to eth15 */
#define CARDS 16

/* Returns the words of card @i after "ethN=". */
static const char *words_of(const struct run *r, int i)
{
	return r->nets[i] ?: SLIRP;
}

bool run_is_card(const char *words, const char *kind)
{
	size_t n = strlen(kind);

	return !strncmp(words, kind, n) && (!words[n] || words[n] == ',');
}

/* Returns how many cards are of this kind. *at: the last one. */
static int count(const struct run *r, const char *kind, int *at)
{
	int n = 0;

	for (int i = 0; i < r->nr_nets; i++)
		if (run_is_card(words_of(r, i), kind)) {
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
	if (last && (run_is_card(last, "none") != run_is_card(words ?: SLIRP, "none")))
		die("run: --net none and --net %s exclude each other",
			run_is_card(last, "none") ? words ?: SLIRP : last);
	if (count(r, SLIRP, &at) > 1)
		die("run: --net slirp: given twice, but an instance has one such card");
}

const char *run_absolute_card(const char *words)
{
	const char *path = strchr(words, ',');

	if (!path || (!run_is_card(words, "switch") && !run_is_card(words, "vde")))
		return words;
	return format("%.*s,%s", (int)(path - words), words, absolute_path(path + 1));
}

void run_set_nets(struct run *r, const char *only)
{
	r->nets[0] = only;
	r->nr_nets = 1;
}

/* Returns the words of a parameter of the user's for eth@number, or NULL. */
static const char *taken(const struct run *r, int number)
{
	const char *begin = format("eth%d=", number);

	for (int i = r->user_from; i < r->user_to; i++)
		if (!strncmp(r->argv[i], begin, strlen(begin)))
			return r->argv[i] + strlen(begin);
	return NULL;
}

/* True if a card of the list or of a parameter is at a switch. */
static bool has_switch(const struct run *r)
{
	int at;

	for (int i = 0; i < CARDS; i++)
		if (taken(r, i) && run_is_card(taken(r, i), "switch"))
			return true;
	return count(r, "switch", &at) > 0;
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

	if (!r->nr_nets && !taken(r, 0))
		r->nets[r->nr_nets++] = NULL;
	if (!option || count(r, SLIRP, &at))
		return;
	if (r->forwards && switches && switches == r->nr_nets) {
		if (switches == NETS_MAX)
			die("run: no more than %d cards: -p HOST:GUEST needs one of slirp",
				NETS_MAX);
		r->nets[r->nr_nets++] = SLIRP;
		return;
	}
	die("run: %s needs --net slirp%s, not %s", option, switches ? " beside the switch" : "",
		r->nr_nets ? words_of(r, 0) : "none");
}

void run_choose_cards(struct run *r)
{
	int number = 0;

	complete(r);
	for (int i = 0; i < r->nr_nets; i++, number++) {
		while (taken(r, number))
			number++;
		r->net_numbers[i] = number;
		/* init configures eth0 in any case */
		if (number)
			run_add_setting(r, 'd', format("eth%d", number));
	}
}

void run_add_cards(struct run *r)
{
	const bool wanted = slirp_option(r), dotted = has_switch(r);

	for (int i = 0; i < r->nr_nets; i++) {
		const char *words = words_of(r, i);
		const bool slirp = run_is_card(words, SLIRP);

		if (run_is_card(words, "none"))
			continue;
		run_add(r, format("eth%d=%s%s%s%s%s%s", r->net_numbers[i], words,
				   slirp && r->forwards ? r->forwards : "",
				   slirp && r->allow ? r->allow : "",
				   slirp && r->loopback ? r->loopback : "",
				   slirp && dotted ? ",names=dotted" : "",
				   r->nets[i] || wanted || r->nr_nets > 1 ? "" : ",optional"));
	}
}
