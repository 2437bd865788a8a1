/* SPDX-License-Identifier: MIT */
/*
 * receive.h: reads the stream of files that the agent sends (stream.h). The stream comes from an
 * instance and is untrusted: the reader dies at a head with impossible numbers or a path with "..".
 */
#ifndef NESTLING_NESTCTL_BUILD_RECEIVE_H
#define NESTLING_NESTCTL_BUILD_RECEIVE_H

#include <stdbool.h>

#include "tools/nestctl/build/stream.h"

/*
 * A stream. The caller sets @fd, the rest begins as zeros. The texts are those of the present
 * entry; path and target are terminated, @xattrs has head.xattrs bytes.
 */
struct receive {
	int fd;
	/* the stream ended early; the agent reports the reason */
	bool broken;
	struct stream_head head;
	char path[STREAM_PATH_MAX], target[STREAM_PATH_MAX], xattrs[STREAM_XATTRS_MAX];
	struct stream_piece piece;
	char data[STREAM_PIECE_MAX];
};

/*
 * Reads the next entry, once the pieces of a regular file have been read to their end. Returns
 * false at the end of the stream, or if it is broken.
 */
bool receive_entry(struct receive *r);
/*
 * Reads the next piece of a regular file's data into @piece and @data. Returns false at its end, or
 * if the stream is broken.
 */
bool receive_piece(struct receive *r);

#endif
