/* SPDX-License-Identifier: MIT */
/*
 * job.h: the job for the built-in init: the file /job, or what the host sends on /dev/tty5, a line
 * "jSIZE" and so many bytes. It is NUL-terminated strings, of which each but the last ones begins
 * with a letter for its kind:
 *
 *    mMODE          "terminal", "channels", or "joined": output and errors are one channel, so that
 *                   their order is kept; "machine": the image's own init becomes process 1
 *    hNAME          the host name, also for /etc/hosts (empty: no change)
 *    iNAME          the instance's name, which the network's server hears
 *    tTERM          the kind of terminal
 *    vDIR           mount point of the host's folder number 0, 1 ... (the kernel's hostfs0= ...),
 *                   in their order
 *    VNAMEPATH      likewise of a file: NAME is the only name in the folder, PATH, which begins
 *                   with /, where the file is to be seen
 *    eNAME=VALUE    environment
 *    wDIR           the folder in which the command starts
 *    uUSER[:GROUP]  names or numbers
 *    aADDRESS\tNAME a line of /etc/hosts
 *    nADDRESS       a name server, in place of those that DHCP tells
 *    fDIR[:OPTIONS] a tmpfs, with options of mount(8)
 *    lN SOFT HARD   a limit of the command: RLIMIT_... and its values (setrlimit(2))
 *    r              the root becomes read-only
 *    bSIZE          bytes that /dev/shm holds
 *    yNAME=VALUE    a parameter below /proc/sys, with dots or slashes
 *    GGROUP         a further group of the command, its name or number
 *    cMASK          the capabilities that the command may ever have, bits in hexadecimal
 *
 * and of a machine (machine.c):
 *
 *    pUSER:HASH     a user's password, as crypt(3) has it
 *    kKEYS          lines for root's authorized keys
 *    gUSER          the user whom the console logs in, by systemd; empty: nobody
 *    sNAME\nTEXT    a file of cloud-init's seed
 *
 * Then follow an empty string and the command; without one, the user's login shell. If the archive
 * has a file /agent, that is executed with the command's words, whatever the image has. Of a
 * machine it is init with its arguments, or its arguments alone.
 */
#ifndef NESTLING_INIT_JOB_H
#define NESTLING_INIT_JOB_H

#include <stdbool.h>
#include <sys/types.h>

#define JOB_VOLUMES_MAX 16
#define JOB_SETTINGS_MAX 256
#define JOB_MAX (256 * 1024)
/* arguments of a machine's init */
#define JOB_INIT_WORDS 64

struct job {
	bool terminal, joined, machine;
	const char *name, *hostname, *term, *dir, *user;
	char *volumes[JOB_VOLUMES_MAX];
	/* the file's name; NULL: a folder */
	const char *files[JOB_VOLUMES_MAX];
	int nr_volumes;
	/* strings with the letters a n f l r c b y G p k g s */
	char *settings[JOB_SETTINGS_MAX];
	int nr_settings;
	/* the archive's file /agent, executed in place of argv[0]; or -1 */
	int agent;
	char **env;  /* NAME=VALUE, ends in NULL */
	char **argv; /* empty: a login shell */
};

/* Reads /job. False with errno if it is not valid; ENOENT: the host sends it. */
bool job_read(struct job *job);
/* Waits for the job on @fd, which is raw and non-blocking, and says "job" there. As above. */
bool job_receive(struct job *job, int fd);
#define RESOLV_CONF "/etc/resolv.conf"
/*
 * resolv.c. Removes the image's file, before another is written; @restored: or keeps it, to be put
 * back, and resolv_written() must follow.
 */
void resolv_begin(bool restored);
void resolv_written(void);
/* By the agent of a build: before its command, and after it. */
void resolv_take_note(void);
void resolv_restore(void);

/* Adds localhost and @name to /etc/hosts (hosts.c). */
void hosts_add(const char *name);
/* Puts "ADDRESS\tNAME" before the other lines of /etc/hosts, if it is not there (hosts.c). */
void hosts_add_line(const char *line);
/* Makes a folder and its parents (init.c). */
void make_dirs(const char *path);
/*
 * Applies what the job sets of the system, once the network is up (settings.c). Returns NULL, or
 * what could not be done, with errno.
 */
const char *settings_apply(const struct job *job);
/* Applies the job's limits to this process. As above. */
const char *settings_limit(const struct job *job);
/* Looks up USER[:GROUP]; a user's group is that of /etc/passwd. Exits with 126 if there is none. */
void job_owner(const char *who, uid_t *uid, gid_t *gid);
/*
 * Executes the command as its user, in its folder. Never returns: exits with 126 or 127 if it
 * cannot be run.
 */
void job_exec(const struct job *job) __attribute__((noreturn));

/*
 * Writes what the job of a machine wants of the image's files. Returns NULL, or what could not be
 * done, with errno (machine.c).
 */
const char *machine_prepare(const struct job *job);
/* Executes the image's init in place of this process. Returns what could not be run, with errno. */
const char *machine_exec(const struct job *job);

#endif
