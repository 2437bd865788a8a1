/* SPDX-License-Identifier: MIT */
/* inspect.h: parts of what `nestctl inspect` prints (inspect_parts.c). */
#ifndef NESTLING_NESTCTL_INSPECT_H
#define NESTLING_NESTCTL_INSPECT_H

#include "tools/nestctl/image/image.h"
#include "tools/nestctl/service/service.h"

/* Puts the settings of an image, with docker's kinds of values. */
void inspect_settings(const struct image_config *c);
/* Puts Mounts: the host's folders and volumes of a kept instance. */
void inspect_mounts(const struct spec *c);
/* Puts Path and Args: what runs, the entry point first. */
void inspect_command(const struct spec *c);
/* Puts Sysctls, and ExposedPorts: those of the image, of -p and of --expose. */
void inspect_sysctls(const struct spec *c);
void inspect_exposed(const struct spec *c);
/* Returns the file of the newest output, or "". */
const char *inspect_log_path(const struct service *s);

#endif
