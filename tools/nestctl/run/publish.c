/* SPDX-License-Identifier: MIT */
/*
 * publish.c: `nestctl run -p` and -P: ports of the host that are forwarded into the instance.
 *
 * A host port that the user leaves open is chosen once, when the options are read. It becomes a
 * word of the kept instance and of the kernel's command line, so that restarts, saved states and
 * rollbacks keep the port that clients know. Another one is chosen only if a process takes the port
 * before the first start listens on it (run_choose_again()).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/service.h"

#define PORT_MAX 65535
#define PORT_TRIES 64
/* limit of the slirp helper (tools/slirp/slirp.h) */
#define FORWARDS_MAX 64
#define LOOPBACK "127.0.0.1"

struct range {
	unsigned int from, to;
};

/* True if @list, of texts "80/tcp -> 127.0.0.1:8080", has the host port. @list may be NULL. */
static bool leads_from(char *const *list, const char *kind, unsigned int port)
{
	for (; list && *list; list++) {
		const char *slash = strchr(*list, '/'), *colon = strrchr(*list, ':');

		if (slash && colon && !strncmp(slash + 1, kind, strlen(kind)) &&
			strtoul(colon + 1, NULL, 10) == port)
			return true;
	}
	return false;
}

/*
 * Checks that no process has the port *port of @address. If *port is 0, sets it to a free port.
 * Returns 0, or the errno of bind(2).
 */
static int bind_port(const char *address, const char *kind, unsigned int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((in_port_t)*port) };
	socklen_t len = sizeof(at);
	int fd, err = 0;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		die("run: -p: %s is not an address", address);
	fd = socket(AF_INET, (strcmp(kind, "udp") ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) ||
		getsockname(fd, (struct sockaddr *)&at, &len))
		err = errno;
	if (fd >= 0)
		close(fd);
	*port = ntohs(at.sin_port);
	return err;
}

/* True if this run or a kept instance, which may start again, has the host port. */
static bool is_ours(const struct run *r, const struct service *all, size_t n, const char *kind,
	unsigned int port)
{
	bool taken = leads_from(r->ports, kind, port);

	for (size_t i = 0; !taken && i < n; i++)
		taken = leads_from(all[i].spec.ports, kind, port);
	return taken;
}

/*
 * Returns a port that no process and no kept instance has. @range: where to search, or NULL for
 * any.
 */
static unsigned int free_port(
	const struct run *r, const char *address, const char *kind, const struct range *range)
{
	size_t n;
	struct service *all = services_all(&n);
	unsigned int last = range ? range->to : PORT_TRIES;

	for (unsigned int i = range ? range->from : 1; i <= last; i++) {
		unsigned int port = range ? i : 0;
		int err = bind_port(address, kind, &port);

		if (err && !range)
			die("run: -p: no port of %s: %s", address, strerror(err));
		if (!err && !is_ours(r, all, n, kind, port))
			return port;
	}
	die("run: -p: no port of %s is free%s", address,
		range ? format(" from %u to %u", range->from, range->to) : "");
}

/* Appends a word, which must stay valid, to a list that ends in NULL. */
static void add_word(char ***list, char *word)
{
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	*list = realloc(*list, (n + 2) * sizeof(**list));
	if (!*list)
		die("out of memory");
	(*list)[n] = word;
	(*list)[n + 1] = NULL;
}

/* Returns the kernel's word for a port. */
static char *forward_text(
	const char *kind, const char *address, unsigned int host, unsigned int guest)
{
	return format("hostfwd=%s:%s:%u-:%u", kind, address, host, guest);
}

static void add_forward(
	struct run *r, const char *address, unsigned int host, unsigned int guest, const char *kind)
{
	const char *text = forward_text(kind, address, host, guest);

	if (r->nr_ports == FORWARDS_MAX)
		die("run: -p: no more than %d ports", FORWARDS_MAX);
	add_word(&r->ports, format("%u/%s -> %s:%u", guest, kind, address, host));
	r->nr_ports++;
	r->forwards = format("%s,%s", r->forwards ? r->forwards : "", text);
	add_word(&r->published, format("%s:%u:%u/%s", address, host, guest, kind));
}

/* Reads a port. True if the whole text is a valid port. */
static bool read_port(const char *text, unsigned int *port)
{
	int used = 0;

	return *text >= '0' && *text <= '9' && sscanf(text, "%5u%n", port, &used) == 1 &&
	       !text[used] && *port && *port <= PORT_MAX;
}

/* Reads PORT or FROM-TO. True if the text is a valid range. */
static bool read_range(const char *text, struct range *range)
{
	size_t n = strcspn(text, "-");

	if (!read_port(format("%.*s", (int)n, text), &range->from))
		return false;
	range->to = range->from;
	return !text[n] || (read_port(text + n + 1, &range->to) && range->to >= range->from);
}

/*
 * Publishes the ports of @guest. @host: as many host ports, or a range to choose them from; NULL:
 * any free ports.
 */
static void add_forwards(struct run *r, const char *address, const struct range *host,
	const struct range *guest, const char *kind)
{
	const bool pairs = host && host->to - host->from == guest->to - guest->from;

	for (unsigned int i = 0; i <= guest->to - guest->from; i++) {
		add_forward(r, address, pairs ? host->from + i : free_port(r, address, kind, host),
			guest->from + i, kind);
		if (!pairs)
			add_word(&r->chosen, format("%s", r->ports[r->nr_ports - 1]));
	}
}

bool run_publish(struct run *r, const char *text)
{
	char *rest = format("%s", text), *slash = strchr(rest, '/'), *colon;
	const char *kind = slash ? slash + 1 : "tcp", *address = LOOPBACK, *from = "";
	struct range host, guest;
	struct in_addr at;

	r->published = NULL;
	if ((strcmp(kind, "tcp") && strcmp(kind, "udp")) ||
		text[strspn(text, "0123456789.:-/tcpud")])
		return false;
	if (slash)
		*slash = '\0';
	colon = strrchr(rest, ':');
	if (!read_range(colon ? colon + 1 : rest, &guest))
		return false;
	if (colon) {
		*colon = '\0';
		from = rest;
		colon = strchr(rest, ':');
		if (colon) {
			*colon = '\0';
			address = rest;
			from = colon + 1;
		}
	}
	if (*from && !read_range(from, &host))
		return false;
	if (*address && inet_pton(AF_INET, address, &at) != 1)
		die("run: -p: %s is not an address", address);
	if (*from && guest.from != guest.to && host.to - host.from != guest.to - guest.from)
		die("run: -p %s: the ranges differ in length", text);
	add_forwards(r, address, *from ? &host : NULL, &guest, kind);
	return true;
}

/* ---- replacing a chosen port that another process has taken ---- */

/* Replaces the text @old in the words that contain it. */
static void replace(char **words, const char *old, const char *with)
{
	for (; words && *words; words++) {
		const char *at = strstr(*words, old);

		/* @old ends in a port: skip a longer number that begins with it */
		if (at && (at[strlen(old)] < '0' || at[strlen(old)] > '9'))
			*words = format(
				"%.*s%s%s", (int)(at - *words), *words, with, at + strlen(old));
	}
}

bool run_choose_again(struct run *r, const char *why)
{
	/* EADDRINUSE, in the words of the kernel's libc, which may be another than nestctl's */
	if (!strstr(why, "in use"))
		return false;
	for (char **p = r->chosen; p && *p; p++) {
		char kind[4], address[64];
		const char *old, *new;
		unsigned int host, guest, port;

		if (sscanf(*p, "%u/%3s -> %63[0-9.]:%u", &guest, kind, address, &host) != 4)
			continue;
		old = forward_text(kind, address, host, guest);
		if (!strstr(why, old))
			continue;
		port = free_port(r, address, kind, NULL);
		new = forward_text(kind, address, port, guest);
		replace((char **)r->argv, old, new);
		replace(r->words, format("%s:%u:%u/%s", address, host, guest, kind),
			format("%s:%u:%u/%s", address, port, guest, kind));
		new = format("%u/%s -> %s:%u", guest, kind, address, port);
		replace(r->ports, *p, new);
		*p = format("%s", new);
		return true;
	}
	return false;
}

/* ---- -P ---- */

/* Publishes the ports of "FROM-TO/PROTOCOL" that are not published yet. */
static void expose(struct run *r, const char *port, void (*keep)(struct run *r))
{
	struct range range = { 1, 0 };
	const char *kind = strchr(port, '/');

	if (!kind || !read_range(format("%.*s", (int)(kind - port), port), &range))
		die("run: -P: the image's port %s is none", port);
	for (unsigned int i = range.from; i <= range.to; i++) {
		const char *one = format("%u%s", i, kind);
		bool published = false;

		for (int j = 0; j < r->nr_ports; j++)
			published = published || (!strncmp(r->ports[j], one, strlen(one)) &&
							 r->ports[j][strlen(one)] == ' ');
		if (published)
			continue;
		if (!run_publish(r, one))
			die("run: -P: the image's port %s is neither tcp nor udp", one);
		keep(r);
	}
}

void run_publish_all(struct run *r, void (*keep)(struct run *r))
{
	const struct image_config c = image_config_read(r->image);

	for (const char **p = image_config_list(&c, 'p'); *p; p++)
		expose(r, strchr(*p, '/') ? *p : format("%s/tcp", *p), keep);
	for (char **p = r->exposed; p && *p; p++)
		expose(r, *p, keep);
}

void run_expose(struct run *r, const char *text)
{
	size_t n = strcspn(text, "/");
	const char *kind = text[n] ? text + n + 1 : "tcp";
	struct range range;

	if (!read_range(format("%.*s", (int)n, text), &range) ||
		(strcmp(kind, "tcp") && strcmp(kind, "udp")))
		die("run: --expose %s: expected PORT[-PORT][/udp]", text);
	add_word(&r->exposed, format("%.*s/%s", (int)n, text, kind));
}
