/* SPDX-License-Identifier: MIT */
/*
 * pid_maps_query.c: PROCMAP_QUERY, an ioctl of /proc/PID/maps. It describes one area in a struct:
 * the area that contains an address, or the next one, with the file's name and build ID on request
 * (linux/fs.h, linux-doc's filesystems/proc).
 *
 * Locks: mmap_lock for reading while the area is examined. The build ID is read from the file's
 * pages afterwards, with a reference to the file.
 */
#include <asm/errno.h>
#include <linux/elf.h>
#include <linux/ioctl.h>
#include <linux/limits.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

/* Copy of the struct in linux/fs.h since Linux 6.11. */
struct procmap_query_k {
	u64 size;
	u64 query_flags, query_addr;
	u64 vma_start, vma_end, vma_flags, vma_page_size, vma_offset;
	u64 inode;
	u32 dev_major, dev_minor;
	u32 vma_name_size, build_id_size;
	u64 vma_name_addr, build_id_addr;
};
_Static_assert(sizeof(struct procmap_query_k) == 104, "as guests have it");
#define PROCMAP_QUERY_K _IOWR('f', 17, struct procmap_query_k)
#define QUERY_READABLE 1
#define QUERY_WRITABLE 2
#define QUERY_EXECUTABLE 4
#define QUERY_SHARED 8
#define QUERY_RIGHTS 15
#define QUERY_NEXT 0x10
#define QUERY_FILE 0x20

#define NT_GNU_BUILD_ID_K 3
#define BUILD_ID_MAX 20
/* most bytes of a file's notes that are searched for a build ID */
#define NOTES_MAX (64UL << 10)
#define SEGMENTS_MAX 256

/* ---- build IDs ---- */

/* Returns the page at @index, referenced, or NULL. In a memory file (tmpfs), NULL means a hole. */
static struct page *page_at(struct file *f, u64 index)
{
	struct address_space *m = f->f_mapping;
	struct page *p;

	if (m->a_ops->secret)
		return NULL;
	if (m->a_ops->memory_only) {
		p = find_get_page(m, index);
		/* A fault has just added the page and not zeroed it yet. */
		if (p && !PageUptodate(p)) {
			put_page(p);
			p = NULL;
		}
		return p;
	}
	if (!m->a_ops->readpage)
		return NULL;
	p = index < DIV_ROUND_UP((u64)i_size_read(m->host), PAGE_SIZE) ?
		    read_cache_page(m, index, f) :
		    NULL;
	return IS_ERR(p) ? NULL : p;
}

/*
 * Reads from the page cache, without notifications and without updating atime, since no program
 * reads the file. Returns false if the bytes cannot be read.
 */
static bool read_at(struct file *f, u64 off, void *buf, size_t n)
{
	u64 size = (u64)i_size_read(f->f_mapping->host);

	if (off > size || n > size - off)
		return false;
	while (n) {
		size_t part = min_t(size_t, n, PAGE_SIZE - (off & (PAGE_SIZE - 1)));
		struct page *p = page_at(f, off >> PAGE_SHIFT);

		if (!p)
			return false;
		memcpy(buf, (char *)page_address(p) + (off & (PAGE_SIZE - 1)), part);
		put_page(p);
		cond_resched();
		buf = (char *)buf + part;
		off += part;
		n -= part;
	}
	return true;
}

/*
 * Finds the build ID among the notes in [off, end) of the file, and copies it. Returns its length
 * in bytes, or 0 if there is none.
 */
static u32 id_in_notes(struct file *f, u64 off, u64 end, u8 *id)
{
	Elf64_Nhdr n;
	char name[4];

	for (u64 data; off + sizeof(n) <= end && read_at(f, off, &n, sizeof(n));
		off = data + round_up((u64)n.n_descsz, 4)) {
		data = off + sizeof(n) + round_up((u64)n.n_namesz, 4);
		if (n.n_type != NT_GNU_BUILD_ID_K || n.n_namesz != 4 || !n.n_descsz ||
			n.n_descsz > BUILD_ID_MAX || data + n.n_descsz > end)
			continue;
		if (read_at(f, off + sizeof(n), name, 4) && !memcmp(name, "GNU", 4) &&
			read_at(f, data, id, n.n_descsz))
			return n.n_descsz;
	}
	return 0;
}

static u32 read_build_id(struct file *f, u8 *id)
{
	Elf64_Ehdr eh;
	u32 n = 0;

	if (!S_ISREG(f->f_inode->i_mode) || !read_at(f, 0, &eh, sizeof(eh)) ||
		memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
		eh.e_phentsize != sizeof(Elf64_Phdr))
		return 0;
	for (u32 i = 0; i < min_t(u32, eh.e_phnum, SEGMENTS_MAX) && !n; i++) {
		Elf64_Phdr ph;

		if (!read_at(f, eh.e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			break;
		if (ph.p_type == PT_NOTE && ph.p_offset < 1UL << 62)
			n = id_in_notes(
				f, ph.p_offset, ph.p_offset + min(ph.p_filesz, NOTES_MAX), id);
	}
	return n;
}

/* ---- areas ---- */

static u64 rights_of(const struct vm_area *v)
{
	return (v->vm_flags & VM_READ ? QUERY_READABLE : 0) |
	       (v->vm_flags & VM_WRITE ? QUERY_WRITABLE : 0) |
	       (v->vm_flags & VM_EXEC ? QUERY_EXECUTABLE : 0) |
	       (v->vm_flags & VM_SHARED ? QUERY_SHARED : 0);
}

/* Finds the area that the query asks for, or returns NULL. mmap_lock is held. */
static struct vm_area *find_area(struct mm *mm, const struct procmap_query_k *q)
{
	struct vm_area *v = find_vma(mm, q->query_addr);

	for (; v; v = find_vma(mm, v->vm_end)) {
		bool fits = !(q->query_flags & QUERY_RIGHTS & ~rights_of(v)) &&
			    (v->vm_file || !(q->query_flags & QUERY_FILE));

		if (q->query_flags & QUERY_NEXT && !fits)
			continue;
		return fits && (q->query_flags & QUERY_NEXT || v->vm_start <= q->query_addr) ? v :
											       NULL;
	}
	return NULL;
}

static void describe(const struct vm_area *v, struct procmap_query_k *q)
{
	const struct file *f = v->vm_file;
	const struct inode *inode = f ? file_shown_inode(f) : NULL;

	q->vma_start = v->vm_start;
	q->vma_end = v->vm_end;
	q->vma_flags = rights_of(v);
	q->vma_page_size = v->vm_flags & VM_HUGETLB ? HPAGE_SIZE : PAGE_SIZE;
	q->vma_offset = f ? v->vm_pgoff << PAGE_SHIFT : 0;
	q->inode = f ? inode->i_ino : 0;
	q->dev_major = f ? MAJOR(inode->i_sb->s_dev) : 0;
	q->dev_minor = f ? MINOR(inode->i_sb->s_dev) : 0;
}

/*
 * Copies the area's name to @buf (@size bytes), and sets *name to its start there. Returns its
 * length including the terminator, 0 if the area has no name, or -ENAMETOOLONG.
 */
static s64 name_of(struct vm_area *v, char *buf, size_t size, const char **name)
{
	size_t n;

	if (v->vm_file) {
		*name = d_path(file_shown(v->vm_file), buf, (int)size);
		return IS_ERR(*name) ? PTR_ERR(*name) : buf + size - *name;
	}
	*name = proc_vma_name(v);
	if (!*name)
		return 0;
	n = strlen(*name) + 1;
	if (n > size)
		return -ENAMETOOLONG;
	memcpy(buf, *name, n); /* copied: the area may own the text */
	*name = buf;
	return (s64)n;
}

/*
 * Fills in @q. If the build ID is wanted, sets *f to the area's file, referenced. Returns 0 or
 * -errno.
 */
static int query(
	struct mm *mm, struct procmap_query_k *q, char *buf, const char **name, struct file **f)
{
	struct vm_area *v;
	int err = -ENOENT;
	s64 n = 0;

	down_read(&mm->mmap_lock);
	v = find_area(mm, q);
	if (v) {
		if (q->vma_name_size)
			n = name_of(v, buf, min_t(size_t, q->vma_name_size, PATH_MAX), name);
		err = n < 0 ? (int)n : 0;
		q->vma_name_size = err ? 0 : (u32)n;
		describe(v, q);
		if (q->build_id_size && v->vm_file) {
			*f = v->vm_file;
			get_file(*f);
		}
	}
	up_read(&mm->mmap_lock);
	return err;
}

static int add_build_id(struct procmap_query_k *q, struct file *f)
{
	u8 id[BUILD_ID_MAX];
	u32 n = f ? read_build_id(f, id) : 0;

	if (n > q->build_id_size)
		return -ENAMETOOLONG;
	q->build_id_size = n;
	return n && copy_to_user(UADDR(q->build_id_addr), id, n) ? -EFAULT : 0;
}

static long answer(struct mm *mm, struct procmap_query_k *q, uaddr_t arg, u64 size)
{
	char *buf = q->vma_name_size ? kmalloc(PATH_MAX, GFP_KERNEL) : NULL;
	const char *name = NULL;
	struct file *f = NULL;
	int err;

	if (q->vma_name_size && !buf)
		return -ENOMEM;
	err = query(mm, q, buf, &name, &f);
	if (!err && q->build_id_size)
		err = add_build_id(q, f);
	if (!err && q->vma_name_size &&
		copy_to_user(UADDR(q->vma_name_addr), name, q->vma_name_size))
		err = -EFAULT;
	if (!err && copy_to_user(arg, q, min(size, sizeof(*q))))
		err = -EFAULT;
	if (f)
		fput(f);
	kfree(buf);
	return err;
}

long proc_pid_maps_ioctl(struct mm *mm, u32 cmd, uaddr_t arg)
{
	struct procmap_query_k q;
	u64 size;
	long err;

	if (cmd != PROCMAP_QUERY_K)
		return -ENOTTY;
	if (copy_from_user(&size, arg, sizeof(size)))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < offsetof(struct procmap_query_k, vma_start))
		return -EINVAL;
	err = copy_struct_from_user(&q, sizeof(q), arg, size);
	if (err)
		return err;
	if (q.query_flags & ~(u64)(QUERY_RIGHTS | QUERY_NEXT | QUERY_FILE) ||
		!q.vma_name_size != !q.vma_name_addr || !q.build_id_size != !q.build_id_addr)
		return -EINVAL;
	if (!mm || !atomic_inc_not_zero(&mm->mm_users))
		return -ESRCH;
	err = answer(mm, &q, arg, size);
	mmput(mm);
	return err;
}
