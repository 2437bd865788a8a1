/* SPDX-License-Identifier: MIT */
/*
 * send.h: nestctl's end of the stream of files (stream.h). Entries are hashed, and also sent if
 * there is a stream.
 *
 *      struct send s; send_begin(&s, fd, false);
 *      send_entry(&s, &head, path, target, NULL); send_piece(&s, offset, data, size) ...
 *      send_end(&s, digest);
 *
 * The digest covers names, modes, targets, sizes and contents, and owners if they are kept, but no
 * times. So equal files give equal digests, whether they are sent or not.
 */
#ifndef NESTLING_NESTCTL_BUILD_SEND_H
#define NESTLING_NESTCTL_BUILD_SEND_H

#include <stdbool.h>

#include "tools/nestctl/build/stream.h"
#include "tools/nestctl/image/sha256.h"

struct send {
	/* descriptor of the stream, or -1: only hash */
	int fd;
	bool owners; /* user and group go into the digest */
	/* the agent has ended: only hash the rest */
	bool gone;
	struct sha256 sum;
	/* counts so far: entries, and bytes of data */
	uint64_t files, bytes;
	/* text of the progress line, or NULL for none; set by the caller */
	const char *shown;
};

/*
 * Begins a digest, and a stream if @fd, its descriptor, is not -1. @owners: user and group go into
 * the digest.
 */
void send_begin(struct send *s, int fd, bool owners);
/*
 * Sends an entry. Fills in the lengths in @h, except h->xattrs, the size of @xattrs. @xattrs may be
 * NULL. @target: "" if there is none. Dies if a path is too long.
 */
void send_entry(struct send *s, struct stream_head *h, const char *path, const char *target,
	const char *xattrs);
/*
 * Sends a piece of a regular file's data, of any size. Offsets are bytes of the file and must
 * ascend.
 */
void send_piece(struct send *s, uint64_t offset, const void *data, size_t size);
/* Ends the data of a regular file. Called once for each. */
void send_piece_end(struct send *s);
/* Sends a regular file with the content @text of @size bytes. @mode: its permissions. */
void send_text(struct send *s, const char *name, unsigned int mode, const char *text, size_t size);
/* Ends the stream, which stays open. @digest: in terminated hexadecimal. */
void send_end(struct send *s, char digest[65]);

#endif
