/* SPDX-License-Identifier: MIT */
/*
 * ptrace.c: guest code under PTRACE_SYSEMU. Not there yet: it refuses.
 */
#include "skas/internal.h"

static int ptrace_attach(struct runner *r)
{
	return -EOPNOTSUPP;
}

static void ptrace_run(struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline, struct skas_event *ev)
{
	*ev = (struct skas_event){ .type = EV_DEAD };
}

static int ptrace_stop(struct runner *r)
{
	return -EOPNOTSUPP;
}

const struct skas_ops ptrace_ops = {
	.name = "ptrace",
	.attach = ptrace_attach,
	.run = ptrace_run,
	.stop = ptrace_stop,
};
