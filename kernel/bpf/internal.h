/* SPDX-License-Identifier: MIT */
/* internal.h: between the files of kernel/bpf. What it is all about: syscall.c; the machine: run.c. */
#ifndef NESTLING_BPF_INTERNAL_H
#define NESTLING_BPF_INTERNAL_H

#include <asm/errno.h>
#include <linux/bpf.h>

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

struct cgroup;

#define EBPF_MAX_INSNS 65536 /* of a program; beyond: E2BIG */
#define EBPF_STACK 512       /* bytes below r10 */
#define EBPF_CTX ((u32)sizeof(struct bpf_cgroup_dev_ctx))

/* ---- the machine: run.c ---- */

/* Runs what ebpf_verify() has passed; the program's r0. Neither sleeps nor fails. */
u64 ebpf_run(const struct bpf_insn *insn, u32 n, const struct bpf_cgroup_dev_ctx *ctx);
/* One operation of BPF_ALU64 (wide) or BPF_ALU, and whether a jump of BPF_JMP (wide) or BPF_JMP32 is taken. */
u64 ebpf_alu(u8 op, bool wide, u64 a, u64 b);
bool ebpf_jump_taken(u8 op, bool wide, u64 a, u64 b);
static inline bool ebpf_is_imm64(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}
static inline u32 ebpf_size(u8 code)
{
	return BPF_SIZE(code) == BPF_W ? 4 :
	       BPF_SIZE(code) == BPF_H ? 2 :
	       BPF_SIZE(code) == BPF_B ? 1 :
					 8;
}

/* ---- what the guest is told of a program that is refused ---- */

struct ebpf_log {
	char *buf; /* NULL: nobody asked */
	u32 size, len;
	bool cut;
};
void ebpf_log(struct ebpf_log *log, const char *fmt, ...) __printf(2, 3);

/* ---- form.c and verify.c: 0, or -EINVAL, -EACCES (as Linux says it), -ENOMEM ---- */

/* Is each instruction one, and the flow among them good? */
int ebpf_check_form(const struct bpf_insn *insn, u32 n, struct ebpf_log *log);
/* All of it: the form, and that no run can do harm. Only a program of @type CGROUP_DEVICE has a context. */
int ebpf_verify(const struct bpf_insn *insn, u32 n, u32 type, struct ebpf_log *log);

/* ---- prog.c: programs and their descriptors ---- */

struct bpf_prog {
	atomic_t refs;
	u32 id;   /* unique while it lives */
	u32 type; /* BPF_PROG_TYPE_* */
	u32 n;
	u32 uid; /* of who loaded it: a kuid */
	bool gpl;
	char name[BPF_OBJ_NAME_LEN];
	u8 tag[BPF_TAG_SIZE]; /* the start of the SHA-1 of its instructions */
	u64 load_time;        /* ns since boot */
	struct bpf_insn insn[];
};

/* A reference, ERR_PTR(-EBADF), or -EINVAL: not a program, or not of @type (0: any). */
struct bpf_prog *bpf_prog_of_fd(u32 fd, u32 type);
void bpf_prog_get(struct bpf_prog *p);
void bpf_prog_put(struct bpf_prog *p); /* may sleep */
bool bpf_admin(int cap);               /* has @cap or CAP_SYS_ADMIN, in the first user namespace */
long bpf_prog_load(const union bpf_attr *a);
long bpf_prog_fd_by_id(const union bpf_attr *a);
long bpf_prog_next_id(const union bpf_attr *a, uaddr_t uattr);
long bpf_prog_info(const union bpf_attr *a, uaddr_t uattr);
void ebpf_tag(const struct bpf_insn *insn, u32 n, u8 tag[BPF_TAG_SIZE]);

int bpf_copy_name(
	char *dst, const char *src); /* of an object: letters, digits, _ and .; or -EINVAL */

/* ---- map.c ---- */

long bpf_map_create(const union bpf_attr *a);
long bpf_map_elem(u32 cmd, const union bpf_attr *a); /* BPF_MAP_*_ELEM and GET_NEXT_KEY */
long bpf_map_freeze(const union bpf_attr *a);
long bpf_map_fd_by_id(const union bpf_attr *a);
long bpf_map_next_id(const union bpf_attr *a, uaddr_t uattr);
long bpf_map_info(const union bpf_attr *a, uaddr_t uattr);
bool bpf_is_map(u32 fd);
int bpf_map_no_batch(u32 fd); /* -EBADF, -EINVAL, or for a map -ENOTSUPP */

/* ---- cgroup.c: programs of groups ---- */

long bpf_cgroup_attach(const union bpf_attr *a);
long bpf_cgroup_detach(const union bpf_attr *a);
long bpf_cgroup_query(const union bpf_attr *a, uaddr_t uattr);

#endif
