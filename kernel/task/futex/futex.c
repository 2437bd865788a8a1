/* SPDX-License-Identifier: MIT */
/*
 * futex.c: waits on a word of guest memory.
 *
 * A futex is identified by a key: (mm, address, FUTEX_PRIVATE_FLAG) for private memory, (mapping,
 * offset) for memory that is shared through a file. Waiters are in a hash table of queues. The
 * typical call: futex_key_get(), queue the waiter, read the word, sleep, unqueue.
 *
 * Guest memory is read with no lock held (it may fault and sleep). So a waiter queues itself first
 * and reads the word then. A waker stores to the word first and searches the queue then. Therefore
 * either the waiter reads the new value, or the waker finds the waiter. If the word does not have
 * the expected value, the waiter leaves the queue. If a waker has taken the waiter off the queue
 * meanwhile, the call returns 0, because the wake-up was spent on this waiter.
 *
 * States of a waiter (struct futex_q): queued (in a bucket) -> woken (taken off by a waker, which
 * sets `woken` last). A requeue moves it to another bucket and key; q->bucket is its present
 * bucket, and is stable only under that bucket's lock.
 *
 * Locks: bucket->lock protects the queue and the waiters in it. Two buckets are locked in order of
 * address. Waiters that queue themselves are ordered: real-time waiters come first, by priority,
 * then all others; waiters of one priority are in the order of their arrival. A requeue moves
 * waiters to the end of a queue.
 */
#include <linux/eventpoll.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/time.h>

#include "arch/um/machine/arch.h"
#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/task/futex/futex_internal.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/vfs/vfs.h"

struct futex_bucket futex_table[FUTEX_BUCKETS];

/* ---- keys and queues ---- */

bool futex_key_eq(const struct futex_key *a, const struct futex_key *b)
{
	return a->owner == b->owner && a->at == b->at;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *k)
{
	return &futex_table[hash_u64((u64)k->owner * 31 + k->at) % FUTEX_BUCKETS];
}

/*
 * True if the word may be identified by its file or page, as for shared memory. The memory must be
 * accessible, and writable unless it is shared or belongs to a file.
 */
static bool may_be_shared(const struct vm_area *vma)
{
	if (vma_is_secret(vma) || !(vma->vm_flags & (VM_READ | VM_WRITE)))
		return false;
	return vma->vm_flags & (VM_WRITE | VM_SHARED) || vma->vm_file;
}

/*
 * True if the address is beyond the end of the mapped file, where no page can be. mmap_lock is
 * held.
 */
static bool is_behind_end(const struct vm_area *vma, u64 at)
{
	const struct inode *inode = vma->vm_mapping ? vma->vm_mapping->host : NULL;

	return inode && S_ISREG(inode->i_mode) &&
	       at >= round_up((u64)i_size_read(inode), PAGE_SIZE);
}

/*
 * Changes *k, the key of a word that may be shared, into the key of the word's file, if the word is
 * in a shared mapping. May sleep. Returns 0 or -EFAULT.
 */
static int key_of_mapping(struct mm *mm, uaddr_t addr, struct futex_key *k)
{
	struct vm_area *vma;
	u64 at = 0;
	int err = 0;

	down_read(&mm->mmap_lock);
	vma = find_vma(mm, addr.v);
	if (vma)
		at = (vma->vm_pgoff << PAGE_SHIFT) + (addr.v - vma->vm_start);
	if (!vma || vma->vm_start > addr.v || !may_be_shared(vma) || is_behind_end(vma, at)) {
		err = -EFAULT;
	} else if ((vma->vm_flags & VM_SHARED) && vma->vm_mapping) {
		k->owner = vma->vm_mapping;
		k->at = at;
		k->file = vma->vm_file;
		if (k->file)
			mm_file_ops->get(k->file);
	}
	up_read(&mm->mmap_lock);
	return err;
}

int futex_key_get(uaddr_t addr, bool private, struct futex_key *k)
{
	if (addr.v & 3)
		return -EINVAL;
	if (!access_ok(addr, 4))
		return -EFAULT;
	k->owner = current->mm;
	/*
	 * A wake-up without FUTEX_PRIVATE_FLAG must not find waiters with that flag, so their keys
	 * differ.
	 */
	k->at = addr.v | (private ? 0 : 1);
	k->file = NULL;
	return private ? 0 : key_of_mapping(current->mm, addr, k);
}

void futex_key_put(struct futex_key *k)
{
	if (k->file)
		mm_file_ops->put(k->file);
	k->file = NULL;
}

static int rt_urgency(const struct task *t)
{
	if (!t)
		return 0;
	return t->policy == SCHED_FIFO || t->policy == SCHED_RR ? t->rt_priority : 0;
}

/* Returns the list entry in front of which a waiter of that urgency is queued. */
static struct list_head *place_in_queue(struct futex_bucket *b, int urgency)
{
	struct futex_q *q;

	if (urgency)
		list_for_each_entry(q, &b->queue, list)
			if (rt_urgency(q->task) < urgency)
				return &q->list;
	return &b->queue;
}

void futex_enqueue(struct futex_q *q, const struct futex_key *k, u32 bitset)
{
	struct futex_bucket *b = futex_bucket_of(k);

	q->task = q->wqh ? NULL : current;
	q->key = *k;
	q->bitset = bitset;
	q->woken = false;
	q->chosen = 0;
	spin_lock(&b->lock);
	q->bucket = b;
	list_add_tail(&q->list, place_in_queue(b, rt_urgency(q->task)));
	spin_unlock(&b->lock);
	smp_mb(); /* pairs with a waker: queue, then read */
}

#define MAX_YIELDS 100

/*
 * Waits for a moment, so that unlocks that have chosen this waiter can end. They write to guest
 * memory, which may take long with userfaultfd(2). @turn: number of earlier calls in this wait.
 */
static void await_choosers(int turn)
{
	if (turn < MAX_YIELDS) {
		yield();
		return;
	}
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_deadline(ktime_get() + 1000000);
}

/* Takes @q off its queue. Returns false if a waker has taken it off already. May sleep. */
bool futex_unqueue(struct futex_q *q)
{
	for (int turn = 0;; turn++) {
		struct futex_bucket *b = READ_ONCE(q->bucket);
		bool woken;

		spin_lock(&b->lock);
		if (q->bucket != b || q->chosen) {
			spin_unlock(&b->lock);
			await_choosers(turn);
			continue;
		}
		woken = q->woken;
		if (!woken) {
			list_del(&q->list);
			pi_detach(q);
		}
		spin_unlock(&b->lock);
		return !woken;
	}
}

/*
 * Wakes up a waiter, under the bucket's lock. The waiter's task cannot be freed before this vCPU's
 * next boundary.
 */
void futex_wake_q(struct futex_q *q)
{
	struct task *t = q->task;

	list_del(&q->list);
	pi_detach(q);
	/* @q->wqh is safe to use: the task that frees q takes the bucket's lock first. */
	if (!t) {
		WRITE_ONCE(q->woken, true);
		wake_up_common(q->wqh, TASK_NORMAL, 0, EPOLLIN);
		return;
	}
	smp_store_release(&q->woken, true); /* q may be freed after this line */
	wake_up_process(t);
}

int futex_wake_key(const struct futex_key *k, int nr, u32 bitset)
{
	struct futex_bucket *b = futex_bucket_of(k);
	struct futex_q *q, *next;
	int n = 0;

	/* The caller's store to the word comes before the read of the queue. */
	smp_mb();
	if (list_empty(&b->queue))
		return 0;
	spin_lock(&b->lock);
	list_for_each_entry_safe(q, next, &b->queue, list) {
		if (!futex_key_eq(&q->key, k) || !(q->bitset & bitset))
			continue;
		if (q->pi || q->requeue_to) {
			n = -EINVAL;
			break;
		}
		futex_wake_q(q);
		if (++n >= nr)
			break;
	}
	spin_unlock(&b->lock);
	return n;
}

/* ---- WAIT ---- */

/*
 * Sleeps until woken up. Returns 0, -ETIMEDOUT or -ERESTARTSYS. The waiter must be queued before
 * the call, and is not queued after it.
 */
int futex_sleep(struct futex_q *q, struct wait_until until)
{
	int err = 0;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&q->woken) || READ_ONCE(q->gone) || err)
			break;
		if (wait_interrupted(TASK_INTERRUPTIBLE))
			err = -ERESTARTSYS;
		else
			err = schedule_until(until);
	}
	__set_current_state(TASK_RUNNING);
	return futex_unqueue(q) ? err : 0;
}

int futex_wait_on(uaddr_t addr, bool private, u32 val, struct wait_until until, u32 bitset)
{
	struct futex_q q = { 0 };
	struct futex_key k;
	u32 now;
	int err = futex_key_get(addr, private, &k);

	if (err)
		return err;
	err = load_user_u32(addr, &now);
	if (!err && now != val)
		err = -EAGAIN;
	if (err) {
		futex_key_put(&k);
		return err;
	}
	futex_enqueue(&q, &k, bitset);
	err = load_user_u32(addr, &now);
	if (!err && now != val)
		err = -EAGAIN;
	if (err)
		err = futex_unqueue(&q) ? err : 0;
	else
		err = futex_sleep(&q, until);
	futex_key_put(&q.key);
	return err;
}

static long wait_restart(struct restart_block *rb)
{
	struct wait_until until = { .at = rb->arg[3], .real = rb->arg[5] };
	int err = futex_wait_on(
		UADDR(rb->arg[0]), rb->arg[1], (u32)rb->arg[2], until, (u32)rb->arg[4]);

	return err == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : err;
}

/* Waits as futex_wait_on() does, and prepares a restart after a signal. */
static long do_wait(uaddr_t addr, bool private, u32 val, struct wait_until until, u32 bitset)
{
	struct restart_block *rb = &current->restart;
	int err = futex_wait_on(addr, private, val, until, bitset);

	if (err != -ERESTARTSYS || waits_forever(until))
		return err;
	rb->fn = wait_restart;
	rb->arg[0] = addr.v;
	rb->arg[1] = private;
	rb->arg[2] = val;
	rb->arg[3] = until.at;
	rb->arg[4] = bitset;
	rb->arg[5] = until.real;
	return -ERESTART_RESTARTBLOCK;
}

/* ---- WAKE, REQUEUE, WAKE_OP ---- */

long futex_wake(uaddr_t addr, bool private, int nr, u32 bitset)
{
	struct futex_key k;
	long n;

	if (!bitset)
		return -EINVAL;
	n = futex_key_get(addr, private, &k);
	if (n)
		return n;
	n = futex_wake_key(&k, nr, bitset);
	futex_key_put(&k);
	return n;
}

int futex_wake_addr(uaddr_t addr, int nr)
{
	return (int)futex_wake(addr, false, nr, BITS_ANY);
}

/*
 * Moves a waiter to another bucket and key. The waiter still has, and later drops, the reference to
 * the file of its first key. It takes no reference to the file of the new key.
 */
void futex_move_q(struct futex_q *q, struct futex_bucket *to, const struct futex_key *k)
{
	list_move_tail(&q->list, &to->queue);
	q->key.owner = k->owner;
	q->key.at = k->at;
	WRITE_ONCE(q->bucket, to);
}

/* Wakes up @nr_wake waiters and moves @nr_move. Returns the number of both, or -EINVAL. */
static long requeue_keys(
	const struct futex_key *from, const struct futex_key *to, int nr_wake, int nr_move)
{
	struct futex_bucket *a = futex_bucket_of(from), *b = futex_bucket_of(to);
	struct futex_q *q, *next, *last = NULL;
	long woken = 0, moved = 0, err = 0;

	spin_lock_two(&a->lock, &b->lock);
	/*
	 * Waiters that are moved to the tail of the same queue must not be moved again, so the loop
	 * ends at the present tail.
	 */
	if (a == b)
		last = list_empty(&a->queue) ? NULL :
					       list_last_entry(&a->queue, struct futex_q, list);
	list_for_each_entry_safe(q, next, &a->queue, list) {
		bool end = q == last, ours = futex_key_eq(&q->key, from);

		if (ours && (q->pi || q->requeue_to)) {
			err = -EINVAL;
			break;
		}
		if (ours && woken < nr_wake) {
			futex_wake_q(q);
			woken++;
		} else if (ours && moved < nr_move) {
			futex_move_q(q, b, to);
			moved++;
		} else if (ours) {
			break;
		}
		if (end)
			break;
	}
	spin_unlock_two(&a->lock, &b->lock);
	return err ? err : woken + moved;
}

long futex_requeue(uaddr_t a1, uaddr_t a2, bool private, int nr_wake, int nr_move, u32 *cmp)
{
	struct futex_key k1, k2;
	u32 now;
	long ret;

	if (nr_wake < 0 || nr_move < 0)
		return -EINVAL;
	ret = futex_key_get(a1, private, &k1);
	if (ret)
		return ret;
	ret = futex_key_get(a2, private, &k2);
	if (ret)
		goto out_put_k1;
	if (cmp) {
		ret = load_user_u32(a1, &now);
		if (!ret && now != *cmp)
			ret = -EAGAIN;
	}
	if (!ret)
		ret = requeue_keys(&k1, &k2, nr_wake, nr_move);
	futex_key_put(&k2);
out_put_k1:
	futex_key_put(&k1);
	return ret;
}

/* Computes the new value of FUTEX_WAKE_OP. Returns false for an unknown operation. */
static bool op_compute(u32 op, u32 old, u32 arg, u32 *new_value)
{
	switch (op) {
	case FUTEX_OP_SET: *new_value = arg; return true;
	case FUTEX_OP_ADD: *new_value = old + arg; return true;
	case FUTEX_OP_OR: *new_value = old | arg; return true;
	case FUTEX_OP_ANDN: *new_value = old & ~arg; return true;
	case FUTEX_OP_XOR: *new_value = old ^ arg; return true;
	default: return false;
	}
}

/* Returns 1 if the comparison is true, 0 if not, -ENOSYS for an unknown @cmp. */
static int op_compare(u32 cmp, s32 old, s32 arg)
{
	switch (cmp) {
	case FUTEX_OP_CMP_EQ: return old == arg;
	case FUTEX_OP_CMP_NE: return old != arg;
	case FUTEX_OP_CMP_LT: return old < arg;
	case FUTEX_OP_CMP_GE: return old >= arg;
	case FUTEX_OP_CMP_LE: return old <= arg;
	case FUTEX_OP_CMP_GT: return old > arg;
	default: return -ENOSYS;
	}
}

/*
 * Changes *addr by the encoded operation. Returns the result of the comparison with the old value,
 * 1 or 0, or -errno.
 */
static int op_apply(uaddr_t addr, u32 enc)
{
	u32 op = (enc >> 28) & 7, cmp = (enc >> 24) & 15, old, seen, new_value;
	s32 oparg = (s32)(enc << 8) >> 20, cmparg = (s32)(enc << 20) >> 20;
	int err;

	if (enc & ((u32)FUTEX_OP_OPARG_SHIFT << 28))
		oparg = (s32)(1U << (oparg & 31));
	if (!op_compute(op, 0, 0, &new_value))
		return -ENOSYS;
	err = load_user_u32(addr, &old);
	while (!err) {
		op_compute(op, old, (u32)oparg, &new_value);
		seen = old;
		err = cmpxchg_user_u32(addr, &seen, new_value);
		if (!err && seen == old)
			return op_compare(cmp, (s32)old, cmparg);
		old = seen;
		cond_resched();
	}
	return err;
}

static long wake_op_keys(
	const struct futex_key *k1, const struct futex_key *k2, int nr1, int nr2, int matched)
{
	long n = futex_wake_key(k1, nr1, BITS_ANY), m;

	if (n < 0 || !matched)
		return n;
	m = futex_wake_key(k2, nr2, BITS_ANY);
	return m < 0 ? m : n + m;
}

/* Serves FUTEX_WAKE_OP. If either address is invalid, nothing is written. */
static long do_wake_op(uaddr_t a1, uaddr_t a2, bool private, int nr1, int nr2, u32 enc)
{
	struct futex_key k1, k2;
	long ret = futex_key_get(a1, private, &k1);

	if (ret)
		return ret;
	ret = futex_key_get(a2, private, &k2);
	if (!ret) {
		ret = op_apply(a2, enc);
		if (ret >= 0)
			ret = wake_op_keys(&k1, &k2, nr1, nr2, (int)ret);
		futex_key_put(&k2);
	}
	futex_key_put(&k1);
	return ret;
}

/* ---- the call ---- */

int futex_deadline(bool realtime, bool absolute, uaddr_t timeout, struct wait_until *until)
{
	struct __kernel_timespec ts;
	u64 ns, now, base;

	*until = WAIT_FOREVER;
	if (!timeout.v)
		return 0;
	if (copy_from_user(&ts, timeout, sizeof(ts)))
		return -EFAULT;
	if (ts.tv_sec < 0 || (u64)ts.tv_nsec >= 1000000000UL)
		return -EINVAL;
	if ((u64)ts.tv_sec >= (u64)INT64_MAX / 1000000000UL)
		return 0;
	ns = (u64)ts.tv_sec * 1000000000UL + (u64)ts.tv_nsec;
	if (absolute && realtime) {
		*until = (struct wait_until){ .at = ns, .real = true };
		return 0;
	}
	now = ktime_get();
	if (!absolute) {
		until->at = now + ns;
		return 0;
	}
	base = time_ns_read(CLOCK_MONOTONIC, now);
	until->at = ns > base ? now + (ns - base) : 0;
	return 0;
}

static bool takes_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI ||
	       cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_WAIT_REQUEUE_PI;
}

static bool takes_clock(int cmd)
{
	return cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_LOCK_PI2;
}

long sys_futex(uaddr_t addr1, int op, uint32_t val, uaddr_t timeout, uaddr_t addr2, uint32_t val3)
{
	int cmd = op & FUTEX_CMD_MASK, nr2 = (int)timeout.v;
	bool private = op & FUTEX_PRIVATE_FLAG;
	struct wait_until until = WAIT_FOREVER;
	long err;

	if (takes_timeout(cmd)) {
		err = futex_deadline(op & FUTEX_CLOCK_REALTIME || cmd == FUTEX_LOCK_PI,
			cmd != FUTEX_WAIT, timeout, &until);
		if (err)
			return err;
	}
	if (op & FUTEX_CLOCK_REALTIME && !takes_clock(cmd))
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT: return do_wait(addr1, private, val, until, BITS_ANY);
	case FUTEX_WAIT_BITSET: return val3 ? do_wait(addr1, private, val, until, val3) : -EINVAL;
	case FUTEX_WAKE: return futex_wake(addr1, private, (int)val, BITS_ANY);
	case FUTEX_WAKE_BITSET: return futex_wake(addr1, private, (int)val, val3);
	case FUTEX_REQUEUE: return futex_requeue(addr1, addr2, private, (int)val, nr2, NULL);
	case FUTEX_CMP_REQUEUE: return futex_requeue(addr1, addr2, private, (int)val, nr2, &val3);
	case FUTEX_WAKE_OP: return do_wake_op(addr1, addr2, private, (int)val, nr2, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2: return futex_lock_pi(addr1, private, false, until);
	case FUTEX_TRYLOCK_PI: return futex_lock_pi(addr1, private, true, WAIT_FOREVER);
	case FUTEX_UNLOCK_PI: return futex_unlock_pi(addr1, private);
	case FUTEX_WAIT_REQUEUE_PI: return futex_wait_requeue_pi(addr1, private, val, until, addr2);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(addr1, addr2, private, (int)val, nr2, val3);
	default: return -ENOSYS;
	}
}

static int futex_init(void)
{
	for (int i = 0; i < FUTEX_BUCKETS; i++) {
		spin_lock_init(&futex_table[i].lock);
		INIT_LIST_HEAD(&futex_table[i].queue);
	}
	return 0;
}
INITCALL(1, futex_init);
