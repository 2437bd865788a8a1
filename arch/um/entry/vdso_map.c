/* SPDX-License-Identifier: MIT */
/*
 * vdso_map.c: maps the vDSO into guests. The image (arch/um/vdso, linked in as vdso_so_start) is
 * copied once into frames that all guests share. Guests can read and execute it. The page before
 * the image in the guest's memory holds struct vdso_data, which guests can only read. The tasks of
 * the initial time namespace share one such page, and all other tasks share another.
 *
 * Locks: none. The frames are filled at boot. Afterwards only struct vdso_data changes, word by
 * word.
 */
#include <asm/errno.h>
#include "arch/um/entry/internal.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/vdso/vdso.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"
#include "skas/skas.h"

#define MAX_IMAGE_PAGES 4

extern const u8 vdso_so_start[], vdso_so_end[]; /* defined in build/gen/blobs.S */

static struct page *data_page, *plain_page, *image_pages[MAX_IMAGE_PAGES];
static u64 nr_image_pages;
/*
 * The vDSO of the host's kernel, which the processes of the spaces have mapped: its address there,
 * and a checksum of its code. Compared after a restore.
 */
static struct host_vdso {
	u64 at, sum;
} host_vdso;

static struct page *new_page(void)
{
	struct page *p = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (!p)
		panic("no memory for the vDSO");
	SetPageUptodate(p);
	return p;
}

static u64 host_function(const char *name)
{
	bool use = skas_host_vdso() && !time_frozen && !arch_tsc_traps;
	long off = use ? os_vdso_function(name) : -ENOENT;

	return off < 0 ? 0 : skas_host_vdso() + (u64)off;
}

/* Records the address and a checksum of the host's vDSO code, which identifies the host kernel. */
static void look_at_host(struct host_vdso *v)
{
	u8 piece[256];
	size_t n;

	*v = (struct host_vdso){ .at = skas_host_vdso(), .sum = 0xcbf29ce484222325UL };
	for (u64 off = 0; (n = os_vdso_read(off, piece, sizeof(piece))); off += n)
		for (size_t i = 0; i < n; i++)
			v->sum = (v->sum ^ piece[i]) * 0x100000001b3UL;
}

void vdso_init(void)
{
	u64 size = (u64)(vdso_so_end - vdso_so_start);
	struct vdso_data *d;

	nr_image_pages = DIV_ROUND_UP(size, PAGE_SIZE);
	BUG_ON(nr_image_pages > MAX_IMAGE_PAGES);
	for (u64 i = 0; i < nr_image_pages; i++) {
		u64 off = i * PAGE_SIZE;

		image_pages[i] = new_page();
		memcpy(page_address(image_pages[i]), vdso_so_start + off,
			min(size - off, PAGE_SIZE));
	}
	/*
	 * the page for other time namespaces names no host function, so every clock is a system
	 * call
	 */
	plain_page = new_page();
	data_page = new_page();
	vdso_renew_keys();
	d = page_address(data_page);
	d->host_clock_gettime = host_function("__vdso_clock_gettime");
	vdso_update();
	look_at_host(&host_vdso);
}

void vdso_restored(void)
{
	struct vdso_data *d = page_address(data_page);
	struct host_vdso now;

	look_at_host(&now);
	if (machine_vdso_used && (now.at != host_vdso.at || now.sum != host_vdso.sum))
		refuse("restore=%s: a program was reading the clock in the vdso of a host kernel "
		       "that is not this one",
			machine_restored_from());
	host_vdso = now;
	WRITE_ONCE(d->host_clock_gettime, host_function("__vdso_clock_gettime"));
	vdso_update();
	vdso_renew_keys();
}

void vdso_renew_keys(void)
{
	struct vdso_data *d = page_address(data_page), *plain = page_address(plain_page);
	u64 next = __atomic_add_fetch(&d->generation, 1, __ATOMIC_SEQ_CST);

	WRITE_ONCE(plain->generation, next);
}

void vdso_update(void)
{
	if (data_page)
		time_vdso_data(page_address(data_page));
}

static struct page *data_fault(struct vm_area *vma, u64 index)
{
	struct page *p;

	if (index)
		return ERR_PTR(-EFAULT);
	p = time_ns_is_initial() ? data_page : plain_page;
	get_page(p);
	return p;
}

static struct page *image_fault(struct vm_area *vma, u64 index)
{
	if (index >= nr_image_pages)
		return ERR_PTR(-EFAULT);
	get_page(image_pages[index]);
	return image_pages[index];
}

static const struct vm_operations data_ops = { .fault = data_fault };
static const struct vm_operations image_ops = { .fault = image_fault };

int vdso_map(struct mm *mm, u64 *base)
{
	u64 size = nr_image_pages * PAGE_SIZE;
	u64 at = get_unmapped_area(mm, 0, PAGE_SIZE + size, PAGE_SIZE);
	struct vm_area *vma;

	if (IS_ERR_VALUE(at))
		return (int)at;
	vma = install_special_mapping(mm, at, PAGE_SIZE,
		VM_READ | VM_MAYREAD | VM_DONTEXPAND | VM_DONTDUMP, &data_ops, NULL, "[vvar]");
	if (IS_ERR(vma))
		return (int)PTR_ERR(vma);
	vma = install_special_mapping(mm, at + PAGE_SIZE, size,
		VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC | VM_DONTEXPAND, &image_ops, NULL,
		"[vdso]");
	if (IS_ERR(vma))
		return (int)PTR_ERR(vma);
	mm->vdso_base = at + PAGE_SIZE;
	*base = at + PAGE_SIZE;
	return 0;
}
