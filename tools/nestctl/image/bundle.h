/* SPDX-License-Identifier: MIT */
/*
 * bundle.h: the files of an image that consists of several: an OCI layout or what `docker save` writes, in a folder or in a tar.
 *
 *	struct bundle *b = bundle_open_dir(path) or bundle_open_tar(&blob);
 *	if (bundle_has(b, "index.json")) struct blob x = bundle_get(b, "index.json");
 *
 * Names come from outside: one with ".." or a "/" at its begin dies.
 */
#ifndef NESTLING_NESTCTL_BUNDLE_H
#define NESTLING_NESTCTL_BUNDLE_H

#include <stdbool.h>

#include "tools/nestctl/image/blob.h"

struct bundle;

struct bundle *bundle_open_dir(const char *path);
/* Its files are copied into one without a name. */
struct bundle *bundle_open_tar(const struct blob *b);
bool bundle_has(struct bundle *b, const char *name);
/* Dies when it is not there. */
struct blob bundle_get(struct bundle *b, const char *name);

/* oci.c: what an image consists of. */
struct container {
	struct blob *layers; /* the lowest first */
	size_t nr;
	char *config; /* what image_config_write() takes */
	size_t config_size;
};
struct container container_read(struct bundle *b, const char *what);

#endif
