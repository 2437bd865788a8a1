/* SPDX-License-Identifier: MIT */
/*
 * exec_host.h: "exec" of the management console, which runs a command in the instance: the
 * descriptors of the request (SCM_RIGHTS), and the calls by which the kernel's half uses them.
 * nestctl's half is tools/nestctl/run/exec.c.
 *
 * The request "exec" has the descriptors below, EXEC_ERR only without a terminal. The job is a
 * memory file of NUL-terminated strings. The first ones each begin with a letter:
 *      mMODE                 "terminal", "channels", or "detached": with /dev/null for its files
 *      eNAME=VALUE           a variable of the environment
 *      wDIR, hDIR            the working directory; hDIR falls back to the root
 *      uUID:GID[:GID...]     user, group and supplementary groups
 *      cMASK                 its capability bounding set, in hexadecimal
 *      sROWS COLUMNS         the terminal's size
 * Then come an empty string, the command and its arguments.
 *
 * Packets on the control socket are text. To the kernel:
 *      sN                    signal N for the command's process group
 *      wROWS COLUMNS         the terminal's size
 * From the kernel, of a detached command:
 *      b                     it has started
 * From the kernel, once:
 *      xSTATUS               the command has ended, with this wait(2) status
 *      eERRNO                it could not be started
 *      dERRNO                ... because of its working directory
 *      tERRNO                ... because no terminal is free
 * When the client goes, the command gets SIGHUP, unless it is detached.
 */
#ifndef NESTLING_MCONSOLE_EXEC_HOST_H
#define NESTLING_MCONSOLE_EXEC_HOST_H

#include <stddef.h>
#include <stdint.h>

enum { EXEC_CONTROL, EXEC_JOB, EXEC_IN, EXEC_OUT, EXEC_ERR, EXEC_FDS };
#define EXEC_JOB_MAX (128 * 1024)
#define EXEC_PACKET_MAX 64

/*
 * Consumes @fd, also on failure, and returns a number for it (os_object_add()) or -errno. @irq >=
 * 0: @fd must be a connected unix socket; @irq is raised when it becomes ready after a call has
 * returned -EAGAIN. @irq -1: @fd is a job's file.
 *
 * For the calls below, number 0 is a descriptor of the process that was saved: its other end has
 * gone. They never block, and are callable from any vCPU until exec_host_close(). Sizes are bytes.
 */
int exec_host_adopt(int fd, int irq);
/* Closes the descriptor and frees the number. Ignores 0 and a number that is closed already. */
void exec_host_close(int end);
/* True if @end was adopted after the mark, so that the rolled-back machine does not know it. */
int exec_host_is_after_mark(int end);
/*
 * Reads the memory file @end. Returns its bytes, -E2BIG if it has more than @size, or -errno.
 * Returns -EINVAL if it is no regular file: a read of another file could wait for ever.
 */
long exec_host_read_job(int end, void *buf, size_t size);

/*
 * Returns bytes received, or 0 at the end. -EAGAIN: none yet, and @irq will be raised when some
 * arrive. Or -errno.
 */
long exec_host_recv(int end, void *buf, size_t n);
/*
 * Returns the bytes sent, perhaps fewer than @n. -EAGAIN: none, and @irq will be raised when the
 * socket has room. -EPIPE: the reader has gone. Or another -errno.
 */
long exec_host_send(int end, const void *buf, size_t n);
/*
 * True if exec_host_recv() (with @out: exec_host_send()) would not return -EAGAIN. Otherwise @irq
 * is raised when that changes. *gone is set if the peer has closed.
 */
int exec_host_ready(int end, int out, int *gone);

#endif
