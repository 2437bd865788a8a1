/* SPDX-License-Identifier: MIT */
/* unpack.h: unpacks an archive for ADD: sends its entries as a stream of files. */
#ifndef NESTLING_NESTCTL_BUILD_UNPACK_H
#define NESTLING_NESTCTL_BUILD_UNPACK_H

#include <stdbool.h>

#include "tools/nestctl/build/send.h"

/* True if the file is a tar, plain or compressed with gzip, bzip2, xz or zstd. Rewinds @fd. */
bool unpack_is_archive(int fd);
/*
 * Sends the archive's entries with their owners. As in `nestctl image import`, a name with "..", or
 * content that is far larger than the archive's size suggests, dies with a message. @name: for
 * messages.
 */
void unpack_send(int fd, const char *name, struct send *s);

#endif
