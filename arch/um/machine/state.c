/* SPDX-License-Identifier: MIT */
/*
 * state.c: properties of the running machine (the interception mode, the size of guests' address
 * spaces), and its power-off.
 *
 * Lock: none. stopping is set once.
 */
#include "arch/um/internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "skas/skas.h"

bool arch_tsc_traps, arch_tsc_may_trap;

/*
 * True in seccomp mode. Under ptrace the host itself would serve a call to the vsyscall page, which
 * the jail forbids.
 */
bool arch_has_vsyscall(void)
{
	return skas_mode_name()[0] == 's';
}

const char *arch_mode_name(void)
{
	return skas_patch_entry() ? "seccomp patched" : skas_mode_name();
}

int arch_handoff_stats(char *buf, size_t size)
{
	return skas_format_stats(buf, size);
}

u64 arch_task_size(void)
{
	return skas_task_size();
}

/* true: the machine is going down; set once */
static u32 stopping;

/*
 * Stops a vCPU for good once the machine is going down. Otherwise the removal of its space would
 * look like the space's death.
 */
void vcpu_park_when_stopping(void)
{
	u32 never = 0;

	while (unlikely(READ_ONCE(stopping)))
		os_futex_wait(&never, 0, OS_FOREVER);
}

void vcpu_stop_for_good(void)
{
	smp_store_release(&stopping, 1);
}

void arch_power_off(int status)
{
	vcpu_stop_for_good();
	skas_exit();
	os_exit(status);
}

static bool noreboot;
/* exit status given by noreboot= */
static int noreboot_status;

static int set_noreboot(const char *s)
{
	noreboot = true;
	return 0;
}
PARAM("noreboot", set_noreboot, "end the instance instead of restarting it");

static int set_noreboot_status(const char *s)
{
	u64 status;

	if (kstrtou64(s, 10, &status) || status > 255)
		refuse("noreboot=%s: not an exit status", s);
	noreboot = true;
	noreboot_status = (int)status;
	return 0;
}
PARAM("noreboot=", set_noreboot_status,
	"STATUS: end the instance with this exit status instead of restarting it");

void arch_reboot(void)
{
	if (noreboot)
		arch_power_off(noreboot_status);
	vcpu_stop_for_good();
	skas_exit();
	os_restart();
}
