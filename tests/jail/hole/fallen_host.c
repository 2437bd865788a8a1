/* SPDX-License-Identifier: MIT */
/*
 * fallen_host.c: the memory of the planted hole, and the warnings of a build that has it. The
 * memory is mapped by a constructor, so it is there after a boot and after a restore, and always
 * before the jail closes: later the jail admits no mapping with PROT_EXEC.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/jail/hole/fallen_host.h"

static void *hole_memory;

void *fallen_host_memory(void)
{
	return hole_memory;
}

uint64_t fallen_host_run(uint64_t at)
{
	uint64_t (*fn)(void *) = (uint64_t(*)(void *))((char *)hole_memory + at);

	return fn(hole_memory);
}

static void __attribute__((constructor)) hole_begin(int argc, char **argv)
{
	bool version = argc > 1 && !strcmp(argv[1], "--version");

	fprintf(version ? stdout : stderr,
		"nestling: MODE=fallen: THIS BUILD HAS A PLANTED HOLE. Root of the guest runs any "
		"code in the kernel process, by /proc/nestling/fallen. It is for tests of the jail "
		"only.\n");
	fflush(stdout);
	hole_memory = mmap(NULL, FALLEN_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hole_memory != MAP_FAILED)
		return;
	hole_memory = NULL;
	perror("nestling: MODE=fallen: the host maps no memory to write and execute");
}
