/* SPDX-License-Identifier: MIT */
/*
 * reset.c: the kernel's side of the reset server (kernel/state/reset_abi.h): "reset" of the
 * management console, and /proc/nestling/reset.
 *
 * A thread controls the runs. It waits for the first read of the file, marks the machine at that
 * point, and rolls it back to the mark after each run. The state of a run in this file (a read
 * waits, an input was given, a record was written) is memory of the machine, so it is rolled back
 * too. The host's half has the state that must survive.
 *
 * Locks: none. The file can be open once, with one read or write at a time (busy). The thread and
 * the reader communicate by the variables below, and sleep on `wait`.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "drivers/mconsole/reset_host.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/debug/cover.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/state/reset_abi.h"
#include "kernel/state/state.h"
#include "kernel/vfs/file/file.h"

static DECLARE_WAIT_QUEUE_HEAD(wait);
static int irq = -1;
/* Not 0: the thread has to check for events. */
static u32 asked;
static bool attached, marked;
static u32 is_open, busy;
/*
 * reads: a read waits. given: an input of @len bytes is there for the read. runs: the read has
 * returned the input.
 */
static bool reads, given, runs;
static u32 len;
/* How the run ended. done: a record was written. died: the reader closed the file. */
static bool done, died;
static u32 record_len;
/* The writer's mm, if no other task uses that mm; or NULL. */
static struct mm *quiet;

static void ask(void)
{
	smp_store_release(&asked, 1);
	wake_up_all(&wait);
}

static void reset_irq(void *unused)
{
	ask();
}

/* Allows the next read or write to begin. */
static void leave(void)
{
	smp_store_release(&busy, 0);
	wake_up_all(&wait);
}

/* ---- the thread ---- */

/* Detaches the server, after waiting for a read or write that copies from or to its memory. */
static void detach(void)
{
	WRITE_ONCE(marked, false);
	runs = false;
	WRITE_ONCE(attached, false);
	wake_up_all(&wait);
	wait_event_idle(&wait, !xchg(&busy, 1));
	/* If the machine could not be rolled back, edges are still being counted. */
	if (cover_to(NULL, 0))
		synchronize_rcu();
	reset_host_detach();
	leave();
}

/* Rolls the machine back to the mark; returns only if that failed. */
static void go_back(void)
{
	struct state_why why;

	reset_host_goes_back();
	state_put_back(quiet, &why);
	pr_err("reset: the machine cannot be put back: %s\n", why.text);
}

static void refuse_server(const struct state_why *why)
{
	u32 max;
	char *record = reset_host_record(&max);
	u32 n = min((u32)strlen(why->text), max);

	memcpy(record, why->text, n);
	reset_host_record_is(n);
	reset_host_send(RESET_DEAD, RESET_DEAD_REFUSED);
	detach();
}

static void give(u32 n)
{
	if (!READ_ONCE(reads) || READ_ONCE(given))
		return;
	len = n;
	smp_store_release(&given, true);
	wake_up_all(&wait);
}

/* Checks for events. Returns true if the machine must be rolled back. */
static bool look(void)
{
	u32 n, op;

	if (READ_ONCE(done)) {
		reset_host_send(RESET_DONE, record_len);
		return true;
	}
	if (READ_ONCE(died)) {
		reset_host_record_is(0);
		reset_host_send(RESET_DEAD, RESET_DEAD_READER);
		return true;
	}
	while ((op = reset_host_hear(&n))) {
		if (op == RESET_END)
			return true;
		if (op == RESET_BACK && READ_ONCE(given))
			return true;
		if (op == RESET_RUN)
			give(n);
	}
	return false;
}

/* Waits for the first read. Returns false if the server disconnects before. */
static bool wait_for_read(void)
{
	u32 n;

	for (;;) {
		wait_event_idle(&wait, xchg(&asked, 0));
		while (reset_host_hear(&n))
			if (reset_host_ends())
				return false;
		if (READ_ONCE(reads))
			return true;
	}
}

static int server(void *unused)
{
	struct state_why why;
	int err;

	sched_setaffinity(current, 1);
	/* The program to be rolled back may have any priority. */
	sched_go_first(current);
	if (!wait_for_read()) {
		detach();
		return 0;
	}
	WRITE_ONCE(marked, true);
	err = state_mark(reset_host_ends, &why);
	if (err < 0) {
		refuse_server(&why);
		return 0;
	}
	/* The code from here runs once after the mark, and once after each rollback. */
	if (!reset_host_ends()) {
		reset_host_ready();
		do
			wait_event_idle(&wait, xchg(&asked, 0));
		while (!look());
		go_back();
	}
	detach();
	return 0;
}

void cmd_reset(struct mconsole_call *c)
{
	char why[200];
	int err;

	if (irq < 0)
		irq = irq_register("reset", reset_irq, NULL);
	if (irq < 0) {
		mconsole_fail(c, irq, "reset: no interrupt");
		return;
	}
	err = reset_host_attach(c->from, irq, why, sizeof(why));
	if (err) {
		mconsole_fail(c, err, "reset: %s", why);
		return;
	}
	asked = 1;
	WRITE_ONCE(attached, true);
	if (kthread_run(server, NULL, "reset"))
		return;
	detach();
	mconsole_fail(c, -ENOMEM, "reset: no memory");
}

bool mconsole_not_with_reset(struct mconsole_call *c, const char *what)
{
	if (!READ_ONCE(attached))
		return false;
	mconsole_fail(c, -EBUSY, "%s: a reset server is attached", what);
	return true;
}

/* ---- the file ---- */

static int reset_open(struct inode *inode, struct file *f)
{
	if (!READ_ONCE(attached))
		return -ENXIO;
	return xchg(&is_open, 1) ? -EBUSY : 0;
}

static int reset_release(struct inode *inode, struct file *f)
{
	if (READ_ONCE(marked)) {
		/* stays open until the machine is rolled back */
		WRITE_ONCE(died, true);
		ask();
	} else {
		smp_store_release(&is_open, 0);
	}
	return 0;
}

/*
 * Waits for an input. The mark is made during the first wait; after the mark only a fatal signal
 * ends the wait.
 */
static int wait_for_input(void)
{
	bool over = false;
	int err;

#define OVER (over = READ_ONCE(given) || !READ_ONCE(attached))
	err = wait_event_interruptible(&wait, OVER);
	if (err && !over && READ_ONCE(marked))
		err = wait_event_killable(&wait, OVER);
#undef OVER
	return err;
}

static ssize_t read_input(struct iov_iter *to)
{
	u32 counters;
	u8 *map;
	size_t n;
	int err;

	if (!READ_ONCE(attached) || READ_ONCE(runs))
		return READ_ONCE(runs) ? -EINVAL : -EIO;
	WRITE_ONCE(reads, true);
	ask();
	err = wait_for_input();
	WRITE_ONCE(reads, false);
	if (err)
		return err;
	if (!READ_ONCE(attached))
		return -EIO;
	runs = true;
	map = reset_host_cover(&counters);
	cover_to(map, counters);
	n = min((size_t)len, to->count);
	return copy_to_iter(reset_host_input(), n, to) == n ? (ssize_t)n : -EFAULT;
}

static ssize_t reset_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t n;

	if (xchg(&busy, 1))
		return -EBUSY;
	n = read_input(to);
	leave();
	return n;
}

static ssize_t write_record(struct iov_iter *from)
{
	u64 n = from->count;
	u32 max;
	void *record;

	if (!READ_ONCE(attached))
		return -EIO;
	record = reset_host_record(&max);
	if (n > max || !READ_ONCE(runs))
		return -EINVAL;
	if (copy_from_iter(record, n, from) != n)
		return -EFAULT;
	cover_to(NULL, 0);
	reset_host_record_is((u32)n);
	record_len = (u32)n;
	quiet = atomic_read(&current->mm->mm_users) == 1 ? current->mm : NULL;
	WRITE_ONCE(done, true);
	ask();
	return wait_event_killable(&wait, !READ_ONCE(attached)) ?: -EIO;
}

static ssize_t reset_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n;

	if (xchg(&busy, 1))
		return -EBUSY;
	n = write_record(from);
	leave();
	return n;
}

static const struct file_operations reset_fops = {
	.open = reset_open,
	.release = reset_release,
	.read_iter = reset_read,
	.write_iter = reset_write,
	.no_splice_read = true,
	.no_splice_write = true,
};

static int reset_init(void)
{
	return proc_create_fops("nestling/reset", 0600, &reset_fops);
}
INITCALL(5, reset_init);
