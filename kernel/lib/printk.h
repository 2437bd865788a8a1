/* SPDX-License-Identifier: MIT */
/*
 * printk.h: the kernel log. A ring buffer (read by dmesg, /dev/kmsg, syslog(2)) and the registered
 * consoles.
 *
 * printk may be called anywhere, with spinlocks held too. It appends lines to the ring under its
 * own lock and passes whole lines to the consoles. A call's text, with the two bytes of its KERN_
 * macro, is cut at 1001 bytes and always ends its line, even without a newline. Levels are Linux's,
 * one digit in the KERN_ macros.
 */
#ifndef NESTLING_LIB_PRINTK_H
#define NESTLING_LIB_PRINTK_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

#define KERN_EMERG "\0010"
#define KERN_ALERT "\0011"
#define KERN_CRIT "\0012"
#define KERN_ERR "\0013"
#define KERN_WARNING "\0014"
#define KERN_NOTICE "\0015"
#define KERN_INFO "\0016"
#define KERN_DEBUG "\0017"
#define KERN_DEFAULT KERN_WARNING

/*
 * Return the length of the uncut text, as snprintf() does. @fmt begins with a KERN_ macro, else the
 * level is KERN_DEFAULT.
 */
int printk(const char *fmt, ...) __printf(1, 2);
int vprintk(const char *fmt, va_list ap);
#define pr_crit(...) printk(KERN_CRIT __VA_ARGS__)
#define pr_err(...) printk(KERN_ERR __VA_ARGS__)
#define pr_warn(...) printk(KERN_WARNING __VA_ARGS__)
#define pr_notice(...) printk(KERN_NOTICE __VA_ARGS__)
#define pr_info(...) printk(KERN_INFO __VA_ARGS__)
#define pr_debug(...) printk(KERN_DEBUG __VA_ARGS__)

/* Owned by its driver, and in use from console_register() to console_unregister(). */
struct console {
	const char *name;
	/*
	 * Writes a line of @n bytes, which ends with a newline. Must not sleep. One call at a time,
	 * with no lock of printk.c held, but perhaps locks of the caller of printk().
	 */
	void (*write)(struct console *con, const char *s, size_t n);
	void *data;      /* for use by the driver */
	bool everything; /* gets messages of all levels */
	/* Changed only by the caller that has console_busy of printk.c. */
	struct list_head list;
};
/*
 * Registers a console, and writes the ring's existing lines to it. Neither function sleeps; both
 * spin until a write that is going on has ended, so a console's write must not call them.
 */
void console_register(struct console *con);
void console_unregister(struct console *con);

/*
 * Lines with a level below this number reach the consoles. Default 7; set by the parameters quiet
 * (4), debug (10) and loglevel=.
 */
extern int console_loglevel;

/*
 * A record of the ring, for syslog(2) and /dev/kmsg: one line without its newline. Records are
 * numbered from 0; the oldest are overwritten.
 */
struct printk_record {
	u64 seq;
	u64 ts_ns; /* since boot */
	/* The level in the low three bits, the facility above them. */
	u8 level;
	/* Length of @text without its terminator. */
	u16 len;
	char text[1024];
};
/*
 * Fetches the record with the lowest number >= *seq and sets *seq to the number after it. Returns
 * 0, or -EAGAIN if there is no such record yet.
 */
int printk_read(u64 *seq, struct printk_record *rec);
/* Return the number that the next record will get, and that of the oldest record in the ring. */
u64 printk_next_seq(void);
u64 printk_first_seq(void);
/*
 * True if lines were added since the last call. The only caller is the boundary (kernel/sched),
 * which then wakes up the readers on printk_wait.
 */
bool printk_take_wake(void);

/*
 * True if the caller may print a message that programs can provoke: kernel.printk_ratelimit_burst
 * of them per kernel.printk_ratelimit seconds (0: no limit), of all callers together. The first
 * caller after such a period logs the number of messages suppressed in it, under its own name
 * @func. Callable anywhere.
 */
bool printk_ratelimit(const char *func);
extern int sysctl_printk_ratelimit, sysctl_printk_ratelimit_burst;
/* Milliseconds by which printk() delays its caller for each message. */
extern int sysctl_printk_delay;

/* Seconds from a panic to a restart; 0: the process ends; negative: restarts at once. */
extern int panic_timeout;
/*
 * Reports a broken invariant: prints the text, a back-trace and the guest's state, and writes the
 * text to stderr. With core=on the process then ends with a core (panic_core_ops). Otherwise the
 * instance restarts if panic_timeout is not 0, or the process ends with status 2. Callable
 * anywhere. @fmt needs no level and no newline.
 */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/*
 * Ends a boot that cannot work, or an instance that has lost its processes on the host, with status
 * 1. Prints the text, which gives the reason, as one line on stderr.
 */
void refuse(const char *fmt, ...) __printf(1, 2) __noreturn;

/*
 * BUG_ON() panics if @c is true. WARN_ON_ONCE() logs only the first time at each place, and has the
 * value of @c.
 */
#define BUG_ON(c)                                                                                  \
	do {                                                                                       \
		if (unlikely(c))                                                                   \
			panic("BUG: %s at %s:%d", #c, __FILE__, __LINE__);                         \
	} while (0)
#define BUG() panic("BUG at %s:%d", __FILE__, __LINE__)
#define WARN_ON_ONCE(c)                                                                            \
	({                                                                                         \
		static bool warned_;                                                               \
		bool c_ = !!(c);                                                                   \
		if (unlikely(c_ && !warned_)) {                                                    \
			warned_ = true;                                                            \
			printk(KERN_WARNING "WARNING: %s at %s:%d\n", #c, __FILE__, __LINE__);     \
		}                                                                                  \
		c_;                                                                                \
	})
#define BUILD_BUG_ON(c) _Static_assert(!(c), #c)

#endif
