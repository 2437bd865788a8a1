/* SPDX-License-Identifier: MIT */
/*
 * vdso.c: finds the symbols of the host's vdso, an ELF image. Only symbols with an address count;
 * versions are ignored.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "os-linux/internal.h"

struct image {
	const char *base;
	const Elf64_Sym *symbols;
	const char *names;
	size_t count;
	uint64_t size; /* bytes that are loaded */
};

/* Addresses in the vdso's dynamic section are offsets: it is linked at 0. */
static void read_dynamic(struct image *im, const Elf64_Dyn *d)
{
	for (; d->d_tag != DT_NULL; d++) {
		const char *p = im->base + d->d_un.d_ptr;

		if (d->d_tag == DT_SYMTAB)
			im->symbols = (const Elf64_Sym *)p;
		else if (d->d_tag == DT_STRTAB)
			im->names = p;
	}
}

/* Finds the tables. The number of symbols is in the section headers, not in the dynamic section. */
static int read_image(struct image *im)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Phdr *ph;
	const Elf64_Shdr *sh;

	if (!eh)
		return -ENOENT;
	im->base = (const char *)eh;
	ph = (const Elf64_Phdr *)(im->base + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			read_dynamic(im, (const Elf64_Dyn *)(im->base + ph[i].p_offset));
		else if (ph[i].p_type == PT_LOAD)
			im->size = ph[i].p_vaddr + ph[i].p_filesz;
	sh = (const Elf64_Shdr *)(im->base + eh->e_shoff);
	for (int i = 0; i < eh->e_shnum; i++)
		if (sh[i].sh_type == SHT_DYNSYM)
			im->count = sh[i].sh_size / sizeof(Elf64_Sym);
	return im->symbols && im->names && im->count ? 0 : -ENOENT;
}

/*
 * True if the vdso reads the clock in user mode. With any other clock source it makes a system
 * call, which would look like a call of the guest.
 */
static int clock_in_user_mode(void)
{
	static const char *const good[] = { "tsc", "kvm-clock", "hyperv_clocksource_tsc_page" };
	char name[64] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
	int known;

	if (!f)
		return 0;
	known = fgets(name, sizeof(name), f) != NULL;
	fclose(f);
	name[strcspn(name, "\n")] = 0;
	for (size_t i = 0; known && i < sizeof(good) / sizeof(good[0]); i++)
		if (!strcmp(name, good[i]))
			return 1;
	return 0;
}

long os_vdso_function(const char *name)
{
	struct image im = { 0 };

	if (!clock_in_user_mode() || read_image(&im))
		return -ENOENT;
	for (size_t i = 0; i < im.count; i++)
		if (im.symbols[i].st_value && !strcmp(im.names + im.symbols[i].st_name, name))
			return im.symbols[i].st_value;
	return -ENOENT;
}

size_t os_vdso_read(uint64_t offset, void *buf, size_t n)
{
	struct image im = { 0 };

	if (read_image(&im) || offset >= im.size)
		return 0;
	if (n > im.size - offset)
		n = im.size - offset;
	memcpy(buf, im.base + offset, n);
	return n;
}
