/* SPDX-License-Identifier: MIT */
/*
 * trust_host.h: whether the backing file that a COW file's header names may be opened. A header is
 * not trusted: it could name any file that the user can read (docs/cow.md, "Which backing files
 * count").
 */
#ifndef NESTLING_UBD_TRUST_HOST_H
#define NESTLING_UBD_TRUST_HOST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the layer behind @fd, with the name @path, may have the file @backing below it that its
 * header names. False with one line in @why.
 */
bool backing_counts(int fd, const char *path, const char *backing, char *why, size_t size);

/*
 * Remembers for the layer behind @fd that the user has named @backing as its backing file. Does
 * nothing for a file without a name, and if the record cannot be written: the user is then asked to
 * name it again.
 */
void backing_remember(int fd, const char *backing);

#endif
