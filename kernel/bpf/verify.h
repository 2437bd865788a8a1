/* SPDX-License-Identifier: MIT */
/*
 * verify.h: declarations that the files of the verifier share. verify.c describes how it works.
 * Functions of type int return 0, or -errno after writing the reason to the log. @r: a register's
 * number in the current frame; @i: the instruction at v->now->pc.
 */
#ifndef NESTLING_BPF_VERIFY_H
#define NESTLING_BPF_VERIFY_H

#include "kernel/bpf/bounds.h"
#include "kernel/bpf/internal.h"

#define SLOTS (EBPF_STACK / 8)
/* largest distance of a pointer from its base, in bytes */
#define MAX_OFF (1 << 29)

enum kind { NOTHING, NUMBER, CTX, STACK, MAP, VALUE, PACKET, PACKET_END };

/* The contents of a register. */
struct reg {
	u8 kind;         /* enum kind */
	bool maybe_null; /* True for a pointer that may be 0 */
	u8 frame;        /* for STACK: index of the frame */
	/* For pointers: the constant part of the distance from the base, in bytes. */
	s32 off;
	/*
	 * 0, or the id of a relation. Registers with equal ids hold equal numbers, are null
	 * together, or are packet pointers with equal variable parts.
	 */
	u32 id;
	/*
	 * For PACKET pointers: number of bytes, from the base plus @b on, that are known to be in
	 * the packet.
	 */
	u32 range;
	struct bpf_map *map;
	/* Bounds of a number, or of the variable part of a pointer's distance from the base. */
	struct bounds b;
};

/* Eight bytes of the stack. */
struct slot {
	u8 written; /* a bit for each initialised byte */
	/* Number of low bytes that hold register @r, 8 or 4. 0: the contents are unknown. */
	u8 spilled;
	struct reg r;
};

struct frame {
	struct reg r[MAX_BPF_REG];
	u32 callsite; /* index of the call instruction */
	u32 start;    /* index of the first instruction */
	u32 nr_slots; /* slots in s[]; later ones are unused */
	struct slot s[];
};

struct state {
	struct frame *frame[EBPF_FRAMES];
	u32 depth; /* index of the innermost frame */
	u32 pc;
	/* For a kept state: number of paths from it that are not examined to their end. */
	u32 branches;
	struct state *parent; /* last kept state on this path */
	/* Next in the list of states kept for a pc, or of waiting states. */
	struct state *next;
};

struct verifier {
	struct ebpf_code *code;
	const struct ebpf_rights *rights;
	struct ebpf_log *log;
	struct state *now;     /* of the path that is followed; owned */
	struct state *waiting; /* of paths to follow, by next */
	struct state **kept;   /* by pc */
	/* By pc: mask of the registers that are read later before they are written. */
	u16 *live;
	u8 *starts; /* FLOW_* by pc */
	/* By the pc of a function's start: bytes of stack that the function uses. */
	u16 *depth_of;
	/*
	 * ids: the last id given out. processed, jumps: instructions and jumps examined so far.
	 * last_processed, last_jumps: their values when a state was last kept. nr_kept, nr_waiting:
	 * states in @kept and @waiting. steps: steps of check_depth().
	 */
	u32 ids, processed, jumps, last_processed, last_jumps, nr_kept, nr_waiting, steps;
};

#define FLOW_START 1 /* a function begins here */
#define FLOW_MEET 2  /* paths join: state is worth keeping */

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
struct reg reg_pointer(enum kind kind); /* to the start of its base */
/* Checks that a register is initialised. */
int check_read(struct verifier *v, u32 r);
/* Checks that a register holds a number. @what: the use of the number, for the log. */
int check_number(struct verifier *v, u32 r, const char *what);
/* Checks that a register may be written to: it is not r10. */
int check_write(struct verifier *v, u32 r);
const char *kind_name(const struct reg *r); /* for the log */

/*
 * verify.c: makes a copy of @s the current state, and frees @s and the former current state.
 * Returns 0 or -ENOMEM.
 */
int resume(struct verifier *v, struct state *s);

/* verify_state.c */
struct frame *frame_new(u32 slots); /* zeroed, or NULL */
/*
 * Copies a state. @whole: with room for all stack slots, so that verification can continue with it.
 * Returns NULL if memory is short.
 */
struct state *state_copy(const struct state *s, bool whole);
void state_free(struct state *s); /* @s may be NULL */
/* True if every possible continuation of @now is also one of @old, which was already verified. */
bool state_covers(const struct verifier *v, const struct state *old, const struct state *now);

/* The functions from here on check an instruction and simulate it in v->now. */
/* verify_alu.c */
int verify_alu(struct verifier *v, const struct bpf_insn *i);

/* verify_mem.c */
int verify_load(struct verifier *v, const struct bpf_insn *i);
int verify_store(struct verifier *v, const struct bpf_insn *i);
int verify_atomic(struct verifier *v, const struct bpf_insn *i);
int verify_legacy_load(struct verifier *v, const struct bpf_insn *i);
/*
 * Checks that a helper may read, or with @write write, @size bytes at the pointer in register @r.
 */
int check_helper_memory(struct verifier *v, u32 r, u32 size, bool write);

/*
 * verify_jump.c: moves v->now to the next instruction or the target. Returns 1 if no run reaches
 * the jump.
 */
int verify_branch(struct verifier *v, const struct bpf_insn *i);

/* verify_call.c */
int verify_helper(struct verifier *v, const struct bpf_insn *i);

#endif
