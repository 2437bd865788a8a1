/* SPDX-License-Identifier: MIT */
/*
 * elf_check.h: is this header, are these program headers something that we can map? Pure: a hostile
 * file gets no further.
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
	/* where the program headers are in memory; 0: in no segment */
	u64 phdr_vaddr;
	u32 nr_loads;
};

/* Checks that it is an ELF file for x86-64 with a sane table of program headers. 0 or -ENOEXEC. */
int elf_check_header(const Elf64_Ehdr *eh);
/*
 * Checks the segments: 0, -EINVAL (neither a program nor a shared object, nothing to load, or
 * senseless sizes) or -ENOMEM (beyond @task_size).
 */
int elf_check_segments(
	const Elf64_Ehdr *eh, const Elf64_Phdr *ph, u64 task_size, struct elf_extent *ext);

#endif
