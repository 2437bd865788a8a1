/* SPDX-License-Identifier: MIT */
/*
 * oops.c: reports of faults in the kernel itself.
 *
 * A synchronous fault of a vCPU thread is caught by os-linux/fault.c, which makes the thread
 * continue in oops_entry(), on a stack that each vCPU keeps for this. oops_entry() prints
 * task, registers and back-trace, then calls panic(), which prints the guest's registers. A second
 * fault of that vCPU ends the process at once. Back-traces follow frame pointers and check each: a
 * frame must lie on a known stack, above the frame before it.
 */
#include <asm/errno.h>
#include "arch/um/internal.h"
#include "arch/um/machine/oops.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

#define MAX_FRAMES 40
#define HOST_STACK_RANGE (256UL * 1024)

extern const struct os_fixup __start_fixups[] __weak, __stop_fixups[] __weak;
extern char etext[];

/*
 * Returns the name of the function that contains @addr, and sets *offset to the distance from its
 * start; from the table of symbols (kernel/lib/ksyms.c).
 */
const char *ksym_lookup(u64 addr, u64 *offset) __weak;

static struct os_fault fault_frame[MAX_CPUS];
static void *oops_block[MAX_CPUS];

static void print_address(u64 addr)
{
	u64 off;
	const char *name = ksym_lookup ? ksym_lookup(addr, &off) : NULL;

	if (name)
		pr_err(" [<%016lx>] %s+%#lx\n", addr, name, off);
	else
		pr_err(" [<%016lx>]\n", addr);
}

#ifdef CONFIG_DEBUG
static void print_locks(struct task *t)
{
	lockdep_print_held(&t->held);
}
#else
static void print_locks(struct task *t)
{
}
#endif

/* True if @addr is in the kernel's own text. (No guest code is mapped in this process.) */
static bool is_code(u64 addr)
{
	return addr >= KERNEL_IMAGE_BASE && addr < (u64)etext;
}

static bool on_kernel_stack(u64 p)
{
	u64 boot = (u64)boot_stack();

	if (p & 7)
		return false;
	if (p >= boot + KSTACK_SIZE && p < boot + KSTACK_ALIGN - 16)
		return true;
	return p >= KSTACK_BASE && p < KSTACK_BASE + KSTACK_WINDOW && (p & KSTACK_SIZE) &&
	       (p & (KSTACK_ALIGN - 1)) < KSTACK_ALIGN - 16;
}

static bool on_host_stack(u64 p, u64 host_sp)
{
	return !(p & 7) && p < host_sp && p >= host_sp - HOST_STACK_RANGE;
}

/*
 * Prints the chain of frames. At a door the chain continues on the other stack, the kernel's or the
 * host's.
 */
static void backtrace(u64 rbp, u64 host_sp)
{
	for (int i = 0; i < MAX_FRAMES && (on_kernel_stack(rbp) || on_host_stack(rbp, host_sp));
		i++) {
		u64 next = ((u64 *)rbp)[0], ret = ((u64 *)rbp)[1];

		if (!is_code(ret))
			return;
		print_address(ret);
		if (next <= rbp && on_kernel_stack(next) == on_kernel_stack(rbp))
			return;
		rbp = next;
	}
}

static void print_task(struct task *t)
{
	pr_err("CPU: %d PID: %d Comm: %s\n", t->cpu, t->pid, t->comm);
}

static void print_guest(struct task *t)
{
	struct regs *r = &t->arch.regs;

	if (!t->mm)
		return;
	pr_err("guest RIP: %016lx RSP: %016lx EFLAGS: %08lx\n", r->rip, r->rsp, r->eflags);
	pr_err("guest RAX: %016lx RBX: %016lx RCX: %016lx RDX: %016lx\n", r->rax, r->rbx, r->rcx,
		r->rdx);
	pr_err("guest RSI: %016lx RDI: %016lx RBP: %016lx ORIG_RAX: %016lx\n", r->rsi, r->rdi,
		r->rbp, r->orig_rax);
}

void arch_dump_stack(void)
{
	print_task(current);
	pr_err("Call Trace:\n");
	backtrace((u64)__builtin_frame_address(0), arch_kstack_head()->host_sp);
	print_locks(current);
	print_guest(current);
}

/*
 * Prints the stack of a sleeping task; the saved stack pointer of a running task is stale. Of the
 * words that switch_stack() pushed, rbp is the sixth.
 */
void arch_dump_task(struct task *t)
{
	u64 sp = READ_ONCE(t->arch.ksp);

	pr_err("Call Trace:\n");
	if (t->state == TASK_RUNNING || !on_kernel_stack(sp) || !on_kernel_stack(sp + 48))
		return;
	if (is_code(((u64 *)sp)[6]))
		print_address(((u64 *)sp)[6]);
	backtrace(((u64 *)sp)[5], 0);
}

void arch_dump_guest(struct task *t)
{
	print_task(t);
	print_guest(t);
}

void arch_print_timer(void (*func)(struct ktimer *t), s64 ns)
{
	u64 off;
	const char *name = ksym_lookup ? ksym_lookup((u64)func, &off) : NULL;

	pr_info(" %s, in %ld ns\n", name ? name : "?", (long)ns);
}

static void print_registers(const struct os_fault *f)
{
	pr_err("RIP: %016lx RSP: %016lx EFLAGS: %08lx\n", f->rip, f->rsp, f->eflags);
	pr_err("RAX: %016lx RBX: %016lx RCX: %016lx\n", f->rax, f->rbx, f->rcx);
	pr_err("RDX: %016lx RSI: %016lx RDI: %016lx\n", f->rdx, f->rsi, f->rdi);
	pr_err("RBP: %016lx R08: %016lx R09: %016lx\n", f->rbp, f->r8, f->r9);
	pr_err("R10: %016lx R11: %016lx R12: %016lx\n", f->r10, f->r11, f->r12);
	pr_err("R13: %016lx R14: %016lx R15: %016lx\n", f->r13, f->r14, f->r15);
}

/*
 * Finds the task whose kernel stack the fault occurred on; returns NULL if unknown. A fault in a
 * door occurs on the host stack.
 */
static struct task *task_of_fault(const struct os_fault *f)
{
	u64 head = (f->rsp & ~(u64)(KSTACK_ALIGN - 1)) + KSTACK_SIZE;

	if (on_kernel_stack(f->rsp & ~7UL))
		return ((struct kstack_head *)head)->task;
	return on_kernel_stack(f->rbp) ?
		       ((struct kstack_head *)((f->rbp & ~(u64)(KSTACK_ALIGN - 1)) + KSTACK_SIZE))
			       ->task :
		       NULL;
}

static u64 host_stack_of(const struct task *t)
{
	return t ? kstack_head_of(t->arch.kstack)->host_sp : 0;
}

static void oops_entry(u64 cpu, u64 host_sp)
{
	const struct os_fault *f = &fault_frame[cpu];
	struct task *t = task_of_fault(f);

	arch_kstack_head()->host_sp = host_sp;
	arch_kstack_head()->task = t ? t : &init_task_storage;
	pr_err("Oops: signal %d code %d at address %016lx, trap %lu error %#lx\n", f->signo,
		f->code, f->addr, f->trapno, f->error);
	if (t)
		print_task(t);
	print_registers(f);
	pr_err("Call Trace:\n");
	print_address(f->rip);
	backtrace(f->rbp, host_stack_of(t));
	panic("kernel fault: signal %d at rip %#lx, address %#lx", f->signo, f->rip, f->addr);
}

static struct os_fault_config cfg;

/*
 * Registers the oops stacks with the host world, at boot and in a process that continues from a
 * saved state.
 */
void oops_restored(void)
{
	int err = os_fault_setup(&cfg);

	if (err)
		refuse("no signal handlers: %s", os_why(err));
}

void oops_init(void)
{
	cfg.fixups = __start_fixups;
	cfg.fixups_end = __stop_fixups;
	cfg.entry = oops_entry;
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		oops_block[cpu] = kstack_alloc();
		if (!oops_block[cpu])
			panic("no memory for the oops stack of vCPU %d", cpu);
		cfg.frame[cpu] = &fault_frame[cpu];
		cfg.stack_top[cpu] = (u64)oops_block[cpu] + KSTACK_ALIGN - 16;
	}
	oops_restored();
}
