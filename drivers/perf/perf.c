/* SPDX-License-Identifier: MIT */
/*
 * perf.c: the sampling profiler: samples what vCPUs execute, in the kernel and in guest programs.
 *
 * A thread of the host interrupts vCPUs (perf_host.c). In the kernel the signal handler takes the
 * sample: it follows the chain of frame pointers, also from the host stack to the kernel stack.
 * Each word is read with a fault fixup, since libc's frames have no valid chain. In guest code, or
 * on the way there or back (a hand-off), the sample is taken when the kick has made the task leave
 * guest code: its rip, and the chain of its frame pointers as far as that leads to code. Guest
 * addresses are recorded as file and offset; the files stay open until the profiler stops, so that
 * nestctl can read their symbols.
 *
 * While switched off, the profiler costs nothing: there are no signals and no kicks, and
 * arch_sample_ops is read only after a kick.
 *
 * Each vCPU has a ring that only it fills and one reader empties. Invariant: a handler that finds
 * its ring busy, since it has interrupted the taking of a guest sample, drops its own sample.
 *
 * Locks: files_lock (a mutex that is taken after mmap_lock) for the files.
 */
#include "drivers/perf/perf.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "arch/um/machine/arch.h"
#include "arch/um/entry/sample.h"
#include "arch/um/machine/uaccess.h"
#include "drivers/perf/perf_host.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/state/state.h"
#include "kernel/vfs/vfs.h"
#include "skas/skas.h"

#define SLOTS 128
#define FILES_MAX 128
#define NO_FILE (~0UL)
#define FILE_SHIFT 48
/* Maximum of bytes between two frames: a larger distance ends the chain. */
#define GUEST_FRAME_MAX (1UL << 20)

struct perf_ring {
	u32 head, tail; /* owners: the vCPU, the reader */
	u32 lost, busy;
	struct perf_sample slot[SLOTS];
};

extern char etext[];

static struct perf_ring *rings[MAX_CPUS]; /* allocated once */
static struct perf_looks looks[MAX_CPUS];
static DEFINE_MUTEX(files_lock);
static struct file *files[FILES_MAX]; /* references, under files_lock */
static u32 nr_named;
/* Under files_lock, so that a late sample does not take a reference to a file. */
static bool on;

/* ---- rings ---- */

static struct perf_sample *slot_begin(struct perf_ring *r)
{
	if (READ_ONCE(r->busy) || r->head - smp_load_acquire(&r->tail) == SLOTS) {
		r->lost++;
		return NULL;
	}
	WRITE_ONCE(r->busy, 1);
	barrier();
	return &r->slot[r->head % SLOTS];
}

static void slot_end(struct perf_ring *r)
{
	smp_store_release(&r->head, r->head + 1);
	WRITE_ONCE(r->busy, 0);
}

static bool take_next(struct perf_sample *s, u32 *lost)
{
	*lost = 0;
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		struct perf_ring *r = rings[cpu];

		if (!r)
			continue;
		*lost += xchg(&r->lost, 0);
		if (smp_load_acquire(&r->head) == r->tail)
			continue;
		*s = r->slot[r->tail % SLOTS];
		smp_store_release(&r->tail, r->tail + 1);
		return true;
	}
	return false;
}

bool perf_next(struct perf_sample *s, u32 *lost)
{
	*lost = 0;
	return READ_ONCE(on) && take_next(s, lost);
}

u32 perf_idle(void)
{
	u32 sum = 0;

	for (int cpu = 0; cpu < nr_cpus; cpu++)
		sum += xchg(&looks[cpu].idle, 0);
	return READ_ONCE(on) ? sum : 0;
}

/* ---- in the kernel: on a signal stack, without current ---- */

static bool read_word(u64 addr, u64 *value)
{
	u64 v = 0, ok = 0;

	if (addr & 7)
		return false;
	__asm__ volatile("1: mov (%2),%0\n\tmov $1,%k1\n2:\n" ARCH_FIXUP("1b", "2b")
			 : "+r"(v), "+r"(ok)
			 : "r"(addr)
			 : "memory");
	*value = v;
	return ok;
}

static bool is_code(u64 addr)
{
	return addr >= KERNEL_IMAGE_BASE && addr < (u64)etext;
}

/* Returns the task on whose kernel stack @p is, or NULL. */
static const struct task *task_on_stack(u64 p)
{
	u64 head = (p & ~(u64)(KSTACK_ALIGN - 1)) + KSTACK_SIZE, task;

	if (p < KSTACK_BASE || p >= KSTACK_BASE + KSTACK_WINDOW || !(p & KSTACK_SIZE) ||
		!read_word(head, &task))
		return NULL;
	return (const struct task *)task;
}

static void name_task(struct perf_sample *s, const struct task *t)
{
	u64 words[2] = { 0, 0 }, pid = 0;

	s->pid = 0;
	if (t && read_word((u64)&t->pid & ~7UL, &pid) &&
		read_word((u64)t->comm & ~7UL, &words[0]) &&
		read_word(((u64)t->comm & ~7UL) + 8, &words[1])) {
		s->pid = (u32)t->pid;
		memcpy(s->comm, t->comm, sizeof(s->comm));
	} else {
		memcpy(s->comm, "kernel", sizeof("kernel"));
	}
	s->comm[sizeof(s->comm) - 1] = 0;
}

static void sample_kernel(int cpu, u64 rip, u64 rbp, u64 rsp)
{
	struct perf_ring *r = rings[cpu];
	/* A thread that waits for a CPU of the host gets several signals as one. */
	u32 weight = xchg(&looks[cpu].kernel, 0);
	struct perf_sample *s = r && weight ? slot_begin(r) : NULL;
	const struct task *t = task_on_stack(rsp);
	u64 next, ret;

	if (!s)
		return;
	s->kind = PERF_KERNEL;
	s->weight = weight;
	s->pc[0] = rip;
	s->n = 1;
	while (s->n < PERF_DEPTH && read_word(rbp, &next) && read_word(rbp + 8, &ret) &&
		is_code(ret)) {
		if (!t)
			t = task_on_stack(rbp);
		s->pc[s->n++] = ret - 1;
		/*
		 * Frames must be at rising addresses, except for the step from the host's stack to
		 * the kernel's.
		 */
		if (next <= rbp && (task_on_stack(rbp) || !task_on_stack(next)))
			break;
		rbp = next;
	}
	name_task(s, t);
	slot_end(r);
}

/* ---- in guest code: when the task returns to the kernel ---- */

static u64 file_number(struct file *f)
{
	u64 id = 0;

	mutex_lock(&files_lock);
	while (id < nr_named && files[id]->f_inode != f->f_inode)
		id++;
	if (id == nr_named && nr_named < FILES_MAX && on) {
		get_file(f);
		files[nr_named++] = f;
	} else if (id == nr_named) {
		id = FILES_MAX;
	}
	mutex_unlock(&files_lock);
	return id;
}

/* Finds the file and offset of an address. Returns false if there is no code. mmap_lock is held. */
static bool place(struct mm *mm, u64 addr, u64 *pc)
{
	struct vm_area *v = find_vma(mm, addr);
	u64 id = FILES_MAX;

	if (!v || addr < v->vm_start || !(v->vm_flags & VM_EXEC))
		return false;
	if (v->vm_file)
		id = file_number(v->vm_file);
	*pc = id < FILES_MAX ?
		      id << FILE_SHIFT | (addr - v->vm_start + (v->vm_pgoff << PAGE_SHIFT)) :
		      NO_FILE;
	return true;
}

/* Stores the guest stack of @t in @pc. Returns its number of frames, or 0 if it cannot be read. */
static u16 guest_stack(struct task *t, u64 *pc)
{
	u64 rbp = t->arch.regs.rbp, frame[2];
	struct mm *mm = t->mm;
	u16 n = 0;

	if (!mm || !down_read_trylock(&mm->mmap_lock))
		return 0;
	if (place(mm, t->arch.regs.rip, &pc[0]))
		n = 1;
	while (n && n < PERF_DEPTH && !(rbp & 7) &&
		!copy_from_user_nofault(frame, UADDR(rbp), sizeof(frame)) && frame[0] > rbp &&
		frame[0] - rbp < GUEST_FRAME_MAX && place(mm, frame[1] - 1, &pc[n])) {
		rbp = frame[0];
		n++;
	}
	up_read(&mm->mmap_lock);
	return n;
}

static void put_guest(const struct task *t, enum perf_kind kind, u32 weight, const u64 *pc, u16 n)
{
	struct perf_ring *r = rings[smp_processor_id()];
	struct perf_sample *s = weight && r ? slot_begin(r) : NULL;

	if (!s)
		return;
	s->kind = kind;
	s->weight = weight;
	s->pid = (u32)t->pid;
	s->n = n;
	memcpy(s->comm, t->comm, sizeof(s->comm));
	s->comm[sizeof(s->comm) - 1] = 0;
	memcpy(s->pc, pc, n * sizeof(*pc));
	slot_end(r);
}

/*
 * Samples the guest after a kick, which takes some time to arrive. If it came before the task
 * executed an instruction (@first), all ticks count as hand-offs. Otherwise the clock thread's
 * observations decide.
 */
static void sample_guest(struct task *t, bool first)
{
	struct perf_looks *l = &looks[smp_processor_id()];
	u32 guest = xchg(&l->guest, 0), handoff = xchg(&l->handoff, 0);
	u64 pc[PERF_DEPTH];
	u16 n;

	if (!guest)
		return;
	handoff = first ? guest : min(handoff, guest);
	n = guest_stack(t, pc);
	put_guest(t, PERF_GUEST, guest - handoff, pc, n);
	put_guest(t, PERF_HANDOFF, handoff, pc, n);
}
static const struct arch_sample_ops sample_ops = { .guest = sample_guest };

/* ---- files ---- */

static struct file *file_get(u32 id)
{
	struct file *f = NULL;

	mutex_lock(&files_lock);
	if (id < nr_named)
		f = get_file(files[id]);
	mutex_unlock(&files_lock);
	return f;
}

bool perf_file_path(u32 id, char *buf, size_t size)
{
	struct file *f = file_get(id);
	char *page, *path;

	if (!f)
		return false;
	page = get_free_page(GFP_KERNEL);
	path = page ? d_path(&f->f_path, page, PAGE_SIZE) : ERR_PTR(-ENOMEM);
	scnprintf(buf, size, "%s", IS_ERR(path) ? "?" : path);
	if (page)
		free_page_addr(page);
	fput(f);
	return true;
}

int perf_file_open(const char *path)
{
	struct file *f = filp_open(path, O_RDONLY | O_NONBLOCK | O_LARGEFILE, 0);
	u64 id = FILES_MAX;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	if (S_ISREG(f->f_inode->i_mode))
		id = file_number(f);
	fput(f);
	return id < FILES_MAX ? (int)id : -ENOENT;
}

ssize_t perf_file_read(u32 id, void *buf, size_t n, u64 off)
{
	struct file *f = file_get(id);
	loff_t pos = (loff_t)off;
	ssize_t got;

	if (!f)
		return -ENOENT;
	got = off >> 62 ? -EINVAL : kernel_read(f, buf, n, &pos);
	fput(f);
	return got;
}

static void set_on(bool to)
{
	mutex_lock(&files_lock);
	WRITE_ONCE(on, to);
	mutex_unlock(&files_lock);
}

static void forget_files(void)
{
	for (;;) {
		struct file *f = NULL;

		mutex_lock(&files_lock);
		if (nr_named)
			f = files[--nr_named];
		mutex_unlock(&files_lock);
		if (!f)
			return;
		fput(f);
	}
}

/* ---- on and off ---- */

int perf_start(int hz)
{
	int err;
	u32 lost;
	static struct perf_sample old; /* static: too large for the stack */
	static struct perf_host host = {
		.kernel = sample_kernel,
		.has_turn = skas_guest_has_turn,
		.looks = looks,
	};

	if (hz < 1 || hz > PERF_HZ_MAX)
		return -EINVAL;
	perf_stop();
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		if (!rings[cpu])
			rings[cpu] = kzalloc(sizeof(*rings[cpu]), GFP_KERNEL);
		if (!rings[cpu])
			return -ENOMEM;
	}
	while (take_next(&old, &lost)) /* samples that came after perf_stop() */
		;
	memset(looks, 0, sizeof(looks));
	host.ncpus = nr_cpus;
	set_on(true);
	WRITE_ONCE(arch_sample_ops, &sample_ops);
	err = perf_host_start(hz, &host);
	if (err)
		perf_stop();
	return err;
}

void perf_stop(void)
{
	perf_host_stop();
	WRITE_ONCE(arch_sample_ops, NULL);
	set_on(false);
	forget_files();
}

/*
 * Stops the profiler after a restore, since its client is not connected to the restored instance. A
 * signal may have left a ring busy at the save.
 */
static void resumed(void)
{
	for (int cpu = 0; cpu < nr_cpus; cpu++)
		if (rings[cpu])
			WRITE_ONCE(rings[cpu]->busy, 0);
	if (READ_ONCE(on))
		perf_stop();
}

static int go_back(const char *dir, struct state_why *why)
{
	if (!READ_ONCE(on))
		return 0;
	scnprintf(why->text, sizeof(why->text), "perf: the profiler runs");
	return -EBUSY;
}

STATE_PART(perf_state) = {
	.name = "perf",
	.resumed = resumed,
	.go_back = go_back,
};
