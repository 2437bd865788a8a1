/* SPDX-License-Identifier: MIT */
/*
 * pid_maps.c: /proc/PID/maps, smaps, smaps_rollup and numa_maps.
 *
 * The text is made with mmap_lock held for reading, and takes no page faults meanwhile.
 */
#include <asm/errno.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

const char *proc_vma_name(struct vm_area *vma)
{
	struct mm *mm = vma->vm_mm;

	if (vma->vm_name)
		return vma->vm_name;
	if (vma->vm_start <= mm->brk && vma->vm_end >= mm->start_brk && mm->start_brk < mm->brk)
		return "[heap]";
	if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
		return "[stack]";
	return NULL;
}

static void pad_to(struct seq *s, size_t line_start, size_t column)
{
	while (!s->full && s->len - line_start < column)
		seq_puts(s, " ");
}

/* Prints a file's path, in which newlines and the characters in @more are escaped. */
static void show_path(struct seq *s, struct file *f, char *buf, const char *more)
{
	const char *path = d_path(file_shown(f), buf, PAGE_SIZE);

	if (IS_ERR(path))
		return;
	for (; *path; path++) {
		if (*path == '\n' || strchr(more, *path))
			seq_printf(s, "\\%03o", (u8)*path);
		else
			seq_write(s, path, 1);
	}
}

static void show_vma(struct seq *s, struct vm_area *vma, char *buf)
{
	size_t start = s->len;
	struct file *f = vma->vm_file;
	const struct inode *inode = f ? file_shown_inode(f) : NULL;
	dev_t dev = f ? inode->i_sb->s_dev : 0;
	const char *name = f ? NULL : proc_vma_name(vma);

	seq_printf(s, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu", vma->vm_start, vma->vm_end,
		vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
		vma->vm_flags & VM_EXEC ? 'x' : '-', vma->vm_flags & VM_SHARED ? 's' : 'p',
		f ? vma->vm_pgoff << PAGE_SHIFT : 0, MAJOR(dev), MINOR(dev), f ? inode->i_ino : 0);
	seq_puts(s, " ");
	if (f) {
		pad_to(s, start, 73);
		show_path(s, f, buf, "");
	} else if (name) {
		pad_to(s, start, 73);
		seq_puts(s, name);
	}
	seq_puts(s, "\n");
}

/*
 * The area of vsyscall. Calls into it are served although nothing is mapped there, as on Linux with
 * vsyscall=xonly. Immutable.
 */
static struct vm_area vsyscall_area = {
	.vm_start = 0xffffffffff600000UL,
	.vm_end = 0xffffffffff601000UL,
	.vm_flags = VM_EXEC,
	.vm_name = "[vsyscall]",
};

typedef void (*vma_fn)(struct seq *s, struct vm_area *vma, char *buf, void *arg);

static void rollup_fn(struct seq *s, struct vm_area *vma, char *buf, void *arg);

/* Returns the area that follows @v, or NULL. */
static struct vm_area *area_after(const struct mm *mm, struct vm_area *v)
{
	return v->vm_list.next == &mm->mmap_list ?
		       NULL :
		       list_entry(v->vm_list.next, struct vm_area, vm_list);
}

/*
 * Calls @fn for the areas from s->cursor on, until the piece is long enough. An area that has grown
 * across the cursor since the last piece is printed again. Returns 0 or -ENOMEM.
 */
static int for_each_vma(struct seq *s, struct mm *mm, vma_fn fn, void *arg)
{
	char *buf = get_free_page(GFP_KERNEL);
	struct vm_area *vma;

	if (!buf)
		return -ENOMEM;
	down_read(&mm->mmap_lock);
	vma = find_vma(mm, s->cursor);
	for (; vma && !s->next; vma = area_after(mm, vma)) {
		fn(s, vma, buf, arg);
		if (seq_has_piece(s))
			s->next = vma->vm_end;
	}
	if (!s->next && fn != rollup_fn && arch_has_vsyscall())
		fn(s, &vsyscall_area, buf, arg);
	up_read(&mm->mmap_lock);
	free_page_addr(buf);
	return 0;
}

static void maps_fn(struct seq *s, struct vm_area *vma, char *buf, void *arg)
{
	show_vma(s, vma, buf);
}

int proc_pid_maps(struct seq *s, struct mm *mm)
{
	return for_each_vma(s, mm, maps_fn, NULL);
}

/*
 * Prints statistics, which are in bytes. Proportional sizes have 12 more bits of fraction. @kinds:
 * also prints the parts of the proportional size that are anonymous, file and shared memory.
 */
static void show_stats(struct seq *s, const struct mem_walk_stats *st, bool kinds)
{
	u64 file = st->pss_shift12 - st->pss_anon - st->pss_shmem;

	seq_printf(s, "Rss:            %8lu kB\nPss:            %8lu kB\n", st->rss >> 10,
		st->pss_shift12 >> 22);
	seq_printf(s, "Pss_Dirty:      %8lu kB\n", st->private_dirty >> 10);
	if (kinds)
		seq_printf(s,
			"Pss_Anon:       %8lu kB\nPss_File:       %8lu kB\nPss_Shmem:      %8lu "
			"kB\n",
			st->pss_anon >> 22, file >> 22, st->pss_shmem >> 22);
	seq_printf(s, "Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\n", st->shared_clean >> 10,
		st->shared_dirty >> 10);
	seq_printf(s, "Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", st->private_clean >> 10,
		st->private_dirty >> 10);
	seq_printf(s, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\n", st->referenced >> 10,
		st->anonymous >> 10);
	seq_printf(s, "KSM:            %8lu kB\n", st->ksm >> 10);
	seq_puts(s, "LazyFree:              0 kB\nAnonHugePages:         0 kB\nShmemPmdMapped:     "
		    "   0 kB\n"
		    "FilePmdMapped:         0 kB\n");
	seq_printf(s, "Shared_Hugetlb: %8lu kB\nPrivate_Hugetlb: %7lu kB\n",
		st->shared_hugetlb >> 10, st->private_hugetlb >> 10);
	seq_printf(s, "Swap:           %8lu kB\nSwapPss:        %8lu kB\n", st->swap >> 10,
		st->swap_pss_shift12 >> 22);
}

static void smaps_fn(struct seq *s, struct vm_area *vma, char *buf, void *arg)
{
	u64 page = vma->vm_flags & VM_HUGETLB ? HPAGE_SIZE : PAGE_SIZE;
	struct mem_walk_stats st;
	int n;

	show_vma(s, vma, buf);
	memset(&st, 0, sizeof(st));
	if (vma != &vsyscall_area)
		vma_stats(vma, &st);
	seq_printf(s, "Size:           %8lu kB\nKernelPageSize: %8lu kB\nMMUPageSize:    %8lu kB\n",
		(vma->vm_end - vma->vm_start) >> 10, page >> 10, page >> 10);
	show_stats(s, &st, false);
	seq_printf(s, "Locked:         %8lu kB\nTHPeligible:           0\nVmFlags: ",
		vma->vm_flags & VM_LOCKED ? st.pss_shift12 >> 22 : 0UL);
	n = mm_status_vma_flags(vma->vm_flags, buf, PAGE_SIZE);
	seq_write(s, buf, (size_t)max(n, 0));
	seq_puts(s, "\n");
}

int proc_pid_smaps(struct seq *s, struct mm *mm)
{
	return for_each_vma(s, mm, smaps_fn, NULL);
}

/* Prints the number of resident pages, in the area's page size. All are on node 0. */
static void show_node_pages(struct seq *s, struct vm_area *vma, const struct mem_walk_stats *st)
{
	bool huge = vma->vm_flags & VM_HUGETLB;
	u64 size = huge ? HPAGE_SIZE : PAGE_SIZE, large = st->shared_hugetlb + st->private_hugetlb;
	u64 pages = (st->rss + large) / size;
	u64 anon = (huge && !(vma->vm_flags & VM_SHARED) ? large : st->anonymous) / size;
	u64 dirty = (st->private_dirty + st->shared_dirty + large) / size;

	if (!pages)
		return;
	if (anon)
		seq_printf(s, " anon=%lu", anon);
	if (dirty)
		seq_printf(s, " dirty=%lu", dirty);
	if (pages != anon && pages != dirty)
		seq_printf(s, " mapped=%lu", pages);
	if (st->most_maps > 1)
		seq_printf(s, " mapmax=%lu", st->most_maps);
	if (st->active / size < pages && !huge)
		seq_printf(s, " active=%lu", st->active / size);
	seq_printf(s, " N0=%lu kernelpagesize_kB=%lu", pages, size >> 10);
}

static void numa_fn(struct seq *s, struct vm_area *vma, char *buf, void *arg)
{
	struct mem_walk_stats st;
	const char *name;

	if (vma == &vsyscall_area)
		return;
	mm_policy_text(vma->vm_policy ? vma->vm_policy : s->mempolicy, buf, PAGE_SIZE);
	seq_printf(s, "%08lx %s", vma->vm_start, buf);
	name = vma->vm_file ? NULL : proc_vma_name(vma);
	if (vma->vm_file) {
		seq_puts(s, " file=");
		show_path(s, vma->vm_file, buf, "\t= ");
	} else if (name && !strcmp(name, "[heap]")) {
		seq_puts(s, " heap");
	} else if (name && !strcmp(name, "[stack]")) {
		seq_puts(s, " stack");
	}
	if (vma->vm_flags & VM_HUGETLB)
		seq_puts(s, " huge");
	memset(&st, 0, sizeof(st));
	vma_stats(vma, &st);
	show_node_pages(s, vma, &st);
	seq_puts(s, "\n");
}

int proc_pid_numa_maps(struct seq *s, struct mm *mm)
{
	return for_each_vma(s, mm, numa_fn, NULL);
}

struct rollup {
	struct mem_walk_stats sum;
	u64 first, last, locked;
};

static void rollup_fn(struct seq *s, struct vm_area *vma, char *buf, void *arg)
{
	struct rollup *r = arg;
	struct mem_walk_stats st;
	u64 *to = (u64 *)&r->sum, *from = (u64 *)&st;
	u32 i;

	memset(&st, 0, sizeof(st));
	vma_stats(vma, &st);
	for (i = 0; i < sizeof(st) / sizeof(u64); i++)
		to[i] += from[i];
	if (vma->vm_flags & VM_LOCKED)
		r->locked += st.pss_shift12;
	if (!r->first)
		r->first = vma->vm_start;
	r->last = vma->vm_end;
}

/*
 * Returns the number of pages that ksm.c has merged in this mm, without pages of zeros. *asked:
 * true if any area may be merged.
 */
static u64 ksm_stats(struct mm *mm, struct mem_walk_stats *st, bool *asked)
{
	struct vm_area *v;

	memset(st, 0, sizeof(*st));
	*asked = false;
	down_read(&mm->mmap_lock);
	list_for_each_entry(v, &mm->mmap_list, vm_list) {
		vma_stats(v, st);
		*asked |= ksm_may_merge(v);
	}
	up_read(&mm->mmap_lock);
	return (st->ksm >> PAGE_SHIFT) - st->ksm_zero;
}

int proc_pid_ksm_pages(struct seq *s, struct mm *mm)
{
	struct mem_walk_stats st;
	bool asked;

	seq_printf(s, "%lu\n", ksm_stats(mm, &st, &asked));
	return 0;
}

int proc_pid_ksm_stat(struct seq *s, struct mm *mm)
{
	struct mem_walk_stats st;
	bool asked;
	u64 merging = ksm_stats(mm, &st, &asked);

	seq_printf(s, "ksm_rmap_items %lu\nksm_zero_pages %lu\nksm_merging_pages %lu\n",
		st.ksm_watched, st.ksm_zero, merging);
	seq_printf(s, "ksm_process_profit %ld\n",
		(s64)((merging + st.ksm_zero) * PAGE_SIZE) - (s64)ksm_overhead(st.ksm_watched));
	seq_printf(s, "ksm_merge_any: %s\nksm_mergeable: %s\n", mm->merge_all ? "yes" : "no",
		asked ? "yes" : "no");
	return 0;
}

int proc_pid_smaps_rollup(struct seq *s, struct mm *mm)
{
	struct rollup r;
	size_t start;
	int err;

	memset(&r, 0, sizeof(r));
	err = for_each_vma(s, mm, rollup_fn, &r);
	if (err)
		return err;
	start = s->len;
	seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0 ", r.first, r.last);
	pad_to(s, start, 73);
	seq_puts(s, "[rollup]\n");
	show_stats(s, &r.sum, true);
	seq_printf(s, "Locked:         %8lu kB\n", r.locked >> 22);
	return 0;
}
