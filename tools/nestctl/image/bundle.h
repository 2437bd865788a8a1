/* SPDX-License-Identifier: MIT */
/*
 * bundle.h: an image that consists of several files: an OCI layout or the output of `docker save`,
 * in a folder or in a tar.
 *
 *      struct bundle *b = bundle_open_dir(path) or bundle_open_tar(&blob);
 *      if (bundle_has(b, "index.json")) struct blob x = bundle_get(b, "index.json");
 *
 * Names are untrusted: bundle_get() dies at a name with ".." or a leading "/". Nothing is freed.
 * Every failure dies.
 */
#ifndef NESTLING_NESTCTL_BUNDLE_H
#define NESTLING_NESTCTL_BUNDLE_H

#include <stdbool.h>

#include "tools/nestctl/image/blob.h"

struct bundle;

struct bundle *bundle_open_dir(const char *path);
/* Opens a tar, whose files are copied into one temporary file. */
struct bundle *bundle_open_tar(const struct blob *b);
/* True if the bundle has the regular file @name. */
bool bundle_has(struct bundle *b, const char *name);
/*
 * Returns the file @name of the bundle as a blob without a digest. Dies if the file is missing. The
 * blob's descriptor is a new one if the bundle is a folder, else that of the bundle's temporary
 * file.
 */
struct blob bundle_get(struct bundle *b, const char *name);

/* The parts of a container's image (oci.c). */
struct container {
	struct blob *layers; /* @nr of them, the lowest first */
	size_t nr;
	/* @config_size bytes for image_config_write() */
	char *config;
	size_t config_size;
	/* digest of the configuration, docker's id of the image: 64 digits */
	char id[65];
	/* untrusted names of the image in the archive, ending in NULL; NULL if it has none */
	char **names;
	/*
	 * the message that the image is for another machine; layers and id are then not set. NULL:
	 * it is for this machine.
	 */
	const char *other;
};
#define CONTAINERS_MAX 256
/*
 * Reads the descriptions of all images in the bundle for this machine, but no layers. Returns *nr
 * of them, at least 1, each once. Warns about images for another machine. @what: the archive's name
 * for messages.
 */
struct container *containers_read(struct bundle *b, const char *what, size_t *nr);
/* Reads the description of the only image. Dies if there are several. */
struct container container_read(struct bundle *b, const char *what);
/* Sets c->config from the parsed configuration of an image (oci_config.c). */
struct json;
void container_read_config(struct container *c, const struct json *doc, const char *what);

#endif
