/* SPDX-License-Identifier: MIT */
/* oci_write.h: writes an image as an OCI archive. */
#ifndef NESTLING_NESTCTL_OCI_WRITE_H
#define NESTLING_NESTCTL_OCI_WRITE_H

#include <stdbool.h>

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/build/config.h"

/*
 * Writes the image to the file @out, complete or not at all, or to standard output for NULL. The
 * format is an OCI layout in a tar (OCI image specification, "Image Layout") with one layer. It
 * also contains docker-save's manifest.json, so that podman and docker load it. @name: the name
 * under which they load it, or NULL. @replace: an existing file is replaced. Dies on an error.
 */
void oci_write(const struct layer *l, const struct config *c, const char *name, const char *out,
	bool replace);

#endif
