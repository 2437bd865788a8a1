/* SPDX-License-Identifier: MIT */
/*
 * initrd.c: the initial archive of an instance, in memory: cpio's "newc" format (a header of
 * thirteen hexadecimal fields of eight digits after the magic 070701, then name and data, each
 * padded to four bytes; the end is an entry TRAILER!!!).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

/* The built-in init, embedded by init_blob.S. */
extern const char init_start[], init_end[];

/* Pads @size bytes to a multiple of 4. */
static void pad(int fd, size_t size)
{
	write_all(fd, "\0\0\0", -size & 3, "initrd");
}

/* Adds an entry in the format "newc" of cpio. */
static void add_node(int fd, const char *name, mode_t mode, const void *data, size_t size,
	unsigned int major, unsigned int minor)
{
	static unsigned int ino;
	const unsigned int length = strlen(name) + 1;
	char *header = format("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ++ino,
		mode, 0, 0, 1, 0, (unsigned int)size, 0, 0, major, minor, length, 0);

	write_all(fd, header, 110, "initrd");
	write_all(fd, name, length, "initrd");
	pad(fd, 110 + length);
	write_all(fd, data, size, "initrd");
	pad(fd, size);
	free(header);
}

static void add_devices(int fd)
{
	add_node(fd, "dev", S_IFDIR | 0755, "", 0, 0, 0);
	add_node(fd, "dev/console", S_IFCHR | 0600, "", 0, 5, 1);
	for (unsigned int i = 0; i < 6; i++)
		add_node(fd, format("dev/tty%u", i), S_IFCHR | 0600, "", 0, 4, i);
	add_node(fd, "dev/ubda", S_IFBLK | 0600, "", 0, 98, 0);
}

int initrd_make(const char *job, size_t size, const struct agent *agent)
{
	int fd = memfd_create("initrd", 0);

	if (fd < 0)
		die("memfd: %s", strerror(errno));
	add_node(fd, "init", S_IFREG | 0755, init_start, init_end - init_start, 0, 0);
	add_devices(fd);
	if (agent)
		add_node(fd, "agent", S_IFREG | 0755, agent->start,
			(size_t)(agent->end - agent->start), 0, 0);
	if (job)
		add_node(fd, "job", S_IFREG | 0600, job, size, 0, 0);
	add_node(fd, "TRAILER!!!", 0, "", 0, 0, 0);
	return fd;
}
