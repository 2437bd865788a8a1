/* SPDX-License-Identifier: MIT */
/*
 * filter.c: the seccomp filters. The mapper's filter is written into the image of the stub, once
 * the base of the stub's window is known. A runner's filter is written into the order area of its
 * space before the runner is made.
 *
 * A space is the address space of a guest's mm on the host. Its mapper process makes the mappings
 * that the kernel orders, its runner processes execute guest code, one for each vCPU (each has a
 * slot in the window). The zygote forks mappers. docs/skas.md has all these words.
 *
 * The zygote installs the mapper's filter; mappers and runners inherit it, and each runner adds its
 * own. Filters cost time at every installation and every system call, so they are short. The
 * runner's filter first tests the number, where most of a guest's calls fail.
 *
 *    mapper   FUTEX_WAIT and FUTEX_WAKE from anywhere in the 4 GiB of the window. On a host without
 *             FSGSBASE also arch_prctl that sets fs base or gs base, from there too. From the
 *             zygote's text, which new mappers unmap: what the zygote's requests need after the
 *             set-up (stub_abi.h: ZYG_*); any other call ends the zygote. From the code of the
 *             mapper and the set-up of the runners: what these need. Flags of clone and unshare
 *             and options of prctl are fixed: they make no namespace.
 *    runner   futex, from the one address behind its slot's gate, without timeout: WAIT on its own
 *             word, on which no other task can wait; WAKE of its turn word, where the kernel waits,
 *             or of a word of its vCPU, where another runner waits and checks whether it was meant.
 *             The sigaltstack of its set-up, with the one stack that the order area has for it: a
 *             guest that repeats this call changes nothing. On a host without FSGSBASE also
 *             arch_prctl, which sets fs base or gs base, from the address behind the slot's other
 *             gate. All other calls are RET_TRAP: so a guest's system calls reach the kernel. With
 *             @kill (ptrace mode) they end the task: there the tracer stops each call before the
 *             filter, which is a second defence.
 *
 * BPF compares 32 bits, so addresses are compared in two halves. The window does not cross a
 * multiple of 4 GiB, which skas_init() ensures.
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

#define GATE_SIZE 16
#define SYSCALL_INSN_SIZE 2
/* instructions that check sigaltstack, which a jump for futex skips */
#define SET_UP 11

struct program {
	struct sock_filter *insn;
	u32 len;
};

static void emit(struct program *p, u16 code, u8 jt, u8 jf, u32 k)
{
	p->insn[p->len++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(struct program *p, u32 offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

#define FIELD(name) ((u32)offsetof(struct seccomp_data, name))
#define ARG_LO(n) (FIELD(args) + 8 * (n))
#define ARG_HI(n) (ARG_LO(n) + 4)
#define IP_LO FIELD(instruction_pointer)
#define IP_HI (IP_LO + 4)

/*
 * Placeholders in jumps, which seal() patches: a jf (or jt) of TO_TRAP goes to the last
 * instruction, TO_ALLOW to the one before it, TO_KILL to the one before that, which mapper_filter()
 * has emitted.
 */
#define TO_TRAP 0xff
#define TO_ALLOW 0xfe
#define TO_KILL 0xfd

static u8 target(u32 from, u32 len, u8 where)
{
	if (where == TO_TRAP)
		return (u8)(len - 1 - (from + 1));
	if (where == TO_ALLOW)
		return (u8)(len - 2 - (from + 1));
	if (where == TO_KILL)
		return (u8)(len - 3 - (from + 1));
	return where;
}

static void seal(struct program *p, u32 otherwise)
{
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	emit(p, BPF_RET | BPF_K, 0, 0, otherwise);
	for (u32 i = 0; i < p->len; i++) {
		p->insn[i].jt = target(i, p->len, p->insn[i].jt);
		p->insn[i].jf = target(i, p->len, p->insn[i].jf);
	}
}

static void want(struct program *p, u32 field, u32 value)
{
	load(p, field);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, TO_TRAP, value);
}

/* Ends the case of arch_prctl: admits that it sets fs base or gs base. */
static void admit_bases(struct program *p)
{
	load(p, ARG_LO(0));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, 0, ARCH_SET_FS);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, TO_TRAP, ARCH_SET_GS);
}

static void mapper_bases(struct program *p)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, __NR_arch_prctl);
	admit_bases(p);
}

static void runner_bases(struct program *p, u64 base, int slot)
{
	u64 behind = base + STUB_SYM_base_gates + slot * GATE_SIZE + SYSCALL_INSN_SIZE;

	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 9, __NR_arch_prctl);
	want(p, FIELD(arch), AUDIT_ARCH_X86_64);
	want(p, IP_LO, (u32)behind);
	want(p, IP_HI, behind >> 32);
	admit_bases(p);
}

static void runner_filter(struct program *p, u64 base, int slot, u32 word, bool kill)
{
	u64 behind = base + STUB_SYM_futex_gates + slot * GATE_SIZE + SYSCALL_INSN_SIZE;
	u64 turn = base + STUB_SLOTS + slot * SLOT_STRIDE + SLOT_CTL + C_TURN;
	u64 words = base + STUB_WORDS + slot * WORDS_SIZE;
	u64 stack = base + STUB_ORDERS + O_STACKS + slot * STACK_T_SIZE;
	u32 set_up;

	load(p, FIELD(nr));
	if (skas_loads_bases())
		runner_bases(p, base, slot);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, SET_UP, 0, __NR_futex);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, TO_TRAP, __NR_sigaltstack);
	set_up = p->len;
	want(p, FIELD(arch), AUDIT_ARCH_X86_64);
	want(p, IP_LO, (u32)(base + STUB_SYM_runner_has_stack));
	want(p, IP_HI, base >> 32);
	want(p, ARG_HI(0), base >> 32);
	load(p, ARG_LO(0));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, TO_TRAP, (u32)stack);
	BUG_ON(p->len - set_up + 1 != SET_UP);
	want(p, FIELD(arch), AUDIT_ARCH_X86_64);
	want(p, IP_LO, (u32)behind);
	want(p, IP_HI, behind >> 32);
	want(p, ARG_HI(0), turn >> 32);
	want(p, ARG_LO(3), 0);
	want(p, ARG_HI(3), 0);
	load(p, ARG_LO(1));
	emit(p, BPF_JMP | BPF_JGT | BPF_K, TO_TRAP, 0, 1); /* FUTEX_WAIT 0, FUTEX_WAKE 1 */
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1);
	load(p, ARG_LO(0));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, TO_TRAP, (u32)words + word);
	load(p, ARG_LO(0));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, 0, (u32)turn);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, TO_TRAP, (u32)words);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, TO_TRAP, TO_ALLOW, (u32)words + WORDS_SIZE);
	seal(p, kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_TRAP);
}

/* A call, and the one value that argument @arg must have; a negative @arg means any arguments. */
struct admitted {
	u16 nr;
	s8 arg;
	u32 value;
};

/*
 * Emits the comparisons with @list, for a program that has loaded the number of the call. Calls
 * that are not in @list go to @fail.
 */
static void admit(struct program *p, const struct admitted *list, u32 n, u8 fail)
{
	for (u32 i = 0; i < n; i++) {
		const struct admitted *c = &list[i];

		if (c->arg < 0) {
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, 0, c->nr);
			continue;
		}
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, c->nr);
		load(p, ARG_HI(c->arg));
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, fail, 0);
		load(p, ARG_LO(c->arg));
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, fail, c->value);
	}
	/* never true, so always a jump to @fail */
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, fail, fail, ~0U);
}

#define RUNNER_CLONE (CLONE_VM | CLONE_PARENT | CLONE_FILES | CLONE_CHILD_CLEARTID)

/* The calls of mapping orders come first, since they are by far the most frequent. */
static const struct admitted by_mapper[] = { { __NR_mmap, -1, 0 }, { __NR_munmap, -1, 0 },
	{ __NR_mprotect, -1, 0 }, { __NR_pwrite64, -1, 0 }, { __NR_modify_ldt, -1, 0 },
	{ __NR_getppid, -1, 0 }, { __NR_close_range, -1, 0 }, { __NR_close, -1, 0 },
	{ __NR_sigaltstack, -1, 0 }, { __NR_seccomp, -1, 0 }, { __NR_exit, -1, 0 },
	{ __NR_clone, 0, RUNNER_CLONE }, { __NR_unshare, 0, CLONE_FILES } };

/*
 * rt_sigaction, prctl, getppid and mmap are made by the zygote's child while it becomes the mapper.
 */
static const struct admitted by_zygote[] = { { __NR_recvmsg, -1, 0 }, { __NR_sendto, -1, 0 },
	{ __NR_pwrite64, -1, 0 }, { __NR_wait4, -1, 0 }, { __NR_close, -1, 0 },
	{ __NR_dup3, -1, 0 }, { __NR_getppid, -1, 0 }, { __NR_exit_group, -1, 0 },
	{ __NR_clone, 0, SIGCHLD }, { __NR_mmap, 2, PROT_READ }, { __NR_ioctl, 1, TCSETS2 },
	{ __NR_rt_sigaction, 0, SIG_ORPHAN }, { __NR_prctl, 0, PR_SET_PDEATHSIG } };

/*
 * Admits prctl: a runner sets its parent-death signal, and both mapper and runner may be ordered to
 * trap rdtsc.
 */
static void mapper_prctl(struct program *p)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, __NR_prctl);
	load(p, ARG_LO(0));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, 0, PR_SET_PDEATHSIG);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, TO_ALLOW, TO_TRAP, PR_SET_TSC);
}

static void mapper_filter(struct program *p, u64 base)
{
	u32 of_zygote;

	want(p, FIELD(arch), AUDIT_ARCH_X86_64);
	want(p, IP_HI, base >> 32);
	load(p, FIELD(nr));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, __NR_futex);
	load(p, ARG_LO(1));
	emit(p, BPF_JMP | BPF_JGT | BPF_K, TO_TRAP, TO_ALLOW, 1);
	if (skas_loads_bases())
		mapper_bases(p);
	load(p, IP_LO);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, TO_TRAP, 0, (u32)(base + STUB_ZDATA));
	of_zygote = p->len;
	emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 0, (u32)(base + STUB_ZTEXT));
	emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, TO_TRAP, (u32)(base + STUB_SYM_mapper_start));
	emit(p, BPF_JMP | BPF_JGE | BPF_K, TO_TRAP, 0, (u32)(base + STUB_SYM_mapper_end));
	load(p, FIELD(nr));
	mapper_prctl(p);
	admit(p, by_mapper, ARRAY_SIZE(by_mapper), TO_TRAP);
	p->insn[of_zygote].jt = (u8)(p->len - of_zygote - 1);
	load(p, FIELD(nr));
	admit(p, by_zygote, ARRAY_SIZE(by_zygote), TO_KILL);
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	seal(p, SECCOMP_RET_TRAP);
}

/*
 * Writes the sock_fprog to @area, which has @room bytes and which the space maps at @va. The
 * instructions of @p have already been written behind the sock_fprog.
 */
static void finish(u8 *area, u64 va, const struct program *p, u32 room)
{
	struct sock_fprog prog = { .len = (u16)p->len,
		.filter = (struct sock_filter *)(va + FILTER_PROG_SIZE) };

	BUILD_BUG_ON(sizeof(prog) != FILTER_PROG_SIZE);
	BUG_ON(FILTER_PROG_SIZE + p->len * sizeof(struct sock_filter) > room);
	memcpy(area, &prog, sizeof(prog));
}

/* Writes the mapper's filter; @area is stub_filters in the image. */
void filters_write(u8 *area, u64 base)
{
	struct program p = { .insn = (struct sock_filter *)(area + FILTER_MAPPER) };

	mapper_filter(&p, base);
	finish(area, base + STUB_SYM_stub_filters, &p, FILTERS_SIZE);
}

void filter_for(struct runner *r)
{
	u64 at = O_FILTERS + (u64)r->cpu * FILTER_RUNNER_SIZE;
	u8 *area = (u8 *)r->space->orders + at;
	struct program p = { .insn = (struct sock_filter *)(area + FILTER_PROG_SIZE) };

	runner_filter(&p, skas.base, r->cpu, r->space->orders->word, skas.ops == &ptrace_ops);
	finish(area, skas.base + STUB_ORDERS + at, &p, FILTER_RUNNER_SIZE);
}
