/* SPDX-License-Identifier: MIT */
/*
 * run.c: the machine of extended BPF (RFC 9669; linux-doc, bpf/instruction-set): eleven registers of 64 bits, a stack of 512 bytes below
 * r10, and in r1 the context, three words that can be read.
 *
 * A program was verified before it comes here (verify.c). It is not trusted all the same: its pointers are not addresses of ours but
 * numbers (the context begins at CTX_BASE, the stack ends at STACK_TOP), so that none can leak, and each access is looked up and
 * refused when it is of neither; then, and in whatever else the verifier should have caught, the program has said 0. It ends, since
 * the program counter only grows.
 */
#include "kernel/bpf/internal.h"
#include "kernel/lib/string.h"

#define CTX_BASE 0x100000000ul
#define STACK_TOP 0x200000000ul

struct machine {
	u64 r[MAX_BPF_REG];
	const struct bpf_cgroup_dev_ctx *ctx;
	u8 stack[EBPF_STACK] __aligned(8);
};

/* ---- arithmetic ---- */

static u64 alu64(u8 op, u64 a, u64 b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return b ? a / b : 0;
	case BPF_MOD: return b ? a % b : a;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & 63);
	case BPF_RSH: return a >> (b & 63);
	case BPF_ARSH: return (u64)((s64)a >> (b & 63));
	case BPF_NEG: return -a;
	default: return b; /* BPF_MOV */
	}
}

u64 ebpf_alu(u8 op, bool wide, u64 a, u64 b)
{
	if (wide)
		return alu64(op, a, b);
	a = (u32)a;
	b = (u32)b;
	switch (op) {
	case BPF_LSH:
	case BPF_RSH: b &= 31; break;
	case BPF_ARSH: return (u32)((s32)a >> (b & 31));
	}
	return (u32)alu64(op, a, b);
}

static u64 byte_order(bool swap, u32 bits, u64 v)
{
	switch (bits) {
	case 16: return swap ? __builtin_bswap16((u16)v) : (u16)v;
	case 32: return swap ? __builtin_bswap32((u32)v) : (u32)v;
	default: return swap ? __builtin_bswap64(v) : v;
	}
}

bool ebpf_jump_taken(u8 op, bool wide, u64 a, u64 b)
{
	s64 sa = wide ? (s64)a : (s32)a, sb = wide ? (s64)b : (s32)b;

	if (!wide) {
		a = (u32)a;
		b = (u32)b;
	}
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return a & b;
	case BPF_JSGT: return sa > sb;
	case BPF_JSGE: return sa >= sb;
	case BPF_JSLT: return sa < sb;
	case BPF_JSLE: return sa <= sb;
	default: return true; /* BPF_JA */
	}
}

/* ---- memory ---- */

static void *writable(struct machine *m, u64 at, u32 size)
{
	u64 off = at - (STACK_TOP - EBPF_STACK);

	return off <= EBPF_STACK - size ? m->stack + off : NULL;
}

static const void *readable(struct machine *m, u64 at, u32 size)
{
	u64 off = at - CTX_BASE;

	if (size <= EBPF_CTX && off <= EBPF_CTX - size)
		return (const u8 *)m->ctx + off;
	return writable(m, at, size);
}

static bool load(struct machine *m, const struct bpf_insn *i)
{
	u32 size = ebpf_size(i->code);
	const void *p = readable(m, m->r[i->src_reg] + (u64)(s64)i->off, size);
	u64 v = 0;

	if (!p)
		return false;
	memcpy(&v, p, size);
	m->r[i->dst_reg] = v;
	return true;
}

static bool store(struct machine *m, const struct bpf_insn *i)
{
	u64 v = BPF_CLASS(i->code) == BPF_ST ? (u64)(s64)i->imm : m->r[i->src_reg];
	u32 size = ebpf_size(i->code);
	void *p = writable(m, m->r[i->dst_reg] + (u64)(s64)i->off, size);

	if (p)
		memcpy(p, &v, size);
	return p;
}

/* The stack is one run's own, so there is nothing to be atomic against. */
static bool atomic(struct machine *m, const struct bpf_insn *i)
{
	u32 size = ebpf_size(i->code);
	void *p = writable(m, m->r[i->dst_reg] + (u64)(s64)i->off, size);
	u64 old = 0, src = m->r[i->src_reg], new;

	if (!p)
		return false;
	memcpy(&old, p, size);
	if (i->imm == BPF_CMPXCHG)
		new = old == (size == 4 ? (u32)m->r[0] : m->r[0]) ? src : old;
	else if (i->imm == BPF_XCHG)
		new = src;
	else
		new = alu64(i->imm & ~BPF_FETCH, old, src);
	memcpy(p, &new, size);
	if (i->imm == BPF_CMPXCHG)
		m->r[0] = old;
	else if (i->imm & BPF_FETCH)
		m->r[i->src_reg] = old;
	return true;
}

/* ---- the loop ---- */

static void compute(struct machine *m, const struct bpf_insn *i)
{
	u64 *dst = &m->r[i->dst_reg];
	u64 src = BPF_SRC(i->code) == BPF_X ? m->r[i->src_reg] : (u64)(s64)i->imm;

	if (BPF_OP(i->code) == BPF_END)
		*dst = byte_order(BPF_SRC(i->code) == BPF_TO_BE, (u32)i->imm, *dst);
	else
		*dst = ebpf_alu(BPF_OP(i->code), BPF_CLASS(i->code) == BPF_ALU64, *dst, src);
}

static bool jumps(const struct machine *m, const struct bpf_insn *i)
{
	u64 src = BPF_SRC(i->code) == BPF_X ? m->r[i->src_reg] : (u64)(s64)i->imm;

	return ebpf_jump_taken(
		BPF_OP(i->code), BPF_CLASS(i->code) == BPF_JMP, m->r[i->dst_reg], src);
}

u64 ebpf_run(const struct bpf_insn *insn, u32 n, const struct bpf_cgroup_dev_ctx *ctx)
{
	struct machine m = { .ctx = ctx };
	const struct bpf_insn *i;
	bool ok = true;

	m.r[BPF_REG_1] = CTX_BASE;
	m.r[BPF_REG_10] = STACK_TOP;
	for (u32 pc = 0; ok && pc < n; pc++) {
		i = &insn[pc];
		switch (BPF_CLASS(i->code)) {
		case BPF_ALU:
		case BPF_ALU64: compute(&m, i); break;
		case BPF_LDX: ok = load(&m, i); break;
		case BPF_ST: ok = store(&m, i); break;
		case BPF_STX:
			ok = BPF_MODE(i->code) == BPF_ATOMIC ? atomic(&m, i) : store(&m, i);
			break;
		case BPF_LD:
			if (++pc < n) /* its second half */
				m.r[i->dst_reg] = (u32)i->imm | (u64)(u32)i[1].imm << 32;
			break;
		default:
			if (BPF_OP(i->code) == BPF_EXIT)
				return m.r[0];
			if (jumps(&m, i))
				pc += (u16)i->off;
		}
	}
	return 0;
}
