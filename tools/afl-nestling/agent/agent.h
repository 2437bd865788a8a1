/* SPDX-License-Identifier: MIT */
/* agent.h: declarations shared by the files of the agent (../record.h). */
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
	bool loud;          /* program's output goes to the console */
	/* An argument contains the input's path. */
	bool by_name;
	int timeout; /* limit of a run, ms; 0: none */
	/* Descriptor of the input's file, which is the program's standard input or has a path. */
	int input;
	/* The program has read or written the file before its first input. */
	bool used;
	int control, status; /* the agent's ends of the pipes */
	pid_t pid;
	pid_t child; /* forked before the mark; 0: in each run */
	/* A test case in shared memory; used if @uses_case. */
	uint8_t *case_map;
	bool uses_case;
	uint32_t map_len;
};

/* Reports "error TEXT" to the host and exits. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Allocates shared memory, and puts its id into the environment variable. Returns the id. */
int make_memory(const char *variable, size_t size);
/* Writes the input to a file that is empty. */
void write_input(int fd, const void *data, size_t size);

/* copy.c: replaces the host's folder mounted at @dir by a copy. */
void copy_folder(const char *dir);

/* target.c: a program. target_start() returns when the program waits for an input. */
void target_start(struct target *t);
void target_run(struct target *t, const void *input, size_t size, struct agent_record *r);

/* image.c: a file system. */
void image_start(const char *type);
/* Returns a wait(2) status: 0, or that of exit(1) if the image could not be mounted. */
int image_run(const char *type, const void *input, size_t size);

#endif
