/* SPDX-License-Identifier: MIT */
/*
 * power.c: the end of the instance: reboot(2), ctrl-alt-del, power-off and restart in order.
 *
 * In order means: file systems are synced, then the machine stops. At a power-off, file systems on
 * temporary disks (gendisk.temporary) are left as they are. No task runs guest code any more once
 * arch_power_off() has begun. Data that a program writes between the sync and the stop may be lost.
 */
#include <linux/reboot.h>

#include "gen/syscalls.h"
#include "kernel/lib/debug/lockdep.h"
#include "kernel/lib/lost.h"
#include "kernel/mm/debug/leak.h"
#include "kernel/task/audit/audit.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/super.h"

static bool ending; /* a restart is to end the instance */
/* True: ctrl-alt-del restarts at once (reboot(2), RB_ENABLE_CAD). False: init gets SIGINT. */
int cad_restarts;

void kernel_power_off(void)
{
	sync_and_quiesce_all(true);
	if (LEAK_SCAN) {
		pr_info("left: %u tasks of %u processes\n", nr_threads_total(), nr_processes());
		leak_report();
	}
	/* Flush packets that a vCPU holds: their memory would count as lost. */
	sched_before_idle();
	lockdep_write_edges();
	report_losses();
	audit_usage();
	pr_info("reboot: Power down\n");
	arch_power_off(0);
}

void kernel_restart(void)
{
	if (READ_ONCE(ending))
		kernel_power_off();
	sync_and_quiesce_all(false);
	sched_before_idle();
	report_losses();
	pr_info("reboot: Restarting system\n");
	arch_reboot();
}

static void restart_work(struct work *w)
{
	kernel_restart();
}

static void interrupt_init(int value)
{
	siginfo_t info = { .si_signo = SIGINT, .si_code = SI_KERNEL };

	info.si_int = value;
	if (init_process)
		send_sig_group(SIGINT, init_process, value ? &info : SEND_SIG_PRIV);
}

void signal_init(int sig)
{
	if (init_process)
		send_sig_group(sig, init_process, SEND_SIG_PRIV);
}

static void press_keys(int value)
{
	static struct work work;
	static bool ready;

	if (!cad_restarts) {
		interrupt_init(value);
		return;
	}
	if (!ready) {
		ready = true;
		work_setup(&work, restart_work);
	}
	work_queue(&work);
}

/*
 * Signals init as ctrl-alt-del does, at the request of the user of the host. If init then restarts
 * the machine, the instance ends instead.
 */
void end_instance(int value)
{
	WRITE_ONCE(ending, true);
	press_keys(value);
}

void ctrl_alt_del(void)
{
	press_keys(0);
}

/*
 * Reboots a pid namespace from inside: kills its init, and thereby all its processes. Init's wait
 * status has SIGHUP for a restart, SIGINT for a halt. Returns only -EINVAL, for another command.
 */
static long reboot_pid_ns(struct pid_namespace *ns, u32 cmd)
{
	struct task *init;

	switch (cmd) {
	case LINUX_REBOOT_CMD_RESTART2:
	case LINUX_REBOOT_CMD_RESTART: ns->reboot = SIGHUP; break;
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF: ns->reboot = SIGINT; break;
	default: return -EINVAL;
	}
	read_lock(&tasklist_lock);
	init = ns->child_reaper;
	if (init)
		get_task(init);
	read_unlock(&tasklist_lock);
	if (init) {
		send_sig_group(SIGKILL, init, SEND_SIG_PRIV);
		put_task(init);
	}
	do_group_exit(0);
}

static long reboot_command(u32 cmd, uaddr_t arg)
{
	char text[256];

	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON: cad_restarts = 1; return 0;
	case LINUX_REBOOT_CMD_CAD_OFF: cad_restarts = 0; return 0;
	case LINUX_REBOOT_CMD_RESTART2:
		if (strncpy_from_user(text, arg, sizeof(text) - 1) < 0)
			return -EFAULT;
		kernel_restart();
	case LINUX_REBOOT_CMD_RESTART: kernel_restart();
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF: kernel_power_off();
	}
	return -EINVAL;
}

long sys_reboot(int magic1, int magic2, u32 cmd, uaddr_t arg)
{
	struct pid_namespace *ns = current_pid_ns();

	if (!ns_capable(ns->ns.owner, CAP_SYS_BOOT))
		return -EPERM;
	if ((u32)magic1 != LINUX_REBOOT_MAGIC1 ||
		(magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
			magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	return ns == &init_pid_ns ? reboot_command(cmd, arg) : reboot_pid_ns(ns, cmd);
}
