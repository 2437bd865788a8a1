/* SPDX-License-Identifier: MIT */
/*
 * protocol.h: the protocol between `nestctl migrate` (the source) and `nestctl receive` (the
 * receiver), over any two-way stream of bytes: a socket, or the pipes of ssh.
 *
 * Each end first sends a struct mig_hello, and reads the other's. Messages follow: a struct
 * mig_head and `length` bytes, at most MIG_MAX. Everything is little endian, and may begin at any
 * offset of the stream. The sum is CRC-32C of the head, with 0 in place of the sum, and of the
 * bytes. It protects from errors, not from attacks: the stream is neither encrypted nor
 * authenticated. That is left to ssh, or to the socket's permissions.
 *
 *	source                                   receiver
 *	MIG_OFFER      describes the instance    checks CPU, build, name, room on disk
 *	                                         MIG_ACCEPT   which images it lacks
 *	files of these images, then files of
 *	the first save
 *	MIG_ROUND      1                         MIG_ROUND    1: all was received
 *	MIG_STATE      state.json                starts a kernel, which waits for the files
 *	                                         MIG_READY
 *	files ...
 *	MIG_ROUND      n, the instance runs      MIG_ROUND    n
 *	           -- from this point on the instance is stopped --
 *	files ...
 *	MIG_LAST                                 the kernel reads the files, and is held
 *	                                         MIG_READY
 *	MIG_COMMIT     gives the instance up     makes the instance continue
 *	                                         MIG_RUNS     its name
 *	ends the instance
 *
 * A round has all files of a state. A file that the round before had, perhaps under another name,
 * is a MIG_KEEP. Any other is a MIG_FILE, then MIG_DATA and MIG_ZERO in any number, then MIG_DONE.
 * MIG_REFUSED, with a reason, is the last message of an end: the receiver does not run the
 * instance, and never will. MIG_ALIVE shows that an end still works. An end gives up if it gets no
 * message for some time (--timeout).
 *
 * Which end runs the instance. The receiver runs it only after MIG_COMMIT. At the source it
 * continues after a failure before MIG_COMMIT was sent, and after MIG_REFUSED. Otherwise it never
 * continues there, unless the source's user asks for it (drivers/mconsole/hold_host.h). So the
 * instance never runs twice. If the connection ends between MIG_COMMIT and MIG_RUNS, the source
 * cannot know the outcome: there the instance stays stopped, and the user decides.
 */
#ifndef NESTLING_NESTCTL_PROTOCOL_H
#define NESTLING_NESTCTL_PROTOCOL_H

#include <stdint.h>

#define MIG_MAGIC "NESTMIG\n"
#define MIG_VERSION 2
#define MIG_MAX (1U << 20) /* bytes */
/* bytes: largest piece of a file in one message */
#define MIG_PIECE (256U << 10)
/* bytes: files are compared in blocks of this size */
#define MIG_BLOCK 4096U
#define MIG_IMAGES 32 /* of one instance, at most */
/* size of a file's name with its NUL */
#define MIG_NAME 32

struct mig_hello {
	char magic[8];
	uint32_t version, pad;
};
struct mig_head {
	uint32_t type, length, sum;
};

enum {
	MIG_ALIVE = 1, /* empty */
	MIG_REFUSED,   /* text: the reason */
	MIG_OFFER,     /* JSON (offer.c) */
	MIG_ACCEPT,    /* u64: bit N: image N is wanted */
	MIG_FILE,      /* struct mig_file */
	MIG_DATA,      /* u64: offset; then content */
	MIG_KEEP,      /* struct mig_keep */
	MIG_ZERO,      /* struct mig_zero */
	MIG_DONE,      /* empty */
	MIG_ROUND,     /* u64: number of the round */
	MIG_STATE,     /* text of state.json */
	MIG_LAST,      /* empty */
	MIG_READY,     /* empty */
	MIG_COMMIT,    /* empty */
	MIG_RUNS,      /* text: the instance's name */
	MIG_TYPES,
};

/* A file of the state ("memory", "ubd0.layer"), or "image N". */
struct mig_file {
	uint64_t size; /* bytes */
	/* the base of the changes: 1: the previous round's file of this name; 0: an empty file */
	uint32_t over;
	char name[MIG_NAME];
};
/* The file @from of the round before becomes the file @name. */
struct mig_keep {
	char from[MIG_NAME], name[MIG_NAME];
};
/* Bytes of the file that become zeros: @length bytes from offset @to. */
struct mig_zero {
	uint64_t to, length;
};

#endif
