/* SPDX-License-Identifier: MIT */
/*
 * watchdog.c: /dev/watchdog: a program that opens it must write to it regularly, or the instance
 * restarts (watchdog=panic: panics). The interface is that of linux/watchdog.h: a 'V' written
 * before the close stops the timer ("magic close"), otherwise it keeps running. A warning is logged
 * as long before the timeout as WDIOC_SETPRETIMEOUT sets.
 *
 * The timer runs at the boundaries of a vCPU. So it expires in a guest that hangs, even if it
 * computes, but not while the kernel loops on that vCPU.
 *
 * Locks: dog.lock protects the members of dog except the timers.
 */
#include <asm/errno.h>
#include <linux/major.h>
#include <linux/watchdog.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/timer.h"
#include "kernel/vfs/vfs.h"

#define WATCHDOG_MINOR 130
/* Linux assigns this number dynamically. */
#define WATCHDOG_MAJOR 252
#define DEFAULT_SECS 60
#define MAX_SECS 65535
#define SECOND 1000000000UL

static struct {
	spinlock_t lock;
	struct ktimer timer, warning;
	bool open, running, may_stop;
	int secs, pre; /* s; pre < secs, 0: no warning */
	u64 due;       /* ktime_get() at which it expires */
} dog = { .lock = SPINLOCK_INIT(watchdog_lock), .secs = DEFAULT_SECS };
static bool panics;

static int set_watchdog(const char *value)
{
	if (strcmp(value, "restart") && strcmp(value, "panic"))
		refuse("watchdog=%s: not restart or panic", value);
	panics = !strcmp(value, "panic");
	return 0;
}
PARAM("watchdog=", set_watchdog,
	"restart or panic: when no program writes to /dev/watchdog in time (restart)");

static void expired(struct ktimer *t)
{
	char text[80];

	scnprintf(text, sizeof(text), "watchdog: no write for %d s", dog.secs);
	if (trouble_ops)
		trouble_ops->hang(text);
	if (panics)
		panic("watchdog: no write for %d s", dog.secs);
	pr_crit("watchdog: watchdog0: no write for %d s: restarting\n", dog.secs);
	arch_reboot();
}

static void soon(struct ktimer *t)
{
	pr_crit("watchdog: watchdog0: pretimeout event: no write for %d s\n", dog.secs - dog.pre);
}

static void feed_locked(void)
{
	dog.due = ktime_get() + (u64)dog.secs * SECOND;
	timer_start(&dog.timer, dog.due);
	if (dog.pre)
		timer_start(&dog.warning, dog.due - (u64)dog.pre * SECOND);
	else
		timer_cancel(&dog.warning);
}

static void start_locked(void)
{
	dog.running = true;
	feed_locked();
}

static void stop_locked(void)
{
	dog.running = false;
	timer_cancel(&dog.timer);
	timer_cancel(&dog.warning);
}

static int dog_open(struct inode *inode, struct file *f)
{
	int err = -EBUSY;

	spin_lock(&dog.lock);
	if (!dog.open) {
		dog.open = true;
		dog.may_stop = false;
		start_locked();
		err = 0;
	}
	spin_unlock(&dog.lock);
	return err;
}

static int dog_release(struct inode *inode, struct file *f)
{
	bool goes_on;

	spin_lock(&dog.lock);
	goes_on = dog.running && !dog.may_stop;
	if (!goes_on)
		stop_locked();
	dog.open = false;
	spin_unlock(&dog.lock);
	if (goes_on)
		pr_crit("watchdog: watchdog0: watchdog did not stop!\n");
	return 0;
}

static ssize_t dog_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count;
	bool magic = false;
	char part[64];

	if (!n)
		return 0;
	while (from->count) {
		size_t now = min(from->count, sizeof(part));

		if (copy_from_iter(part, now, from) != now)
			return -EFAULT;
		magic = magic || memchr(part, 'V', now);
	}
	spin_lock(&dog.lock);
	dog.may_stop = magic;
	if (dog.running)
		feed_locked();
	spin_unlock(&dog.lock);
	return (ssize_t)n;
}

static long set_timeout(int secs)
{
	if (secs < 1 || secs > MAX_SECS)
		return -EINVAL;
	spin_lock(&dog.lock);
	dog.secs = secs;
	if (dog.pre >= secs)
		dog.pre = 0;
	if (dog.running)
		feed_locked();
	spin_unlock(&dog.lock);
	return 0;
}

/*
 * Sets how many seconds before the timeout the warning is logged. The timeout is counted from the
 * last write, and this call does not postpone it.
 */
static long set_warning(int secs)
{
	long err = -EINVAL;

	spin_lock(&dog.lock);
	if (secs >= 0 && secs < dog.secs) {
		dog.pre = secs;
		timer_cancel(&dog.warning);
		if (dog.running && secs)
			timer_start(&dog.warning, dog.due - (u64)secs * SECOND);
		err = 0;
	}
	spin_unlock(&dog.lock);
	return err;
}

static long set_options(int options)
{
	if (!(options & (WDIOS_DISABLECARD | WDIOS_ENABLECARD)))
		return -EINVAL;
	spin_lock(&dog.lock);
	if (options & WDIOS_DISABLECARD)
		stop_locked();
	if (options & WDIOS_ENABLECARD)
		start_locked();
	spin_unlock(&dog.lock);
	return 0;
}

static int time_left(void)
{
	u64 now = ktime_get(), due = READ_ONCE(dog.due);

	return due > now ? (int)((due - now) / SECOND) : 0;
}

static void feed(void)
{
	spin_lock(&dog.lock);
	if (dog.running)
		feed_locked();
	spin_unlock(&dog.lock);
}

static long dog_ioctl(struct file *f, u32 cmd, u64 arg)
{
	static const struct watchdog_info info = {
		.options = WDIOF_SETTIMEOUT | WDIOF_KEEPALIVEPING | WDIOF_MAGICCLOSE |
			   WDIOF_PRETIMEOUT,
		.identity = "Nestling Watchdog",
	};
	int value, now = READ_ONCE(dog.secs);
	long err;

	switch (cmd) {
	case WDIOC_GETSUPPORT: return copy_to_user(UADDR(arg), &info, sizeof(info)) ? -EFAULT : 0;
	case WDIOC_GETSTATUS:
	case WDIOC_GETBOOTSTATUS: return put_user((int)0, UADDR(arg));
	case WDIOC_SETOPTIONS: return get_user(value, UADDR(arg)) ? -EFAULT : set_options(value);
	case WDIOC_KEEPALIVE: feed(); return 0;
	case WDIOC_SETTIMEOUT:
		err = get_user(value, UADDR(arg)) ? -EFAULT : set_timeout(value);
		now = value;
		return err ? err : put_user(now, UADDR(arg));
	case WDIOC_GETTIMEOUT: return put_user(now, UADDR(arg));
	case WDIOC_GETTIMELEFT: return put_user(time_left(), UADDR(arg));
	case WDIOC_SETPRETIMEOUT:
		err = get_user(value, UADDR(arg)) ? -EFAULT : set_warning(value);
		now = value;
		return err ? err : put_user(now, UADDR(arg));
	case WDIOC_GETPRETIMEOUT: now = READ_ONCE(dog.pre); return put_user(now, UADDR(arg));
	case WDIOC_GETTEMP: return -EOPNOTSUPP; /* as Linux without a thermometer */
	}
	return -ENOTTY;
}

static const struct file_operations dog_fops = {
	.open = dog_open,
	.release = dog_release,
	.write_iter = dog_write,
	.ioctl = dog_ioctl,
};

static int watchdog_init(void)
{
	int err = register_chrdev(MISC_MAJOR, WATCHDOG_MINOR, 1, "misc", &dog_fops);

	timer_setup(&dog.timer, expired);
	timer_setup(&dog.warning, soon);
	if (!err)
		err = devtmpfs_create(
			"watchdog", S_IFCHR | 0600, MKDEV(MISC_MAJOR, WATCHDOG_MINOR));
	if (!err)
		err = register_chrdev(WATCHDOG_MAJOR, 0, 1, "watchdog", &dog_fops);
	if (!err)
		err = devtmpfs_create("watchdog0", S_IFCHR | 0600, MKDEV(WATCHDOG_MAJOR, 0));
	return err;
}
INITCALL(4, watchdog_init);
