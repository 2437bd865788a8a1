/* SPDX-License-Identifier: MIT */
/*
 * exec_host.h: "exec" of the management console: a command in the instance. What the request brings
 * along (SCM_RIGHTS), and how the kernel's half uses it. nestctl's half is
 * tools/nestctl/run/exec.c.
 *
 * The request "exec" has the descriptors below, EXEC_ERR only without a terminal. The job is a
 * memory file of NUL-terminated strings, of which each but the last begins with a letter:
 *      mMODE                 "terminal", "channels", or "detached": with /dev/null for its files
 *      eNAME=VALUE           a variable of the environment
 *      wDIR, hDIR            the working directory; hDIR falls back to the root
 *      uUID:GID[:GID...]     user, group and supplementary groups
 *      cMASK                 the capabilities that it may ever have, bits in hexadecimal
 *      sROWS COLUMNS         the terminal's size
 * Then come an empty string, the command and its arguments.
 *
 * Packets on the control socket are text. To the kernel:
 *      sN                    signal N for the command's process group
 *      wROWS COLUMNS         the terminal's size
 * From the kernel, of a detached command:
 *      b                     it runs
 * From the kernel, once:
 *      xSTATUS               the command has ended, a status as wait(2) gives it
 *      eERRNO                it could not be started
 *      dERRNO                ... because of its folder
 *      tERRNO                ... for want of a terminal
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
 * Takes @fd, also on failure, and returns a number for it (os_object_add()) or -errno. @irq >= 0:
 * it must be a connected unix socket, whose readiness raises @irq once it has been waited for. -1:
 * it is a job.
 *
 * To the calls below 0 is a descriptor of the process that was saved: its other end has gone.
 */
int exec_host_adopt(int fd, int irq);
void exec_host_close(int end);
/* True if the machine knows nothing of it when it is put back. */
int exec_host_is_after_mark(int end);
/*
 * Reads the memory file @end. Returns its bytes, or -errno; -E2BIG if it has more than @size. Never
 * waits: -EINVAL for other files.
 */
long exec_host_read_job(int end, void *buf, size_t size);

/*
 * Returns bytes, or 0 at the end. -EAGAIN: none now, and @irq will be raised when some arrive. Or
 * -errno.
 */
long exec_host_recv(int end, void *buf, size_t n);
/*
 * Returns the bytes taken. -EAGAIN: none, and @irq will be raised when the socket has room. -EPIPE:
 * the reader has gone.
 */
long exec_host_send(int end, const void *buf, size_t n);
/*
 * True if exec_host_recv() (@out: exec_host_send()) would not return -EAGAIN; else @irq is raised
 * later. Sets *gone if the peer has gone.
 */
int exec_host_ready(int end, int out, int *gone);

#endif
