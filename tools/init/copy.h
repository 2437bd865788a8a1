/* SPDX-License-Identifier: MIT */
/* copy.h: copies the content of a folder into the file system that will hide it. */
#ifndef NESTLING_INIT_COPY_H
#define NESTLING_INIT_COPY_H

/*
 * Copies the contents of the folder @from into the folder @to, with owners, modes and times. A name
 * that exists in @to is an error. Hard links become separate files; extended attributes are not
 * copied. Closes both descriptors, either of which may be -1. Returns 0, or -1 with an errno of the
 * first entry that could not be copied; the entries behind it are still copied.
 */
int copy_folder(int from, int to);

#endif
