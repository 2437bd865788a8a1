/* SPDX-License-Identifier: MIT */
/*
 * ebpf_looker.h: an interpreter of eBPF programs that checks each step, for ebpf_programs.c. It
 * records for each register and each byte of the stack whether the value was ever set, and whether
 * the value is a number or a pointer, and into which object. A step that the verifier must have
 * refused fails the test.
 */
#ifndef TESTS_UNIT_EBPF_LOOKER_H
#define TESTS_UNIT_EBPF_LOOKER_H

#include "kernel/bpf/internal.h"
#include "kernel/lib/string.h"
#include "unit.h"

#define ELEMENTS 2 /* of the map */
#define VALUE 16   /* bytes of a map's value */
/* bytes of the context: a number, the packet's start and end, and from offset 16 writable bytes */
#define CTX 40
#define PACKET_MAX 32 /* bytes */

/* Returns a random number below @n. */
static u32 below(u32 n)
{
	return fake_random() % n;
}

/* kinds of values: never set, a number, pointers into each kind of object, the packet's end */
enum what { NOTHING, NUMBER, P_CTX, P_STACK, P_MAP, P_VALUE, P_PACKET, P_END };

struct value {
	enum what what;
	u32 object; /* index of a frame or of a map's element */
	u64 v;      /* a number, or a pointer's offset */
};

/* The registers and the stack of a function. @pc: its call that is being executed. */
struct frame {
	struct value r[MAX_BPF_REG];
	u32 pc;
	u8 byte[EBPF_STACK];
	/* for each byte. @written: it was written. @pointer: it belongs to a pointer. */
	bool written[EBPF_STACK], pointer[EBPF_STACK];
	/* the pointer in each aligned word of 8 bytes; NOTHING: no whole pointer is there */
	struct value slot[EBPF_STACK / 8];
};

/*
 * A run of a program. @f[@depth]: the active function. @steps: instructions executed. @perfmon: the
 * program may turn pointers into numbers. @packet_len: bytes of @packet that exist.
 */
struct looker {
	const struct ebpf_code *code;
	struct frame f[EBPF_FRAMES];
	u32 depth, packet_len, steps;
	bool perfmon;
	u8 ctx[CTX], values[ELEMENTS][VALUE], packet[PACKET_MAX];
};

/* the present instruction, which show() marks */
static u32 broken_at;

/* Prints the program. */
static void show(const struct ebpf_code *c)
{
	for (u32 pc = 0; pc < c->n; pc++)
		print_error("%s%2u: %02x dst %u src %u off %d imm %d\n",
			pc == broken_at ? "*" : " ", pc, c->insn[pc].code, c->insn[pc].dst_reg,
			c->insn[pc].src_reg, c->insn[pc].off, c->insn[pc].imm);
}

/* Fails the test unless the condition is true, which the verifier must have proved. */
#define must(l, cond)                                                                              \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			print_error("passed the verifier, but not: %s\n", #cond);                  \
			show((l)->code);                                                           \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static struct value number(u64 v)
{
	return (struct value){ .what = NUMBER, .v = v };
}

/* Returns a random number, often one at which arithmetic goes wrong. */
static u64 random_64(void)
{
	u64 v = (u64)fake_random() << 32 | fake_random();

	switch (below(6)) {
	case 0: return v;
	case 1: return v & 31;
	case 2: return -(v & 31);
	case 3: return (1ul << (v & 63)) - (v >> 63);
	case 4: return (u32)v;
	default: return v & 0xff;
	}
}

/*
 * Returns the address of the @size bytes at offset @at of @p's object, which is not the stack.
 * Fails the test if the object does not contain them.
 */
static u8 *object(struct looker *l, const struct value *p, u64 at, u32 size)
{
	u64 room = p->what == P_CTX ? CTX : p->what == P_VALUE ? VALUE : l->packet_len;

	must(l, p->what == P_CTX || p->what == P_VALUE || p->what == P_PACKET);
	must(l, at <= room && size <= room - at);
	return p->what == P_CTX   ? l->ctx + at :
	       p->what == P_VALUE ? l->values[p->object] + at :
				    l->packet + at;
}

/* Returns the index in @byte of the @size bytes at offset @at of r10. Fails if one is outside. */
static u32 stack_at(struct looker *l, u64 at, u32 size)
{
	at += EBPF_STACK;
	must(l, at <= EBPF_STACK && size <= EBPF_STACK - at);
	return (u32)at;
}

static struct value read_stack(
	struct looker *l, const struct value *p, u64 off, u32 size, bool sign)
{
	struct frame *f = &l->f[p->object];
	u32 at = stack_at(l, off, size);
	bool pointer = false;
	u64 v = 0;

	must(l, p->object <= l->depth);
	for (u32 i = 0; i < size; i++) {
		must(l, f->written[at + i]);
		pointer |= f->pointer[at + i];
	}
	if (pointer && size == 8 && !(at & 7) && f->pointer[at] && f->slot[at / 8].what)
		return f->slot[at / 8];
	memcpy(&v, f->byte + at, size);
	return number(sign ? size == 1 ? (u64)(s8)v : size == 2 ? (u64)(s16)v : (u64)(s32)v : v);
}

static void write_stack(
	struct looker *l, const struct value *p, u64 off, u32 size, const struct value *what)
{
	struct frame *f = &l->f[p->object];
	u32 at = stack_at(l, off, size);
	bool whole = what->what != NUMBER && size == 8 && !(at & 7);
	u64 v = what->what == NUMBER ? what->v : random_64();

	must(l, p->object <= l->depth);
	for (u32 i = 0; i < size; i++) {
		f->slot[(at + i) / 8].what = NOTHING;
		f->written[at + i] = true;
		f->pointer[at + i] = what->what != NUMBER;
	}
	memcpy(f->byte + at, &v, size);
	if (whole)
		f->slot[at / 8] = *what;
}

/*
 * Returns the value of the @size bytes at offset @off of @p, which the program reads. @sign: a
 * number is sign-extended.
 */
static struct value load(struct looker *l, const struct value *p, s16 off, u32 size, bool sign)
{
	u64 at = p->v + (u64)(s64)off, v = 0;

	if (p->what == P_STACK)
		return read_stack(l, p, at, size, sign);
	if (p->what == P_CTX && (at == 4 || at == 8)) {
		must(l, !sign && size == 4);
		return (struct value){ .what = at == 4 ? P_PACKET : P_END };
	}
	memcpy(&v, object(l, p, at, size), size);
	return number(sign ? size == 1 ? (u64)(s8)v : size == 2 ? (u64)(s16)v : (u64)(s32)v : v);
}

/* Writes @size bytes of @what at offset @off of @p. A pointer outside the stack: random bytes. */
static void store(
	struct looker *l, const struct value *p, s16 off, u32 size, const struct value *what)
{
	u64 at = p->v + (u64)(s64)off, v = what->what == NUMBER ? what->v : random_64();

	must(l, what->what != NOTHING);
	if (p->what == P_STACK) {
		write_stack(l, p, at, size, what);
		return;
	}
	must(l, p->what != P_PACKET);
	must(l, what->what == NUMBER || (l->perfmon && p->what != P_CTX));
	must(l, p->what != P_CTX || at >= 16);
	memcpy(object(l, p, at, size), &v, size);
}

/* Executes an arithmetic instruction with two operands; the result goes to *dst. */
static void alu(struct looker *l, const struct bpf_insn *i, struct value *dst, struct value src)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);

	must(l, op == BPF_MOV || dst->what != NOTHING);
	must(l, src.what != NOTHING);
	if (op == BPF_MOV && wide && !i->off) {
		*dst = src;
		return;
	}
	if ((op == BPF_MOV || dst->what == NUMBER) && src.what == NUMBER) {
		*dst = number(ebpf_alu(op, wide, i->off, op == BPF_MOV ? 0 : dst->v, src.v));
		return;
	}
	if (op == BPF_ADD && wide && dst->what == NUMBER) { /* number + pointer: swap them */
		struct value by = *dst;

		*dst = src;
		src = by;
	}
	if (wide && (op == BPF_ADD || op == BPF_SUB) && src.what == NUMBER) {
		must(l, dst->what != P_MAP && dst->what != P_END);
		dst->v = op == BPF_ADD ? dst->v + src.v : dst->v - src.v;
		return;
	}
	must(l, l->perfmon && (op == BPF_SUB || op == BPF_MOV));
	*dst = number(wide ? random_64() : (u32)random_64());
}

/* Returns the result of BPF_END for the value @v. */
static u64 turned(const struct bpf_insn *i, u64 v)
{
	bool swap = BPF_CLASS(i->code) == BPF_ALU64 || BPF_SRC(i->code) == BPF_TO_BE;

	switch (i->imm) {
	case 16: return swap ? __builtin_bswap16((u16)v) : (u16)v;
	case 32: return swap ? __builtin_bswap32((u32)v) : (u32)v;
	default: return swap ? __builtin_bswap64(v) : v;
	}
}

/* True if the jump is taken. A comparison whose result is not defined is decided at random. */
static bool taken(
	struct looker *l, const struct bpf_insn *i, const struct value *a, const struct value *b)
{
	u8 op = BPF_OP(i->code);
	bool wide = BPF_CLASS(i->code) == BPF_JMP;

	must(l, a->what != NOTHING && b->what != NOTHING);
	if (a->what == NUMBER && b->what == NUMBER)
		return ebpf_jump_taken(op, wide, a->v, b->v);
	if (wide && b->what == NUMBER && !b->v && (op == BPF_JEQ || op == BPF_JNE))
		return op == BPF_JNE; /* a pointer is never equal to 0 */
	if (wide && a->what == P_PACKET && b->what == P_END)
		return ebpf_jump_taken(op, true, a->v + (1ul << 32), l->packet_len + (1ul << 32));
	if (wide && a->what == P_END && b->what == P_PACKET)
		return ebpf_jump_taken(op, true, l->packet_len + (1ul << 32), b->v + (1ul << 32));
	return below(2);
}

/* Executes an atomic instruction. */
static void atomic(struct looker *l, const struct bpf_insn *i)
{
	struct value *r = l->f[l->depth].r, *p = &r[i->dst_reg], src = r[i->src_reg], old, now;
	u32 size = ebpf_size(i->code);
	u64 mask = size == 4 ? 0xffffffff : ~0ul;

	must(l, (p->what == P_STACK || p->what == P_VALUE) && src.what == NUMBER &&
			!((p->v + (u64)(s64)i->off) & (size - 1)));
	old = load(l, p, i->off, size, false);
	must(l, old.what == NUMBER);
	now = src;
	switch (i->imm & ~BPF_FETCH) {
	case BPF_ADD: now.v = old.v + src.v; break;
	case BPF_AND: now.v = old.v & src.v; break;
	case BPF_OR: now.v = old.v | src.v; break;
	case BPF_XOR: now.v = old.v ^ src.v; break;
	}
	if (i->imm == BPF_CMPXCHG) {
		must(l, r[0].what == NUMBER);
		now.v = old.v == (r[0].v & mask) ? src.v : old.v;
	}
	store(l, p, i->off, size, &now);
	if (i->imm == BPF_CMPXCHG)
		r[0] = old;
	else if (i->imm & BPF_FETCH)
		r[i->src_reg] = old;
}

/* Checks that @size bytes at @p may be read, and returns the first 8 of them as a number. */
static struct value bytes(struct looker *l, const struct value *p, u32 size)
{
	struct value v = number(0);

	for (u32 i = 0; i < size; i++) {
		struct value b = load(l, p, (s16)i, 1, false);

		v.v |= i < 8 ? b.v << i * 8 : 0;
	}
	return v;
}

/* Imitates the helper @id: checks its arguments and makes a result. */
static void help(struct looker *l, u32 id)
{
	struct value *r = l->f[l->depth].r, key, byte = number(0);

	switch (id) {
	case BPF_FUNC_map_lookup_elem:
		must(l, r[1].what == P_MAP);
		key = bytes(l, &r[2], 4);
		r[0] = key.v < ELEMENTS ? (struct value){ .what = P_VALUE, .object = (u32)key.v } :
					  number(0);
		break;
	case BPF_FUNC_map_update_elem:
		must(l, r[1].what == P_MAP && r[4].what != NOTHING);
		key = bytes(l, &r[2], 4);
		bytes(l, &r[3], VALUE);
		r[0] = number(0);
		break;
	case BPF_FUNC_skb_load_bytes:
		must(l, r[1].what == P_CTX && r[2].what != NOTHING && r[4].what == NUMBER &&
				r[4].v && r[4].v <= EBPF_STACK);
		for (u32 i = 0; i < r[4].v; i++)
			store(l, &r[3], (s16)i, 1, &byte);
		r[0] = number(random_64());
		break;
	default: r[0] = number(random_64());
	}
	for (u32 i = 1; i < 6; i++)
		r[i].what = NOTHING;
}

/*
 * Leaves a function. Returns false if that ends the program, and then fails the test unless the
 * program has returned 0 or 1.
 */
static bool leave(struct looker *l, u32 *pc)
{
	struct value r0 = l->f[l->depth].r[0];

	if (l->depth) {
		must(l, r0.what != NOTHING && r0.what != P_STACK);
		l->depth--;
		l->f[l->depth].r[0] = r0;
		*pc = l->f[l->depth].pc;
		return true;
	}
	must(l, r0.what == NUMBER && r0.v <= 1);
	return false;
}

/* Calls a function of the program. */
static void enter(struct looker *l, u32 *pc, const struct bpf_insn *i)
{
	struct frame *from = &l->f[l->depth], *to = from + 1;

	must(l, l->depth + 1 < EBPF_FRAMES);
	memset(to, 0, sizeof(*to));
	memcpy(to->r, from->r, sizeof(to->r[0]) * 6);
	to->r[0].what = NOTHING;
	for (u32 r = 0; r < 6; r++)
		from->r[r].what = NOTHING;
	from->pc = *pc;
	l->depth++;
	to->r[10] = (struct value){ .what = P_STACK, .object = l->depth };
	*pc = (u32)(ebpf_target(i, *pc) - 1);
}

/* Executes the load of a 64-bit constant, or of the map, from two instructions. */
static void constant(struct looker *l, const struct bpf_insn *i)
{
	struct value *dst = &l->f[l->depth].r[i->dst_reg];

	*dst = i->src_reg == BPF_PSEUDO_MAP_FD ? (struct value){ .what = P_MAP } :
						 number((u32)i->imm | (u64)(u32)i[1].imm << 32);
}

/*
 * Executes the instruction at *pc, and leaves *pc at the last word before the next. Returns false
 * if the program has ended.
 */
static bool step(struct looker *l, u32 *pc)
{
	const struct bpf_insn *i = &l->code->insn[*pc];
	struct value *r = l->f[l->depth].r, *dst = &r[i->dst_reg];
	u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code);
	struct value imm = number((u64)(s64)i->imm),
		     src = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : imm;

	if (class == BPF_LD) {
		constant(l, i);
		++*pc;
	} else if (class == BPF_LDX) {
		*dst = load(l, &r[i->src_reg], i->off, ebpf_size(i->code),
			BPF_MODE(i->code) == EBPF_MEMSX);
	} else if (class == BPF_ST) {
		store(l, dst, i->off, ebpf_size(i->code), &imm);
	} else if (class == BPF_STX && BPF_MODE(i->code) == BPF_ATOMIC) {
		atomic(l, i);
	} else if (class == BPF_STX) {
		store(l, dst, i->off, ebpf_size(i->code), &r[i->src_reg]);
	} else if (class == BPF_ALU || class == BPF_ALU64) {
		if (op == BPF_END || op == BPF_NEG) {
			must(l, dst->what == NUMBER);
			*dst = number(op == BPF_END ?
					      turned(i, dst->v) :
					      ebpf_alu(op, class == BPF_ALU64, 0, dst->v, 0));
		} else {
			alu(l, i, dst, src);
		}
	} else if (op == BPF_EXIT) {
		return leave(l, pc);
	} else if (op == BPF_CALL) {
		if (i->src_reg == BPF_PSEUDO_CALL)
			enter(l, pc, i);
		else
			help(l, (u32)i->imm);
	} else if (op == BPF_JA || taken(l, i, dst, &src)) {
		*pc = (u32)(ebpf_target(i, *pc) - 1);
	}
	return true;
}

/* Runs a program that has passed the verifier, with a random context, packet and map. */
static void look(const struct ebpf_code *c, bool perfmon)
{
	static struct looker l;

	memset(&l, 0, sizeof(l));
	l.code = c;
	l.perfmon = perfmon;
	l.packet_len = below(below(2) ? PACKET_MAX + 1 : 12);
	for (u32 i = 0; i < CTX; i += 8)
		*(u64 *)(l.ctx + i) = random_64();
	for (u32 i = 0; i < ELEMENTS * VALUE; i += 8)
		*(u64 *)(l.values[0] + i) = random_64();
	l.f[0].r[1].what = P_CTX;
	l.f[0].r[10].what = P_STACK;
	for (u32 pc = 0; pc < c->n; pc++) {
		broken_at = pc;
		must(&l, ++l.steps < EBPF_MAX_INSNS);
		if (!step(&l, &pc))
			return;
	}
	must(&l, !"past the end");
}

#endif
