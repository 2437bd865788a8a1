/* SPDX-License-Identifier: MIT */
/* agent.h: the parts of the agent (../record.h). */
#ifndef NESTLING_AFL_AGENT_H
#define NESTLING_AFL_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/afl-nestling/record.h"

struct target {
	char **argv;
	bool plain, forked; /* -p, -f */
	bool loud;          /* its output goes to the console */
	/* an argument has the input's path */
	bool by_name;
	int timeout; /* ms, or 0 */
	/* the input's file, which is its standard input or has a name */
	int input;
	/* the program has read or written it before its first input */
	bool used;
	int control, status; /* our ends of the fork server */
	pid_t pid;
	pid_t child; /* of the fork server; 0: a run forks */
	/* a test case in shared memory, if @uses_case */
	uint8_t *case_map;
	bool uses_case;
	uint32_t map_len;
};

/* Writes "error TEXT" for the host and exits. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Makes shared memory, and names it in the environment. Returns its id. */
int make_memory(const char *variable, size_t size);
/* Writes to a file that is empty. */
void write_input(int fd, const void *data, size_t size);

/* copy.c: the host's folder at @dir. */
void copy_folder(const char *dir);

/* target.c: a program. target_start() returns when it waits for an input. */
void target_start(struct target *t);
void target_run(struct target *t, const void *input, size_t size, struct agent_record *r);

/* image.c: a file system. */
void image_start(const char *type);
/* Returns a status of wait(2): 0, or an exit with 1 if it could not be mounted. */
int image_run(const char *type, const void *input, size_t size);

#endif
