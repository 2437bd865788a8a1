/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filters of skas/filter.c, run by a small interpreter. A runner's filter allows futex
 * from one address, to wait on one word and to wake by a few words, and the set-up of its signal
 * stack. The mapper's filter allows futex from the window, and other calls only from the stub's own
 * code.
 *
 * SOURCES: skas/filter.c kernel/lib/string.c
 */
#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include "gen/stub_syms.h"
#include "kernel/lib/string.h"
#include "skas/internal.h"
#include "unit.h"

#define BASE 0x7fffff000000UL

#define WORD 0x1234

struct skas skas;
const struct skas_ops seccomp_ops, ptrace_ops;

static u8 area[FILTERS_SIZE] __aligned(64), orders[CTL_ORDERS_SIZE(STUB_MAX_SLOTS)] __aligned(64);
/* offset in @orders of the filter that write_for() has written last */
static u32 written;

/* Runs the program of the sock_fprog @at, which is mapped at @va in the space. */
static u32 run(const u8 *at, u64 va, const struct seccomp_data *data)
{
	const struct sock_fprog *prog = (const void *)at;
	const struct sock_filter *code = (const void *)(at + ((u64)prog->filter - va));
	u32 a = 0;

	for (u32 pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *i = &code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS: a = *(const u32 *)((const u8 *)data + i->k); break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: pc += a > i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
		case BPF_RET | BPF_K: return i->k;
		default: fail();
		}
	}
	fail(); /* ran past the program's end */
	return 0;
}

static u64 word_at(int slot, u32 word)
{
	return BASE + STUB_WORDS + (u64)slot * WORDS_SIZE + word;
}

static u64 turn_at(int slot)
{
	return BASE + STUB_SLOTS + (u64)slot * SLOT_STRIDE + SLOT_CTL + C_TURN;
}

static struct seccomp_data good_wait(int slot)
{
	return (struct seccomp_data){
		.nr = __NR_futex,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = BASE + STUB_SYM_futex_gates + slot * 16 + 2,
		.args = { word_at(slot, WORD), 0, 1, 0, 0, 0 },
	};
}

static void write_as(int slot, bool kill, unsigned caps)
{
	static struct space space;
	static struct runner r;

	skas.base = BASE;
	skas.caps = caps;
	skas.ops = kill ? &ptrace_ops : &seccomp_ops;
	space.orders = (struct order_area *)orders;
	space.orders->word = WORD;
	r.space = &space;
	r.cpu = slot;
	filter_for(&r);
	written = O_FILTERS + (u32)slot * FILTER_RUNNER_SIZE;
}

static void write_for(int slot, bool kill)
{
	write_as(slot, kill, OS_SPACE_FSGSBASE);
}

static u32 runner(struct seccomp_data d)
{
	return run(orders + written, BASE + STUB_ORDERS + written, &d);
}

static bool allows(struct seccomp_data d, int op, u64 word)
{
	d.args[0] = word;
	d.args[1] = (u64)op;
	return runner(d) == SECCOMP_RET_ALLOW;
}

static void test_runner(void **state)
{
	for (int slot = 0; slot < STUB_MAX_SLOTS; slot++) {
		struct seccomp_data d = good_wait(slot);

		write_for(slot, false);
		assert_int_equal(runner(d), SECCOMP_RET_ALLOW);
		assert_true(allows(d, 1, turn_at(slot)));
		assert_true(allows(d, 1, word_at(slot, 0)));
		assert_true(allows(d, 1, word_at(slot, WORDS_SIZE - 4)));
		assert_false(allows(d, 1, word_at(slot, 0) - 4));
		assert_false(allows(d, 1, word_at(slot, WORDS_SIZE)));
		assert_false(allows(d, 0, word_at(slot, WORD + 4)));
		assert_false(allows(d, 0, turn_at(slot)));
		for (int other = 0; other < STUB_MAX_SLOTS; other++)
			assert_true(other == slot || runner(good_wait(other)) != SECCOMP_RET_ALLOW);
	}
}

/* A call is refused if one half of a field is wrong. */
static void test_runner_refuses(void **state)
{
	struct seccomp_data d;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		d = good_wait(5);                                                                  \
		change;                                                                            \
		assert_int_equal(runner(d), SECCOMP_RET_TRAP);                                     \
	} while (0)
	write_for(5, false);
	REFUSED(d.nr = __NR_write);
	REFUSED(d.nr |= 0x40000000);
	REFUSED(d.arch = AUDIT_ARCH_I386);
	REFUSED(d.instruction_pointer += 1);
	REFUSED(d.instruction_pointer ^= 1UL << 32);
	REFUSED(d.args[0] += 4);
	REFUSED(d.args[0] ^= 1UL << 40);
	REFUSED(d.args[1] = 2);
	REFUSED(d.args[1] = 128);
	REFUSED(d.args[1] = 1UL << 31);
	REFUSED(d.args[3] = 8);
	REFUSED(d.args[3] = 1UL << 32);
	write_for(0, true);
	d = good_wait(0);
	assert_int_equal(runner(d), SECCOMP_RET_ALLOW);
	d.nr = __NR_exit;
	assert_int_equal(runner(d), SECCOMP_RET_KILL_PROCESS);
}

/* A runner may only set the signal stack of its own slot, from the set-up's address. */
static void test_runner_stack(void **state)
{
	struct seccomp_data good = {
		.nr = __NR_sigaltstack,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = BASE + STUB_SYM_runner_has_stack,
		.args = { BASE + STUB_ORDERS + O_STACKS + 3 * STACK_T_SIZE },
	};
	struct seccomp_data d = good;

	write_for(3, false);
	assert_int_equal(runner(d), SECCOMP_RET_ALLOW);
	d.args[0] += STACK_T_SIZE;
	assert_int_equal(runner(d), SECCOMP_RET_TRAP);
	d.args[0] = good.args[0] ^ 1UL << 40;
	assert_int_equal(runner(d), SECCOMP_RET_TRAP);
	d = good;
	d.instruction_pointer = good_wait(3).instruction_pointer;
	assert_int_equal(runner(d), SECCOMP_RET_TRAP);
	d.instruction_pointer = good.instruction_pointer ^ 1UL << 32;
	assert_int_equal(runner(d), SECCOMP_RET_TRAP);
	d = good;
	d.arch = AUDIT_ARCH_I386;
	assert_int_equal(runner(d), SECCOMP_RET_TRAP);
	d = good_wait(3);
	d.instruction_pointer = good.instruction_pointer;
	assert_int_equal(runner(d), SECCOMP_RET_TRAP);
}

static void write_mapper(void)
{
	skas.caps = OS_SPACE_FSGSBASE;
	filters_write(area, BASE);
}

static u32 of_mapper(const struct seccomp_data *d)
{
	return run(area, BASE + STUB_SYM_stub_filters, d);
}

static u32 mapper(int nr, u64 ip, u64 arg1)
{
	struct seccomp_data d = {
		.nr = nr, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = ip, .args = { 0, arg1 }
	};

	return of_mapper(&d);
}

static void test_mapper(void **state)
{
	struct seccomp_data d = {
		.nr = __NR_mmap, .arch = AUDIT_ARCH_I386, .instruction_pointer = BASE + 100
	};

	write_mapper();
	assert_int_equal(mapper(__NR_mmap, BASE + STUB_SYM_mapper_order + 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(mapper(__NR_execve, BASE + STUB_SYM_mapper_order, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_mmap, BASE + STUB_SYM_mapper_end, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_mmap, BASE + STUB_SYM_h_all, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_mmap, 0x400000, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_mmap, (BASE ^ (1UL << 35)) + 100, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_futex, BASE + STUB_SYM_futex_gates, 1), SECCOMP_RET_ALLOW);
	assert_int_equal(mapper(__NR_futex, BASE + STUB_SYM_futex_gates, 2), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_execve, BASE + STUB_ZDATA, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_execve, BASE + STUB_VDSO + 0x3000, 0), SECCOMP_RET_TRAP);
	assert_int_equal(mapper(__NR_futex, BASE + STUB_VDSO + 0x3000, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(of_mapper(&d), SECCOMP_RET_TRAP);
}

/*
 * True if the call @d from @ip is allowed with @value as argument @arg, and not with a bit of
 * @value changed, in either half.
 */
static bool only_with(struct seccomp_data d, u64 ip, int arg, u64 value)
{
	struct seccomp_data low, high;

	d.arch = AUDIT_ARCH_X86_64;
	d.instruction_pointer = ip;
	d.args[arg] = value;
	low = high = d;
	low.args[arg] ^= 1 << 29; /* CLONE_NEWPID */
	high.args[arg] ^= 1UL << 32;
	return of_mapper(&d) == SECCOMP_RET_ALLOW && of_mapper(&low) != SECCOMP_RET_ALLOW &&
	       of_mapper(&high) != SECCOMP_RET_ALLOW;
}

static void test_mapper_makes_runners_only(void **state)
{
	u64 ip = BASE + STUB_SYM_mapper_order + 2;

	write_mapper();
	assert_true(only_with((struct seccomp_data){ .nr = __NR_clone }, ip, 0,
		CLONE_VM | CLONE_PARENT | CLONE_FILES | CLONE_CHILD_CLEARTID));
	assert_true(only_with((struct seccomp_data){ .nr = __NR_unshare }, ip, 0, CLONE_FILES));
	for (u64 option = 0; option < 80; option++) {
		struct seccomp_data d = { .nr = __NR_prctl,
			.arch = AUDIT_ARCH_X86_64,
			.instruction_pointer = ip,
			.args = { option } };
		bool good = option == PR_SET_PDEATHSIG || option == PR_SET_TSC;

		assert_true((of_mapper(&d) == SECCOMP_RET_ALLOW) == good);
	}
}

/*
 * On a host without FSGSBASE both filters of a runner allow arch_prctl that sets fs base or gs
 * base, from the gate of the runner's slot.
 */
static void test_bases(void **state)
{
	for (u64 option = 0x1000; option < 0x5000; option++) {
		struct seccomp_data d = { .nr = __NR_arch_prctl,
			.arch = AUDIT_ARCH_X86_64,
			.instruction_pointer = BASE + STUB_SYM_base_gates + 7 * 16 + 2,
			.args = { option } };
		bool good = option == ARCH_SET_FS || option == ARCH_SET_GS;
		u32 wanted = good ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP;

		write_as(7, false, 0);
		filters_write(area, BASE);
		assert_int_equal(runner(d), wanted);
		assert_int_equal(of_mapper(&d), wanted);
		d.instruction_pointer += 16;
		assert_int_equal(runner(d), SECCOMP_RET_TRAP);
		d.instruction_pointer = BASE + STUB_SYM_futex_gates + 7 * 16 + 2;
		assert_int_equal(runner(d), SECCOMP_RET_TRAP);
		assert_int_equal(runner(good_wait(7)), SECCOMP_RET_ALLOW);
		write_for(7, false);
		write_mapper();
		d.instruction_pointer = BASE + STUB_SYM_base_gates + 7 * 16 + 2;
		assert_int_equal(runner(d), SECCOMP_RET_TRAP);
		assert_int_equal(of_mapper(&d), SECCOMP_RET_TRAP);
	}
}

/* After the set-up the zygote may only make the calls that its requests need. */
static void test_zygote(void **state)
{
	static const int plain[] = { __NR_recvmsg, __NR_sendto, __NR_pwrite64, __NR_wait4,
		__NR_close, __NR_dup3, __NR_getppid, __NR_exit_group };
	static const struct {
		int nr, arg;
		u64 value;
	} checked[] = { { __NR_clone, 0, SIGCHLD }, { __NR_mmap, 2, PROT_READ },
		{ __NR_ioctl, 1, TCSETS2 }, { __NR_rt_sigaction, 0, SIG_ORPHAN },
		{ __NR_prctl, 0, PR_SET_PDEATHSIG } };
	u64 ip = BASE + STUB_ZTEXT + 8;
	int admitted = 0;

	write_mapper();
	for (u32 i = 0; i < ARRAY_SIZE(plain); i++)
		assert_int_equal(mapper(plain[i], ip, 0), SECCOMP_RET_ALLOW);
	for (u32 i = 0; i < ARRAY_SIZE(checked); i++)
		assert_true(only_with((struct seccomp_data){ .nr = checked[i].nr }, ip,
			checked[i].arg, checked[i].value));
	for (int nr = 0; nr < 1024; nr++) {
		u32 r = mapper(nr, ip, 7); /* 7 is no valid argument */

		if (nr == __NR_futex)
			continue;
		assert_true(r == SECCOMP_RET_ALLOW || r == SECCOMP_RET_KILL_PROCESS);
		admitted += r == SECCOMP_RET_ALLOW;
	}
	assert_int_equal(admitted, ARRAY_SIZE(plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runner),
		cmocka_unit_test(test_runner_refuses),
		cmocka_unit_test(test_runner_stack),
		cmocka_unit_test(test_mapper),
		cmocka_unit_test(test_mapper_makes_runners_only),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_zygote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
