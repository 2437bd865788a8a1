/* SPDX-License-Identifier: MIT */
/* helper.h: kernel functions that programs call: their arguments, results and implementations. */
#ifndef NESTLING_BPF_HELPER_H
#define NESTLING_BPF_HELPER_H

#include "kernel/bpf/internal.h"

enum arg {
	ARG_NONE,
	/* Any initialised value; a pointer only if the program may learn addresses. */
	ARG_ANY,
	ARG_CTX,       /* the context */
	ARG_MAP,       /* a map */
	ARG_KEY,       /* memory of the preceding map's key_size */
	ARG_VALUE,     /* memory of its value_size */
	ARG_VALUE_OUT, /* the same size, to be written */
	ARG_MEM,       /* memory to read; its size is next */
	ARG_MEM_OUT,   /* memory to write; its size is next */
	ARG_SIZE,      /* greater than zero */
	ARG_SIZE_OR_0,
};
enum ret { RET_NUMBER, RET_NOTHING, RET_VALUE };

struct ebpf_helper {
	const char *name;
	enum arg arg[5];
	enum ret ret;
	bool gpl;
	bool packet;                                       /* for types that read packets only */
	bool cgroup;                                       /* for cgroup types only */
	u64 (*call)(struct ebpf_machine *m, const u64 *r); /* r[1] to r[5] */
};

const struct ebpf_helper *ebpf_helper_of(u32 id); /* @id: BPF_FUNC_*; NULL: not supported */

#endif
