/* SPDX-License-Identifier: MIT */
/* run.h: the parts of `nestctl run`. */
#ifndef NESTLING_NESTCTL_RUN_H
#define NESTLING_NESTCTL_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PARAMS_MAX 96
#define VOLUMES_MAX 16 /* the kernel's hostfs0 to hostfs15 */

/* A folder of the host (its real path) that the instance sees at @guest. */
struct volume {
	char *host;
	const char *guest;
	bool rdonly;
};

struct run {
	const char *kernel, *image, *cow, *mem, *ncpus, *net, *forwards, *dir, *user;
	bool verbose, want_terminal, no_terminal;
	bool bare;  /* the image's configuration is ignored */
	bool as_is; /* no file of the image is changed */
	struct volume volumes[VOLUMES_MAX];
	int nr_volumes;
	char *env; /* "eNAME=VALUE" strings, each with its end */
	size_t env_size;
	const char *argv[PARAMS_MAX + 24]; /* the kernel's */
	int argc;
	char **command; /* NULL-terminated; empty: what the image says, or a login shell */
	bool terminal;
	bool joined;               /* without a terminal: output and errors go to one file */
	bool login;                /* a login shell will run */
	int fds[3];                /* what the kernel gets as 0, 1, 2 */
	int status_fd, control_fd; /* our ends: what init reports, and what it is told */
	int status_end, ready_fd, control_end; /* the kernel's */
};

/* run.c: standard input, output and error are one terminal; and output and errors one file. */
bool same_terminal(void);
bool same_output(void);
/* It is a terminal in whose background we are, where who reads is stopped by SIGTTIN. */
bool in_background(void);

/* job.c: what init is to do (tools/init/job.h), in memory; sets r->login. */
char *job_text(struct run *r, size_t *size);

/* initrd.c: a memory file with the initial archive: the built-in init, its devices and its job.  Inherited by children. */
int initrd_make(const char *job, size_t size);

/* attend.c: runs the kernel with r->argv to its end, hands on signals and bytes: the exit status of nestctl. Dies. */
int attend(struct run *r);
/* Before anything is made: the signals that attend() takes are blocked. */
void attend_prepare(void);

/*
 * pump.c: threads that carry a stream through a pipe; what is given back is the pipe's other end, for the kernel.  Input flows
 * once `ready` has said something (or ended).  Where nobody reads output any more, or it cannot be written, a line "gN" goes to
 * @control, N being @fd, and the rest is dropped.  Once the kernel has its ends, pump_kernel_started() closes ours and starts the
 * threads; pump_finish() waits until all output has arrived, or has been dropped: once pump_drop() was called, or @hurry() says so,
 * what nobody reads is. False: some could not be written, which a line says (a reader that has gone is no error).
 */
int pump_input(int fd, int ready);
int pump_output(int fd, int control);
void pump_kernel_started(const int fds[3]);
void pump_drop(void);
bool pump_finish(bool (*hurry)(void));

#endif
