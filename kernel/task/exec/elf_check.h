/* SPDX-License-Identifier: MIT */
/*
 * elf_check.h: checks the header and the program headers of an ELF file before it is mapped. Pure:
 * it reads no file and no memory of a guest, so that a unit test can cover hostile input.
 */
#ifndef NESTLING_TASK_ELF_CHECK_H
#define NESTLING_TASK_ELF_CHECK_H

#include <linux/elf.h>

#include "kernel/lib/types.h"

#define ELF_MAX_PHDRS (65536 / sizeof(Elf64_Phdr))

/* The address range that the PT_LOAD segments of a file need; addresses as in the file. */
struct elf_extent {
	u64 start, end; /* page-aligned; end exclusive */
	u64 align;      /* largest p_align, at least a page */
	/* Address of the program headers in memory; 0: no segment contains them. */
	u64 phdr_vaddr;
	u32 nr_loads;
};

/*
 * Checks that the file is ELF for x86-64 and that its table of program headers has a valid size.
 * Returns 0 or -ENOEXEC.
 */
int elf_check_header(const Elf64_Ehdr *eh);
/*
 * Checks the segments and fills in @ext. Returns 0, -EINVAL (neither a program nor a shared object,
 * nothing to load, or invalid sizes) or -ENOMEM (beyond @task_size).
 */
int elf_check_segments(
	const Elf64_Ehdr *eh, const Elf64_Phdr *ph, u64 task_size, struct elf_extent *ext);

#endif
