/* SPDX-License-Identifier: MIT */
/* ttylog_host.h: where the halves of the terminals' log meet. */
#ifndef NESTLING_CON_TTYLOG_HOST_H
#define NESTLING_CON_TTYLOG_HOST_H

#include <stddef.h>

/* All goes to the descriptor @fd, or to a file of its own for each terminal in the folder @dir. 0 or -errno. */
int ttylog_host_fd(int fd);
int ttylog_host_dir(const char *dir);
/* Adds one record, whole: 0 or -errno. @name: the terminal's. Waits for a pipe that is full. */
int ttylog_host_add(
	const char *name, const void *head, size_t head_len, const void *data, size_t len);

#endif
