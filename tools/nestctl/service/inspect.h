/* SPDX-License-Identifier: MIT */
/* inspect.h: functions that write parts of `nestctl inspect`'s JSON (inspect_parts.c). */
#ifndef NESTLING_NESTCTL_INSPECT_H
#define NESTLING_NESTCTL_INSPECT_H

#include "tools/nestctl/image/image.h"
#include "tools/nestctl/service/service.h"

/*
 * Writes the settings of an image, with docker's types of values. This and the next functions write
 * members of the JSON object that the caller has begun.
 */
void inspect_settings(const struct image_config *c);
/* Writes Mounts: the folders of the host and the volumes of a kept instance. */
void inspect_mounts(const struct spec *c);
/*
 * Returns the names of the volumes of a kept instance, and the paths of the folders of the host
 * that it sees, as "A,B", never freed. *volumes: the number of volumes.
 */
const char *inspect_mount_names(const struct spec *c, unsigned int *volumes);
/*
 * Writes Env, Cmd, Entrypoint, User, WorkingDir and Volumes of a kept instance: its own, else those
 * of its image.
 */
void inspect_own(const struct spec *c);
/* Writes Path and Args of a kept instance: the words of its entry point and command. */
void inspect_command(const struct spec *c);
/* Write Sysctls, and ExposedPorts: ports that the image, -p and --expose name. */
void inspect_sysctls(const struct spec *c);
void inspect_exposed(const struct spec *c);
/* Returns the path of the newest log file, or "". The text is never freed. */
const char *inspect_log_path(const struct service *s);

#endif
