/* SPDX-License-Identifier: MIT */
/* waitid.h: waitid(2) without the sleep, for io_uring. */
#ifndef NESTLING_TASK_WAITID_H
#define NESTLING_TASK_WAITID_H

#include "kernel/task/signal/signal.h"

/*
 * Checks current's children once, as with WNOHANG; the arguments are those of waitid(2). Returns 0
 * and fills in @info, with info->si_signo 0 if there is nothing to report; or -errno.
 */
long waitid_look(int which, pid_t id, int options, siginfo_t *info);

#endif
