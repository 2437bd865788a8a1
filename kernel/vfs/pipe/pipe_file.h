/* SPDX-License-Identifier: MIT */
/* pipe_file.h: pipes and FIFOs as open files (pipe.c). Their buffers: pipe.h. */
#ifndef NESTLING_VFS_PIPE_FILE_H
#define NESTLING_VFS_PIPE_FILE_H

#include "kernel/lib/types.h"

struct file;
struct file_operations;

extern const struct file_operations pipefifo_fops; /* i_fop of inodes of S_IFIFO */
/*
 * Serves F_SETPIPE_SZ and F_GETPIPE_SZ. Returns the size in bytes or -errno; -EBADF: @f is not a
 * pipe.
 */
long pipe_fcntl(struct file *f, u32 cmd, u64 arg);
/*
 * Makes a pipe (pipe/pipe.c): ends[0] is read, ends[1] is written. Returns 0, with a reference to
 * each end for the caller, or -errno.
 */
int create_pipe(struct file *ends[2]);
/*
 * Waits until all readers have closed @f, a pipe open for writing, or until a signal comes.
 * Meanwhile @f does not count as a writer, so that readers see the end.
 */
void pipe_wait_readers(struct file *f);

#endif
