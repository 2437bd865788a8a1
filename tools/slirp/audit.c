/* SPDX-License-Identifier: MIT */
/*
 * audit.c: `audit=FD`: lines of JSON about the guest's connections, its queries to the resolver,
 * and refusals (docs/policy.md). The kernel writes its lines to the same pipe: each line is one
 * write, which a pipe accepts wholly or not at all.
 *
 * A slow reader delays nothing: lines for which the pipe has no room are counted as lost, and a
 * line with that count precedes the next line that is written.
 *
 * A logged address is shown with the last name for which the guest's query returned it. That is no
 * proof: the owner of a name can make it resolve to any address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/slirp/slirp.h"

#define KNOWN_MAX 512
#define RECENT_MAX 256
/* Seconds in which datagrams to one destination are logged only once. */
#define AGAIN_S 60

/* Names of addresses; if there are too many, the oldest are dropped. */
static struct known {
	struct in6_addr addr;
	char name[256];
} known[KNOWN_MAX];
static unsigned nr_known, next_known;

/* Destinations of datagrams that were logged recently. */
static struct recent {
	int fd;
	bool allowed;
	struct in6_addr addr;
	in_port_t port;
	time_t since;
} recent[RECENT_MAX];
static unsigned next_recent;

/* the pipe; how many lines were lost since the last line "lost" */
static int out = -1;
static unsigned long lost;
static char asked[256]; /* name in the last "query" line */
static bool asked_allowed;

const char *audit_open(int fd)
{
	struct stat st;

	/* Writes to a file would hit this process's limit of file sizes. */
	if (fstat(fd, &st) || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return "audit=: expected a pipe";
	out = fd;
	return NULL;
}

/* Writes one line. Returns false if the pipe had no room, or if the line is too long. */
static bool put_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool put_line(const char *fmt, ...)
{
	char line[PIPE_BUF];
	struct timespec now;
	va_list ap;
	ssize_t done;
	int n, m;

	clock_gettime(CLOCK_REALTIME, &now);
	n = snprintf(line, sizeof(line), "{\"time\":%ld.%06ld,\"event\":", (long)now.tv_sec,
		now.tv_nsec / 1000);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	if (m < 0 || (size_t)(n + m) + 2 >= sizeof(line))
		return false;
	n += m;
	line[n++] = '}';
	line[n++] = '\n';
	do
		done = write(out, line, (size_t)n);
	while (done < 0 && errno == EINTR);
	return done == n;
}

/*
 * True if a line may be written now: no line was lost before it, or the loss has been logged.
 * Otherwise counts the caller's line as lost, too.
 */
static bool is_ready(void)
{
	if (out < 0)
		return false;
	if (lost && put_line("\"lost\",\"lines\":%lu", lost))
		lost = 0;
	lost += lost != 0;
	return !lost;
}

/*
 * Escapes a name: a query may contain any bytes, of which only printable ASCII is left unchanged.
 * The next call overwrites the text.
 */
static const char *escaped(const char *name)
{
	static char text[6 * 256 + 1];
	size_t n = 0;

	for (const unsigned char *s = (const unsigned char *)name; *s; s++) {
		if (*s >= 0x7f)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "\\ufffd");
		else if (*s < 0x20 || *s == '"' || *s == '\\')
			n += (size_t)snprintf(text + n, sizeof(text) - n, "\\u%04x", *s);
		else
			text[n++] = (char)*s;
	}
	text[n] = '\0';
	return text;
}

void audit_query(bool allowed, const char *name)
{
	/* A resolver asks for A and AAAA records, and repeats queries: log one line. */
	if (out < 0 || (allowed == asked_allowed && !strcmp(name, asked)) || !is_ready())
		return;
	snprintf(asked, sizeof(asked), "%s", name);
	asked_allowed = allowed;
	lost += !put_line("\"%s\",%s\"name\":\"%s\"", allowed ? "query" : "refused",
		allowed ? "" : "\"what\":\"query\",", escaped(name));
}

void audit_answer(const char *name, const struct in6_addr *a)
{
	struct known *k = NULL;

	if (out < 0)
		return;
	for (unsigned i = 0; i < nr_known && !k; i++)
		if (IN6_ARE_ADDR_EQUAL(&known[i].addr, a))
			k = &known[i];
	if (!k) {
		k = &known[next_known];
		next_known = (next_known + 1) % KNOWN_MAX;
		nr_known += nr_known < KNOWN_MAX;
	}
	k->addr = *a;
	snprintf(k->name, sizeof(k->name), "%s", name);
}

/* Returns the name of which the address was an answer, or NULL. */
static const char *name_of(const struct in6_addr *a)
{
	for (unsigned i = 0; i < nr_known; i++)
		if (IN6_ARE_ADDR_EQUAL(&known[i].addr, a))
			return known[i].name;
	return NULL;
}

/* True for a datagram to a destination that was logged in the last AGAIN_S seconds. */
static bool is_recent(const struct sent *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (unsigned i = 0; i < RECENT_MAX; i++) {
		struct recent *r = &recent[i];

		if (r->since && r->fd == s->fd && r->allowed == s->allowed && r->port == s->port &&
			IN6_ARE_ADDR_EQUAL(&r->addr, &s->addr) && now.tv_sec - r->since < AGAIN_S)
			return true;
	}
	recent[next_recent] =
		(struct recent){ s->fd, s->allowed, s->addr, s->port, now.tv_sec + !now.tv_sec };
	next_recent = (next_recent + 1) % RECENT_MAX;
	return false;
}

static const char *protocol(const struct sent *s)
{
	int proto = 0;
	socklen_t size = sizeof(proto);

	if (!s->datagram)
		return "tcp";
	if (getsockopt(s->fd, SOL_SOCKET, SO_PROTOCOL, &proto, &size))
		return "udp";
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? "icmp" : "udp";
}

void audit_sent(const struct sent *s)
{
	char text[INET6_ADDRSTRLEN];
	const char *name;
	bool v4 = IN6_IS_ADDR_V4MAPPED(&s->addr);
	char port[16] = "";
	const char *proto;

	if (out < 0 || (s->datagram && is_recent(s)) || !is_ready())
		return;
	proto = protocol(s);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &s->addr.s6_addr[12] : s->addr.s6_addr, text,
		sizeof(text));
	name = name_of(&s->addr);
	/* ICMP has another value in place of a port. */
	if (strcmp(proto, "icmp"))
		snprintf(port, sizeof(port), ",\"port\":%u", ntohs(s->port));
	lost += !put_line("\"%s\",%s\"proto\":\"%s\",\"address\":\"%s\"%s%s%s%s",
		s->allowed ? "connect" : "refused", s->allowed ? "" : "\"what\":\"connect\",",
		proto, text, port, name ? ",\"name\":\"" : "", name ? escaped(name) : "",
		name ? "\"" : "");
}
