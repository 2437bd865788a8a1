/* SPDX-License-Identifier: MIT */
/*
 * jail.h: the calls that the kernel process makes after its start, as data (table.c).
 * filter.c makes the filter of it, `nestling --jail` prints it, docs/security.md has it.
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
 * A check that the low half of argument @arg, ANDed with @mask, is one of the @n values. The host's
 * calls with such arguments read only that half.
 */
struct jail_check {
	uint8_t arg, n;
	uint32_t mask;
	uint32_t value[JAIL_VALUES];
};

enum jail_action {
	JAIL_ALLOW,  /* if all checks hold */
	JAIL_ABSENT, /* -ENOSYS, if all checks hold */
	/* the broker makes the call, if the name in it is granted; for --jail only */
	JAIL_ASK,
};

/* What a row is for; 0: always. */
#define JAIL_HOSTFS 1 /* instances with folders of the host */
#define JAIL_TRACE 2  /* seccomp=off */
#define JAIL_SCOPED 4 /* Landlock keeps signals, jail_scope() */
#define JAIL_OLD 8    /* hosts without epoll_pwait2 */
#define JAIL_EVERY_PROFILE 15

struct jail_row {
	const char *name;
	int nr;
	enum jail_action action;
	unsigned profile;
	const char *rule, *why;
	struct jail_check check[JAIL_CHECKS];
};

/*
 * Rows of calls with checks may come more than once: one of them has to admit the call. A call that
 * has no row ends the process.
 */
extern const struct jail_row jail_table[];
extern const size_t jail_rows;

/*
 * In a check of the table: the number of this process, and the first of the descriptors of
 * packets.c, with the mask for all of them.
 */
#define JAIL_SELF 0xfffffffeU
#define JAIL_PACKETS 0xfffffffdU
#define PACKETS 16
#define PACKETS_MASK (~(uint32_t)(PACKETS - 1))
struct jail_numbers {
	uint32_t self, packets;
};

/*
 * Writes the filter of the table to @insn, JAIL_FILTER_MAX of them, with the rows of @profiles.
 * What it does not admit is @otherwise. Returns the number of instructions, or -E2BIG.
 */
int jail_filter(struct sock_filter *insn, const struct jail_numbers *numbers, unsigned profiles,
	uint32_t otherwise);
#define JAIL_ARCH 0xc000003eU /* AUDIT_ARCH_X86_64 */

/* Returns the name of a call of the host, or NULL (names.c). */
const char *jail_call_name(int nr);

/* True if the process is jailed, and may not use ptrace(2). */
bool jail_has_no_ptrace(void);

/*
 * packets.c: from now on, the sockets have their numbers for good. Sets @number to the first one.
 * Returns 0 or -errno.
 */
int packets_close(uint32_t *number);

/* ---- what each thread gives up (threads.c) ---- */

/*
 * At the start: signals of this process reach itself and its children only, where Landlock can.
 * @folders: what folders_begin() returned; it is closed.
 */
void jail_scope(int folders);
bool jail_is_scoped(void);
/* Lets hostfs name, after the close, the file or what is beneath the folder. */
void jail_beneath(const char *path);
bool jail_has_beneath(void);
/*
 * All threads give up capabilities, names of files, TCP. Those of JAIL_HOSTFS stay if @profiles has
 * it. Returns 0 or -errno.
 */
int jail_threads(unsigned profiles);
/* os_jail_open() over the broker's socket (openers.c). */
struct os_opened;
int jail_open(int sock, int opener, const char *text, struct os_opened *o);
/* All other threads stop for ever, before another process takes the place of this one. */
void jail_park(void);

/*
 * again.c: another process takes the place of this one, which is jailed and the only thread that
 * does anything: it starts from the state @dir, or "" for a boot. @sock: the broker's.
 */
void jail_again(int sock, const char *dir) __attribute__((noreturn));

/* ---- a namespace for the folders of hostfs (folders.c) ---- */

/*
 * At the start: makes it, if there may be such folders. Returns the folder that will be its root,
 * or -1: the rules of Landlock count for names there, too.
 */
int folders_begin(char **argv);
/* The helper ends, if there is one. */
void folders_end(void);
/* No folder is added any more. Returns 0 or -errno: the folders that drivers have are of no use. */
int folders_close(void);
/* The calling thread enters the namespace, if there is one. Async-signal-safe. */
void folders_enter(void);
/* All threads have done so. */
void folders_entered(void);
bool folders_have_space(void);
/* True if the process has capabilities for this alone. */
bool folders_have_joined(void);

/* ---- user= (user.c) ---- */

/*
 * At the start: reads the parameter, and makes namespaces. Ends the process if it is wrong, and not
 * optional. @jail: there is to be one, and the host can.
 */
void user_begin(char **argv, bool jail);
/*
 * The calling thread becomes the user's, in its namespaces. It @keeps what capabilities it may use,
 * but has none in its effective set then. Async-signal-safe.
 */
void user_close(bool keeps);
/* All threads have done so. */
void user_end(void);

/* ---- jail=log: the calls that the jail would stop (log.c) ---- */

/*
 * Starts the process that hears of the calls: it writes a line for each call and place that it has
 * not seen before to standard error, or to $NESTLING_JAIL_LOG, and lets the call pass. Returns
 * where the caller writes the number of the filter's listener as soon as it has it, since each of
 * its calls waits from then on; -1 if there is none. The process has it when the number is 0 again.
 * NULL with errno: no process.
 */
int *jail_log_start(void);

#endif
