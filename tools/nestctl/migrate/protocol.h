/* SPDX-License-Identifier: MIT */
/*
 * protocol.h: what `nestctl migrate` (the source) and `nestctl receive` (the receiver) say to each
 * other, over any two-way stream of bytes: a socket, or the pipes of ssh.
 *
 * Each end first sends a struct mig_hello, and reads the other's. Then there are messages: a struct
 * mig_head and `length` bytes, at most MIG_MAX. All is little endian and unaligned. The sum is
 * CRC-32C of the head with 0 in its place, and of the bytes. It finds errors, not liars: the stream
 * is not encrypted and neither end proves who it is. That is ssh's work, or the socket's.
 *
 *	source                                   receiver
 *	MIG_OFFER      what it is                checks all that can be checked
 *	                                         MIG_ACCEPT   which images it lacks
 *	files of the images that are lacking
 *	MIG_ROUND      1                         MIG_ROUND    1: it has all of it
 *	MIG_STATE      state.json                starts a kernel, which waits for the files
 *	                                         MIG_READY
 *	files ...
 *	MIG_ROUND      n, the instance runs      MIG_ROUND    n
 *	           -- from here on the instance stands still --
 *	files ...
 *	MIG_LAST                                 the kernel reads the files, and is held
 *	                                         MIG_READY
 *	MIG_COMMIT     never runs again here     lets it run
 *	                                         MIG_RUNS     its name
 *	ends the instance
 *
 * A round has all files of a state: files that the round before had, perhaps under another name,
 * are MIG_KEEP; others are MIG_FILE, then MIG_DATA and MIG_ZERO in any number, then MIG_DONE.
 * MIG_REFUSED of either end, with a reason, is the last message: after it the receiver does not run
 * the instance, and never will. MIG_ALIVE says that an end is at work; without any message for some
 * time (--timeout) the other end gives up.
 *
 * Which end runs it. The receiver runs the instance only after MIG_COMMIT. The source lets it run
 * on after any failure before it has sent MIG_COMMIT, and after MIG_REFUSED; else never, unless its
 * user says so (drivers/mconsole/hold_host.h). So it is never run twice. If the connection ends
 * between MIG_COMMIT and MIG_RUNS, the source cannot know: the instance stays as it is there, and
 * the user decides.
 */
#ifndef NESTLING_NESTCTL_PROTOCOL_H
#define NESTLING_NESTCTL_PROTOCOL_H

#include <stdint.h>

#define MIG_MAGIC "NESTMIG\n"
#define MIG_VERSION 2
#define MIG_MAX (1U << 20)
/* bytes of a file in one message */
#define MIG_PIECE (256U << 10)
#define MIG_BLOCK 4096U
#define MIG_IMAGES 32
/* of a file, with its NUL */
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
	MIG_REFUSED,   /* text */
	MIG_OFFER,     /* JSON (offer.c) */
	MIG_ACCEPT,    /* u64: bit N: image N is wanted */
	MIG_FILE,      /* struct mig_file */
	MIG_DATA,      /* u64: where; then content */
	MIG_KEEP,      /* struct mig_keep */
	MIG_ZERO,      /* struct mig_zero */
	MIG_DONE,      /* empty */
	MIG_ROUND,     /* u64: its number */
	MIG_STATE,     /* text */
	MIG_LAST,      /* empty */
	MIG_READY,     /* empty */
	MIG_COMMIT,    /* empty */
	MIG_RUNS,      /* text */
	MIG_TYPES,
};

/* A file of the state ("memory", "ubd0.layer"), or "image N". */
struct mig_file {
	uint64_t size;
	/* 1: it is the file of this name of the round before, with changes. 0: it was empty. */
	uint32_t over;
	char name[MIG_NAME];
};
/* The file @from of the round before is the file @name now. */
struct mig_keep {
	char from[MIG_NAME], name[MIG_NAME];
};
struct mig_zero {
	uint64_t to, length;
};

#endif
