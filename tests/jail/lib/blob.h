/* SPDX-License-Identifier: MIT */
/* blob.h: the jobs of the code in a fallen kernel process (blob.c), and where they lie. */
#ifndef NESTLING_JAIL_BLOB_H
#define NESTLING_JAIL_BLOB_H

#include <stdint.h>

/* Offsets in the hole's memory: the code is at 0, then two jobs, then what attempts need. */
#define HOLE_SIZE (1U << 20)
#define JOB_AT 65536
#define JOB_ROOM 4096
#define DATA_AT 131072

enum { DOOR_SYSCALL, DOOR_INT80 };
enum { JOB_CALL, JOB_COPY, JOB_FLIP, JOB_REPEAT };

struct job {
	uint64_t kind, door, number; /* JOB_*, DOOR_*, of the call */
	/*
	 * of the call; JOB_COPY: to, from, bytes; JOB_FLIP: where, two addresses to copy from by
	 * turns, bytes
	 */
	uint64_t args[6];
	/* JOB_REPEAT: how often; JOB_FLIP: how often at most */
	uint64_t times;
	/*
	 * JOB_REPEAT: if not 0, each result is a descriptor, of which as many bytes are read as
	 * @vector (a struct iovec) says, to @reads; if they are @secret, that counts as found
	 */
	uint64_t reads, vector, secret;
	/* results of JOB_REPEAT */
	uint64_t good, bad, found;
	/* set at the end of JOB_REPEAT and JOB_FLIP */
	uint64_t over;
};

uint64_t blob_first(char *memory);
uint64_t blob_second(char *memory);

#endif
