/* SPDX-License-Identifier: MIT */
/* process_ops.h: operations on processes for files: signals, and descriptors of processes. */
#ifndef NESTLING_VFS_PROCESS_OPS_H
#define NESTLING_VFS_PROCESS_OPS_H

#include "kernel/ident/thread_group.h"

struct file;
struct pid;
struct task;

/*
 * kernel/task registers the table before there are programs. The first three are described in
 * kernel/task/signal/signal.h.
 */
struct process_ops {
	int (*send_sig)(int sig, struct task *t, const siginfo_t *info);
	int (*send_sig_group)(int sig, struct task *t, const siginfo_t *info);
	int (*send_sig_one_of_many)(int sig, struct task *t, const siginfo_t *info);
	struct file *(*pidfd_file)(struct pid *pid, u32 flags); /* ERR_PTR */
};
extern const struct process_ops *process_ops;

/*
 * Sends SIGPIPE or SIGXFSZ to current, but not with PF_NO_XFSZ: on Linux a worker would serve this
 * request of io_uring, and its signals do not reach the program.
 */
static inline void send_io_signal(int sig, const siginfo_t *info)
{
	if (!(current->flags & PF_NO_XFSZ))
		process_ops->send_sig(sig, current, info);
}

#endif
