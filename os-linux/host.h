/* SPDX-License-Identifier: MIT */
/*
 * host.h: what host-world files (drivers/X/X_host.c, os-linux itself) may use beside os.h and libc.
 * The kernel world never includes it. Unless a comment says otherwise, functions are callable from
 * any host thread, never block, and return 0 or -errno if they return int.
 */
#ifndef NESTLING_OS_HOST_H
#define NESTLING_OS_HOST_H

#include <stdbool.h>
#include <stdio.h>

#include "os-linux/calls.h"
#include "os-linux/os.h"

/* ---- handles ---- */

/*
 * Returns a handle for @fd, or -EMFILE. On success os-linux owns @fd, and os_file_close() closes
 * it. On failure the caller still owns it.
 */
int os_handle_add(int fd);
/* Returns the host fd behind a handle, or -EBADF. The handle still owns the fd. */
int os_handle_fd(int file);

/*
 * ---- objects (object.c) ----
 *
 * Numbers > 0 with which the kernel world names objects of a host half. Unlike pointers they stay
 * valid over a save and restore. Each host half looks up only its own objects, which it owns. The
 * table has a mutex.
 */

/* Returns a number for @object, a pointer of even value, or -ENOMEM. */
int os_object_add(void *object);
/*
 * Gives @object a number that it had before a restore. Returns 0, -EEXIST (in use), -EINVAL (no
 * possible number) or -ENOMEM.
 */
int os_object_add_as(int number, void *object);
/* Returns the object, or NULL if the number names none. Any thread, without a lock. */
void *os_object(int number);
/* Frees the number; the caller frees the object. Ignores a number that names no object. */
void os_object_del(int number);
/*
 * From a call with @keep until one without, the numbers of objects that exist now are not used
 * again when these are deleted.
 */
void os_objects_keep(int keep);

/*
 * ---- the event set ----
 *
 * Makes the readiness of @fd raise interrupt line @irq. One-shot: after the line has fired, the
 * back end drains the fd until it would block and then calls os_event_rearm(). Events are EPOLLIN
 * and EPOLLOUT of <sys/epoll.h>. -EPERM: the file is always ready (a regular file, /dev/null), so a
 * worker has to read it. Called after os_irq_setup(). The caller keeps @fd, and calls
 * os_event_del() before it closes it.
 */
int os_event_add(int fd, uint32_t events, int irq);
int os_event_rearm(int fd, uint32_t events, int irq);
/*
 * Adds @fd as os_event_add() does, but edge-triggered: the line fires each time the fd becomes
 * ready, without os_event_rearm(). For an eventfd that is never read.
 */
int os_event_add_edge(int fd, uint32_t events, int irq);
/* Removes @fd from the set. An event of it may already be pending. */
void os_event_del(int fd);

/* ---- threads ---- */

/*
 * Returns the id of a vCPU's host thread, or 0 before it has started. May be stale when the caller
 * uses it.
 */
int os_vcpu_tid(int cpu);
/* Returns the vCPU of this thread, or -1. Async-signal-safe. */
int os_vcpu_self(void);
/* Returns a vCPU's state, OS_CPU_*, which may be stale when the caller uses it. */
int os_cpu_state(int cpu);

/*
 * Starts a worker: a detached thread with a stack of 256 KiB and all signals blocked except
 * synchronous faults and SIGURG, which calls fn(arg) and ends when that returns. It may block, and
 * reports results with os_irq_raise(). @name is copied, cut to 15 characters.
 */
int os_worker_start(const char *name, void (*fn)(void *arg), void *arg);

/* ---- the jail (jail/broker.c) ---- */

/*
 * What the jailed process may later ask of its broker: each grant is recorded before the jail
 * closes. Without a jail, and after the close, these functions do nothing. A grant for a folder
 * covers the names in it.
 */
#define OS_GRANT_READ 1
#define OS_GRANT_WRITE 2
/* hostfs: every file beneath the folder, opened by the process itself */
#define OS_GRANT_BENEATH 4
/* files without a name (O_TMPFILE) in the folder, and no others */
#define OS_GRANT_NAMELESS 8
/* files beneath a folder of os_jail_folder(), by their names in the namespace of that folder */
#define OS_GRANT_INSIDE 16
/* the names in the folder, and the folder, may be removed */
#define OS_GRANT_REMOVE 32
/* with OS_GRANT_BENEATH: to read only */
#define OS_GRANT_LOOK 64
void os_jail_grant(const char *path, unsigned how);
/*
 * Records a regular file that no process writes to: the jailed process may open it again for
 * reading, as /proc/self/fd/N, and link it under other names.
 */
void os_jail_know(int fd);
/*
 * Called before the jail closes. Returns an O_PATH descriptor of hostfs's folder @dir, in a
 * namespace where no path leads out of the folder once the jail has closed; or -1 if that is not
 * possible. @only names the only file of the folder that is needed, or is NULL. The host lets no
 * process open a device by the descriptor, nor, with @read_only, change anything.
 * os_jail_self_fds() returns such a descriptor of /proc/self/fd, which it keeps; the caller owns
 * that of the folder.
 */
int os_jail_folder(const char *dir, const char *only, bool read_only);
int os_jail_self_fds(void);
/* Allows the host to write a core of this process into the folder. */
void os_jail_cores(const char *folder);
/*
 * Makes the broker call @fn, which must return, with a copy of @path (less than 4096 bytes). Does
 * not wait for it. Returns 0 or -errno (-ENOENT without a broker). Before the jail closes only.
 */
int os_jail_run(void (*fn)(const char *path), const char *path);
/*
 * Makes the broker call @fn in a child process once the jail has closed, with a copy of @text (less
 * than 4096 bytes) and a duplicate of @fd, which stays the caller's. The child has the state which
 * this process had when the broker was forked, and ends when @fn returns. Its own children become
 * children of the broker. Returns 0 or -errno (-ENOENT without a broker). Before the jail closes
 * only.
 */
int os_jail_helper(void (*fn)(const char *text, int fd), const char *text, int fd);
/*
 * Registers @fn to be called just before the jail closes. In a process with a broker that gets no
 * jail, it is called when that is decided; without a broker, never. Returns 0, or -ENOSPC after 16
 * functions. os_jail_is_open() is true until then if there is a broker. The management console
 * delays its commands meanwhile, since the broker does not receive them yet.
 */
int os_at_jail(void (*fn)(void));
bool os_jail_is_open(void);
/*
 * Writes the path of the file @name in the open folder @dir to @path, and returns @path. A jailed
 * process uses such paths instead of openat(2) and similar calls, which its filter admits for the
 * folders of hostfs only.
 */
#define OS_NAME_AT 320
static inline const char *os_name_at(char path[OS_NAME_AT], int dir, const char *name)
{
	snprintf(path, OS_NAME_AT, "/proc/self/fd/%d/%s", dir, name);
	return path;
}
/*
 * Gives a datagram socket to the broker, which relays its packets. Returns a non-blocking socket to
 * use in its place, or -errno (-ENOENT: there is no broker). The caller closes @sock in any case.
 * On the returned socket each packet begins with struct os_relayed.
 */
struct os_relayed {
	uint32_t len; /* bytes of the datagram, maybe cut */
	uint32_t from_len;
	/* to the kernel process: the command's name is that of the instance's folder (1) */
	uint32_t is_its_name;
	uint8_t from[128];
};
int os_jail_relay(int sock);
/*
 * Openers: functions of a driver that open what a string of the user names. Once the process is
 * jailed, the broker runs them, each in a child process that ends with it and that has the state
 * which this process had when the broker was forked. An opener returns 0, or -errno with an
 * optional line of text in o->text, and leaves descriptors in o->fd; o->text also carries further
 * results for the driver. os_jail_opener() registers an opener before the close and returns its
 * number, or -errno. os_jail_open() runs it, blocks until it has ended, and returns its result; the
 * caller then owns the o->nr descriptors. -EACCES: the first line of @text is no value of a
 * parameter on the command line or in a command of the console's owner. -EAGAIN: the broker has too
 * many children. -EPIPE or -EIO: the broker has died.
 */
#define OS_OPENED_MAX 4
struct os_opened {
	int32_t err; /* 0 or -errno */
	uint32_t nr; /* descriptors in fd */
	int fd[OS_OPENED_MAX];
	char text[256];
};
int os_jail_opener(int (*fn)(const char *text, struct os_opened *o));
int os_jail_open(int opener, const char *text, struct os_opened *o);
/* True once the jail has closed. */
bool os_jailed(void);
/*
 * Before the jail closes: gives a SOCK_SEQPACKET socket one of the few descriptor numbers by which
 * a jailed process may send descriptors, and many packets in a call. Returns that number and closes
 * @fd. Returns @fd itself if it is another kind of socket, no number is free, or the jail is
 * closed. os_packet_drop() ends the connection; the number stays reserved. It returns false if @fd
 * is none of these numbers: then the caller closes @fd itself.
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
 * ends the process. @fn must be async-signal-safe. Returns 0 or -ENOSPC.
 */
int os_at_exit(void (*fn)(void));
/* Unblocks signals and resets ignored ones. Called by a child between vfork and exec. */
void os_child_signals(void);
/*
 * With user=, makes a child that user's process between vfork and exec. Ends the child on failure.
 */
void os_user_become(void);
/*
 * Close the descriptors in [from, to], or from @from on, also on hosts without close_range(2).
 * Callable between vfork and exec.
 */
void os_close_range(int from, int to);
void os_close_from(int from);
/* Ends the process like os_exit(), but with @end as the last step. */
void os_end_by(void (*end)(void)) __attribute__((noreturn));
/*
 * Registers functions for job control: @stop runs before SIGTSTP stops the process (it restores the
 * terminal's settings), @cont after SIGCONT (it changes them again). Both run on the signal thread.
 * Returns 0 or -ENOSPC.
 */
int os_at_stop(void (*stop)(void), void (*cont)(void));

/*
 * Registers the function with which a vCPU is brought back from guest code (os-linux/space.c
 * registers its kick_cpu()): kick(cpu) makes the vCPU's current skas_run() return soon. It is
 * called from any host thread at any time, even when that vCPU has left guest code, and must not
 * block.
 */
void os_kicker_set(void (*kick)(int cpu));

#endif
