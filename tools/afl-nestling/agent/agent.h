/* SPDX-License-Identifier: MIT */
/* agent.h: declarations shared by the files of the agent (../record.h). */
#ifndef NESTLING_AFL_AGENT_H
#define NESTLING_AFL_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/afl-nestling/record.h"

/*
 * The program. The caller sets the members up to @timeout except @by_name, target_start() sets the
 * others.
 */
struct target {
	char **argv;
	bool plain, forked; /* -p, -f */
	bool loud;          /* program's output goes to the console */
	/* an argument contains the input's path */
	bool by_name;
	int timeout; /* ms a run may take; 0: no limit */
	/* descriptor of the input's file, which is the program's standard input or has a path */
	int input;
	/* before its first input the program has moved the file's offset or written to the file */
	bool used;
	int control, status; /* the agent's ends of the pipes */
	/* of the fork server, or of the program if @plain */
	pid_t pid;
	/* forked by the server before the machine is marked; 0: the server forks in each run */
	pid_t child;
	/* Shared memory for a test case: its length, then its bytes. Used if @uses_case. */
	uint8_t *case_map;
	bool uses_case;
	uint32_t map_len; /* bytes of the coverage map */
};

/* Reports "error TEXT" to the host and exits. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/*
 * Allocates System V shared memory of @size bytes, and puts its id into the environment variable
 * @variable. Returns the id. Fails on an error. "Fails" means in this file: exits by fail().
 */
int make_memory(const char *variable, size_t size);
/* Writes the input of @size bytes to the start of the file. Fails on an error. */
void write_input(int fd, const void *data, size_t size);

/* copy.c: replaces the host's folder mounted at @dir by a copy in a tmpfs. Fails on an error. */
void copy_folder(const char *dir);

/*
 * target.c: a program. target_start() returns when the program waits for an input, and fails on an
 * error. target_run() gives the program the input of @size bytes, waits for the end of the run, and
 * sets r->status and bits of r->flags. It can be called once, in the machine that is rolled back.
 */
void target_start(struct target *t);
void target_run(struct target *t, const void *input, size_t size, struct agent_record *r);

/*
 * image.c: a file system. image_start() prepares a loop device, and fails if the kernel lacks the
 * type.
 */
void image_start(const char *type);
/*
 * Mounts the image of @size bytes, uses its files and unmounts it. Returns a wait(2) status: 0, or
 * that of exit(1) if the image could not be mounted.
 */
int image_run(const char *type, const void *input, size_t size);

#endif
