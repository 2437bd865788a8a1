/* SPDX-License-Identifier: MIT */
/*
 * config.c: parses the words of nestling-slirp's command line, which are those behind
 * `eth0=slirp,`:
 *
 *      hostfwd=tcp|udp:[ADDR]:PORT-[ADDR]:PORT   forwards the host's port to the guest's; may be
 *                                                given several times
 *      loopback=on|off|PORT[:PORT]...            the servers on the host's loopback that 10.0.2.2
 *                                                and fec0::2 reach: all, none, or those on these
 *                                                ports. Without it none.
 *      ipv6=off
 *      mtu=N
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/slirp/slirp.h"

static char problem[256];

static const char *wrong(const char *word, const char *why)
{
	snprintf(problem, sizeof(problem), "%.150s: %s", word, why);
	return problem;
}

/* Parses "[ADDR]:PORT", ended by @end; advances *s. */
static bool parse_end(const char **s, char end, struct in_addr *addr, int *port)
{
	const char *colon = strchr(*s, ':');
	char text[32], *rest;
	unsigned long n;

	if (!colon || (size_t)(colon - *s) >= sizeof(text))
		return false;
	memcpy(text, *s, (size_t)(colon - *s));
	text[colon - *s] = 0;
	if (text[0] && inet_pton(AF_INET, text, addr) != 1)
		return false;
	if (colon[1] < '0' || colon[1] > '9')
		return false;
	n = strtoul(colon + 1, &rest, 10);
	if (n > 65535 || *rest != end)
		return false;
	*port = (int)n;
	*s = rest + 1;
	return true;
}

static const char *parse_forward(struct config *c, const char *word)
{
	static const char form[] = "wants hostfwd=tcp|udp:[ADDR]:PORT-[ADDR]:PORT";
	const char *s = strchr(word, '=') + 1;
	struct forward *f = &c->forwards[c->nr_forwards];

	if (c->nr_forwards == FORWARDS_MAX)
		return wrong(word, "too many of them");
	f->text = word;
	f->udp = !strncmp(s, "udp:", 4);
	if (!f->udp && strncmp(s, "tcp:", 4))
		return wrong(word, form);
	s += 4;
	if (!parse_end(&s, '-', &f->host, &f->host_port) ||
		!parse_end(&s, 0, &f->guest, &f->guest_port) || !f->guest_port)
		return wrong(word, form);
	c->nr_forwards++;
	return NULL;
}

static const char *parse_switch(const char *word, bool *off)
{
	const char *value = strchr(word, '=') + 1;

	if (strcmp(value, "on") && strcmp(value, "off"))
		return wrong(word, "wants on or off");
	*off = !strcmp(value, "off");
	return NULL;
}

static const char *parse_loopback(struct config *c, const char *word)
{
	const char *s = strchr(word, '=') + 1;
	char *rest;

	c->nr_ports = 0;
	c->loopback = !strcmp(s, "on");
	if (c->loopback || !strcmp(s, "off"))
		return NULL;
	for (;; s = rest + 1) {
		unsigned long port = *s >= '0' && *s <= '9' ? strtoul(s, &rest, 10) : 0;

		if (!port || port > 65535 || (*rest && *rest != ':'))
			return wrong(word, "wants on, off or PORT[:PORT]...");
		if (c->nr_ports == PORTS_MAX)
			return wrong(word, "too many ports");
		c->ports[c->nr_ports++] = (uint16_t)port;
		if (!*rest)
			return NULL;
	}
}

static const char *parse_mtu(struct config *c, const char *word)
{
	char *rest;

	c->mtu = (unsigned)strtoul(strchr(word, '=') + 1, &rest, 10);
	return *rest || c->mtu < 576 || c->mtu > 65500 ? wrong(word, "wants 576 to 65500") : NULL;
}

static const char *parse_word(struct config *c, const char *word)
{
	if (!strncmp(word, "hostfwd=", 8))
		return parse_forward(c, word);
	if (!strncmp(word, "loopback=", 9))
		return parse_loopback(c, word);
	if (!strncmp(word, "ipv6=", 5))
		return parse_switch(word, &c->no_ipv6);
	if (!strncmp(word, "mtu=", 4))
		return parse_mtu(c, word);
	return wrong(word, "unknown; hostfwd=, loopback=, ipv6=, mtu= are known");
}

const char *config_parse(struct config *c, char *const *words)
{
	const char *error = NULL;

	*c = (struct config){ .mtu = 65480 };
	for (; !error && *words; words++)
		error = parse_word(c, *words);
	return error;
}
