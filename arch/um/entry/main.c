/* SPDX-License-Identifier: MIT */
/*
 * main.c: from the first instruction in the kernel world to the first kernel thread.
 *
 * os-linux/start.c main() -> start.S arch_start() -> arch_main() on vCPU 0's boot stack:
 *	parameters; physmem and the arena; stacks, interrupts, oopses; frames and slabs; spaces;
 *	scheduler; the other vCPUs; a kernel thread for kernel_main(); and then vCPU 0's idle loop.
 *
 * A setting that cannot work ends in refuse(): one line on stderr, status 1, before any guest code
 * has run.
 */
#include <asm/errno.h>
#include "arch/um/entry/internal.h"
#include "arch/um/entry/scarce.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/entry/watch.h"
#include "arch/um/vdso/vdso.h"
#include "kernel/init.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "skas/skas.h"

#define SHUTDOWN_GRACE 10000000000UL

static enum skas_mode wanted_mode = SKAS_AUTO;

static int set_seccomp(const char *value)
{
	if (!strcmp(value, "on"))
		wanted_mode = SKAS_SECCOMP;
	else if (!strcmp(value, "off"))
		wanted_mode = SKAS_PTRACE;
	else if (!strcmp(value, "auto"))
		wanted_mode = SKAS_AUTO;
	else
		refuse("seccomp=%s: not on, off or auto", value);
	return 0;
}
PARAM("seccomp=", set_seccomp,
	"on, off or auto: how system calls are intercepted (off: by ptrace)");

static enum skas_handoff wanted_handoff = SKAS_HANDOFF_AUTO;

static int set_handoff(const char *value)
{
	if (!strcmp(value, "spin"))
		wanted_handoff = SKAS_HANDOFF_SPIN;
	else if (!strcmp(value, "sleep"))
		wanted_handoff = SKAS_HANDOFF_SLEEP;
	else if (!strcmp(value, "auto"))
		wanted_handoff = SKAS_HANDOFF_AUTO;
	else
		refuse("handoff=%s: not auto, spin or sleep", value);
	return 0;
}
PARAM("handoff=", set_handoff, "auto, spin or sleep: how vCPU and guest code wait for each other");

static bool wanted_patch = true;

static int set_patch(const char *value)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		refuse("patch=%s: not on or off", value);
	wanted_patch = !strcmp(value, "on");
	return 0;
}
PARAM("patch=", set_patch,
	"on or off: system calls of hot call sites go by a jump (on, with seccomp)");

static void early_write(struct console *con, const char *s, size_t n)
{
	os_write_stderr(s, n);
}

static int set_earlyprintk(const char *value)
{
	static struct console con = { .name = "early", .write = early_write };

	console_register(&con);
	return 0;
}
PARAM("earlyprintk", set_earlyprintk, "kernel messages go to the host's stderr, from the start");

/* Starts skas. @base: the address of the stub that a restored state requires; 0: any address. */
static void start_spaces(u64 base)
{
	struct skas_config cfg = {
		.base = base,
		.mode = wanted_mode,
		.ncpus = nr_cpus,
		.physmem = physmem_handle(),
		.handoff = wanted_handoff,
		.patch = wanted_patch,
		.irq = &irq_page,
		.trap_tsc = tsc_wants_traps(),
		.trial_later = base,
	};
	const char *why = "";

	if (skas_init(&cfg, &why))
		refuse("%s", why);
}

static struct work shutdown_work;

/*
 * Ends the instance when the host requests it. If host processes are scarce, it powers off at once,
 * since an init that waits for a host process would not get a signal.
 */
static void shut_down(struct work *w)
{
	if (host_is_scarce())
		kernel_power_off();
	end_instance(os_end_value());
}

static void shutdown_irq(void *unused)
{
	if (os_end_asked())
		work_queue(&shutdown_work);
}

static int shutdown_line;

static void take_signals(void)
{
	int err = os_signals_setup(shutdown_line, SHUTDOWN_GRACE);

	if (err)
		refuse("no host thread for signals: %s", os_why(err));
}

static void signals_init(void)
{
	shutdown_line = irq_register("shutdown", shutdown_irq, NULL);
	work_setup(&shutdown_work, shut_down);
	if (shutdown_line < 0)
		panic("no interrupt for the shutdown");
	take_signals();
}

/*
 * Starts the spaces of a process that continues from a saved state. Refuses a host on which the
 * stub's address, the FPU state or the interception of rdtsc would differ from the saved instance:
 * patched call sites jump to the stub, and guests have seen the other two.
 */
void entry_restored(void)
{
	const struct os_restored *r = os_restored();
	bool traps = arch_tsc_traps;

	start_spaces(r->stub_base);
	if (skas_xfeatures() != r->xfeatures || xstate_size != r->xstate_size)
		refuse("restore=%s: this CPU has other FPU states than the one before", r->dir);
	if (skas_base() != r->stub_base)
		refuse("restore=%s: the host's address space ends elsewhere", r->dir);
	if (skas_tsc_traps() != traps)
		refuse("restore=%s: rdtsc is intercepted on one of the two hosts only", r->dir);
	tsc_init();
	vdso_restored();
	take_signals();
}

/*
 * Boots the kernel, then sleeps for good. Runs as the kernel's first thread, process 2, which is
 * the parent of all kernel threads.
 */
static int first_thread(void *unused)
{
	kernel_main();
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return 0;
}

void arch_main(int argc, char **argv, char **envp)
{
	vcpu_boot_init();
	time_init();
	params_parse(argc, argv);
	timetravel_init();
	vcpu_choose_number();
	physmem_init();
	arena_init();
	vcpu_init_stacks();
	irq_init();
	oops_init();
	mm_init_frames(1, physmem_boot_frames, physmem_frames);
	start_spaces(0);
	tsc_init();
	if (!time_frozen)
		cpu_clock_start();
	vcpu_init();
	vdso_init();
	signals_init();
	watch_init();
	vcpu_start_all();
	if (!kthread_run(first_thread, NULL, "kthreadd"))
		panic("no memory for the first kernel thread");
	vcpu_idle_loop();
}
