/* SPDX-License-Identifier: MIT */
/*
 * bundle.h: an image that consists of several files: an OCI layout or the output of `docker save`,
 * in a folder or in a tar.
 *
 *      struct bundle *b = bundle_open_dir(path) or bundle_open_tar(&blob);
 *      if (bundle_has(b, "index.json")) struct blob x = bundle_get(b, "index.json");
 *
 * Names are untrusted: a name with ".." or a leading "/" dies.
 */
#ifndef NESTLING_NESTCTL_BUNDLE_H
#define NESTLING_NESTCTL_BUNDLE_H

#include <stdbool.h>

#include "tools/nestctl/image/blob.h"

struct bundle;

struct bundle *bundle_open_dir(const char *path);
/* Opens a tar, whose files are copied into one temporary file. */
struct bundle *bundle_open_tar(const struct blob *b);
bool bundle_has(struct bundle *b, const char *name);
/* Returns a file of the bundle. Dies if it is missing. */
struct blob bundle_get(struct bundle *b, const char *name);

/* The parts of a container's image (oci.c). */
struct container {
	struct blob *layers; /* lowest first */
	size_t nr;
	/* text for image_config_write() */
	char *config;
	size_t config_size;
	/* name of the image in the archive, untrusted; or NULL */
	const char *name;
};
struct container container_read(struct bundle *b, const char *what);
/* Sets c->config from the parsed configuration of an image (oci_config.c). */
struct json;
void container_read_config(struct container *c, const struct json *doc, const char *what);

#endif
