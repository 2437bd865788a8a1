/* SPDX-License-Identifier: MIT */
/*
 * physmem.c: the machine's memory, and the arena with the kernel world's own state.
 *
 * - physmem (region 0): a sparse memfd of mem= bytes, or the file of physmem=PATH, mapped whole at
 *   KERNEL_MAP_BASE. Spaces map pieces of that file.
 * - arena: a second memfd that holds the kernel world's data and bss (remapped at their link
 *   addresses) and the kernel stacks. Together with physmem it is all that a snapshot must save
 *   (Law 2).
 *
 * Interface: physmem_init(), arena_init() at boot; physmem_release() and physmem_next() for mm's
 * give-back.
 */
#include <asm/errno.h>
#include "arch/um/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define MEM_DEFAULT (1UL << 30)
#define MEM_MIN (16UL << 20)
#define MEM_MAX (KERNEL_MAP_SIZE / 2)

extern u8 __kdata_start[], __kbss_start[], __kdata_end[]; /* mk/image.lds */

pfn_t physmem_frames, physmem_boot_frames;
static u64 mem_size = MEM_DEFAULT, mem_max;
static const char *physmem_path;
static int physmem_file, arena_file; /* os handles */
/* per process; not part of a saved state */
const u64 *base_bits __machine;

static int set_mem(const char *value)
{
	if (kstrtosize(value, &mem_size))
		refuse("mem=%s: not a size (such as 512M)", value);
	if (mem_size < MEM_MIN)
		refuse("mem=%s: too small, %luM is the least", value, MEM_MIN >> 20);
	if (mem_size > MEM_MAX)
		refuse("mem=%s: too large", value);
	mem_size &= PAGE_MASK;
	return 0;
}
PARAM("mem=", set_mem, "SIZE: the guest's memory (1G)");

static int set_mem_max(const char *value)
{
	if (kstrtosize(value, &mem_max))
		refuse("mem-max=%s: not a size (such as 4G)", value);
	if (mem_max > MEM_MAX)
		refuse("mem-max=%s: too large", value);
	mem_max &= PAGE_MASK;
	return 0;
}
PARAM("mem-max=", set_mem_max,
	"SIZE: how far the guest's memory may be enlarged while it runs (as mem=)");

static int set_physmem(const char *value)
{
	if (!*value)
		refuse("physmem=: a path is missing");
	physmem_path = value;
	return 0;
}
PARAM("physmem=", set_physmem, "PATH: a file to hold the guest's memory, instead of host memory");

/* Counts the frames. Frames behind the first mem= bytes are unused at first. */
static void count_frames(void)
{
	if (mem_max && mem_max < mem_size)
		refuse("mem-max=%luM: less than mem=%luM", mem_max >> 20, mem_size >> 20);
	physmem_boot_frames = mem_size >> PAGE_SHIFT;
	mem_size = max(mem_max, mem_size);
	physmem_frames = mem_size >> PAGE_SHIFT;
}

void physmem_init(void)
{
	int file, err;

	count_frames();
	file = physmem_path ? os_mem_open(physmem_path, mem_size) :
			      os_mem_create("physmem", mem_size);

	if (file < 0 && physmem_path)
		refuse("physmem=%s: %s", physmem_path, os_strerror(file));
	if (file < 0)
		refuse("mem=%luM: %s", mem_size >> 20, os_why(file));
	physmem_file = file;
	err = os_mem_map(
		(void *)KERNEL_MAP_BASE, mem_size, OS_PROT_READ | OS_PROT_WRITE, file, 0, 0);
	if (err)
		refuse("mem=%luM: %s", mem_size >> 20, os_why(err));
}

static u64 kdata_size(void)
{
	return (u64)(__kdata_end - __kdata_start);
}

/* Makes the arena. The stacks follow the data in it, without their guards. */
void arena_init(void)
{
	u64 size = kdata_size() + KSTACK_WINDOW / 2;
	int err;

	arena_file = os_mem_create("arena", size);
	if (arena_file < 0)
		refuse("no memory for the kernel: %s", os_why(arena_file));
	err = os_mem_adopt(
		__kdata_start, kdata_size(), (u64)(__kbss_start - __kdata_start), arena_file, 0);
	if (err)
		refuse("the kernel's data cannot be mapped: %s", os_why(err));
}

int arena_map_stack(void *addr, u64 index)
{
	return os_mem_map(addr, KSTACK_SIZE, OS_PROT_READ | OS_PROT_WRITE, arena_file,
		arena_stack_offset(index), OS_MAP_REPLACE);
}

void physmem_describe(struct os_state *s, struct os_state_map *maps)
{
	s->file[0] = physmem_file;
	s->size[0] = mem_size;
	s->file[1] = arena_file;
	s->size[1] = kdata_size() + KSTACK_WINDOW / 2;
	s->nr_files = 2;
	maps[0] = (struct os_state_map){ .addr = KERNEL_MAP_BASE, .len = mem_size };
	maps[1] =
		(struct os_state_map){ .addr = (u64)__kdata_start, .len = kdata_size(), .file = 1 };
}

u64 arena_stack_offset(u64 index)
{
	return kdata_size() + index * KSTACK_SIZE;
}

bool physmem_is_private(void)
{
	return !physmem_path;
}

void physmem_restored(const int *files)
{
	physmem_file = files[0];
	arena_file = files[1];
	base_bits = os_base();
	physmem_set_pieces(0);
}

void physmem_marked(void)
{
	base_bits = os_base();
	physmem_set_pieces(0);
}

/*
 * Returns the first frame in [pfn, end) that is in the state's file (@is true) or is not in it (@is
 * false), or @end if there is none.
 */
static pfn_t next_in_base(pfn_t pfn, pfn_t end, bool is)
{
	while (pfn < end && physmem_in_base(pfn) != is)
		pfn++;
	return pfn;
}

int physmem_take(pfn_t pfn, u64 n)
{
	pfn_t end = pfn + n;
	int pieces;

	if (likely(!base_bits) || pfn >= physmem_frames)
		return 0;
	pfn = next_in_base(pfn, end, true);
	if (pfn == end)
		return 0;
	pieces = os_base_take(pfn, end - pfn);
	if (pieces >= 0)
		physmem_set_pieces((u32)pieces);
	return min(pieces, 0);
}

int physmem_handle(void)
{
	return physmem_file;
}

int physmem_release(pfn_t pfn, u64 n)
{
	int err = base_bits ? os_base_drop(pfn, n) : 0;

	return err ? err : os_mem_punch(physmem_file, pfn << PAGE_SHIFT, n << PAGE_SHIFT);
}

/* Touches a byte first, since the host does not enlarge a range without backed pages. */
int physmem_enlarge(pfn_t pfn, u64 n)
{
	u8 *p = (u8 *)(KERNEL_MAP_BASE + (pfn << PAGE_SHIFT));

	if (physmem_path)
		return -EOPNOTSUPP;
	WRITE_ONCE(*p, READ_ONCE(*p));
	return os_mem_enlarge(p, n << PAGE_SHIFT);
}

/*
 * Does what physmem_next() does, for the memory file alone. If the host's file system does not
 * report holes, all frames count as data.
 */
static pfn_t next_in_file(pfn_t pfn, pfn_t end, bool data)
{
	s64 off = data ? os_mem_next_data(physmem_file, pfn << PAGE_SHIFT) :
			 os_mem_next_hole(physmem_file, pfn << PAGE_SHIFT);

	if (off < 0)
		return data ? pfn : end;
	return min((pfn_t)off >> PAGE_SHIFT, end);
}

/* A frame in the file of a state counts as backed. */
pfn_t physmem_next(pfn_t pfn, pfn_t end, bool data)
{
	if (likely(!base_bits))
		return next_in_file(pfn, end, data);
	if (data)
		return min(next_in_base(pfn, end, true), next_in_file(pfn, end, true));
	for (;;) {
		pfn_t hole = next_in_base(pfn, end, false);

		pfn = next_in_file(hole, end, false);
		if (pfn == hole || pfn >= end)
			return pfn;
	}
}

/* Sets vec for frames that the host has swapped out: they are backed, though not in its memory. */
static void note_swapped(pfn_t pfn, pfn_t end, u8 *vec)
{
	pfn_t next = physmem_next(pfn, end, true);

	while (next < end) {
		pfn_t stop = physmem_next(next, end, false);

		memset(vec + (next - pfn), 1, stop - next);
		next = stop < end ? physmem_next(stop, end, true) : end;
	}
}

/*
 * Sets vec for backed frames. With a file on a disk (physmem=), every frame counts as backed,
 * because the host may drop pages that are not zeros. Otherwise costs one host call, and one more
 * for each run of pages that are not in memory.
 */
void physmem_backed(pfn_t pfn, u64 n, u8 *vec)
{
	if (physmem_path || os_mem_incore((void *)(KERNEL_MAP_BASE + (pfn << PAGE_SHIFT)),
				    n << PAGE_SHIFT, vec)) {
		memset(vec, 1, n);
		return;
	}
	for (u64 i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !vec[end] == !vec[i]; end++)
			;
		if (!vec[i])
			note_swapped(pfn + i, pfn + end, vec + i);
	}
	for (u64 i = 0; base_bits && i < n; i++)
		vec[i] |= physmem_in_base(pfn + i);
}

u64 physmem_host_free(void)
{
	struct os_mem_info info;

	return os_mem_info(&info) ? 0 : info.host_free;
}

/* ---- other services of the host ---- */

void arch_early_write(const char *s, size_t n)
{
	os_write_stderr(s, n);
}

void arch_note_lost(void)
{
	os_note_lost();
}

const char *arch_strerror(int err)
{
	return os_strerror(err);
}
