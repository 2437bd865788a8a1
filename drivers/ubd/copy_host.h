/* SPDX-License-Identifier: MIT */
/* copy_host.h: copies sparse files, keeping their holes. Host world. */
#ifndef NESTLING_UBD_COPY_HOST_H
#define NESTLING_UBD_COPY_HOST_H

#include <sys/types.h>

/*
 * Gives the regular file @to the length and content of the regular file @from, and no blocks where
 * @from has none. The old content of @to is lost, also on an error. Nothing is synced to the disk.
 * Shares blocks where the host can. Either file may have no name. Returns 0 or -errno.
 */
int file_copy_sparse(int from, int to);
/*
 * Copies @len bytes from offset @at of @from to offset @to_at of @to, which must be long enough.
 * Holes stay holes. Returns 0 or -errno.
 */
int file_copy_part(int from, off_t at, int to, off_t to_at, off_t len);

#endif
