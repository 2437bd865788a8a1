/* SPDX-License-Identifier: MIT */
/* archive.h: docker's commands about archives: `nestctl export`, `import`, `load`, `image save`. */
#ifndef NESTLING_NESTCTL_ARCHIVE_H
#define NESTLING_NESTCTL_ARCHIVE_H

#include "tools/nestctl/core/command.h"

/* Rows of image_rows.c. Their functions run in nestctl-image. */
extern const struct command cmd_image_save, cmd_image_load;
/* These return the exit status, or die. */
int export_instance(int argc, char **argv); /* archive.c */
int image_save(int argc, char **argv);
int image_load(int argc, char **argv); /* import.c */
int load_image(int argc, char **argv);
int import_image(int argc, char **argv);

/*
 * Returns the function of libarchive that adds the compressor for @path's suffix, or NULL for a
 * plain tar (export.c).
 */
struct archive;
int (*filter_for(const char *path))(struct archive *);

#endif
