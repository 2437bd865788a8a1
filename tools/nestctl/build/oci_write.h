/* SPDX-License-Identifier: MIT */
/* oci_write.h: an image as an OCI archive. */
#ifndef NESTLING_NESTCTL_OCI_WRITE_H
#define NESTLING_NESTCTL_OCI_WRITE_H

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/build/config.h"

/*
 * Writes the image to the file @out, whole or not at all: an OCI layout in a tar (OCI image
 * specification, "Image Layout"), with the manifest.json of docker-save beside it, so that podman
 * and docker load it. It has one layer. @name: the name under which it is loaded, or NULL.
 */
void oci_write(const struct layer *l, const struct config *c, const char *name, const char *out);

#endif
