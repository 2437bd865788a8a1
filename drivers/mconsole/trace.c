/* SPDX-License-Identifier: MIT */
/*
 * trace.c: the console's command "trace", which `nestctl trace` uses: sets what is traced, and
 * reads the trace.
 *
 *      trace calls|times|point|off ...    trace_control()
 *      trace read POSITION                a line "POSITION LOST", the position for the next read
 *                                         and the number of bytes overwritten unread, then lines
 *      trace counts                       the counts of "trace times"
 *      trace points                       the tracepoints
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "kernel/lib/string.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/mm.h"
#include "kernel/syscall/syscall.h"

#define PART 65536 /* maximum bytes of one reply */

static void read_ring(struct mconsole_call *c, const char *arg)
{
	char *buf = kmalloc(PART, GFP_KERNEL);
	u64 pos = ~0UL, lost;
	size_t n;

	if (!buf) {
		mconsole_fail(c, -ENOMEM, "no memory");
		return;
	}
	if (*arg && kstrtou64(arg, 10, &pos))
		pos = ~0UL;
	n = trace_read(&pos, buf, PART, &lost);
	mconsole_print(c, "%lu %lu\n", (unsigned long)pos, (unsigned long)lost);
	mconsole_write(c, buf, n);
	kfree(buf);
}

static void counts(struct mconsole_call *c)
{
	char line[200];
	int n;

	for (int i = 0; (n = trace_times_line(i, line, sizeof(line))) >= 0; i++)
		mconsole_write(c, line, (size_t)n);
}

static void points(struct mconsole_call *c)
{
	const char *name, *text;

	for (int i = 0; (name = trace_point_name(i, &text)); i++)
		mconsole_print(c, "%-8s %-3s %s\n", name,
			READ_ONCE(trace_points) & BIT(i) ? "on" : "off", text);
}

void mconsole_trace(struct mconsole_call *c)
{
	char text[MCONSOLE_DATA], why[100];
	int err;

	if (!strncmp(c->args, "read", 4)) {
		read_ring(c, c->args + 4 + (c->args[4] == ' '));
	} else if (!strcmp(c->args, "counts")) {
		counts(c);
	} else if (!strcmp(c->args, "points")) {
		points(c);
	} else {
		scnprintf(text, sizeof(text), "%s", c->args);
		err = trace_control(text, why, sizeof(why));
		if (err)
			mconsole_fail(c, err, "%s", why);
	}
}
