/* SPDX-License-Identifier: MIT */
/* helper.h: kernel functions that programs call: their arguments, results and implementations. */
#ifndef NESTLING_BPF_HELPER_H
#define NESTLING_BPF_HELPER_H

#include "kernel/bpf/internal.h"

enum arg {
	ARG_NONE,
	/* Any initialised value. A pointer only if the program may learn addresses. */
	ARG_ANY,
	ARG_CTX,       /* the context */
	ARG_MAP,       /* a map, to which later arguments refer */
	ARG_KEY,       /* memory of the map's key_size */
	ARG_VALUE,     /* memory of the map's value_size */
	ARG_VALUE_OUT, /* memory of value_size, to write */
	ARG_MEM,       /* memory to read; size: next argument */
	ARG_MEM_OUT,   /* memory to write; size: next argument */
	ARG_SIZE,      /* size; greater than zero */
	ARG_SIZE_OR_0,
};
/* RET_VALUE: a pointer to a value of the map, or NULL. */
enum ret { RET_NUMBER, RET_NOTHING, RET_VALUE };

struct ebpf_helper {
	const char *name;
	enum arg arg[5]; /* ARG_NONE after the last */
	enum ret ret;
	bool gpl;    /* for programs with a GPL licence only */
	bool packet; /* for types that read packets only */
	bool cgroup; /* for cgroup types only */
	/* @r: the registers; arguments r1 to r5. Returns r0. Does not sleep. */
	u64 (*call)(struct ebpf_machine *m, const u64 *r);
};

const struct ebpf_helper *ebpf_helper_of(u32 id); /* @id: BPF_FUNC_*; NULL if unsupported */

#endif
