/* SPDX-License-Identifier: MIT */
/*
 * afl.h: afl-nestling, which runs inputs in an instance that is put back after each run.
 *
 *	main.c		options; --once and --bench
 *	fork_server.c	AFL's fork server: what afl-fuzz executes
 *	machine.c	the instance and its reset server (kernel/state/reset_abi.h)
 *	log.c		the guest's log
 *	crash.c		inputs that break the guest, and the guest's log
 *	agent/		the program in the guest (record.h)
 */
#ifndef NESTLING_AFL_H
#define NESTLING_AFL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/state/reset_abi.h"
#include "tools/afl-nestling/record.h"
#include "tools/nestctl/run/run.h"

struct options {
	struct run run; /* the instance */
	char **program; /* in the guest */
	/* instead: the type of the file system that an input is */
	const char *mount;
	bool plain, forked; /* the program has no fork server, has one */
	bool verbose;
	int timeout;    /* ms of a run, or 0: afl-fuzz knows it */
	uint32_t cover; /* length of the guest kernel's map, or 0 */
	/* folder for inputs that break the guest, or NULL */
	const char *keep;
};

/* What has become of a run. */
enum ending {
	END_DONE, /* the agent has handed over a record */
	END_PANIC,
	END_HALT,   /* the guest has powered off or restarted */
	END_READER, /* the agent was killed */
	END_STOP,   /* it was stopped from outside */
	/* the instance's process has ended, and its log has no reason */
	END_GONE,
};

/* A running instance. */
struct machine {
	pid_t pid;
	int socket; /* of the reset server */
	int log_fd, status_fd, control_fd;
	struct reset_area *area; /* shared with the kernel */
	size_t area_size;
	uint32_t map_len; /* of the program in the guest */
	bool owes;        /* READY has to come */
	bool gone;        /* its process has ended */
	uint64_t runs;
};

/*
 * Boots an instance, and returns when its agent waits for an input. Dies on an error, with the
 * guest's reason.
 */
void machine_start(struct machine *m, struct options *o);
/* Kills the instance. */
void machine_stop(struct machine *m);
uint8_t *machine_input(struct machine *m);
const struct agent_record *machine_record(const struct machine *m);
uint8_t *machine_cover(struct machine *m);
/*
 * Waits until the machine is put back. Returns false if it does not come back: its kernel has ended
 * or hangs.
 */
bool machine_ready(struct machine *m);
/*
 * Runs the input of @len bytes at machine_input(). @stop: a descriptor whose readiness or end stops
 * the run, or -1. @ms: the time of a run, or 0.
 */
enum ending machine_run(struct machine *m, uint32_t len, int stop, int ms);

/* log.c: the last bytes of the guest's log. */
void log_read(int fd);
/* From now on what is read goes to standard error as well. */
void log_show(void);
/* Forgets what was logged before. */
void log_clear(void);
/* Returns text that lasts until the next call, with its length. */
const char *log_text(size_t *len);
/* Returns the line with the reason of the guest's panic, or NULL. */
const char *log_reason(void);

/* crash.c */
/* Returns the folder in which AFL keeps its findings, or NULL. */
const char *crash_folder(void);
void crash_keep(const char *folder, const char *kind, const void *input, size_t len);

/* fork_server.c: returns the exit status, when afl-fuzz has gone. */
int fork_server(struct options *o);
/* Replaces the path that afl-fuzz put in place of @@. */
void restore_file_arguments(char **argv);

#endif
