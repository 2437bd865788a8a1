/* SPDX-License-Identifier: MIT */
/*
 * notes.c: /sys/kernel/notes: the ELF notes of the kernel's own image, unchanged. They include the
 * build ID, by which perf and similar tools find the file with its symbols, build/nestling.
 */
#include <linux/elf.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/sysfs.h"

extern const u8 __executable_start[]; /* the ELF header, loaded with the image */

static int show_notes(struct seq *s, void *arg)
{
	const struct elf64_hdr *h = (const void *)__executable_start;
	const struct elf64_phdr *p = (const void *)(__executable_start + h->e_phoff);

	for (u32 i = 0; i < h->e_phnum; i++)
		if (p[i].p_type == PT_NOTE)
			seq_write(s, (const void *)p[i].p_vaddr, p[i].p_memsz);
	return 0;
}

int sysfs_add_notes(void)
{
	return sysfs_create("kernel/notes", show_notes, NULL);
}
