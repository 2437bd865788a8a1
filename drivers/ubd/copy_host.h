/* SPDX-License-Identifier: MIT */
/* copy_host.h: copies a file without the blocks that it does not have. Host world. */
#ifndef NESTLING_UBD_COPY_HOST_H
#define NESTLING_UBD_COPY_HOST_H

/*
 * Gives the regular file @to the length and content of the regular file @from, and no blocks where
 * @from has none. What @to held is lost, also on an error. Nothing is brought to the disk. Shares
 * blocks where the host can. Either file may have no name. Returns 0 or -errno.
 */
int file_copy_sparse(int from, int to);

#endif
