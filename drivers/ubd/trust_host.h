/* SPDX-License-Identifier: MIT */
/*
 * trust_host.h: decides whether the backing file named in a COW file's header may be opened. A
 * header is not trusted: it could name any file that the user can read (docs/cow.md, "Which backing
 * files count").
 */
#ifndef NESTLING_UBD_TRUST_HOST_H
#define NESTLING_UBD_TRUST_HOST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if @backing, the name in the header of the layer @fd with the name @path, may be opened as
 * its backing file. If false, @why has one line, cut to @size bytes.
 */
bool backing_counts(int fd, const char *path, const char *backing, char *why, size_t size);

/*
 * Records that the user has named @backing as the backing file of the layer @fd. Does nothing for a
 * file without a name, and if the record cannot be written: the user is then asked to name it
 * again.
 */
void backing_remember(int fd, const char *backing);

#endif
