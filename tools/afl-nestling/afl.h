/* SPDX-License-Identifier: MIT */
/*
 * afl.h: afl-nestling, which runs inputs in an instance that is rolled back after each run.
 *
 *	main.c		options; --once and --bench
 *	fork_server.c	AFL's fork server: what afl-fuzz executes
 *	machine.c	the instance, whose reset server this process is (kernel/state/reset_abi.h)
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
	struct run run; /* how to start the instance */
	char **program; /* program in the guest, with arguments */
	/*
	 * The type of file system of the inputs, which the guest mounts; NULL: @program reads them.
	 */
	const char *mount;
	bool plain, forked; /* --plain, --forked */
	bool verbose;
	int timeout;    /* ms a run may take; 0: afl-fuzz's */
	uint32_t cover; /* bytes of the kernel's map, or 0 */
	/* folder for inputs that break the guest, or NULL */
	const char *keep;
};

/* How a run has ended. */
enum ending {
	END_DONE, /* the agent has written a record */
	END_PANIC,
	END_HALT, /* the guest has powered off or restarted */
	/* The agent was killed, or has written an invalid record. */
	END_READER,
	END_STOP, /* @stop or @ms of machine_run() ended it */
	/* The instance's process has ended, and its log shows no reason. */
	END_GONE,
};

/* A running instance. */
struct machine {
	pid_t pid;
	int socket; /* to the kernel; -1: not attached yet */
	/* Ends of pipes: of the guest's log, of the agent's lines, and to the guest. */
	int log_fd, status_fd, control_fd;
	struct reset_area *area; /* shared with the kernel */
	size_t area_size;
	uint32_t map_len; /* bytes of the program's map */
	bool owes;        /* the kernel will send RESET_READY */
	bool gone;        /* its process has ended */
	uint64_t runs;
};

/*
 * Fills @m: boots an instance, and returns when its agent waits for an input. On an error exits
 * with the guest's reason.
 */
void machine_start(struct machine *m, struct options *o);
/* Kills the instance, closes everything and empties @m. */
void machine_stop(struct machine *m);
/*
 * Return parts of the shared memory, which is valid until machine_stop(): the input
 * (AGENT_INPUT_MAX bytes), the record of the last run with its map, and the guest kernel's map
 * (area->cover_len bytes).
 */
uint8_t *machine_input(struct machine *m);
const struct agent_record *machine_record(const struct machine *m);
uint8_t *machine_cover(struct machine *m);
/*
 * Waits until the machine is rolled back after a run. Returns false if the kernel has ended or
 * hangs. machine_run() begins with it.
 */
bool machine_ready(struct machine *m);
/*
 * Runs the input of @len bytes at machine_input(). @stop: a descriptor that stops the run when it
 * becomes readable or reaches its end, or -1. @ms: time limit of the run, or 0 for none. Does not
 * wait until the machine is rolled back.
 */
enum ending machine_run(struct machine *m, uint32_t len, int stop, int ms);

/* log.c: the last bytes of the guest's log. log_read() stores what the non-blocking @fd has. */
void log_read(int fd);
/* From now on bytes that are read are also written to standard error. */
void log_show(void);
/* Forgets what was logged before. */
void log_clear(void);
/* Returns the stored text, terminated, and sets *len. Valid until the next call. */
const char *log_text(size_t *len);
/*
 * Returns the line of the log with the reason of the guest's panic, valid until the next call, or
 * NULL.
 */
const char *log_reason(void);

/* crash.c */
/*
 * Returns the folder for crash_keep() beside AFL's input, in memory that is never freed, or NULL if
 * standard input is not afl-fuzz's.
 */
const char *crash_folder(void);
/*
 * Keeps an input and the log in files KIND-HASH and KIND-HASH.log of @folder, which is made if
 * needed. Does nothing if @folder is NULL or enough are kept. Errors are ignored.
 */
void crash_keep(const char *folder, const char *kind, const void *input, size_t len);

/* fork_server.c: serves afl-fuzz until it ends. Returns the exit status. */
int fork_server(struct options *o);
/*
 * Restores @@ in arguments in which afl-fuzz has replaced @@ by a path. @argv ends in NULL. Such
 * arguments are replaced by new texts, which are never freed.
 */
void restore_file_arguments(char **argv);

#endif
