/* SPDX-License-Identifier: MIT */
/*
 * mmap_orders: which error mmap(2), mprotect(2), mremap(2), madvise(2) and remap_file_pages(2)
 * report if several apply, and what smaps shows of areas. The host's release may differ, so the
 * host's side prints the answers of Linux 6.12.
 */
#include "guest.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#define MAP_SYNC_ 0x80000
#define NOREPLACE 0x100000
#define MAP(addr, len, prot, flags, fd, off)                                                       \
	({                                                                                         \
		void *m_ = mmap(addr, len, prot, flags, fd, off);                                  \
		m_ == MAP_FAILED ? -1 : 0;                                                         \
	})

static char *win;
static int rw, ro;

static void mapping(void)
{
	struct statfs s;

	NEED(MAP(win, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	G(MAP(win, PAGE, PROT_READ, NOREPLACE, rw, 0), "-1 EEXIST");
	G(MAP(win, PAGE, PROT_READ, MAP_FIXED, rw, 0), "-1 EINVAL");
	G(MAP(win + 100, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED, ro, 0), "-1 EINVAL");
	G(MAP(win, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED, ro, 0), "-1 EACCES");
	G(MAP(win, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_GROWSDOWN, ro, 0), "-1 EACCES");
	G(MAP(win, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_GROWSDOWN, rw, 0), "-1 EINVAL");
	NEED(fstatfs(rw, &s));
	if (s.f_type == EXT4_SUPER_MAGIC && in_guest()) {
		if (!MAP(win, PAGE, PROT_READ, MAP_PRIVATE | MAP_SYNC_, rw, 0) ||
			errno != EOPNOTSUPP)
			say("MAP_SYNC on a disk: %s", t_errno(errno));
	}
	NEED(munmap(win, PAGE));
}

static void others(void)
{
	G(mprotect(win, PAGE, PROT_READ | PROT_GROWSUP), "-1 ENOMEM");
	NEED(MAP(win, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	G(mprotect(win, PAGE, PROT_READ | PROT_GROWSUP), "-1 EINVAL");
	G((long)mremap(win + PAGE, PAGE, 100, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, win + 8 * PAGE),
		"-1 EFAULT");
	G((long)mremap(win, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, win), "-1 EINVAL");
	G((long)mremap(win, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, win + 1), "-1 EINVAL");
	G(mremap(win, PAGE, 100, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
		  win + 8 * PAGE) == win + 8 * PAGE,
		"1");
	NEED(munmap(win, PAGE));
	NEED(MAP(win + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	G(madvise(win, 2 * PAGE, MADV_REMOVE), "-1 EINVAL");
	NEED(MAP(win + PAGE, PAGE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	G(madvise(win, 2 * PAGE, MADV_POPULATE_READ), "-1 ENOMEM");
	G(madvise(win + PAGE, PAGE, MADV_POPULATE_READ), "-1 EINVAL");
	NEED(MAP(win, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, rw,
		100 * PAGE)); /* beyond the end */
	G(madvise(win, 2 * PAGE, MADV_POPULATE_READ), "-1 EFAULT");
	NEED(MAP(win, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0));
	G(remap_file_pages(win, PAGE, 0, 1, 0), "-1 EINVAL");
	NEED(MAP(win, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, rw, 0));
	G(remap_file_pages(win, PAGE, 0, 1, 0), "0");
	NEED(munmap(win, 16 * PAGE));
}

/* Returns the flags of the area at win. */
static const char *flags(void)
{
	static char line[512];
	bool here = false;
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-'))
			here = start == (unsigned long)win;
		if (here && !strncmp(line, "VmFlags:", 8)) {
			fclose(f);
			line[strcspn(line, "\n")] = 0;
			return line;
		}
	}
	return "none";
}

static void shown(void)
{
	NEED(MAP(win, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0));
	GT(flags(), "VmFlags: rd mr me ms ");
	NEED(MAP(win, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, rw, 0));
	GT(flags(), "VmFlags: rd sh mr mw me ms ");
	NEED(madvise(win, PAGE, MADV_MERGEABLE)); /* of nobody's own */
	GT(flags(), "VmFlags: rd sh mr mw me ms ");
	NEED(MAP(win, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_FIXED, -1, 0));
	GT(flags(), "VmFlags: rd mr mw me nh ");
	NEED(MAP(win, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_SYNC_ | MAP_FIXED, -1, 0));
	GT(flags(), "VmFlags: rd mr mw me sf ");
}

TEST(mmap_orders)
{
	rw = NEED(open("f", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(rw, 10 * PAGE));
	ro = NEED(open("f", O_RDONLY));
	win = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(munmap(win, 64 * PAGE));
	win += 16 * PAGE;
	mapping();
	others();
	shown();
}
