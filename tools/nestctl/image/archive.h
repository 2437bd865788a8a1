/* SPDX-License-Identifier: MIT */
/* archive.h: docker's commands for archives: `nestctl export`, `import`, `load`, `image save`. */
#ifndef NESTLING_NESTCTL_ARCHIVE_H
#define NESTLING_NESTCTL_ARCHIVE_H

#include "tools/nestctl/core/command.h"

/* image_rows.c; nestctl-image runs the functions. */
extern const struct command cmd_image_save, cmd_image_load;
int export_instance(int argc, char **argv); /* archive.c */
int image_save(int argc, char **argv);
int image_load(int argc, char **argv); /* import.c */
int load_image(int argc, char **argv);
int import_image(int argc, char **argv);

/* Returns the compressor for @path's ending, or NULL for a plain tar (export.c). */
struct archive;
int (*filter_for(const char *path))(struct archive *);

#endif
