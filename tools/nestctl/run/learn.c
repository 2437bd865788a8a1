/* SPDX-License-Identifier: MIT */
/*
 * learn.c: see learn.h. A policy is learned from the lines of the audit (audit.c), which may also
 * be written to a file.
 *
 * A field is found by its key, without parsing the whole line. A text cannot contain a key, since
 * quotes in texts have a backslash in front.
 *
 * Locks: none. Lines come from the audit's thread, which has ended before the policy is written.
 */
#include "tools/nestctl/run/learn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/run/audit.h"
#include "tools/nestctl/run/policy.h"
#include "tools/nestctl/run/run.h"

#define TEXT_MAX 1024
#define ENDS_MAX 512 /* one rule of the policy for each port */
#define FOLDERS_MAX 64
#define REFUSED_MAX 16
#define DNS_PORT 53
#define MIB (1UL << 20)

/*
 * A host to which the guest has connected, by name or address. @port 0: a datagram without a port.
 */
struct end {
	char *host;
	unsigned port;
};

static const char *file;
/* destinations of connections, and names that the guest has resolved */
static struct end ends[ENDS_MAX], queries[ENDS_MAX];
static int nr_ends, nr_queries;
/* ports of the host's loopback */
static unsigned loopback[ENDS_MAX];
static int nr_loopback;
static char *written[FOLDERS_MAX]; /* host folders written to */
static int nr_written;
static char *refused[REFUSED_MAX];
static int nr_refused;
/* a list was full: the policy lacks something */
static bool is_full;
/* limits that the run needed; @memory in bytes; 0: unknown */
static unsigned long memory, pids, cpus;

/* ---- fields of a line ---- */

/* Returns the text after @key in a line, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	char *mark = format(",\"%s\":", key), *at = strstr(line, mark);

	at += at ? strlen(mark) : 0;
	free(mark);
	return at;
}

/* Returns the number after @key in a line, or 0. */
static unsigned long number_of(const char *line, const char *key)
{
	const char *at = value_of(line, key);

	return at ? strtoul(at, NULL, 10) : 0;
}

/* Copies a text with its escapes undone. True if there is one and it fits into @text. */
static bool text_of(const char *line, const char *key, char text[TEXT_MAX])
{
	const char *s = value_of(line, key);
	size_t n = 0;

	if (!s || *s++ != '"')
		return false;
	for (; *s && *s != '"' && n + 1 < TEXT_MAX; s++) {
		unsigned c;

		if (*s != '\\') {
			text[n++] = *s;
		} else if (!*++s) {
			return false;
		} else if (*s == 'u' && strspn(s + 1, "0123456789abcdefABCDEF") >= 4 &&
			   sscanf(s + 1, "%4x", &c) == 1) {
			text[n++] = c < 0x80 ? (char)c : '?';
			s += 4;
		} else {
			text[n++] = *s;
		}
	}
	text[n] = '\0';
	return *s == '"';
}

/* ---- what was seen ---- */

/* Adds an element, unless the list has it. If the list is full, sets is_full. */
static void add_end(struct end *list, int *n, const char *host, unsigned port)
{
	for (int i = 0; i < *n; i++)
		if (list[i].port == port && !strcmp(list[i].host, host))
			return;
	if (*n == ENDS_MAX) {
		is_full = true;
		return;
	}
	list[(*n)++] = (struct end){ format("%s", host), port };
}

/* Adds a port of the host's loopback, unless it is there or the list is full. */
static void add_port(unsigned port)
{
	for (int i = 0; i < nr_loopback; i++)
		if (loopback[i] == port)
			return;
	if (nr_loopback == ENDS_MAX)
		is_full = true;
	else
		loopback[nr_loopback++] = port;
}

/* Adds a copy of @text to a list, unless it is there or the list is full. */
static void add_text(char **list, int *n, int most, const char *text)
{
	for (int i = 0; i < *n; i++)
		if (!strcmp(list[i], text))
			return;
	if (*n < most)
		list[(*n)++] = format("%s", text);
	else
		is_full = true;
}

/* True for an address of the host's loopback. */
static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strncmp(address, "0.", 2) ||
	       !strcmp(address, "::1") || !strcmp(address, "::");
}

/* True for a name that may appear in a policy. */
static bool is_plain(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")];
}

/* Records the destination of a connection, by name if the guest has resolved one. */
static void see_connect(const char *line)
{
	char address[TEXT_MAX], name[TEXT_MAX];
	unsigned port = (unsigned)number_of(line, "port");

	if (!text_of(line, "address", address))
		return;
	if (is_loopback(address))
		add_port(port);
	else if (text_of(line, "name", name) && is_plain(name))
		add_end(ends, &nr_ends, name, port);
	else
		add_end(ends, &nr_ends, strchr(address, ':') ? format("[%s]", address) : address,
			port);
}

static void see_refused(const char *line)
{
	char what[TEXT_MAX], where[TEXT_MAX] = "";
	unsigned long port = number_of(line, "port");

	if (!text_of(line, "what", what))
		return;
	if (!text_of(line, "address", where) && !text_of(line, "name", where))
		text_of(line, "volume", where);
	for (char *s = where; *s; s++)
		*s = *s >= 0x20 && *s < 0x7f ? *s : '?';
	add_text(refused, &nr_refused, REFUSED_MAX,
		port ? format("%s %s %lu", what, where, port) : format("%s %s", what, where));
}

static void see_usage(const char *line)
{
	memory = number_of(line, "memory");
	pids = number_of(line, "pids");
	cpus = number_of(line, "cpus");
}

/* Takes a line of the audit. Called on the audit's thread. */
static void see(const char *line)
{
	static const char *const changes[] = { "open", "create", "remove", "truncate", "change",
		"rename", "exchange", "link" };
	char event[TEXT_MAX], text[TEXT_MAX];

	if (!text_of(line, "event", event))
		return;
	if (!strcmp(event, "connect"))
		see_connect(line);
	else if (!strcmp(event, "refused"))
		see_refused(line);
	else if (!strcmp(event, "usage"))
		see_usage(line);
	else if (!strcmp(event, "query") && text_of(line, "name", text) && is_plain(text))
		add_end(queries, &nr_queries, text, DNS_PORT);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strcmp(event, changes[i]) && text_of(line, "volume", text))
			add_text(written, &nr_written, FOLDERS_MAX, text);
}

void learn_begin(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dir = slash ? format("%.*s", (int)(slash - name) + 1, name) : ".";
	struct stat st;

	if (file)
		die("run: --learn: given twice");
	if (!lstat(name, &st))
		die("run: --learn %s: %s", name, strerror(EEXIST));
	if (!*name || errno != ENOENT || access(dir, W_OK | X_OK))
		die("run: --learn '%s': %s", name, strerror(errno));
	file = name;
	audit_listen(see);
}

/* ---- the policy ---- */

/* True if the guest has connected to @name. */
static bool is_connected(const char *name)
{
	for (int i = 0; i < nr_ends; i++)
		if (!strcmp(ends[i].host, name))
			return true;
	return false;
}

static void write_network(FILE *f)
{
	/* for a name without a connection allow port 53, so that the guest can resolve it */
	for (int i = 0; i < nr_queries; i++)
		if (!is_connected(queries[i].host))
			add_end(ends, &nr_ends, queries[i].host, DNS_PORT);
	if (!nr_ends && !nr_loopback)
		fputs("network = off\n", f);
	for (int i = 0; i < nr_ends; i++)
		if (ends[i].port)
			fprintf(f, "allow-net = %s:%u\n", ends[i].host, ends[i].port);
		else
			fprintf(f, "allow-net = %s\n", ends[i].host);
	/* if only the host's loopback was needed, a list that matches no host forbids all others */
	if (nr_loopback && !nr_ends)
		fputs("allow-net = 0.0.0.0\n", f);
	for (int i = 0; i < nr_loopback; i++)
		fprintf(f, "%s%u%s", i ? "," : "host-loopback = ", loopback[i],
			i + 1 == nr_loopback ? "\n" : "");
}

/* Writes the volumes, read-only where the guest wrote nothing. */
static void write_volumes(FILE *f, const struct run *r)
{
	for (int i = 0; i < r->nr_volumes; i++) {
		const struct volume *v = &r->volumes[i];
		bool rdonly = true;

		for (int k = 0; k < nr_written; k++)
			rdonly = rdonly && strcmp(written[k], v->host);
		fprintf(f, "volume = %s:%s%s\n", v->host, v->guest, rdonly ? ":ro" : "");
	}
}

/* Writes the limits. They exceed what the run used if that varies from run to run. */
static void write_limits(FILE *f, unsigned long seconds)
{
	if (memory)
		fprintf(f, "memory = %luM\n", (memory + memory / 2) / MIB + 64);
	if (pids)
		fprintf(f, "pids = %lu\n", pids + pids / 2 + 4);
	if (cpus)
		fprintf(f, "cpus = %lu\n", cpus);
	fprintf(f, "timeout = %lu\n", 2 * seconds + 30);
	if (!memory)
		fputs("# memory, pids and cpus are not known: the instance did not end in order\n",
			f);
}

void learn_end(const struct run *r, int status, unsigned long seconds)
{
	char *text = NULL;
	size_t size;
	FILE *f;
	int fd;

	if (!file)
		return;
	f = open_memstream(&text, &size);
	if (!f)
		die("out of memory");
	fprintf(f, "# what a run of %lu s needed, which ended with status %d\n", seconds, status);
	write_network(f);
	write_volumes(f, r);
	write_limits(f, seconds);
	for (int i = 0; i < nr_refused; i++)
		fprintf(f, "# refused: %s\n", refused[i]);
	if (is_full)
		fputs("# this is not all: the run had more than a policy can have\n", f);
	if (fclose(f))
		die("out of memory");
	fd = output_open(file);
	write_all(fd, text, size, file);
	output_finish(fd, file, false);
	free(text);
}
