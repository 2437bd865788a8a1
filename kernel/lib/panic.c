/* SPDX-License-Identifier: MIT */
/*
 * panic.c: refuse() and panic(), the two ways in which the kernel stops with an error.
 *
 * refuse() is called by a boot that cannot work: it writes one line to stderr and exits with 1.
 * panic() is called if an invariant is broken: it writes details to the log and the consoles, and
 * the reason in one line to stderr. Then it leaves a core, or restarts, or exits with 2. A panic
 * during another panic, on any vCPU, skips the log and the consoles.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

static u32 panicking;
/* kernel.panic: seconds until a restart; 0: exit 2; negative: restart at once */
int panic_timeout;
const struct panic_core_ops *panic_core_ops;
const struct trouble_ops *trouble_ops;

static int set_panic(const char *value)
{
	s64 v;

	if (kstrtos64(value, 10, &v) || v != (int)v)
		refuse("panic=%s: not a number of seconds", value);
	panic_timeout = (int)v;
	return 0;
}
PARAM("panic=", set_panic, "SECONDS: start again so long after a panic (0: end with status 2)");

/*
 * Handles oops=. A fault in kernel code always panics: a task killed in the middle of kernel code
 * would leave locks held.
 */
static int set_oops(const char *value)
{
	if (strcmp(value, "panic"))
		refuse("oops=%s: only oops=panic, which is always so", value);
	return 0;
}
PARAM("oops=", set_oops, "panic: an oops is a panic (always in force)");

/*
 * Restarts the instance after panic_timeout seconds, at once if negative. Returns if panic_timeout
 * is 0. Other vCPUs keep running meanwhile.
 */
static void restart_after_panic(void)
{
	u32 word = 0;

	if (!panic_timeout)
		return;
	/* Count seconds on the host: the guest's clock may be stopped. */
	for (int i = 0; i < panic_timeout; i++)
		arch_futex_wait(&word, 0, 1000000000);
	arch_reboot();
}

static void say(const char *what, const char *text)
{
	char line[600];
	int n = scnprintf(line, sizeof(line), "nestling: %s%s", what, text);

	while (n && line[n - 1] == '\n')
		n--;
	line[n++] = '\n';
	arch_early_write(line, (size_t)n);
}

void panic(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!xchg(&panicking, 1)) {
		if (console_loglevel < 7)
			console_loglevel = 7;
		printk(KERN_EMERG "Kernel panic: %s\n", text);
		arch_dump_stack();
	}
	say("panic: ", text);
	if (trouble_ops)
		trouble_ops->panic(text);
	if (panic_core_ops)
		panic_core_ops->leave();
	restart_after_panic();
	arch_power_off(2);
}

void refuse(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say("", text);
	arch_power_off(1);
}
