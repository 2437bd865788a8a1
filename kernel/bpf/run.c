/* SPDX-License-Identifier: MIT */
/*
 * run.c: the machine of extended BPF (RFC 9669): eleven registers of 64 bits, a stack of 512 bytes
 * below r10, and the context in r1.
 *
 * A program has been verified before it runs (verify.c), but it is not trusted:
 * - Its pointers are the numbers below instead of kernel addresses, so no address can leak. Each
 *   access translates its pointer. At an invalid access, or at another error that the verifier
 *   should have found, the program ends with result 0.
 * - Backward jumps are counted and limited, so that the program ends. The work of helpers counts
 *   too, since a helper may have to hash a key of megabytes.
 *
 *	1 << 32	the context
 *	2 << 32	the end of the stack
 *	3 << 32	the packet's first byte
 *	4 << 32	a map, by its index in the program
 *	1 << 62	a value: the map's index in bits 48 to 55, below it the byte position in the map's
 *	        store (map.h)
 */
#include "kernel/bpf/machine.h"

#include "kernel/bpf/helper.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"

/*
 * Limit for backward jumps, calls of helpers and ebpf_pay()'s units together in one run. A verified
 * program makes fewer jumps and calls, because the verifier examines each of them and has a lower
 * limit.
 */
#define MAX_BACK 4000000

/* ---- arithmetic ---- */

static u64 signed_division(u8 op, bool wide, u64 a, u64 b)
{
	s64 x = wide ? (s64)a : (s32)a, y = wide ? (s64)b : (s32)b;

	/* The lowest number has no positive counterpart. */
	if (y == -1)
		return op == BPF_DIV ? 0 - a : 0;
	if (!y)
		return op == BPF_DIV ? 0 : a;
	return op == BPF_DIV ? (u64)(x / y) : (u64)(x % y);
}

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

static u64 sign_extend(u64 v, u32 bits)
{
	return bits == 8 ? (u64)(s8)v : bits == 16 ? (u64)(s16)v : bits == 32 ? (u64)(s32)v : v;
}

u64 ebpf_alu(u8 op, bool wide, s16 off, u64 a, u64 b)
{
	u64 r;

	if (op == BPF_MOV)
		r = sign_extend(b, (u16)off);
	else if (off)
		r = signed_division(op, wide, a, b);
	else if (wide)
		return alu64(op, a, b);
	else if (op == BPF_ARSH)
		r = (u64)((s32)a >> (b & 31));
	else
		r = alu64(op, (u32)a, op == BPF_LSH || op == BPF_RSH ? b & 31 : (u32)b);
	return wide ? r : (u32)r;
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

static void *value_at(struct ebpf_machine *m, u64 at, u32 size)
{
	u32 index = (u32)(at >> 48) & 0xff, within;
	u64 place = at & ((1ul << 48) - 1);
	const struct bpf_map *map;
	u8 *element;

	if (index >= m->code->nr_maps)
		return NULL;
	map = m->code->maps[index];
	if (map->ops->no_key || !map->ops->prog || place / map->each > MAP_NONE - 1)
		return NULL;
	within = (u32)(place % map->each);
	if (within < map->value_at || size > map->each - within)
		return NULL;
	element = bpf_map_at(map, (u32)(place / map->each));
	return element ? element + within : NULL;
}

void *ebpf_memory(struct ebpf_machine *m, u64 at, u32 size)
{
	u64 off;

	if (at >> 62 == 1)
		return value_at(m, at, size);
	off = at - (STACK_TOP - EBPF_STACK);
	return size <= EBPF_STACK && off <= EBPF_STACK - size ? m->stack + off : NULL;
}

struct bpf_map *ebpf_map(struct ebpf_machine *m, u64 at)
{
	u64 index = at - MAP_BASE;

	return index < m->code->nr_maps ? m->code->maps[index] : NULL;
}

u64 ebpf_value_token(struct ebpf_machine *m, u64 map, u32 element)
{
	const struct bpf_map *b = m->code->maps[map - MAP_BASE];

	if (element == MAP_NONE || !bpf_map_at(b, element))
		return 0;
	return 1ul << 62 | (map - MAP_BASE) << 48 |
	       ((u64)element * b->each + (u64)(bpf_map_value(b, element) - bpf_map_at(b, element)));
}

/*
 * Reads a field of the context or bytes of the packet, which are not plain memory. Returns false if
 * the access is invalid.
 */
static bool load_elsewhere(struct ebpf_machine *m, u64 at, u32 size, u64 *v)
{
	const struct ebpf_type *t = m->code->type;
	u64 off = at - CTX_BASE;

	*v = 0;
	if (off < CTX_SPAN) {
		*v = t->read(m->ctx, (u32)off, size);
		/* bit 63 marks a packet pointer: a field of 4 bytes cannot have it */
		if (size == 4 && *v >> 63 && t->packet_len)
			*v = *v == CTX_PACKET ? PACKET_BASE : PACKET_BASE + t->packet_len(m->ctx);
		return true;
	}
	off = at - PACKET_BASE;
	return t->packet_read && off <= t->packet_len(m->ctx) &&
	       t->packet_read(m->ctx, (s64)off, size, v, false);
}

static bool load(struct ebpf_machine *m, const struct bpf_insn *i)
{
	u32 size = ebpf_size(i->code);
	u64 at = m->r[i->src_reg] + (u64)(s64)i->off, v = 0;
	const void *p = ebpf_memory(m, at, size);

	if (p)
		memcpy(&v, p, size);
	else if (!load_elsewhere(m, at, size, &v))
		return false;
	if (BPF_MODE(i->code) == EBPF_MEMSX)
		v = sign_extend(v, size * 8);
	m->r[i->dst_reg] = v;
	return true;
}

static bool store(struct ebpf_machine *m, const struct bpf_insn *i)
{
	u64 v = BPF_CLASS(i->code) == BPF_ST ? (u64)(s64)i->imm : m->r[i->src_reg];
	u64 at = m->r[i->dst_reg] + (u64)(s64)i->off;
	u32 size = ebpf_size(i->code);
	void *p = ebpf_memory(m, at, size);

	if (p)
		memcpy(p, &v, size);
	else if (at - CTX_BASE < CTX_SPAN && m->code->type->write)
		m->code->type->write(m->ctx, (u32)(at - CTX_BASE), size, v);
	else
		return false;
	return true;
}

/* Atomic operations, since all CPUs share the values of maps. */
#define ATOMIC_OPS(name, type)                                                                     \
	static u64 name(type *p, s32 op, type src, type expected)                                  \
	{                                                                                          \
		switch (op & ~BPF_FETCH) {                                                         \
		case BPF_ADD: return __atomic_fetch_add(p, src, __ATOMIC_SEQ_CST);                 \
		case BPF_AND: return __atomic_fetch_and(p, src, __ATOMIC_SEQ_CST);                 \
		case BPF_OR: return __atomic_fetch_or(p, src, __ATOMIC_SEQ_CST);                   \
		case BPF_XOR: return __atomic_fetch_xor(p, src, __ATOMIC_SEQ_CST);                 \
		case BPF_XCHG & ~BPF_FETCH: return __atomic_exchange_n(p, src, __ATOMIC_SEQ_CST);  \
		}                                                                                  \
		__atomic_compare_exchange_n(                                                       \
			p, &expected, src, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);             \
		return expected;                                                                   \
	}
ATOMIC_OPS(atomic_32, u32)
ATOMIC_OPS(atomic_64, u64)

static bool atomic(struct ebpf_machine *m, const struct bpf_insn *i)
{
	u32 size = ebpf_size(i->code);
	void *p = ebpf_memory(m, m->r[i->dst_reg] + (u64)(s64)i->off, size);
	u64 old, src = m->r[i->src_reg], expected = m->r[0];

	if (!p || (u64)p & (size - 1))
		return false;
	old = size == 4 ? atomic_32(p, i->imm, (u32)src, (u32)expected) :
			  atomic_64(p, i->imm, src, expected);
	if (i->imm == BPF_CMPXCHG)
		m->r[0] = old;
	else if (i->imm & BPF_FETCH)
		m->r[i->src_reg] = old;
	return true;
}

/* Loads bytes of the packet. Returns false if the packet is too short, so that the program ends. */
static bool legacy_load(struct ebpf_machine *m, const struct bpf_insn *i)
{
	u32 size = ebpf_size(i->code);
	s64 off = i->imm;
	u64 v = 0;

	if (BPF_MODE(i->code) == BPF_IND)
		off = (s32)((u32)i->imm + (u32)m->r[i->src_reg]);
	if (!m->code->type->packet_read || !m->code->type->packet_read(m->ctx, off, size, &v, true))
		return false;
	m->r[0] = byte_order(size > 1, size * 8, v);
	return true;
}

/* ---- calls ---- */

struct caller {
	u64 r[5]; /* r6 to r10 */
	u32 pc;
};

static bool call(struct ebpf_machine *m, const struct bpf_insn *i, struct caller *c, u32 *pc)
{
	if (m->depth + 1 >= EBPF_FRAMES)
		return false;
	c += m->depth++;
	memcpy(c->r, &m->r[BPF_REG_6], sizeof(c->r));
	c->pc = *pc;
	m->r[BPF_REG_10] -= (u64)(s64)i->off; /* below caller's stack: check_depth() */
	*pc = (u32)(ebpf_target(i, *pc) - 1);
	return true;
}

static void give_back(struct ebpf_machine *m, const struct caller *c, u32 *pc)
{
	c += --m->depth;
	memcpy(&m->r[BPF_REG_6], c->r, sizeof(c->r));
	*pc = c->pc;
}

void ebpf_pay(struct ebpf_machine *m, u64 bytes)
{
	m->back -= (u32)min(bytes / 64, (u64)m->back);
}

static bool help(struct ebpf_machine *m, const struct bpf_insn *i)
{
	const struct ebpf_helper *h = ebpf_helper_of((u32)i->imm);

	if (!h || !m->back)
		return false;
	m->back--;
	m->r[BPF_REG_0] = h->call(m, m->r);
	return true;
}

/* ---- the loop ---- */

static void compute(struct ebpf_machine *m, const struct bpf_insn *i)
{
	u64 *dst = &m->r[i->dst_reg];
	u64 src = BPF_SRC(i->code) == BPF_X ? m->r[i->src_reg] : (u64)(s64)i->imm;
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;

	if (BPF_OP(i->code) == BPF_END)
		*dst = byte_order(wide || BPF_SRC(i->code) == BPF_TO_BE, (u32)i->imm, *dst);
	else
		*dst = ebpf_alu(BPF_OP(i->code), wide, i->off, *dst, src);
}

static void constant(struct ebpf_machine *m, const struct bpf_insn *i)
{
	u64 low = (u32)i->imm, high = (u32)i[1].imm;

	if (i->src_reg == BPF_PSEUDO_MAP_FD)
		m->r[i->dst_reg] = MAP_BASE + low;
	else if (i->src_reg == BPF_PSEUDO_MAP_VALUE)
		m->r[i->dst_reg] = ebpf_value_token(m, MAP_BASE + low, 0) + high;
	else
		m->r[i->dst_reg] = low | high << 32;
}

static bool jumps(const struct ebpf_machine *m, const struct bpf_insn *i)
{
	u64 src = BPF_SRC(i->code) == BPF_X ? m->r[i->src_reg] : (u64)(s64)i->imm;

	return ebpf_jump_taken(
		BPF_OP(i->code), BPF_CLASS(i->code) == BPF_JMP, m->r[i->dst_reg], src);
}

/*
 * Executes one instruction, after which the caller continues at *pc + 1. Returns false if the
 * program has ended.
 */
static bool step(struct ebpf_machine *m, const struct bpf_insn *i, struct caller *callers, u32 *pc)
{
	s64 to;

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: compute(m, i); return true;
	case BPF_LDX: return load(m, i);
	case BPF_ST: return store(m, i);
	case BPF_STX: return BPF_MODE(i->code) == BPF_ATOMIC ? atomic(m, i) : store(m, i);
	case BPF_LD:
		if (!ebpf_is_imm64(i))
			return legacy_load(m, i);
		constant(m, i);
		++*pc;
		return true;
	}
	if (BPF_OP(i->code) == BPF_EXIT) {
		if (!m->depth) {
			m->result = m->r[BPF_REG_0];
			return false;
		}
		give_back(m, callers, pc);
		return true;
	}
	if (BPF_OP(i->code) == BPF_CALL)
		return i->src_reg == BPF_PSEUDO_CALL ? call(m, i, callers, pc) : help(m, i);
	if (!jumps(m, i))
		return true;
	to = ebpf_target(i, *pc);
	if (to <= *pc && !m->back--)
		return false;
	*pc = (u32)(to - 1);
	return true;
}

u64 ebpf_run(const struct ebpf_code *code, void *ctx)
{
	struct ebpf_machine m = { .code = code, .ctx = ctx, .back = MAX_BACK };
	struct caller callers[EBPF_FRAMES];

	m.r[BPF_REG_1] = CTX_BASE;
	m.r[BPF_REG_10] = STACK_TOP;
	for (u32 pc = 0; pc < m.code->n; pc++) {
		if (!step(&m, &m.code->insn[pc], callers, &pc))
			break;
		if (unlikely(m.next)) { /* a tail call */
			m.code = m.next;
			m.next = NULL;
			m.r[BPF_REG_1] = CTX_BASE;
			m.r[BPF_REG_10] = STACK_TOP;
			pc = ~0u;
		}
	}
	return m.result;
}
