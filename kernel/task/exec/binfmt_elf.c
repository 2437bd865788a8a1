/* SPDX-License-Identifier: MIT */
/*
 * binfmt_elf.c: builds an address space from an ELF file, while the old one still exists.
 *
 * load_elf() checks the headers and makes a new mm. It chooses the layout (stack, mmap base, place
 * of a PIE: all random unless ADDR_NO_RANDOMIZE). It maps the stack with the strings, the program,
 * its interpreter, the vDSO and the heap. At last it writes the vectors below the strings: argc,
 * argv, envp, auxv. exec.c replaces the old mm by the new one. Nothing here changes current. But
 * Linux gives up the old program once it has read the headers of the program and the interpreter.
 * Therefore a later error does not make execve return an error: it kills the caller
 * (bprm.too_late).
 *
 * Invariants: no value in the file is trusted (elf_check.c). Every segment lies within the range
 * that its file asks for. A program's range must be free. An interpreter's range may replace parts
 * of the program, but not of the stack.
 *
 * 32-bit programs are not supported (ENOEXEC), and PT_GNU_PROPERTY is ignored.
 */
#include <asm-generic/mman-common.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "kernel/lib/sysctl.h"
#include "kernel/task/exec/elf_check.h"
#include "kernel/task/exec/exec.h"

/* Newer than the headers of the build. */
#define AT_RSEQ_FEATURE_SIZE_ 27
#define AT_RSEQ_ALIGN_ 28
#define AT_FLAGS_PRESERVE_ARGV0_ 1
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#define STACK_RND_BITS 22
#define BRK_RND_BITS 13 /* random bits of pages: 32 MiB */
#define STACK_GUARD_GAP (256 * PAGE_SIZE)
#define USER_HZ_TICKS 100
/*
 * Size of an address space below which addresses are less random, since they are scarce inside
 * another instance.
 */
#define SMALL_WORLD (1UL << 46)

int sysctl_randomize_va_space = 2;
static int mmap_rnd_bits = 28; /* vm.mmap_rnd_bits: random bits of pages */

/* An ELF file: the program or its interpreter. */
struct image {
	struct file *file;
	Elf64_Ehdr eh;
	Elf64_Phdr *ph;
	struct elf_extent ext;
	u64 bias; /* added to the addresses in the file */
};

struct loader {
	struct bprm *b;
	struct mm *mm;
	struct image prog, interp;
	bool has_interp, exec_stack, randomize;
	u64 stack_top, vdso;
};

/* ---- reading ---- */

/*
 * Reads the headers of an image. Returns 0 or -errno. @bad: the error if they are invalid. @cut:
 * the error if the file ends within the ELF header.
 */
static int image_read(struct image *im, struct file *file, int bad, int cut)
{
	u64 size;
	int err;

	im->file = file;
	err = read_exact(file, &im->eh, sizeof(im->eh), 0);
	if (err)
		return err == -ENOEXEC ? cut : err;
	if (elf_check_header(&im->eh))
		return bad;
	size = im->eh.e_phnum * sizeof(Elf64_Phdr);
	im->ph = kmalloc(size, GFP_KERNEL);
	if (!im->ph)
		return -ENOMEM;
	err = read_exact(file, im->ph, size, im->eh.e_phoff);
	return err == -ENOEXEC ? bad : err;
}

/*
 * Reads the interpreter's name. Returns the name, which the caller frees with kfree(); NULL if the
 * program is static; or ERR_PTR.
 */
static char *interp_name(const struct image *im)
{
	for (u32 i = 0; i < im->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &im->ph[i];
		char *name;
		int err;

		if (p->p_type != PT_INTERP)
			continue;
		if (p->p_filesz > PATH_MAX || p->p_filesz < 2)
			return ERR_PTR(-ENOEXEC);
		name = kmalloc(p->p_filesz, GFP_KERNEL);
		if (!name)
			return ERR_PTR(-ENOMEM);
		err = read_exact(im->file, name, p->p_filesz, p->p_offset);
		if (err == -ENOEXEC)
			err = -EIO;
		else if (!err && name[p->p_filesz - 1])
			err = -ENOEXEC;
		if (!err)
			return name;
		kfree(name);
		return ERR_PTR(err);
	}
	return NULL;
}

/* Opens the interpreter, if the program names one, and reads its headers. Returns 0 or -errno. */
static int open_interp(struct loader *l)
{
	char *name = interp_name(&l->prog);
	struct file *f;

	if (IS_ERR_OR_NULL(name))
		return PTR_ERR(name);
	f = open_exec(
		AT_FDCWD, *name ? name : ".", 0); /* empty: the working directory, so EACCES */
	kfree(name);
	if (IS_ERR(f))
		return PTR_ERR(f);
	bprm_note_reading(l->b, f);
	l->has_interp = true;
	return image_read(&l->interp, f, -ELIBBAD, -EIO);
}

static void read_stack_rights(struct loader *l)
{
	for (u32 i = 0; i < l->prog.eh.e_phnum; i++)
		if (l->prog.ph[i].p_type == PT_GNU_STACK)
			l->exec_stack = l->prog.ph[i].p_flags & PF_X;
	if (BPRM_PERSONALITY(l->b) & READ_IMPLIES_EXEC_BIT)
		l->exec_stack = true;
}

/* ---- layout ---- */

u64 random_pages(u32 bits)
{
	u64 r;

	arch_random(&r, sizeof(r));
	return (r & (BIT(bits) - 1)) << PAGE_SHIFT;
}

static u64 layout_random(const struct loader *l, u32 bits)
{
	if (!l->randomize)
		return 0;
	return random_pages(l->mm->task_size < SMALL_WORLD ? min(bits, 16U) : bits);
}

static u64 mmap_random(const struct loader *l)
{
	return layout_random(l, (u32)READ_ONCE(mmap_rnd_bits));
}

/* Chooses the addresses of stack and mappings, and makes the stack. Returns 0 or -errno. */
static int choose_layout(struct loader *l)
{
	struct mm *mm = l->mm;
	u64 top = round_down(mm->task_size - PAGE_SIZE, PAGE_SIZE), gap, pad;

	l->randomize =
		sysctl_randomize_va_space && !(BPRM_PERSONALITY(l->b) & ADDR_NO_RANDOMIZE_BIT);
	pad = l->randomize ? PAGE_SIZE << (mm->task_size < SMALL_WORLD ? 16 : STACK_RND_BITS) : 0;
	gap = rlimit(RLIMIT_STACK);
	if (gap + pad + STACK_GUARD_GAP > gap)
		gap += pad + STACK_GUARD_GAP;
	gap = clamp(gap, 128UL << 20, mm->task_size / 6 * 5);
	l->stack_top = top - layout_random(l, STACK_RND_BITS);
	mm->mmap_base = round_down(mm->task_size - gap - mmap_random(l), PAGE_SIZE);
	return mm_setup_stack(mm, l->stack_top, VM_READ | VM_WRITE | (l->exec_stack ? VM_EXEC : 0));
}

/* ---- mapping ---- */

static int elf_prot(u32 flags)
{
	return ((flags & PF_R) ? PROT_READ : 0) | ((flags & PF_W) ? PROT_WRITE : 0) |
	       ((flags & PF_X) ? PROT_EXEC : 0);
}

/* Maps a part of @f (NULL: zeros) at @addr. @len and @off in bytes. Returns 0 or -errno. */
static int map_at(struct mm *mm, struct file *f, u64 addr, u64 len, int prot, u64 off)
{
	int flags = MAP_PRIVATE | MAP_FIXED | (f ? 0 : MAP_ANONYMOUS);
	u64 got;

	if (!len)
		return 0;
	got = do_mmap(mm, f, addr, len, prot, flags, off >> PAGE_SHIFT);
	if (IS_ERR_VALUE(got))
		return (int)got;
	return got == addr ? 0 : -ENOMEM;
}

static int clear_tail(struct mm *mm, u64 addr)
{
	static const u8 zeros[PAGE_SIZE];
	u64 n = PAGE_ALIGN(addr) - addr;

	if (n && access_mm(mm, addr, (void *)zeros, n, true, false) != (ssize_t)n)
		return -EFAULT;
	return 0;
}

/*
 * Maps a segment: first the part that is in the file, then zeros up to the page's end, then whole
 * pages of zeros. Returns 0 or -errno.
 */
static int map_segment(
	struct mm *mm, const struct image *im, const Elf64_Phdr *p, bool implies_exec)
{
	u64 start = p->p_vaddr + im->bias, file_end = start + p->p_filesz;
	u64 end = start + p->p_memsz, in_page = start & ~PAGE_MASK;
	u64 file_pages = p->p_filesz ? PAGE_ALIGN(file_end) : round_down(start, PAGE_SIZE);
	int prot = elf_prot(p->p_flags), zeros = PROT_READ | PROT_WRITE, err;

	if (implies_exec && (prot & PROT_READ))
		prot |= PROT_EXEC;
	/* Whole pages of zeros are always writable, even in a read-only segment. */
	zeros |= prot & PROT_EXEC;
	if (p->p_filesz) {
		err = map_at(mm, im->file, start - in_page, file_pages - (start - in_page), prot,
			p->p_offset - in_page);
		if (!err && p->p_memsz > p->p_filesz && (prot & PROT_WRITE))
			err = clear_tail(mm, file_end);
		if (err)
			return err;
	}
	if (PAGE_ALIGN(end) <= file_pages)
		return 0;
	return map_at(mm, NULL, file_pages, PAGE_ALIGN(end) - file_pages, zeros, 0);
}

/*
 * Unmaps all that an image with fixed addresses finds in its range, if it is an interpreter
 * (@interp). Returns 0 or -errno: -EEXIST if the range is in use and @interp is false, or if the
 * range contains the stack.
 */
static int clear_range(struct mm *mm, u64 start, u64 end, bool interp)
{
	struct vm_area *vma;
	bool free, may = interp;

	down_read(&mm->mmap_lock);
	vma = find_vma(mm, start);
	free = !vma || vma->vm_start >= end;
	for (; vma && vma->vm_start < end; vma = find_vma(mm, vma->vm_end))
		may &= !(vma->vm_flags & VM_STACK);
	up_read(&mm->mmap_lock);
	if (free)
		return 0;
	return may ? do_munmap(mm, start, end - start) : -EEXIST;
}

/*
 * Maps all segments of an image: from @base on if it is relocatable (ET_DYN), otherwise at the
 * addresses in the file. Returns 0 or -errno.
 */
static int image_map(struct loader *l, struct image *im, u64 base)
{
	bool implies_exec = BPRM_PERSONALITY(l->b) & READ_IMPLIES_EXEC_BIT;
	u64 start, end;
	int err;

	im->bias = im->eh.e_type == ET_DYN ? base - im->ext.start : 0;
	start = im->ext.start + im->bias;
	end = im->ext.end + im->bias;
	if (start < MMAP_MIN_ADDR)
		return -EPERM;
	if (end < start || end > l->mm->task_size)
		return -ENOMEM;
	err = clear_range(l->mm, start, end, im == &l->interp);
	for (u32 i = 0; i < im->eh.e_phnum && !err; i++)
		if (im->ph[i].p_type == PT_LOAD && im->ph[i].p_memsz)
			err = map_segment(l->mm, im, &im->ph[i], implies_exec);
	return err;
}

static u64 free_base(struct mm *mm, const struct image *im)
{
	return get_unmapped_area(mm, 0, im->ext.end - im->ext.start, im->ext.align);
}

/*
 * Maps the program. Returns 0 or -errno. A PIE with an interpreter is placed at two thirds of the
 * address space. The interpreter itself, or a static PIE, is placed below mmap_base.
 */
static int map_program(struct loader *l)
{
	struct image *im = &l->prog;
	u64 base = 0;

	if (im->eh.e_type == ET_DYN) {
		if (l->has_interp)
			base = round_down(l->mm->task_size / 3 * 2 + mmap_random(l), im->ext.align);
		else
			base = free_base(l->mm, im);
		if (IS_ERR_VALUE(base))
			return (int)base;
	}
	return image_map(l, im, base);
}

/* Maps the ELF interpreter if there is one. Returns 0 or -errno. */
static int map_interp(struct loader *l)
{
	u64 base = 0;

	if (!l->has_interp)
		return 0;
	if (l->interp.eh.e_type == ET_DYN) {
		base = free_base(l->mm, &l->interp);
		if (IS_ERR_VALUE(base))
			return (int)base;
	}
	return image_map(l, &l->interp, base);
}

/* Sets the bounds of code and data in the new memory, which no other task sees yet. */
static void note_segments(struct mm *mm, const struct image *im)
{
	mm->start_code = ~0UL;
	mm->start_data = mm->end_code = mm->end_data = 0;
	for (u32 i = 0; i < im->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &im->ph[i];
		u64 start = p->p_vaddr + im->bias, end = start + p->p_filesz;

		if (p->p_type != PT_LOAD)
			continue;
		if ((p->p_flags & PF_X) && start < mm->start_code)
			mm->start_code = start;
		if (start > mm->start_data)
			mm->start_data = start;
		if ((p->p_flags & PF_X) && end > mm->end_code)
			mm->end_code = end;
		if (end > mm->end_data)
			mm->end_data = end;
	}
	if (mm->start_code == ~0UL)
		mm->start_code = 0;
}

/*
 * Places the heap after the program. A static PIE is often a loader that a user runs directly. The
 * program that it loads is placed near it. So with random addresses its heap begins at two thirds
 * of the address space.
 */
static void set_brk(struct loader *l)
{
	struct mm *mm = l->mm;
	u64 brk = l->prog.ext.end + l->prog.bias;

	if (l->randomize && l->prog.eh.e_type == ET_DYN && !l->has_interp)
		brk = PAGE_ALIGN(mm->task_size / 3 * 2);
	if (l->randomize && sysctl_randomize_va_space > 1)
		brk += layout_random(l, BRK_RND_BITS);
	mm->start_brk = mm->brk = brk;
}

/* ---- the vectors ---- */

static void aux(struct mm *mm, u64 type, u64 value)
{
	mm->auxv[mm->nr_auxv++] = type;
	mm->auxv[mm->nr_auxv++] = value;
}

/* Fills in the auxiliary vector, in Linux's order on x86-64. */
static void fill_auxv(struct loader *l, u64 random, u64 platform, u64 execfn)
{
	const struct image *im = &l->prog;
	const struct cred *c = l->b->cred;
	struct mm *mm = l->mm;

	mm->nr_auxv = 0;
	if (l->vdso)
		aux(mm, AT_SYSINFO_EHDR, l->vdso);
	aux(mm, AT_MINSIGSTKSZ, arch_auxv(AT_MINSIGSTKSZ));
	aux(mm, AT_HWCAP, arch_auxv(AT_HWCAP));
	aux(mm, AT_PAGESZ, PAGE_SIZE);
	aux(mm, AT_CLKTCK, USER_HZ_TICKS);
	aux(mm, AT_PHDR, im->ext.phdr_vaddr ? im->ext.phdr_vaddr + im->bias : 0);
	aux(mm, AT_PHENT, sizeof(Elf64_Phdr));
	aux(mm, AT_PHNUM, im->eh.e_phnum);
	aux(mm, AT_BASE, l->has_interp ? l->interp.bias : 0);
	aux(mm, AT_FLAGS, l->b->keep_argv0 ? AT_FLAGS_PRESERVE_ARGV0_ : 0);
	aux(mm, AT_ENTRY, im->eh.e_entry + im->bias);
	aux(mm, AT_UID, from_kuid_munged(c->user_ns, c->uid));
	aux(mm, AT_EUID, from_kuid_munged(c->user_ns, c->euid));
	aux(mm, AT_GID, from_kgid_munged(c->user_ns, c->gid));
	aux(mm, AT_EGID, from_kgid_munged(c->user_ns, c->egid));
	aux(mm, AT_SECURE, l->b->secure);
	aux(mm, AT_RANDOM, random);
	aux(mm, AT_HWCAP2, arch_auxv(AT_HWCAP2));
	aux(mm, AT_EXECFN, execfn);
	aux(mm, AT_RSEQ_FEATURE_SIZE_, 28); /* bytes up to the end of mm_cid */
	aux(mm, AT_RSEQ_ALIGN_, 32);
	aux(mm, AT_PLATFORM, platform);
	if (l->b->executable) {
		aux(mm, AT_EXECFD, 0); /* hand_over_executable() sets the value */
		l->b->execfd_nr = mm->nr_auxv - 1;
	}
	aux(mm, AT_NULL, 0);
}

static int put(struct mm *mm, u64 addr, const void *buf, size_t n)
{
	return access_mm(mm, addr, (void *)buf, n, true, true) == (ssize_t)n ? 0 : -EFAULT;
}

/*
 * Writes pointers to the @n strings that begin at *str, in batches, and a NULL. Advances *sp and
 * *str. Returns 0 or -errno.
 */
static int put_pointers(const struct exec_args *a, struct mm *mm, int n, u64 *sp, u64 *str, u64 top)
{
	u64 batch[64];
	u32 used = 0;
	int err;

	for (int i = 0; i <= n; i++) {
		batch[used++] = i < n ? *str : 0;
		if (used == ARRAY_SIZE(batch) || i == n) {
			err = put(mm, *sp, batch, used * sizeof(u64));
			if (err)
				return err;
			*sp += used * sizeof(u64);
			used = 0;
			cond_resched();
		}
		while (i < n) { /* finds the end of the string */
			u64 off = ARG_AREA - (top - *str);
			u64 len = PAGE_SIZE - off % PAGE_SIZE;
			const u8 *from = a->pages[off / PAGE_SIZE] + off % PAGE_SIZE;
			const u8 *end = memchr(from, 0, len);

			*str += end ? (u64)(end - from) + 1 : len;
			if (end)
				break;
		}
	}
	return 0;
}

/*
 * Writes argc, the pointers to strings and the auxiliary vector to the new stack. Returns 0 or
 * -errno.
 */
static int build_vectors(struct loader *l)
{
	static const char platform[] = "x86_64";
	const struct exec_args *a = &l->b->args;
	u64 top = l->stack_top, sp = top - (ARG_AREA - a->p), str = sp, argc = (u64)a->argc;
	u64 random_at, platform_at, r[2];
	struct mm *mm = l->mm;
	int err;

	arch_random(r, sizeof(r));
	if (l->randomize)
		sp -= r[0] % 8192;
	sp &= ~15UL;
	platform_at = sp -= sizeof(platform);
	random_at = sp -= sizeof(r);
	arch_random(r, sizeof(r));
	err = put(mm, platform_at, platform, sizeof(platform));
	if (!err)
		err = put(mm, random_at, r, sizeof(r));
	if (err)
		return err;
	fill_auxv(l, random_at, platform_at, top - (ARG_AREA - a->exec));
	sp -= (mm->nr_auxv + argc + (u64)a->envc + 3) * sizeof(u64);
	sp &= ~15UL;
	mm->start_stack = l->b->sp = sp;

	err = put(mm, sp, &argc, sizeof(argc));
	sp += sizeof(argc);
	mm->arg_start = str;
	if (!err)
		err = put_pointers(a, mm, a->argc, &sp, &str, top);
	mm->arg_end = mm->env_start = str;
	if (!err)
		err = put_pointers(a, mm, a->envc, &sp, &str, top);
	mm->env_end = str;
	l->b->execfd_at = sp + l->b->execfd_nr * sizeof(u64);
	return err ? err : put(mm, sp, mm->auxv, mm->nr_auxv * sizeof(u64));
}

/* ---- load_elf ---- */

static int image_check(const struct loader *l, struct image *im)
{
	return elf_check_segments(&im->eh, im->ph, l->mm->task_size, &im->ext);
}

/* Maps the program and its interpreter, and sets b->entry and b->sp. Returns 0 or -errno. */
static int build_mm(struct loader *l)
{
	struct image *entry = l->has_interp ? &l->interp : &l->prog;
	int err;

	err = image_check(l, &l->prog);
	if (!err && l->has_interp)
		err = image_check(l, &l->interp);
	if (err)
		return err;
	read_stack_rights(l);
	err = choose_layout(l);
	if (!err)
		err = args_write(&l->b->args, l->mm, l->stack_top);
	if (!err)
		err = map_program(l);
	if (!err)
		err = map_interp(l);
	if (!err)
		err = arch_entry.map_vdso(l->mm, &l->vdso);
	if (err)
		return err;
	l->mm->vdso_base = l->vdso;
	note_segments(l->mm, &l->prog);
	set_brk(l);
	l->b->entry = entry->eh.e_entry + entry->bias;
	if (l->b->entry >= l->mm->task_size)
		return -EINVAL;
	return build_vectors(l);
}

int load_elf(struct bprm *b)
{
	struct loader *l;
	int err;

	if (memcmp(b->buf, ELFMAG, SELFMAG))
		return -ENOEXEC;
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	l->b = b;
	l->mm = mm_alloc();
	err = -ENOMEM;
	if (!l->mm)
		goto out_free;
	if (!l->mm->task_size)
		l->mm->task_size = arch_task_size();
	err = image_read(&l->prog, b->file, -ENOEXEC, -ENOEXEC);
	if (!err && l->prog.eh.e_type != ET_EXEC && l->prog.eh.e_type != ET_DYN)
		err = -ENOEXEC;
	if (!err)
		err = open_interp(l);
	if (!err) {
		b->too_late = true;
		err = build_mm(l);
	}
	if (!err) {
		mm_prefault(l->mm, b->file);
		b->mm = l->mm;
		l->mm = NULL;
	}
	if (l->has_interp)
		exe_file_put(l->interp.file);
	kfree(l->interp.ph);
	kfree(l->prog.ph);
	if (l->mm)
		mmput(l->mm);
out_free:
	kfree(l);
	return err;
}

static const struct sysctl knobs[] = {
	{ .path = "vm/mmap_rnd_bits",
		.kind = SYSCTL_INT,
		.mode = 0600,
		.data = &mmap_rnd_bits,
		.min = 28,
		.max = 32 },
};

static int layout_init(void)
{
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(4, layout_init);
