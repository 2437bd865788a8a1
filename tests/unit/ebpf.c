/* SPDX-License-Identifier: MIT */
/*
 * ebpf.c: the verifier of extended BPF accepts good programs and refuses hostile ones, and the
 * interpreter computes the right results.
 * SOURCES: kernel/bpf/form.c kernel/bpf/bounds.c kernel/bpf/verify.c kernel/bpf/verify_state.c
 * SOURCES: kernel/bpf/verify_alu.c kernel/bpf/verify_mem.c kernel/bpf/verify_jump.c
 * SOURCES: kernel/bpf/verify_call.c kernel/bpf/run.c kernel/bpf/helper.c kernel/bpf/device.c
 * SOURCES: kernel/bpf/map_array.c kernel/bpf/map_hash.c kernel/bpf/map_store.c kernel/bpf/tag.c
 * SOURCES: kernel/lib/string.c
 */
#include "kernel/bpf/bounds.h"
#include "kernel/bpf/map.h"
#include "kernel/bpf/types.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "unit.h"

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

#define I(c, d, s, o, i)                                                                           \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define MOV(d, i) I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOVX(d, s) I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALU(op, d, i) I(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALUX(op, d, s) I(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALU32(op, d, i) I(BPF_ALU | (op) | BPF_K, d, 0, 0, i)
#define ALU32X(op, d, s) I(BPF_ALU | (op) | BPF_X, d, s, 0, 0)
#define LDX(size, d, s, o) I(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STX(size, d, s, o) I(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define ST(size, d, o, i) I(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define ATOMIC(size, op, d, s, o) I(BPF_STX | BPF_ATOMIC | (size), d, s, o, op)
#define JMP(op, d, i, o) I(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JMPX(op, d, s, o) I(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JMP32(op, d, i, o) I(BPF_JMP32 | (op) | BPF_K, d, 0, o, i)
#define JA(o) I(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define IMM64(d, v)                                                                                \
	I(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (s32)(v)), I(0, 0, 0, 0, (s32)((u64)(v) >> 32))
#define EXIT I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static struct bpf_cgroup_dev_ctx ctx = {
	.access_type = (BPF_DEVCG_ACC_READ << 16) | BPF_DEVCG_DEV_CHAR, .major = 1, .minor = 3
};

static const struct cred cred;
static struct bpf_map *maps[1];
static struct ebpf_rights rights;

static struct ebpf_code code_of(const struct bpf_insn *p, u32 n)
{
	return (struct ebpf_code){ .insn = (struct bpf_insn *)p,
		.n = n,
		.maps = maps,
		.nr_maps = maps[0] ? 1 : 0,
		.type = &ebpf_type_device };
}

static int verify(const struct bpf_insn *p, u32 n)
{
	struct ebpf_code c = code_of(p, n);
	unsigned long before = fake_allocations;
	u32 processed;
	int err = ebpf_verify(&c, &rights, NULL, &processed);

	assert_int_equal(fake_allocations, before);
	return err;
}

static u64 run(const struct bpf_insn *p, u32 n)
{
	struct ebpf_code c = code_of(p, n);

	current->cred = &cred;
	return ebpf_run(&c, &ctx);
}

#define PROG(...) ((struct bpf_insn[]){ __VA_ARGS__ })
#define LEN(p) (sizeof(p) / sizeof(struct bpf_insn))
#define REFUSED(err, ...) assert_int_equal(verify(PROG(__VA_ARGS__), LEN(PROG(__VA_ARGS__))), err)
#define GIVES(want, ...)                                                                           \
	do {                                                                                       \
		struct bpf_insn p_[] = { __VA_ARGS__ };                                            \
		assert_int_equal(verify(p_, LEN(p_)), 0);                                          \
		assert_int_equal(run(p_, LEN(p_)), want);                                          \
	} while (0)
/* Checks that r6 has the 64-bit value @want after the instructions: the program then returns 1. */
#define R6(want, ...)                                                                              \
	GIVES(1, __VA_ARGS__, IMM64(7, want), MOV(0, 0), JMPX(BPF_JNE, 6, 7, 1), MOV(0, 1), EXIT)

static void test_form(void **state)
{
	REFUSED(-EINVAL, MOV(0, 0));              /* runs past the end */
	REFUSED(-EINVAL, MOV(0, 0), JA(1), EXIT); /* jumps past the end */
	REFUSED(-EINVAL, MOV(0, 0), JA(32767), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), JA(-3), EXIT); /* jumps before the start */
	REFUSED(-EINVAL, JA(-1), EXIT);            /* loops for ever */
	REFUSED(-EINVAL, MOV(0, 0), JA(0), JMP(BPF_JEQ, 0, 0, -2), EXIT);
	GIVES(0, MOV(0, 9), ALU(BPF_SUB, 0, 1), JMP(BPF_JNE, 0, 0, -2), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), EXIT, EXIT);               /* unreachable instruction */
	REFUSED(-EINVAL, MOV(0, 0), JA(1), IMM64(1, 0), EXIT); /* into an instruction's 2nd half */
	REFUSED(-EINVAL, MOV(0, 0), JMP(BPF_JEQ, 0, 0, 1), IMM64(1, 0), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), I(BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, 0)); /* half of it */
	REFUSED(-EINVAL, I(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 0), EXIT);
	REFUSED(-EINVAL, I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, 3), I(0, 0, 0, 0, 0),
		MOV(0, 0), EXIT);
	REFUSED(-EINVAL, I(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0), EXIT);
	REFUSED(-EINVAL, I(BPF_JMP | BPF_CALL, 0, 0, 0, 14), EXIT);
	REFUSED(-EACCES, I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1), EXIT, EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ALU(BPF_DIV, 0, 0), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ALU32(BPF_MOD, 0, 0), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ALU(BPF_LSH, 0, 64), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ALU32(BPF_RSH, 0, 32), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ALU(BPF_ARSH, 0, -1), EXIT);
	REFUSED(-EINVAL, MOV(11, 0), MOV(0, 0), EXIT);
	REFUSED(-EINVAL, MOVX(0, 12), EXIT);
	REFUSED(-EINVAL, I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 1, 0, 0), EXIT);
	REFUSED(-EINVAL, I(BPF_ALU64 | BPF_MOV | BPF_X, 0, 1, 0, 1), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), I(BPF_ALU64 | BPF_END | BPF_TO_BE, 0, 0, 0, 16), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), I(BPF_ALU | BPF_END, 0, 0, 0, 8), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), I(BPF_JMP32 | BPF_JA, 0, 0, 1, 0), EXIT, EXIT);
	REFUSED(-EINVAL, MOV(0, 0), I(BPF_JMP | 0xe0, 0, 0, 0, 0), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ST(BPF_DW, 10, -8, 0), ATOMIC(BPF_B, BPF_ADD, 10, 0, -8), EXIT);
	REFUSED(-EINVAL, MOV(0, 0), ST(BPF_DW, 10, -8, 0), ATOMIC(BPF_W, 0x77, 10, 0, -8), EXIT);
}

static void test_hostile(void **state)
{
	REFUSED(-EACCES, EXIT); /* r0 was never set */
	REFUSED(-EACCES, MOVX(0, 5), EXIT);
	REFUSED(-EACCES, ALU(BPF_ADD, 3, 1), MOV(0, 0), EXIT);
	REFUSED(-EACCES, LDX(BPF_W, 2, 1, 0), JMP(BPF_JEQ, 2, 0, 1), MOV(0, 1),
		EXIT); /* one path does not set r0 */
	REFUSED(-EINVAL, MOV(0, 2), EXIT);
	REFUSED(-EINVAL, MOV(0, -1), EXIT);
	REFUSED(-EINVAL, LDX(BPF_W, 0, 1, 0), EXIT);
	REFUSED(-EINVAL, MOVX(0, 1), EXIT); /* leaks a pointer */
	REFUSED(-EINVAL, MOVX(0, 10), EXIT);
	REFUSED(-EACCES, ALU32X(BPF_MOV, 0, 1), EXIT);
	REFUSED(-EACCES, MOVX(0, 10), ALUX(BPF_SUB, 0, 1), EXIT);
	REFUSED(-EACCES, MOVX(0, 10), ALU(BPF_RSH, 0, 63), EXIT);
	REFUSED(-EACCES, MOVX(0, 10), ALU(BPF_AND, 0, 1), EXIT);
	REFUSED(-EACCES, MOVX(0, 10), ALU32(BPF_ADD, 0, 1), EXIT);
	REFUSED(-EACCES, MOVX(0, 10), I(BPF_ALU64 | BPF_NEG, 0, 0, 0, 0), EXIT);
	REFUSED(-EACCES, MOVX(0, 1), I(BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 16), EXIT);
	REFUSED(-EACCES, MOV(0, 0), JMP(BPF_JGT, 1, 7, 0), EXIT);
	REFUSED(-EACCES, MOV(0, 0), JMPX(BPF_JGT, 0, 10, 0), EXIT);
	REFUSED(-EACCES, MOV(10, 0), MOV(0, 0), EXIT);
	REFUSED(-EACCES, ALU(BPF_ADD, 10, 8), MOV(0, 0), EXIT);
	REFUSED(-EACCES, STX(BPF_DW, 10, 1, -8), LDX(BPF_W, 0, 10, -8), EXIT); /* half a pointer */
	REFUSED(-EACCES, STX(BPF_W, 10, 1, -8), MOV(0, 0), EXIT);
	REFUSED(-EACCES, MOV(0, 1), STX(BPF_DW, 10, 1, -8),
		ATOMIC(BPF_DW, BPF_ADD | BPF_FETCH, 10, 0, -8), EXIT);
	REFUSED(-EACCES, ST(BPF_DW, 10, -8, 0), ATOMIC(BPF_DW, BPF_XCHG, 10, 1, -8), MOV(0, 0),
		EXIT);
}

static void test_memory(void **state)
{
	REFUSED(-EACCES, ST(BPF_DW, 10, 0, 0), MOV(0, 0), EXIT); /* above the stack */
	REFUSED(-EACCES, ST(BPF_B, 10, 0, 0), MOV(0, 0), EXIT);
	REFUSED(-EACCES, ST(BPF_DW, 10, -4, 0), MOV(0, 0), EXIT);
	REFUSED(-EACCES, ST(BPF_DW, 10, -520, 0), MOV(0, 0), EXIT); /* below the stack */
	REFUSED(-EACCES, ST(BPF_B, 10, -513, 0), MOV(0, 0), EXIT);
	REFUSED(-EACCES, ST(BPF_DW, 10, -12, 0), MOV(0, 0), EXIT); /* not aligned */
	REFUSED(-EACCES, LDX(BPF_B, 0, 10, -1), MOV(0, 0), EXIT);  /* never written */
	REFUSED(-EACCES, ST(BPF_W, 10, -8, 0), LDX(BPF_DW, 2, 10, -8), MOV(0, 0), EXIT);
	REFUSED(-EACCES, MOVX(2, 10), ALU(BPF_ADD, 2, -1000), ST(BPF_B, 2, 0, 0), MOV(0, 0), EXIT);
	REFUSED(-EINVAL, MOVX(2, 10), ALU(BPF_ADD, 2, 0x7fffffff), MOV(0, 0), EXIT);
	REFUSED(-EINVAL, IMM64(3, 1ul << 63), MOVX(2, 10), ALUX(BPF_ADD, 2, 3), MOV(0, 0), EXIT);
	REFUSED(-EACCES, LDX(BPF_W, 3, 1, 4), MOVX(2, 10),
		ALUX(BPF_SUB, 2, 3), /* by an unknown number */
		ST(BPF_B, 2, -1, 0), MOV(0, 0), EXIT);
	GIVES(0, MOVX(2, 10), LDX(BPF_W, 3, 1, 4), JMP(BPF_JEQ, 3, 0, 1), /* two distances */
		ALU(BPF_ADD, 2, -8), ST(BPF_B, 2, -1, 0), MOV(0, 0), EXIT);
	REFUSED(-EACCES, MOV(2, 0), LDX(BPF_DW, 0, 2, 0), EXIT); /* a number is no address */
	REFUSED(-EACCES, IMM64(2, 0xffffffff80000000), LDX(BPF_DW, 0, 2, 0), EXIT);
	REFUSED(-EACCES, LDX(BPF_W, 0, 1, 12), MOV(0, 0), EXIT); /* behind the context */
	REFUSED(-EACCES, LDX(BPF_W, 0, 1, -4), MOV(0, 0), EXIT);
	REFUSED(-EACCES, LDX(BPF_DW, 0, 1, 0), MOV(0, 0), EXIT);
	REFUSED(-EACCES, LDX(BPF_H, 0, 1, 4), MOV(0, 0), EXIT);
	REFUSED(-EACCES, LDX(BPF_W, 0, 1, 2), MOV(0, 0), EXIT);
	REFUSED(-EACCES, ST(BPF_W, 1, 0, 0), MOV(0, 0), EXIT); /* the context is read-only */
	REFUSED(-EACCES, MOV(0, 1), ATOMIC(BPF_W, BPF_ADD, 1, 0, 0), EXIT);
	GIVES(1, LDX(BPF_H, 2, 1, 0), LDX(BPF_B, 3, 1, 2), LDX(BPF_W, 4, 1, 8), MOV(0, 0),
		JMP(BPF_JNE, 2, BPF_DEVCG_DEV_CHAR, 3), JMP(BPF_JNE, 3, BPF_DEVCG_ACC_READ, 2),
		JMP(BPF_JNE, 4, 3, 1), MOV(0, 1), EXIT);
	/* a pointer can be spilled to the stack; a partial write over it makes it plain bytes */
	GIVES(1, STX(BPF_DW, 10, 1, -512), LDX(BPF_DW, 5, 10, -512), LDX(BPF_W, 0, 5, 4),
		JMP(BPF_JEQ, 0, 1, 1), MOV(0, 0), EXIT);
	REFUSED(-EACCES, STX(BPF_DW, 10, 1, -8), ST(BPF_B, 10, -8, 0), LDX(BPF_DW, 5, 10, -8),
		LDX(BPF_W, 0, 5, 4), MOV(0, 0), EXIT);
	GIVES(0, LDX(BPF_W, 2, 1, 4), ST(BPF_DW, 10, -8, 0), JMP(BPF_JEQ, 2, 0, 1),
		STX(BPF_DW, 10, 1, -8), LDX(BPF_DW, 5, 10, -8), MOV(0, 0), EXIT);
}

static void test_arithmetic(void **state)
{
	R6(7ul, MOV(6, 3), ALU(BPF_ADD, 6, 4));
	R6(-1ul, MOV(6, 3), ALU(BPF_SUB, 6, 4));
	R6(0xfffffffful, MOV(6, 3), ALU32(BPF_SUB, 6, 4));
	R6(0ul, MOV(6, 5), MOV(2, 0), ALUX(BPF_DIV, 6, 2)); /* division by zero */
	R6(5ul, MOV(6, 5), MOV(2, 0), ALUX(BPF_MOD, 6, 2));
	R6(0xfffffffful, MOV(6, -1), MOV(2, 0), ALU32X(BPF_MOD, 6, 2));
	R6(0xfffffffful, MOV(6, -1), ALU32(BPF_OR, 6, 0));
	R6(0xff00000000ul, IMM64(6, 0xff00000000));
	R6(1ul << 63, MOV(6, 1), MOV(2, 127), ALUX(BPF_LSH, 6, 2)); /* shifts by 127 & 63 */
	R6(0x80000000ul, MOV(6, 1), MOV(2, 63), ALU32X(BPF_LSH, 6, 2));
	R6(-1ul, MOV(6, -2), ALU(BPF_ARSH, 6, 1));
	R6(0xfffffffful, MOV(6, -2), ALU32(BPF_ARSH, 6, 1));
	R6(-5ul, MOV(6, 5), I(BPF_ALU64 | BPF_NEG, 6, 0, 0, 0));
	R6(0x3412ul, IMM64(6, 0x99991234), I(BPF_ALU | BPF_END | BPF_TO_BE, 6, 0, 0, 16));
	R6(0x1234ul, IMM64(6, 0x99991234), I(BPF_ALU | BPF_END | BPF_TO_LE, 6, 0, 0, 16));
	R6(12ul, MOV(2, 5), ST(BPF_DW, 10, -8, 7), ATOMIC(BPF_DW, BPF_ADD, 10, 2, -8),
		LDX(BPF_DW, 6, 10, -8));
	R6(7ul, MOV(6, 5), ST(BPF_DW, 10, -8, 7), ATOMIC(BPF_DW, BPF_XCHG, 10, 6, -8));
	R6(9ul, MOV(0, 7), MOV(2, 9), ST(BPF_W, 10, -8, 7), ATOMIC(BPF_W, BPF_CMPXCHG, 10, 2, -8),
		LDX(BPF_W, 6, 10, -8));
}

static void test_ranges(void **state)
{
	/* the verifier knows that a value is 0 or 1 after a comparison or a mask */
	GIVES(1, LDX(BPF_W, 0, 1, 4), JMP(BPF_JGT, 0, 1, 1), EXIT, MOV(0, 0), EXIT);
	GIVES(1, LDX(BPF_W, 0, 1, 4), ALU(BPF_AND, 0, 1), EXIT);
	GIVES(0, LDX(BPF_W, 0, 1, 4), ALU(BPF_RSH, 0, 31), EXIT);
	GIVES(1, LDX(BPF_W, 0, 1, 4), JMP32(BPF_JLE, 0, 1, 1), MOV(0, 0), EXIT);
	REFUSED(-EINVAL, LDX(BPF_W, 0, 1, 4), ALU(BPF_AND, 0, 2), EXIT);
	GIVES(1, LDX(BPF_W, 0, 1, 4), JMP(BPF_JSGT, 0, 1, 1), EXIT, MOV(0, 0), EXIT);
	REFUSED(-EINVAL, LDX(BPF_W, 0, 1, 4), ALU(BPF_LSH, 0, 32), JMP32(BPF_JLE, 0, 1, 1),
		MOV(0, 0), EXIT); /* low half says nothing of the rest */
	REFUSED(-EINVAL, LDX(BPF_W, 0, 1, 4), ALU(BPF_SUB, 0, 1), ALU(BPF_AND, 0, -2), EXIT);
	REFUSED(-EINVAL, LDX(BPF_W, 0, 1, 4), JMP(BPF_JLE, 0, 1, 1), MOV(0, 1), ALU(BPF_ADD, 0, 1),
		EXIT);
	/* a path that cannot be taken is not verified, but must be well formed */
	GIVES(1, MOV(0, 1), JMP(BPF_JEQ, 0, 1, 1), LDX(BPF_DW, 0, 0, 0), EXIT);
}

static struct bpf_insn random_insn(void)
{
	static const u8 classes[] = { BPF_ALU64, BPF_ALU, BPF_LDX, BPF_ST, BPF_STX, BPF_JMP,
		BPF_JMP32 };
	u8 class = classes[fake_random() % sizeof(classes)];
	bool mem = class == BPF_LDX || class == BPF_ST || class == BPF_STX;
	struct bpf_insn i = I(class, fake_random() % 5, fake_random() % 5, 0, 0);

	i.code |= mem ? BPF_MEM | (fake_random() & 0x18) : fake_random() & 0xf8;
	if (class == BPF_LDX)
		i.src_reg = fake_random() & 1 ? 10 : 1;
	else if (mem && fake_random() % 4)
		i.dst_reg = 10;
	if (mem)
		i.off = (s16)(fake_random() % 48) - 32;
	else if (class == BPF_JMP || class == BPF_JMP32)
		i.off = fake_random() % 3;
	if (class == BPF_ST || (!mem && BPF_SRC(i.code) == BPF_K)) {
		i.src_reg = 0;
		i.imm = (s32)(fake_random() % 20) - 4;
	}
	return i;
}

/*
 * Each random program that passes the verifier returns 0 or 1 and stays within its bounds, which
 * the sanitizers check.
 */
static void test_random(void **state)
{
	struct bpf_insn p[12] = { MOV(0, 1), MOV(2, 5), LDX(BPF_W, 3, 1, 4), MOVX(4, 10),
		ST(BPF_DW, 10, -8, 9), [11] = EXIT };
	u32 passed = 0;

	for (u32 round = 0; round < 100000; round++) {
		for (u32 i = 5; i < 9; i++)
			p[i] = random_insn();
		p[9] = (struct bpf_insn)ALU(BPF_AND, 0, 3);
		p[10] = (struct bpf_insn)ALU(BPF_RSH, 0, 1);
		if (verify(p, LEN(p)))
			continue;
		passed++;
		assert_true(run(p, LEN(p)) <= 1);
	}
	assert_true(passed > 100);
}

static struct bpf_map *make(const struct bpf_map_ops *ops, struct bpf_map *m)
{
	*m = (struct bpf_map){
		.ops = ops, .key_size = 4, .value_size = 4, .value_bytes = 4, .max = 4
	};
	m->type = ops == &map_prog_array ? BPF_MAP_TYPE_PROG_ARRAY : BPF_MAP_TYPE_ARRAY;
	assert_int_equal(bpf_map_make_store(m), 0);
	assert_int_equal(ops->make ? ops->make(m) : 0, 0);
	return m;
}

#define MAP_FD(d) I(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, 0), I(0, 0, 0, 0, 0)

/* A called function must not make a tail call: its caller would continue in another program. */
static void test_tail_call(void **state)
{
	struct bpf_map m;

	maps[0] = make(&map_prog_array, &m);
	GIVES(0, MAP_FD(2), MOV(3, 0), I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		MOV(0, 0), EXIT);
	REFUSED(-EINVAL, I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 2), MOV(0, 0), EXIT,
		MAP_FD(2), MOV(3, 0), I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call), MOV(0, 0),
		EXIT);
	maps[0] = NULL;
	m.ops->free(&m);
	bpf_map_free_store(&m);
}

/*
 * Each lookup of a key of a megabyte hashes a megabyte, so the interpreter must limit the work of a
 * program by more than its number of instructions.
 */
static void test_cost(void **state)
{
	u32 size = 1 << 20, counted = 0, first = 0;
	struct bpf_map value = { .ops = &map_array,
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = size,
		.value_bytes = size,
		.max = 1 },
		       hash = { .ops = &map_hash,
			       .type = BPF_MAP_TYPE_HASH,
			       .key_size = size,
			       .value_size = 8,
			       .key_at = map_hash.head,
			       .value_at = map_hash.head + size,
			       .value_bytes = 8,
			       .max = 1 };
	struct bpf_map *both[] = { &value, &hash };
	struct bpf_insn p[] = { MOV(6, 100000),
		I(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_VALUE, 0, 0), I(0, 0, 0, 0, 0),
		LDX(BPF_W, 0, 2, 0), ALU(BPF_ADD, 0, 1), STX(BPF_W, 2, 0, 0),
		I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, 1), I(0, 0, 0, 0, 0),
		I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem), ALU(BPF_SUB, 6, 1),
		JMP(BPF_JNE, 6, 0, -10), MOV(0, 1), EXIT };
	struct ebpf_code c = {
		.insn = p, .n = LEN(p), .maps = both, .nr_maps = 2, .type = &ebpf_type_device
	};
	u32 processed;

	assert_int_equal(bpf_map_make_store(&value), 0);
	assert_int_equal(bpf_map_make_store(&hash), 0);
	assert_int_equal(map_hash.make(&hash), 0);
	assert_int_equal(bpf_map_fill(&value), 0);
	assert_int_equal(ebpf_verify(&c, &rights, NULL, &processed), 0);
	current->cred = &cred;
	assert_int_equal(ebpf_run(&c, &ctx), 0);
	memcpy(&counted, bpf_map_at(&value, first), sizeof(counted));
	assert_in_range(counted, 10, 1000);
	p[0].imm = 10;
	assert_int_equal(ebpf_run(&c, &ctx), 1);
	map_hash.free(&hash);
	bpf_map_free_store(&hash);
	bpf_map_free_store(&value);
}

static void test_no_memory(void **state)
{
	const struct bpf_insn p[] = { LDX(BPF_W, 0, 1, 4), JMP(BPF_JGT, 0, 1, 1), EXIT, MOV(0, 0),
		EXIT };

	for (long n = 0; n < 4; n++) {
		fake_fail_after = n;
		assert_int_equal(verify(p, LEN(p)), -ENOMEM);
	}
	fake_fail_after = -1;
	assert_int_equal(verify(p, LEN(p)), 0);
}

static void test_tag(void **state)
{
	static const u8 want[] = { 0xa0, 0x4f, 0x5e, 0xef, 0x06, 0xa7, 0xf5, 0x55 };
	const struct bpf_insn p[] = { MOV(0, 0), EXIT };
	u8 tag[BPF_TAG_SIZE];

	ebpf_tag(p, LEN(p), tag); /* Linux's tag of this program */
	assert_memory_equal(tag, want, sizeof(tag));
}

UNIT_MAIN(cmocka_unit_test(test_form), cmocka_unit_test(test_hostile),
	cmocka_unit_test(test_memory), cmocka_unit_test(test_arithmetic),
	cmocka_unit_test(test_ranges), cmocka_unit_test(test_random),
	cmocka_unit_test(test_tail_call), cmocka_unit_test(test_cost),
	cmocka_unit_test(test_no_memory), cmocka_unit_test(test_tag))
