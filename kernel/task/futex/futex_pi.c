/* SPDX-License-Identifier: MIT */
/*
 * futex_pi.c: PI futexes: the word contains the owner's thread id; the kernel is called only when
 * there are waiters, and an unlock hands the word to the waiter of the highest priority.
 *
 * Taking: pi_try() announces a waiter in the word (FUTEX_WAITERS). pi_wait() queues the waiter,
 * checks that the owner has not changed, and sleeps. Giving: futex_pi_hand_over() chooses a waiter
 * (the heir) and marks it, so that it cannot leave by a timeout. It writes the heir's thread id
 * into the word, and wakes it as the owner. An owner that ends while it holds the lock marks its
 * waiters (futex_q.gone): the first of them that runs takes the lock.
 *
 * Priority inheritance: an owner runs at the real-time priority of its most urgent waiter, and so
 * does the owner that it waits for itself (task->boost, pi_adjust()). Fair waiters boost no owner,
 * as on Linux. pi_waiters is the list of all PI waiters, each with its owner; it is searched for an
 * owner's most urgent waiter. task->pi_wait leads from an owner to the lock that it waits for. A
 * chain of these that would lead back to its start is refused with EDEADLK.
 *
 * Locks: bucket->lock, then pi_lock, then the scheduler's; none is held during an access to the
 * word.
 */
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "kernel/task/futex/futex_internal.h"
#include "kernel/ident/pid_ns.h"

#define CHAIN_MAX 1024
#define MAX_BOOST 99 /* SCHED_DEADLINE is not inherited */

static DEFINE_SPINLOCK(pi_lock);
static LIST_HEAD(pi_waiters); /* by futex_q.pi_link; under pi_lock */

/* ---- waiters and owners; under pi_lock ---- */

static int lends(const struct futex_q *q)
{
	return min(sched_rt_prio(q->task), MAX_BOOST);
}

/* Returns the highest priority that waiters lend to @owner, or 0. pi_lock is held. */
static int best_waiter(const struct task *owner)
{
	struct futex_q *q;
	int best = 0;

	list_for_each_entry(q, &pi_waiters, pi_link)
		if (q->owner == owner)
			best = max(best, lends(q));
	return best;
}

/*
 * Recomputes the priority of @t from its waiters, and then those of the owners for which it waits.
 */
static void pi_adjust(struct task *t)
{
	for (int depth = 0; t && depth < CHAIN_MAX; depth++) {
		struct futex_q *q;

		if (!sched_boost(t, best_waiter(t)))
			return;
		q = t->pi_wait;
		t = q ? q->owner : NULL;
	}
}

bool pi_would_deadlock(const struct task *t, const struct task *owner)
{
	bool found = false;

	spin_lock(&pi_lock);
	for (int depth = 0; owner && !found && depth < CHAIN_MAX; depth++) {
		struct futex_q *q = owner->pi_wait;

		owner = q ? q->owner : NULL;
		found = owner == t;
	}
	spin_unlock(&pi_lock);
	return found;
}

/*
 * Drops a reference to an owner and recomputes its priority. All waiters are searched only if the
 * owner has a boosted priority or is about to get one, so fair waiters, of which there may be any
 * number, cost nothing. The priority that a leaving waiter has lent is not used: it may have
 * changed, with the call of futex_pi_priority_changed() still to come.
 */
static void put_owner(struct task *owner)
{
	if (!owner)
		return;
	if (owner->boost)
		pi_adjust(owner);
	put_task(owner);
}

void pi_attach(struct futex_q *q, struct task *owner)
{
	struct task *old;

	spin_lock(&pi_lock);
	old = q->owner;
	if (!q->pi)
		list_add_tail(&q->pi_link, &pi_waiters);
	q->pi = true;
	q->task->pi_wait = q;
	q->owner = owner;
	q->gone = 0;
	if (owner)
		get_task(owner);
	if (owner && lends(q) > owner->boost)
		pi_adjust(owner);
	put_owner(old);
	spin_unlock(&pi_lock);
}

void pi_detach(struct futex_q *q)
{
	if (!q->pi)
		return;
	spin_lock(&pi_lock);
	list_del(&q->pi_link);
	q->pi = false;
	q->task->pi_wait = NULL;
	put_owner(q->owner);
	q->owner = NULL;
	spin_unlock(&pi_lock);
}

void futex_pi_priority_changed(struct task *t)
{
	struct futex_q *q;

	if (list_empty(&pi_waiters))
		return;
	spin_lock(&pi_lock);
	q = t->pi_wait;
	if (q && q->owner && (q->owner->boost || lends(q)))
		pi_adjust(q->owner);
	spin_unlock(&pi_lock);
}

/* ---- one lock ---- */

/* Returns the task's urgency: a smaller number is more urgent. */
static int urgency(const struct task *t)
{
	int rt = sched_rt_prio(t);

	return rt ? -rt : 100;
}

/*
 * Returns the most urgent PI waiter of the key, or NULL. Sets *more to true if there are others.
 * Under the bucket's lock.
 */
static struct futex_q *top_waiter(struct futex_bucket *b, const struct futex_key *k, bool *more)
{
	struct futex_q *q, *top = NULL;

	*more = false;
	list_for_each_entry(q, &b->queue, list) {
		if (!q->pi || !futex_key_eq(&q->key, k))
			continue;
		*more = top != NULL;
		if (!top || urgency(q->task) < urgency(top->task))
			top = q;
	}
	return top;
}

/* Makes the waiters of the key wait for @owner, the new owner. */
static void pi_new_owner(struct futex_bucket *b, const struct futex_key *k, struct task *owner)
{
	struct futex_q *q;

	list_for_each_entry(q, &b->queue, list)
		if (q->pi && futex_key_eq(&q->key, k) && q->owner != owner)
			pi_attach(q, owner);
}

static bool has_waiters(const struct futex_key *k)
{
	struct futex_bucket *b = futex_bucket_of(k);
	bool more, any;

	spin_lock(&b->lock);
	any = top_waiter(b, k, &more);
	spin_unlock(&b->lock);
	return any;
}

/*
 * Returns the word for a new owner @me of a free lock whose word was @old. FUTEX_WAITERS stays only
 * if there are waiters.
 */
static u32 taken(const struct futex_key *k, u32 old, u32 me)
{
	u32 waiters = old & FUTEX_WAITERS && has_waiters(k) ? FUTEX_WAITERS : 0;

	return me | (old & FUTEX_OWNER_DIED) | waiters;
}

/*
 * Takes the word if it contains no thread id, otherwise sets FUTEX_WAITERS. Returns 0: taken; 1:
 * the thread with the id *owner has the lock; or -errno, -EDEADLK if current has it.
 */
static int pi_try(uaddr_t addr, const struct futex_key *k, pid_t *owner)
{
	u32 me = (u32)task_pid_vnr(current), old, seen, want;
	int err = load_user_u32(addr, &old);

	while (!err) {
		if ((old & FUTEX_TID_MASK) == me)
			return -EDEADLK;
		if (!(old & FUTEX_TID_MASK))
			want = taken(k, old, me);
		else
			want = old | FUTEX_WAITERS;
		seen = old;
		err = cmpxchg_user_u32(addr, &seen, want);
		if (!err && seen == old) {
			*owner = (pid_t)(old & FUTEX_TID_MASK);
			return *owner ? 1 : 0;
		}
		old = seen;
		cond_resched();
	}
	return err;
}

static DECLARE_WAIT_QUEUE_HEAD(given_up);

/* Notes that current, an exiting task, has given up all locks that it owned. */
void futex_pi_dead(void)
{
	WRITE_ONCE(current->futex_dead, true);
	wake_up_all(&given_up);
}

int futex_pi_owner(uaddr_t addr, pid_t pid, struct task **owner)
{
	struct task *t = find_get_task(pid);
	int err = -ESRCH;
	u32 now;

	if (t && !(READ_ONCE(t->flags) & (PF_KTHREAD | PF_EXITING))) {
		*owner = t;
		return 0;
	}
	if (t && (t->flags & PF_KTHREAD))
		err = -EPERM;
	else if (t && wait_event_killable(&given_up, READ_ONCE(t->futex_dead)))
		err = -EINTR;
	if (t)
		put_task(t);
	if (err != -ESRCH)
		return err;
	/* Checks whether the word has changed, since the owner may have given it up meanwhile. */
	err = load_user_u32(addr, &now);
	if (err)
		return err;
	return (now & FUTEX_TID_MASK) == (u32)pid ? -ESRCH : 1;
}

int futex_pi_inherit(uaddr_t addr, pid_t owner)
{
	u32 old, seen;
	int err = load_user_u32(addr, &old);

	if (err)
		return err;
	if ((old & FUTEX_TID_MASK) != (u32)owner)
		return 1;
	seen = old;
	err = cmpxchg_user_u32(
		addr, &seen, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED | (u32)task_pid_vnr(current));
	return err ? err : seen != old;
}

/* Queues @q as a waiter for the PI lock of @owner. Takes the bucket's lock. */
static void enqueue_for(struct futex_q *q, const struct futex_key *k, struct task *owner)
{
	struct futex_bucket *b = futex_bucket_of(k);

	futex_enqueue(q, k, BITS_ANY);
	spin_lock(&b->lock);
	if (!q->woken)
		pi_attach(q, owner);
	spin_unlock(&b->lock);
	smp_mb(); /* queue the waiter, then read the word */
}

/* Waits for @owner. Returns 0: current owns the lock now; 1: try again; or -errno. */
static int pi_wait(
	uaddr_t addr, const struct futex_key *k, struct task *owner, struct wait_until until)
{
	/*
	 * With requeue_to set, a plain wake or requeue does not take the waiter, even before it is
	 * marked as a PI waiter.
	 */
	struct futex_q q = { .requeue_to = k };
	u32 word;
	int err;

	if (pi_would_deadlock(current, owner))
		return -EDEADLK;
	enqueue_for(&q, k, owner);
	err = load_user_u32(addr, &word);
	if (!err && ((word & FUTEX_TID_MASK) != (u32)task_pid_vnr(owner) ||
			    READ_ONCE(owner->flags) & PF_EXITING))
		return futex_unqueue(&q) ? 1 : 0;
	if (err)
		return futex_unqueue(&q) ? err : 0;
	err = futex_sleep(&q, until);
	if (!err && !q.woken)
		return futex_pi_inherit(addr, q.gone);
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

long futex_lock_pi(uaddr_t addr, bool private, bool try, struct wait_until until)
{
	struct task *owner;
	struct futex_key k;
	pid_t pid = 0;
	long err = futex_key_get(addr, private, &k);

	if (err)
		return err;
	do {
		err = pi_try(addr, &k, &pid);
		if (err <= 0)
			break;
		err = futex_pi_owner(addr, pid, &owner);
		if (!err) {
			err = try ? -EAGAIN : pi_wait(addr, &k, owner, until);
			put_task(owner);
		}
		/* Other tasks may change the word without end. */
		if (err > 0 && fatal_signal_pending(current))
			err = -ERESTARTNOINTR;
	} while (err > 0);
	futex_key_put(&k);
	return err;
}

/*
 * Returns the waiter that gets the lock, marked so that it cannot leave its queue, or NULL. If the
 * guest has changed the word meanwhile, several unlocks may choose one waiter; it leaves the queue
 * when the last of them has ended. Sets *more to true if there are other waiters.
 */
static struct futex_q *choose_heir(struct futex_bucket *b, const struct futex_key *k, bool *more)
{
	struct futex_q *top;

	spin_lock(&b->lock);
	top = top_waiter(b, k, more);
	if (top)
		top->chosen++;
	spin_unlock(&b->lock);
	return top;
}

/*
 * Ends what choose_heir() began. @owns: the word contains the thread id of @heir now, so @heir is
 * woken. @heir may be NULL.
 */
static void release_heir(struct futex_bucket *b, struct futex_q *heir, bool owns)
{
	if (!heir)
		return;
	spin_lock(&b->lock);
	heir->chosen--;
	if (owns && !heir->woken) {
		struct futex_key k = heir->key;
		struct task *t = heir->task;

		futex_wake_q(heir);
		pi_new_owner(b, &k, t);
	}
	spin_unlock(&b->lock);
}

/*
 * Hands a word that current owns over to the most urgent PI waiter, or frees the word. @flag:
 * FUTEX_OWNER_DIED or 0. If current ends and has no waiters here, FUTEX_WAITERS stays unchanged in
 * the word. Returns 0 or -errno.
 */
long futex_pi_hand_over(uaddr_t addr, const struct futex_key *k, u32 flag)
{
	struct futex_bucket *b = futex_bucket_of(k);
	struct futex_q *heir;
	u32 old, seen, want;
	bool more, done;
	long err;

	do {
		err = load_user_u32(addr, &old);
		if (err)
			return err;
		if ((old & FUTEX_TID_MASK) != (u32)task_pid_vnr(current))
			return -EPERM;
		heir = choose_heir(b, k, &more);
		want = flag;
		if (heir)
			want |= (u32)task_pid_vnr(heir->task) | (more ? FUTEX_WAITERS : 0);
		else if (flag)
			want |= old & FUTEX_WAITERS;
		seen = old;
		err = cmpxchg_user_u32(addr, &seen, want);
		done = !err && seen == old;
		release_heir(b, heir, done);
	} while (!err && !done);
	return err;
}

long futex_unlock_pi(uaddr_t addr, bool private)
{
	struct futex_key k;
	long err;
	u32 word;

	/*
	 * A caller that is not the owner gets EPERM, even if no futex may be at the word's address.
	 */
	if (get_user(word, addr))
		return -EFAULT;
	if ((word & FUTEX_TID_MASK) != (u32)task_pid_vnr(current))
		return -EPERM;
	err = futex_key_get(addr, private, &k);
	if (err)
		return err;
	err = futex_pi_hand_over(addr, &k, 0);
	futex_key_put(&k);
	return err;
}

/* Gives a lock that had no owner to the most urgent waiter. Returns 0, 1 (try again) or -errno. */
static int give_to_heir(uaddr_t addr, const struct futex_key *k, u32 word)
{
	struct futex_bucket *b = futex_bucket_of(k);
	bool more, done;
	struct futex_q *heir = choose_heir(b, k, &more);
	u32 seen = word;
	int err;

	if (!heir)
		return 0;
	err = cmpxchg_user_u32(addr, &seen,
		(word & FUTEX_OWNER_DIED) | (u32)task_pid_vnr(heir->task) |
			(more ? FUTEX_WAITERS : 0));
	done = !err && seen == word;
	release_heir(b, heir, done);
	return err ? err : !done;
}

/*
 * Finds the owner of a held lock and makes it the owner for the queued waiters. Returns 0, 1 (try
 * again) or -errno.
 */
static int announce_waiters(uaddr_t addr, const struct futex_key *k, u32 word)
{
	struct futex_bucket *b = futex_bucket_of(k);
	u32 want = word | FUTEX_WAITERS, seen = word, now;
	struct task *owner;
	int err = cmpxchg_user_u32(addr, &seen, want);

	if (err || seen != word)
		return err ? err : 1;
	err = futex_pi_owner(addr, (pid_t)(word & FUTEX_TID_MASK), &owner);
	if (err)
		return err;
	spin_lock(&b->lock);
	pi_new_owner(b, k, owner);
	spin_unlock(&b->lock);
	smp_mb();
	err = load_user_u32(addr, &now);
	if (!err && (now != want || READ_ONCE(owner->flags) & PF_EXITING))
		err = 1;
	put_task(owner);
	return err;
}

long futex_pi_settle(uaddr_t addr, const struct futex_key *k)
{
	u32 word;
	int err;

	do {
		err = load_user_u32(addr, &word);
		if (err)
			break;
		err = word & FUTEX_TID_MASK ? announce_waiters(addr, k, word) :
					      give_to_heir(addr, k, word);
		cond_resched();
	} while (err > 0);
	return err;
}

/*
 * Wakes up waiters for those PI locks of current that are in no robust list. They read the word
 * again, find that current has ended, and take the lock over.
 */
void futex_pi_exit(void)
{
	struct futex_q *q;

	if (likely(list_empty(&pi_waiters)))
		return;
	spin_lock(&pi_lock);
	list_for_each_entry(q, &pi_waiters, pi_link) {
		if (q->owner == current) {
			WRITE_ONCE(q->gone, task_pid_vnr(current));
			wake_up_process(q->task);
		}
	}
	spin_unlock(&pi_lock);
}
