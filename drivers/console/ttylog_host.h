/* SPDX-License-Identifier: MIT */
/*
 * ttylog_host.h: the interface between ttylog.c and the files or descriptor of the terminals' log.
 */
#ifndef NESTLING_CON_TTYLOG_HOST_H
#define NESTLING_CON_TTYLOG_HOST_H

#include <stddef.h>

/*
 * Set the target at the start: a copy of the inherited descriptor @fd for all terminals, or a file
 * for each terminal in the folder @dir. Return 0 or -errno.
 */
int ttylog_host_fd(int fd);
int ttylog_host_dir(const char *dir);
/*
 * Appends one whole record of terminal @name: @head, then @data; lengths in bytes. Waits while a
 * pipe is full. Returns 0; or -errno, perhaps after a part of the record: -EAGAIN if a pipe with
 * O_NONBLOCK is full. Callable from any vCPU.
 */
int ttylog_host_add(
	const char *name, const void *head, size_t head_len, const void *data, size_t len);

#endif
