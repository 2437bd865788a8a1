/* SPDX-License-Identifier: MIT */
/*
 * job.h: the job for the built-in init: the file /job, or what the host sends on /dev/tty5, a line
 * "jSIZE" followed by SIZE bytes. The job consists of NUL-terminated strings. Each string before
 * the first empty one begins with a letter for its kind:
 *
 *    mMODE          "terminal", "channels", or "joined": output and errors are one channel, so that
 *                   their order is kept; "machine": the image's own init becomes process 1
 *    hNAME          the host name, also for /etc/hosts (empty: no change)
 *    iNAME          the instance's name, which DHCP requests contain
 *    tTERM          the kind of terminal
 *    vDIR           mount point of the host's folder number 0, 1 ... (the kernel's hostfs0= ...),
 *                   in their order
 *    VNAMEPATH      mount point of a host's file: NAME is the only name in its folder; PATH, which
 *                   begins with /, is where the file is mounted
 *    eNAME=VALUE    environment
 *    wDIR           the folder in which the command starts
 *    uUSER[:GROUP]  names or numbers
 *    aADDRESS\tNAME a line of /etc/hosts
 *    dCARD          a card that is configured by DHCP, as eth0 always is
 *    nADDRESS       a name server, in place of those of DHCP except of `nestctl switch`
 *    fDIR[:OPTIONS] a tmpfs, with options of mount(8)
 *    lN SOFT HARD   a limit of the command: RLIMIT_... and its values (setrlimit(2))
 *    r              the root becomes read-only
 *    bSIZE          size of /dev/shm in bytes
 *    yNAME=VALUE    a parameter below /proc/sys, with dots or slashes
 *    GGROUP         a further group of the command, its name or number
 *    cMASK          the command's capability bounding set, in hexadecimal
 *
 * and for a machine (machine.c):
 *
 *    pUSER:HASH     a user's password hash, as of crypt(3)
 *    kKEYS          lines for root's authorized keys
 *    gUSER          the user that systemd logs in on the console; empty: none
 *    sNAME\nTEXT    a file of cloud-init's seed
 *
 * Then follow an empty string and the command; an empty command is the user's login shell. If the
 * archive has a file /agent, that is executed in place of the command, with its words as arguments.
 * For a machine the command is init with its arguments, or its arguments alone.
 */
#ifndef NESTLING_INIT_JOB_H
#define NESTLING_INIT_JOB_H

#include <stdbool.h>
#include <sys/types.h>

#define JOB_VOLUMES_MAX 16
#define JOB_SETTINGS_MAX 256
/* bytes */
#define JOB_MAX (256 * 1024)
/* PATH of a command whose image sets none */
#define JOB_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* maximum of words for a machine's init */
#define JOB_INIT_WORDS 64

/* The job, whose texts are in static memory. Of the texts only @dir and @user may be NULL. */
struct job {
	bool terminal, joined, machine;
	const char *name, *hostname, *term, *dir, *user;
	char *volumes[JOB_VOLUMES_MAX];
	/*
	 * of each volume: the file's name in the host's folder; NULL: the whole folder is mounted
	 */
	const char *files[JOB_VOLUMES_MAX];
	int nr_volumes;
	/* strings with the letters a d n f l r c b y G p k g s, letter included */
	char *settings[JOB_SETTINGS_MAX];
	int nr_settings;
	/* descriptor of the archive's file /agent, executed in place of argv[0]; or -1 */
	int agent;
	char **env;  /* NAME=VALUE, ends in NULL */
	char **argv; /* empty: a login shell */
};

/* Reads /job. False with errno if it is invalid; ENOENT: the host will send the job. */
bool job_read(struct job *job);
/*
 * Waits for the job on @fd, which is raw and non-blocking, and answers with the line "job". False
 * with errno if it is invalid, or if the host has closed its end.
 */
bool job_receive(struct job *job, int fd);
/*
 * Configures the job's cards, and writes /etc/resolv.conf (network.c). @restored: that file will be
 * restored at the end. Reports failures on stderr. Returns NULL, or what has failed, with errno.
 */
const char *network_configure(const struct job *job, bool restored);
/*
 * Watch the cards. network_watch() returns a descriptor that becomes readable when a link changes,
 * or -1. network_changed() then lets a child ask DHCP again for each card whose link has come back:
 * the link may lead to another network, the server may have lost its tables, or the card may have a
 * new MAC address (a clone). network_reaped() must be called with each child that has ended.
 * @close_pipes: closes what the child must not keep open, and is called in it.
 */
int network_watch(void (*close_pipes)(void));
void network_changed(int fd);
void network_reaped(pid_t pid);
#define RESOLV_CONF "/etc/resolv.conf"
/* bytes of init's lines in the file, with the NUL */
#define RESOLV_MAX 8192
/*
 * resolv.c: resolv_begin() moves the image's file aside, to be restored later. resolv_written()
 * must follow once the new file is written, and leaves a note for the agent. Errors are ignored.
 */
void resolv_begin(void);
void resolv_written(void);
/* Replaces RESOLV_CONF at once by a file with @text. False with errno; the old file then stays. */
bool resolv_write(const char *text);
/*
 * Replaces the lines @from of RESOLV_CONF by @to, and leaves other lines as they are. @from "":
 * replaces the whole file. A file without the lines @from is the guest's and stays. Errors are
 * ignored.
 */
void resolv_replace(const char *from, const char *to);
/*
 * For the agent of a build. resolv_take_note(), before the command, reads and removes the note of
 * resolv_written(). resolv_restore(), after the command, puts the image's file back, and the mtime
 * of /etc if the command has changed no name in it. Also undoes resolv_begin() in init.
 */
void resolv_take_note(void);
void resolv_restore(void);

/*
 * Adds localhost and @name to /etc/hosts, if they are missing (hosts.c). An invalid @name is left
 * out. Does nothing if the file cannot be opened, is no regular file or has more than 1 MiB.
 * Reports a failed write on stderr.
 */
void hosts_add(const char *name);
/*
 * Adds "ADDRESS\tNAME" as the first line of /etc/hosts, unless the file has it (hosts.c). Treats
 * errors as hosts_add() does.
 */
void hosts_add_line(const char *line);
/* Makes a folder and its parents with mode 0755 (init.c). Errors are ignored. */
void make_dirs(const char *path);
/*
 * Applies the job's system settings, once the network is up (settings.c). Returns NULL, or the name
 * of what has failed, with errno. So do the functions below that return a text.
 */
const char *settings_apply(const struct job *job);
/* Applies the job's limits and its capability bounding set to this process. */
const char *settings_limit(const struct job *job);
/*
 * Looks up @who, USER[:GROUP]; without GROUP the group is that of /etc/passwd. Exits with 126 if
 * the user or group does not exist.
 */
void job_owner(const char *who, uid_t *uid, gid_t *gid);
/*
 * Executes the command as its user, in its folder. Never returns: exits with 126 or 127 if it
 * cannot be executed.
 */
void job_exec(const struct job *job) __attribute__((noreturn));

/* Writes the job's settings of a machine to the image's files (machine.c). */
const char *machine_prepare(const struct job *job);
/* Executes the image's init in place of this process. Returns what could not be executed. */
const char *machine_exec(const struct job *job);

#endif
