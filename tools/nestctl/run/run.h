/* SPDX-License-Identifier: MIT */
/* run.h: the parts of `nestctl run`. */
#ifndef NESTLING_NESTCTL_RUN_H
#define NESTLING_NESTCTL_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tools/nestctl/service/health.h"

#define PARAMS_MAX 96
/* the kernel's mem= */
#define DEFAULT_MEMORY "1G"
#define ATTACH_LINES 8
#define VOLUMES_MAX 16 /* the kernel's hostfs0 to hostfs15 */

/* A folder or file of the host (its real path) that the instance sees at @guest. */
struct volume {
	char *host;
	const char *guest;
	bool rdonly, file;
};

/* A static program that init runs in place of a command of the image, which it need not have. */
struct agent {
	const char *start, *end;
};

struct run {
	const char *kernel, *image, *cow, *mem, *ncpus, *net, *forwards, *dir, *user, *policy,
		*disk;
	/* ",loopback=" with the ports, or NULL */
	const char *loopback;
	/* ",allow=" words, or NULL */
	const char *allow;
	/* --host-user, or the default's; NULL: root's stay root's */
	const char *host_user;
	unsigned long pids, timeout; /* 0: any; seconds */
	/* the first parameter of the user's, or NULL */
	const char *param;
	/* --learn is given; an --audit is a descriptor */
	bool learns, audit_fd;
	bool verbose, want_terminal, no_terminal;
	bool no_template; /* it boots */
	bool make_now;    /* a missing template is made before */
	bool tell;        /* report why a template is not used */
	bool bare;        /* the image's configuration is ignored */
	bool as_is;       /* no file of the image is changed */
	struct volume volumes[VOLUMES_MAX];
	int nr_volumes;
	char *env; /* "eNAME=VALUE" strings, each with its end */
	size_t env_size;
	/* names of -e, each with its end; files do not change these */
	char *given_env;
	size_t given_size;
	/* strings of the job (settings.c) */
	char *settings;
	size_t settings_size;
	/* ---- of a machine (machine.c) ---- */
	/* --init is given; so the image's own init becomes process 1, or by the image's settings */
	bool init, machine;
	/* there is a --password; cloud-init's seed has no meta-data of the user's */
	bool password, needs_meta;
	/* of --password; an option that only a machine can have; or NULL */
	const char *hash, *machine_option;
	/* ---- */
	/* --cap-drop and --cap-add, bits */
	uint64_t cap_drop, cap_add;
	/* --hostname and --entrypoint, or NULL */
	const char *hostname, *entrypoint;
	const char *argv[PARAMS_MAX + 24]; /* the kernel's, for a boot */
	int argc;
	/* of argv: the user's parameters [from, to), the disk's, the initial archive's */
	int user_from, user_to, disk_at, initrd_at;
	const char *real_image; /* absolute */
	char *job;
	size_t job_size;
	const struct agent *agent; /* or NULL */
	/* of its template (template.h); NULL: it can have none */
	const char *key;
	/* the template's folder, locked; -1: there is none */
	int template;
	/* NULL-terminated; empty: the image's command, or a login shell */
	char **command;
	/* ---- of `run -d` (service/) ---- */
	bool detach, interactive, rm;
	/* it is made, and not started */
	bool create;
	/* --systemd: a unit of systemd starts it */
	bool unit;
	/* --name, and the image as it was given; --restart's text, or NULL */
	const char *name, *image_name, *restart;
	/* the last option that only it can have, or NULL */
	const char *detached_option;
	/*
	 * Options for each later start, independent of folder and environment; NULL-terminated once
	 * there are some.
	 */
	char **words;
	int nr_words;
	/* "NAME=VALUE", and "80/tcp -> 127.0.0.1:8080"; NULL-terminated once there are some */
	char **labels, **ports;
	int nr_labels, nr_ports;
	/*
	 * lists that end in NULL, or NULL: the last -p, as words with the ports that were chosen
	 * (it was a parameter without them); of ports, those whose port of the host was chosen;
	 * "80/tcp" or "80-90/udp" of --expose
	 */
	char **published, **chosen, **exposed;
	/* --cidfile, of this start; or NULL */
	const char *cidfile;
	bool publish_all;
	/* what the last --mount is for --tmpfs; NULL: it was a volume */
	const char *tmpfs;
	/* what the user says of it */
	struct health_spec health;
	/* 0, and -1: the default */
	int stop_signal, stop_timeout;
	/* 0: the default */
	uint64_t log_size;
	unsigned int log_files;
	/* the end of a killed kernel is a status, 128 + signal */
	bool supervised;
	/* gets a byte when the command starts; -1: no process waits for it */
	int started_fd;
	/* of a supervised one: gets a byte if the host has refused what the guest wrote */
	int lost_fd;
	/* the instance's folder, of which the name may change; -1: it has none */
	int folder_fd;
	/* ---- */
	bool terminal;
	/* without a terminal: output and errors go to one file */
	bool joined;
	bool login; /* a login shell will run */
	/* the kernel's working directory, or / if that is gone; NULL: this one's */
	const char *cwd;
	/* of `restore --attach`: parameters of the lines that have our streams, NULL at the end */
	const char *lines[ATTACH_LINES + 1];
	int fds[3]; /* the kernel's 0, 1, 2 */
	/* our ends: reports of init, and messages to it */
	int status_fd, control_fd;
	int ready;                             /* init is ready for input */
	int status_end, ready_fd, control_end; /* the kernel's */
};

/*
 * True if standard input, output and error are one terminal; and if output and errors are one file
 * (run.c).
 */
bool same_terminal(void);
bool same_output(void);
/* True if the terminal has us in the background, where SIGTTIN stops a reader. */
bool in_background(void);

/* Returns $NESTLING_KERNEL, or nestling beside nestctl or in PATH (run.c). */
const char *default_kernel(void);
/* Returns a name for an fd that the kernel inherits. */
const char *fd_path(int fd);
/* Makes a pipe whose @kept end is the kernel's. Returns the other one. */
int kernel_pipe(int kept, int *end);
/* Returns the path as a name behind ubd0= has to be written. */
const char *without_commas(const char *path);

/* Returns init's job (tools/init/job.h) in memory; sets r->login (job.c). */
char *job_text(struct run *r, size_t *size);

/*
 * Makes a memory file with the initial archive: the built-in init, its devices and its job
 * (initrd.c). Inherited by children. Without a job (NULL) init waits for it.
 * @agent: or NULL.
 */
int initrd_make(const char *job, size_t size, const struct agent *agent);

/* Reads the options of `nestctl run` (parse.c). Dies on an error. */
void run_parse(struct run *r, int argc, char **argv);
/* Runs it as a child of this process (run.c). Returns the exit status of nestctl. */
int run_here(struct run *r);
/*
 * Adds PATH:GUESTPATH[:ro], a folder or a file, where GUESTPATH is a full path; changes @text. Dies
 * on an error.
 */
void run_add_volume(struct run *r, char *text);
/*
 * Adds [[ADDRESS:]HOST:]GUEST[/udp], of which HOST and GUEST may be ranges, and sets r->published
 * (publish.c). False for another form. Dies if no port is free.
 */
bool run_publish(struct run *r, const char *text);
/* Adds a port or range of --expose. Dies if it is invalid. */
void run_expose(struct run *r, const char *text);
/*
 * Adds the ports that the image or --expose exposes and that have none yet; calls @keep after each.
 */
void run_publish_all(struct run *r, void (*keep)(struct run *r));
/*
 * Chooses another port in place of the chosen one that the start has failed for, in all words and
 * parameters. Returns false if @why names no port.
 */
bool run_choose_again(struct run *r, const char *why);
/* Writes @name to the file of --cidfile, which must not exist (settings.c). Dies on an error. */
void run_write_cidfile(const struct run *r, const char *name);
/*
 * Adds VAR=VALUE, or VAR with its value in nestctl's environment, if it is set. Dies on an error.
 */
void run_add_env(struct run *r, const char *text);
/* Adds a string to the job's settings (settings.c). */
void run_add_setting(struct run *r, char letter, const char *text);
/* Options that init carries out (settings.c). They die on an error. */
void run_set_hostname(struct run *r, const char *name);
void run_add_host(struct run *r, const char *text);   /* NAME:ADDRESS */
void run_add_dns(struct run *r, const char *text);    /* ADDRESS */
void run_add_tmpfs(struct run *r, const char *text);  /* DIR[:OPTIONS] */
void run_add_mount(struct run *r, const char *text);  /* type=bind,... (mount.c) */
void run_add_ulimit(struct run *r, const char *text); /* NAME=SOFT[:HARD] */
void run_set_read_only(struct run *r);
void run_set_shm_size(struct run *r, const char *text);
void run_add_sysctl(struct run *r, const char *text); /* NAME=VALUE */
void run_add_group(struct run *r, const char *text);
void run_drop_capability(struct run *r, const char *name); /* ALL, NET_RAW or CAP_NET_RAW */
void run_add_capability(struct run *r, const char *name);
/* Returns the bits of ALL, NET_RAW or CAP_NET_RAW, for an --option. Dies if @name is unknown. */
uint64_t capability_bits(const char *option, const char *name);
/* Returns what --cap-drop and --cap-add leave together. */
uint64_t capabilities_kept(uint64_t drop, uint64_t add);
/* Adds what they mean together. */
void run_limit_capabilities(struct run *r);
/* Options of machines (machine.c). They die on an error. The first returns the hash. */
const char *run_set_password(struct run *r, const char *text);
void run_add_ssh_key(struct run *r, const char *path);
void run_set_cloud_init(struct run *r, const char *path);
/* the kernel's exit status when a machine restarts, which no other end has */
#define MACHINE_RESTARTS 94
struct image_config;
/* True if the image's settings name an init as its command. */
bool machine_has_init(const struct image_config *c);
/* Sets r->machine if the options or the image's settings require it. */
void machine_choose(struct run *r, const struct image_config *c);
/* Adds what depends on the terminal to the settings. */
void machine_settings(struct run *r);
/* Adds the parameters and the pumps of its console. */
void machine_console(struct run *r);
/* Dies: the image cannot be opened, by errno. */
void run_no_image(const struct run *r) __attribute__((noreturn));
/* Adds the parameters hostfs0= ... of the volumes (run.c). */
void run_add_shares(struct run *r);
/* Adds a parameter of the kernel (run.c). */
void run_add(struct run *r, const char *param);

/*
 * Runs the kernel with r->argv to its end and passes on signals and bytes (attend.c). Returns the
 * exit status of nestctl. Dies on an error.
 */
int attend(struct run *r);
/* Takes back what the started kernel has inherited, and lets its streams flow. */
void attend_begin(struct run *r);
/* As attend(), once the kernel @pid has been started. */
int attend_rest(struct run *r, pid_t pid);
/* Executes r->kernel in a child with these three streams. Returns the child. */
pid_t start_kernel(const struct run *r, const char *const *argv, const int fds[3]);
/* Takes the name that a detached instance has by now, before its kernel starts again (run.c). */
void run_follow_name(struct run *r);
/* Makes what only a boot needs, and sets its words of r->argv (run.c). */
void prepare_boot(struct run *r);
/* Blocks the signals that attend() takes. Is called before anything is made. */
void attend_prepare(void);

/*
 * Threads that carry a stream through a pipe (pump.c). pump_input() and pump_output() return the
 * pipe's other end, for the kernel. Input flows once `ready` has a message (or its end). If output
 * has no reader any more, or cannot be written, a line "gN" goes to @control, N being @fd, and the
 * rest is dropped.
 *
 * Once the kernel has its ends, pump_kernel_started() closes ours and starts the threads. @kept:
 * they stay open until pump_kernel_ended(), for another kernel.
 * pump_finish() waits until all output has arrived. Output without a reader is dropped once
 * pump_drop() was called, or @hurry() returns true. Returns false if some could not be written,
 * which a line reports (a reader that has gone is no error).
 */
int pump_input(int fd, int ready);
/* Sets a descriptor that gets a byte once @ready has had its message; @terminal: by no pump. */
void pump_tell_started(int fd, int ready, bool terminal);
int pump_output(int fd, int control);
/* How many bytes wait for the output @to, whose thread is not started yet; takes them, as text. */
int pump_waiting(int to);
char *pump_take(int to);
void pump_kernel_started(const int fds[3], bool kept);
void pump_kernel_ended(const int fds[3]);
void pump_drop(void);
bool pump_finish(bool (*hurry)(void));

#endif
