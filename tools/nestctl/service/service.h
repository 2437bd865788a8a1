/* SPDX-License-Identifier: MIT */
/*
 * service.h: instances that `nestctl run -d` keeps. Each is a folder NAME of
 * $XDG_DATA_HOME/nestling/instances:
 *
 *	lock      locked (flock(2)) by the supervisor while it lives, or by a process that
 *	          changes the instance
 *	spec      JSON: what to run (spec.c)
 *	state     its phase, exit status and counts (state.c)
 *	health    JSON: the last results of health checks (health.c)
 *	error     why the last start has failed, a line
 *	oom       exists if the guest had run out of memory when it last ended
 *	log.N     the output, in files that are numbered upwards (log.c)
 *	layer     the copy-on-write layer, unless --keep named another
 *	control   the socket of the supervisor (control.c)
 *
 * The supervisor (supervise.c) is a process without a terminal. Its child is `nestctl run` without
 * -d. The child and its kernel die with the supervisor, so that a killed supervisor leaves no
 * process.
 *
 * An instance is kept if it has such a folder, also while it does not run. Functions die on an
 * error that their comment does not name. Texts and lists that they return are never freed unless
 * the comment names who frees them.
 */
#ifndef NESTLING_NESTCTL_SERVICE_H
#define NESTLING_NESTCTL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/service/health.h"

struct run;

/* bytes of a log file */
#define LOG_SIZE_MIN (64 << 10)
#define LOG_SIZE_DEFAULT (10 << 20)
#define LOG_FILES_DEFAULT 5
/* default seconds that nestctl stop gives a command, and a machine with its own init */
#define STOP_TIMEOUT 10
#define STOP_TIMEOUT_MACHINE 90

/* ---- spec.c ---- */

enum restart_kind { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };
struct restart {
	enum restart_kind kind;
	/* RESTART_ON_FAILURE: how many restarts at most; 0: any number */
	unsigned int max;
};
/* Parses "no", "on-failure[:N]", "always", "unless-stopped". Dies on an error. */
struct restart restart_parse(const char *text);

/* What to run. The texts are never freed. */
struct spec {
	const char *image; /* as the user gave it */
	const char *file;  /* full path of the image */
	const char *restart;
	int64_t created; /* ns since 1970 */
	bool tty, input, rm;
	bool own_layer; /* the layer is in the instance's folder */
	/* @log_size: bytes of a log file. @log_files: how many files are kept. */
	uint64_t log_size;
	unsigned int log_files;
	/*
	 * @stop_signal: number of the signal that stop sends. @stop_timeout: seconds until it
	 * kills.
	 */
	int stop_signal, stop_timeout;
	struct health_spec health;
	/*
	 * Lists that end in NULL. @words: options of nestctl run. @command: words of the command.
	 * @labels: "NAME=VALUE". @ports: "80/tcp -> 127.0.0.1:8080".
	 */
	char **words, **command, **labels, **ports;
};

/* The state of an instance (state.c). */
enum phase { PHASE_CREATED, PHASE_RUNNING, PHASE_RESTARTING, PHASE_EXITED };
struct service_state {
	enum phase phase;
	/* nestctl stop has asked for the end, or the first start failed: no restart */
	bool stopped;
	int exit;          /* the last exit status */
	unsigned int ends; /* how often the command has ended */
	/* restarts by the policy since the user last started the instance */
	unsigned int restarts;
	/* times of the command's last start and last end, in ns since 1970, or 0 */
	int64_t started, finished;
	pid_t supervisor; /* pid of the last supervisor, or 0 */
	enum health health;
	/* failed checks since the last one that succeeded */
	unsigned int failing;
	/* the guest had run out of memory when it last ended */
	bool oom;
	/* the host has refused data that the guest wrote, since the last start */
	bool lost;
};
/* True if the policy wants another start after the command's end. */
bool restart_wanted(const struct restart *policy, const struct service_state *st);

/* ---- store.c ---- */

struct service {
	/* @folder: an absolute path */
	const char *name, *folder;
	/*
	 * Descriptors, usable also after a rename or removal. @dir: the folder. @state: its file
	 * `state`, or -1.
	 */
	int dir, state;
	int lock;   /* descriptor that holds the lock, or -1 */
	bool whole; /* @spec could be read */
	struct spec spec;
	/* the state, filled in by services_all() */
	struct service_state seen;
};

/*
 * Dies unless @name is valid: at most 63 letters, digits, and after the first character _ . - too.
 */
void service_check_name(const char *name);
/*
 * Opens the instance called @name. The caller closes it by service_close(). Returns false if there
 * is none, or if its spec is damaged.
 */
bool service_find(struct service *s, const char *name);
/* As service_find(), but dies if there is no such instance. */
struct service service_open(const char *name);
/* Closes the descriptors, which unlocks the instance. The texts stay. */
void service_close(struct service *s);
/* Makes, opens and locks the folder of a new instance. Dies if the name is invalid or taken. */
struct service service_create(const char *name);
/* Calls flock(2), again after signals. Returns false with errno. */
bool service_flock(int fd, int how);
/*
 * Locks the instance until s->lock is closed. Does not wait for the holder of a lock. Returns false
 * if a supervisor or another process has the lock, or if the instance was renamed or removed. True
 * also if @s is locked already.
 */
bool service_lock(struct service *s);
/*
 * Waits until the instance is not locked, for @ms milliseconds at most (-1: without a limit). True
 * if it is not locked.
 */
bool service_wait_end(const struct service *s, int ms);
/* True while the instance is locked, by a supervisor or by a process that changes it. */
bool service_is_busy(const struct service *s);
/* Removes the instance, which the caller has locked, with its files. @s stays open. */
void service_remove(struct service *s);
/*
 * Renames the instance, which this process has locked, and changes @s. Dies if the name is invalid
 * or taken.
 */
void service_rename(struct service *s, const char *name);
/* Dies if an instance called @name runs, whether it is kept or not. */
void service_check_free(const char *name);
/*
 * Returns all kept instances, sorted by name: specs and states, without open descriptors. *count:
 * their number. The caller frees the array.
 */
struct service *services_all(size_t *count);
/*
 * Removes the instances that do not run, and prints their names. Returns the number of bytes freed
 * (system.c).
 */
uint64_t services_prune(void);
/* Returns a name of six letters for a new instance. */
const char *service_new_name(void);

/* ---- spec.c again: the file `spec` ---- */

/* Writes s->spec, completely or not at all. */
void spec_write(const struct service *s);
/* Reads s->spec. Returns false if it is missing or damaged. */
bool spec_read(struct service *s);
/* Makes the spec of a run, with the words of its options. Dies if there is no such image. */
struct spec spec_of_run(const struct run *r);
/* True if process 1 is the image's own init. Dies if the image's settings are damaged. */
bool spec_is_machine(const struct spec *c);
/* Returns the value of the last word --OPTION=VALUE in c->words, or NULL. */
const char *spec_option(const struct spec *c, const char *option);
/* True if c->words has the word --OPTION. */
bool spec_has(const struct spec *c, const char *option);

/* ---- state.c ---- */

/*
 * Makes the file of a new instance, with room for all later states, so that a full disk does not
 * lose an exit status. Sets s->state.
 */
void service_state_create(struct service *s);
/* Writes the state. Errors are ignored. */
void service_state_write(const struct service *s, const struct service_state *st);
/*
 * Reads the state that was written last; all zeros if there is none. If the phase requires a
 * supervisor but no process has locked the instance, the supervisor was killed: returns
 * PHASE_EXITED with status 137 and one more end.
 */
struct service_state service_state_read(const struct service *s);
/* Returns ns since 1970. */
int64_t now_ns(void);

/* ---- supervise.c, detach.c ---- */

/* `nestctl run -d`. Returns the exit status of nestctl. */
int service_run(struct run *r);
/*
 * Starts a supervisor for a locked instance, and waits until the command has started. The
 * supervisor takes over the lock: s->lock becomes -1. Returns NULL, or the reason why the start
 * failed.
 */
const char *service_start(struct service *s);
/* Supervises a locked instance in this process, which a service manager has started. */
void service_foreground(struct service *s) __attribute__((noreturn));
/*
 * Supervises the instance until it ends and is not to be restarted. Writes to the pipe @told "r"
 * when the command has started, or the reason why it has not. @told -1: no process waits for the
 * start.
 */
void supervise(struct service *s, int told) __attribute__((noreturn));

/* ---- lost.c ---- */

/*
 * Asks the running instance whether the host has refused to store data that the guest wrote.
 * Returns a line about the data, which the caller frees, or NULL if none was refused or the
 * instance does not answer.
 */
char *lost_ask(const char *name);

/* ---- control.c ---- */

/* A packet, in both directions: one of these letters, then text; CONTROL_MAX bytes at most. */
#define CONTROL_MAX 32768
enum {
	/*
	 * "S SIGNAL SECONDS": send SIGNAL to the command, kill it after SECONDS, do not restart it
	 */
	CONTROL_STOP = 'S',
	CONTROL_SIGNAL = 'K', /* "K SIGNAL": send it to the command */
	CONTROL_INPUT = 'I',  /* bytes for the command's input */
	CONTROL_END = 'E',    /* the command's input has ended */
	CONTROL_SIZE = 'W',   /* "W ROWS COLUMNS": the terminal's size */
	CONTROL_RENAME = 'N', /* "NNAME": rename the instance to NAME */
	/* the reply: S or K has arrived, or N was carried out */
	CONTROL_DONE = 'D',
	CONTROL_REFUSED = 'R' /* the reply to N: "RREASON" */
};
/*
 * Connects to the supervisor. Returns a SOCK_SEQPACKET socket for the caller to close, on which a
 * receiver waits 10 s at most. *pid: the supervisor's process. Returns -1, and does not set *pid,
 * if no supervisor listens.
 */
int control_connect(const struct service *s, pid_t *pid);
/* Makes the supervisor's socket, which is non-blocking, and returns it. */
int control_listen(const struct service *s);
/* Sends the packet @text and waits at most 10 s. True if any reply came, also CONTROL_REFUSED. */
bool control_ask(int fd, const char *text);
/* Sends the packet @text and waits at most 10 s. Returns the reply, or NULL if none came. */
const char *control_reply(int fd, const char *text);

/* ---- end.c ---- */

/*
 * Asks the supervisor to end the instance for good: its command gets @sig, and is killed after
 * @seconds. Continues a paused instance. Does not wait for the end. Returns a pidfd of the
 * supervisor for the caller to close, or -1 if no supervisor listens.
 */
int service_ask_end(struct service *s, int sig, int seconds);
/*
 * Ends an instance: its command gets @sig, and is killed after @seconds. Kills a supervisor that
 * does not end then. Returns true once it has ended, or false if it does not run.
 */
bool service_stop(struct service *s, int sig, int seconds);
/*
 * Ends an instance at once, also one that stands still and takes no signal: tells the supervisor
 * not to start it again, and kills @kernel, a pidfd of the kernel. Returns as service_stop().
 */
bool service_kill(struct service *s, int kernel);
/*
 * Sends the signal @sig to the instance's command. Returns false if no supervisor listens, or if
 * the supervisor does not reply.
 */
bool service_signal(struct service *s, int sig);

#endif
