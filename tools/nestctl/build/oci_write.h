/* SPDX-License-Identifier: MIT */
/* oci_write.h: an image as an OCI archive. */
#ifndef NESTLING_NESTCTL_OCI_WRITE_H
#define NESTLING_NESTCTL_OCI_WRITE_H

#include <stdbool.h>

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/build/config.h"

/*
 * Writes the image to the file @out, whole or not at all, or with NULL to standard output: an OCI
 * layout in a tar (OCI image specification, "Image Layout"), with the manifest.json of docker-save
 * beside it, so that podman and docker load it. It has one layer. @name: the name under which it is
 * loaded, or NULL. @replace: an existing file.
 */
void oci_write(const struct layer *l, const struct config *c, const char *name, const char *out,
	bool replace);

#endif
