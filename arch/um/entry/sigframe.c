/* SPDX-License-Identifier: MIT */
/*
 * sigframe.c: the frame of a signal handler on the guest's stack, byte by byte as x86-64 Linux lays
 * it out, and the return from the handler.
 *
 * From high addresses to low: red zone (128 bytes, or the alternate stack's top); the FPU state,
 * 64-byte aligned: XSAVE's standard format with struct _fpx_sw_bytes in the bytes that it leaves
 * free, and FP_XSTATE_MAGIC2 behind it; struct rt_frame, so that rsp + 8 is a multiple of 16 (as
 * after a call).
 *
 * kernel/task/signal/sigdeliver.c calls setup_frame() with the action that it chose, and
 * restore_frame() for rt_sigreturn(2).
 *
 * Invariants:
 * 1. Sigreturn reads guest memory: each value is read once and checked before it is used. Registers
 *    can hold nothing that the guest could not have put there itself: segments are the user
 *    segments of 64-bit code, cs of 32-bit code, or the program's own (LDT). Of eflags only the
 *    user's bits are taken.
 * 2. restore_frame() refuses an FPU image with bits or reserved bytes on which XRSTOR would fault.
 *
 * Locks: none; all data belongs to current.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <linux/signal.h>

#include "arch/um/entry/internal.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/entry.h"
#include "kernel/task/signal/signal.h"
#include "skas/skas.h"

#define RED_ZONE 128
#define XSAVE_LEGACY 512
#define XSAVE_HEADER 64
#define XSAVE_HEAD (XSAVE_LEGACY + XSAVE_HEADER)
#define XFEATURE_FPSSE 3UL
/* all mxcsr bits that skas/fpu.c admits, denormals-are-zeros among them */
#define MXCSR_MASK 0xffff
#define SA_RESTORER_FLAG 0x04000000

/* RF, DF, TF: cleared when a handler starts */
#define EFLAGS_CLEAR 0x10500
#define EFLAGS_USER 0x50dd5 /* AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF */
/* ID, NT: sigreturn keeps their present values and ignores those of the frame */
#define EFLAGS_KEPT 0x204000
#define EFLAGS_FIXED 0x202

struct rt_frame {
	u64 pretcode;
	struct ucontext uc;
	siginfo_t info;
};
BUILD_BUG_ON(sizeof(struct sigcontext) != 256);
BUILD_BUG_ON(offsetof(struct ucontext, uc_sigmask) != 296);
BUILD_BUG_ON(offsetof(struct rt_frame, info) != 312);

/* The start of an XSAVE image: the part that has to be checked. */
struct xsave_head {
	u8 x87[24];
	u32 mxcsr, mxcsr_mask;
	u8 regs[432];
	struct _fpx_sw_bytes sw;
	u64 xstate_bv, xcomp_bv, reserved[6];
};
BUILD_BUG_ON(offsetof(struct xsave_head, sw) != 464);
BUILD_BUG_ON(sizeof(struct xsave_head) != XSAVE_HEAD);

static u64 fpu_frame_size(void)
{
	return xstate_size <= XSAVE_LEGACY ? XSAVE_LEGACY : xstate_size + FP_XSTATE_MAGIC2_SIZE;
}

/* ---- delivery ---- */

static int put_fpu_legacy(u64 at, const u8 *area)
{
	struct _fpx_sw_bytes none = { 0 };

	if (copy_to_user(UADDR(at), area, XSAVE_LEGACY - sizeof(none)) ||
		copy_to_user(UADDR(at + XSAVE_LEGACY - sizeof(none)), &none, sizeof(none)))
		return -EFAULT;
	return 0;
}

/*
 * Writes the FPU state. Programs that do not know XSAVE change only its legacy part, so the
 * component bits of that part are set: then XRSTOR loads the changes.
 */
static int put_fpu(u64 at, const u8 *area)
{
	struct xsave_head head;
	u32 magic2 = FP_XSTATE_MAGIC2;

	if (xstate_size <= XSAVE_LEGACY)
		return put_fpu_legacy(at, area);
	memcpy(&head, area, sizeof(head));
	head.sw = (struct _fpx_sw_bytes){
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = (u32)fpu_frame_size(),
		.xfeatures = arch_xfeatures(),
		.xstate_size = xstate_size,
	};
	head.xstate_bv |= XFEATURE_FPSSE;
	if (copy_to_user(UADDR(at), &head, sizeof(head)) ||
		copy_to_user(UADDR(at + XSAVE_HEAD), area + XSAVE_HEAD, xstate_size - XSAVE_HEAD) ||
		copy_to_user(UADDR(at + xstate_size), &magic2, sizeof(magic2)))
		return -EFAULT;
	return 0;
}

static void fill_context(
	struct sigcontext *sc, const struct task *t, const struct regs *r, u64 mask, u64 fpstate)
{
	*sc = (struct sigcontext){
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.rdi = r->rdi,
		.rsi = r->rsi,
		.rbp = r->rbp,
		.rbx = r->rbx,
		.rdx = r->rdx,
		.rax = r->rax,
		.rcx = r->rcx,
		.rsp = r->rsp,
		.rip = r->rip,
		.eflags = r->eflags,
		.cs = (u16)r->cs,
		.ss = (u16)r->ss,
		.err = t->arch.error,
		.trapno = t->arch.trapno,
		.cr2 = t->arch.cr2,
		.oldmask = mask,
		.fpstate = (void *)fpstate,
	};
}

static void fill_frame(
	struct rt_frame *f, const struct ksignal *ks, const struct regs *r, u64 mask, u64 fpstate)
{
	const struct task *t = current;

	memset(f, 0, sizeof(*f));
	f->pretcode = ks->ka.restorer;
	f->uc.uc_flags = UC_SIGCONTEXT_SS | (r->cs == USER_CS ? UC_STRICT_RESTORE_SS : 0);
	if (xstate_size > XSAVE_LEGACY)
		f->uc.uc_flags |= UC_FP_XSTATE;
	f->uc.uc_stack.ss_sp = (void *)t->sas_ss_sp;
	f->uc.uc_stack.ss_flags = (int)t->sas_ss_flags;
	f->uc.uc_stack.ss_size = t->sas_ss_size;
	fill_context(&f->uc.uc_mcontext, t, r, mask, fpstate);
	memcpy(&f->uc.uc_sigmask, &mask, sizeof(mask));
}

/*
 * Finds the addresses of the FPU state and of the frame. Returns false if an alternate stack would
 * overflow.
 */
static bool place(const struct ksignal *ks, u64 rsp, u64 *fpstate, u64 *frame)
{
	u64 start = rsp - RED_ZONE, sp = sigsp(start, ks);
	bool alternate = sp != start || on_sig_stack(start);

	sp = round_down(sp - fpu_frame_size(), 64UL);
	*fpstate = sp;
	*frame = round_down(sp - sizeof(struct rt_frame), 16UL) - 8;
	return !alternate || within_sig_stack(*frame);
}

int setup_frame(struct ksignal *ks, struct regs *regs, u64 sigmask)
{
	struct fpu *fpu = &current->arch.fpu;
	struct rt_frame f;
	u64 fpstate, at;

	if (!(ks->ka.flags & SA_RESTORER_FLAG) || !place(ks, regs->rsp, &fpstate, &at))
		return -EFAULT;
	rseq_signal(regs);
	skas_fpu_save_in_call(fpu, (u32)regs->orig_rax);
	fill_frame(&f, ks, regs, sigmask, fpstate);
	if (put_fpu(fpstate, fpu->area) ||
		copy_to_user(UADDR(at), &f, offsetof(struct rt_frame, info)) ||
		((ks->ka.flags & SA_SIGINFO) &&
			copy_siginfo_to_user(
				UADDR(at + offsetof(struct rt_frame, info)), &ks->info)))
		return -EFAULT;

	if (arch_in_host_vdso(regs->rip))
		current->arch.vdso_frames++;
	skas_fpu_init(fpu);
	regs->rdi = (u64)ks->sig;
	regs->rsi = at + offsetof(struct rt_frame, info);
	regs->rdx = at + offsetof(struct rt_frame, uc);
	regs->rax = 0;
	regs->rsp = at;
	regs->rip = ks->ka.handler;
	regs->cs = USER_CS;
	regs->ss = USER_SS;
	regs->eflags &= ~(u64)EFLAGS_CLEAR;
	return 0;
}

/* ---- sigreturn ---- */

/*
 * True if the image has an extended part that the kernel can load. Otherwise only the legacy part
 * is loaded, and all other components get their initial state.
 */
static bool is_extended(u64 at, const struct xsave_head *head)
{
	u32 magic2;

	if (xstate_size <= XSAVE_LEGACY || head->sw.magic1 != FP_XSTATE_MAGIC1 ||
		head->sw.xstate_size < XSAVE_HEAD || head->sw.xstate_size > xstate_size ||
		head->sw.xstate_size > head->sw.extended_size)
		return false;
	return !get_user(magic2, UADDR(at + head->sw.xstate_size)) && magic2 == FP_XSTATE_MAGIC2;
}

static int check_head(struct xsave_head *head)
{
	if (head->mxcsr & ~(u32)MXCSR_MASK)
		return -EFAULT;
	if (xstate_size <= XSAVE_LEGACY)
		return 0;
	if ((head->xstate_bv & ~arch_xfeatures()) || head->xcomp_bv)
		return -EFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(head->reserved); i++)
		if (head->reserved[i])
			return -EFAULT;
	head->xstate_bv &= head->sw.xfeatures;
	return 0;
}

/* Reads the FPU state. After an error the task has the initial state. */
static int get_fpu(u64 at, struct fpu *fpu)
{
	struct xsave_head head = { 0 };
	size_t first = min_t(size_t, xstate_size, sizeof(head));

	skas_fpu_init(fpu);
	if ((at & 63) || copy_from_user(&head, UADDR(at), XSAVE_LEGACY))
		return -EFAULT;
	if (is_extended(at, &head)) {
		if (copy_from_user(&head.xstate_bv, UADDR(at + XSAVE_LEGACY), XSAVE_HEADER) ||
			copy_from_user(fpu->area + XSAVE_HEAD, UADDR(at + XSAVE_HEAD),
				head.sw.xstate_size - XSAVE_HEAD))
			goto err_reset;
	} else {
		head.xstate_bv = head.sw.xfeatures = XFEATURE_FPSSE;
	}
	if (check_head(&head))
		goto err_reset;
	memcpy(fpu->area, &head, first);
	return 0;
err_reset:
	skas_fpu_init(fpu);
	return -EFAULT;
}

/*
 * Checks the segments. A frame without UC_STRICT_RESTORE_SS may have an invalid ss; 64-bit code
 * then continues with the default ss.
 */
static int check_segments(struct ucontext *uc)
{
	struct sigcontext *sc = &uc->uc_mcontext;
	const struct mm *mm = current->mm;

	sc->cs |= 3;
	sc->ss |= 3;
	if (sc->cs != USER32_CS && !arch_selector_ok(mm, sc->cs, USER_CS))
		return -EFAULT;
	if (arch_selector_ok(mm, sc->ss, USER_SS))
		return 0;
	if ((uc->uc_flags & UC_STRICT_RESTORE_SS) || sc->cs != USER_CS)
		return -EFAULT;
	sc->ss = USER_SS;
	return 0;
}

static void take_registers(struct regs *r, const struct sigcontext *sc)
{
	const struct regs old = *r;

	*r = (struct regs){
		.r8 = sc->r8,
		.r9 = sc->r9,
		.r10 = sc->r10,
		.r11 = sc->r11,
		.r12 = sc->r12,
		.r13 = sc->r13,
		.r14 = sc->r14,
		.r15 = sc->r15,
		.rdi = sc->rdi,
		.rsi = sc->rsi,
		.rbp = sc->rbp,
		.rbx = sc->rbx,
		.rdx = sc->rdx,
		.rax = sc->rax,
		.rcx = sc->rcx,
		.rsp = sc->rsp,
		.rip = sc->rip,
		.eflags = (sc->eflags & EFLAGS_USER) | (old.eflags & EFLAGS_KEPT) | EFLAGS_FIXED,
		.cs = sc->cs,
		.ss = sc->ss,
		.orig_rax = -1UL,
		.fs_base = old.fs_base,
		.gs_base = old.gs_base,
		.ds = old.ds,
		.es = old.es,
		.fs = old.fs,
		.gs = old.gs,
		.own_gs = old.own_gs,
	};
}

/*
 * Sets the alternate stack as sigaltstack(2) does. Ignores values that sigaltstack(2) would refuse,
 * as Linux does.
 */
static void take_altstack(const stack_t *ss)
{
	struct task *t = current;
	u32 mode = (u32)ss->ss_flags & ~SS_AUTODISARM;

	if (on_sig_stack(t->arch.regs.rsp) ||
		(mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0))
		return;
	if (mode != SS_DISABLE && ss->ss_size < MINSIGSTKSZ)
		return;
	t->sas_ss_sp = mode == SS_DISABLE ? 0 : (u64)ss->ss_sp;
	t->sas_ss_size = mode == SS_DISABLE ? 0 : ss->ss_size;
	t->sas_ss_flags = (u32)ss->ss_flags;
}

/*
 * Restores the registers from a frame. A bad floating-point state is an error, but the registers
 * are restored nevertheless: the handler of the resulting SIGSEGV starts from them.
 */
int restore_frame(struct regs *regs, u64 *sigmask)
{
	struct fpu *fpu = &current->arch.fpu;
	struct ucontext uc;
	u64 frame = regs->rsp - 8, fpstate;
	int err = 0;

	if (copy_from_user(&uc, UADDR(frame + offsetof(struct rt_frame, uc)), sizeof(uc)))
		return -EFAULT;
	if (check_segments(&uc))
		return -EFAULT;
	fpstate = (u64)uc.uc_mcontext.fpstate;
	if (fpstate)
		err = get_fpu(fpstate, fpu);
	else
		skas_fpu_init(fpu);
	take_registers(regs, &uc.uc_mcontext);
	if (arch_in_host_vdso(regs->rip) && current->arch.vdso_frames)
		current->arch.vdso_frames--;
	memcpy(sigmask, &uc.uc_sigmask, sizeof(*sigmask));
	if (!err)
		take_altstack(&uc.uc_stack);
	return err;
}
