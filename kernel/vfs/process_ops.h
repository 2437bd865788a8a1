/* SPDX-License-Identifier: MIT */
/*
 * process_ops.h: the operations of processes that vfs needs: sending signals, and files of pidfds.
 */
#ifndef NESTLING_VFS_PROCESS_OPS_H
#define NESTLING_VFS_PROCESS_OPS_H

#include "kernel/ident/thread_group.h"

struct file;
struct pid;
struct task;

/*
 * The table of those operations. kernel/task registers it before programs run.
 * kernel/task/signal/signal.h describes the three that send signals, which return 0 or -errno.
 */
struct process_ops {
	int (*send_sig)(int sig, struct task *t, const siginfo_t *info);
	int (*send_sig_group)(int sig, struct task *t, const siginfo_t *info);
	int (*send_sig_one_of_many)(int sig, struct task *t, const siginfo_t *info);
	struct file *(*pidfd_file)(struct pid *pid, u32 flags); /* a new file, or ERR_PTR */
};
extern const struct process_ops *process_ops;

/*
 * Sends SIGPIPE or SIGXFSZ to current. With PF_NO_XFSZ no signal is sent: current serves a request
 * of io_uring that on Linux a worker would serve, whose signals do not reach the program.
 */
static inline void send_io_signal(int sig, const siginfo_t *info)
{
	if (!(current->flags & PF_NO_XFSZ))
		process_ops->send_sig(sig, current, info);
}

#endif
