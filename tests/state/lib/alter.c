/* SPDX-License-Identifier: MIT */
/*
 * alter.c: changes a saved state to one that no guest saves. Age corrects the checksum of the
 * header; set changes content, which the header's checksum does not cover.
 *
 *	alter MEMORY age SECONDS	makes the state look older by SECONDS
 *	alter MEMORY set ADDRESS VALUE BYTES	gives the kernel's variable of BYTES bytes this
 *						value; ADDRESS is hexadecimal
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "os-linux/state/file.h"

static int fd;
static struct state_header h;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void age(uint64_t seconds)
{
	h.real -= seconds * 1000000000;
	h.header_crc = 0;
	h.header_crc = (uint32_t)crc32(0, (const void *)&h, sizeof(h));
	if (pwrite(fd, &h, sizeof(h), 0) != sizeof(h))
		fail("header");
}

/* Writes the first @n bytes of @value at an address of the kernel, whose page must have content. */
static void set(uint64_t addr, uint64_t value, size_t n)
{
	struct state_map m;

	for (uint32_t i = 0; i < h.nr_maps; i++) {
		if (pread(fd, &m, sizeof(m), (off_t)(h.tables_at + i * sizeof(m))) != sizeof(m))
			fail("tables");
		if (m.file < 0 || addr < m.addr || addr - m.addr >= m.len)
			continue;
		if (pwrite(fd, &value, n, (off_t)(m.at + (addr - m.addr))) != (ssize_t)n)
			fail("content");
		return;
	}
	fprintf(stderr, "%#llx is in no map\n", (unsigned long long)addr);
	exit(1);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h))
		fail(argv[1]);
	if (!strcmp(argv[2], "age"))
		age(strtoull(argv[3], NULL, 0));
	else
		set(strtoull(argv[3], NULL, 16), strtoull(argv[4], NULL, 0), (size_t)atoi(argv[5]));
	return 0;
}
