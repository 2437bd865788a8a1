/* SPDX-License-Identifier: MIT */
/*
 * elf_check.c: headers that must be refused, and ten thousand random headers that must do no harm.
 * SOURCES: kernel/task/exec/elf_check.c kernel/lib/string.c
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/task/exec/elf_check.h"
#include "unit.h"

#define TOP 0x7ffffffff000UL

static Elf64_Ehdr eh;
static Elf64_Phdr ph[4];
static struct elf_extent ext;

static void good(void)
{
	memset(&eh, 0, sizeof(eh));
	memset(ph, 0, sizeof(ph));
	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_type = ET_DYN;
	eh.e_machine = EM_X86_64;
	eh.e_phoff = sizeof(eh);
	eh.e_phentsize = sizeof(Elf64_Phdr);
	eh.e_phnum = 2;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_filesz = 0x1234,
		.p_memsz = 0x1234,
		.p_align = 0x1000 };
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = 0x1234,
		.p_vaddr = 0x2234,
		.p_filesz = 0x100,
		.p_memsz = 0x3000,
		.p_align = 0x200000 };
}

static int segments(void)
{
	return elf_check_segments(&eh, ph, TOP, &ext);
}

static void accepts_a_good_file(void **state)
{
	good();
	assert_int_equal(elf_check_header(&eh), 0);
	assert_int_equal(segments(), 0);
	assert_int_equal(ext.nr_loads, 2);
	assert_int_equal(ext.start, 0);
	assert_int_equal(ext.end, 0x6000);
	assert_int_equal(ext.align, 0x200000);
	assert_int_equal(ext.phdr_vaddr, sizeof(eh));
}

static void refuses_foreign_headers(void **state)
{
	good();
	eh.e_ident[0] = 0;
	assert_int_equal(elf_check_header(&eh), -ENOEXEC);
	good();
	eh.e_machine = 3; /* i386 */
	assert_int_equal(elf_check_header(&eh), -ENOEXEC);
	good();
	eh.e_phentsize = 32;
	assert_int_equal(elf_check_header(&eh), -ENOEXEC);
	good();
	eh.e_phnum = 0;
	assert_int_equal(elf_check_header(&eh), -ENOEXEC);
	good();
	eh.e_phnum = ELF_MAX_PHDRS + 1;
	assert_int_equal(elf_check_header(&eh), -ENOEXEC);
}

static void refuses_bad_segments(void **state)
{
	good();
	ph[0].p_filesz = ph[0].p_memsz + 1;
	assert_int_equal(segments(), -EINVAL);
	good();
	ph[1].p_vaddr = ~0UL & PAGE_MASK;
	ph[1].p_offset = 0;
	assert_int_equal(segments(), -ENOMEM);
	good();
	ph[1].p_memsz = TOP;
	assert_int_equal(segments(), -ENOMEM);
	good();
	ph[1].p_offset = ~0UL - 0xdcb; /* congruent; the end overflows */
	assert_int_equal(segments(), -EINVAL);
	good();
	ph[1].p_vaddr += 8; /* not congruent to the offset */
	assert_int_equal(segments(), -EINVAL);
	ph[1].p_filesz = 0; /* no file bytes */
	assert_int_equal(segments(), 0);
	good();
	eh.e_type = ET_REL;
	assert_int_equal(segments(), -EINVAL);
	good();
	ph[1].p_filesz = ph[1].p_memsz = 0; /* empty, at an invalid address */
	ph[1].p_vaddr = 1UL << 60;
	assert_int_equal(segments(), -ENOMEM);
	good();
	ph[0].p_type = ph[1].p_type = PT_NULL;
	assert_int_equal(segments(), -EINVAL);
}

/* Random headers that are accepted satisfy what the loader relies on. */
static void random_segments(void **state)
{
	for (int round = 0; round < 10000; round++) {
		good();
		eh.e_phnum = 4;
		for (int i = 0; i < 4; i++) {
			u64 *words = (u64 *)&ph[i];

			for (size_t w = 1; w < sizeof(ph[i]) / 8; w++)
				if (fake_random() & 1)
					words[w] = ((u64)fake_random() << 32 | fake_random()) >>
						   (fake_random() % 64);
			ph[i].p_type = PT_LOAD;
		}
		if (segments())
			continue;
		assert_true(ext.start < ext.end && ext.end <= PAGE_ALIGN(TOP));
		for (int i = 0; i < 4; i++) {
			if (!ph[i].p_memsz)
				continue;
			assert_true(ph[i].p_vaddr >= ext.start);
			assert_true(ph[i].p_vaddr + ph[i].p_memsz <= ext.end);
			assert_true(ph[i].p_filesz <= ph[i].p_memsz);
		}
	}
}

UNIT_MAIN(cmocka_unit_test(accepts_a_good_file), cmocka_unit_test(refuses_foreign_headers),
	cmocka_unit_test(refuses_bad_segments), cmocka_unit_test(random_segments))
