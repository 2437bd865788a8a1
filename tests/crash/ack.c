// SPDX-License-Identifier: MIT
/*
 * ack.c: a number that survives a crash, on a disk of its own that the host sees.
 *
 *	ack write DEVICE SLOT N		past all caches when it returns
 *	ack read DEVICE SLOT		prints it, 0 when there is none
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT 4096

struct ack {
	uint64_t n, check;
};

int main(int argc, char **argv)
{
	static struct ack sector[512 / sizeof(struct ack)] __attribute__((aligned(4096)));
	int write = argc == 5 && !strcmp(argv[1], "write");
	int fd = argc >= 4 ? open(argv[2], write ? O_RDWR | O_DIRECT : O_RDONLY) : -1;
	off_t at = fd < 0 ? 0 : atol(argv[3]) * SLOT;

	if (fd < 0)
		return 2;
	if (write) {
		sector->n = strtoull(argv[4], NULL, 10);
		sector->check = ~sector->n;
		return pwrite(fd, sector, sizeof(sector), at) != sizeof(sector) || fdatasync(fd);
	}
	if (pread(fd, sector, sizeof(sector), at) != sizeof(sector))
		return 1;
	printf("%llu\n", sector->check == ~sector->n ? (unsigned long long)sector->n : 0ULL);
	return 0;
}
