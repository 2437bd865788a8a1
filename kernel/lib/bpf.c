/* SPDX-License-Identifier: MIT */
/* bpf.c: checks and runs classic BPF programs (bpf.h). */
#include "kernel/lib/alloc.h"
#include "kernel/lib/bpf.h"

/* ---- checking ---- */

/*
 * True if @k is an offset in the packet (below SKF_AD_OFF), or stands for ancillary data (a
 * property of the packet) that exists.
 */
static bool known_ancillary(u32 k)
{
	u32 what = k - (u32)SKF_AD_OFF;

	return k < (u32)SKF_AD_OFF || (what < SKF_AD_MAX && !(what & 3));
}

static bool check_load(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS: return known_ancillary(f->k);
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM: return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM: return f->k < BPF_MEMWORDS;
	}
	return false;
}

static bool check_alu(const struct sock_filter *f)
{
	bool constant = BPF_SRC(f->code) == BPF_K;

	if (f->code & ~(u32)(0xf0 | BPF_X | BPF_ALU))
		return false;
	switch (BPF_OP(f->code)) {
	case BPF_DIV:
	case BPF_MOD: return !constant || f->k;
	case BPF_LSH:
	case BPF_RSH: return !constant || f->k < 32;
	case BPF_NEG: return constant;
	}
	return BPF_OP(f->code) <= BPF_XOR;
}

static bool check_jump(const struct sock_filter *f, u32 left)
{
	switch (f->code) {
	case BPF_JMP | BPF_JA: return f->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X: return f->jt < left && f->jf < left;
	}
	return false;
}

static bool check_insn(const struct sock_filter *f, u32 left)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX: return check_load(f);
	case BPF_ST:
	case BPF_STX: return f->code == BPF_CLASS(f->code) && f->k < BPF_MEMWORDS;
	case BPF_ALU: return check_alu(f);
	case BPF_JMP: return check_jump(f, left);
	case BPF_RET: return f->code == (BPF_RET | BPF_K) || f->code == (BPF_RET | BPF_A);
	}
	return f->code == (BPF_MISC | BPF_TAX) || f->code == (BPF_MISC | BPF_TXA);
}

/*
 * True if each word of scratch memory is written on every path before it is read. @known has a mask
 * of words for each instruction: those that are written on all jumps to it.
 */
static bool memory_is_set(const struct sock_filter *insn, u32 len, u16 *known)
{
	u16 now = 0xffff;

	for (u32 pc = 0; pc < len; pc++) {
		const struct sock_filter *f = &insn[pc];

		now = pc ? now & known[pc] : 0;
		switch (BPF_CLASS(f->code)) {
		case BPF_ST:
		case BPF_STX: now |= (u16)(1U << f->k); break;
		case BPF_LD:
		case BPF_LDX:
			if (BPF_MODE(f->code) == BPF_MEM && !(now >> f->k & 1))
				return false;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA) {
				known[pc + 1 + f->k] &= now;
			} else {
				known[pc + 1 + f->jt] &= now;
				known[pc + 1 + f->jf] &= now;
			}
			/* No fall-through: the next instruction is reached by jumps only. */
			now = 0xffff;
			break;
		}
	}
	return true;
}

int bpf_check(const struct sock_filter *insn, u32 len)
{
	u16 *known;
	bool ok = len && len <= BPF_MAXINSNS && BPF_CLASS(insn[len - 1].code) == BPF_RET;

	for (u32 pc = 0; ok && pc < len; pc++)
		ok = check_insn(&insn[pc], len - pc - 1);
	if (!ok)
		return -EINVAL;
	known = kmalloc(len * sizeof(*known), 0);
	if (!known)
		return -ENOMEM;
	for (u32 pc = 0; pc < len; pc++)
		known[pc] = 0xffff;
	ok = memory_is_set(insn, len, known);
	kfree(known);
	return ok ? 0 : -EINVAL;
}

/* ---- running ---- */

static u32 alu(u16 code, u32 a, u32 v, bool *stop)
{
	switch (BPF_OP(code)) {
	case BPF_ADD: return a + v;
	case BPF_SUB: return a - v;
	case BPF_MUL: return a * v;
	case BPF_DIV: *stop = !v; return v ? a / v : 0;
	case BPF_MOD: *stop = !v; return v ? a % v : 0;
	case BPF_AND: return a & v;
	case BPF_OR: return a | v;
	case BPF_XOR: return a ^ v;
	case BPF_LSH: return a << (v & 31);
	case BPF_RSH: return a >> (v & 31);
	}
	return -a; /* BPF_NEG */
}

static bool jump_taken(u16 code, u32 a, u32 v)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ: return a == v;
	case BPF_JGE: return a >= v;
	case BPF_JGT: return a > v;
	}
	return a & v; /* BPF_JSET */
}

/* Loads a value into *to. Returns false if the load failed, which ends the program. */
static bool load(
	const struct bpf_input *in, const struct sock_filter *f, const u32 *mem, u32 x, u32 *to)
{
	switch (BPF_MODE(f->code)) {
	case BPF_IMM: *to = f->k; return true;
	case BPF_MEM: *to = mem[f->k]; return true;
	case BPF_LEN: *to = in->len; return true;
	}
	return in->load(in, f, x, to);
}

u32 bpf_run(const struct sock_filter *insn, const struct bpf_input *in)
{
	u32 a = 0, x = 0, mem[BPF_MEMWORDS];
	bool stop = false;

	for (const struct sock_filter *i = insn; !stop; i++) {
		u32 v = BPF_SRC(i->code) == BPF_X ? x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD: stop = !load(in, i, mem, x, &a); break;
		case BPF_LDX: stop = !load(in, i, mem, x, &x); break;
		case BPF_ST: mem[i->k] = a; break;
		case BPF_STX: mem[i->k] = x; break;
		case BPF_ALU: a = alu(i->code, a, v, &stop); break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				i += i->k;
			else
				i += jump_taken(i->code, a, v) ? i->jt : i->jf;
			break;
		case BPF_MISC:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		case BPF_RET: return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		}
	}
	return 0;
}
