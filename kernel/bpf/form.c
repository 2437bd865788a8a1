/* SPDX-License-Identifier: MIT */
/*
 * form.c: checks the form of a program:
 * - All its instructions are known (RFC 9669), and the fields that they do not use are zero.
 * - A jump leads to the start of an instruction of the same function.
 * - No path runs past the end of a function.
 * - Each instruction can be reached.
 *
 * The first function begins at instruction 0, and every other function at the target of a call. A
 * function ends where the next one begins.
 */
#include "kernel/bpf/verify.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

#define FLOW_REACHED 4

/* ---- the form of one instruction ---- */

static bool end_form(const struct bpf_insn *i)
{
	/* BPF_ALU64 always swaps, so it has no source bit. */
	if (BPF_CLASS(i->code) == BPF_ALU64 && BPF_SRC(i->code))
		return false;
	return !i->src_reg && !i->off && (i->imm == 16 || i->imm == 32 || i->imm == 64);
}

/* True if @off is valid: the width in bits of a sign-extending move, or 1 for a signed division. */
static bool alu_off(const struct bpf_insn *i, bool wide)
{
	u8 op = BPF_OP(i->code);

	if (op == BPF_DIV || op == BPF_MOD)
		return i->off == 0 || i->off == 1;
	if (op == BPF_MOV && BPF_SRC(i->code) == BPF_X)
		return i->off == 0 || i->off == 8 || i->off == 16 || (wide && i->off == 32);
	return !i->off;
}

static bool alu_form(const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);

	if (op == BPF_END)
		return end_form(i);
	if (op == BPF_NEG)
		return BPF_SRC(i->code) == BPF_K && !i->src_reg && !i->off && !i->imm;
	if (op > BPF_ARSH || !alu_off(i, wide))
		return false;
	if (BPF_SRC(i->code) == BPF_X)
		return !i->imm;
	if (i->src_reg)
		return false;
	if (op == BPF_DIV || op == BPF_MOD)
		return i->imm;
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		return i->imm >= 0 && i->imm < (wide ? 64 : 32);
	return true;
}

static bool call_form(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && !i->dst_reg && !i->off &&
	       (!i->src_reg || i->src_reg == BPF_PSEUDO_CALL);
}

static bool jump_form(const struct bpf_insn *i)
{
	u8 op = BPF_OP(i->code);
	bool wide = BPF_CLASS(i->code) == BPF_JMP, k = BPF_SRC(i->code) == BPF_K;

	switch (op) {
	case BPF_JA: return k && !i->src_reg && !i->dst_reg && (wide ? !i->imm : !i->off);
	case BPF_EXIT: return wide && k && !i->src_reg && !i->dst_reg && !i->imm && !i->off;
	case BPF_CALL: return call_form(i);
	}
	return op <= BPF_JSLE && (k ? !i->src_reg : !i->imm);
}

static bool atomic_form(const struct bpf_insn *i)
{
	if (BPF_SIZE(i->code) != BPF_W && BPF_SIZE(i->code) != BPF_DW)
		return false;
	switch (i->imm) {
	case BPF_ADD:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
	case BPF_ADD | BPF_FETCH:
	case BPF_AND | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR | BPF_FETCH:
	case BPF_XCHG:
	case BPF_CMPXCHG: return true;
	default: return false;
	}
}

static bool load_form(const struct bpf_insn *i)
{
	if (BPF_MODE(i->code) == EBPF_MEMSX)
		return BPF_SIZE(i->code) != BPF_DW && !i->imm;
	return BPF_MODE(i->code) == BPF_MEM && !i->imm;
}

static bool ld_form(const struct bpf_insn *i)
{
	if (ebpf_is_imm64(i))
		return i->src_reg <= BPF_PSEUDO_MAP_VALUE && !i->off;
	if (BPF_SIZE(i->code) == BPF_DW || i->dst_reg || i->off)
		return false;
	return BPF_MODE(i->code) == BPF_IND || (BPF_MODE(i->code) == BPF_ABS && !i->src_reg);
}

static bool good_form(const struct bpf_insn *i)
{
	if (i->dst_reg >= MAX_BPF_REG || i->src_reg >= MAX_BPF_REG)
		return false;
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: return alu_form(i);
	case BPF_JMP:
	case BPF_JMP32: return jump_form(i);
	case BPF_LDX: return load_form(i);
	case BPF_ST: return BPF_MODE(i->code) == BPF_MEM && !i->src_reg;
	case BPF_STX:
		return BPF_MODE(i->code) == BPF_ATOMIC ? atomic_form(i) :
							 BPF_MODE(i->code) == BPF_MEM && !i->imm;
	default: return ld_form(i);
	}
}

static bool second_half(const struct bpf_insn *i)
{
	return !i->code && !i->dst_reg && !i->src_reg && !i->off;
}

static bool ends_way(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_EXIT) || (ebpf_is_jump(i) && BPF_OP(i->code) == BPF_JA);
}

/* ---- the form of all instructions ---- */

static int check_one(const struct ebpf_code *c, u32 pc, struct ebpf_log *log)
{
	const struct bpf_insn *i = &c->insn[pc];

	if (!good_form(i))
		return refuse(&(struct verifier){ .log = log }, -EINVAL,
			"unknown opcode %02x or reserved fields used, insn %u", i->code, pc);
	if (ebpf_is_imm64(i) && (pc + 1 == c->n || !second_half(i + 1)))
		return refuse(&(struct verifier){ .log = log }, -EINVAL,
			"invalid bpf_ld_imm64 insn %u", pc);
	return 0;
}

/*
 * Checks each instruction by itself, and marks in @flow where functions begin. Returns 0 or
 * -EINVAL.
 */
static int check_each(const struct ebpf_code *c, u8 *flow, struct ebpf_log *log)
{
	struct verifier v = { .log = log };
	s64 to;
	int err = 0;

	flow[0] |= FLOW_START | FLOW_MEET;
	for (u32 pc = 0; pc < c->n && !err; pc++) {
		if (!(pc & 1023))
			cond_resched();
		err = check_one(c, pc, log);
		if (err)
			return err;
		if (ebpf_is_call(&c->insn[pc], BPF_PSEUDO_CALL)) {
			to = ebpf_target(&c->insn[pc], pc);
			if (to < 0 || to >= c->n)
				return refuse(&v, -EINVAL, "call to invalid destination");
			flow[to] |= FLOW_START | FLOW_MEET;
		}
		if (ebpf_is_imm64(&c->insn[pc]))
			pc++;
	}
	return err;
}

/*
 * Checks that jumps stay in their function, and that each function ends with a jump or an exit.
 * Returns 0 or -errno.
 */
static int check_functions(const struct ebpf_code *c, u8 *flow, struct ebpf_log *log)
{
	struct verifier v = { .log = log };
	u32 start = 0, end = 0;
	s64 to;

	for (u32 pc = 0; pc < c->n; pc++) {
		const struct bpf_insn *i = &c->insn[pc];

		if (!(pc & 1023))
			cond_resched();
		if (pc == end)
			for (start = pc, end = pc + 1; end < c->n && !(flow[end] & FLOW_START);
				end++)
				;
		if (ebpf_is_imm64(i)) {
			pc++;
			if (pc >= end)
				return refuse(&v, -EINVAL,
					"function begins in the middle of insn %u", pc - 1);
		}
		if (pc + 1 == end && !ends_way(i))
			return refuse(&v, -EINVAL, "last insn is not an exit or jmp");
		if (!ebpf_is_jump(i) || BPF_OP(i->code) == BPF_EXIT || BPF_OP(i->code) == BPF_CALL)
			continue;
		to = ebpf_target(i, pc);
		if (to < start || to >= end)
			return refuse(
				&v, -EINVAL, "jump out of range from insn %u to %ld", pc, (long)to);
		flow[to] |= FLOW_MEET;
	}
	return 0;
}

/* ---- reachable instructions ---- */

struct front {
	u32 n;
	u32 pc[];
};

static void reach(struct front *f, u8 *flow, u32 pc)
{
	if (flow[pc] & FLOW_REACHED)
		return;
	flow[pc] |= FLOW_REACHED;
	f->pc[f->n++] = pc;
}

static void reach_from(const struct ebpf_code *c, struct front *f, u8 *flow, u32 pc)
{
	const struct bpf_insn *i = &c->insn[pc];

	if (ebpf_is_jump(i) && BPF_OP(i->code) == BPF_EXIT)
		return;
	if (ebpf_is_jump(i) && BPF_OP(i->code) != BPF_CALL)
		reach(f, flow, (u32)ebpf_target(i, pc));
	if (ebpf_is_call(i, BPF_PSEUDO_CALL))
		reach(f, flow, (u32)ebpf_target(i, pc));
	if (!ends_way(i))
		reach(f, flow, pc + (ebpf_is_imm64(i) ? 2 : 1));
}

static int check_reached(const struct ebpf_code *c, u8 *flow, struct ebpf_log *log)
{
	struct front *f = kmalloc(sizeof(*f) + c->n * sizeof(u32), GFP_KERNEL | __GFP_ACCOUNT);
	struct verifier v = { .log = log };
	u32 steps = 0;
	int err = 0;

	if (!f)
		return -ENOMEM;
	f->n = 0;
	reach(f, flow, 0);
	while (f->n) {
		if (!(++steps & 1023))
			cond_resched();
		reach_from(c, f, flow, f->pc[--f->n]);
	}
	kfree(f);
	for (u32 pc = 0; pc < c->n && !err; pc++) {
		if (!(flow[pc] & FLOW_REACHED))
			err = refuse(&v, -EINVAL, "unreachable insn %u", pc);
		else if (ebpf_is_imm64(&c->insn[pc]) && flow[++pc] & FLOW_REACHED)
			err = refuse(
				&v, -EINVAL, "jump into the middle of ldimm64 insn %u", pc - 1);
	}
	return err;
}

int ebpf_check_form(const struct ebpf_code *c, u8 *flow, struct ebpf_log *log)
{
	int err = check_each(c, flow, log);

	if (!err)
		err = check_functions(c, flow, log);
	return err ? err : check_reached(c, flow, log);
}
