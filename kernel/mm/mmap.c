/* SPDX-License-Identifier: MIT */
/*
 * mmap.c: mmap and munmap: makes and removes areas.
 *
 * do_mmap() checks everything, calls f_op->mmap, and only then unmaps what a fixed mapping replaces
 * and links the new area. Memory needed after that point is allocated before it.
 *
 * munmap: one munmap() on the host unmaps the whole range (zap_prepare()), so that none is needed
 * for each page. Then entries are cleared, and frames are freed when the host has unmapped them.
 *
 * Limits: RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK, vm.max_map_count, overcommit
 * (commit.c).
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/mman.h>

#include "gen/syscalls.h"

#define READ_IMPLIES_EXEC 0x0400000
#define MODE_READ 1
#define MODE_WRITE 2
#define MODE_APPEND_ONLY 4
#define MODE_SWAP 8        /* an active swap area */
#define MAP_DROPPABLE_ 0x8 /* a type of mapping, of Linux 6.11 */
/* of Linux 6.6; has no effect, since a mapping without an address lies above 4 GiB anyway */
#define MAP_ABOVE4G_ 0x80
#define LEGACY_MASK                                                                                \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE |   \
		MAP_UNINITIALIZED | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |    \
		MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | MAP_ABOVE4G_ | MAP_HUGE_2MB | \
		MAP_HUGE_1GB)
/* bytes that one large entry of the host's page tables maps */
#define LARGE_SIZE (512 * PAGE_SIZE)
#define FILE_MAX ((1UL << 63) - 1) /* largest size of a file in bytes */

u32 sysctl_max_map_count = 65530;
const struct mm_task_ops *mm_task_ops;
const struct shmem_ops *shmem_ops;

struct file *shmem_file_setup(const char *name, loff_t size)
{
	return shmem_ops ? shmem_ops->file_setup(name, size) : ERR_PTR(-ENOSYS);
}

u64 mmap_limit(int which)
{
	return mm_task_ops ? mm_task_ops->rlimit(which) : ~0UL;
}

bool mm_capable(int cap)
{
	return !mm_task_ops || mm_task_ops->capable(cap);
}

int check_lock_limit(struct mm *mm, u64 pages)
{
	u64 limit = mmap_limit(RLIMIT_MEMLOCK);

	if (mm_capable(CAP_IPC_LOCK))
		return 0;
	if (!limit)
		return -EPERM;
	return mm->locked_vm + pages > limit >> PAGE_SHIFT ? -EAGAIN : 0;
}

int mm_lock_area(struct vm_area *v)
{
	int err = v->vm_flags & VM_LOCKED ? 0 : check_lock_limit(v->vm_mm, vma_pages(v));

	/* -EAGAIN as on Linux, even if RLIMIT_MEMLOCK is 0 */
	if (err)
		return -EAGAIN;
	v->vm_flags |= VM_LOCKED;
	return 0;
}

/* ---- the request for a new area ---- */

/*
 * A call of do_mmap(): its arguments, with addr and len in bytes and pgoff in pages, and results of
 * its steps.
 */
struct map_request {
	struct mm *mm;
	struct file *file;
	u64 addr, len, pgoff, vm_flags;
	u64 at; /* result of choose_address() */
	int prot, flags;
	bool huge; /* the file has huge pages */
};

/* Returns the VM_* flags of PROT_*. */
static u64 prot_flags(int prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* Checks the type of mapping (MAP_SHARED...) and sets its flags. Returns 0 or -errno. */
static int check_type(struct map_request *r)
{
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (r->flags & MAP_ANONYMOUS)
			return -EINVAL;
		if (r->flags & ~(LEGACY_MASK | MAP_SHARED_VALIDATE))
			return -EOPNOTSUPP;
		r->vm_flags |= VM_SHARED;
		return 0;
	case MAP_SHARED: r->vm_flags |= VM_SHARED; return 0;
	case MAP_PRIVATE: return 0;
	case MAP_DROPPABLE_:
		if (r->file || r->flags & (MAP_LOCKED | MAP_HUGETLB | MAP_GROWSDOWN))
			return -EINVAL;
		r->vm_flags |= VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
		return 0;
	}
	return -EINVAL;
}

/* Checks what the file's mode allows, and clears VM_MAY* rights. Returns 0 or -errno. */
static int check_file(struct map_request *r)
{
	u32 mode = mm_file_ops->mode(r->file);

	if (!(mode & MODE_READ))
		return -EACCES;
	if (r->vm_flags & VM_SHARED && !(mode & MODE_WRITE)) {
		if (r->prot & PROT_WRITE)
			return -EACCES;
		r->vm_flags &= ~VM_MAYWRITE;
	}
	if (r->vm_flags & VM_SHARED && r->prot & PROT_WRITE && mode & MODE_SWAP)
		return -ETXTBSY;
	if (r->vm_flags & VM_SHARED && mode & MODE_WRITE && mode & MODE_APPEND_ONLY)
		return -EACCES;
	if (mm_file_ops->may_exec(r->file))
		return 0;
	if (r->prot & PROT_EXEC)
		return -EPERM;
	r->vm_flags &= ~VM_MAYEXEC;
	return 0;
}

/* Returns the VM_* flags of the request before any check. */
static u64 asked_flags(const struct map_request *r)
{
	return prot_flags(r->prot) | r->mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
	       (r->flags & MAP_LOCKED ? VM_LOCKED : 0) |
	       (r->flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) |
	       (r->flags & MAP_STACK ? VM_NOHUGEPAGE : 0) | (r->flags & MAP_SYNC ? VM_SYNC : 0);
}

/*
 * Checks a request after its address was checked, in Linux's order of errors, and sets vm_flags. 0
 * or -errno.
 */
static int check_request(struct map_request *r)
{
	struct mm *mm = r->mm;
	int err = 0;

	r->vm_flags = asked_flags(r);
	if (r->vm_flags & VM_LOCKED)
		err = check_lock_limit(mm, r->len >> PAGE_SHIFT);
	if (!err)
		err = check_type(r);
	if (!err && r->file)
		err = check_file(r);
	if (!err && r->flags & MAP_GROWSDOWN && (r->file || r->vm_flags & VM_SHARED))
		err = -EINVAL;
	if (!err && mm->mdwe && (r->prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
		err = -EACCES;
	if (r->flags & MAP_NORESERVE && (sysctl_overcommit_memory != 2 || r->huge))
		r->vm_flags |= VM_NORESERVE;
	return err;
}

/*
 * Finds an address for a mapping of a file. A long mapping is placed so that multiples of 2 MiB in
 * the file are multiples of 2 MiB in memory: the host then maps 2 MiB with one entry
 * (largeblock.c). As on Linux, only if the caller has given no address and there is room.
 */
static u64 find_file_area(struct map_request *r)
{
	u64 hint = r->addr & PAGE_MASK, at;

	if (r->huge)
		return find_free_area(
			r->mm, round_up(r->addr, HPAGE_SIZE), r->len, HPAGE_SIZE, r->flags);
	if (r->file && !hint && !(r->flags & MAP_32BIT) && r->len >= LARGE_SIZE) {
		at = find_free_area(r->mm, 0, r->len + LARGE_SIZE - PAGE_SIZE, PAGE_SIZE, r->flags);
		if (!IS_ERR_VALUE(at))
			return at + (((r->pgoff << PAGE_SHIFT) - at) & (LARGE_SIZE - 1));
	}
	return find_free_area(r->mm, hint, r->len, PAGE_SIZE, r->flags);
}

/* Returns the address for the mapping, or -errno. mmap_lock is held for writing. */
static u64 choose_address(struct map_request *r)
{
	u64 align = r->huge ? HPAGE_SIZE : PAGE_SIZE;
	struct mm *mm = r->mm;

	if (r->len & (align - 1))
		return -EINVAL;
	if (!(r->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return find_file_area(r);
	if (r->addr & (align - 1))
		return -EINVAL;
	if (r->len > mm->task_size || r->addr > mm->task_size - r->len)
		return -ENOMEM;
	if (r->addr < MMAP_MIN_ADDR)
		return -EPERM;
	if (r->flags & MAP_FIXED_NOREPLACE) {
		struct vm_area *v = find_vma(mm, r->addr);

		if (v && v->vm_start < r->addr + r->len)
			return -EEXIST;
	}
	return r->addr;
}

/* ---- commit ---- */

/* Returns how many pages of [start, end) are mapped now. */
static u64 pages_in_range(struct mm *mm, u64 start, u64 end)
{
	u64 n = 0;

	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		n += (min(end, v->vm_end) - max(start, v->vm_start)) >> PAGE_SHIFT;
	return n;
}

static bool needs_commit(u64 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) == VM_WRITE;
}

/* Makes the area with its file. It is on no list yet. ERR_PTR. */
static struct vm_area *make_area(struct map_request *r, u64 at)
{
	/* mlockall() does not apply to droppable memory */
	u64 not = r->vm_flags & VM_DROPPABLE ? VM_LOCKED | VM_LOCKONFAULT : 0;
	struct vm_area *v = vma_alloc(r->mm, at, at + r->len, r->vm_flags & ~not );
	int err;

	if (!v)
		return ERR_PTR(-ENOMEM);
	if (!r->file)
		return v;
	v->vm_pgoff = r->pgoff;
	v->vm_file = r->file;
	mm_file_ops->get(r->file);
	err = mm_file_ops->mmap(r->file, v);
	if (err) {
		vma_free(v);
		return ERR_PTR(err);
	}
	if (!v->vm_mapping && !(v->vm_ops && v->vm_ops->fault) && v->vm_file &&
		!(v->vm_flags & VM_ANON_FILE))
		v->vm_mapping = mm_file_ops->mapping(v->vm_file);
	return v;
}

/*
 * Commits memory, makes the area, unmaps what it replaces and links it. mmap_lock is held for
 * writing. Returns its address, or -errno: then there is no new area.
 */
static u64 map_counted(struct map_request *r)
{
	struct mm *mm = r->mm;
	u64 at = r->at, pages = r->len >> PAGE_SHIFT;
	struct vm_area *v;
	int err;

	if (!may_expand_vm(
		    mm, r->vm_flags, pages - min(pages, pages_in_range(mm, at, at + r->len))))
		return -ENOMEM;
	if (needs_commit(r->vm_flags) && !r->huge) {
		r->vm_flags |= VM_ACCOUNT;
		if (vm_enough_memory(pages))
			return -ENOMEM;
	}
	v = make_area(r, at);
	if (IS_ERR(v)) {
		err = (int)PTR_ERR(v);
		goto err_uncommit;
	}
	err = munmap_locked(mm, at, r->len);
	if (err)
		goto err_free_area;
	if (v->vm_flags & VM_ACCOUNT)
		mm->committed += pages;
	vma_link(v);
	vm_stat_account(mm, v->vm_flags, pages);
	if (v->vm_flags & VM_DROPPABLE)
		droppable_note(mm);
	vma_merge_range(mm, at, at + r->len);
	return at;

err_free_area:
	if (v->vm_ops && v->vm_ops->close)
		v->vm_ops->close(v);
	vma_free(v);
err_uncommit:
	if (r->vm_flags & VM_ACCOUNT)
		vm_unacct_memory(pages);
	return err;
}

/* Serves a request under mmap_lock (writing). Returns the address or -errno. */
static u64 map_region(struct map_request *r)
{
	struct address_space *m = NULL;
	u64 at;
	int err;

	/* one area above the limit is allowed, as on Linux */
	if (r->mm->map_count > sysctl_max_map_count)
		return -ENOMEM;
	r->at = choose_address(r);
	if (IS_ERR_VALUE(r->at))
		return r->at;
	err = check_request(r);
	if (err)
		return err;
	if (r->file && (r->vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE))
		m = mm_file_ops->mapping(r->file);
	if (m && !mapping_count_writable(m))
		return mm_file_ops->mode(r->file) & MODE_SWAP ? -ETXTBSY : -EPERM;
	at = map_counted(r);
	/* the new area is counted itself now: drop the request's count */
	if (m)
		atomic_dec(&m->i_mmap_writable);
	return at;
}

/*
 * Sets the request's file to a file of tmpfs, with a reference, for shared anonymous memory; does
 * nothing for other mappings. 0 or -errno.
 */
static int shared_anon_file(struct map_request *r)
{
	struct file *f;

	if (r->file || ((r->flags & MAP_TYPE) != MAP_SHARED &&
			       (r->flags & MAP_TYPE) != MAP_SHARED_VALIDATE))
		return 0;
	f = shmem_file_setup("dev/zero", r->len);
	if (IS_ERR_OR_NULL(f))
		return f ? (int)PTR_ERR(f) : -ENOMEM;
	r->file = f;
	r->pgoff = 0;
	return 0;
}

static bool file_is_huge(struct file *f)
{
	struct address_space *m = mm_file_ops->mapping(f);

	return m && m->huge;
}

u64 do_mmap(struct mm *mm, struct file *file, u64 addr, u64 len, int prot, int flags, u64 pgoff)
{
	struct map_request r = { .mm = mm,
		.file = file,
		.addr = addr,
		.len = PAGE_ALIGN(len),
		.pgoff = pgoff,
		.prot = prot,
		.flags = flags,
		.huge = file && file_is_huge(file) };
	bool populate;
	u64 ret;
	int err;

	if (!len)
		return -EINVAL;
	if (!r.len || r.len > mm->task_size)
		return -ENOMEM;
	if (pgoff + (r.len >> PAGE_SHIFT) < pgoff)
		return -EOVERFLOW;
	if (file && (r.len > FILE_MAX || pgoff > (FILE_MAX - r.len) >> PAGE_SHIFT))
		return -EOVERFLOW;
	if (prot & PROT_READ && current->personality & READ_IMPLIES_EXEC &&
		!(file && !mm_file_ops->may_exec(file)))
		r.prot |= PROT_EXEC;
	err = shared_anon_file(&r);
	if (err)
		return err;
	if (down_write_killable(&mm->mmap_lock)) {
		ret = -EINTR;
		goto out;
	}
	ret = map_region(&r);
	mmap_write_unlock(mm);
	populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE ||
		   vm_locked_now(r.vm_flags);
	if (IS_ERR_VALUE(ret) || mm != current->mm)
		goto out;
	if (populate)
		mm_populate(mm, ret, ret + r.len, 0);
	else if (r.huge) /* no huge page is mapped ahead */
		goto out;
	else if (prot & (PROT_READ | PROT_EXEC) &&
		 (flags & MAP_FIXED || (r.file && r.len <= SMALL_AREA)))
		mmap_ahead(mm, ret, ret + r.len, flags & MAP_FIXED);
	else if (!r.file && r.vm_flags & VM_WRITE && r.len <= SMALL_AREA &&
		 anon_small_made(mm, ret, ret + r.len))
		fault_ahead(mm, ret, FAULT_WRITE);
out:
	if (r.file != file)
		mm_file_ops->put(r.file);
	return ret;
}

/*
 * Makes a nameless file for MAP_HUGETLB, with a reference; *len is rounded up to whole huge pages.
 * ERR_PTR.
 */
static struct file *huge_anon_file(unsigned long flags, unsigned long *len)
{
	if (!hugetlb_size_known(flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK))
		return ERR_PTR(-EINVAL);
	*len = round_up(*len, HPAGE_SIZE);
	if ((s64)*len < 0)
		return ERR_PTR(-ENOMEM);
	return hugetlb_file_setup("anon_hugepage", (loff_t)*len, false);
}

long sys_mmap(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
	int fd, unsigned long off)
{
	struct file *f = NULL;
	u64 ret;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = mm_file_ops->fget(fd);
		if (!f)
			return -EBADF;
		if (file_is_huge(f)) {
			len = round_up(len, HPAGE_SIZE);
		} else if (flags & MAP_HUGETLB) { /* not a file of huge pages */
			mm_file_ops->put(f);
			return -EINVAL;
		}
	} else if (flags & MAP_HUGETLB) {
		f = huge_anon_file(flags, &len);
		if (IS_ERR(f))
			return PTR_ERR(f);
	}
	ret = do_mmap(current->mm, f, addr, len, (int)prot, (int)flags, off >> PAGE_SHIFT);
	if (f)
		mm_file_ops->put(f);
	return (long)ret;
}

/* ---- remap_file_pages: makes a new mapping for the pages, as Linux does ---- */

/*
 * Finds the one shared mapping that contains [start, start + size), even if it is split into
 * several areas. mmap_lock is held. Returns its file with a reference, and protection and flags for
 * a new mapping; or NULL.
 */
static struct file *shared_range(struct mm *mm, u64 start, u64 size, int *prot, int *flags)
{
	struct vm_area *first = vma_lookup(mm, start), *v = first;

	if (!v || (v->vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE) ||
		!v->vm_file)
		return NULL;
	while (v->vm_end < start + size) {
		struct vm_area *next = vma_next(v);

		if (!next || next->vm_start != v->vm_end || next->vm_file != first->vm_file ||
			next->vm_flags != first->vm_flags)
			return NULL;
		v = next;
	}
	*prot = (first->vm_flags & VM_READ ? PROT_READ : 0) |
		(first->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
		(first->vm_flags & VM_EXEC ? PROT_EXEC : 0);
	*flags |= MAP_SHARED | MAP_FIXED | MAP_POPULATE;
	if (first->vm_flags & VM_LOCKED)
		*flags |= MAP_LOCKED;
	mm_file_ops->get(first->vm_file);
	return first->vm_file;
}

long sys_remap_file_pages(unsigned long start, unsigned long size, unsigned long zero_prot,
	unsigned long pgoff, unsigned long nonblock)
{
	int flags = (int)nonblock & MAP_NONBLOCK, prot = 0;
	struct mm *mm = current->mm;
	struct file *f;
	u64 ret;

	start &= PAGE_MASK;
	size &= PAGE_MASK;
	if (zero_prot || start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	down_read(&mm->mmap_lock);
	f = shared_range(mm, start, size, &prot, &flags);
	up_read(&mm->mmap_lock);
	if (!f)
		return -EINVAL;
	ret = do_mmap(mm, f, start, size, prot, flags, pgoff);
	mm_file_ops->put(f);
	return IS_ERR_VALUE(ret) ? (long)ret : 0;
}

/* ---- munmap ---- */

/* Frees an area that was unlinked, and its pages. mmap_lock is held for writing. */
static void remove_area(struct vm_area *v)
{
	struct mm *mm = v->vm_mm;
	u64 pages = vma_pages(v);

	zap_range(v, v->vm_start, v->vm_end);
	vm_stat_account(mm, v->vm_flags, -(s64)pages);
	if (v->vm_flags & VM_ACCOUNT) {
		mm->committed -= pages;
		vm_unacct_memory(pages);
	}
	if (v->vm_ops && v->vm_ops->close)
		v->vm_ops->close(v);
	vma_free(v);
}

/*
 * Frees tables of the range that no neighbouring area needs: a table maps a span of addresses that
 * areas may share.
 */
static void free_unused_tables(struct mm *mm, u64 start, u64 end)
{
	spin_lock(&mm->page_table_lock);
	pmap_free_tables(&mm->pmap, start, end);
	spin_unlock(&mm->page_table_lock);
}

int munmap_locked(struct mm *mm, u64 start, u64 len)
{
	if (areas_sealed(find_vma(mm, start), start + len))
		return -EPERM;
	return unmap_range(mm, start, len);
}

/*
 * True if the range has pages whose sharing other code checks: pages of a file to which guest code
 * can write, or huge pages, which a parent or child reuses as soon as no other entry maps them
 * (hugetlb_fault.c).
 */
static bool range_is_others(struct mm *mm, u64 start, u64 end)
{
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		if (v->vm_flags & VM_HUGETLB ||
			(v->vm_mapping && v->vm_flags & VM_SHARED && v->vm_flags & VM_MAYWRITE))
			return true;
	return false;
}

int unmap_range(struct mm *mm, u64 start, u64 len)
{
	struct vm_area *v = find_vma(mm, start), *next;
	u64 end = start + len;
	int err;

	assert_rwsem_held_write(&mm->mmap_lock);
	arch_patch_forget(mm, start, end);
	if (!v || v->vm_start >= end)
		return 0;
	if (v->vm_start < start && v->vm_end > end && mm->map_count >= sysctl_max_map_count)
		return -ENOMEM;
	err = vma_split_range(mm, start, end);
	if (!err)
		err = uffd_note_unmap(mm, start, end);
	if (err)
		return err;
	zap_prepare(mm, start, end);
	/* flush now: a later seal requires that no guest code can write to the file any more */
	if (range_is_others(mm, start, end))
		pmap_flush(&mm->pmap);
	for (v = find_vma(mm, start); v && v->vm_start < end; v = next) {
		next = vma_next(v);
		vma_unlink(v);
		remove_area(v);
	}
	free_unused_tables(mm, start, end);
	return 0;
}

/*
 * End of user addresses on Linux, which programs know. Nothing is ever mapped between the end of
 * Nestling's guests and this end.
 */
#define LINUX_TASK_SIZE 0x7ffffffff000UL

int munmap_checked(struct mm *mm, u64 addr, u64 len)
{
	if (addr & ~PAGE_MASK || len > LINUX_TASK_SIZE || addr > LINUX_TASK_SIZE - len)
		return -EINVAL;
	len = PAGE_ALIGN(len);
	if (!len)
		return -EINVAL;
	if (addr >= mm->task_size)
		return 0;
	return munmap_locked(mm, addr, min(len, mm->task_size - addr));
}

int do_munmap(struct mm *mm, u64 addr, u64 len)
{
	int err;

	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = munmap_checked(mm, addr, len);
	mmap_write_unlock(mm);
	return err;
}

long sys_munmap(unsigned long addr, size_t len)
{
	return do_munmap(current->mm, addr, len);
}
