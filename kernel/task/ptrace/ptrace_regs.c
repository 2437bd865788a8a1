/* SPDX-License-Identifier: MIT */
/*
 * ptrace_regs.c: a stopped tracee's registers as ptrace's structures have them: user_regs_struct,
 * the FPU images, struct user.
 *
 * Values that a tracer writes are limited. cs and ss stay the two user segments or segments of the
 * program's LDT. ds, es, fs and gs are null or have privilege level 3. Only the user's bits of
 * eflags change, and bases must be addresses of a guest. ptrace_debug.c has the debug registers.
 */
#include <asm/ptrace.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <linux/uio.h>

#include "kernel/task/internal.h"

#define EFLAGS_USER 0x50dd5UL /* AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF */
#define FXSAVE_SIZE 512
#define XSTATE_SW_OFFSET 464
#define FXSAVE_FEATURES 3UL
#define MXCSR_OFFSET 24
#define MXCSR_MASK 0xffffU /* as in sigframe.c */
#define USER_DEBUGREG 848  /* offsetof(struct user, u_debugreg) */
#define USER_SIZE 928

/* struct user_regs_struct of x86-64, in the order of <sys/user.h>. */
struct user_regs_struct {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip,
		cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};
BUILD_BUG_ON(sizeof(struct user_regs_struct) != 27 * 8);

void fill_user_regs(struct user_regs_struct *ur, const struct regs *r)
{
	*ur = (struct user_regs_struct){
		.r15 = r->r15,
		.r14 = r->r14,
		.r13 = r->r13,
		.r12 = r->r12,
		.rbp = r->rbp,
		.rbx = r->rbx,
		.r11 = r->r11,
		.r10 = r->r10,
		.r9 = r->r9,
		.r8 = r->r8,
		.rax = r->rax,
		.rcx = r->rcx,
		.rdx = r->rdx,
		.rsi = r->rsi,
		.rdi = r->rdi,
		.orig_rax = r->orig_rax,
		.rip = r->rip,
		.cs = r->cs,
		.eflags = r->eflags,
		.rsp = r->rsp,
		.ss = r->ss,
		.fs_base = r->fs_base,
		.gs_base = r->gs_base,
		.ds = r->ds,
		.es = r->es,
		.fs = r->fs,
		.gs = r->gs,
	};
}

/* True for a null selector, or one with privilege level 3. */
static bool data_selector_ok(u64 sel)
{
	return !(u16)sel || (sel & 3) == 3;
}

static void get_regs(struct user_regs_struct *ur, struct task *t)
{
	fill_user_regs(ur, task_regs(t));
	if (t->ptrace & PT_STEPPING)
		ur->eflags &= ~0x100UL;
}

/*
 * Sets the registers of @t. Returns 0, or -EIO if a selector or a base is not permitted. Bits of
 * eflags that are not the user's do not change.
 */
static int set_regs(struct task *t, const struct user_regs_struct *ur)
{
	struct regs *r = task_regs(t);
	u64 keep = r->eflags & ~EFLAGS_USER;

	if (ur->fs_base >= arch_task_size() || ur->gs_base >= arch_task_size() ||
		!arch_selector_ok(t->mm, ur->cs, USER_CS) ||
		!arch_selector_ok(t->mm, ur->ss, USER_SS) || !data_selector_ok(ur->ds) ||
		!data_selector_ok(ur->es) || !data_selector_ok(ur->fs) || !data_selector_ok(ur->gs))
		return -EIO;
	if (t->ptrace & PT_STEPPING)
		keep |= 0x100;
	*r = (struct regs){
		.r15 = ur->r15,
		.r14 = ur->r14,
		.r13 = ur->r13,
		.r12 = ur->r12,
		.rbp = ur->rbp,
		.rbx = ur->rbx,
		.r11 = ur->r11,
		.r10 = ur->r10,
		.r9 = ur->r9,
		.r8 = ur->r8,
		.rax = ur->rax,
		.rcx = ur->rcx,
		.rdx = ur->rdx,
		.rsi = ur->rsi,
		.rdi = ur->rdi,
		.orig_rax = ur->orig_rax,
		.rip = ur->rip,
		.cs = (u16)ur->cs,
		.eflags = keep | (ur->eflags & EFLAGS_USER),
		.rsp = ur->rsp,
		.ss = (u16)ur->ss,
		.fs_base = ur->fs_base,
		.gs_base = ur->gs_base,
		.ds = (u16)ur->ds,
		.es = (u16)ur->es,
		.fs = (u16)ur->fs,
		.gs = (u16)ur->gs,
		.own_gs = r->own_gs,
	};
	return 0;
}

/* ---- FPU ---- */

static void set_features(u8 *area, u64 bits)
{
	u64 bv;

	if (xstate_size <= XSTATE_BV_OFFSET)
		return;
	memcpy(&bv, area + XSTATE_BV_OFFSET, sizeof(bv));
	bv |= bits;
	memcpy(area + XSTATE_BV_OFFSET, &bv, sizeof(bv));
}

const void *fpu_image(struct task *t, u8 head[XSTATE_BV_OFFSET])
{
	u64 features = arch_xfeatures();

	arch_fpu_sync(t);
	memcpy(head, t->arch.fpu.area, XSTATE_SW_OFFSET);
	memset(head + XSTATE_SW_OFFSET, 0, XSTATE_BV_OFFSET - XSTATE_SW_OFFSET);
	memcpy(head + XSTATE_SW_OFFSET, &features, sizeof(features));
	return t->arch.fpu.area + XSTATE_BV_OFFSET;
}

/* ---- register sets ---- */

static size_t set_size(u64 type)
{
	switch (type) {
	case NT_PRSTATUS: return sizeof(struct user_regs_struct);
	case NT_PRFPREG: return FXSAVE_SIZE;
	case NT_X86_XSTATE: return xstate_size;
	}
	return 0;
}

/*
 * Copies the first @n bytes of the set @type (NT_*) to the user address @to. @n is at most
 * set_size(). Returns 0 or -EFAULT.
 */
static long get_set(struct task *t, u64 type, uaddr_t to, size_t n)
{
	struct user_regs_struct ur;
	u8 head[XSTATE_BV_OFFSET];
	const void *rest;
	size_t first = min(n, sizeof(head));

	if (type == NT_PRSTATUS) {
		get_regs(&ur, t);
		return copy_to_user(to, &ur, n) ? -EFAULT : 0;
	}
	rest = fpu_image(t, head);
	if (copy_to_user(to, head, first) || copy_to_user(uaddr_add(to, first), rest, n - first))
		return -EFAULT;
	return 0;
}

/* True if the CPU would accept the FPU image of @n bytes at @area. */
static bool image_is_good(const u8 *area, size_t n)
{
	u64 header[8]; /* xstate_bv, xcomp_bv, reserved */
	u32 mxcsr;

	/* The image's own mask is not used, since a tracer may have written that. */
	memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof(mxcsr));
	if (mxcsr & ~MXCSR_MASK)
		return false;
	if (n <= XSTATE_BV_OFFSET)
		return true;
	memcpy(header, area + XSTATE_BV_OFFSET, sizeof(header));
	for (u32 i = 1; i < ARRAY_SIZE(header); i++)
		if (header[i])
			return false;
	return !(header[0] & ~arch_xfeatures());
}

/* Sets the FPU state. @n: must be set_size(). Returns 0 or -errno. May sleep. */
static long set_fpu(struct task *t, u64 type, uaddr_t from, size_t n)
{
	u8 *area;
	long err = 0;

	if (n != set_size(type))
		return type == NT_X86_XSTATE ? -EFAULT : -EINVAL;
	area = kmalloc(n, GFP_KERNEL);
	if (!area)
		return -ENOMEM;
	arch_fpu_sync(t);
	if (copy_from_user(area, from, n))
		err = -EFAULT;
	else if (!image_is_good(area, n))
		err = -EINVAL;
	else
		memcpy(t->arch.fpu.area, area, n);
	if (!err && type == NT_PRFPREG)
		set_features(t->arch.fpu.area, FXSAVE_FEATURES);
	kfree(area);
	return err;
}

/*
 * Sets the first @n bytes of the set @type from the user address @from. @n is at most set_size().
 * Returns 0 or -errno.
 */
static long set_set(struct task *t, u64 type, uaddr_t from, size_t n)
{
	struct user_regs_struct ur;

	if (type == NT_PRSTATUS) {
		get_regs(&ur, t);
		if (copy_from_user(&ur, from, n))
			return -EFAULT;
		return set_regs(t, &ur);
	}
	return set_fpu(t, type, from, n);
}

long ptrace_regset(struct task *t, long request, u64 type, uaddr_t uiov)
{
	size_t size = set_size(type);
	struct iovec_k {
		u64 base, len;
	} iov;
	long err;

	if (copy_from_user(&iov, uiov, sizeof(iov)))
		return -EFAULT;
	if (!size || iov.len % 8)
		return -EINVAL;
	iov.len = min(iov.len, size);
	err = request == PTRACE_GETREGSET ? get_set(t, type, UADDR(iov.base), iov.len) :
					    set_set(t, type, UADDR(iov.base), iov.len);
	return err ? err : put_user(iov.len, uaddr_add(uiov, sizeof(u64)));
}

/* ---- single registers: offsets in struct user ---- */

/*
 * Reads a word of struct user. @off: offset in bytes. @data: user address that gets the word.
 * Returns 0, -EIO or -EFAULT.
 */
static long peek_user(struct task *t, u64 off, u64 data)
{
	struct user_regs_struct ur;
	u64 v = 0;

	if (off % 8 || off >= USER_SIZE)
		return -EIO;
	get_regs(&ur, t);
	if (off < sizeof(ur))
		v = ((u64 *)&ur)[off / 8];
	else if (off >= USER_DEBUGREG)
		v = hw_debug_peek(t, (u32)(off - USER_DEBUGREG) / 8);
	return put_user(v, UADDR(data));
}

/* Writes a word of struct user. @off: offset in bytes. @data: the word. Returns 0 or -errno. */
static long poke_user(struct task *t, u64 off, u64 data)
{
	struct user_regs_struct ur;

	if (off % 8 || off >= USER_SIZE)
		return -EIO;
	if (off >= USER_DEBUGREG)
		return hw_debug_poke(t, (u32)(off - USER_DEBUGREG) / 8, data);
	if (off >= sizeof(ur))
		return -EIO;
	get_regs(&ur, t);
	((u64 *)&ur)[off / 8] = data;
	return set_regs(t, &ur);
}

long ptrace_regs_request(struct task *t, long request, u64 addr, u64 data)
{
	switch (request) {
	case PTRACE_PEEKUSR: return peek_user(t, addr, data);
	case PTRACE_POKEUSR: return poke_user(t, addr, data);
	case PTRACE_GETREGS:
		return get_set(t, NT_PRSTATUS, UADDR(data), sizeof(struct user_regs_struct));
	case PTRACE_SETREGS:
		return set_set(t, NT_PRSTATUS, UADDR(data), sizeof(struct user_regs_struct));
	case PTRACE_GETFPREGS: return get_set(t, NT_PRFPREG, UADDR(data), FXSAVE_SIZE);
	case PTRACE_SETFPREGS: return set_set(t, NT_PRFPREG, UADDR(data), FXSAVE_SIZE);
	}
	return -EIO;
}
