/* SPDX-License-Identifier: MIT */
/*
 * jail.h: the calls that the kernel process makes after its start, as data (table.c). filter.c
 * makes the filter from it, `nestling --jail` prints it, and docs/security.md contains it.
 */
#ifndef NESTLING_OS_JAIL_H
#define NESTLING_OS_JAIL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JAIL_VALUES 24
#define JAIL_CHECKS 3
#define JAIL_FILTER_MAX 1024 /* instructions */

/*
 * A check that the low half of argument @arg, ANDed with @mask, is one of the @n values. The host
 * reads only that half of such arguments.
 */
struct jail_check {
	uint8_t arg, n;
	uint32_t mask;
	uint32_t value[JAIL_VALUES];
};

enum jail_action {
	JAIL_ALLOW,  /* if all checks hold */
	JAIL_ABSENT, /* -ENOSYS, if all checks hold */
	/*
	 * the broker makes the call if the name in it is granted; not part of the filter, only for
	 * --jail
	 */
	JAIL_ASK,
};

/* the profiles of instances in which a row applies; 0: all */
#define JAIL_HOSTFS 1 /* instances with folders of the host */
#define JAIL_TRACE 2  /* seccomp=off */
/* instances whose signals Landlock confines: jail_is_scoped() */
#define JAIL_SCOPED 4
#define JAIL_OLD 8 /* hosts without epoll_pwait2 */
#define JAIL_EVERY_PROFILE 15

struct jail_row {
	const char *name; /* of the call; nr is its number */
	int nr;
	enum jail_action action;
	unsigned profile; /* JAIL_HOSTFS etc., or 0 */
	/* for --jail: the condition, and what needs the call */
	const char *rule, *why;
	/* an unused check has n 0 */
	struct jail_check check[JAIL_CHECKS];
};

/*
 * A call may have several rows: the first whose checks all hold decides. A call for which no row
 * decides goes to the broker, which makes it if a row JAIL_ASK allows that, or ends the process.
 */
extern const struct jail_row jail_table[];
extern const size_t jail_rows;

/*
 * placeholders in checks: the pid of this process, and the first descriptor number of packets.c,
 * with the mask for all of them
 */
#define JAIL_SELF 0xfffffffeU
#define JAIL_PACKETS 0xfffffffdU
#define PACKETS 16
#define PACKETS_MASK (~(uint32_t)(PACKETS - 1))
struct jail_numbers {
	uint32_t self, packets;
};

/* The rows of a filter: those of @rows that apply in @profiles. */
struct jail_calls {
	const struct jail_row *rows;
	size_t n;
	unsigned profiles;
};

/*
 * Writes the filter of the table to @insn, which has room for JAIL_FILTER_MAX. @otherwise is the
 * action (SECCOMP_RET_*) for all other calls. Returns the number of instructions, or -E2BIG.
 */
int jail_filter(struct sock_filter *insn, const struct jail_calls *calls,
	const struct jail_numbers *numbers, uint32_t otherwise);
#define JAIL_ARCH 0xc000003eU /* AUDIT_ARCH_X86_64 */

/* Returns the name of a call of the host, or NULL (names.c). */
const char *jail_call_name(int nr);

/* True if the process is jailed and may not use ptrace(2). */
bool jail_has_no_ptrace(void);

/*
 * packets.c: makes the numbers of the packet sockets final, and sets *@number to the first one.
 * Returns 0 or -errno.
 */
int packets_close(uint32_t *number);

/* ---- rights that a thread gives up for good (rights.c) ---- */

/* linux/landlock.h as of version 6; older headers have the first member only. */
struct rights {
	uint64_t files, net, scoped;
};
/* all of version 5: names of files, ioctls of devices */
#define RIGHTS_FILES 0xffff
#define RIGHTS_NET 3             /* binding and connecting of TCP; version 4 */
#define RIGHTS_SCOPED_ABSTRACT 1 /* version 6 */
#define RIGHTS_SCOPED_SIGNAL 2   /* version 6 */

/* Returns the version of the host's Landlock, or a number below 1. */
int rights_version(void);
/* Returns those of the rights on files that the host's Landlock knows. */
uint64_t rights_files(uint64_t files);
/*
 * Makes a set of Landlock's rules for those of the rights that the host knows. A thread that it
 * restricts then has none of them. Returns a descriptor, or -1.
 */
int rights_rules(struct rights r);
/*
 * Drops all capabilities but those of @kept from the calling thread's bounding set, and locks
 * SECBIT_NOROOT. Does nothing without CAP_SETPCAP, which an ordinary user does not have.
 * Async-signal-safe, as is rights_keep().
 */
void rights_bound(uint64_t kept);
/* Keeps only the permitted capabilities of @mask, which become effective. */
void rights_keep(uint64_t mask);

/* ---- what each thread gives up (threads.c) ---- */

/*
 * Called at the start. If Landlock supports it, signals of this process can only reach itself and
 * its children. @folders is the descriptor that folders_begin() returned; it is closed.
 */
void jail_scope(int folders);
/* True if jail_scope() has confined signals. */
bool jail_is_scoped(void);
/*
 * Allows hostfs to use, after the close, the file @path or the files beneath the folder @path; with
 * @read_only, to read them. Ignores a path that cannot be opened, and each after the first 64.
 */
void jail_beneath(const char *path, bool read_only);
/* Takes a descriptor for /proc/PID/task of this process, to list its threads after the close. */
void jail_tasks(int fd);
/* True if jail_beneath() has allowed a path. */
bool jail_has_beneath(void);
/*
 * Makes all threads give up capabilities and, by Landlock, names of files, TCP and abstract
 * sockets. If @profiles has JAIL_HOSTFS, the capabilities for it stay; if it has JAIL_TRACE, all
 * but the capabilities stays. Returns 0 or -errno.
 */
int jail_threads(unsigned profiles);
/*
 * Does os_jail_open() over the broker's socket @sock (openers.c). Holds a mutex until the broker
 * answers.
 */
struct os_opened;
int jail_open(int sock, int opener, const char *text, struct os_opened *o);
/* Stops all other threads of this process for ever, before another process replaces it. */
void jail_park(void);

/*
 * again.c: replaces this jailed process, whose only active thread calls it, by another one that
 * starts from the state @dir, or boots for "". @sock is the socket to the broker.
 */
void jail_again(int sock, const char *dir) __attribute__((noreturn));

/* ---- a namespace for the folders of hostfs (folders.c) ---- */

/*
 * Called at the start. Makes the namespace if there may be such folders. Returns the folder that
 * will be its root, to which Landlock's rules must apply, too; or -1.
 */
int folders_begin(char **argv);
/* Ends the helper, if there is one. */
void folders_end(void);
/*
 * Called when no folder is added any more. Returns 0, or -errno if the folders that drivers have
 * are unusable.
 */
int folders_close(void);
/* Makes the calling thread enter the namespace, if there is one. Async-signal-safe. */
void folders_enter(void);
/* Called when all threads have called folders_enter(). */
void folders_entered(void);
bool folders_have_space(void); /* true if there is a namespace */
/* True if the process has capabilities only because it has to enter the namespace. */
bool folders_have_joined(void);

/* ---- user= (user.c) ---- */

/*
 * Called at the start. Reads the parameter and has a child make namespaces. Ends the process if the
 * parameter is wrong and not optional. @jail is true if there is to be a jail and the host supports
 * it.
 */
void user_begin(char **argv, bool jail);
/* Receives the namespaces, before threads call user_close(). May wait for the child. */
void user_spaces(void);
/*
 * Makes the calling thread the user's, in its namespaces. With @keeps, it keeps the permitted
 * capabilities that it may use, but none are effective. Async-signal-safe.
 */
void user_close(bool keeps);
/* Called when all threads have called user_close(). */
void user_end(void);

/* ---- user=dynamic (dynamic.c) ---- */

#define DYNAMIC_LOCKS "/run/nestling-users" /* the file whose bytes are locked */
/*
 * Takes a user number that no other instance or switch has, and writes it to @id. This process and
 * those that it forks have it until all of them have ended or called dynamic_started(). Returns 0,
 * -EPERM if DYNAMIC_LOCKS is not root's alone, -EAGAIN if all numbers that were tried are taken, or
 * another -errno.
 */
int dynamic_take(uint32_t *id);
/* Called by the process that becomes the user, once the one that keeps the number runs. */
void dynamic_started(void);

/* ---- jail=log: the calls that the jail would stop (log.c) ---- */

/*
 * Starts the logger, a process that is notified of the calls: it writes a line for each new pair of
 * call and address to standard error, or to $NESTLING_JAIL_LOG, and lets the call pass. Returns the
 * address of a word, to which the caller writes the number of the filter's listener at once, since
 * each of its calls waits from then on; or -1 if there is no listener. The logger has the listener
 * when the word is 0 again. Returns NULL with errno if there is no logger.
 */
int *jail_log_start(void);

#endif
