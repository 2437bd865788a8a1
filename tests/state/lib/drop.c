/* SPDX-License-Identifier: MIT */
/*
 * drop.c: a save that is abandoned while its worker has not begun: os_state_drop() waits, and then
 * neither a descriptor nor a file is left. Linked with os-linux/state; the rest of the host world
 * is replaced here.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/os.h"
#include "os-linux/state/tables.h"
#include "os-linux/why.h"
#include "tests/state/lib/clocks.h"

#define LATE_US 100000
#define SIZE (1 << 20)

char **os_argv;
uint64_t os_mem_punches;
static pthread_t thread;
static void (*wanted)(void *arg);

static void *late(void *arg)
{
	usleep(LATE_US);
	wanted(arg);
	return NULL;
}

int os_worker_start(const char *name, void (*fn)(void *arg), void *arg)
{
	wanted = fn;
	return -pthread_create(&thread, NULL, late, arg);
}

int os_sleep_until(uint64_t deadline)
{
	usleep((useconds_t)(deadline / 1000));
	return 0;
}

int os_handle_fd(int file)
{
	return file;
}

int os_mem_info(struct os_mem_info *info)
{
	memset(info, 0, sizeof(*info));
	return 0;
}

int os_cpuinfo(struct os_cpuinfo *info)
{
	memset(info, 0, sizeof(*info));
	return 0;
}

uint64_t os_cgroup_memory_room(void)
{
	return UINT64_MAX;
}

const uint64_t *os_base(void)
{
	return NULL;
}

const struct state_tables *state_restored(void)
{
	return NULL;
}

static int count(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int fd = memfd_create("memory", 0), before, files;
	struct os_state s = { .file = { fd }, .size = { SIZE }, .nr_files = 1, .nr_maps = 1 };
	struct os_state_map map = { .len = SIZE };
	void *at;

	if (argc < 2 || fd < 0 || ftruncate(fd, SIZE))
		return 2;
	at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return 2;
	memset(at, 1, SIZE / 2);
	map.addr = (uint64_t)(uintptr_t)at;
	s.map = &map;
	before = count("/proc/self/fd");
	files = count(argv[1]);
	if (os_state_prepare(argv[1], &s) != -EINPROGRESS)
		return 2;
	os_state_drop();
	pthread_join(thread, NULL);
	printf("%d descriptors, %d files are left\n", count("/proc/self/fd") - before,
		count(argv[1]) - files);

	/* the next save begins anew */
	if (os_state_prepare(argv[1], &s) != -EINPROGRESS)
		return 2;
	pthread_join(thread, NULL);
	printf("the next one: %d, %d file\n", os_state_prepare(argv[1], &s),
		count(argv[1]) - files);
	os_state_drop();
	printf("%d descriptors, %d files are left\n", count("/proc/self/fd") - before,
		count(argv[1]) - files);
	return 0;
}
