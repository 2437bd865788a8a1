/* SPDX-License-Identifier: MIT */
/*
 * fault_log.c: lines of the kernel's log about programs that fault, in Linux's words: "segfault at"
 * with the code around it, "traps:", "bad frame in", and with kernel.print-fatal-signals the
 * registers. Crash collectors and administrators read these lines.
 *
 * A signal is not logged if it has a handler or current is traced, unless current is process 1.
 * debug.exception-trace turns the lines off, and printk_ratelimit() bounds them. Each line is
 * composed in a buffer, since the log takes whole lines only.
 *
 * Locks: mmap_lock of current's memory is only tried. Code is shown only if it is in memory: no
 * page is faulted in.
 */
#include "kernel/lib/sysctl.h"
#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

#define CODE_BEFORE 42U /* bytes shown before the instruction */
#define CODE_BYTES 64U
#define LINE 400

static int sysctl_exception_trace = 1, sysctl_print_fatal_signals;

/*
 * True if @sig kills current, or if current is process 1, whose faults are logged even if it
 * handles the signal.
 */
static bool is_unhandled(int sig)
{
	struct sighand_struct *sh = current->sighand;
	bool caught;

	if (same_thread_group(current, init_process))
		return true;
	spin_lock(&sh->lock);
	caught = sh->action[sig - 1].handler > 1;
	spin_unlock(&sh->lock);
	return !caught && !fatal_signal_pending(current) && !current->ptrace;
}

/* Appends " in FILE[OFFSET,START+LENGTH]" when @ip lies in a mapped file. */
static int put_place(char *line, int n, u64 ip)
{
	struct name_snapshot name;
	struct vm_area *v;

	if (!down_read_trylock(&current->mm->mmap_lock))
		return n;
	v = find_vma(current->mm, ip);
	if (v && v->vm_start <= ip && v->vm_file) {
		d_keep_name(v->vm_file->f_path.dentry, &name);
		n += scnprintf(line + n, (size_t)(LINE - n), " in %s[%llx,%llx+%llx]",
			(const char *)name.name.name,
			(unsigned long long)(ip - v->vm_start + (v->vm_pgoff << PAGE_SHIFT)),
			(unsigned long long)v->vm_start,
			(unsigned long long)(v->vm_end - v->vm_start));
		d_drop_name(&name);
	}
	up_read(&current->mm->mmap_lock);
	return n;
}

/* Logs a line with the bytes around @ip. The first byte of the instruction is in brackets. */
static void print_code(u64 ip, const char *level)
{
	u64 start = ip - CODE_BEFORE;
	char line[LINE];
	u8 code[CODE_BYTES];
	int n = 0;

	if (copy_from_user_nofault(code, UADDR(start), sizeof(code))) {
		printk("%sCode: Unable to access opcode bytes at 0x%llx.\n", level,
			(unsigned long long)start);
		return;
	}
	for (u32 i = 0; i < CODE_BYTES; i++)
		n += scnprintf(line + n, sizeof(line) - (size_t)n,
			i == CODE_BEFORE ? " <%02x>" : " %02x", code[i]);
	printk("%sCode:%s\n", level, line);
}

static const char *level_of_current(void)
{
	return current->pid > 1 ? KERN_INFO : KERN_EMERG;
}

void log_segfault(u64 addr, u64 error)
{
	const struct regs *r = task_regs(current);
	const char *level = level_of_current();
	int cpu = smp_processor_id(), n;
	char line[LINE];

	if (!READ_ONCE(sysctl_exception_trace) || !is_unhandled(SIGSEGV) ||
		!printk_ratelimit("show_signal_msg"))
		return;
	n = scnprintf(line, sizeof(line),
		"%s[%d]: segfault at %llx ip %016llx sp %016llx error %llx", current->comm,
		current->pid, (unsigned long long)addr, (unsigned long long)r->rip,
		(unsigned long long)r->rsp, (unsigned long long)error);
	n = put_place(line, n, r->rip);
	scnprintf(line + n, sizeof(line) - (size_t)n, " likely on CPU %d (core %d, socket 0)", cpu,
		cpu);
	printk("%s%s\n", level, line);
	print_code(r->rip, level);
}

void log_trap(int sig, int trapno, u64 error)
{
	static const char *const names[] = { [0] = "trap divide error",
		[3] = "trap int3",
		[4] = "trap overflow",
		[5] = "trap bounds",
		[6] = "trap invalid opcode",
		[10] = "trap invalid TSS",
		[11] = "trap segment not present",
		[12] = "trap stack segment",
		[13] = "general protection fault",
		[17] = "trap alignment check" };
	const struct regs *r = task_regs(current);
	char line[LINE];
	int n;

	if ((u32)trapno >= ARRAY_SIZE(names) || !names[trapno])
		return;
	if (!READ_ONCE(sysctl_exception_trace) || !is_unhandled(sig) ||
		!printk_ratelimit("show_signal"))
		return;
	n = scnprintf(line, sizeof(line), "traps: %s[%d] %s ip:%llx sp:%llx error:%llx",
		current->comm, current->pid, names[trapno], (unsigned long long)r->rip,
		(unsigned long long)r->rsp, (unsigned long long)error);
	put_place(line, n, r->rip);
	pr_info("%s\n", line);
}

void log_bad_frame(u64 frame)
{
	const struct regs *r = task_regs(current);
	char line[LINE];
	int n;

	if (!READ_ONCE(sysctl_exception_trace) || !printk_ratelimit("signal_fault"))
		return;
	n = scnprintf(line, sizeof(line),
		"%s[%d] bad frame in rt_sigreturn frame:%016llx ip:%llx sp:%llx orax:%llx",
		current->comm, current->pid, (unsigned long long)frame, (unsigned long long)r->rip,
		(unsigned long long)r->rsp, (unsigned long long)r->orig_rax);
	put_place(line, n, r->rip);
	printk("%s%s\n", level_of_current(), line);
}

void log_fatal_signal(int sig)
{
	const struct regs *r = task_regs(current);
	struct name_snapshot name;
	struct file *exe;

	if (likely(!READ_ONCE(sysctl_print_fatal_signals)))
		return;
	down_read(&current->mm->mmap_lock);
	exe = current->mm->exe_file;
	if (exe)
		get_file(exe);
	up_read(&current->mm->mmap_lock);
	if (exe) {
		d_keep_name(exe->f_path.dentry, &name);
		pr_info("%s: %s: potentially unexpected fatal signal %d.\n",
			(const char *)name.name.name, current->comm, sig);
		d_drop_name(&name);
		fput(exe);
	} else {
		pr_info("%s: potentially unexpected fatal signal %d.\n", current->comm, sig);
	}
	printk(KERN_DEFAULT "CPU: %d PID: %d Comm: %s\n", smp_processor_id(), current->pid,
		current->comm);
	printk(KERN_DEFAULT "RIP: %04llx:0x%llx\n", (unsigned long long)r->cs,
		(unsigned long long)r->rip);
	print_code(r->rip, KERN_DEFAULT);
#define ROW(text, a, b, c)                                                                         \
	printk(KERN_DEFAULT text "\n", (unsigned long long)(a), (unsigned long long)(b),           \
		(unsigned long long)(c))
	ROW("RSP: %04llx:%016llx EFLAGS: %08llx", r->ss, r->rsp, r->eflags);
	ROW("RAX: %016llx RBX: %016llx RCX: %016llx", r->rax, r->rbx, r->rcx);
	ROW("RDX: %016llx RSI: %016llx RDI: %016llx", r->rdx, r->rsi, r->rdi);
	ROW("RBP: %016llx R08: %016llx R09: %016llx", r->rbp, r->r8, r->r9);
	ROW("R10: %016llx R11: %016llx R12: %016llx", r->r10, r->r11, r->r12);
	ROW("R13: %016llx R14: %016llx R15: %016llx", r->r13, r->r14, r->r15);
#undef ROW
}

static const struct sysctl sysctls[] = {
	SYSCTL_NUM("debug/exception-trace", sysctl_exception_trace, -0x80000000L, 0x7fffffff),
	SYSCTL_NUM(
		"kernel/print-fatal-signals", sysctl_print_fatal_signals, -0x80000000L, 0x7fffffff),
};

static int fault_log_init(void)
{
	return sysctl_register(sysctls, ARRAY_SIZE(sysctls));
}
INITCALL(4, fault_log_init);
