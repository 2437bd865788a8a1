/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations that the files of kernel/bpf share. syscall.c has an overview, run.c
 * describes the machine, map.h the maps.
 */
#ifndef NESTLING_BPF_INTERNAL_H
#define NESTLING_BPF_INTERNAL_H

#include <asm/errno.h>
#include <linux/bpf.h>

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct cgroup;
struct bpf_map;
struct bpf_prog;
struct ebpf_helper;
struct ebpf_machine;
struct ebpf_type;

#define ENOTSUPP 524 /* internal to Linux, but seen in bpf(2) */

/*
 * Largest number of instructions of a program, and of instructions that the verifier examines.
 * Beyond it loading fails with E2BIG.
 */
#define EBPF_MAX_INSNS 1000000
/* Bytes of the stack, which lies below r10 and is shared by all active functions. */
#define EBPF_STACK 512
/* Most nested functions, including the first. */
#define EBPF_FRAMES 8
#define EBPF_MAX_MAPS 64 /* most maps of a program */
/* Most tail calls of a run. */
#define EBPF_TAIL_CALLS 33

/* Constants that the oldest supported kernel headers lack. */
#define EBPF_MEMSX 0x80 /* a sign-extending load */

/* ---- programs as the verifier and the machine see them ---- */

struct ebpf_code {
	/* The instructions. In a constant that refers to a map, imm is the map's index in @maps. */
	struct bpf_insn *insn;
	u32 n; /* number of instructions */
	u32 nr_maps;
	struct bpf_map **maps; /* the owner of the code has references */
	const struct ebpf_type *type;
};

/* What a program may do, which depends on its loader. */
struct ebpf_rights {
	u32 attach_type; /* BPF_CGROUP_*, for types that need it */
	bool gpl;        /* its licence is compatible with the GPL */
	bool perfmon;    /* CAP_PERFMON: may learn addresses */
	bool strict;     /* BPF_F_STRICT_ALIGNMENT */
};

/* ---- the machine: run.c ---- */

/*
 * Runs a program that ebpf_verify() has accepted, and returns its r0. Does not sleep and cannot
 * fail. The type of @ctx depends on the program's type.
 */
u64 ebpf_run(const struct ebpf_code *code, void *ctx);
/*
 * ebpf_alu() computes an operation of BPF_ALU64 (@wide) or BPF_ALU. @off: 1 for a signed division;
 * the width in bits for a sign-extending BPF_MOV; else 0. ebpf_jump_taken() is true if a jump of
 * BPF_JMP (@wide) or BPF_JMP32 is taken.
 */
u64 ebpf_alu(u8 op, bool wide, s16 off, u64 a, u64 b);
bool ebpf_jump_taken(u8 op, bool wide, u64 a, u64 b);
static inline bool ebpf_is_imm64(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}
static inline bool ebpf_is_jump(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32;
}
static inline bool ebpf_is_call(const struct bpf_insn *i, u8 kind)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == kind;
}
/* Returns the index of the instruction that is the target of a jump or a function call. */
static inline s64 ebpf_target(const struct bpf_insn *i, u32 pc)
{
	bool far = i->code == (BPF_JMP32 | BPF_JA) || BPF_OP(i->code) == BPF_CALL;

	return (s64)pc + 1 + (far ? i->imm : i->off);
}
/* Returns the bytes that a load or store with this opcode accesses. */
static inline u32 ebpf_size(u8 code)
{
	return BPF_SIZE(code) == BPF_W ? 4 :
	       BPF_SIZE(code) == BPF_H ? 2 :
	       BPF_SIZE(code) == BPF_B ? 1 :
					 8;
}

/* ---- kinds of programs ---- */

enum ebpf_field { FIELD_NONE, FIELD_NUMBER, FIELD_PACKET, FIELD_PACKET_END };

struct ebpf_type {
	u32 type;       /* BPF_PROG_TYPE_* */
	bool net_admin; /* loading needs CAP_NET_ADMIN */
	/* True if BPF_LD_ABS, BPF_LD_IND and bpf_skb_load_bytes() are permitted */
	bool packet;
	bool verdict; /* True if the result must be 0 or 1 */
	/*
	 * Returns what the @size bytes at @off of the context are (FIELD_*). FIELD_NONE: they may
	 * not be accessed.
	 */
	enum ebpf_field (*field)(const struct ebpf_rights *r, u32 off, u32 size, bool write);
	/*
	 * read() and write() access @size bytes at @off of @ctx. write() is NULL if the context is
	 * read-only. read(), write(), packet_len() and packet_read() do not sleep.
	 */
	u64 (*read)(void *ctx, u32 off, u32 size);
	void (*write)(void *ctx, u32 off, u32 size, u64 v);
	/*
	 * packet_len() returns the packet's length in bytes. packet_read() reads @n bytes at @off,
	 * and returns false if the packet has fewer bytes. With @legacy, @off may be relative to
	 * SKF_NET_OFF or SKF_LL_OFF.
	 */
	u32 (*packet_len)(void *ctx);
	bool (*packet_read)(void *ctx, s64 off, u32 n, void *to, bool legacy);
};
const struct ebpf_type *ebpf_type_of(u32 type); /* NULL if not supported */
/* True if a program that was loaded for @attach_type may be attached with that type. */
bool ebpf_attach_fits(u32 type, u32 attach_type);

/* ---- the verifier's log for the guest ---- */

struct ebpf_log {
	char *buf; /* NULL if no log was requested */
	/* level: BPF_LOG_*, as requested. size: bytes of @buf. len: bytes of text, without NUL. */
	u32 level, size, len;
	bool cut; /* text was lost */
};
/* Appends to the log, which may be NULL. */
void ebpf_log(struct ebpf_log *log, const char *fmt, ...) __printf(2, 3);

/* ---- form.c, verify.c: 0, -EINVAL, -EACCES, -E2BIG, -ENOMEM, -EAGAIN (signal); may sleep ---- */

/*
 * Checks the form of the instructions and the control flow between them. @flow must be zeroed
 * before the call. Afterwards it has FLOW_* marks (verify.h) for each instruction.
 */
int ebpf_check_form(const struct ebpf_code *code, u8 *flow, struct ebpf_log *log);
/*
 * Checks the form of a program, and that no run of it can do harm. Stores in the off field of each
 * function call how many bytes of stack the caller uses. *processed: the number of instructions
 * examined.
 */
int ebpf_verify(
	struct ebpf_code *code, const struct ebpf_rights *r, struct ebpf_log *log, u32 *processed);

/* ---- prog.c: programs and their descriptors ---- */

struct bpf_prog {
	atomic_t refs;
	u32 id;       /* unique among existing programs */
	u32 type;     /* BPF_PROG_TYPE_* */
	u32 uid;      /* the loader's kuid */
	u32 verified; /* instructions that the verifier examined */
	struct ebpf_rights rights;
	char name[BPF_OBJ_NAME_LEN];
	/* first bytes of the SHA-1 of its instructions */
	u8 tag[BPF_TAG_SIZE];
	u64 load_time; /* ns since boot */
	struct rcu_head rcu;
	struct ebpf_code code;
	struct bpf_map *maps[EBPF_MAX_MAPS]; /* code.maps; referenced */
	struct bpf_insn insn[];              /* code.insn */
};

/*
 * Returns the program of a descriptor, referenced, or ERR_PTR: -EBADF, or -EINVAL if it is no
 * program or its type is not @type (0: any type).
 */
struct bpf_prog *bpf_prog_of_fd(u32 fd, u32 type);
void bpf_prog_get(struct bpf_prog *p);
/* Drops a reference without sleeping. The program is freed after an RCU grace period. */
void bpf_prog_put(struct bpf_prog *p);
/* True if current has @cap or CAP_SYS_ADMIN in the initial user namespace. */
bool bpf_admin(int cap);
/*
 * Commands of bpf(2). @a is a copy in the kernel of the guest's structure, at @uattr. They return
 * the result of the call or -errno, and may sleep.
 */
long bpf_prog_load(const union bpf_attr *a); /* load.c */
long bpf_prog_fd_by_id(const union bpf_attr *a);
long bpf_prog_next_id(const union bpf_attr *a, uaddr_t uattr);
long bpf_prog_info(const union bpf_attr *a, uaddr_t uattr);
/* Assigns an id, by which the program is found from now on. Returns 0, -ENOMEM or -ENOSPC. */
int bpf_prog_publish(struct bpf_prog *p);
/* Makes a descriptor. Consumes the reference, also on failure. Returns it or -errno. */
long bpf_prog_fd(struct bpf_prog *p);
/* Sets @tag to the first bytes of the SHA-1 of @n instructions. */
void ebpf_tag(const struct bpf_insn *insn, u32 n, u8 tag[BPF_TAG_SIZE]);

/*
 * Copies the name of an object, which may have only letters, digits, "_" and ".". Returns 0 or
 * -EINVAL.
 */
int bpf_copy_name(char *dst, const char *src);

/* ---- cgroup.c: programs of control groups: commands of bpf(2), as above ---- */

long bpf_cgroup_attach(const union bpf_attr *a);
long bpf_cgroup_detach(const union bpf_attr *a);
long bpf_cgroup_query(const union bpf_attr *a, uaddr_t uattr);

#endif
