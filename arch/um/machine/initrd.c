/* SPDX-License-Identifier: MIT */
/* initrd.c: the archive of initrd=, mapped from the host's file so that it uses no guest memory. */
#include <asm/errno.h>
#include "arch/um/internal.h"
#include "kernel/lib/printk.h"

static const char *initrd_path;
static size_t mapped;

static int set_initrd(const char *value)
{
	if (!*value)
		refuse("initrd=: a path is missing");
	initrd_path = value;
	return 0;
}
PARAM("initrd=", set_initrd,
	"PATH: a cpio archive (plain, gzip, zstd or xz) to be unpacked as the first root");

const void *arch_initrd(size_t *size)
{
	int file, err;
	s64 n;

	if (!initrd_path)
		return NULL;
	file = os_file_open(initrd_path, OS_READ);
	n = file < 0 ? file : os_file_size(file);
	if (n < 0)
		refuse("initrd=%s: %s", initrd_path, os_strerror((int)n));
	if (!n)
		refuse("initrd=%s: the file is empty", initrd_path);
	err = os_mem_map((void *)INITRD_BASE, PAGE_ALIGN((size_t)n), OS_PROT_READ, file, 0, 0);
	if (err)
		refuse("initrd=%s: %s", initrd_path, os_strerror(err));
	os_file_close(file);
	mapped = PAGE_ALIGN((size_t)n);
	*size = (size_t)n;
	return (const void *)INITRD_BASE;
}

void arch_initrd_free(void)
{
	if (mapped)
		os_mem_unmap((void *)INITRD_BASE, mapped);
	mapped = 0;
}

bool initrd_is_mapped(void)
{
	return mapped != 0;
}
