/* SPDX-License-Identifier: MIT */
/* oci_write.h: writes images as an OCI archive. */
#ifndef NESTLING_NESTCTL_OCI_WRITE_H
#define NESTLING_NESTCTL_OCI_WRITE_H

#include <stdbool.h>

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/build/config.h"

/* An image to write: its files, its settings, and the names of the archive for it (words.h). */
struct oci_image {
	struct layer layer;
	struct config config;
	char **names;
};

/*
 * Writes @nr images to the file @out, complete or not at all, or to standard output for NULL. The
 * format is an OCI layout in a tar (OCI image specification, "Image Layout"). Each image has one
 * layer, which images of one file share. The archive also contains docker-save's manifest.json, so
 * that podman and docker load it. A name that begins with a slash or a dot is left out, since it is
 * a path. @replace: an existing file is replaced. Dies on an error.
 */
void oci_write(const struct oci_image *images, size_t nr, const char *out, bool replace);

#endif
