/* SPDX-License-Identifier: MIT */
/*
 * publish.c: `nestctl run -p` and -P: ports of the host that lead into the instance.
 *
 * A host port that the user leaves open is chosen once, when the options are read. It is a word of
 * a kept instance and of the kernel's command line from then on, so that restarts, saved states and
 * rollbacks have the port that was told to clients.
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
#define LOOPBACK "127.0.0.1"

/* True if a list of "80/tcp -> 127.0.0.1:8080" has the port of the host. @list: or NULL. */
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

/* Returns a port of the address that no process has. Dies if there is none. */
static unsigned int unused_port(const char *address, const char *kind)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd =
		socket(AF_INET, (strcmp(kind, "udp") ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		die("run: -p: %s is not an address", address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
		getsockname(fd, (struct sockaddr *)&at, &len))
		die("run: -p: no port of %s: %s", address, strerror(errno));
	close(fd);
	return ntohs(at.sin_port);
}

/* Returns one that no kept instance has either, which may run again. */
static unsigned int free_port(const struct run *r, const char *address, const char *kind)
{
	size_t n;
	struct service *all = services_all(&n);

	for (int i = 0; i < PORT_TRIES; i++) {
		unsigned int port = unused_port(address, kind);
		bool taken = leads_from(r->ports, kind, port);

		for (size_t j = 0; !taken && j < n; j++)
			taken = leads_from(all[j].spec.ports, kind, port);
		if (!taken)
			return port;
	}
	die("run: -p: no port of %s is free", address);
}

static void add_forward(
	struct run *r, const char *address, unsigned int host, unsigned int guest, const char *kind)
{
	r->ports = realloc(r->ports, (size_t)(r->nr_ports + 2) * sizeof(*r->ports));
	if (!r->ports)
		die("out of memory");
	r->ports[r->nr_ports++] = format("%u/%s -> %s:%u", guest, kind, address, host);
	r->ports[r->nr_ports] = NULL;
	r->forwards = format("%s,hostfwd=%s:%s:%u-:%u", r->forwards ? r->forwards : "", kind,
		address, host, guest);
	r->published = format("%s:%u:%u/%s", address, host, guest, kind);
}

/* Reads a port that is all of the text. */
static bool read_port(const char *text, unsigned int *port)
{
	int used = 0;

	return *text >= '0' && *text <= '9' && sscanf(text, "%5u%n", port, &used) == 1 &&
	       !text[used] && *port && *port <= PORT_MAX;
}

bool run_publish(struct run *r, const char *text)
{
	char *rest = format("%s", text), *slash = strchr(rest, '/'), *colon;
	const char *kind = slash ? slash + 1 : "tcp", *address = LOOPBACK, *from = "";
	unsigned int host, guest;

	r->published = NULL;
	if ((strcmp(kind, "tcp") && strcmp(kind, "udp")) ||
		text[strspn(text, "0123456789.:/tcpud")])
		return false;
	if (slash)
		*slash = '\0';
	colon = strrchr(rest, ':');
	if (!read_port(colon ? colon + 1 : rest, &guest))
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
	if (!*from)
		host = free_port(r, address, kind);
	else if (!read_port(from, &host))
		return false;
	add_forward(r, address, host, guest, kind);
	return true;
}

void run_publish_all(struct run *r, void (*keep)(struct run *r))
{
	const struct image_config c = image_config_read(r->image);

	for (const char **p = image_config_list(&c, 'p'); *p; p++) {
		const char *port = strchr(*p, '/') ? *p : format("%s/tcp", *p);
		bool published = false;

		for (int i = 0; i < r->nr_ports; i++)
			published = published || (!strncmp(r->ports[i], port, strlen(port)) &&
							 r->ports[i][strlen(port)] == ' ');
		if (published)
			continue;
		if (!run_publish(r, port))
			die("run: -P: the image's port %s is neither tcp nor udp", port);
		keep(r);
	}
}
