/* SPDX-License-Identifier: MIT */
/*
 * send.h: nestctl's end of the stream of files (stream.h): entries are hashed, and sent too if
 * there is an agent to take them.
 *
 *      struct send s; send_begin(&s, fd, false);
 *      send_entry(&s, &head, path, target, NULL); send_piece(&s, offset, data, size) ...
 *      send_end(&s, digest);
 *
 * The digest has what makes an image's files: names, modes, targets, sizes, contents, and owners if
 * those are kept; no times. So the same files give the same digest, sent or not.
 */
#ifndef NESTLING_NESTCTL_BUILD_SEND_H
#define NESTLING_NESTCTL_BUILD_SEND_H

#include <stdbool.h>

#include "tools/nestctl/build/stream.h"
#include "tools/nestctl/image/sha256.h"

struct send {
	/* of the stream, or -1: only the digest is wanted */
	int fd;
	bool owners;
	/* the agent has gone: the rest is hashed only */
	bool gone;
	struct sha256 sum;
	/* so far: entries, bytes of data */
	uint64_t files, bytes;
	/* what a progress line says, or NULL for none; set by the caller */
	const char *shown;
};

void send_begin(struct send *s, int fd, bool owners);
/* @h: its lengths are filled in. @xattrs: h->xattrs bytes, or NULL for none. */
void send_entry(struct send *s, struct stream_head *h, const char *path, const char *target,
	const char *xattrs);
/* Sends data of a regular file, in order. */
void send_piece(struct send *s, uint64_t offset, const void *data, size_t size);
/* Ends the data of a regular file; each has this once. */
void send_piece_end(struct send *s);
/* Sends a whole file that nestctl has in memory. */
void send_text(struct send *s, const char *name, unsigned int mode, const char *text, size_t size);
void send_end(struct send *s, char digest[65]);

#endif
