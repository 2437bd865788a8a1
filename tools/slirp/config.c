/* SPDX-License-Identifier: MIT */
/*
 * config.c: parses the words of nestling-slirp's command line, which are those after `eth0=slirp,`:
 *
 *      hostfwd=tcp|udp:[ADDR]:PORT-[ADDR]:PORT   forwards the host's port to the guest's; may be
 *                                                given several times
 *      loopback=on|off|PORT[:PORT]...            the servers on the host's loopback that 10.0.2.2
 *                                                and fec0::2 reach: all, none, or those on these
 *                                                ports. Without this word none.
 *      allow=HOST[:PORT]...                      what the guest may reach: a name, *.NAME, an
 *                                                address (of IPv6 in brackets) or a net. May be
 *                                                given several times. Without such a word
 *                                                everything.
 *      policy=HOST[:PORT]...                     a second list: both lists must allow a host
 *      audit=FD                                  writes a line for each connection and each
 *                                                refusal to this pipe
 *      answered=FD                               writes a byte to this pipe and closes it when
 *                                                the first message, "ok" or an error, is sent
 *      names=dotted|all                          dotted: DNS questions for names without a dot
 *                                                are refused, since the server of another network
 *                                                of the guest answers them
 *      ipv6=off
 *      mtu=N
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/slirp/slirp.h"

static char problem[256];

/*
 * Returns a message about a word. The next call overwrites it. Parsers return NULL or this message.
 */
static const char *wrong(const char *word, const char *why)
{
	snprintf(problem, sizeof(problem), "%.150s: %s", word, why);
	return problem;
}

/* Parses "[ADDR]:PORT", which must be followed by @end; advances *s. */
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
	static const char form[] = "expected hostfwd=tcp|udp:[ADDR]:PORT-[ADDR]:PORT";
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
		return wrong(word, "expected on or off");
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
			return wrong(word, "expected on, off or PORT[:PORT]...");
		if (c->nr_ports == PORTS_MAX)
			return wrong(word, "too many ports");
		c->ports[c->nr_ports++] = (uint16_t)port;
		if (!*rest)
			return NULL;
	}
}

/* Parses a host as an address or a net. Returns false if it is neither. */
static bool parse_net(struct rule *r, char *host)
{
	char *slash = strchr(host, '/'), *rest;
	struct in_addr a4;
	bool is_v4;

	if (slash)
		*slash = 0;
	is_v4 = inet_pton(AF_INET, host, &a4) == 1;
	if (is_v4)
		map_v4(&r->net, a4);
	else if (inet_pton(AF_INET6, host, &r->net) != 1)
		return false;
	r->bits = slash ? (int)strtoul(slash + 1, &rest, 10) : is_v4 ? 32 : 128;
	if (slash && (slash[1] < '0' || slash[1] > '9' || *rest || strlen(slash) > 4))
		return false;
	if (is_v4)
		r->bits += 96;
	return r->bits <= 128;
}

/* Copies the host of "HOST:80:443" or "[HOST]:80" to @host; returns the text behind it, or NULL. */
static const char *take_host(const char *s, char *host, size_t size)
{
	bool bracket = *s == '[';
	size_t n = strcspn(s + bracket, bracket ? "]" : ":");

	if (!n || n >= size || (bracket && s[n + 1] != ']'))
		return NULL;
	memcpy(host, s + bracket, n);
	host[n] = 0;
	return s + n + 2 * bracket;
}

/* Parses ":80:443". Returns false if it is damaged. */
static bool parse_ports(struct rule *r, const char *s)
{
	while (*s) {
		char *rest;
		unsigned long port =
			*s == ':' && s[1] >= '0' && s[1] <= '9' ? strtoul(s + 1, &rest, 10) : 0;

		if (!port || port > 65535 || r->nr_ports == PORTS_MAX)
			return false;
		r->ports[r->nr_ports++] = (uint16_t)port;
		s = rest;
	}
	return true;
}

static const char *parse_allow(struct config *c, const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	struct rule *r = &c->rules[c->nr_rules];
	char host[256], net[256];
	const char *s = take_host(strchr(word, '=') + 1, host, sizeof(host));

	if (c->nr_rules == RULES_MAX)
		return wrong(word, "too many of them");
	*r = (struct rule){ .policy = word[0] == 'p' };
	if (!s || !parse_ports(r, s))
		return wrong(word, "expected HOST[:PORT]...");
	strcpy(net, host);
	if (!parse_net(r, net)) {
		r->below = !strncmp(host, "*.", 2);
		for (char *p = host; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
		r->name = strdup(host + 2 * r->below);
		if (!r->name || !*r->name || r->name[strspn(r->name, letters)])
			return wrong(word, "neither an address nor a name");
	}
	c->nr_rules++;
	return NULL;
}

static const char *parse_names(struct config *c, const char *word)
{
	const char *value = strchr(word, '=') + 1;

	c->dotted_names = !strcmp(value, "dotted");
	return c->dotted_names || !strcmp(value, "all") ? NULL :
							  wrong(word, "expected dotted or all");
}

static const char *parse_mtu(struct config *c, const char *word)
{
	char *rest;

	c->mtu = (unsigned)strtoul(strchr(word, '=') + 1, &rest, 10);
	return *rest || c->mtu < 576 || c->mtu > 65500 ? wrong(word, "expected 576 to 65500") :
							 NULL;
}

static const char *parse_fd(const char *word, int *to)
{
	const char *s = strchr(word, '=') + 1;
	char *rest;
	unsigned long fd = *s >= '0' && *s <= '9' ? strtoul(s, &rest, 10) : 0;

	if (fd <= SLIRP_FD || fd > 1024 || *rest)
		return wrong(word, "expected a descriptor");
	*to = (int)fd;
	return NULL;
}

static const char *parse_word(struct config *c, const char *word)
{
	if (!strncmp(word, "hostfwd=", 8))
		return parse_forward(c, word);
	if (!strncmp(word, "loopback=", 9))
		return parse_loopback(c, word);
	if (!strncmp(word, "allow=", 6) || !strncmp(word, "policy=", 7))
		return parse_allow(c, word);
	if (!strncmp(word, "names=", 6))
		return parse_names(c, word);
	if (!strncmp(word, "ipv6=", 5))
		return parse_switch(word, &c->no_ipv6);
	if (!strncmp(word, "mtu=", 4))
		return parse_mtu(c, word);
	if (!strncmp(word, "audit=", 6))
		return parse_fd(word, &c->audit);
	if (!strncmp(word, "answered=", 9))
		return parse_fd(word, &c->answered);
	return wrong(word,
		"unknown; hostfwd=, loopback=, allow=, policy=, names=, ipv6=, mtu= are known");
}

const char *config_parse(struct config *c, char *const *words)
{
	const char *error = NULL;

	*c = (struct config){ .mtu = 65480, .audit = -1, .answered = -1 };
	for (; !error && *words; words++)
		error = parse_word(c, *words);
	return error;
}
