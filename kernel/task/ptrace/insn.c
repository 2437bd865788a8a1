/* SPDX-License-Identifier: MIT */
/*
 * insn.c: finds the memory that an x86-64 instruction accesses, from its bytes and the registers
 * before its execution (Intel's manual, volume 2, chapter 2 and appendix A).
 *
 * Not a disassembler: prefixes, opcode, ModRM, SIB and displacement are enough for the address; a
 * table by opcode gives the number of bytes and whether they are written. Not implemented, and
 * documented in docs/processes.md: gathers, scatters and the exact sizes of stores of x87 and
 * AVX-512. Not implemented either: the scaled 8-bit displacements of EVEX (AVX-512), whose operands
 * are looked for at a wrong address.
 */
#include "kernel/lib/string.h"
#include "kernel/task/ptrace/insn.h"

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };
enum { RSP = 4, RBP = 5, RSI = 6, RDI = 7 };

struct insn {
	const struct regs *r;
	const u8 *code;
	u32 n, at;
	u8 rex, map, op, modrm; /* map: 0, 0x0f, 0x38, 0x3a */
	bool opsize, addr32, repne, rep, vex, wide;
	u64 base; /* base address of fs or gs */
	struct insn_touch *out;
	u32 nr;
};

static u8 next(struct insn *i)
{
	return i->at < i->n ? i->code[i->at++] : 0;
}

static s32 next32(struct insn *i)
{
	u32 v = next(i);

	v |= (u32)next(i) << 8;
	v |= (u32)next(i) << 16;
	return (s32)(v | (u32)next(i) << 24);
}

static u64 reg(const struct regs *r, u32 n)
{
	const u64 *const at[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi,
		&r->rdi, &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15 };

	return *at[n & 15];
}

static void touch(struct insn *i, u64 addr, u32 len, bool write)
{
	if (i->addr32)
		addr = (u32)addr;
	if (i->nr < INSN_TOUCHES && len)
		i->out[i->nr++] = (struct insn_touch){ addr + i->base, len, write };
}

/* Records an access to the stack, which has no segment base. */
static void touch_stack(struct insn *i, u64 addr, u32 len, bool write)
{
	if (i->nr < INSN_TOUCHES)
		i->out[i->nr++] = (struct insn_touch){ addr, len, write };
}

static u32 operand(const struct insn *i)
{
	return i->rex & REX_W ? 8 : i->opsize ? 2 : 4;
}

static u32 group(const struct insn *i)
{
	return i->modrm >> 3 & 7;
}

/* ---- prefixes and opcode ---- */

/* Handles @b if it is a legacy prefix, else returns false. */
static bool prefix(struct insn *i, u8 b)
{
	switch (b) {
	case 0x66: i->opsize = true; return true;
	case 0x67: i->addr32 = true; return true;
	case 0xf2: i->repne = true; return true;
	case 0xf3: i->rep = true; return true;
	case 0x64: i->base = i->r->fs_base; return true;
	case 0x65: i->base = i->r->gs_base; return true;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0xf0: return true;
	}
	return false;
}

/* Reads the rest of a VEX (C4, C5) or EVEX (62) prefix and the opcode. */
static void vex_prefix(struct insn *i, u8 first)
{
	static const u8 maps[] = { 0x0f, 0x0f, 0x38, 0x3a };
	static const u8 pp[] = { 0, 0x66, 0xf3, 0xf2 };
	u8 a = next(i), b = a;

	i->vex = true;
	i->map = 0x0f;
	i->rex = (u8)(~a >> 5 & REX_R);
	if (first != 0xc5) {
		i->map = maps[a & 3];
		i->rex = (u8)(~a >> 5 & 7);
		b = next(i);
		i->rex |= b & 0x80 ? REX_W : 0;
	}
	if (first == 0x62)
		i->wide = next(i) & 0x60;
	else
		i->wide = b & 4;
	prefix(i, pp[b & 3]);
	i->op = next(i);
}

/* Reads prefixes and the opcode, and sets i->map and i->op. */
static void opcode(struct insn *i)
{
	u8 b = next(i);

	while (prefix(i, b))
		b = next(i);
	if ((b & 0xf0) == 0x40) {
		i->rex = b & 15;
		b = next(i);
	}
	if (b == 0xc4 || b == 0xc5 || b == 0x62) {
		vex_prefix(i, b);
		return;
	}
	if (b == 0x0f) {
		i->map = 0x0f;
		b = next(i);
		if (b == 0x38 || b == 0x3a) {
			i->map = b;
			b = next(i);
		}
	}
	i->op = b;
}

/* ---- the operand in memory ---- */

/*
 * Computes the address of the operand. @imm: number of bytes between the displacement and the end
 * of the instruction, for addresses relative to rip.
 */
static u64 address(struct insn *i, u32 imm)
{
	u32 mod = i->modrm >> 6, rm = i->modrm & 7;
	u64 a = 0;

	if (rm == RSP) {
		u8 sib = next(i);
		u32 index = (sib >> 3 & 7) | (i->rex & REX_X ? 8 : 0), base = sib & 7;

		if (index != RSP)
			a = reg(i->r, index) << (sib >> 6);
		if (base == RBP && !mod)
			return a + (u64)(s64)next32(i);
		a += reg(i->r, base | (i->rex & REX_B ? 8 : 0));
	} else if (rm == RBP && !mod) {
		s64 d = next32(i);

		return i->r->rip + i->at + imm + (u64)d;
	} else {
		a = reg(i->r, rm | (i->rex & REX_B ? 8 : 0));
	}
	if (mod == 1)
		a += (u64)(s64)(s8)next(i);
	else if (mod == 2)
		a += (u64)(s64)next32(i);
	return a;
}

/* Records the operand that ModRM selects, if it is in memory. */
static void rm(struct insn *i, u32 len, bool write, u32 imm)
{
	if (i->modrm >> 6 != 3)
		touch(i, address(i, imm), len, write);
}

/* ---- accesses of each opcode ---- */

/*
 * Records the operand of an x87 instruction. The table gives its size in bytes by opcode and group;
 * the bit 0x80 means that the operand is written.
 */
static void x87(struct insn *i)
{
	static const u8 does[8][8] = {
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 0, 0x84, 0x84, 28, 2, 0x9c, 0x82 },
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 0x84, 0x84, 0x84, 0, 10, 0, 0x8a },
		{ 8, 8, 8, 8, 8, 8, 8, 8 },
		{ 8, 0x88, 0x88, 0x88, 108, 0, 0xec, 0x82 },
		{ 2, 2, 2, 2, 2, 2, 2, 2 },
		{ 2, 0x82, 0x82, 0x82, 10, 8, 0x8a, 0x88 },
	};
	u8 d = does[i->op & 7][group(i)];

	rm(i, d & 0x7f, d & 0x80, 0);
}

/* Records what a string instruction accesses in its next step. */
static void strings(struct insn *i)
{
	u32 len = i->op & 1 ? operand(i) : 1;
	u8 kind = i->op & 0xfe;

	if ((i->rep || i->repne) && !i->r->rcx)
		return;
	if (kind == 0xa4 || kind == 0xa6 || kind == 0xac)
		touch(i, i->r->rsi, len, false);
	i->base = 0;
	if (kind == 0xa4 || kind == 0xaa)
		touch(i, i->r->rdi, len, true);
	else if (kind == 0xa6 || kind == 0xae)
		touch(i, i->r->rdi, len, false);
}

static void push(struct insn *i)
{
	u32 len = i->opsize ? 2 : 8;

	touch_stack(i, i->r->rsp - len, len, true);
}

static void pop(struct insn *i)
{
	touch_stack(i, i->r->rsp, i->opsize ? 2 : 8, false);
}

static void absolute(struct insn *i)
{
	u64 a = (u32)next32(i);

	a |= (u64)(u32)next32(i) << 32;
	touch(i, a, i->op & 1 ? operand(i) : 1, i->op >= 0xa2);
}

/* Handles FE and FF: inc, dec, call, jmp, push. */
static void group5(struct insn *i)
{
	u32 what = i->op == 0xfe ? 0 : group(i);

	if (what < 2) {
		rm(i, i->op & 1 ? operand(i) : 1, true, 0);
		return;
	}
	rm(i, what == 6 && i->opsize ? 2 : 8, false, 0);
	if (what == 2 || what == 6)
		push(i);
}

static void one_byte(struct insn *i)
{
	u32 len = i->op & 1 ? operand(i) : 1, word = operand(i) == 2 ? 2 : 4;

	switch (i->op) {
	case 0x50 ... 0x57:
	case 0x68:
	case 0x6a:
	case 0x9c:
	case 0xe8: push(i); return;
	case 0x58 ... 0x5f:
	case 0x9d:
	case 0xc2:
	case 0xc3: pop(i); return;
	case 0xc9: touch_stack(i, i->r->rbp, 8, false); return;
	case 0xa0 ... 0xa3: absolute(i); return;
	case 0xa4 ... 0xa7:
	case 0xaa ... 0xaf: strings(i); return;
	case 0xd7: touch(i, i->r->rbx + (u8)i->r->rax, 1, false); return;
	}
	i->modrm = next(i);
	switch (i->op) {
	case 0x00 ... 0x3f:
		if ((i->op & 7) < 4)
			rm(i, len, (i->op & 7) < 2 && i->op < 0x38, 0);
		return;
	case 0x63: rm(i, 4, false, 0); return;
	case 0x69: rm(i, operand(i), false, word); return;
	case 0x6b: rm(i, operand(i), false, 1); return;
	case 0x80:
	case 0x83: rm(i, len, group(i) != 7, 1); return;
	case 0x81: rm(i, len, group(i) != 7, word); return;
	case 0x84:
	case 0x85:
	case 0x8a:
	case 0x8b: rm(i, len, false, 0); return;
	case 0x86 ... 0x89: rm(i, len, true, 0); return;
	case 0x8c: rm(i, 2, true, 0); return;
	case 0x8e: rm(i, 2, false, 0); return;
	case 0x8f:
		pop(i);
		rm(i, i->opsize ? 2 : 8, true, 0);
		return;
	case 0xc0:
	case 0xc1: rm(i, len, true, 1); return;
	case 0xc6: rm(i, 1, true, 1); return;
	case 0xc7: rm(i, len, true, word); return;
	case 0xd0 ... 0xd3: rm(i, len, true, 0); return;
	case 0xd8 ... 0xdf: x87(i); return;
	case 0xf6: rm(i, 1, group(i) == 2 || group(i) == 3, group(i) < 2); return;
	case 0xf7: rm(i, len, group(i) == 2 || group(i) == 3, group(i) < 2 ? word : 0); return;
	case 0xfe:
	case 0xff: group5(i); return;
	}
}

/* Returns the size in bytes of a vector operand of the 0F map. */
static u32 vector(const struct insn *i)
{
	bool scalar =
		i->op == 0x10 || i->op == 0x11 || (i->op >= 0x51 && i->op <= 0x5f) || i->op == 0xc2;

	if (scalar && (i->rep || i->repne))
		return i->rep ? 4 : 8;
	if (i->op == 0x2e || i->op == 0x2f)
		return i->opsize ? 8 : 4;
	if (i->op == 0x12 || i->op == 0x13 || i->op == 0x16 || i->op == 0x17 || i->op == 0xd6)
		return 8;
	if (!i->vex && !i->opsize && !i->rep && i->op >= 0x60 && i->op != 0xc6)
		return 8; /* MMX */
	return i->wide ? 32 : 16;
}

/* Handles BT, BTS, BTR and BTC with a register operand, which selects a bit anywhere in memory. */
static void bits(struct insn *i, bool write)
{
	u32 len = operand(i), nr = group(i) | (i->rex & REX_R ? 8 : 0);
	s64 bit = (s64)reg(i->r, nr);

	if (i->modrm >> 6 == 3)
		return;
	bit = len == 8 ? bit : len == 4 ? (s32)bit : (s16)bit;
	touch(i,
		address(i, 0) + (u64)((bit >> (len == 8        ? 6 :
						      len == 4 ? 5 :
								 4)) *
					len),
		len, write);
}

static void group15(struct insn *i)
{
	static const struct {
		u16 len;
		bool write;
	} does[8] = { { 512, true }, { 512, false }, { 4, false }, { 4, true }, { 512, true },
		{ 512, false } };

	if (!i->rep)
		rm(i, does[group(i)].len, does[group(i)].write, 0);
}

static void map_0f(struct insn *i)
{
	switch (i->op) {
	case 0x04 ... 0x0b:
	case 0x30 ... 0x37:
	case 0x77:
	case 0x80 ... 0x8f:
	case 0xa2:
	case 0xaa:
	case 0xc8 ... 0xcf: return;
	case 0xa0:
	case 0xa8: push(i); return;
	case 0xa1:
	case 0xa9: pop(i); return;
	}
	i->modrm = next(i);
	switch (i->op) {
	case 0x00 ... 0x03:
	case 0x0d:
	case 0x18 ... 0x27: return;
	case 0x11:
	case 0x13:
	case 0x17:
	case 0x29:
	case 0x2b:
	case 0x7f:
	case 0xd6:
	case 0xe7: rm(i, vector(i), true, 0); return;
	case 0x7e: rm(i, i->rep || i->rex & REX_W ? 8 : 4, !i->rep, 0); return;
	case 0x6e: rm(i, i->rex & REX_W ? 8 : 4, false, 0); return;
	case 0x2a: rm(i, operand(i), false, 0); return;
	case 0x2c:
	case 0x2d: rm(i, i->rep ? 4 : 8, false, 0); return;
	case 0x40 ... 0x4f:
	case 0xaf:
	case 0xb8:
	case 0xbc:
	case 0xbd: rm(i, operand(i), false, 0); return;
	case 0x70:
	case 0xc2:
	case 0xc6: rm(i, vector(i), false, 1); return;
	case 0x90 ... 0x9f: rm(i, 1, true, 0); return;
	case 0xa3: bits(i, false); return;
	case 0xab:
	case 0xb3:
	case 0xbb: bits(i, true); return;
	case 0xba: rm(i, operand(i), group(i) != 4, 1); return;
	case 0xa4:
	case 0xac: rm(i, operand(i), true, 1); return;
	case 0xa5:
	case 0xad:
	case 0xb1:
	case 0xc1:
	case 0xc3: rm(i, operand(i), true, 0); return;
	case 0xb0:
	case 0xc0: rm(i, 1, true, 0); return;
	case 0xb6:
	case 0xbe: rm(i, 1, false, 0); return;
	case 0xb7:
	case 0xbf: rm(i, 2, false, 0); return;
	case 0xae: group15(i); return;
	case 0xc4: rm(i, 2, false, 1); return;
	case 0xc7: rm(i, i->rex & REX_W ? 16 : 8, group(i) == 1, 0); return;
	case 0xf7: touch(i, i->r->rdi, 8, true); return;
	default: rm(i, vector(i), false, 0);
	}
}

static void map_38(struct insn *i)
{
	bool write = i->op == 0x2e || i->op == 0x2f || i->op == 0x8e;

	i->modrm = next(i);
	if (i->op == 0xf0 || i->op == 0xf1)
		rm(i, i->repne && i->op == 0xf0 ? 1 : operand(i), i->op == 0xf1 && !i->repne, 0);
	else
		rm(i, i->wide ? 32 : 16, write, 0);
}

static void map_3a(struct insn *i)
{
	i->modrm = next(i);
	switch (i->op) {
	case 0x14: rm(i, 1, true, 1); return;
	case 0x15: rm(i, 2, true, 1); return;
	case 0x16: rm(i, i->rex & REX_W ? 8 : 4, true, 1); return;
	case 0x17: rm(i, 4, true, 1); return;
	case 0x19:
	case 0x39: rm(i, 16, true, 1); return;
	case 0x1d: rm(i, i->wide ? 16 : 8, true, 1); return;
	default: rm(i, i->wide ? 32 : 16, false, 1);
	}
}

u32 insn_touches(const struct regs *r, const u8 *code, u32 n, struct insn_touch *t)
{
	struct insn i = { .r = r, .code = code, .n = n, .out = t };

	opcode(&i);
	if (i.map == 0)
		one_byte(&i);
	else if (i.map == 0x0f)
		map_0f(&i);
	else if (i.map == 0x38)
		map_38(&i);
	else
		map_3a(&i);
	return i.nr;
}
