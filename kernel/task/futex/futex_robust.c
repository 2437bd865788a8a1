/* SPDX-License-Identifier: MIT */
/*
 * futex_robust.c: a thread's list of locks, which are to be given up if it ends while it holds
 * them.
 *
 * The list is in guest memory and not trusted: at most ROBUST_LIMIT entries are followed, and only
 * the lock words decide what is given up. A word that names this thread gets FUTEX_OWNER_DIED, and
 * one waiter is woken.
 */
#include "arch/um/machine/arch.h"
#include "gen/syscalls.h"
#include "kernel/lib/printk.h"
#include "kernel/task/futex/futex_internal.h"
#include "kernel/ident/pid_ns.h"

#define ROBUST_LIMIT 2048

long sys_set_robust_list(uaddr_t head, size_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

long sys_get_robust_list(int pid, uaddr_t head_ptr, uaddr_t len_ptr)
{
	struct task *t = current;
	u64 head, len = sizeof(struct robust_list_head);
	int err = 0;

	if (pid) {
		t = find_get_task(pid);
		if (!t)
			return -ESRCH;
		err = exec_hold(t);
		if (err) {
			put_task(t);
			return err;
		}
		err = ptrace_may_access(t, false) ? 0 : -EPERM;
	}
	head = t->robust_list.v;
	if (pid) {
		exec_release(t);
		put_task(t);
	}
	if (err)
		return err;
	return put_user(len, len_ptr) || put_user(head, head_ptr) ? -EFAULT : 0;
}

/*
 * Gives up the word of an entry if this thread owns it, and sets FUTEX_OWNER_DIED in the word.
 * Returns 0 or -errno.
 */
static int robust_give_up(u64 entry, s64 offset, bool pending)
{
	uaddr_t addr = UADDR((entry & ~1UL) + (u64)offset);
	bool pi = entry & 1;
	u32 word, seen;

	if (addr.v & 3)
		return -EINVAL;
	for (;;) {
		if (load_user_u32(addr, &word))
			return -EFAULT;
		/*
		 * The thread has ended between storing 0 and the wake-up: wake up the next waiter
		 * in its place.
		 */
		if (pending && !pi && !word) {
			futex_wake_addr(addr, 1);
			return 0;
		}
		if ((word & FUTEX_TID_MASK) != (u32)task_pid_vnr(current))
			return 0;
		if (pi && (word & FUTEX_WAITERS)) {
			struct futex_key k;
			long err = futex_key_get(addr, false, &k);

			if (err)
				return (int)err;
			err = futex_pi_hand_over(addr, &k, FUTEX_OWNER_DIED);
			futex_key_put(&k);
			return (int)err;
		}
		seen = word;
		if (cmpxchg_user_u32(addr, &seen, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return -EFAULT;
		if (seen == word)
			break;
	}
	if (!pi && (word & FUTEX_WAITERS))
		futex_wake_addr(addr, 1);
	return 0;
}

/* Gives up the locks of current's robust list, as far as its addresses can be read. May sleep. */
static void exit_robust_list(void)
{
	struct robust_words {
		u64 next, offset, pending;
	} head;
	u64 entry, next, start = current->robust_list.v;

	BUILD_BUG_ON(sizeof(head) != sizeof(struct robust_list_head));
	if (copy_from_user(&head, UADDR(start), sizeof(head)))
		return;
	entry = head.next;
	for (int i = 0; i < ROBUST_LIMIT && (entry & ~1UL) != start; i++) {
		int err = get_user(next, UADDR(entry & ~1UL));

		if (entry != head.pending && robust_give_up(entry, (s64)head.offset, false))
			return;
		if (err)
			return;
		entry = next;
		cond_resched();
	}
	if (head.pending)
		robust_give_up(head.pending, (s64)head.offset, true);
}

void futex_exit_task(void)
{
	if (current->robust_list.v) {
		exit_robust_list();
		current->robust_list = UNULL;
	}
	futex_pi_exit();
	if (current->flags & PF_EXITING)
		futex_pi_dead();
}
