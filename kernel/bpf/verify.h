/* SPDX-License-Identifier: MIT */
/* verify.h: between the files of the verifier; verify.c describes how it works. */
#ifndef NESTLING_BPF_VERIFY_H
#define NESTLING_BPF_VERIFY_H

#include "kernel/bpf/bounds.h"
#include "kernel/bpf/internal.h"

#define SLOTS (EBPF_STACK / 8)
#define MAX_REFS 8
#define MAX_OFF (1 << 29) /* of a pointer from where it started */

enum kind { NOTHING, NUMBER, CTX, STACK, MAP, VALUE, PACKET, PACKET_END };

/* The contents of a register. */
struct reg {
	u8 kind;
	bool maybe_null; /* or it is 0 */
	u8 frame;        /* of a pointer into the stack: its frame */
	/* of a pointer: the constant that was added to where it started */
	s32 off;
	/*
	 * not 0: registers with one id hold one number, are null together, or have been moved by
	 * one amount
	 */
	u32 id;
	/* of a pointer into the packet: bytes that are there from where it started plus @b on */
	u32 range;
	struct bpf_map *map;
	/* bounds of the number, or of the part added to a pointer that is not constant */
	struct bounds b;
};

/* Eight bytes of the stack. */
struct slot {
	u8 written; /* a bit for each byte */
	/* 8 or 4: that many of the lower bytes are from @r; 0: unknown */
	u8 spilled;
	struct reg r;
};

struct frame {
	struct reg r[MAX_BPF_REG];
	u32 callsite; /* the call that made it */
	u32 start;    /* the function's first instruction */
	u32 nr_slots; /* of s[]: those above are of no use yet */
	struct slot s[];
};

struct state {
	struct frame *frame[EBPF_FRAMES];
	u32 depth; /* the innermost one */
	u32 pc;
	/* of a kept state: paths from it that are still to be examined */
	u32 branches;
	struct state *parent; /* the last kept state on this path */
	/* in the list of a pc, or of waiting states */
	struct state *next;
};

struct verifier {
	struct ebpf_code *code;
	const struct ebpf_rights *rights;
	struct ebpf_log *log;
	struct state *now;
	struct state *waiting;
	struct state **kept; /* by pc */
	/* for each pc, the registers that are read later and not written before */
	u16 *live;
	u8 *starts; /* FLOW_* by pc */
	/* for the pc of each function's start, the bytes of the stack that it uses */
	u16 *depth_of;
	u32 ids, processed, jumps, last_processed, last_jumps, nr_kept, nr_waiting, steps;
};

#define FLOW_START 1 /* a function begins */
#define FLOW_MEET 2  /* ways meet: worth keeping the state */

static inline struct frame *frame_now(struct verifier *v)
{
	return v->now->frame[v->now->depth];
}
static inline struct reg *reg_at(struct verifier *v, u32 r)
{
	return &frame_now(v)->r[r];
}
static inline bool is_pointer(const struct reg *r)
{
	return r->kind > NUMBER;
}

#define refuse(v, err, fmt, ...)                                                                   \
	({                                                                                         \
		ebpf_log((v)->log, fmt "\n", ##__VA_ARGS__);                                       \
		err;                                                                               \
	})

struct reg reg_number(struct bounds b);
struct reg reg_pointer(enum kind kind);
int check_read(struct verifier *v, u32 r);
int check_number(struct verifier *v, u32 r, const char *what);
int check_write(struct verifier *v, u32 r);
const char *kind_name(const struct reg *r);

/* verify.c: continues the path with @s, and frees it. 0, -ENOMEM. */
int resume(struct verifier *v, struct state *s);

/* verify_state.c */
struct frame *frame_new(u32 slots);
/* Copies a state; @whole: with all slots, to continue with it. NULL: no memory. */
struct state *state_copy(const struct state *s, bool whole);
void state_free(struct state *s);
/*
 * True if every possible continuation of @now was also possible for @old, which was verified to the
 * end. @live: registers that are still read.
 */
bool state_covers(const struct verifier *v, const struct state *old, const struct state *now);

/* verify_alu.c */
int verify_alu(struct verifier *v, const struct bpf_insn *i);

/* verify_mem.c */
int verify_load(struct verifier *v, const struct bpf_insn *i);
int verify_store(struct verifier *v, const struct bpf_insn *i);
int verify_atomic(struct verifier *v, const struct bpf_insn *i);
int verify_legacy_load(struct verifier *v, const struct bpf_insn *i);
/* Checks that a helper may read, or write, @size bytes at register @r. */
int check_helper_memory(struct verifier *v, u32 r, u32 size, bool write);

/* verify_jump.c */
int verify_branch(struct verifier *v, const struct bpf_insn *i);

/* verify_call.c */
int verify_helper(struct verifier *v, const struct bpf_insn *i);

#endif
