/* SPDX-License-Identifier: MIT */
/*
 * dmesg.c: the management console's "dmesg [SEQ]": prints the kernel log, each record as a line
 * "LEVEL SEQ MICROSECONDS TEXT".
 */
#include "drivers/mconsole/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/*
 * Prints records from SEQ (default 0) on, up to the last one at the time of the request: it does
 * not wait for new records.
 */
void cmd_dmesg(struct mconsole_call *c)
{
	static struct printk_record rec; /* owned by the thread */
	u64 end = printk_next_seq(), seq = 0;

	if (*c->args && kstrtou64(c->args, 10, &seq)) {
		mconsole_fail(c, 1, "Bad record number");
		return;
	}
	while (seq < end && !c->lost && !printk_read(&seq, &rec)) {
		mconsole_print(c, "%u %llu %llu ", rec.level & 7, (unsigned long long)rec.seq,
			(unsigned long long)(rec.ts_ns / 1000));
		mconsole_write(c, rec.text, min((size_t)rec.len, sizeof(rec.text)));
		mconsole_write(c, "\n", 1);
	}
}
