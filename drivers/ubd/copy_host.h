/* SPDX-License-Identifier: MIT */
/* copy_host.h: copies a file without the blocks that it does not have. Host world. */
#ifndef NESTLING_UBD_COPY_HOST_H
#define NESTLING_UBD_COPY_HOST_H

#include <sys/types.h>

/*
 * Gives the regular file @to the length and content of the regular file @from, and no blocks where
 * @from has none. What @to held is lost, also on an error. Nothing is brought to the disk. Shares
 * blocks where the host can. Either file may have no name. Returns 0 or -errno.
 */
int file_copy_sparse(int from, int to);
/*
 * Copies @len bytes at @at of @from to @to_at of @to, where holes become holes. @to is long enough.
 * Returns 0 or -errno.
 */
int file_copy_part(int from, off_t at, int to, off_t to_at, off_t len);

#endif
