/* SPDX-License-Identifier: MIT */
/* view.h: kept and running instances as docker's ps and inspect show them (view.c). */
#ifndef NESTLING_NESTCTL_VIEW_H
#define NESTLING_NESTCTL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/service/service.h"

struct view {
	const char *name;
	bool kept;
	struct service service; /* of a kept one */
	struct service_state state;
	/* created, running, paused, restarting, exited */
	const char *word;
	const char *image, *file;
	const char *command; /* "" if it is not known */
	int64_t created;     /* ns since 1970 */
	/* its kernel, and the folder of its console; 0 and NULL: none runs */
	pid_t pid;
	const char *folder;
	/* the kind of its first card, "slirp"; NULL: none runs, or without a card */
	const char *card;
	/* "80/tcp -> 127.0.0.1:8080", ends in NULL; empty of one that does not run */
	char **ports;
};

/* Returns all, sorted by name; @all: also those that do not run. */
struct view *views_all(bool all, size_t *count);
/* Returns false if there is none of this name. */
bool view_find(struct view *v, const char *name);
/* "Up 5 minutes (Paused)" */
const char *view_status(const struct view *v);
/* "127.0.0.1:8080->80/tcp, ..." */
const char *view_ports(const struct view *v);
/* Returns a time as RFC 3339 has it, in UTC. */
const char *time_text(int64_t ns);

#endif
