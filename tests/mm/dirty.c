/* SPDX-License-Identifier: MIT */
/*
 * dirty LIMIT: writes one byte to each page of a mapped file of 64 MiB, for tests/mm/dirty; prints
 * by how much Dirty and Writeback of /proc/meminfo exceeded LIMIT KiB.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (64UL << 20)
#define STEP 256 /* pages between two checks */

static long meminfo(const char *format)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[100];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f) && sscanf(line, format, &kb) != 1)
		;
	if (!f || kb < 0) {
		perror(format);
		exit(1);
	}
	fclose(f);
	return kb;
}

int main(int argc, char **argv)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	long limit = argc > 1 ? atol(argv[1]) : 0, most = 0, now;
	char *map;

	if (fd < 0 || ftruncate(fd, SIZE)) {
		perror("file");
		return 1;
	}
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (unsigned long page = 0; page < SIZE / 4096; page++) {
		map[page * 4096] = 1;
		if (page % STEP)
			continue;
		now = meminfo("Dirty: %ld") + meminfo("Writeback: %ld");
		if (now > most)
			most = now;
	}
	if (most > limit)
		printf("%ld KiB beyond the limit\n", most - limit);
	else
		puts("within the limit");
	return 0;
}
