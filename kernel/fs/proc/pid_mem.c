/* SPDX-License-Identifier: MIT */
/*
 * pid_mem.c: /proc/PID/mem, pagemap, clear_refs and map_files: a process's memory, the state of its
 * pages, and its mapped files. mem reads and writes by access_mm(), with the rights of ptrace.
 * Formats: linux-doc's admin-guide/mm/pagemap.
 *
 * pagemap shows the page table. A page that was mapped in advance and not touched yet counts as
 * absent. Frame numbers and swap slots are shown only if the opener had CAP_SYS_ADMIN. There is no
 * soft-dirty bit. An entry of map_files is found by its exact bounds, under mmap_lock.
 */
#include <asm/errno.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

/*
 * Stores the mm of @inode's process in f->private_data. @attach: requires the ptrace right to
 * attach, not only to read. Returns 0 or -errno.
 */
static int open_mm(struct inode *inode, struct file *f, bool attach)
{
	struct task *t = proc_task(inode);
	struct mm *mm;

	if (!t)
		return -ESRCH;
	mm = mm_access(t, attach);
	put_task(t);
	if (IS_ERR_OR_NULL(mm))
		return mm ? (int)PTR_ERR(mm) : -ESRCH;
	mmgrab(mm);
	mmput(mm);
	f->private_data = mm;
	return 0;
}

static int release_mm(struct inode *inode, struct file *f)
{
	if (f->private_data)
		mmdrop(f->private_data);
	return 0;
}

/* ---- mem ---- */

static int mem_open(struct inode *inode, struct file *f)
{
	return open_mm(inode, f, true);
}

static ssize_t mem_rw(struct file *f, struct iov_iter *it, loff_t *pos, bool write)
{
	struct mm *mm = f->private_data;
	ssize_t done = 0, n;
	char *buf;

	if (!mm || !atomic_inc_not_zero(&mm->mm_users))
		return 0;
	buf = get_free_page(GFP_KERNEL);
	if (!buf) {
		mmput(mm);
		return -ENOMEM;
	}
	while (it->count) {
		size_t want = min_t(size_t, PAGE_SIZE, it->count);

		if (write && copy_from_iter(buf, want, it) != want) {
			done = -EFAULT;
			break;
		}
		n = access_mm(mm, (u64)*pos, buf, want, write, true);
		if (n <= 0) {
			done = done ? done : -EIO;
			break;
		}
		if (!write && copy_to_iter(buf, (size_t)n, it) != (size_t)n) {
			done = -EFAULT;
			break;
		}
		done += n;
		*pos += n;
		if ((size_t)n < want)
			break;
		if (it->count && wait_interrupted(TASK_KILLABLE))
			break;
		cond_resched();
	}
	free_page_addr(buf);
	mmput(mm);
	return done;
}

static ssize_t mem_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return mem_rw(f, to, pos, false);
}

static ssize_t mem_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	return mem_rw(f, from, pos, true);
}

/* Seeks. Addresses of 2^63 and above are negative as offsets, but valid. */
static loff_t mem_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == 1)
		off += f->f_pos;
	else if (whence != 0)
		return -EINVAL;
	f->f_pos = off;
	return off;
}

const struct file_operations proc_mem_fops = {
	.no_splice_read = true,
	.no_splice_write = true,
	.open = mem_open,
	.release = release_mm,
	.read_iter = mem_read,
	.write_iter = mem_write,
	.llseek = mem_llseek,
};

/* ---- pagemap ---- */

static int pagemap_open(struct inode *inode, struct file *f)
{
	return open_mm(inode, f, false);
}

/*
 * Copies entries of 8 bytes to the reader, at most @max bytes. Returns the number of bytes, 0 at
 * the end of the address space, or -errno.
 */
static ssize_t copy_entries(
	struct mm *mm, struct iov_iter *to, size_t max, u64 pos, u64 *buf, bool frames)
{
	u64 end = mm->task_size >> PAGE_SHIFT, first = pos / 8, n;

	if (first >= end)
		return 0;
	n = min(min(max / 8, PAGE_SIZE / 8), end - first);
	down_read(&mm->mmap_lock);
	mm_pagemap(mm, first << PAGE_SHIFT, n, buf, frames);
	up_read(&mm->mmap_lock);
	return copy_to_iter(buf, n * 8, to) == n * 8 ? (ssize_t)(n * 8) : -EFAULT;
}

/*
 * Fills one buffer of the reader. Returns the number of bytes, less than @size at the end of the
 * address space or if current is being killed, or -errno.
 */
static ssize_t fill_buffer(
	struct mm *mm, struct iov_iter *to, size_t size, u64 pos, u64 *buf, bool frames)
{
	ssize_t done = 0, n = 0;

	if (pos % 8 || size % 8)
		return -EINVAL;
	while ((size_t)done < size) {
		n = copy_entries(mm, to, size - (size_t)done, pos + (u64)done, buf, frames);
		if (n <= 0)
			break;
		done += n;
		if (to->count && wait_interrupted(TASK_KILLABLE))
			break;
		cond_resched();
	}
	return n < 0 ? n : done;
}

/*
 * Reads buffer by buffer (readv), as Linux does for files whose read operation takes a single
 * buffer. After an error in a later buffer, returns the number of bytes before it.
 */
static ssize_t pagemap_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct mm *mm = f->private_data;
	ssize_t done = 0, n = *pos % 8 ? -EINVAL : 0;
	bool frames;
	size_t size;
	u64 *buf;

	if (!mm || !atomic_inc_not_zero(&mm->mm_users))
		return 0;
	frames = cred_ns_capable(f->f_cred, &init_user_ns, CAP_SYS_ADMIN);
	buf = get_free_page(GFP_KERNEL);
	if (!buf)
		n = -ENOMEM;
	while (!n && to->count) {
		size = iov_iter_first_len(to);
		n = fill_buffer(mm, to, size, (u64)(*pos + done), buf, frames);
		if (n < 0)
			break;
		done += n;
		if ((size_t)n < size)
			break;
		n = 0;
	}
	if (buf)
		free_page_addr(buf);
	mmput(mm);
	*pos += done;
	return done ? done : n;
}

const struct file_operations proc_pagemap_fops = {
	.open = pagemap_open,
	.release = release_mm,
	.read_iter = pagemap_read,
	.llseek = generic_file_llseek,
	.ioctl = proc_pagemap_ioctl,
};

/* ---- clear_refs ---- */

int proc_store_clear_refs(struct task *t, struct file *f, char *text)
{
	struct mm *mm;
	s64 what;

	if (kstrtos64(text, 10, &what) || what < 1 || what > 5)
		return -EINVAL;
	mm = get_task_mm(t);
	if (!mm)
		return 0;
	if (what == 5) { /* reset VmHWM to the present RSS */
		down_write(&mm->mmap_lock);
		mm->hiwater_rss = (u64)max(mm->rss_anon.v + mm->rss_file.v + mm->rss_shmem.v, 0L);
		up_write(&mm->mmap_lock);
	}
	mmput(mm);
	return 0;
}

/* ---- map_files ---- */

static bool parse_bounds(const struct qstr *name, u64 *start, u64 *end)
{
	u64 v[2] = { 0, 0 };
	u32 i, which = 0, digits = 0;

	for (i = 0; i < name->len; i++) {
		char c = name->name[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (c == '-' && !which && digits) {
			which = 1;
			digits = 0;
			continue;
		}
		/* listings print no leading zero and at most 16 digits */
		if (d < 0 || (digits && !v[which]) || digits++ == 16)
			return false;
		v[which] = v[which] << 4 | (u64)d;
	}
	*start = v[0];
	*end = v[1];
	return which && digits;
}

/*
 * Finds the area with exactly these bounds if it maps a file, or returns NULL. mmap_lock is held.
 */
static struct vm_area *area_of(struct mm *mm, u64 start, u64 end)
{
	struct vm_area *v = find_vma(mm, start);

	return v && v->vm_start == start && v->vm_end == end && v->vm_file ? v : NULL;
}

/*
 * Finds the file that [start, end) maps. Sets *path (referenced) unless @path is NULL, and *flags
 * to the area's VM_* flags. Returns 0 or -ENOENT.
 */
int proc_map_file_path(struct task *t, u64 start, u64 end, struct path *path, u64 *flags)
{
	struct mm *mm = get_task_mm(t);
	struct vm_area *v;
	int err = -ENOENT;

	if (!mm)
		return err;
	down_read(&mm->mmap_lock);
	v = area_of(mm, start, end);
	if (v) {
		*flags = v->vm_flags;
		if (path) {
			*path = *file_shown(v->vm_file);
			path_get(path);
		}
		err = 0;
	}
	up_read(&mm->mmap_lock);
	mmput(mm);
	return err;
}

static struct dentry *map_files_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	struct inode *inode = NULL;
	u64 start, end, vm_flags = 0;
	int err;

	if (!t)
		return ERR_PTR(-ENOENT);
	err = exec_hold(t);
	if (err) {
		put_task(t);
		return ERR_PTR(err);
	}
	if (!ptrace_may_access(t, false))
		err = -EACCES;
	else if (parse_bounds(&d->d_name, &start, &end))
		err = proc_map_file_path(t, start, end, NULL, &vm_flags);
	else
		err = -ENOENT;
	exec_release(t);
	if (!err) {
		umode_t mode = S_IFLNK | (vm_flags & VM_READ ? 0400 : 0) |
			       (vm_flags & VM_WRITE ? 0200 : 0);

		inode = proc_pid_inode(dir, mode, PROC_I(dir)->pid, false, t);
		err = inode ? 0 : -ENOMEM;
	}
	put_task(t);
	if (err)
		return ERR_PTR(err);
	PROC_I(inode)->map_start = start;
	PROC_I(inode)->map_end = end;
	inode->i_op = &proc_pid_link_iops;
	d->d_op = &proc_pid_dops;
	d_add(d, inode);
	return NULL;
}

/*
 * Finds the first area that begins at or after @addr and maps a file, and sets its bounds. Returns
 * false if there is none.
 */
static bool next_map_file(struct mm *mm, u64 addr, u64 *start, u64 *end)
{
	struct vm_area *v;
	bool found = false;

	down_read(&mm->mmap_lock);
	for (v = find_vma(mm, addr); v; v = find_vma(mm, v->vm_end)) {
		if (v->vm_file && v->vm_start >= addr) {
			*start = v->vm_start;
			*end = v->vm_end;
			found = true;
			break;
		}
	}
	up_read(&mm->mmap_lock);
	return found;
}

/* Lists the mapped files. A position is an address divided by the page size, plus 2. */
static int map_files_iterate(struct file *f, struct dir_context *ctx)
{
	struct task *t = proc_task(f->f_inode);
	struct mm *mm;
	u64 start, end;

	if (!t)
		return -ENOENT;
	mm = mm_access(t, false);
	put_task(t);
	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	/* Zombies and kernel threads have no mappings. */
	if (!dir_emit_dots(f, ctx) || !mm)
		goto out;
	while (next_map_file(mm, ((u64)ctx->pos - 2) << PAGE_SHIFT, &start, &end)) {
		char name[40];
		int len = scnprintf(name, sizeof(name), "%lx-%lx", start, end);

		if (!dir_emit(ctx, name, len, f->f_inode->i_ino * 4096 + (start >> PAGE_SHIFT), 10))
			break;
		ctx->pos = (loff_t)(end >> PAGE_SHIFT) + 2;
	}
out:
	if (mm)
		mmput(mm);
	return 0;
}

const struct inode_operations proc_map_files_iops = { .lookup = map_files_lookup,
	.setattr = proc_pid_setattr };
const struct file_operations proc_map_files_fops = { .iterate = map_files_iterate,
	.llseek = generic_file_llseek };
