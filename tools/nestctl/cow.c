/* SPDX-License-Identifier: MIT */
/*
 * cow.c: copy-on-write layers in User Mode Linux's format, version 3: `nestctl cow create` and `info`, and cow_init() for
 * the disposable layer of `nestctl run`.
 *
 * On disk, big-endian: magic "OOOM", version, the backing file's mtime (32 bits), its size (64), sector size, alignment,
 * format (all 32), the backing file's name (4096 bytes); at the next multiple of the alignment a bitmap, one bit a
 * sector, set where the layer holds it; at the next multiple the data, each sector at its own offset.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/nestctl.h"

#define COW_MAGIC 0x4f4f4f4d
#define COW_VERSION 3
#define COW_SECTOR 512
#define COW_ALIGN 4096

struct cow_header {
	uint32_t magic;
	uint32_t version;
	uint32_t mtime;
	uint64_t size;
	uint32_t sectorsize;
	uint32_t alignment;
	uint32_t cow_format;
	char backing_file[4096];
} __attribute__((packed));

_Static_assert(sizeof(struct cow_header) == 0x20 + 4096, "UML's header, version 3");

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t data_offset(uint64_t size)
{
	uint64_t bits = (size + COW_SECTOR - 1) / COW_SECTOR;

	return align_up(align_up(sizeof(struct cow_header), COW_ALIGN) + (bits + 7) / 8, COW_ALIGN);
}

void cow_init(int fd, const char *backing)
{
	struct cow_header *h = xalloc(sizeof(*h));
	char *path = realpath(backing, NULL);
	struct stat st;

	if (!path || stat(path, &st))
		die("%s: %s", backing, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s: not an image file", backing);
	if (strlen(path) >= sizeof(h->backing_file))
		die("%s: the path is too long", path);
	h->magic = htobe32(COW_MAGIC);
	h->version = htobe32(COW_VERSION);
	h->mtime = htobe32((uint32_t)st.st_mtime);
	h->size = htobe64(st.st_size);
	h->sectorsize = htobe32(COW_SECTOR);
	h->alignment = htobe32(COW_ALIGN);
	strcpy(h->backing_file, path);
	write_all(fd, h, sizeof(*h), "the copy-on-write layer");
	if (ftruncate(fd, data_offset(st.st_size) + st.st_size))
		die("the copy-on-write layer: %s", strerror(errno));
	free(path);
	free(h);
}

static int cow_create(const char *file, const char *backing)
{
	int fd = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	cow_init(fd, backing);
	return close(fd);
}

static uint64_t count_sectors(int fd, uint64_t size)
{
	uint64_t left = (size / COW_SECTOR + 7) / 8,
		 at = align_up(sizeof(struct cow_header), COW_ALIGN), n = 0;
	unsigned char buf[65536];

	while (left) {
		ssize_t got = pread(fd, buf, left < sizeof(buf) ? left : sizeof(buf), at);

		if (got <= 0)
			die("the layer is cut short");
		for (ssize_t i = 0; i < got; i++)
			n += __builtin_popcount(buf[i]);
		at += got;
		left -= got;
	}
	return n;
}

static int cow_info(const char *file)
{
	struct cow_header h;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	if (read(fd, &h, sizeof(h)) != sizeof(h) || be32toh(h.magic) != COW_MAGIC ||
		be32toh(h.version) != COW_VERSION)
		die("%s: not a COW layer of version 3", file);
	uint64_t size = be64toh(h.size), sectors = count_sectors(fd, size);

	printf("backing file %.4096s\nsize         %llu MiB\nchanged      %.1f MiB\n",
		h.backing_file, (unsigned long long)size >> 20, sectors / 2048.0);
	return close(fd);
}

int cow_command(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "create"))
		return cow_create(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "info"))
		return cow_info(argv[2]);
	die("usage: nestctl cow create FILE BACKING | info FILE");
}
