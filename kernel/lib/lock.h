/* SPDX-License-Identifier: MIT */
/*
 * lock.h: spinlocks, and the order in which all locks of the kernel are taken.
 *
 * Kernel code is never preempted and takes interrupts at boundaries only, so a spinlock needs no interrupt masking. It spins a
 * microsecond or two, then sleeps on a host futex (the host may have taken the holder's CPU). It is never held over schedule(),
 * uaccess or a blocking os_ call. Mutexes and rwsems, which sleep in our scheduler, are in kernel/sched/lock.h.
 *
 * The order (an inner lock may be taken while the outer is held, never the other way round):
 *
 *	sb->s_umount                      umount, sync, remount
 *	  mount namespace sem             mount, umount, path walks that cross mounts
 *	    inode->i_rwsem (directory)    create, unlink, rename (two: by address; s_rename_mutex first)
 *	      inode->i_rwsem (file)       write, truncate
 *	        ext4 journal handle       a transaction is open (may wait for a commit)
 *	          inode->i_data_sem       ext4 extent tree
 *	  mm->mmap_lock                   faults; uaccess under i_rwsem must use nofault copies
 *	    address_space->invalidate_lock
 *	      page lock (PG_locked)       read in, write back, truncate; two pages: by index
 *	        ext4 journal handle       (write-back starts a handle with pages locked only where ext4's docs say)
 *	    ksm_mutex                     which pages are merged (mm/ksm.c)
 *	    pmap->lock (mutex)            orders to a space
 *	tasklist_lock (rwlock)
 *	  sighand->lock (spin)            signals of a process
 *	  files->lock, fs->lock (spin)
 *	page_table_lock (spin)
 *	address_space->lock (spin)        the page tree
 *	dentry->d_lock, inode->i_lock, hash bucket locks (spin)
 *	wait_queue_head.lock (spin)       wake-ups run under it
 *	  runqueue lock (spin)            two: by cpu number
 *	    timer base lock (spin)
 *	zone lock, slab cache lock (spin)  allocation works under every spinlock above (GFP_ATOMIC)
 *	printk lock (spin)                 innermost
 *
 * A debug build checks the order (lockdep in kernel/lib/lock.c) by lock class: the name given to spin_lock_init().
 */
#ifndef NESTLING_LIB_LOCK_H
#define NESTLING_LIB_LOCK_H

#include "kernel/lib/types.h"

typedef struct spinlock {
	/* 0 free, 1 held, 2 held with sleepers on the futex */
	u32 word;
#ifdef CONFIG_DEBUG
	const char *name;
	void *owner;
#endif
} spinlock_t;

/* The name of a lock's class: where it is made, and the argument of the macro that makes it. */
#ifdef CONFIG_DEBUG
#define SPINLOCK_INIT(n)                                                                           \
	{                                                                                          \
		0, LOCK_CLASS(n), NULL                                                             \
	}
#define LOCK_CLASS(l) __FILE__ ":" #l
#else
#define SPINLOCK_INIT(n)                                                                           \
	{                                                                                          \
		0                                                                                  \
	}
#define LOCK_CLASS(l) NULL
#endif
#define spin_lock_init(l) spin_lock_setup(l, LOCK_CLASS(l))
#define DEFINE_SPINLOCK(n) spinlock_t n = SPINLOCK_INIT(n)

void spin_lock_setup(spinlock_t *l, const char *name);
void spin_lock(spinlock_t *l);
bool spin_trylock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
/*
 * Unlocks, for a holder that takes the lock again at once, batch by batch: a sleeper gets it first.
 * No other spinlock is held.
 */
void spin_unlock_yield(spinlock_t *l);
/* For the locks of the scheduler itself, which are held across a switch: unknown to lockdep. */
void spin_lock_raw(spinlock_t *l);
bool spin_trylock_raw(spinlock_t *l);
void spin_unlock_raw(spinlock_t *l);
void assert_spin_held(const spinlock_t *l); /* empty in release builds */
/* Take and release two locks of one class, ordered by address; both may be one lock. */
void spin_lock_two(spinlock_t *a, spinlock_t *b);
void spin_unlock_two(spinlock_t *a, spinlock_t *b);

/*
 * A spinning reader-writer lock, for short sections with many readers (tasklist, dentry hash).
 * Writers are preferred.
 */
typedef struct rwlock {
	u32 word;
#ifdef CONFIG_DEBUG
	const char *name;
#endif
} rwlock_t;
#ifdef CONFIG_DEBUG
#define RWLOCK_INIT(n)                                                                             \
	{                                                                                          \
		0, LOCK_CLASS(n)                                                                   \
	}
#else
#define RWLOCK_INIT(n)                                                                             \
	{                                                                                          \
		0                                                                                  \
	}
#endif
#define DEFINE_RWLOCK(n) rwlock_t n = RWLOCK_INIT(n)
void read_lock(rwlock_t *l);
void read_unlock(rwlock_t *l);
void write_lock(rwlock_t *l);
void write_unlock(rwlock_t *l);

/*
 * Returns the number of spinlocks that this vCPU's current task holds (debug builds; else 0):
 * schedule() and doors assert 0.
 */
int spin_depth(void);

#endif
