/* SPDX-License-Identifier: MIT */
/*
 * ebpf_bounds.c: the verifier's bounds are true for the interpreter: random numbers go through
 * random operations and comparisons, and the bounds that the verifier computes for each must always
 * contain it.
 * SOURCES: kernel/bpf/bounds.c kernel/bpf/run.c kernel/bpf/map_store.c kernel/lib/string.c
 */
#include "kernel/bpf/bounds.h"
#include "kernel/bpf/helper.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "unit.h"

#define NUMBERS 4
#define ROUNDS 20000
#define STEPS 40

struct known {
	u64 v;
	struct bounds b;
};

const struct ebpf_helper *ebpf_helper_of(u32 id)
{
	return NULL;
}

void si_meminfo(struct meminfo *mi)
{
	mi->total = 1;
}

static u64 random_64(void)
{
	u64 v = (u64)fake_random() << 32 | fake_random();

	switch (fake_random() % 8) {
	case 0: return v;
	case 1: return v & 0xff;
	case 2: return -(v & 0xff);
	case 3: return 1ul << (v & 63);
	case 4: return (1ul << (v & 63)) - 1;
	case 5: return (1ul << 31) + (v & 7) - 4;
	case 6: return (1ul << 63) + (v & 7) - 4;
	default: return (u32)v;
	}
}

static bool in_range(const struct range *r, u64 u, s64 s)
{
	return r->umin <= u && u <= r->umax && r->smin <= s && s <= r->smax;
}

static void check(const struct known *k, const char *what, u32 op)
{
	if (!((k->v ^ k->b.bits.value) & ~k->b.bits.mask) &&
		in_range(&k->b.wide, k->v, (s64)k->v) && in_range(&k->b.low, (u32)k->v, (s32)k->v))
		return;
	print_error("%s %#x: %#lx is not in value %#lx mask %#lx u [%#lx, %#lx] s [%ld, %ld]\n",
		what, op, k->v, k->b.bits.value, k->b.bits.mask, k->b.wide.umin, k->b.wide.umax,
		(long)k->b.wide.smin, (long)k->b.wide.smax);
	fail();
}

static struct known fresh(void)
{
	static const u8 sizes[] = { 1, 2, 4, 8 };
	struct known k = { .v = random_64() };
	u32 size = sizes[fake_random() % 4];

	if (fake_random() & 1)
		k.b = bounds_const(k.v);
	else if (fake_random() & 1)
		k.b = bounds_unknown();
	else {
		k.v &= size == 8 ? ~0ul : (1ul << size * 8) - 1;
		k.b = bounds_of_size(size, false);
	}
	return k;
}

static void alu(struct known *a, const struct known *b)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH,
		BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH };
	u8 op = ops[fake_random() % sizeof(ops)];
	bool wide = fake_random() & 1, divides = op == BPF_DIV || op == BPF_MOD;
	s16 off = divides ? fake_random() & 1 : 0;

	a->b = bounds_alu(op, wide, off, &a->b, &b->b);
	a->v = ebpf_alu(op, wide, off, a->v, b->v);
	check(a, wide ? "alu64" : "alu32", op);
}

static void cast(struct known *a)
{
	static const u8 sizes[] = { 8, 16, 32, 64 };
	u32 bits = sizes[fake_random() % 4];
	bool sign = fake_random() & 1, wide = bits > 16 || (fake_random() & 1);
	u64 keep = bits == 64 ? ~0ul : (1ul << bits) - 1;

	a->b = bounds_cast(&a->b, bits, sign, wide);
	a->v &= keep;
	if (sign && a->v >> (bits - 1))
		a->v |= ~keep;
	if (!wide)
		a->v = (u32)a->v;
	check(a, "cast", bits);
}

/* Checks that the verifier thinks the branch that is taken possible, with true bounds in it. */
static void compare(struct known *a, struct known *b)
{
	static const u8 ops[] = { BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT,
		BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET };
	u8 op = ops[fake_random() % sizeof(ops)];
	bool wide = fake_random() & 1;

	if (!bounds_refine(op, wide, ebpf_jump_taken(op, wide, a->v, b->v), &a->b, &b->b)) {
		print_error("jump %#x wide %d of %#lx and %#lx is thought impossible\n", op, wide,
			a->v, b->v);
		fail();
	}
	check(a, "jump", op);
	check(b, "jump's other", op);
}

static void test_true(void **state)
{
	struct known k[NUMBERS];

	for (u32 round = 0; round < ROUNDS; round++) {
		for (u32 i = 0; i < NUMBERS; i++)
			k[i] = fresh();
		for (u32 step = 0; step < STEPS; step++) {
			u32 i = fake_random() % NUMBERS, j = fake_random() % NUMBERS;

			switch (fake_random() % 8) {
			case 0: k[i] = fresh(); break;
			case 1: cast(&k[i]); break;
			case 2:
			case 3:
			case 4: alu(&k[i], &k[j]); break;
			default:
				if (i != j)
					compare(&k[i], &k[j]);
			}
		}
	}
}

/* Bounds that cover other bounds (bounds_within()) contain each number that the others contain. */
static void test_within(void **state)
{
	for (u32 round = 0; round < ROUNDS * 10; round++) {
		struct known a = fresh(), b = fresh(), c = fresh();

		compare(&a, &c);
		compare(&b, &c);
		if (!bounds_within(&a.b, &b.b))
			continue;
		b.b = a.b;
		check(&b, "within", 0);
	}
}

UNIT_MAIN(cmocka_unit_test(test_true), cmocka_unit_test(test_within))
