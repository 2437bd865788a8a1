/* SPDX-License-Identifier: MIT */
/*
 * ksyms.c: looks up functions in the table that mk/ksyms.awk generates. No locks: the table never
 * changes.
 */
#include "kernel/lib/ksyms.h"
#include "kernel/lib/string.h"

/*
 * Generated table, in ascending order: offset of each function from kernel_text_start, and offset
 * of its name in ksym_names.
 */
struct ksym {
	u32 offset;
	u32 name;
};
extern const struct ksym ksym_table[];
extern const u32 ksym_count;
extern const char ksym_names[];
/* From mk/kernel.lds. */
extern const char kernel_text_start[], kernel_text_end[];

const char *ksym_lookup(u64 addr, u64 *offset)
{
	u64 at = addr - (u64)kernel_text_start;
	u32 low = 0, high = ksym_count;

	if (addr < (u64)kernel_text_start || addr >= (u64)kernel_text_end)
		return NULL;
	/* Afterwards low is the first entry beyond the address. */
	while (low < high) {
		u32 mid = (low + high) / 2;

		if (ksym_table[mid].offset <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	*offset = at - ksym_table[low - 1].offset;
	return ksym_names + ksym_table[low - 1].name;
}

u64 ksym_address(const char *name)
{
	for (u32 i = 0; i < ksym_count; i++)
		if (!strcmp(ksym_names + ksym_table[i].name, name))
			return (u64)kernel_text_start + ksym_table[i].offset;
	return 0;
}

const char *ksym_nth(u32 n, u64 *addr)
{
	if (n >= ksym_count)
		return NULL;
	*addr = (u64)kernel_text_start + ksym_table[n].offset;
	return ksym_names + ksym_table[n].name;
}
