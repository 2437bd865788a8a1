/* SPDX-License-Identifier: MIT */
/* copy.h: copies what a folder has into a file system that will hide it */
#ifndef NESTLING_INIT_COPY_H
#define NESTLING_INIT_COPY_H

/*
 * Copies the contents of the folder @from into the folder @to, with owners, modes and times. Files
 * with several names become several files; extended attributes are left out. Takes over both
 * descriptors. Returns 0, or -1 with errno of the first failure; the other files are copied.
 */
int copy_folder(int from, int to);

#endif
