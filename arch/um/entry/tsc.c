/* SPDX-License-Identifier: MIT */
/*
 * tsc.c: rdtsc in guest programs. By default it reads the host's counter. With rdtsc=trap, which
 * frozen time implies unless rdtsc=host is given, the host makes rdtsc fault (PR_SET_TSC of the
 * zygote, inherited by every process that runs guest code). The kernel then returns the guest's
 * monotonic clock, one tick per nanosecond, so that a run that uses rdtsc is repeatable.
 *
 * A guest thread may also make rdtsc fault for itself (PR_SET_TSC). Then the mapper of its space
 * requests the fault, and new runners replace the old ones (skas_trap_tsc()). The space keeps such
 * runners: for its threads that may read the counter, the kernel reads the host's counter in the
 * trap.
 *
 * The host's vDSO reads the counter, so with rdtsc=trap guests do not call it (vdso_map.c), and
 * clock_gettime() is a system call.
 *
 * Locks: none.
 */
#include <asm/signal.h>

#include "arch/um/entry/insn.h"
#include "arch/um/entry/internal.h"
#include "arch/um/machine/ldt.h"
#include "arch/um/machine/timetravel.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "os-linux/os.h"
#include "skas/skas.h"

static bool asked, forbidden;

static int set_rdtsc(const char *value)
{
	asked = !strcmp(value, "trap");
	forbidden = !strcmp(value, "host");
	if (!asked && !forbidden)
		refuse("rdtsc=%s: trap or host", value);
	return 0;
}
PARAM("rdtsc=", set_rdtsc,
	"trap: rdtsc counts the guest's nanoseconds (time-travel=inf-cpu); host: the host's ticks");

bool tsc_wants_traps(void)
{
	return asked || (time_frozen && !forbidden);
}

void tsc_init(void)
{
	arch_tsc_traps = skas_tsc_traps();
	arch_tsc_may_trap = skas_tsc_may_trap();
	if (arch_tsc_traps || !tsc_wants_traps())
		return;
	if (asked)
		refuse("rdtsc=trap: the host refuses PR_SET_TSC");
	pr_warn("the host refuses PR_SET_TSC: programs that use rdtsc do not repeat\n");
}

/* True for a prefix; 0x40 to 0x4f are prefixes in 64-bit code only. */
static bool is_prefix(u8 b, bool long_mode)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64 ... 0x67:
	case 0xf2:
	case 0xf3: return true;
	}
	return long_mode && (b & 0xf0) == 0x40;
}

/* Returns the length of the rdtsc or rdtscp at the head of @code, or 0 for another instruction. */
static u32 tsc_insn(const u8 *code, u32 n, bool long_mode, bool *with_cpu)
{
	u32 at = 0;

	while (at < n && is_prefix(code[at], long_mode))
		at++;
	if (n - at >= 2 && code[at] == 0x0f && code[at + 1] == 0x31) {
		*with_cpu = false;
		return at + 2;
	}
	if (n - at >= 3 && code[at] == 0x0f && code[at + 1] == 0x01 && code[at + 2] == 0xf9) {
		*with_cpu = true;
		return at + 3;
	}
	return 0;
}

static u64 counter(void)
{
	u32 lo, hi;

	if (arch_tsc_traps)
		return ktime_get();
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

/*
 * Copies code from @at, and returns the number of bytes, as insn_read() does. The vDSO's clock
 * functions call the host's vDSO, which is in no area of the guest: for an address there, the
 * kernel reads its own copy of the host's vDSO.
 */
static u32 code_at(u64 at, u8 *code)
{
	u64 vdso = skas_host_vdso();
	size_t n = vdso && at >= vdso ? os_vdso_read(at - vdso, code, INSN_MAX) : 0;

	return n ? (u32)n : insn_read(at, code);
}

bool tsc_trap(struct task *t, const struct skas_event *ev)
{
	struct regs *r = &t->arch.regs;
	bool long_mode = r->cs == USER_CS, with_cpu;
	u8 code[INSN_MAX];
	u32 len;
	u64 at, now;

	if (ev->signo != SIGSEGV || ev->trapno != TRAPNO_GP || t->no_tsc)
		return false;
	at = r->cs & SEL_LDT ? ldt_linear(t->mm->ldt, r->cs, r->rip) : r->rip;
	len = tsc_insn(code, code_at(at, code), long_mode, &with_cpu);
	if (!len)
		return false;
	/* a guest that spins on the counter must see it advance */
	if (time_frozen)
		timetravel_call();
	now = counter();
	r->rax = (u32)now;
	r->rdx = now >> 32;
	if (with_cpu)
		r->rcx = (u32)smp_processor_id();
	r->rip = long_mode ? r->rip + len : (u32)(r->rip + len);
	insn_stepped(t);
	return true;
}
