/* SPDX-License-Identifier: MIT */
/*
 * form.c: whether a program is one: known instructions with nothing in the fields that they do not use, jumps forward to the start of
 * an instruction, no way past the end, nothing that no way leads to.
 *
 * Calls (of helpers and of functions), maps and what else a 64-bit constant can stand for, loads of packets and jumps back are refused.
 */
#include "kernel/bpf/internal.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/task.h"

static bool alu_form(const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);

	if (op == BPF_END)
		return !wide && !i->src_reg && !i->off &&
		       (i->imm == 16 || i->imm == 32 || i->imm == 64);
	if (op == BPF_NEG)
		return BPF_SRC(i->code) == BPF_K && !i->src_reg && !i->off && !i->imm;
	if (op > BPF_ARSH || i->off)
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

static bool jump_form(const struct bpf_insn *i)
{
	u8 op = BPF_OP(i->code);

	if (op == BPF_JA || op == BPF_EXIT)
		return BPF_CLASS(i->code) == BPF_JMP && BPF_SRC(i->code) == BPF_K && !i->src_reg &&
		       !i->dst_reg && !i->imm && (op == BPF_JA || !i->off);
	if (op == BPF_CALL || op > BPF_JSLE)
		return false;
	return BPF_SRC(i->code) == BPF_X ? !i->imm : !i->src_reg;
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

static bool good_form(const struct bpf_insn *i)
{
	if (i->dst_reg >= MAX_BPF_REG || i->src_reg >= MAX_BPF_REG)
		return false;
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: return alu_form(i);
	case BPF_JMP:
	case BPF_JMP32: return jump_form(i);
	case BPF_LDX: return BPF_MODE(i->code) == BPF_MEM && !i->imm;
	case BPF_ST: return BPF_MODE(i->code) == BPF_MEM && !i->src_reg;
	case BPF_STX:
		return BPF_MODE(i->code) == BPF_ATOMIC ? atomic_form(i) :
							 BPF_MODE(i->code) == BPF_MEM && !i->imm;
	default: return ebpf_is_imm64(i) && !i->src_reg && !i->off;
	}
}

static bool second_half(const struct bpf_insn *i)
{
	return !i->code && !i->dst_reg && !i->src_reg && !i->off;
}

/* Where it goes on from @pc: up to two places, not all of them inside the program. */
static u32 successors(const struct bpf_insn *insn, u32 pc, s64 next[2])
{
	const struct bpf_insn *i = &insn[pc];
	u8 class = BPF_CLASS(i->code);
	u32 count = 0;

	if (class != BPF_JMP && class != BPF_JMP32) {
		next[count++] = (s64)pc + (ebpf_is_imm64(i) ? 2 : 1);
		return count;
	}
	if (BPF_OP(i->code) == BPF_EXIT)
		return 0;
	if (BPF_OP(i->code) != BPF_JA)
		next[count++] = (s64)pc + 1;
	next[count++] = (s64)pc + 1 + i->off;
	return count;
}

static int check_flow(
	const struct bpf_insn *insn, u32 n, u32 pc, unsigned char *reached, struct ebpf_log *log)
{
	s64 next[2];

	for (u32 k = successors(insn, pc, next); k--;) {
		if (next[k] < 0 || next[k] >= n) {
			ebpf_log(log, "jump out of range from insn %u to %ld\n", pc, (long)next[k]);
			return -EINVAL;
		}
		if (next[k] <= pc) {
			ebpf_log(log, "back-edge from insn %u to %ld\n", pc, (long)next[k]);
			return -EINVAL;
		}
		reached[next[k]] = 1;
	}
	return 0;
}

static int check_all(
	const struct bpf_insn *insn, u32 n, unsigned char *reached, struct ebpf_log *log)
{
	int err = 0;

	reached[0] = 1;
	for (u32 pc = 0; pc < n && !err; pc++) {
		if (!(pc & 1023))
			cond_resched();
		if (!reached[pc])
			ebpf_log(log, "unreachable insn %u\n", pc);
		else if (!good_form(&insn[pc]))
			ebpf_log(log, "unknown or malformed insn %u: code %02x\n", pc,
				insn[pc].code);
		else if (ebpf_is_imm64(&insn[pc]) && (pc + 1 == n || !second_half(&insn[pc + 1])))
			ebpf_log(log, "invalid bpf_ld_imm64 insn %u\n", pc);
		else
			err = 1;
		if (!err)
			return -EINVAL;
		err = check_flow(insn, n, pc, reached, log);
		if (!err && ebpf_is_imm64(&insn[pc]) && reached[++pc]) {
			ebpf_log(log, "jump into the middle of ldimm64 insn %u\n", pc - 1);
			err = -EINVAL;
		}
	}
	return err;
}

int ebpf_check_form(const struct bpf_insn *insn, u32 n, struct ebpf_log *log)
{
	unsigned char *reached = kzalloc(n, GFP_KERNEL | __GFP_ACCOUNT);
	int err;

	if (!reached)
		return -ENOMEM;
	err = check_all(insn, n, reached, log);
	kfree(reached);
	return err;
}
