/* SPDX-License-Identifier: MIT */
/*
 * exec_host.h: "exec" of the management console: a command in the instance. What the request brings along (SCM_RIGHTS), and how
 * the kernel's half uses it. nestctl's half is tools/nestctl/run/exec.c.
 *
 * The request "exec" has the descriptors below, EXEC_ERR only without a terminal. The job is a memory file of NUL-terminated strings, of
 * which each but the last begins with a letter: mMODE "terminal" or "channels", eNAME=VALUE, wDIR or hDIR (the same, but the
 * root where it cannot be entered), uUID:GID[:GID...] (the groups behind them), sROWS COLUMNS (the terminal's size), an empty string, then the
 * command and its arguments.
 *
 * On the control socket packets are text: to the kernel "sN", signal N for the command's process group; "wROWS COLUMNS", the
 * terminal's size. From the kernel, once: "xSTATUS", the command has ended, a status as wait(2) gives it; or "eERRNO", it could not be
 * started, "dERRNO" because of its folder, "tERRNO" for want of a terminal. When the client goes, the command gets SIGHUP.
 */
#ifndef NESTLING_MCONSOLE_EXEC_HOST_H
#define NESTLING_MCONSOLE_EXEC_HOST_H

#include <stddef.h>
#include <stdint.h>

enum { EXEC_CONTROL, EXEC_JOB, EXEC_IN, EXEC_OUT, EXEC_ERR, EXEC_FDS };
#define EXEC_JOB_MAX (128 * 1024)
#define EXEC_PACKET_MAX 64

/* Bytes of the memory file @fd: how many, or -errno; -E2BIG when there are more than @size. Never waits: -EINVAL for other files. */
long exec_host_read_job(int fd, void *buf, size_t size);
/* @fd must be a unix socket of a connection: its readiness raises @irq when it has been waited for. 0 or -errno. */
int exec_host_adopt(int fd, int irq);
void exec_host_close(int fd);

/* Bytes; 0: the end. -EAGAIN: there are none, and @irq will be raised when there are. -errno. */
long exec_host_recv(int fd, void *buf, size_t n);
/* Bytes that were taken. -EAGAIN: none, and @irq will be raised when there is room. -EPIPE: nobody reads. */
long exec_host_send(int fd, const void *buf, size_t n);
/* Whether exec_host_recv() (@out: exec_host_send()) has something to say now; if not, @irq is raised when it has. Nobody is there: *gone. */
int exec_host_ready(int fd, int out, int *gone);

#endif
