/* SPDX-License-Identifier: MIT */
/*
 * receive.h: the stream of files that the agent sends (stream.h). It comes from an instance, so it
 * is not trusted: a head with impossible numbers or a path that leads up ends it with a line.
 */
#ifndef NESTLING_NESTCTL_BUILD_RECEIVE_H
#define NESTLING_NESTCTL_BUILD_RECEIVE_H

#include <stdbool.h>

#include "tools/nestctl/build/stream.h"

struct receive {
	int fd;
	/* the agent has ended too early, and reports the reason */
	bool broken;
	struct stream_head head;
	char path[STREAM_PATH_MAX], target[STREAM_PATH_MAX], xattrs[STREAM_XATTRS_MAX];
	struct stream_piece piece;
	char data[STREAM_PIECE_MAX];
};

/* Reads the next entry. False at the end, or if it is broken. */
bool receive_entry(struct receive *r);
/* Reads the next piece of a regular file's data. False at its end, or if it is broken. */
bool receive_piece(struct receive *r);

#endif
