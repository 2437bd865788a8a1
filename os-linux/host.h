/* SPDX-License-Identifier: MIT */
/*
 * host.h: what host-world files (drivers/X/X_host.c, os-linux itself) may use beside os.h and libc. Never included by kernel world.
 */
#ifndef NESTLING_OS_HOST_H
#define NESTLING_OS_HOST_H

#include "os-linux/os.h"

/* ---- handles ---- */

/* A handle for @fd, which os-linux owns from now on (os_file_close() closes it). Or -EMFILE (@fd is not closed then). */
int os_handle_add(int fd);
/* The host fd behind a handle, or -EBADF. */
int os_handle_fd(int file);

/* ---- the event set ----
 * An fd whose readiness raises an interrupt line. One-shot: after it has fired, the back end drains the fd until it would
 * block and then calls os_event_rearm(). EPOLLIN and EPOLLOUT of <sys/epoll.h>. -EPERM: this kind of file is always ready
 * (regular files, /dev/null); read it on a worker.
 */
int os_event_add(int fd, uint32_t events, int irq);
int os_event_rearm(int fd, uint32_t events, int irq);
/* As os_event_add(), but each time that the fd becomes ready again it fires anew, without a call: for an eventfd that nobody reads. */
int os_event_add_edge(int fd, uint32_t events, int irq);
void os_event_del(int fd);

/* ---- threads ---- */

/* The host's thread of a vCPU, 0: not begun yet; OS_CPU_*. From any thread; both may be old when they are looked at. */
int os_vcpu_tid(int cpu);
int os_vcpu_self(void); /* the vCPU of this thread, or -1; async-signal-safe */
int os_cpu_state(int cpu);

/* A worker: all signals blocked, 256 KiB stack, detached. It may block; it reports by os_irq_raise(). 0 or -errno. */
int os_worker_start(const char *name, void (*fn)(void *arg), void *arg);

/* ---- signals and the end ---- */

/* SIGWINCH, SIGUSR1 or SIGUSR2 raises @irq. 0 or -EINVAL. */
int os_signal_irq(int signo, int irq);
/* Called by os_exit(), last registered first, on the thread that ends the process; async-signal-safe code only. */
int os_at_exit(void (*fn)(void));
/* Unblocks signals and resets ignored ones, in a child between vfork and exec. */
void os_child_signals(void);
/*
 * Closes descriptors, also without close_range(2). Can be called between vfork and exec.
 */
void os_close_range(int from, int to);
void os_close_from(int from);
/* os_exit(), but @end ends the process. */
void os_end_by(void (*end)(void)) __attribute__((noreturn));
/* Called around SIGTSTP: before the stop (put the terminal back) and after SIGCONT (take it again). */
int os_at_stop(void (*stop)(void), void (*cont)(void));

/*
 * skas (os-linux/space.c) says how a vCPU in guest code is brought back: kick(cpu) makes its current skas_run() return soon. It may
 * be called from any host thread, at any time, also when that vCPU is no longer in guest code; it must not block.
 */
void os_kicker_set(void (*kick)(int cpu));

#endif
