/* SPDX-License-Identifier: MIT */
/*
 * ttylog.c: tty_log_fd=, tty_log_dir=: logs what programs read from terminals and write to them,
 * with times, for honeypots and courses. It covers lines and the slaves of pseudo terminals (the
 * shells of ssh and screen), before output processing and without echo. The records are User Mode
 * Linux's, of a 64-bit machine; docs/consoles.md has their layout.
 *
 * Locks: order, an innermost lock, so that times increase from record to record. The input of a
 * terminal and its output are each in order, since the reader or writer holds its mutex.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/console/ttylog_host.h"
#include "kernel/dev/tty.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/lost.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/state/state.h"

struct record {
	s32 what; /* TTY_LOG_* */
	u32 pad;
	u64 tty; /* the terminal's device number */
	s32 len; /* of the data that follow */
	s32 direction;
	u64 sec, usec;
};
BUILD_BUG_ON(sizeof(struct record) != 40);
#define SECOND 1000000000UL

static DEFINE_MUTEX(order);
static int log_fd = -1;    /* tty_log_fd= */
static char log_dir[1024]; /* tty_log_dir=, or "" */

static void add(struct tty_struct *tty, int what, int direction, const void *data, size_t n)
{
	static u32 warned;
	struct record r = {
		.what = what,
		.tty = tty->dev,
		.len = (s32)n,
		.direction = direction,
	};
	u64 now;
	int err;

	mutex_lock(&order);
	now = ktime_get_real();
	r.sec = now / SECOND;
	r.usec = now % SECOND / 1000;
	err = ttylog_host_add(tty->name, &r, sizeof(r), data, n);
	mutex_unlock(&order);
	if (err)
		note_lost("the log of terminals", n, err);
	if (err && !xchg(&warned, 1))
		pr_err("%s: the log of terminals is not complete: %s\n", tty->name,
			arch_strerror(err));
}

static const struct tty_log_ops ops = { .add = add };

static int set_fd(const char *s)
{
	u64 fd;
	int err = kstrtou64(s, 10, &fd) || fd > 1048575 ? -EINVAL : ttylog_host_fd((int)fd);

	if (err)
		refuse("tty_log_fd=%s: %s", s, arch_strerror(err));
	log_fd = (int)fd;
	tty_log_ops = &ops;
	return 0;
}
PARAM("tty_log_fd=", set_fd, "N: record input and output of terminals to a descriptor");

static int set_dir(const char *s)
{
	int err = strscpy(log_dir, s, sizeof(log_dir)) < 0 ? -ENAMETOOLONG : ttylog_host_dir(s);

	if (err)
		refuse("tty_log_dir=%s: %s", s, arch_strerror(err));
	tty_log_ops = &ops;
	return 0;
}
PARAM("tty_log_dir=", set_dir,
	"PATH: record input and output of each terminal to a file in a folder");

/*
 * Reopens the log after a restore. An instance must not continue without its log, so this may fail.
 */
static int rebuild(const char *dir, struct state_why *why)
{
	int err = log_fd < 0 ? 0 : ttylog_host_fd(log_fd);

	if (err)
		scnprintf(why->text, sizeof(why->text), "tty_log_fd=%d: %s", log_fd,
			arch_strerror(err));
	if (err || !log_dir[0])
		return err;
	err = ttylog_host_dir(log_dir);
	if (err)
		scnprintf(why->text, sizeof(why->text), "tty_log_dir=%.300s: %s", log_dir,
			arch_strerror(err));
	return err;
}

STATE_PART(ttylog_state) = {
	.name = "ttylog",
	.rebuild = rebuild,
};
