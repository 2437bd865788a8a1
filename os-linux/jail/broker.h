/* SPDX-License-Identifier: MIT */
/*
 * broker.h: the messages between the kernel process and its broker (broker.c has the drawing).
 *
 * Messages go from the kernel process to the broker over a SOCK_SEQPACKET socket, each a `struct
 * ask`. Messages before ASK_CLOSED are trusted, since no program of the guest has run yet, and a
 * packet may have several of them. Afterwards the broker treats the kernel process as hostile and
 * accepts only ASK_OPEN, ASK_AGAIN and ASK_GO, whose arguments it checks.
 *
 * A launcher (again.c) receives such messages, too: ASK_WORD and ASK_AGAIN from the broker, and
 * ASK_SIGNAL from the stub.
 */
#ifndef NESTLING_OS_JAIL_BROKER_H
#define NESTLING_OS_JAIL_BROKER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ASK_TEXT 4096
#define ASK_FDS 200
/* bytes of a packet of several messages, each at a multiple of ASK_ALIGN */
#define ASK_PACKET 16384
#define ASK_ALIGN 8

/* tests/jail/lib/chains.py has some of these numbers, too */
enum ask_kind {
	ASK_GRANT, /* text: a path; value: OS_GRANT_* */
	/* descriptor: a file that may be opened again */
	ASK_KNOW,
	/* text: a path; value: void (*)(const char *), called with it */
	ASK_RUN,
	/* descriptors: a datagram socket, and a SOCK_SEQPACKET socket */
	ASK_RELAY,
	/* a descriptor of the kernel process's memory */
	ASK_MEMORY,
	/*
	 * descriptor: the filter's listener; from now on no message is trusted. value: 1 if the
	 * kernel process traces its children (seccomp=off)
	 */
	ASK_CLOSED,
	/*
	 * text: a word that the owner has given; value: 1 if it is in this process's command line.
	 * A launcher replaces a word of its command line by it.
	 */
	ASK_WORD,
	ASK_OPENER, /* value: the opener's address */
	/* value: the opener's number; text: a granted value; the broker answers (openers.c) */
	ASK_OPEN,
	/* text: numbers of descriptors, ":", a state to start from or ""; with these descriptors */
	ASK_AGAIN,
	ASK_GO, /* does what ASK_AGAIN has requested */
	/* value: a signal, from a stub to its launcher (again.c) */
	ASK_SIGNAL,
	/*
	 * text and a descriptor; value: void (*)(const char *, int), called with them in a child
	 * of the broker, once the jail has closed
	 */
	ASK_HELPER,
};

struct ask {
	uint32_t kind, len; /* enum ask_kind; bytes of text, with the 0 */
	uint64_t value;
	char text[ASK_TEXT];
};
#define ASK_HEAD offsetof(struct ask, text)

/* State of the broker. Descriptors are -1 if absent. */
extern struct broker {
	pid_t kernel;
	/* the socket to the kernel process, the filter's listener, the kernel process's memory */
	int ask, listener, memory;
	bool traces; /* the kernel process traces its children */
	/* the datagram socket, and the socket to the kernel process; or -1 */
	int console, relay;
	/* the socket to the launcher; or -1: this broker would become the launcher (again.c) */
	int launcher;
	char cwd[ASK_TEXT]; /* ends with a NUL; "" if unknown */
} broker;

/* ---- broker.c ---- */

/*
 * Forks the broker of this process, before this process has threads, memory or descriptors of the
 * guest. Returns the socket to the broker, or -errno. Does not return in the broker.
 */
int broker_start(void);
/*
 * Sends a message with up to ASK_FDS descriptors, which stay the caller's, and does not wait for
 * its effect. Returns 0 or -errno (-ENAMETOOLONG, -EMFILE). With descriptors, only one thread may
 * call this at a time.
 */
int broker_ask(
	int sock, enum ask_kind kind, uint64_t value, const char *text, const int *fds, int nr_fds);
/*
 * Adds a message without descriptors to a packet, which is sent when it is full or at the next
 * broker_ask(). Only before ASK_CLOSED. Returns 0 or -errno.
 */
int broker_ask_later(int sock, enum ask_kind kind, uint64_t value, const char *text);
/*
 * Receives a message of the kernel process. @fds has room for ASK_FDS + 1 descriptors, or is NULL:
 * then descriptors are closed. Returns the number of descriptors, which the caller closes, or -1 if
 * the socket is closed or the message is malformed. Blocks.
 */
int broker_hear(struct ask *a, int *fds);
/* Writes a line to standard error, marked as the broker's; nothing after LINES_MAX lines. */
void broker_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * ---- known.c: files that the kernel process has had open; @fd is a descriptor of the broker ----
 */
/* Records a regular file. @is_kept: no process writes to the file. */
void known_add(int fd, bool is_kept);
/*
 * Records that the owner has named the file at @path, so that it may be written to: it no longer
 * counts as a file that no process writes to.
 */
void known_let_write(const char *path);
bool known_has(int fd); /* true if the file is recorded */
/* Records a file that got its first name for the kernel process. */
void known_own(int fd);
/*
 * True if the file may get another name: no process writes to it, or it is the kernel process's
 * own.
 */
bool known_may_link(int fd);
/* True if known_add() has recorded the file with is_kept. @dir, @name: as for openat(2). */
bool known_keeps(int dir, const char *name);

/* ---- path.c ---- */

/*
 * Makes @name in the folder @dir, a descriptor of the kernel process or AT_FDCWD, an absolute path.
 * @thread: the thread of the kernel process that makes the call. Returns false for a name that
 * cannot be granted.
 */
bool path_absolute(char *path, size_t size, int thread, int dir, const char *name);
/*
 * Makes a file in memory that stands for the folder @path: path_absolute() takes a descriptor of it
 * for one of the folder. The kernel process may make such files itself, since each path is compared
 * with the grants. Returns a descriptor, or -1 with errno (ENAMETOOLONG: above some 230 bytes).
 */
int path_stand_in(const char *path);

/* ---- files.c: calls that name a file ---- */

/*
 * Records a path that the kernel process may name. @how: OS_GRANT_*. A path that cannot be granted
 * is ignored, and so is a grant of the start for which the table has no room.
 */
void files_grant(const char *path, unsigned how);
/*
 * Records grants for the files that a command of the console's owner names. Returns true if the
 * command gives the instance a name, and its folder has it.
 */
bool files_of_command(const char *text, size_t len);
/* True if the kernel process may name @path. */
bool files_named(const char *path);
/*
 * Opens an O_PATH descriptor for the file behind descriptor @number of the kernel process. Returns
 * it, for the caller to close, or -1 with errno.
 */
int files_hold(int number);
/* True if @path lies in a folder of hostfs, at any depth. */
bool files_beneath(const char *path);
/* True if @path lies in a folder of hostfs that is not shared to be read only. */
bool files_may_change(const char *path);
/*
 * If the call names a file, makes the call if that file is granted, and answers it. Returns false
 * without an answer for other calls.
 */
bool files_call(const struct seccomp_notif *call);
/* As files_call(), for attributes of files that the kernel process has open (attributes.c). */
bool attributes_call(const struct seccomp_notif *call);

/*
 * Returns the name under which the broker opens @path, if that is a file of /proc or /sys that the
 * kernel process may open: tables of the host, and of the processes for which children_has() is
 * true. Returns NULL for other names (proc.c).
 */
const char *proc_file(const char *path);

/*
 * Requests of ptrace(2) that only the broker understands: debug registers of a child
 * (space_debug.c). The third argument points to four addresses, or to where DR6 goes; the fourth is
 * DR7.
 */
#define DEBUG_SET 0x4e534701
#define DEBUG_HITS 0x4e534702
/* Return 0 or -errno. */
int debug_set(pid_t pid, const uint64_t addr[4], uint64_t dr7);
int debug_hits(pid_t pid, uint64_t *dr6);
/*
 * True if @pid is the kernel process or one of its descendants, down to the third generation, and
 * neither the broker nor a descendant of the broker.
 */
bool children_has(int pid);
/* True if children_has(@tid), or if @tid is a thread of the kernel process. */
bool children_owns(int tid);
/*
 * As files_call(), for calls that act on a descendant of the kernel process or on a thread
 * (children.c).
 */
bool children_call(const struct seccomp_notif *call);

/*
 * Answer the call with a value or -errno, or with a duplicate of the broker's descriptor @fd, which
 * the broker still closes.
 */
void answer(const struct seccomp_notif *call, int64_t value);
void answer_fd(const struct seccomp_notif *call, int fd);
/* Copy @n bytes from and to the kernel process's memory. Return false if it is not mapped. */
bool memory_read(uint64_t addr, void *to, size_t n);
bool memory_write(uint64_t addr, const void *from, size_t n);
/*
 * Reads a string of less than @size bytes and its NUL. Returns false if it is longer or not mapped.
 */
bool memory_string(uint64_t addr, char *to, size_t size);

/* ---- openers.c ---- */

struct os_opened;
/* Adds an opener under the next number; ignored if there are sixteen. */
void openers_add(int (*fn)(const char *text, struct os_opened *o));
/* Records a word of the command line or of a command: openers may be asked for its value. */
void openers_word(const char *word);
/*
 * Records a function to call in a child, with a copy of @text and with @fd, which is the broker's
 * from now on.
 */
void openers_helper(void (*fn)(const char *text, int fd), const char *text, int fd);
/*
 * Calls the recorded functions, each in a child, if it is time to. Returns the ms until the next
 * call of openers_helpers(), or -1 if no such function is left or the jail is still open.
 */
int openers_helpers(void);
/* Handles ASK_OPEN: answers with struct os_opened and its descriptors, at once or from a child. */
void openers_open(const struct ask *a);

/* ---- again.c: reboots, and returns to a state ---- */

/* Called before the fork of the broker. Records the launcher, if there is one. */
void again_begin(void);
/* Called in the kernel process. @pid is its broker. */
void again_broker(pid_t pid);
/* Called in the broker. Records a word of the command line. */
void again_word(const char *word);
/* Called in the broker. Replaces a word that places the instance, for the next process. */
void again_place(const char *word);
/* Records the request and takes its descriptors. Returns false if it is not allowed. */
bool again_ask(const struct ask *a, const int *fds, int nr);
/* Carries out the recorded request, and then does not return. Does nothing without a request. */
void again_go(void);

/* ---- own.c ---- */

/*
 * Makes and answers a call that the kernel process makes about itself; returns false without an
 * answer for other calls.
 */
bool own_call(const struct seccomp_notif *call);

/* ---- relay.c: the management console ---- */

/* Forward a packet of the console's clients, or an answer of the kernel process. Never block. */
void relay_in(void);
void relay_out(void);
/* True if the kernel process accepts packets. While it does not, no packet is received. */
bool relay_has_room(void);
/* True while an answer waits for its sender. Each call tries to send it again. */
bool relay_waits(void);

#endif
