/* SPDX-License-Identifier: MIT */
/*
 * ebpf_programs.c: random programs that the verifier accepts are run by an interpreter that records
 * what each register and each byte of the stack is, and to what a pointer points (ebpf_looker.h).
 * Faults that run.c would not notice fail the test: a read of bytes that were never written, an
 * access outside of the object, a number used as an address, a leaked pointer.
 *
 * A program is made of pieces that mostly fit, so that enough programs pass: struct maker roughly
 * tracks what registers contain. Jumps lead anywhere.
 * SOURCES: kernel/bpf/form.c kernel/bpf/bounds.c kernel/bpf/verify.c kernel/bpf/verify_state.c
 * SOURCES: kernel/bpf/verify_alu.c kernel/bpf/verify_mem.c kernel/bpf/verify_jump.c
 * SOURCES: kernel/bpf/verify_call.c kernel/bpf/run.c kernel/bpf/helper.c kernel/bpf/map_array.c
 * SOURCES: kernel/bpf/map_store.c kernel/lib/string.c
 */
#include "kernel/bpf/helper.h"
#include "kernel/bpf/machine.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "unit.h"

#include "ebpf_looker.h"

#define PROGRAMS 20000
#define RUNS 4
#define INSNS 64
void ebpf_log(struct ebpf_log *log, const char *fmt, ...)
{
}

u64 ktime_get(void)
{
	return 1;
}

u64 ktime_get_boottime(void)
{
	return 2;
}

void arch_random(void *buf, size_t n)
{
	memset(buf, 7, n);
}

void si_meminfo(struct meminfo *mi)
{
	mi->total = 1 << 20;
}

struct bpf_prog *bpf_prog_of_fd(u32 fd, u32 type)
{
	return NULL;
}

void bpf_prog_put(struct bpf_prog *p)
{
}

static enum ebpf_field field(const struct ebpf_rights *r, u32 off, u32 size, bool write)
{
	if (off >= 16 && off + size <= CTX)
		return FIELD_NUMBER;
	if (write || size != 4)
		return FIELD_NONE;
	return off == 0 ? FIELD_NUMBER :
	       off == 4 ? FIELD_PACKET :
	       off == 8 ? FIELD_PACKET_END :
			  FIELD_NONE;
}

static const struct ebpf_type type = {
	.type = BPF_PROG_TYPE_CGROUP_SKB, .packet = true, .verdict = true, .field = field
};

/* ---- programs ---- */

#define I(c, d, s, o, i)                                                                           \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

struct maker {
	struct bpf_insn insn[INSNS];
	u32 n, most;
	enum what r[MAX_BPF_REG]; /* likely content of registers */
};

static void put(struct maker *m, struct bpf_insn i)
{
	if (m->n < m->most)
		m->insn[m->n++] = i;
}

/* Returns a register that likely contains @what; if there is none, or rarely by chance, any. */
static u8 holds(const struct maker *m, enum what what)
{
	u32 start = below(MAX_BPF_REG);

	for (u32 i = 0; i < MAX_BPF_REG && below(60); i++)
		if (m->r[(start + i) % MAX_BPF_REG] == what)
			return (u8)((start + i) % MAX_BPF_REG);
	for (u32 i = 0; i < MAX_BPF_REG && below(60); i++)
		if (m->r[(start + i) % MAX_BPF_REG] != NOTHING)
			return (u8)((start + i) % MAX_BPF_REG);
	return (u8)start;
}

static u8 target(void)
{
	return (u8)below(10);
}

static s32 constant_of(void)
{
	return below(4) ? (s32)below(20) - 2 : (s32)random_64();
}

static void piece_alu(struct maker *m)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_AND,
		BPF_LSH, BPF_RSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH };
	u8 op = ops[below(sizeof(ops))], d = holds(m, NUMBER),
	   class = below(2) ? BPF_ALU64 : BPF_ALU;
	bool divides = op == BPF_DIV || op == BPF_MOD,
	     shifts = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
	s32 imm = shifts ? (s32)below(class == BPF_ALU ? 32 : 64) : constant_of();

	if (below(2))
		put(m, I(class | op | BPF_X, d, holds(m, NUMBER), divides ? below(2) : 0, 0));
	else
		put(m, I(class | op | BPF_K, d, 0, divides ? below(2) : 0,
			       divides && !imm ? 3 : imm));
}

static void piece_mov(struct maker *m)
{
	static const u8 keeps[] = { 0, 0, 8, 16, 32 };
	u8 d = target(), s = (u8)below(MAX_BPF_REG);

	if (below(3)) {
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0));
		m->r[d] = m->r[s];
		return;
	}
	s = holds(m, NUMBER);
	if (below(2))
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, keeps[below(5)], 0));
	else if (below(2))
		put(m, I(BPF_ALU | BPF_MOV | BPF_X, d, s, keeps[below(4)], 0));
	else if (below(2))
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, constant_of()));
	else
		put(m, I((below(2) ? BPF_ALU : BPF_ALU64) | BPF_END, d = s, 0, 0, 16 << below(3)));
	m->r[d] = NUMBER;
}

static void piece_jump(struct maker *m)
{
	static const u8 ops[] = { BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT,
		BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET };
	u8 op = ops[below(sizeof(ops))], class = below(2) ? BPF_JMP : BPF_JMP32;
	s16 off = below(12) ? (s16)below(5) : -(s16)below(8);

	if (below(2))
		put(m, I(class | op | BPF_K, holds(m, NUMBER), 0, off, constant_of()));
	else
		put(m, I(class | op | BPF_X, holds(m, NUMBER), holds(m, NUMBER), off, 0));
}

/* Adds a piece that makes a number small and adds it to a pointer. */
static void piece_index(struct maker *m)
{
	static const enum what kinds[] = { P_STACK, P_VALUE, P_VALUE, P_PACKET };
	u8 d = target(), n = holds(m, NUMBER), p = holds(m, kinds[below(4)]);

	switch (below(5)) {
	case 0: put(m, I(BPF_ALU64 | BPF_AND | BPF_K, n, 0, 0, (s32)below(20))); break;
	case 1:
		put(m, I((below(2) ? BPF_JMP : BPF_JMP32) | BPF_JGT | BPF_K, n, 0,
			       below(2) ? INSNS : (s16)below(6) + 1, (s32)below(20)));
		break;
	case 2:
		put(m, I((below(2) ? BPF_JMP : BPF_JMP32) | BPF_JSGT | BPF_K, n, 0, 4,
			       (s32)below(20)));
		put(m, I((below(2) ? BPF_JMP : BPF_JMP32) | BPF_JSLT | BPF_K, n, 0, 3,
			       (s32)below(4) - 2));
		break;
	case 3: put(m, I(BPF_ALU64 | BPF_MOD | BPF_K, n, 0, 0, 1 + (s32)below(18))); break;
	default: break;
	}
	put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, d, p, 0, 0));
	put(m, I(BPF_ALU64 | (below(4) ? BPF_ADD : BPF_SUB) | BPF_X, d, n, 0, 0));
	m->r[d] = m->r[p];
}

static void piece_null(struct maker *m)
{
	u8 p = holds(m, P_VALUE);

	if (m->r[p] != P_VALUE)
		return;
	put(m, I(BPF_JMP | (below(3) ? BPF_JEQ : BPF_JNE) | BPF_K, p, 0,
		       below(2) ? INSNS : (s16)below(5), 0));
}

static void piece_packet(struct maker *m)
{
	static const u8 ops[] = { BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE };
	u8 p = holds(m, P_PACKET), e = holds(m, P_END), d = target();
	s32 n = (s32)below(10);

	if (m->r[p] != P_PACKET || m->r[e] != P_END)
		return;
	put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, d, p, 0, 0));
	put(m, I(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, n));
	m->r[d] = P_PACKET;
	/* a pointer behind the packet's end jumps over the load */
	if (below(3))
		put(m, below(2) ? I(BPF_JMP | ops[below(2)] | BPF_X, d, e, 1, 0) :
				  I(BPF_JMP | ops[2 + below(2)] | BPF_X, e, d, 1, 0));
	else
		put(m, I(BPF_JMP | ops[below(4)] | BPF_X, d, e, (s16)below(4), 0));
	if (below(2))
		put(m, I(BPF_LDX | BPF_MEM | BPF_B, target(), p, (s16)(n - (s32)below(2)), 0));
	else
		put(m, I(BPF_LDX | BPF_MEM | BPF_B, target(), d, (s16)below(12) - 4, 0));
}

static void piece_memory(struct maker *m)
{
	static const enum what kinds[] = { P_STACK, P_STACK, P_VALUE, P_VALUE, P_CTX, P_PACKET };
	enum what kind = kinds[below(6)];
	u8 p = holds(m, kind), size = (u8)(below(4) << 3),
	   s = below(3) ? holds(m, NUMBER) : (u8)below(MAX_BPF_REG), d = target();
	s32 bytes = (s32)ebpf_size(size),
	    off = kind == P_STACK ? -bytes * (1 + (s32)below(6)) : bytes * (s32)below(5);

	if (kind == P_CTX)
		off = below(3) ? 16 + (off & 15) : off;
	off += below(16) ? 0 : (s32)below(9) - 4;
	switch (below(5)) {
	case 0:
	case 1:
		put(m, I(BPF_LDX | (below(4) || size == BPF_DW ? BPF_MEM : EBPF_MEMSX) | size, d, p,
			       off, 0));
		m->r[d] = kind == P_CTX && off == 4 ? P_PACKET :
			  kind == P_CTX && off == 8 ? P_END :
						      NUMBER;
		break;
	case 2: put(m, I(BPF_ST | BPF_MEM | size, p, 0, off, constant_of())); break;
	case 3: put(m, I(BPF_STX | BPF_MEM | size, p, s, off, 0)); break;
	default:
		put(m, I(BPF_STX | BPF_ATOMIC | (below(2) ? BPF_W : BPF_DW), p, s, off & ~7,
			       below(2) ? BPF_ADD :
			       below(2) ? BPF_XCHG :
					  BPF_CMPXCHG));
	}
}

/* Adds a store of a register to the stack, or a load from it. */
static void piece_spill(struct maker *m)
{
	u8 s = (u8)below(MAX_BPF_REG), d = target();
	s16 at = -8 * (1 + (s16)below(6));

	if (below(2)) {
		put(m, I(BPF_STX | BPF_MEM | (below(4) ? BPF_DW : BPF_W), BPF_REG_10, s, at, 0));
		return;
	}
	put(m, I(BPF_LDX | BPF_MEM | (below(4) ? BPF_DW : BPF_W), d, BPF_REG_10, at, 0));
	m->r[d] = below(2) ? NUMBER : P_VALUE;
}

/* Adds two paths that may write to a slot or a part of it, and a read where both paths meet. */
static void piece_join(struct maker *m)
{
	s16 at = -8 * (1 + (s16)below(7)), part = at + (s16)below(8);
	u8 s = below(2) ? holds(m, NUMBER) : (u8)below(MAX_BPF_REG), d = target();

	if (below(2))
		put(m, I(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, s, at, 0));
	put(m, I(BPF_JMP | BPF_JGT | BPF_K, holds(m, NUMBER), 0, 1, constant_of()));
	if (below(2))
		put(m, I(BPF_ST | BPF_MEM | BPF_B, BPF_REG_10, 0, part, 100));
	else
		put(m, I(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, holds(m, NUMBER), at, 0));
	for (u32 n = below(4) * 3; n--;)
		piece_jump(m);
	put(m, I(BPF_LDX | BPF_MEM | (below(3) ? BPF_DW : BPF_B), d, BPF_REG_10, at, 0));
	m->r[d] = m->r[s];
}

static void piece_help(struct maker *m)
{
	u32 kind = below(5);

	if (kind < 3) {
		put(m, I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, 0));
		put(m, I(0, 0, 0, 0, 0));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 2, below(3) ? BPF_REG_10 : holds(m, P_STACK),
			       0, 0));
		put(m, I(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -8 * (1 + (s32)below(6))));
		if (kind == 2) {
			put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 3,
				       holds(m, below(2) ? P_VALUE : P_STACK), 0, 0));
			put(m, I(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0));
		}
		put(m, I(BPF_JMP | BPF_CALL, 0, 0, 0,
			       kind == 2 ? BPF_FUNC_map_update_elem : BPF_FUNC_map_lookup_elem));
	} else if (kind == 3) {
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 1, BPF_REG_6, 0, 0));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 3, BPF_REG_10, 0, 0));
		put(m, I(BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, -8 * (1 + (s32)below(6))));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 4, holds(m, NUMBER), 0, 0));
		put(m, I(BPF_ALU64 | BPF_AND | BPF_K, 4, 0, 0, (s32)below(32)));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0));
		put(m, I(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 1, 0));
		put(m, I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes));
	} else {
		put(m, I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32));
	}
	for (u32 r = 1; r < 6; r++)
		m->r[r] = NOTHING;
	m->r[0] = kind < 2 ? P_VALUE : kind == 3 ? NOTHING : NUMBER;
	if (kind < 2 && below(4))
		put(m, I(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, INSNS, 0));
}

static void pieces(struct maker *m, u32 n)
{
	static void (*const make[])(struct maker * m) = { piece_alu, piece_alu, piece_mov,
		piece_jump, piece_index, piece_index, piece_null, piece_packet, piece_memory,
		piece_memory, piece_spill, piece_join, piece_join, piece_help };

	while (n--)
		make[below(sizeof(make) / sizeof(*make))](m);
}

static void begin(struct maker *m, bool first)
{
	for (u32 r = 0; r < MAX_BPF_REG; r++)
		m->r[r] = NOTHING;
	m->r[BPF_REG_10] = P_STACK;
	if (first) {
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0));
		put(m, I(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, (s32)below(3)));
		put(m, I(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -16, 1));
		put(m, I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, 0));
		put(m, I(0, 0, 0, 0, 0));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 2, BPF_REG_10, 0, 0));
		put(m, I(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -8));
		put(m, I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 7, 0, 0, 0));
		put(m, I(BPF_LDX | BPF_MEM | BPF_DW, 8, 6, 16, 0));
		put(m, I(BPF_LDX | BPF_MEM | (below(4) << 3), 9, 6, 24, 0));
		put(m, I(BPF_LDX | BPF_MEM | BPF_W, 1, 6, 4, 0));
		put(m, I(BPF_LDX | BPF_MEM | BPF_W, 2, 6, 8, 0));
		m->r[0] = m->r[7] = P_VALUE;
		m->r[8] = m->r[9] = NUMBER;
		m->r[6] = P_CTX;
		m->r[1] = P_PACKET;
		m->r[2] = P_END;
		for (s16 at = -24; below(3) && at >= -48; at -= 8)
			put(m, I(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, at, (s32)below(3)));
		if (below(5))
			put(m, I(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, below(4) ? INSNS : (s16)below(16),
				       0));
	} else {
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0));
		put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 8, 2, 0, 0));
		m->r[1] = m->r[6] = P_VALUE;
		m->r[2] = m->r[8] = NUMBER;
		m->r[3] = P_STACK;
	}
}

static void end(struct maker *m)
{
	m->most += 2;
	put(m, I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1));
	put(m, I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

/* Adds a call of a function, with a map's value, a number and a stack pointer as arguments. */
static u32 put_call(struct maker *m)
{
	put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 1, holds(m, P_VALUE), 0, 0));
	put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 2, holds(m, NUMBER), 0, 0));
	put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 3, BPF_REG_10, 0, 0));
	put(m, I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	for (u32 r = 0; r < 6; r++)
		m->r[r] = NOTHING;
	m->r[0] = NUMBER;
	return m->n - 1;
}

/*
 * Corrects jumps: they stay between @start and the end, and lead to no instruction's second half.
 */
static void mend_jumps(struct maker *m, u32 start)
{
	s64 to;

	for (u32 pc = start; pc < m->n; pc++) {
		struct bpf_insn *i = &m->insn[pc];

		if (!ebpf_is_jump(i) || BPF_OP(i->code) == BPF_CALL || BPF_OP(i->code) == BPF_EXIT)
			continue;
		to = ebpf_target(i, pc);
		if (to >= m->n)
			to = m->n - 2;
		if (to < start)
			to = pc + 1;
		if (!m->insn[to].code)
			to++;
		i->off = (s16)(to - pc - 1);
	}
}

static void make(struct maker *m)
{
	u32 call = 0;

	m->n = 0;
	m->most = 36;
	begin(m, true);
	pieces(m, 1 + below(6));
	if (!below(4)) {
		call = put_call(m);
		pieces(m, below(3));
	}
	end(m);
	mend_jumps(m, 0);
	if (call && m->insn[call].code == (BPF_JMP | BPF_CALL) &&
		m->insn[call].src_reg == BPF_PSEUDO_CALL) {
		m->insn[call].imm = (s32)(m->n - call - 1);
		m->most = INSNS - 2;
		begin(m, false);
		pieces(m, 1 + below(4));
		if (below(2)) { /* it does not only return 1 */
			m->most += 2;
			put(m, I(BPF_ALU64 | BPF_MOV | BPF_X, 0,
				       holds(m, below(2) ? NUMBER : P_VALUE), 0, 0));
			put(m, I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
		} else {
			end(m);
		}
		mend_jumps(m, (u32)((s32)call + 1 + m->insn[call].imm));
	}
}

static struct bpf_map *map_of_ours(void)
{
	static struct bpf_map m = { .ops = &map_array,
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = VALUE,
		.value_bytes = VALUE,
		.max = ELEMENTS };

	return &m;
}

static void test_programs(void **state)
{
	struct bpf_map *maps[] = { map_of_ours() };
	struct ebpf_rights rights = {};
	static struct maker m;
	u32 passed = 0, processed;

	for (u32 n = 0; n < PROGRAMS; n++) {
		struct ebpf_code c = { .insn = m.insn, .maps = maps, .nr_maps = 1, .type = &type };

		rights.perfmon = below(2);
		make(&m);
		c.n = m.n;
		if (ebpf_verify(&c, &rights, NULL, &processed))
			continue;
		passed++;
		for (u32 i = 0; i < RUNS; i++)
			look(&c, rights.perfmon);
	}
	print_message("%u of %u programs passed\n", passed, PROGRAMS);
	assert_true(passed > PROGRAMS / 100);
}

UNIT_MAIN(cmocka_unit_test(test_programs))
