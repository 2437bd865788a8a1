/* SPDX-License-Identifier: MIT */
/*
 * sysv_shm.c: shared memory segments: shmget, shmat, shmdt.
 *
 * The memory of a segment is a tmpfs file without a name (shmem_file_setup). For huge pages
 * (SHM_HUGETLB) it is a file of hugetlbfs, whose pages are all reserved when it is made. Each
 * attach maps that inode through a struct file of its own, whose vm_operations count the VMAs:
 * shm_open at each mmap, fork and split, shm_close at each unmap, exec and exit. So nattch is the
 * number of VMAs, and two adjacent attaches never merge.
 *
 * States: in the table -> (IPC_RMID with VMAs left) SHM_DEST: no key, still found by its id -> (no
 * VMA left, or IPC_RMID without any) removed: out of the table, the file is put.
 *
 * Invariants:
 * 1. The file of an attach holds a reference to the segment and one to its namespace.
 * 2. The table holds a reference to each segment that is not removed.
 * 3. ns->shm_pages counts the pages of segments that are not freed.
 *
 * Locks: perm.lock for all fields. mmap_lock is outside of it (shm_close), so perm.lock is never
 * held over do_mmap.
 */
#include <asm/mman.h>
#include <linux/mman.h>
#include <linux/resource.h>

#include "kernel/ipc/sysv_shm.h"
#include "kernel/mm/hugetlb/hugetlb.h"

static const struct file_operations shm_file_ops;

/* ---- the object ---- */

/* Checks that current may reserve huge pages: 0 or -EPERM. */
static int may_huge(void)
{
	kgid_t group = make_kgid(&init_user_ns, (u32)READ_ONCE(sysctl_hugetlb_shm_group));

	return capable(CAP_IPC_LOCK) || in_group(group) ? 0 : -EPERM;
}

/* Makes the file with the memory of a segment. Returns it with a reference, or ERR_PTR. */
static struct file *shm_backing(const struct sysv_request *r)
{
	struct file *f;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "SYSV%08x", (u32)r->key);
	if (!(r->flags & SHM_HUGETLB))
		return shmem_file_setup(name, (loff_t)r->size);
	err = may_huge();
	if (err)
		return ERR_PTR(err);
	f = hugetlb_file_setup(
		name, (loff_t)round_up(r->size, HPAGE_SIZE), !(r->flags & SHM_NORESERVE));
	/* the reservation is made already, so an attach reserves nothing and cannot fail */
	if (!IS_ERR(f))
		f->f_mapping->huge->prepaid = true;
	return f;
}

static struct sysv_perm *shm_make(const struct sysv_request *r)
{
	struct ipc_namespace *ns = r->ns;
	u64 pages = PAGE_ALIGN(r->size) >> PAGE_SHIFT;
	struct shm_segment *s;
	int err = -ENOMEM;

	if (r->flags & SHM_HUGETLB &&
		!hugetlb_size_known((u32)r->flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK))
		return ERR_PTR(-EINVAL);
	if (r->size < SHMMIN || r->size > ns->shm_max || (s64)r->size < 0)
		return ERR_PTR(-EINVAL);
	if (pages << PAGE_SHIFT < r->size ||
		(u64)atomic_add_return((s64)pages, &ns->shm_pages) > ns->shm_all) {
		if (pages << PAGE_SHIFT >= r->size)
			atomic_sub((s64)pages, &ns->shm_pages);
		return ERR_PTR(-ENOSPC);
	}
	s = ipc_zalloc(sizeof(*s));
	if (!s)
		goto err_pages;
	sysv_perm_init(&s->perm, r);
	s->ns = ns;
	s->size = r->size;
	s->pages = pages;
	if (!(r->flags & (SHM_NORESERVE | SHM_HUGETLB))) {
		err = vm_enough_memory(pages);
		if (err)
			goto err_free;
		s->accounted = true;
	}
	s->file = shm_backing(r);
	err = PTR_ERR(s->file);
	if (IS_ERR(s->file))
		goto err_unaccount;
	s->ctime = sysv_now();
	s->cpid = sysv_get_tgid();
	s->creator = get_pid(current->thread_pid);
	return &s->perm;

err_unaccount:
	if (s->accounted)
		vm_unacct_memory(pages);
err_free:
	ipc_free(s, sizeof(*s));
err_pages:
	atomic_sub((s64)pages, &ns->shm_pages);
	return ERR_PTR(err);
}

static void shm_free(struct sysv_perm *p)
{
	struct shm_segment *s = to_shm(p);

	fput(s->file);
	if (s->accounted)
		vm_unacct_memory(s->pages);
	atomic_sub((s64)s->pages, &s->ns->shm_pages);
	sysv_set_pid(&s->cpid, NULL);
	sysv_set_pid(&s->lpid, NULL);
	sysv_set_pid(&s->creator, NULL);
	ipc_free(s, sizeof(*s));
}

static int shm_fits(struct sysv_perm *p, const struct sysv_request *r)
{
	return to_shm(p)->size < r->size ? -EINVAL : 0;
}

static int shm_limit(struct ipc_namespace *ns)
{
	return ns->shm_mni;
}

/*
 * Removes the segment from the table. perm.lock is held on entry, and released. The caller has a
 * reference of its own.
 */
static void shm_remove_unlock(struct ipc_namespace *ns, struct shm_segment *s)
{
	s->perm.removed = true;
	sysv_remove(ns, IPC_SHM, &s->perm);
	spin_unlock(&s->perm.lock);
	sysv_put(&sysv_shm_type, &s->perm);
}

/* Serves IPC_RMID. perm.lock is held on entry, and released. */
static void shm_rmid_locked(struct ipc_namespace *ns, struct shm_segment *s)
{
	assert_spin_held(&s->perm.lock);
	if (!s->nattch) {
		shm_remove_unlock(ns, s);
		return;
	}
	s->perm.mode |= SHM_DEST;
	sysv_forget_key(ns, IPC_SHM, &s->perm);
	spin_unlock(&s->perm.lock);
}

static void shm_destroy(struct ipc_namespace *ns, struct sysv_perm *p)
{
	if (!sysv_lock(p))
		shm_rmid_locked(ns, to_shm(p));
}

const struct sysv_type sysv_shm_type = {
	.type = IPC_SHM,
	.stat_any = SHM_STAT_ANY,
	.ds_size = sizeof(struct shmid64_ds),
	.make = shm_make,
	.fits = shm_fits,
	.free = shm_free,
	.limit = shm_limit,
	.fill = shm_fill,
	.set = shm_set,
	.destroy = shm_destroy,
};

long sys_shmget(int key, size_t size, int flags)
{
	struct sysv_request r = {
		.ns = current_ipc_ns(), .key = key, .flags = flags, .size = size
	};

	return sysv_get(&sysv_shm_type, &r);
}

/* ---- VMAs ---- */

struct shm_attach {
	struct ipc_namespace *ns;
	struct shm_segment *s;
};

static void shm_open(struct vm_area *v)
{
	struct shm_attach *a = v->vm_file->private_data;

	spin_lock(&a->s->perm.lock);
	a->s->nattch++;
	a->s->atime = sysv_now();
	sysv_set_pid(&a->s->lpid, sysv_tgid(current));
	spin_unlock(&a->s->perm.lock);
}

/* True if the segment must be removed, since no VMA maps it any more. perm.lock is held. */
static bool shm_is_doomed(struct ipc_namespace *ns, const struct shm_segment *s)
{
	return !s->nattch && !s->perm.removed &&
	       (s->perm.mode & SHM_DEST || READ_ONCE(ns->shm_rmid_forced));
}

/* Counts the end of a VMA. The attach keeps the segment until the VMA's file is released. */
static void shm_close(struct vm_area *v)
{
	struct shm_attach *a = v->vm_file->private_data;
	struct shm_segment *s = a->s;

	spin_lock(&s->perm.lock);
	s->nattch--;
	s->dtime = sysv_now();
	sysv_set_pid(&s->lpid, sysv_tgid(current));
	if (shm_is_doomed(a->ns, s))
		shm_remove_unlock(a->ns, s);
	else
		spin_unlock(&s->perm.lock);
}

static const struct vm_operations shm_vm_ops = { .open = shm_open, .close = shm_close };

static int shm_mmap(struct file *f, struct vm_area *v)
{
	struct huge_file *huge = f->f_mapping->huge;
	struct shm_attach *a = f->private_data;
	int err = sysv_lock(&a->s->perm);

	if (err) /* the segment was removed after the lookup */
		return err;
	spin_unlock(&a->s->perm.lock);
	if (huge) {
		mutex_lock(&huge->lock);
		err = hugetlb_mmap(f->f_mapping, v);
		mutex_unlock(&huge->lock);
		if (err)
			return err;
	}
	v->vm_ops = &shm_vm_ops;
	shm_open(v);
	return 0;
}

static int shm_release(struct inode *inode, struct file *f)
{
	struct shm_attach *a = f->private_data;

	sysv_put(&sysv_shm_type, &a->s->perm);
	ipc_ns_put(a->ns);
	kfree(a);
	return 0;
}

static int shm_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	return 0;
}

static long shm_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct file *backing = ((struct shm_attach *)f->private_data)->s->file;

	return backing->f_op->fallocate(backing, mode, off, len);
}

static const struct file_operations shm_file_ops = {
	.mmap = shm_mmap,
	.release = shm_release,
	.fsync = shm_fsync,
	.fallocate = shm_fallocate,
};

/* ---- shmat ---- */

struct attach_request {
	u64 addr;
	int prot, map_flags;
	umode_t want;
	u32 open_flags;
};

/* Fills *r from the arguments of shmat(2). Returns 0 or -EINVAL. */
static int attach_parse(struct attach_request *r, u64 addr, int flags)
{
	bool chosen = addr != 0; /* even if addr is rounded down to 0 */

	*r = (struct attach_request){ .prot = PROT_READ | PROT_WRITE,
		.want = IPC_R | IPC_W,
		.open_flags = O_RDWR,
		.map_flags = MAP_SHARED };
	if (addr & (PAGE_SIZE - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr &= PAGE_MASK;
		if (!addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	if (!addr && flags & SHM_REMAP)
		return -EINVAL;
	if (chosen)
		r->map_flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (flags & SHM_RDONLY) {
		r->prot = PROT_READ;
		r->want = IPC_R;
		r->open_flags = O_RDONLY;
	}
	if (flags & SHM_EXEC) {
		r->prot |= PROT_EXEC;
		r->want |= IPC_X;
	}
	r->addr = addr;
	return 0;
}

/*
 * Makes the file of one attach, and takes over the caller's reference to @s. Returns ERR_PTR on
 * failure, and the caller keeps that reference.
 */
static struct file *attach_file(struct ipc_namespace *ns, struct shm_segment *s, u32 flags)
{
	struct shm_attach *a = kzalloc(sizeof(*a), GFP_KERNEL);
	struct file *f;

	if (!a)
		return ERR_PTR(-ENOMEM);
	f = alloc_file(&s->file->f_path, flags, &shm_file_ops);
	if (IS_ERR(f)) {
		kfree(a);
		return f;
	}
	a->ns = ipc_ns_get(ns);
	a->s = s;
	f->private_data = a;
	f->f_inode->i_ino = (u32)s->perm.id; /* shown in /proc/PID/maps */
	return f;
}

/* Maps the segment. Takes over the caller's reference to @s. Returns the address or -errno. */
static long attach(struct ipc_namespace *ns, struct shm_segment *s, struct attach_request *r)
{
	struct file *f = attach_file(ns, s, r->open_flags);
	/* size of the segment, rounded up to huge pages if it has them */
	u64 at, size = (u64)i_size_read(s->file->f_inode);

	if (IS_ERR(f)) {
		sysv_put(&sysv_shm_type, &s->perm);
		return PTR_ERR(f);
	}
	at = -EINVAL;
	if (!r->addr || r->addr + size >= r->addr)
		at = do_mmap(current->mm, f, r->addr, size, r->prot, r->map_flags, 0);
	fput(f);
	return at == (u64)-EEXIST ? -EINVAL : (long)at;
}

long sys_shmat(int id, unsigned long addr, int flags)
{
	struct ipc_namespace *ns = current_ipc_ns();
	struct attach_request r;
	struct sysv_perm *p;
	int err;

	if (id < 0)
		return -EINVAL;
	err = attach_parse(&r, addr, flags);
	if (err)
		return err;
	p = sysv_find(ns, IPC_SHM, id);
	if (IS_ERR(p))
		return PTR_ERR(p);
	err = sysv_lock(p);
	if (!err) {
		err = sysv_permits(p, r.want);
		spin_unlock(&p->lock);
	}
	if (err) {
		sysv_put(&sysv_shm_type, p);
		return err;
	}
	return attach(ns, to_shm(p), &r);
}

/* ---- shmdt ---- */

/* True if @v is a part of the attach at @addr, whose file is @f (NULL: not known yet). */
static bool is_piece(const struct vm_area *v, u64 addr, const struct file *f)
{
	return v->vm_ops == &shm_vm_ops && v->vm_start >= addr &&
	       (v->vm_start - addr) >> PAGE_SHIFT == v->vm_pgoff && (!f || v->vm_file == f);
}

/* Returns the first part at or after @at of the attach at @addr, or NULL. */
static struct vm_area *next_piece(struct mm *mm, u64 at, u64 addr, const struct file *f)
{
	struct vm_area *v = find_vma(mm, at);

	while (v && !is_piece(v, addr, f))
		v = find_vma(mm, v->vm_end);
	return v;
}

long sys_shmdt(unsigned long addr)
{
	struct mm *mm = current->mm;
	struct file *f = NULL;
	struct vm_area *v;
	u64 at = addr;
	long ret = -EINVAL;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	while ((v = next_piece(mm, at, addr, f))) {
		u64 end = v->vm_end;

		if (!f)
			f = get_file(v->vm_file);
		ret = munmap_locked(mm, v->vm_start, end - v->vm_start);
		if (ret || end - addr >= PAGE_ALIGN(i_size_read(f->f_inode)))
			break;
		at = end;
	}
	mmap_write_unlock(mm);
	if (f)
		fput(f);
	return ret;
}

/* ---- segments whose maker has ended ---- */

/*
 * Clears the segment's creator if it is @creator (NULL: no thread), which has ended. Then removes
 * the segment if shm_rmid_forced is set, its creator has ended and no process has it attached.
 */
static void orphan(struct ipc_namespace *ns, struct shm_segment *s, struct pid *creator)
{
	if (sysv_lock(&s->perm))
		return;
	if (creator && s->creator == creator)
		sysv_set_pid(&s->creator, NULL);
	if (!s->creator && shm_is_doomed(ns, s))
		shm_remove_unlock(ns, s);
	else
		spin_unlock(&s->perm.lock);
}

/* Calls orphan() for each segment. May sleep. */
static void for_each_segment(struct ipc_namespace *ns, struct pid *creator)
{
	struct sysv_perm *p;
	u64 at = 0;

	for (; (p = sysv_next(ns, IPC_SHM, &at)); at++) {
		orphan(ns, to_shm(p), creator);
		sysv_put(&sysv_shm_type, p);
		cond_resched();
	}
}

void shm_destroy_orphans(struct ipc_namespace *ns)
{
	for_each_segment(ns, NULL);
}

void shm_task_exit(struct task *t)
{
	struct ipc_namespace *ns = task_ipc_ns(t);

	if (ns && t->thread_pid && sysv_in_use(ns, IPC_SHM))
		for_each_segment(ns, t->thread_pid);
}
