/* SPDX-License-Identifier: MIT */
/* unpack.h: unpacks an archive for ADD: sends its entries as a stream of files. */
#ifndef NESTLING_NESTCTL_BUILD_UNPACK_H
#define NESTLING_NESTCTL_BUILD_UNPACK_H

#include <stdbool.h>

#include "tools/nestctl/build/send.h"

/* True if the file is a tar, plain or compressed with gzip, bzip2, xz or zstd. */
bool unpack_is_archive(int fd);
/*
 * Sends the archive's entries with their owners. Like `nestctl image import`, dies with a message
 * at a name with "..", or if the content is far larger than the archive's size suggests. @name: for
 * messages.
 */
void unpack_send(int fd, const char *name, struct send *s);

#endif
