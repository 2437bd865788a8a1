/* SPDX-License-Identifier: MIT */
/*
 * host.h: what host-world files (drivers/X/X_host.c, os-linux itself) may use beside os.h and libc.
 * The kernel world never includes it.
 */
#ifndef NESTLING_OS_HOST_H
#define NESTLING_OS_HOST_H

#include <stdbool.h>
#include <stdio.h>

#include "os-linux/calls.h"
#include "os-linux/os.h"

/* ---- handles ---- */

/*
 * Returns a handle for @fd, which os-linux owns from now on: os_file_close() closes it. Or -EMFILE;
 * then @fd stays open and the caller's.
 */
int os_handle_add(int fd);
/* Returns the host fd behind a handle, or -EBADF. */
int os_handle_fd(int file);

/*
 * ---- objects (object.c) ----
 *
 * Numbers (> 0) by which the kernel world names objects of a host half, in place of pointers: they
 * stay valid over a save and restore. Each host half looks up only its own objects.
 */

/* Returns a number for @object, a pointer of even value, or -ENOMEM. */
int os_object_add(void *object);
/* Gives @object a number that it had before a restore. Returns 0, -EEXIST, -EINVAL or -ENOMEM. */
int os_object_add_as(int number, void *object);
/* Returns the object, or NULL if the number names none. Any thread, without a lock. */
void *os_object(int number);
/* Frees the number. */
void os_object_del(int number);
/* While @keep, no number of a deleted object is given to another one. */
void os_objects_keep(int keep);

/*
 * ---- the event set ----
 *
 * An fd whose readiness raises an interrupt line. One-shot: after it has fired, the back end drains
 * the fd until it would block and then calls os_event_rearm(). Events are EPOLLIN and EPOLLOUT of
 * <sys/epoll.h>. -EPERM: a file of this kind is always ready (a regular file, /dev/null); a worker
 * reads it.
 */
int os_event_add(int fd, uint32_t events, int irq);
int os_event_rearm(int fd, uint32_t events, int irq);
/*
 * Adds @fd as os_event_add() does, but edge-triggered: the line fires each time the fd becomes
 * ready, without a call. For an eventfd that is never read.
 */
int os_event_add_edge(int fd, uint32_t events, int irq);
void os_event_del(int fd);

/* ---- threads ---- */

/*
 * os_vcpu_tid() returns the host thread of a vCPU, 0 before it has started; os_cpu_state() returns
 * its OS_CPU_*. Callable from any thread. Both values may be stale when the caller uses them.
 */
int os_vcpu_tid(int cpu);
/* Returns the vCPU of this thread, or -1. Async-signal-safe. */
int os_vcpu_self(void);
int os_cpu_state(int cpu);

/*
 * Starts a worker: a detached thread with all signals blocked and a stack of 256 KiB. It may block,
 * and reports by os_irq_raise(). Returns 0 or -errno.
 */
int os_worker_start(const char *name, void (*fn)(void *arg), void *arg);

/* ---- the jail (jail/broker.c) ---- */

/*
 * What the process may ask of its broker once it is jailed. Without a jail, and after it has
 * closed, these do nothing. A grant of a folder is one for the names in it.
 */
#define OS_GRANT_READ 1
#define OS_GRANT_WRITE 2
/* hostfs: every file beneath the folder, opened by the process itself */
#define OS_GRANT_BENEATH 4
/* files without a name in the folder (O_TMPFILE), and nothing else there */
#define OS_GRANT_NAMELESS 8
/* files beneath a folder of os_jail_folder(), by their names in the namespace of that folder */
#define OS_GRANT_INSIDE 16
void os_jail_grant(const char *path, unsigned how);
/*
 * Records a regular file that no process writes to: the jailed process may open it again for
 * reading, as /proc/self/fd/N, and give it other names.
 */
void os_jail_know(int fd);
/*
 * Before the close: returns a descriptor (O_PATH) of the folder @dir of hostfs, from which no name
 * leads out once the jail has closed; or -1, if there is none such. @only: the only file in it that
 * counts, or NULL. os_jail_self_fds() does so for /proc/self/fd.
 */
int os_jail_folder(const char *dir, const char *only);
int os_jail_self_fds(void);
/* The host may write a core of this process into the folder. */
void os_jail_cores(const char *folder);
/* Makes the broker call @fn, which must return. Returns -ENOENT without a broker. */
int os_jail_run(void (*fn)(const char *path), const char *path);
/*
 * Registers @fn to be called just before the jail closes, or once it is known that there is no
 * jail. Returns 0 or -ENOSPC. os_jail_is_open() is true until then, if there is a broker: commands
 * of the management console have to wait, since the broker does not receive them yet.
 */
int os_at_jail(void (*fn)(void));
bool os_jail_is_open(void);
/*
 * Writes a path of the file @name in the open folder @dir, and returns it. A jailed process takes
 * it in place of openat(2) and its kin, which its filter leaves to the folders of hostfs.
 */
#define OS_NAME_AT 320
static inline const char *os_name_at(char path[OS_NAME_AT], int dir, const char *name)
{
	snprintf(path, OS_NAME_AT, "/proc/self/fd/%d/%s", dir, name);
	return path;
}
/*
 * Gives a datagram socket to the broker, which passes its packets on. Returns the socket in its
 * place, not blocking, or -errno (-ENOENT: there is no broker); the caller closes @sock. Each
 * packet there has a head.
 */
struct os_relayed {
	uint32_t len; /* of the datagram, which may have been cut */
	uint32_t from_len;
	uint8_t from[128];
};
int os_jail_relay(int sock);
/*
 * Openers: functions of a driver that open what a text of the user names; once the process is
 * jailed, the broker runs them. An opener returns 0, or -errno with a line of text or none in
 * o->text, and leaves descriptors in o->fd; o->text also carries further results for the driver. It
 * runs in a child process that ends with it, and that has the state which this process had at its
 * start. os_jail_opener() returns a number, or -errno; it is called before the close.
 * os_jail_open() returns what the opener returned; -EACCES: no command line or command of the
 * console's owner has the first line of @text as a value; -EIO: the broker has gone.
 */
#define OS_OPENED_MAX 4
struct os_opened {
	int32_t err;
	uint32_t nr;
	int fd[OS_OPENED_MAX];
	char text[256];
};
int os_jail_opener(int (*fn)(const char *text, struct os_opened *o));
int os_jail_open(int opener, const char *text, struct os_opened *o);
/* True once the jail has closed. */
bool os_jailed(void);
/*
 * Before the jail closes: gives a SOCK_SEQPACKET socket one of the few descriptor numbers by which
 * a jailed process may send many packets in a call, and descriptors. Returns that number and closes
 * @fd. Returns @fd itself if it is no such socket, no number is free, or the jail is closed.
 * os_packet_drop() ends the connection; the number stays reserved. It returns false if @fd is none
 * of the numbers: then the caller closes it by close(2).
 */
int os_packet_socket(int fd);
bool os_is_packet_socket(int fd);
bool os_packet_drop(int fd);

/* ---- signals and the end ---- */

/*
 * Sets the function that a vCPU calls on SIGPROF, with its ucontext; NULL: none. @fn must be
 * async-signal-safe.
 */
void os_sample_set(void (*fn)(void *context));

/* Makes @signo (SIGWINCH, SIGUSR1 or SIGUSR2) raise @irq. Returns 0 or -EINVAL. */
int os_signal_irq(int signo, int irq);
/*
 * Registers @fn for os_exit(), which calls the last registered function first, on the thread that
 * ends the process. @fn must be async-signal-safe.
 */
int os_at_exit(void (*fn)(void));
/* Unblocks signals and resets ignored ones, in a child between vfork and exec. */
void os_child_signals(void);
/* With user=, a child becomes that user's between vfork and exec. It ends if it cannot. */
void os_user_become(void);
/* Close descriptors, also on hosts without close_range(2). Callable between vfork and exec. */
void os_close_range(int from, int to);
void os_close_from(int from);
/* Ends like os_exit(), except that @end ends the process. */
void os_end_by(void (*end)(void)) __attribute__((noreturn));
/*
 * Registers functions around SIGTSTP: @stop runs before the stop (puts the terminal back), @cont
 * after SIGCONT (takes it again).
 */
int os_at_stop(void (*stop)(void), void (*cont)(void));

/*
 * Registers how a vCPU in guest code is brought back (os-linux/space.c, for skas): kick(cpu) makes
 * its current skas_run() return soon. It is called from any host thread at any time, even when that
 * vCPU has left guest code; it must not block.
 */
void os_kicker_set(void (*kick)(int cpu));

#endif
