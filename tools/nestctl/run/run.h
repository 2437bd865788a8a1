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
#define VOLUMES_MAX 16 /* the kernel has hostfs0 to hostfs15 */
#define NETS_MAX 8

/*
 * A folder or file of the host (its real path) that the instance sees at @guest, an absolute path.
 */
struct volume {
	char *host;
	const char *guest;
	bool rdonly, file;
	/* of --volumes-from, so -v with the same @guest replaces it */
	bool inherited;
};

/*
 * The image of a static program, in memory from @start up to @end, that init runs in place of a
 * command, so that the guest's image need not contain it.
 */
struct agent {
	const char *start, *end;
};

/* The options of a run, and what is prepared for it. Texts and lists are never freed. */
struct run {
	/*
	 * @kernel, @image: paths. Values of options, or NULL: @cow of --keep, @mem of --mem, @ncpus
	 * of --cpus, @forwards of -p (words ",hostfwd="), @dir of -w, @user of -u, @policy of
	 * --policy, @disk of --disk.
	 */
	const char *kernel, *image, *cow, *mem, *ncpus, *forwards, *dir, *user, *policy, *disk;
	/*
	 * values of --net, in their order; NULL is the default kind. run_choose_cards() completes
	 * them, and sets the number N of each card's ethN.
	 */
	const char *nets[NETS_MAX];
	int nr_nets, net_numbers[NETS_MAX];
	/* ",loopback=" with the host ports that the guest may reach, or NULL */
	const char *loopback;
	/* words ",allow=" for the slirp helper, or NULL */
	const char *allow;
	/*
	 * --host-user, or its default; NULL: the kernel process of root's run keeps running as root
	 */
	const char *host_user;
	/* @pids: limit of processes. @timeout: limit in seconds. 0 of either: no limit. */
	unsigned long pids, timeout;
	/* the first kernel parameter that the user has given, or NULL */
	const char *param;
	/* @learns: --learn is given. @audit_fd: an --audit is fd:N. */
	bool learns, audit_fd;
	/* -V, -t and -T are given */
	bool verbose, want_terminal, no_terminal;
	bool no_template; /* always boots */
	/* make a missing template before the start */
	bool make_now;
	bool tell;  /* report why no template is used */
	bool bare;  /* ignore the image's configuration */
	bool as_is; /* change no file of the image */
	struct volume volumes[VOLUMES_MAX];
	int nr_volumes;
	/* "eNAME=VALUE" strings, each with its NUL; @env_size bytes in all, or NULL */
	char *env;
	size_t env_size;
	/*
	 * names of variables from -e, each with its NUL; --env-file does not change these
	 * variables. @given_size bytes in all.
	 */
	char *given_env;
	size_t given_size;
	/* strings of init's job, each with its NUL (settings.c); @settings_size bytes in all */
	char *settings;
	size_t settings_size;
	/* ---- for a machine (machine.c) ---- */
	/*
	 * @init: --init is given. @machine: the image's own init becomes process 1, by --init or by
	 * the image's settings.
	 */
	bool init, machine;
	/*
	 * @password: --password is given. @needs_meta: cloud-init's seed lacks the user's
	 * meta-data.
	 */
	bool password, needs_meta;
	/*
	 * @hash: of --password. @machine_option: the last option that only a machine can have.
	 * Either may be NULL.
	 */
	const char *hash, *machine_option;
	/* ---- for all runs ---- */
	/* --cap-drop and --cap-add, as bits */
	uint64_t cap_drop, cap_add;
	/* --hostname and --entrypoint, or NULL */
	const char *hostname, *entrypoint;
	const char *argv[PARAMS_MAX + 24]; /* kernel's command line for a boot */
	int argc;
	/*
	 * indices into argv: the user's parameters are [from, to), then the disk's and the initial
	 * archive's
	 */
	int user_from, user_to, disk_at, initrd_at;
	const char *real_image; /* an absolute path */
	/* init's job of job_text(), @job_size bytes */
	char *job;
	size_t job_size;
	const struct agent *agent; /* or NULL */
	/* the key of the run's template (template.h); NULL: a template is not possible */
	const char *key;
	/* descriptor of the template's folder, which is locked; -1: there is none */
	int template;
	/* NULL-terminated. Empty: the image's command, or a login shell. */
	char **command;
	/* ---- for `run -d` (service/) ---- */
	bool detach, interactive, rm;
	/* make the instance, but do not start it */
	bool create;
	/* --systemd: a unit of systemd starts the instance */
	bool unit;
	/*
	 * @name, @restart: values of options. @image_name: the image as the user gave it. Or NULL.
	 */
	const char *name, *image_name, *restart;
	/* the last option that only a detached instance can have, or NULL */
	const char *detached_option;
	/*
	 * Options for each later start, which do not depend on working directory and environment.
	 * NULL-terminated once there is one.
	 */
	char **words;
	int nr_words;
	/*
	 * @labels: "NAME=VALUE". @ports: "80/tcp -> 127.0.0.1:8080". NULL-terminated once there is
	 * one.
	 */
	char **labels, **ports;
	int nr_labels, nr_ports;
	/*
	 * Lists that end in NULL, or NULL. @published: words of the last -p, with the host ports
	 * that were chosen. @chosen: those entries of @ports whose host port nestctl has chosen.
	 * @exposed: "80/tcp" or "80-90/udp" of --expose.
	 */
	char **published, **chosen, **exposed;
	/* the file of --cidfile, for this start; or NULL */
	const char *cidfile;
	/* true: the command runs from a template */
	bool begun;
	bool publish_all;
	/* the last --mount as a value of --tmpfs; NULL: it was a volume */
	const char *tmpfs;
	/* the health check that the user has set */
	struct health_spec health;
	/* @stop_signal: number, 0 is the default. @stop_timeout: seconds, -1 is the default. */
	int stop_signal, stop_timeout;
	/* @log_size: bytes of a log file. @log_files: how many are kept. 0: the default. */
	uint64_t log_size;
	unsigned int log_files;
	/* the supervisor's child: a killed kernel ends the run with status 128 + signal */
	bool supervised;
	/* pipe that gets a byte when the command starts; -1: no process waits for it */
	int started_fd;
	/* supervised: pipe that gets a byte if the host has refused data that the guest wrote */
	int lost_fd;
	/* the instance's folder, whose name may change; -1: the instance has none */
	int folder_fd;
	/* ---- for all runs ---- */
	bool terminal;
	/* not a terminal: output and errors go to one file */
	bool joined;
	bool login; /* the command is a login shell */
	/* working directory of the kernel process, or / if it is gone; NULL: nestctl's own */
	const char *cwd;
	/*
	 * for `restore --attach`: parameters of the consoles that get nestctl's streams, ending in
	 * NULL
	 */
	const char *lines[ATTACH_LINES + 1];
	int fds[3]; /* descriptors 0, 1, 2 of the kernel */
	/* nestctl's ends of pipes. @status_fd: init's reports. @control_fd: messages to init. */
	int status_fd, control_fd;
	/* pipe on which init reports that it takes input */
	int ready;
	/* the kernel's ends of the pipes @status_fd, @ready and @control_fd */
	int status_end, ready_fd, control_end;
};

/*
 * same_terminal() is true if standard input, output and error are one terminal, same_output() if
 * standard output and error are one file (run.c).
 */
bool same_terminal(void);
bool same_output(void);
/* True if nestctl is in its terminal's background, where SIGTTIN would stop a reader. */
bool in_background(void);

/*
 * Returns $NESTLING_KERNEL, or nestling beside nestctl or in PATH, or just "nestling" (run.c).
 * Texts of these functions are never freed.
 */
const char *default_kernel(void);
/* Returns the path by which a process that has @fd, or inherits it, can open the file. */
const char *fd_path(int fd);
/*
 * Makes a pipe. The kernel inherits its end @kept (0 reads, 1 writes), which is returned in *end.
 * Returns the other end, which is close-on-exec. Dies on an error.
 */
int kernel_pipe(int kept, int *end);
/* Returns @path with a backslash before each comma, as a name behind ubd0= needs it. */
const char *without_commas(const char *path);

/*
 * Makes the job of the built-in init (tools/init/job.h), which the caller frees. Sets *size,
 * r->login and r->machine (job.c). Dies on an error.
 */
char *job_text(struct run *r, size_t *size);

/*
 * Makes a memory file with the initial archive: the built-in init, its devices and its job
 * (initrd.c). Returns its descriptor, which children inherit. Dies on an error. @job NULL: init
 * waits for its job. @agent may be NULL.
 */
int initrd_make(const char *job, size_t size, const struct agent *agent);

/*
 * Fills @r from the options and words of `nestctl run` (parse.c), which must stay valid. Dies on an
 * error.
 */
void run_parse(struct run *r, int argc, char **argv);
/*
 * Runs the instance as a child of this process until it ends (run.c). Returns nestctl's exit
 * status. Dies on an error.
 */
int run_here(struct run *r);
/*
 * Adds the volume PATH:GUESTPATH[:ro], a folder or a file, where GUESTPATH is an absolute path and
 * PATH may be a volume's name. Changes @text, which must stay valid. Dies on an error.
 */
void run_add_volume(struct run *r, char *text);
/*
 * Returns the words of a card from the value of --network or --net, or NULL for the default kind,
 * which docker's "bridge" and "default" select (docker_words.c). Dies if the kind is unknown.
 */
const char *run_network_kind(const char *text);
/*
 * The cards of a run (cards.c). run_add_net() adds a --net, and dies if it contradicts those
 * before. run_set_nets() replaces all by one; NULL is the default kind. run_has_net() is true if a
 * --net is of this kind.
 */
void run_add_net(struct run *r, const char *text);
void run_set_nets(struct run *r, const char *only);
bool run_has_net(const struct run *r, const char *kind);
/* True if the words of a card, those behind "ethN=", are for this kind. */
bool run_is_card(const char *words, const char *kind);
/* Returns a card's words with the path of a switch made absolute. */
const char *run_absolute_card(const char *words);
/*
 * Completes the list of cards, and adds the job's settings for them; called before job_text(). Dies
 * if an option has no card that can carry it out. run_add_cards() adds the kernel's parameters.
 */
void run_choose_cards(struct run *r);
void run_add_cards(struct run *r);
/*
 * More of docker's options (docker_words.c), which die if a value is invalid. run_set_cidfile()
 * dies if the file exists. run_add_volumes_from() adds the volumes of the kept instance in @text,
 * NAME[:ro|:rw], and calls @keep after each. It skips a volume if one of -v has its guest path. It
 * replaces one of an earlier --volumes-from, and removes from r->words what @word returns for that.
 */
void run_set_cidfile(struct run *r, const char *path);
void run_check_platform(const char *text);
void run_check_pull(const char *text);
void run_add_volumes_from(struct run *r, const char *text, char *(*word)(const struct volume *v),
	void (*keep)(struct run *r));
/*
 * If the last volume has the guest path of an earlier one from --volumes-from, removes the earlier
 * one and its word in r->words. @word: returns the word of a volume.
 */
void run_replace_inherited(struct run *r, char *(*word)(const struct volume *v));
/*
 * Adds [[ADDRESS:]HOST:]GUEST[/udp], where HOST and GUEST may be ranges, and sets r->published
 * (publish.c). Returns false if @text has another form. Dies if the ranges differ in length, if no
 * port is free, if ADDRESS is not one of IPv4, or if the run has more than 64 ports.
 */
bool run_publish(struct run *r, const char *text);
/* Adds a port or range of --expose. Dies if it is invalid. */
void run_expose(struct run *r, const char *text);
/*
 * Publishes the ports that the image or --expose exposes and that are not published yet. Calls
 * @keep after each, with r->published set.
 */
void run_publish_all(struct run *r, void (*keep)(struct run *r));
/*
 * Replaces a chosen host port that another process has taken, in all words and parameters. @why:
 * the message of the failed start. Returns false if the message is not about a chosen port. Dies if
 * no port is free.
 */
bool run_choose_again(struct run *r, const char *why);
/*
 * Writes @name to the new file of --cidfile (settings.c). Dies on an error, or if the file exists.
 */
void run_write_cidfile(const struct run *r, const char *name);
/*
 * Adds VAR=VALUE, or VAR with its value in nestctl's environment if it is set there. Dies on an
 * error.
 */
void run_add_env(struct run *r, const char *text);
/*
 * Adds a string behind @letter (tools/init/job.h) to the job's settings, which copy @text
 * (settings.c).
 */
void run_add_setting(struct run *r, char letter, const char *text);
/*
 * Options that init carries out (settings.c), with the value that the user gave. They die on an
 * error.
 */
void run_set_hostname(struct run *r, const char *name);
void run_add_host(struct run *r, const char *text);   /* NAME:ADDRESS */
void run_add_dns(struct run *r, const char *text);    /* ADDRESS */
void run_add_tmpfs(struct run *r, const char *text);  /* DIR[:OPTIONS] */
void run_add_mount(struct run *r, const char *text);  /* type=bind,... (mount.c) */
void run_add_ulimit(struct run *r, const char *text); /* NAME=SOFT[:HARD] */
void run_set_read_only(struct run *r);
/* SIZE as in parse_size(), not 0 */
void run_set_shm_size(struct run *r, const char *text);
void run_add_sysctl(struct run *r, const char *text); /* NAME=VALUE */
/* a name or number */
void run_add_group(struct run *r, const char *text);
void run_drop_capability(struct run *r, const char *name); /* ALL, NET_RAW or CAP_NET_RAW */
void run_add_capability(struct run *r, const char *name);
/*
 * Returns the bits of @name, bit 0 for CAP_CHOWN: ALL, NET_RAW or CAP_NET_RAW. Dies, naming
 * --@option, if unknown.
 */
uint64_t capability_bits(const char *option, const char *name);
/* Returns the bits of the capabilities that remain after --cap-drop @drop and --cap-add @add. */
uint64_t capabilities_kept(uint64_t drop, uint64_t add);
/* Adds the setting for --cap-drop and --cap-add together. */
void run_limit_capabilities(struct run *r);
/*
 * Options of machines (machine.c). They die on an error. run_set_password() takes a password or its
 * hash, and returns the hash, in static memory or @text.
 */
const char *run_set_password(struct run *r, const char *text);
/* a file with public keys */
void run_add_ssh_key(struct run *r, const char *path);
/* a file with user-data, or a folder with user-data and other files */
void run_set_cloud_init(struct run *r, const char *path);
/* the kernel's exit status when a machine restarts, and only then */
#define MACHINE_RESTARTS 94
struct image_config;
/* True if the command in the image's settings is an init. */
bool machine_has_init(const struct image_config *c);
/*
 * Sets r->machine, r->login and r->no_template if the options or the image's settings require a
 * machine. Dies if other options contradict.
 */
void machine_choose(struct run *r, const struct image_config *c);
/* name of the memory file that nestctl holds for a machine; a save reads from it how to boot */
#define MACHINE_FILE "nestling-machine"
/*
 * Makes this file from the kernel's words @argv, which end in NULL, an empty string, and init's job
 * @job of @size bytes. Returns its descriptor, which children do not inherit. Dies on an error.
 */
int machine_file(const char *const *argv, const char *job, size_t size);
/* Adds the settings that depend on the terminal. */
void machine_settings(struct run *r);
/* Adds the parameters of the machine's console, and its pumps to r->fds if there is no terminal. */
void machine_console(struct run *r);
/* Dies with the reason, from errno, why the image cannot be opened. */
void run_no_image(const struct run *r) __attribute__((noreturn));
/* Adds the kernel's parameters for the volumes, hostfs0= and so on (run.c). */
void run_add_shares(struct run *r);
/* Adds @param to the kernel's parameters, without a copy (run.c). Dies if there are too many. */
void run_add(struct run *r, const char *param);

/*
 * Runs the kernel with r->argv until it ends, and passes signals and streams on (attend.c). Called
 * after attend_prepare(). Returns nestctl's exit status. Dies on an error.
 */
int attend(struct run *r);
/*
 * Closes nestctl's copies of what the started kernel has inherited, and starts to carry its
 * streams.
 */
void attend_begin(struct run *r);
/* The rest of attend(), after attend_begin(), once the kernel @pid has been started. */
int attend_rest(struct run *r, pid_t pid);
/*
 * Executes r->kernel in a child with @fds as its standard streams and @argv, which ends in NULL.
 * The child is killed when this thread ends. Returns its pid. Dies if no process can be made; if
 * the kernel cannot be executed, the child warns and exits with 1.
 */
pid_t start_kernel(const struct run *r, const char *const *argv, const int fds[3]);
/*
 * Takes the present name of a detached instance from r->folder_fd, before its kernel starts again
 * (run.c).
 */
void run_follow_name(struct run *r);
/*
 * Makes the files that only a boot needs, and sets their words in r->argv (run.c). Dies on an
 * error.
 */
void prepare_boot(struct run *r);
/* Blocks the signals that attend() handles. Called before anything is made. */
void attend_prepare(void);

/*
 * Threads that carry a stream through a pipe (pump.c). pump_input() and pump_output() take
 * nestctl's descriptor @fd and return the pipe's other end, for the kernel. Both may be called 3
 * times in all. Input is carried once @ready has a message or is at its end. If output has lost its
 * reader or cannot be written, the line "gN" (N is @fd) is sent to @control, and further output is
 * dropped.
 *
 * Once the kernel has inherited its ends, pump_kernel_started() closes nestctl's copies and starts
 * the threads. @kept: the copies stay open until pump_kernel_ended(), for the next kernel. @fds:
 * r->fds, of which 0 to 2 are never closed.
 *
 * pump_drop() is called repeatedly: it drops the output of each reader that has taken nothing for
 * more than a second of these calls. pump_finish() waits until all output has arrived, and calls
 * pump_drop() while @hurry() is true. It returns false after a message if some output could not be
 * written. Output that was dropped, or whose reader has gone, is no error.
 */
int pump_input(int fd, int ready);
/*
 * Makes pump.c write a byte to @fd once the message on @ready has arrived. @terminal: there is no
 * input pump to wait for @ready, so this call starts a thread that waits.
 */
void pump_tell_started(int fd, int ready, bool terminal);
/* True if init has said on the pipe @ready that the command begins. */
bool pump_was_ready(int ready);
int pump_output(int fd, int control);
/*
 * While the thread of output @to (1 or 2) has not started, pump_waiting() returns the bytes that
 * wait in its pipe. pump_take() reads them as a text that the caller frees.
 */
int pump_waiting(int to);
char *pump_take(int to);
void pump_kernel_started(const int fds[3], bool kept);
void pump_kernel_ended(const int fds[3]);
void pump_drop(void);
bool pump_finish(bool (*hurry)(void));

#endif
