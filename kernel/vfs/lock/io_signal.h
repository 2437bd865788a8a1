/* SPDX-License-Identifier: MIT */
/* io_signal.h: signals for what current writes. kernel/task/signal/signal.h comes before it. */
#ifndef NESTLING_VFS_IO_SIGNAL_H
#define NESTLING_VFS_IO_SIGNAL_H

/*
 * SIGPIPE, SIGXFSZ; not (PF_NO_XFSZ) where Linux leaves a request of io_uring to a worker, whose
 * signals are not the program's.
 */
static inline void send_io_signal(int sig, const siginfo_t *info)
{
	if (!(current->flags & PF_NO_XFSZ))
		send_sig(sig, current, info);
}

#endif
