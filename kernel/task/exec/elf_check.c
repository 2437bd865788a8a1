/* SPDX-License-Identifier: MIT */
/*
 * elf_check.c: checks every sum of an ELF file's values for overflow, so that the loader need not
 * check. Formats: System V ABI, chapter 5, and its x86-64 supplement. tests/unit/elf_check.c.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/task/exec/elf_check.h"

int elf_check_header(const Elf64_Ehdr *eh)
{
	/* Linux checks no other byte of e_ident. */
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	if (eh->e_machine != EM_X86_64 || eh->e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	if (eh->e_phnum < 1 || eh->e_phnum > ELF_MAX_PHDRS)
		return -ENOEXEC;
	return 0;
}

/*
 * Checks a PT_LOAD header. @task_size: end of the user address space, in bytes. Returns 0 or
 * -errno.
 */
static int check_load(const Elf64_Phdr *ph, u64 task_size)
{
	u64 end;

	if (ph->p_filesz > ph->p_memsz)
		return -EINVAL;
	if (check_add_overflow(ph->p_vaddr, ph->p_memsz, &end) || end > task_size)
		return -ENOMEM;
	if (!ph->p_filesz)
		return 0;
	if (check_add_overflow(ph->p_offset, ph->p_filesz, &end) || end > (1UL << 62))
		return -EINVAL;
	/*
	 * Address and offset must be equal modulo the page size, or the segment cannot be mapped.
	 */
	if ((ph->p_vaddr ^ ph->p_offset) & (PAGE_SIZE - 1))
		return -EINVAL;
	return 0;
}

static bool power_of_two(u64 v)
{
	return v && !(v & (v - 1));
}

int elf_check_segments(
	const Elf64_Ehdr *eh, const Elf64_Phdr *ph, u64 task_size, struct elf_extent *ext)
{
	*ext = (struct elf_extent){ .start = ~0UL, .align = PAGE_SIZE };
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return -EINVAL;
	for (u32 i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *p = &ph[i];
		int err;

		if (p->p_type != PT_LOAD)
			continue;
		err = check_load(p, task_size);
		if (err)
			return err;
		if (!p->p_memsz)
			continue;
		ext->nr_loads++;
		ext->start = min(ext->start, p->p_vaddr & PAGE_MASK);
		ext->end = max(ext->end, PAGE_ALIGN(p->p_vaddr + p->p_memsz));
		if (power_of_two(p->p_align) && p->p_align <= (1UL << 30))
			ext->align = max(ext->align, (u64)p->p_align);
		if (p->p_offset <= eh->e_phoff && eh->e_phoff - p->p_offset < p->p_filesz)
			ext->phdr_vaddr = eh->e_phoff - p->p_offset + p->p_vaddr;
	}
	return ext->nr_loads ? 0 : -EINVAL;
}
