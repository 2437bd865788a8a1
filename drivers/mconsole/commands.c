/* SPDX-License-Identifier: MIT */
/*
 * commands.c: the commands of the management console. Commands that User Mode Linux has are spelt
 * and answered as there.
 *
 * stop freezes all tasks except the kernel's own, as the freezer of a cgroup does. Each task stops
 * on its way to guest code and not inside a system call, so after a sync (sysrq s) the disks may be
 * copied. Network, disks and timers keep running.
 */
#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "kernel/cgroup/freezer.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/state/state.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "kernel/task/sysrq.h"
#include "kernel/vfs/name/peek.h"
#include "kernel/vfs/super.h"
#include "kernel/vfs/vfs.h"

#define STOP_STEP 5000000UL /* ns */
/*
 * A number of steps, not a time: if the host stopped the whole instance meanwhile, time passed in
 * which no task could reach the stop.
 */
#define STOP_STEPS 400
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define PROC_MOST (4UL << 20) /* limit, since a file may have no end */

static LIST_HEAD(devices);
static bool stopped;

void mconsole_register(struct mconsole_device *dev)
{
	list_add_tail(&dev->list, &devices);
}

struct mconsole_device *mconsole_next_device(struct mconsole_device *d)
{
	struct list_head *next = d ? d->list.next : devices.next;

	return next == &devices ? NULL : list_entry(next, struct mconsole_device, list);
}

/* ---- the instance ---- */

static void cmd_version(struct mconsole_call *c)
{
	const struct new_utsname_k *u = &init_uts.name;

	mconsole_print(
		c, "%s %s %s %s %s", u->sysname, u->nodename, u->release, u->version, u->machine);
}

static void cmd_halt(struct mconsole_call *c)
{
	mconsole_end(c, 0);
	kernel_power_off();
}

static void cmd_reboot(struct mconsole_call *c)
{
	mconsole_end(c, 0);
	kernel_restart();
}

static void cmd_cad(struct mconsole_call *c)
{
	ctrl_alt_del();
}

static void cmd_signal(struct mconsole_call *c)
{
	u64 sig;

	if (kstrtou64(c->args, 10, &sig) || !sig || sig > NSIG_MAX) {
		mconsole_fail(c, -EINVAL, "Please specify a number from 1 to %d", NSIG_MAX);
		return;
	}
	signal_init((int)sig);
}

static void cmd_stop(struct mconsole_call *c)
{
	if (stopped) {
		mconsole_fail(c, 1, "Already stopped");
		return;
	}
	stopped = true;
	freeze_all_tasks(true);
	for (int i = 0; i < STOP_STEPS && !all_tasks_frozen(); i++) {
		set_current_state(TASK_IDLE);
		schedule_deadline(ktime_get() + STOP_STEP);
	}
	mconsole_print(c, "stopped%s",
		all_tasks_frozen() ? "" : "; some programs are still in a system call");
}

static void cmd_go(struct mconsole_call *c)
{
	if (!stopped) {
		mconsole_fail(c, 1, "Not stopped");
		return;
	}
	stopped = false;
	freeze_all_tasks(false);
}

bool mconsole_has_stopped(void)
{
	return stopped;
}

static void cmd_status(struct mconsole_call *c)
{
	mconsole_print(c, stopped ? "stopped" : "running");
}

/* ---- devices ---- */

/*
 * Parses "eth1": returns the device and sets its number, or returns NULL. *rest: the text after
 * the number.
 */
static struct mconsole_device *find_device(const char *s, u32 *n, const char **rest)
{
	size_t name = strcspn(s, "0123456789=");
	struct mconsole_device *d;
	u64 number = 0;
	const char *p = s + name;

	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++)
		number = min(number * 10 + (u64)(*p - '0'), 1000000UL);
	list_for_each_entry(d, &devices, list) {
		if (strlen(d->name) != name || strncmp(d->name, s, name))
			continue;
		*n = (u32)number;
		*rest = p;
		return number < d->numbers ? d : NULL;
	}
	return NULL;
}

#define QUERY_SIZE 4096 /* the words of a network card */

static void query(struct mconsole_call *c, struct mconsole_device *d, u32 n)
{
	/* a saved state takes a card's words from here: none may be cut off */
	char *text = kmalloc(QUERY_SIZE, GFP_KERNEL);
	int err = text ? -EOPNOTSUPP : -ENOMEM;

	if (text)
		text[0] = 0;
	if (text && d->query)
		err = d->query(n, text, QUERY_SIZE);
	if (err)
		mconsole_fail(c, err, "%s%u: %s", d->name, n,
			text && text[0] ? text : arch_strerror(err));
	else
		mconsole_write(c, text, strlen(text));
	kfree(text);
}

/*
 * Changes the size of memory by "=-64M" or "=+64M", as in User Mode Linux. Unlike there, the change
 * is made in full or not at all, and MemTotal changes too.
 */
static void config_mem(struct mconsole_call *c, const char *s)
{
	u64 bytes, most;
	bool less = s[1] == '-';
	int err;

	if (!less && s[1] != '+') {
		mconsole_fail(c, -EINVAL, "Expected increment to start with '-' or '+'");
		return;
	}
	if (kstrtosize(s + 2, &bytes)) {
		mconsole_fail(c, -EINVAL, "Failed to parse memory increment");
		return;
	}
	bytes = bytes / PAGE_SIZE;
	err = less ? mm_unplug(bytes, &most) : mm_plug(bytes, &most);
	if (err == -ENOMEM && less)
		mconsole_fail(c, err, "mem: the guest can give %luM, not %luM: the rest is in use",
			most >> 8, bytes >> 8);
	else if (err == -ENOMEM)
		mconsole_fail(c, err, "mem: %luM more are possible, not %luM (mem-max=)", most >> 8,
			bytes >> 8);
	else if (err == -ERANGE)
		mconsole_fail(c, err, "mem: the guest has %luM, and must keep some",
			nr_managed_frames() >> 8);
	else if (err)
		mconsole_fail(c, err, "mem: the host takes no memory back: %s", arch_strerror(err));
}

/*
 * True if the device may change. While a snapshot is held it may not: the snapshot's thread
 * iterates over the disks and may be using any of them.
 */
static bool may_change(struct mconsole_call *c, const struct mconsole_device *d, u32 n)
{
	if (mconsole_not_with_reset(c, d->name))
		return false;
	if (!d->disk || !snapshot_is_held()) {
		state_changed();
		return true;
	}
	mconsole_fail(c, -EBUSY, "%s%u: in use: a snapshot is under way", d->name, n);
	return false;
}

static void cmd_config(struct mconsole_call *c)
{
	char why[256] = "";
	struct mconsole_device *d;
	const char *rest = "", *equals;
	u32 n;
	int err;

	if (!strcmp(c->args, "mem")) {
		mconsole_print(c, "%lu", nr_managed_frames() * PAGE_SIZE);
		return;
	}
	if (!strncmp(c->args, "mem=", 4)) {
		config_mem(c, c->args + 3);
		return;
	}
	d = find_device(c->args, &n, &rest);
	equals = rest + (d && d->letters ? strspn(rest, LETTERS) : 0);
	if (!d || (*rest && *equals != '=')) {
		mconsole_fail(c, 1, "Bad configuration option");
		return;
	}
	if (!*rest) {
		query(c, d, n);
		return;
	}
	if (!may_change(c, d, n))
		return;
	rest += !d->letters;
	err = d->config ? d->config(n, rest, why, sizeof(why)) : -EOPNOTSUPP;
	if (err)
		mconsole_fail(c, err, "%s%u: %s", d->name, n, why[0] ? why : arch_strerror(err));
}

static void cmd_remove(struct mconsole_call *c)
{
	char why[256] = "";
	struct mconsole_device *d;
	const char *rest;
	u32 n;
	int err;

	if (!strcmp(c->args, "mem")) {
		mconsole_fail(c, -EBUSY, "Memory doesn't support the remove operation");
		return;
	}
	d = find_device(c->args, &n, &rest);
	if (!d || *rest) {
		mconsole_fail(c, 1, "Bad remove option");
		return;
	}
	if (!may_change(c, d, n))
		return;
	err = d->remove ? d->remove(n, why, sizeof(why)) : -EOPNOTSUPP;
	if (err)
		mconsole_fail(c, err, "%s%u: %s", d->name, n, why[0] ? why : arch_strerror(err));
}

/* ---- inspection ---- */

/* Prints the records that the kernel has logged from number @seq on. */
static void copy_log(struct mconsole_call *c, u64 seq)
{
	static struct printk_record rec; /* owned by the thread */
	u64 end = printk_next_seq();

	while (seq < end && !printk_read(&seq, &rec)) {
		mconsole_write(c, rec.text, min((size_t)rec.len, sizeof(rec.text)));
		mconsole_write(c, "\n", 1);
	}
}

static void cmd_sysrq(struct mconsole_call *c)
{
	u64 seq = printk_next_seq();
	char key = *c->args ? *c->args : 'h';

	/* A sync would wait for the snapshot's end, which needs this thread. */
	if (key == 's' && snapshot_is_held()) {
		mconsole_fail(c, -EBUSY, "sysrq s: disks are held by a snapshot");
		return;
	}
	if (strchr("bco", key)) /* reply first: these keys end the instance */
		mconsole_end(c, 0);
	sysrq(key);
	copy_log(c, seq);
}

static void cmd_stack(struct mconsole_call *c)
{
	u64 seq = printk_next_seq(), pid;

	if (!*c->args || kstrtou64(c->args, 10, &pid) || !pid || pid > 0x7fffffff) {
		mconsole_fail(c, 1, "Please specify a pid");
		return;
	}
	if (task_kernel_stack((int)pid)) {
		mconsole_fail(c, 1, "Couldn't find that pid");
		return;
	}
	copy_log(c, seq);
}

static void cmd_log(struct mconsole_call *c)
{
	pr_info("%s\n", c->args);
}

static void cmd_ps(struct mconsole_call *c)
{
	size_t size = 256 << 10;
	char *text = kmalloc(size, GFP_KERNEL);

	if (!text) {
		mconsole_fail(c, -ENOMEM, "No memory for the table");
		return;
	}
	mconsole_write(c, text, tasks_table(text, size));
	kfree(text);
}

static void cmd_mem(struct mconsole_call *c)
{
	struct meminfo m;

	si_meminfo(&m);
	mconsole_print(c, "total %lu kB\nfree %lu kB\navailable %lu kB\ncached %lu kB\n",
		m.total * 4, m.free * 4, m.available * 4, m.cached * 4);
	mconsole_print(c, "anonymous %lu kB\nshared %lu kB\ndirty %lu kB\nslab %lu kB\n",
		m.anon * 4, m.shmem * 4, m.dirty * 4, m.slab * 4);
	mconsole_print(c, "page tables %lu kB\nkernel stacks %lu kB", m.page_tables * 4,
		m.kernel_stack * 4);
}

static struct mount *proc_mount(void)
{
	static struct mount *mnt; /* owned by the thread */
	struct file_system_type *type;

	if (!mnt) {
		type = get_fs_type("proc");
		mnt = type ? kern_mount(type) : ERR_PTR(-ENODEV);
	}
	return mnt;
}

/*
 * Prints a file of /proc, as the first process sees it. Refuses links that lead out of /proc, and
 * files whose reads would block.
 */
static void cmd_proc(struct mconsole_call *c)
{
	struct mount *mnt = proc_mount();
	static char buf[PAGE_SIZE]; /* owned by the thread */
	struct file *f;
	loff_t pos = 0;
	ssize_t n;

	if (!*c->args) {
		mconsole_fail(c, 1, "Please specify a file of /proc");
		return;
	}
	f = IS_ERR(mnt) ? ERR_CAST(mnt) : mount_open(mnt, c->args);
	if (IS_ERR(f)) {
		mconsole_fail(c, 1, "Failed to open file: %s", arch_strerror((int)PTR_ERR(f)));
		return;
	}
	n = kernel_read(f, buf, sizeof(buf), &pos);
	if (n < 0)
		mconsole_fail(c, 1, "Read of file failed: %s", arch_strerror((int)n));
	while (n > 0 && pos < (loff_t)PROC_MOST && !c->lost) {
		mconsole_write(c, buf, (size_t)n);
		n = kernel_read(f, buf, sizeof(buf), &pos);
	}
	fput_now(f);
}

/* ---- the table of commands ---- */

static void cmd_help(struct mconsole_call *c);

static const struct command {
	const char *name;
	void (*fn)(struct mconsole_call *c);
	const char *form, *help;
} commands[] = {
	{ "version", cmd_version, "", "Get kernel version" },
	{ "help", cmd_help, "", "Print this message" },
	{ "halt", cmd_halt, "", "Halt the instance: disks are synced, programs get no signal" },
	{ "reboot", cmd_reboot, "", "The same, and start again" },
	{ "config", cmd_config, " <dev>[=<config>]",
		"Add a device, with the command line's syntax; or query one" },
	{ "remove", cmd_remove, " <dev>", "Remove a device" },
	{ "sysrq", cmd_sysrq, " <letter>", "Performs the SysRq action controlled by the letter" },
	{ "cad", cmd_cad, "", "invoke the Ctrl-Alt-Del handler" },
	{ "signal", cmd_signal, " <n>", "sends init a signal, which it must handle" },
	{ "stop", cmd_stop, "", "pause: programs do nothing until a 'go'" },
	{ "go", cmd_go, "", "continue after a 'stop'" },
	{ "status", cmd_status, "", "returns 'stopped' after a 'stop', else 'running'" },
	{ "snapshot", mconsole_snapshot, " begin [<seconds>]|end [<id>]",
		"holds disks clean, so that their files can be copied: docs/block.md" },
	{ "state", cmd_state, " save|hold|rollback <dir>, place <parameter>",
		"saves the instance to a folder, or goes back to it" },
	{ "reset", cmd_reset, "", "attaches a reset server: docs/fuzzing.md" },
	{ "log", cmd_log, " <string>", "enter <string> into the kernel log" },
	{ "proc", cmd_proc, " <file>", "returns the contents of the guest's /proc/<file>" },
	{ "dmesg", cmd_dmesg, " [<seq>]", "returns the kernel log from a record on" },
	{ "trace", mconsole_trace, " calls|times|point|read|counts|points|off ...",
		"traces system calls and tracepoints: docs/debugging.md" },
	{ "perf", mconsole_perf, " start|stop|read|open|file|bytes ...",
		"the sampling profiler: docs/debugging.md" },
	{ "ps", cmd_ps, "", "returns a line for each process" },
	{ "mem", cmd_mem, "", "returns what the memory is used for" },
	{ "exec", cmd_exec, "", "a command in the instance, for `nestctl exec`: with descriptors" },
	{ "stack", cmd_stack, " <pid>", "returns where a task stands in the kernel" },
};

static void cmd_help(struct mconsole_call *c)
{
	mconsole_print(c, "Commands: \n");
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		mconsole_print(c, "    %s%s - %s \n", commands[i].name, commands[i].form,
			commands[i].help);
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

void mconsole_command(struct mconsole_call *c, char *text)
{
	size_t n = strlen(text), word;
	char *args;

	while (n && is_blank(text[n - 1]))
		text[--n] = 0;
	while (is_blank(*text))
		text++;
	word = strcspn(text, " \t\n\r");
	args = text + word;
	while (is_blank(*args))
		args++;
	c->args = args;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strlen(commands[i].name) == word && !strncmp(commands[i].name, text, word)) {
			commands[i].fn(c);
			return;
		}
	}
	mconsole_fail(c, 1, "Unknown command");
}
