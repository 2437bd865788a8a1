/* SPDX-License-Identifier: MIT */
/*
 * rseq.c: restartable sequences (rseq(2), <linux/rseq.h>): a word in each thread's memory with the
 * number of its vCPU, and short sequences of user code. If the thread is switched out or gets a
 * signal inside a sequence, it continues at the sequence's abort address.
 *
 *	sys_rseq()       registers or unregisters the calling thread's area
 *	rseq_resume()    on the way to user mode, when the thread has been switched out since the
 *	                 last time
 *	rseq_signal()    before a signal's frame is built: the frame holds the abort address
 *
 * fork() copies the registration, but a child that shares the memory (CLONE_VM) and a new program
 * begin without one (fork.c, exec.c). An area that cannot be accessed, or has invalid contents,
 * ends the thread with SIGSEGV, as on Linux.
 *
 * Locks: none; each function works on current only.
 */
#include <linux/rseq.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"

#define NEVER (~0UL)
/* Size in bytes of the original structure, of which 28 are used. */
#define AREA_SIZE 32

/* The area as <linux/rseq.h> has it, without its attributes. */
struct area {
	u32 cpu_id_start, cpu_id;
	u64 rseq_cs;
	u32 flags;
	u32 node_id, mm_cid; /* since Linux 6.3 */
	u32 pad;
};
BUILD_BUG_ON(sizeof(struct area) != AREA_SIZE);
BUILD_BUG_ON(offsetof(struct area, rseq_cs) != offsetof(struct rseq, rseq_cs));

static uaddr_t field(const struct task *t, size_t offset)
{
	return uaddr_add(t->rseq, offset);
}

/*
 * Reads the description of the sequence to which the thread's area points. Returns 0, -EFAULT or
 * -EINVAL.
 */
static int get_sequence(const struct task *t, const struct area *a, struct rseq_cs *cs)
{
	u32 sig;

	if (copy_from_user(cs, UADDR(a->rseq_cs), sizeof(*cs)))
		return -EFAULT;
	if (a->flags || cs->flags || cs->version || cs->start_ip >= arch_task_size() ||
		cs->start_ip + cs->post_commit_offset < cs->start_ip ||
		cs->start_ip + cs->post_commit_offset >= arch_task_size() ||
		cs->abort_ip >= arch_task_size() ||
		cs->abort_ip - cs->start_ip < cs->post_commit_offset)
		return -EINVAL;
	if (get_user(sig, UADDR(cs->abort_ip - sizeof(sig))))
		return -EFAULT;
	return sig == t->rseq_sig ? 0 : -EINVAL;
}

/*
 * If @regs are within a critical section, moves them to its abort address. Clears the pointer to
 * the section. Returns 0, -EFAULT or -EINVAL. May sleep.
 */
static int leave_sequence(struct task *t, const struct area *a, struct regs *regs)
{
	struct rseq_cs cs;
	u64 none = 0;
	int err;

	if (!a->rseq_cs)
		return 0;
	err = get_sequence(t, a, &cs);
	if (err)
		return err;
	if (copy_to_user(field(t, offsetof(struct area, rseq_cs)), &none, sizeof(none)))
		return -EFAULT;
	if (regs->rip - cs.start_ip < cs.post_commit_offset)
		regs->rip = cs.abort_ip;
	return 0;
}

/*
 * Writes the vCPU's number, but only if a word has changed: the page may be shared with a parent
 * that has just forked. mm_cid is the vCPU's number too: it must be an index below the number of
 * vCPUs that no other running thread of the process has. (Linux would use the least free index.)
 * Returns 0 or -EFAULT.
 */
static int put_cpu_id(struct task *t, struct area *a)
{
	u32 cpu = (u32)smp_processor_id();

	if (a->cpu_id_start == cpu && a->cpu_id == cpu && a->mm_cid == cpu && !a->node_id)
		return 0;
	a->cpu_id_start = a->cpu_id = a->mm_cid = cpu;
	a->node_id = 0; /* there is only one node */
	if (copy_to_user(field(t, offsetof(struct area, node_id)), &a->node_id, 2 * sizeof(cpu)))
		return -EFAULT;
	return copy_to_user(t->rseq, a, offsetof(struct area, rseq_cs)) ? -EFAULT : 0;
}

static void update(struct task *t, struct regs *regs)
{
	struct area a;

	if (copy_from_user(&a, t->rseq, sizeof(a)) || leave_sequence(t, &a, regs) ||
		put_cpu_id(t, &a))
		force_sig(SIGSEGV);
}

/*
 * Updates the area after a switch. The access to guest memory may sleep and so cause another
 * switch. The count of switches is therefore read before the access, and the loop repeats.
 */
void rseq_resume(struct regs *regs)
{
	struct task *t = current;

	while (rseq_stale(t)) {
		t->rseq_seen = t->nvcsw + t->nivcsw;
		update(t, regs);
	}
}

void rseq_signal(struct regs *regs)
{
	struct area a;

	if (!current->rseq.v)
		return;
	if (copy_from_user(&a, current->rseq, sizeof(a)) || leave_sequence(current, &a, regs))
		force_sig(SIGSEGV);
}

/* Unregisters the area at @rseq. Returns 0, -EINVAL, -EPERM or -EFAULT. */
static long give_up(uaddr_t rseq, u32 len, u32 sig)
{
	struct task *t = current;
	u32 ids[2] = { 0, (u32)RSEQ_CPU_ID_UNINITIALIZED }, none[2] = { 0, 0 };

	if (!t->rseq.v || t->rseq.v != rseq.v || len != AREA_SIZE)
		return -EINVAL;
	if (t->rseq_sig != sig)
		return -EPERM;
	if (copy_to_user(t->rseq, ids, sizeof(ids)) ||
		copy_to_user(field(t, offsetof(struct area, node_id)), none, sizeof(none)))
		return -EFAULT;
	t->rseq = UNULL;
	return 0;
}

long sys_rseq(uaddr_t rseq, unsigned int len, int flags, unsigned int sig)
{
	struct task *t = current;

	if (flags == RSEQ_FLAG_UNREGISTER)
		return give_up(rseq, len, sig);
	if (flags)
		return -EINVAL;
	if (t->rseq.v) {
		if (t->rseq.v != rseq.v || len != AREA_SIZE)
			return -EINVAL;
		return t->rseq_sig == sig ? -EBUSY : -EPERM;
	}
	if ((rseq.v & (AREA_SIZE - 1)) || len != AREA_SIZE)
		return -EINVAL;
	if (!rseq.v || !access_ok(rseq, len))
		return -EFAULT;
	t->rseq = rseq;
	t->rseq_sig = sig;
	t->rseq_seen = NEVER;
	return 0;
}
