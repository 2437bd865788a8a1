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
	/* without open descriptors; valid if the instance is kept */
	struct service service;
	struct service_state state;
	/* docker's word for the phase: created, running, paused, restarting, exited */
	const char *word;
	/* @image: name of the image, as for `nestctl run`. @file: the image's path. */
	const char *image, *file;
	const char *command; /* "" if unknown */
	int64_t created;     /* ns since 1970 */
	/* @pid: the kernel's process. @folder: of its console (umid.h). No kernel: 0 and NULL. */
	pid_t pid;
	const char *folder;
	/*
	 * network cards "eth0=slirp" by their numbers, ending in NULL; empty without a kernel, and
	 * without eth0
	 */
	char **cards;
	/* "80/tcp -> 127.0.0.1:8080", ending in NULL; empty if the instance does not run */
	char **ports;
};

/*
 * Returns the instances, sorted by name, in an array that the caller frees. *count: their number.
 * @all: also those that do not run. Texts of all functions are never freed.
 */
struct view *views_all(bool all, size_t *count);
/* Fills @v for the instance called @name. Returns false if there is none. */
bool view_find(struct view *v, const char *name);
/* Returns docker's text, such as "Up 5 minutes (Paused)". */
const char *view_status(const struct view *v);
/*
 * Determines the bytes that the instance occupies on the disk: *own by its layer, *all with its
 * image. Returns false and sets neither if the layer has no name: the instance is not kept, or has
 * --rm without --keep.
 */
bool view_size(const struct view *v, uint64_t *own, uint64_t *all);
/*
 * Returns the kind of the first network card, also of an instance that does not run; or "none".
 * view_networks() returns the kinds of all: "switch,slirp".
 */
const char *view_network(const struct view *v);
const char *view_networks(const struct view *v);
/* Returns docker's text, such as "127.0.0.1:8080->80/tcp, ...". */
const char *view_ports(const struct view *v);
/* Returns a time, ns since 1970, in RFC 3339's form in UTC. 0: docker's text for no time. */
const char *time_text(int64_t ns);

#endif
