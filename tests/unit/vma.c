/* SPDX-License-Identifier: MIT */
/*
 * vma.c: compares mmap, munmap and mprotect with a plain array that has the expected rights of each
 * page. Areas stay sorted, merged and counted, and page tables free their frames. There is no
 * space: fakes record what it would map.
 * SOURCES: kernel/mm/frame/buddy.c kernel/mm/frame/page_alloc.c kernel/mm/frame/page.c
 * SOURCES: kernel/mm/frame/region.c kernel/mm/frame/slab.c kernel/mm/vma.c kernel/mm/mmap.c
 * SOURCES: kernel/mm/brk.c kernel/mm/mprotect.c
 * SOURCES: kernel/mm/mremap.c kernel/mm/commit.c kernel/mm/mm.c kernel/mm/zap.c
 * SOURCES: kernel/mm/fault/fault.c kernel/mm/fault/fault_count.c kernel/mm/fault/prefault.c
 * SOURCES: kernel/mm/fault/anon.c kernel/mm/fault/cow.c
 * SOURCES: kernel/mm/mseal.c kernel/mm/swap/swap.c kernel/mm/swap/swap_in.c kernel/mm/fork.c
 * SOURCES: kernel/mm/frame/sibling.c kernel/mm/gup.c kernel/mm/stats.c arch/um/machine/pmap.c
 * SOURCES: arch/um/machine/pmap_table.c arch/um/machine/pmap_image.c kernel/lib/rbtree.c
 * SOURCES: kernel/lib/string.c kernel/lib/vsprintf.c
 */
#include <asm/mman.h>
#include <linux/mman.h>

#include "unit.h"
#include "frames.h"
#include "arch/um/patch/patch.h"
#include "kernel/mm/fault/fault.h"
#include "os-linux/os.h"
#include "skas/skas.h"
#include "gen/syscalls.h"

const struct mm_file_ops *mm_file_ops;

/* ---- fakes ---- */

u64 arch_task_size(void)
{
	return 1UL << 46;
}
void arch_random(void *buf, size_t n)
{
	memset(buf, 0x12, n);
}
const u64 *base_bits;
pfn_t physmem_frames;
int physmem_take(pfn_t pfn, u64 n)
{
	return 0;
}
void physmem_wait_for_merge(void)
{
}
void physmem_backed(pfn_t pfn, u64 n, u8 *vec)
{
	memset(vec, 1, n);
}
bool userfault_check(struct vm_area *v, u64 addr, pte_t e, u32 flags)
{
	return false;
}
int userfault_wait(struct vm_area *v, u64 addr, u32 flags, bool user)
{
	return 0;
}
int owed_wait(struct vm_area *v, u64 addr)
{
	return 0;
}
int uffd_note_unmap(struct mm *mm, u64 start, u64 end)
{
	return 0;
}
int uffd_note_remap(struct vm_area *v, struct vm_area *copy, u64 from, u64 len)
{
	return 0;
}
int uffd_note_fork(struct vm_area *from, struct vm_area *v)
{
	return 0;
}
void uffd_drop_events(struct mm *mm)
{
}
void mmap_write_unlock(struct mm *mm)
{
	up_write(&mm->mmap_lock);
}
u64 nr_dirty_pages(void)
{
	return 0;
}
u64 nr_writeback_pages(void)
{
	return 0;
}
u64 nr_direct_pages(void)
{
	return 0;
}
bool much_is_dirty(void)
{
	return false;
}
void balance_dirty_pages(struct address_space *m)
{
}
u64 nr_lru_pages(bool active)
{
	return 0;
}
int file_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	return -EIO;
}
void file_map_resident(struct vm_area *v, u64 start, u64 end)
{
}
struct page *find_get_page(struct address_space *m, u64 index)
{
	return NULL;
}
int shared_write_fault(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info)
{
	return -EIO;
}
int os_mem_info(struct os_mem_info *info)
{
	return -ENOSYS;
}

void ldt_install(const struct ldt *l, struct space *space)
{
}

int arch_ldt_fork(struct mm *new, struct mm *old)
{
	return 0;
}

void arch_ldt_free(struct mm *m)
{
}

int arch_patch_fork(struct mm *new, struct mm *old)
{
	return 0;
}
void arch_patch_free(struct mm *m)
{
}
void arch_patch_forget(struct mm *m, u64 start, u64 end)
{
}
bool patch_find_shadow(struct mm *m, u64 start, pfn_t pfn, u64 *va, u64 end, pfn_t *shadow)
{
	return false;
}
bool patch_lost_shadow(struct mm *m)
{
	return false;
}
u64 patch_next_shadow(struct mm *m, u64 va)
{
	return ~0UL;
}

/* A fake space: records for each page of a window the frame that is mapped, and its rights. */
#define WINDOW 0x10000000UL
#define PAGES 256
static struct {
	u64 off;
	int prot;
	bool mapped;
} host[PAGES];

static u32 slot_of(u64 va)
{
	return va >= WINDOW && va < WINDOW + PAGES * PAGE_SIZE ? (va - WINDOW) >> PAGE_SHIFT : ~0U;
}
static struct space_image image;
struct space *space_get_like(int cpu, u64 key)
{
	return (struct space *)host;
}
struct space_image *space_image(struct space *s)
{
	return &image;
}
u32 space_kin(int cpu, u64 key, struct space_run *run, u32 max)
{
	return 0;
}
void space_put(struct space *s)
{
}
void os_state_note(u64 off, u64 len)
{
}

int space_map(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate)
{
	for (u64 i = 0; i < len; i += PAGE_SIZE)
		if (slot_of(va + i) != ~0U) {
			host[slot_of(va + i)].off = off + i;
			host[slot_of(va + i)].prot = prot;
			host[slot_of(va + i)].mapped = true;
		}
	return 0;
}
int space_map_ahead(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate)
{
	return space_map(s, va, len, prot, region, off, populate);
}
int space_unmap(struct space *s, u64 va, u64 len)
{
	for (u32 i = 0; i < PAGES; i++)
		if (WINDOW + i * PAGE_SIZE >= va && WINDOW + i * PAGE_SIZE < va + len)
			host[i].mapped = false;
	return 0;
}
int space_protect(struct space *s, u64 va, u64 len, int prot)
{
	for (u64 i = 0; i < len; i += PAGE_SIZE)
		if (slot_of(va + i) != ~0U) {
			assert_true(host[slot_of(va + i)].mapped);
			host[slot_of(va + i)].prot = prot;
		}
	return 0;
}
int space_flush(struct space *s)
{
	return 0;
}
bool space_dead(const struct space *s)
{
	return false;
}
u32 space_nr_maps(const struct space *s)
{
	return 10;
}

/* ---- tests ---- */

static struct mm *mm;

static int setup(void **state)
{
	struct task *t = current;

	if (frames_setup(state))
		return -1;
	vma_cache = kmem_cache_create("vma", sizeof(struct vm_area), 0);
	if (mm_cache_init())
		return -1;
	mm = mm_alloc();
	t->mm = mm;
	return mm ? 0 : -1;
}

static u64 map_fixed(struct mm *m, u64 page, u64 n, int prot)
{
	return do_mmap(m, NULL, WINDOW + page * PAGE_SIZE, n * PAGE_SIZE, prot,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
}

static void check_sorted(struct mm *m)
{
	struct vm_area *v, *prev = NULL;
	u32 n = 0;
	u64 pages = 0;

	list_for_each_entry(v, &m->mmap_list, vm_list) {
		assert_true(v->vm_start < v->vm_end);
		if (prev) {
			assert_true(prev->vm_end <= v->vm_start);
			assert_false(vma_can_merge(prev, v));
		}
		assert_ptr_equal(find_vma(m, v->vm_start), v);
		assert_ptr_equal(find_vma(m, v->vm_end - 1), v);
		pages += vma_pages(v);
		prev = v;
		n++;
	}
	assert_int_equal(n, m->map_count);
	assert_int_equal(pages, m->total_vm);
}

/* Checks that the space maps what the page table's entries say, with no more rights. */
static void check_space(struct mm *m)
{
	for (u32 i = 0; i < PAGES; i++) {
		pte_t *e = pmap_pte(&m->pmap, WINDOW + i * PAGE_SIZE, false);

		if (!host[i].mapped) {
			assert_false(e && *e & PTE_MAPPED);
			continue;
		}
		assert_true(e && *e & PTE_MAPPED);
		assert_int_equal(host[i].off, pte_pfn(*e) << PAGE_SHIFT);
		if (host[i].prot & OS_PROT_WRITE)
			assert_true(*e & PTE_RW);
		if (host[i].prot)
			assert_true(*e & PTE_P);
	}
}

static void test_merge(void **state)
{
	u32 before = mm->map_count;

	assert_int_equal(map_fixed(mm, 0, 10, PROT_READ | PROT_WRITE), WINDOW);
	assert_int_equal(map_fixed(mm, 10, 10, PROT_READ | PROT_WRITE), WINDOW + 10 * PAGE_SIZE);
	assert_int_equal(mm->map_count, before + 1);
	assert_int_equal(sys_mprotect(WINDOW + 5 * PAGE_SIZE, 5 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm->map_count, before + 3);
	assert_int_equal(
		sys_mprotect(WINDOW + 5 * PAGE_SIZE, 5 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm->map_count, before + 1);
	assert_int_equal(do_munmap(mm, WINDOW + 3 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(mm->map_count, before + 2);
	assert_int_equal(do_munmap(mm, WINDOW, 20 * PAGE_SIZE), 0);
	assert_int_equal(mm->map_count, before);
	check_sorted(mm);
}

static void test_hints(void **state)
{
	u64 a = do_mmap(mm, NULL, 0, 3 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	u64 b = do_mmap(
		mm, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	assert_int_equal(b, a - PAGE_SIZE); /* top down */
	assert_int_equal(do_mmap(mm, NULL, a, PAGE_SIZE, 0,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, 0),
		(u64)-EEXIST);
	assert_int_equal(
		do_mmap(mm, NULL, 0x1000, PAGE_SIZE, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
		(u64)-EPERM);
	assert_int_equal(do_mmap(mm, NULL, 0, 0, 0, MAP_PRIVATE | MAP_ANONYMOUS, 0), (u64)-EINVAL);
	assert_int_equal(
		do_mmap(mm, NULL, 0, ~0UL, 0, MAP_PRIVATE | MAP_ANONYMOUS, 0), (u64)-ENOMEM);
	assert_true(do_mmap(mm, NULL, 0, PAGE_SIZE, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, 0) <
		    0x80000000);
	assert_int_equal(do_munmap(mm, b, 4 * PAGE_SIZE), 0);
	check_sorted(mm);
}

/*
 * Makes random calls. The array @want has the expected state: which pages are mapped, their rights,
 * and what the guest has written to them.
 */
static void test_random(void **state)
{
	struct {
		int prot; /* -1: not mapped */
		u8 value;
	} want[PAGES];
	int code;

	for (u32 i = 0; i < PAGES; i++)
		want[i].prot = -1;
	assert_false(IS_ERR(pmap_space(&mm->pmap)));
	for (u32 round = 0; round < 20000; round++) {
		u32 at = fake_random() % PAGES, n = min_t(u32, fake_random() % 40 + 1, PAGES - at),
		    i;
		int prot = fake_random() % 3 == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
		bool hole = false;

		switch (fake_random() % 6) {
		case 0:
			assert_int_equal(map_fixed(mm, at, n, prot), WINDOW + at * PAGE_SIZE);
			for (i = at; i < at + n; i++) {
				want[i].prot = prot;
				want[i].value = 0;
			}
			break;
		case 1:
			assert_int_equal(do_munmap(mm, WINDOW + at * PAGE_SIZE, n * PAGE_SIZE), 0);
			for (i = at; i < at + n; i++)
				want[i].prot = -1;
			break;
		case 2:
			for (i = at; i < at + n; i++)
				hole |= want[i].prot < 0;
			assert_int_equal(sys_mprotect(WINDOW + at * PAGE_SIZE, n * PAGE_SIZE, prot),
				hole ? -ENOMEM : 0);
			for (i = at; i < at + n && want[i].prot >= 0;
				i++) /* up to the hole, as Linux does */
				want[i].prot = prot;
			break;
		default: {
			u64 va = WINDOW + at * PAGE_SIZE;
			int sig = handle_fault(mm, va, 6, &code);
			pte_t *e = pmap_pte(&mm->pmap, va, false);

			if (want[at].prot < 0 || !(want[at].prot & PROT_WRITE)) {
				assert_int_not_equal(sig, 0);
				break;
			}
			assert_int_equal(sig, 0);
			assert_int_equal(*(u8 *)pfn_to_virt(pte_pfn(*e)), want[at].value);
			*(u8 *)pfn_to_virt(pte_pfn(*e)) = want[at].value = (u8)(round | 1);
			assert_true(host[at].mapped && host[at].prot & OS_PROT_WRITE);
		}
		}
		if (round % 64 == 0) {
			check_sorted(mm);
			check_space(mm);
		}
	}
	assert_int_equal(do_munmap(mm, WINDOW, PAGES * PAGE_SIZE), 0);
	check_space(mm);
}

static u8 *guest_page(struct mm *m, u64 va, bool write)
{
	struct page *p = get_user_page(m, va, write ? FOLL_WRITE : 0);

	assert_false(IS_ERR_OR_NULL(p));
	put_page(p);
	return page_address(p);
}

/* Parent and child write after a fork; neither sees the other's writes. */
static void test_fork(void **state)
{
	struct mm *child;
	u64 free;

	assert_int_equal(map_fixed(mm, 0, 64, PROT_READ | PROT_WRITE), WINDOW);
	for (u32 i = 0; i < 48; i++)
		*guest_page(mm, WINDOW + i * PAGE_SIZE, true) = (u8)i;
	free = nr_free_frames();
	for (u32 round = 0; round < 50; round++) {
		child = mm_dup(mm);
		assert_false(IS_ERR(child));
		check_sorted(child);
		for (u32 i = 0; i < 64; i++) {
			struct mm *writer = fake_random() & 1 ? mm : child,
				  *other = writer == mm ? child : mm;
			u8 old = *guest_page(other, WINDOW + i * PAGE_SIZE, false);

			*guest_page(writer, WINDOW + i * PAGE_SIZE, true) ^= 0x80;
			assert_int_equal(*guest_page(other, WINDOW + i * PAGE_SIZE, false), old);
		}
		mmput(child);
	}
	assert_true(nr_free_frames() + 64 + 16 >= free); /* no frame leaks */
	assert_int_equal(do_munmap(mm, WINDOW, 64 * PAGE_SIZE), 0);
}

static void test_mremap(void **state)
{
	u64 to;

	assert_int_equal(map_fixed(mm, 0, 8, PROT_READ | PROT_WRITE), WINDOW);
	assert_int_equal(map_fixed(mm, 8, 1, PROT_READ), WINDOW + 8 * PAGE_SIZE);
	for (u32 i = 0; i < 8; i++)
		*guest_page(mm, WINDOW + i * PAGE_SIZE, true) = (u8)(i + 1);
	assert_int_equal(sys_mremap(WINDOW, 8 * PAGE_SIZE, 16 * PAGE_SIZE, 0, 0), -ENOMEM);
	to = (u64)sys_mremap(WINDOW, 8 * PAGE_SIZE, 16 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(to < 1UL << 46);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(*guest_page(mm, to + i * PAGE_SIZE, false), i + 1);
	assert_null(vma_lookup(mm, WINDOW));
	assert_int_equal(sys_mremap(to, 16 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0), to);
	assert_null(vma_lookup(mm, to + 4 * PAGE_SIZE));
	assert_int_equal(
		sys_mremap(to, 4 * PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, WINDOW),
		WINDOW);
	assert_int_equal(*guest_page(mm, WINDOW + 3 * PAGE_SIZE, false), 4);
	assert_int_equal(do_munmap(mm, WINDOW, 16 * PAGE_SIZE), 0);
	check_sorted(mm);
}

/* At exit all frames are freed. */
static void test_exit(void **state)
{
	u64 free;

	current->mm = NULL;
	mmput(mm);
	slab_shrink();
	free = nr_free_frames();
	mm = mm_alloc();
	for (u32 i = 0; i < 200; i++)
		assert_int_equal(
			do_mmap(mm, NULL, (i + 1UL) << 32, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			(i + 1UL) << 32);
	for (u32 i = 0; i < 200; i++)
		assert_int_equal(fault_in(mm, (i + 1UL) << 32, FAULT_WRITE), 0);
	assert_true(mm->pmap.nr_tables > 400);
	mmput(mm);
	slab_shrink();
	assert_true(nr_free_frames() + 8 >= free);
	assert_int_equal(vm_committed(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_mremap),
		cmocka_unit_test(test_exit),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
