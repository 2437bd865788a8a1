/* SPDX-License-Identifier: MIT */
/*
 * mem.c: memory files and their mappings in the kernel process. Addresses are always fixed: the
 * address map is arch/um/layout.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/internal.h"

#define PAGE_BYTES 4096
#define PRESENT_MAX 512

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* Returns a handle for @fd after setting its size; closes @fd on an error. */
static int sized_handle(int fd, uint64_t size)
{
	int h;

	if (ftruncate(fd, size)) {
		h = os_refused("ftruncate", errno);
		goto err_close;
	}
	h = os_handle_add(fd);
	if (h < 0)
		goto err_close;
	return h;
err_close:
	close(fd);
	return h;
}

/*
 * Guests execute from the memfd, so it must not be sealed against execution. Hosts without MFD_EXEC
 * refuse the flag.
 */
int os_mem_create(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC);
	return fd < 0 ? os_refused("memfd_create", errno) : sized_handle(fd, size);
}

int os_mem_open(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	if (host_fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	err = posix_fallocate(fd, 0, size);
	if (err) {
		close(fd);
		return -err;
	}
	return sized_handle(fd, size);
}

static int host_prot(int prot)
{
	return (prot & OS_PROT_READ ? PROT_READ : 0) | (prot & OS_PROT_WRITE ? PROT_WRITE : 0) |
	       (prot & OS_PROT_EXEC ? PROT_EXEC : 0);
}

int os_mem_map(void *addr, size_t len, int prot, int file, uint64_t off, unsigned flags)
{
	int fd = file == -1 ? -1 : os_handle_fd(file);
	int mflags = file == -1 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	void *p;

	if (file != -1 && fd < 0)
		return fd;
	mflags |= flags & OS_MAP_REPLACE ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	mflags |= flags & OS_MAP_POPULATE ? MAP_POPULATE : 0;
	p = mmap(addr, len, host_prot(prot), mflags, fd, off);
	if (p == MAP_FAILED)
		return os_refused("mmap", errno);
	/* the host ignored MAP_FIXED_NOREPLACE */
	if (p != addr) {
		munmap(p, len);
		return -EEXIST;
	}
	if (file != -1)
		madvise(addr, len, MADV_DONTDUMP);
	return 0;
}

int os_mem_unmap(void *addr, size_t len)
{
	return munmap(addr, len) ? -errno : 0;
}

int os_mem_protect(void *addr, size_t len, int prot)
{
	return mprotect(addr, len, host_prot(prot)) ? -errno : 0;
}

/* Reads the entries of /proc/PID/pagemap for @n pages from address @va on. Returns 0 or -errno. */
static int read_pagemap(int pid, uint64_t va, uint32_t n, uint64_t *entries)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = host_pread(
		fd, entries, n * sizeof(*entries), (off_t)(va / PAGE_BYTES * sizeof(*entries)));
	close(fd);
	return got == (ssize_t)(n * sizeof(*entries)) ? 0 : -EIO;
}

/* True if pagemap shows which pages exist. The page of this function's stack frame exists. */
static bool pagemap_is_true(void)
{
	uint64_t entry;

	return !read_pagemap(getpid(), (uintptr_t)&entry, 1, &entry) && entry >> 62;
}

/* Writes a page to the file, unless it is all zero. Returns 0 or -errno. */
static int adopt_page(const char *page, int file, uint64_t off)
{
	static const char zeros[PAGE_BYTES];
	long n = memcmp(page, zeros, PAGE_BYTES) ? os_file_pwrite(file, page, PAGE_BYTES, off) : 0;

	return n < 0 ? (int)n : 0;
}

/*
 * Writes the @n <= PRESENT_MAX pages from @from on to the file, but leaves pages that are all zero
 * as holes. @fresh: a page is zero if it is neither present nor swapped out. Such a page is not
 * read, since the read would be a fault of the host. Returns 0 or -errno.
 */
static int adopt_pages(const char *from, uint32_t n, bool fresh, int file, uint64_t off)
{
	uint64_t entries[PRESENT_MAX];
	bool known =
		fresh && pagemap_is_true() && !read_pagemap(getpid(), (uintptr_t)from, n, entries);
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++)
		if (!known || entries[i] >> 62)
			err = adopt_page(from + i * PAGE_BYTES, file, off + i * PAGE_BYTES);
	return err;
}

int os_mem_adopt(void *addr, size_t len, size_t given, int file, uint64_t off)
{
	size_t n = len / PAGE_BYTES, fresh = (given + PAGE_BYTES - 1) / PAGE_BYTES, i = 0;
	int err = 0;

	while (i < n && !err) {
		size_t end = i < fresh && fresh < n ? fresh : n;
		size_t part = end - i < PRESENT_MAX ? end - i : PRESENT_MAX;

		err = adopt_pages((const char *)addr + i * PAGE_BYTES, (uint32_t)part, i >= fresh,
			file, off + i * PAGE_BYTES);
		i += part;
	}
	if (err)
		return err;
	return os_mem_map(addr, len, OS_PROT_READ | OS_PROT_WRITE, file, off, OS_MAP_REPLACE);
}

uint64_t os_mem_punches;

int os_mem_punch(int file, uint64_t off, uint64_t len)
{
	int fd = os_handle_fd(file);

	if (fd < 0)
		return fd;
	__atomic_fetch_add(&os_mem_punches, 1, __ATOMIC_RELAXED);
	early_punched(file, off, len);
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len) ? -errno : 0;
}

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

int os_mem_enlarge(void *addr, size_t len)
{
	int err = madvise(addr, len, MADV_COLLAPSE) ? -errno : 0;

	/*
	 * The host refuses an empty range only if it does not know the advice: before Linux 6.1, or
	 * without large pages.
	 */
	if (err == -EINVAL && madvise(addr, 0, MADV_COLLAPSE))
		err = -EOPNOTSUPP;
	return err;
}

static int64_t seek(int file, uint64_t off, int whence)
{
	int fd = os_handle_fd(file);
	off_t pos;

	if (fd < 0)
		return fd;
	pos = lseek(fd, off, whence);
	if (pos < 0 && errno == ENXIO)
		return os_file_size(file);
	return pos < 0 ? -errno : pos;
}

int64_t os_mem_next_data(int file, uint64_t off)
{
	return seek(file, off, SEEK_DATA);
}

int64_t os_mem_next_hole(int file, uint64_t off)
{
	return seek(file, off, SEEK_HOLE);
}

int os_mem_incore(void *addr, size_t len, unsigned char *vec)
{
	size_t n = len / 4096;

	if (mincore(addr, len, vec) < 0)
		return -errno;
	for (size_t i = 0; i < n; i++)
		vec[i] &= 1;
	return 0;
}

/* ---- what a process has in its page table ---- */

int os_pagemap(int pid, uint64_t va, uint32_t n, uint8_t *vec)
{
	uint64_t buf[PRESENT_MAX];
	int err = n > PRESENT_MAX ? -EINVAL : read_pagemap(pid, va, n, buf);

	if (err)
		return err;
	for (uint32_t i = 0; i < n; i++)
		vec[i] = buf[i] >> 63;
	return 0;
}

/*
 * Maps two resident pages again and writes to the first. True if the second has not entered the
 * page table with it.
 */
static int try_touch(int fd)
{
	volatile char *one = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *two;
	uint8_t there[2] = { 0, 1 };
	int tells = 0;

	if (one == MAP_FAILED)
		return 0;
	one[0] = one[4096] = 1;
	two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (two != MAP_FAILED) {
		two[0] = 1;
		tells = !os_pagemap(getpid(), (uintptr_t)two, 2, there) && there[0] && !there[1];
		munmap((void *)two, 8192);
	}
	munmap((void *)one, 8192);
	return tells;
}

int os_mem_reports_touched(void)
{
	int fd = memfd_create("trial", MFD_CLOEXEC), tells;

	if (fd < 0)
		return 0;
	tells = !ftruncate(fd, 8192) && try_touch(fd);
	close(fd);
	return tells;
}

/* Returns the number that @format, for sscanf(3), finds in a line of @path; else @otherwise. */
static uint64_t proc_number(const char *path, const char *format, uint64_t otherwise)
{
	char line[256];
	unsigned long long v = otherwise;
	FILE *f = fopen(path, "re");

	if (!f)
		return otherwise;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, format, &v) == 1)
			break;
	fclose(f);
	return v;
}

int os_mem_info(struct os_mem_info *info)
{
	info->host_total = proc_number("/proc/meminfo", "MemTotal: %llu", 0) * 1024;
	info->host_free = proc_number("/proc/meminfo", "MemAvailable: %llu", 0) * 1024;
	info->max_maps = proc_number("/proc/sys/vm/max_map_count", "%llu", 65530);
	return info->host_total ? 0 : -ENOENT;
}
