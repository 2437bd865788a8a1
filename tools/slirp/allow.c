/* SPDX-License-Identifier: MIT */
/*
 * allow.c: the list of hosts that the guest may reach, words `allow=HOST[:PORT]...`. HOST is an
 * address, a net (10.0.0.0/8), a name, or *.NAME for all its subdomains. Without such a word all
 * hosts are allowed. Words `policy=HOST[:PORT]...` are a second list; a destination must be allowed
 * by both lists.
 *
 * The helper resolves no names. The guest queries the host's resolver through the name server that
 * libslirp offers. Queries for names that the lists do not allow are refused, so that they cannot
 * carry data out. The addresses in the answers to an allowed query are pinned: connections to them
 * are allowed. They stay pinned, since a connection may last long.
 *
 * No field of a message is trusted: each read is checked against the message's end.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "tools/slirp/slirp.h"

#define PINS_MAX 1024
#define TYPE_A 1
#define TYPE_AAAA 28
#define HEAD 12 /* bytes of a message before the question */

/* Pinned addresses of names; if there are too many, the oldest are dropped. */
static struct pin {
	struct in6_addr addr;
	int rule;
} pins[PINS_MAX];
static unsigned nr_pins, next_pin;

/* A DNS message of @n bytes, read up to byte @at. */
struct message {
	const uint8_t *p;
	size_t n, at;
};

/* True if the first @bits bits of both addresses are equal. */
static bool in_net(const struct in6_addr *a, const struct in6_addr *net, int bits)
{
	int bytes = bits / 8, rest = bits % 8;

	return !memcmp(a, net, (size_t)bytes) &&
	       (!rest || !((a->s6_addr[bytes] ^ net->s6_addr[bytes]) >> (8 - rest)));
}

/* True if the rule allows the port, which is in network order. */
static bool has_port(const struct rule *r, in_port_t port)
{
	for (int i = 0; i < r->nr_ports; i++)
		if (htons(r->ports[i]) == port)
			return true;
	return !r->nr_ports;
}

/* True if the address is pinned for the rule. */
static bool has_pin(int rule, const struct in6_addr *a)
{
	for (unsigned i = 0; i < nr_pins; i++)
		if (pins[i].rule == rule && IN6_ARE_ADDR_EQUAL(&pins[i].addr, a))
			return true;
	return false;
}

bool allow_address(const struct config *c, const struct in6_addr *a, in_port_t port)
{
	/* For each of the two lists: @has: the list has rules. @met: one of them allows @a. */
	bool has[2] = { false }, met[2] = { false };

	for (int i = 0; i < c->nr_rules; i++) {
		const struct rule *r = &c->rules[i];

		has[r->policy] = true;
		if (!met[r->policy] && has_port(r, port))
			met[r->policy] = r->name ? has_pin(i, a) : in_net(a, &r->net, r->bits);
	}
	return has[0] <= met[0] && has[1] <= met[1];
}

/*
 * Reads the name at the message's position, without compression, in lower case. Returns false if it
 * is damaged.
 */
static bool read_name(struct message *m, char name[256])
{
	size_t len = 0;

	while (m->at < m->n && m->p[m->at]) {
		size_t label = m->p[m->at++];

		if (label > 63 || label > m->n - m->at || len + label + 2 > 255)
			return false;
		if (len)
			name[len++] = '.';
		for (size_t i = 0; i < label; i++) {
			uint8_t byte = m->p[m->at++];

			/* A dot or zero byte inside a label would read as another name. */
			if (byte == '.' || !byte)
				return false;
			name[len++] = (char)tolower(byte);
		}
	}
	name[len] = 0;
	return m->at++ < m->n;
}

/* Skips a name, which may end with a compression pointer. Returns false if it is damaged. */
static bool skip_name(struct message *m)
{
	while (m->at < m->n && m->p[m->at]) {
		uint8_t label = m->p[m->at];

		if (label >= 0xc0) {
			m->at += 2;
			return m->at <= m->n;
		}
		if (label > 63)
			return false;
		m->at += label + 1U;
	}
	return m->at++ < m->n;
}

static unsigned get16(const struct message *m, size_t at)
{
	return (unsigned)m->p[at] << 8 | m->p[at + 1];
}

/* Reads the name of the only question. False if the message has another form. */
static bool read_question(struct message *m, char name[256])
{
	if (m->n < HEAD || get16(m, 4) != 1)
		return false;
	m->at = HEAD;
	if (!read_name(m, name) || m->n - m->at < 4)
		return false;
	m->at += 4; /* type and class */
	return true;
}

/* True if the rule is for this name. */
static bool names_it(const struct rule *r, const char *name)
{
	size_t n = strlen(name), own;

	if (!r->name)
		return false;
	own = strlen(r->name);
	if (!r->below)
		return !strcmp(r->name, name);
	return n > own + 1 && name[n - own - 1] == '.' && !strcmp(name + n - own, r->name);
}

bool query_name(const void *query, size_t n, char name[256])
{
	struct message m = { query, n, 0 };

	return read_question(&m, name);
}

bool is_dotless_query(const void *query, size_t n)
{
	char name[256];

	return query_name(query, n, name) && *name && !strchr(name, '.');
}

bool allow_query(const struct config *c, const void *query, size_t n)
{
	bool has[2] = { false }, met[2] = { false };
	char name[256];

	if (!query_name(query, n, name))
		return false;
	for (int i = 0; i < c->nr_rules; i++) {
		const struct rule *r = &c->rules[i];

		has[r->policy] = true;
		met[r->policy] = met[r->policy] || names_it(r, name);
	}
	return has[0] <= met[0] && has[1] <= met[1];
}

/* Pins the address for a rule, in place of the oldest pin if there are too many. */
static void pin(const struct in6_addr *a, int rule)
{
	for (unsigned i = 0; i < nr_pins; i++)
		if (pins[i].rule == rule && IN6_ARE_ADDR_EQUAL(&pins[i].addr, a))
			return;
	pins[next_pin] = (struct pin){ *a, rule };
	next_pin = (next_pin + 1) % PINS_MAX;
	nr_pins += nr_pins < PINS_MAX;
}

static void pin_for_all(const struct config *c, const char *name, const struct in6_addr *a)
{
	audit_answer(name, a);
	for (int i = 0; i < c->nr_rules; i++)
		if (names_it(&c->rules[i], name))
			pin(a, i);
}

void allow_answer(const struct config *c, const void *answer, size_t n)
{
	struct message m = { answer, n, 0 };
	struct in6_addr a;
	struct in_addr a4;
	char name[256];

	if (!read_question(&m, name))
		return;
	for (unsigned left = get16(&m, 6); left; left--) {
		unsigned type, size;

		if (!skip_name(&m) || m.n - m.at < 10)
			return;
		type = get16(&m, m.at);
		size = get16(&m, m.at + 8);
		m.at += 10;
		if (size > m.n - m.at)
			return;
		if (type == TYPE_A && size == sizeof(a4)) {
			memcpy(&a4, m.p + m.at, sizeof(a4));
			map_v4(&a, a4);
			pin_for_all(c, name, &a);
		} else if (type == TYPE_AAAA && size == sizeof(a)) {
			memcpy(&a, m.p + m.at, sizeof(a));
			pin_for_all(c, name, &a);
		}
		m.at += size;
	}
}
