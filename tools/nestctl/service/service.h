/* SPDX-License-Identifier: MIT */
/*
 * service.h: instances that `nestctl run -d` keeps. Each is a folder NAME of
 * $XDG_DATA_HOME/nestling/instances:
 *
 *	lock      locked (flock(2)) by its supervisor while that lives, or by a process that
 *	          changes the instance
 *	spec      JSON: what to run (spec.c)
 *	state     what became of it (state.c)
 *	health    JSON: the last results of health checks (health.c)
 *	error     why the last start has failed, a line
 *	oom       exists if memory was short at the last end
 *	log.N     the output, in files that are numbered upwards (log.c)
 *	layer     the copy-on-write layer, unless --keep named another
 *	control   the socket of the supervisor (control.c)
 *
 * The supervisor (supervise.c) is a process without a terminal. Its child is `nestctl run` as it is
 * without -d, whose kernel dies with it; so a killed supervisor leaves no process.
 */
#ifndef NESTLING_NESTCTL_SERVICE_H
#define NESTLING_NESTCTL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/service/health.h"

struct run;

#define LOG_SIZE_MIN (64 << 10)
#define LOG_SIZE_DEFAULT (10 << 20)
#define LOG_FILES_DEFAULT 5
/* seconds that nestctl stop gives */
#define STOP_TIMEOUT 10
#define STOP_TIMEOUT_MACHINE 90

/* ---- spec.c ---- */

enum restart_kind { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };
struct restart {
	enum restart_kind kind;
	/* of on-failure; 0: any number */
	unsigned int max;
};
/* Parses "no", "on-failure[:N]", "always", "unless-stopped". Dies on an error. */
struct restart restart_parse(const char *text);

/* What to run. Texts are kept in memory that is never freed. */
struct spec {
	const char *image; /* as it was given */
	const char *file;  /* its path */
	const char *restart;
	int64_t created; /* ns since 1970 */
	bool tty, input, rm;
	bool own_layer; /* in the instance's folder */
	uint64_t log_size;
	unsigned int log_files;
	/* what stop sends, and its seconds */
	int stop_signal, stop_timeout;
	struct health_spec health;
	/* lists end in NULL: options of nestctl run, its command, labels "NAME=VALUE", ports */
	char **words, **command, **labels, **ports;
};

/* What became of it (state.c). */
enum phase { PHASE_CREATED, PHASE_RUNNING, PHASE_RESTARTING, PHASE_EXITED };
struct service_state {
	enum phase phase;
	/* true once nestctl stop has asked for its end */
	bool stopped;
	/* the last exit status, and how many there have been */
	int exit;
	unsigned int ends;
	/* by the policy, since its last start by the user */
	unsigned int restarts;
	/* ns since 1970, or 0 */
	int64_t started, finished;
	pid_t supervisor;
	enum health health;
	/* checks that have failed since the last good one */
	unsigned int failing;
	/* the last end came since the instance had no memory left */
	bool oom;
	/* the host has refused what the guest wrote, since the last start */
	bool lost;
};

/* ---- store.c ---- */

struct service {
	const char *name, *folder;
	/* the folder, and its file state: usable also when that is renamed or removed */
	int dir, state;
	int lock;   /* by service_lock(), else -1 */
	bool whole; /* it has a spec */
	struct spec spec;
	/* by services_all() */
	struct service_state seen;
};

/* Dies unless @name may be a name: letters, digits, then _ . - too; at most 63. */
void service_check_name(const char *name);
/* Returns false if there is no such instance. */
bool service_find(struct service *s, const char *name);
/* Dies if there is no such instance. */
struct service service_open(const char *name);
void service_close(struct service *s);
/* Makes the folder of a new instance and locks it. Dies if the name is taken. */
struct service service_create(const char *name);
/* Locks it. Returns false if a supervisor or another process has the lock. */
bool service_lock(struct service *s);
/* Waits until no supervisor lives. False after @ms; -1: never. */
bool service_wait_end(const struct service *s, int ms);
/* True while a supervisor, or a process that changes the instance, lives. */
bool service_is_busy(const struct service *s);
/* Removes all of it; it must be locked. */
void service_remove(struct service *s);
/* Gives it another name; it must be locked by this process. Dies if that is taken. */
void service_rename(struct service *s, const char *name);
/* Dies if an instance that is not kept has the name. */
void service_check_free(const char *name);
/* Returns all, sorted by name: their specs and states, without descriptors. */
struct service *services_all(size_t *count);
/* Removes those that do not run, and prints their names. Returns the bytes (system.c). */
uint64_t services_prune(void);
/* Returns a name of six letters for a new instance. */
const char *service_new_name(void);

/* Writes s->spec. Dies on an error. */
void spec_write(const struct service *s);
/* Returns false if there is none, or it is damaged. */
bool spec_read(struct service *s);
/* Makes the spec of a run with the words of its options. */
struct spec spec_of_run(const struct run *r);
/* True if the image's own init is its process 1. Dies if the image's settings are damaged. */
bool spec_is_machine(const struct spec *c);
/* Returns the value of the last --OPTION=VALUE of its words, or NULL. */
const char *spec_option(const struct spec *c, const char *option);
/* True if it has the word --OPTION. */
bool spec_has(const struct spec *c, const char *option);

/* ---- state.c ---- */

/*
 * Makes the file of a new instance, with room for all later states, so that a full disk does not
 * lose an exit status. Dies on an error.
 */
void service_state_create(struct service *s);
void service_state_write(const struct service *s, const struct service_state *st);
/*
 * Reads it as it was written last. A phase in which a supervisor would live, without one, becomes
 * PHASE_EXITED with status 137: it was killed.
 */
struct service_state service_state_read(const struct service *s);
int64_t now_ns(void);

/* ---- supervise.c, detach.c ---- */

/* `nestctl run -d`. Returns the exit status of nestctl. */
int service_run(struct run *r);
/*
 * Starts a supervisor for a locked instance, and waits until the command has started. Returns NULL,
 * or why it could not be started. *@pid, unless @pid is NULL: the supervisor.
 */
const char *service_start(struct service *s);
/* Supervises a locked instance in this process, for a service manager. */
void service_foreground(struct service *s) __attribute__((noreturn));
/*
 * Supervises the instance until it is not to be started again. Writes to @told "r" when the command
 * has started, or the reason why it has not. @told -1: no process waits for the first start.
 */
void supervise(struct service *s, int told) __attribute__((noreturn));

/* ---- lost.c ---- */

/* Returns what the host has refused of what the running instance wrote, a line; or NULL. */
const char *lost_ask(const char *name);

/* ---- control.c ---- */

/* A packet begins with a letter; both directions. */
#define CONTROL_MAX 32768
enum {
	/* "S SIGNAL SECONDS": no restart; the command's time */
	CONTROL_STOP = 'S',
	CONTROL_SIGNAL = 'K', /* "K SIGNAL": for the command */
	CONTROL_INPUT = 'I',  /* bytes for its input */
	CONTROL_END = 'E',    /* its input is at its end */
	CONTROL_SIZE = 'W',   /* "W ROWS COLUMNS" of its terminal */
	CONTROL_RENAME = 'N', /* "NNAME": its new name */
	CONTROL_DONE = 'D',   /* the reply: S, K or N was taken */
	CONTROL_REFUSED = 'R' /* the reply to N: "RWHY" */
};
/* Connects to the supervisor; -1 if none listens. *@pid: its process. */
int control_connect(const struct service *s, pid_t *pid);
/* Makes the supervisor's socket. Dies on an error. */
int control_listen(const struct service *s);
/* Sends a text and waits for the reply. Returns false if the supervisor has ended. */
bool control_ask(int fd, const char *text);
/* As above. Returns the reply, or NULL. */
const char *control_reply(int fd, const char *text);

/* ---- end.c ---- */

/*
 * Asks the supervisor to end the instance: its command gets @sig, and is killed after @seconds; it
 * is not started again. Returns a pidfd of the supervisor, or -1: there is none.
 */
int service_ask_end(struct service *s, int sig, int seconds);
/*
 * Ends an instance: its command gets @sig, and is killed after @seconds. Returns true when it has
 * ended, and false if it does not run.
 */
bool service_stop(struct service *s, int sig, int seconds);
/* Sends its command a signal. Returns false if it does not run. */
bool service_signal(struct service *s, int sig);

#endif
