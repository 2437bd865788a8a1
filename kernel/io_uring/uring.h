/* SPDX-License-Identifier: MIT */
/*
 * uring.h: rings and requests of io_uring, shared by the files of kernel/io_uring only. docs/ipc.md
 * describes how these files work together.
 *
 * Locks: ring->lock, a mutex, for submission and registration; ring->cq_lock, a spinlock, for the
 * completion queue and the lists of waiting requests. A request that is not waiting belongs to the
 * task that runs it.
 *
 * Contracts that many functions share:
 *	*_prep()	checks the entry at submission, and reads what it points to: 0 or -errno.
 *	*_issue()	runs a request in its task, and may sleep. Returns the result (-errno on
 *			failure), or URING_QUEUED. Does not drop the reference to @r.
 *	*register*()	serves io_uring_register(2): @arg is in guest memory and has @nr
 *			elements. Returns the call's result.
 * All three are called with ring->lock held, as are the functions that take registered files,
 * buffers and groups of buffers. cq_lock is taken by the functions, unless their comment says that
 * it is held.
 */
#ifndef NESTLING_IO_URING_H
#define NESTLING_IO_URING_H

#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/io_uring/newer.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"
#include "kernel/vfs/async_poll.h"
#include "kernel/vfs/mount/given.h"
#include "kernel/vfs/vfs.h"

struct sock_header;

#define URING_MAX_ENTRIES 32768
#define URING_BUCKETS 256
/* Returned by an issue function if the result will be posted later. */
#define URING_QUEUED (1L << 40)

/*
 * Memory that the kernel and the guest share. The guest may write anything to it, so indexes are
 * read once and masked. Programs that provide this memory themselves rely on the 64 bytes that
 * precede the completions.
 */
struct uring_shared {
	/*
	 * The kernel moves sq_head and cq_tail, the guest the other two; not masked. The guest
	 * writes cq_flags too.
	 */
	u32 sq_head, sq_tail, cq_head, cq_tail;
	u32 sq_mask, cq_mask, sq_entries, cq_entries;
	u32 sq_dropped, sq_flags, cq_flags, cq_overflow;
	struct io_uring_cqe cqes[] __aligned(64);
};
_Static_assert(offsetof(struct uring_shared, cqes) == 64 && sizeof(struct io_uring_cqe) == 16 &&
		       sizeof(struct io_uring_sqe) == 64,
	"ABI");

struct uring_map {           /* memory that the guest maps; immutable */
	struct file *file;   /* NULL: the program's own pages */
	struct page **pages; /* with references */
	u32 nr;
	size_t charged; /* bytes: uring_charge() */
};

struct uring_buffer {  /* guest memory */
	u64 base, len; /* address, bytes */
};

struct uring_rsrc { /* a registered file or buffer (rsrc.c) */
	atomic_t refs;
	/* without a reference: each holder of the object has a reference to the ring */
	struct uring *ring;
	/* user_data of the completion that is posted when the object is freed; 0: posts none */
	u64 tag;
	struct file *file; /* referenced; NULL if it is a buffer */
	struct uring_buffer buffer;
};
struct uring_table {
	struct uring_rsrc **slots; /* NULL if none is registered */
	u32 nr;
};

/* IORING_REGISTER_RESTRICTIONS: the operations that are permitted once the ring is enabled. */
struct uring_limits {
	bool registered, active; /* set; in force */
	u64 register_ops, ops;   /* bitmasks of permitted opcodes */
	u8 flags_allowed, flags_required;
};

struct uring {
	atomic_t refs; /* one for the file, one for each request */
	/* number of requests that poll this ring, which POLL_ADD limits */
	atomic_t polls;
	/* number of expired timeouts. Each of them ends a wait for completions. */
	atomic_t timeouts;
	/* clock id of io_uring_enter()'s timeout; set under lock, read without it */
	int clock;
	/* IORING_SETUP_*; R_DISABLED is cleared under lock */
	u32 flags;
	/* SINGLE_ISSUER: the task that made or enabled the ring, or NULL before; under lock */
	struct pid *issuer;
	/* SQPOLL: the process that made the ring, otherwise NULL; immutable */
	struct pid *owner;
	/* True while one of the owner's threads is asked to run sq_work; atomic */
	bool sq_asked;
	/* sq_work and sq_file are written by the task that has set sq_asked */
	struct task_work sq_work;
	struct file *sq_file;       /* the ring's own file, referenced */
	u32 sq_entries, cq_entries; /* immutable */
	struct uring_map rings, sqes;
	/* byte offset of the submission array in @rings; 0: there is none */
	u32 array_at;
	struct list_head all; /* in all_rings, under rings_lock */
	struct mutex lock;    /* protects the members below */
	u32 sq_head;          /* the kernel's own, not masked */
	/*
	 * True if a request within a chain had IOSQE_IO_DRAIN, which also applies to the next
	 * chain.
	 */
	bool drain_next;
	/*
	 * True if IOSQE_CQE_SKIP_SUCCESS was used, so that completions of earlier requests cannot
	 * be counted.
	 */
	bool no_drain;
	struct uring_table files, buffers;
	u32 file_hint;            /* slot at which a search begins */
	u32 alloc_from, alloc_to; /* FILE_ALLOC_RANGE: [from, to) */
	/*
	 * Limits of bounded and unbounded workers that the guest has set. There are no such
	 * workers.
	 */
	u32 workers[2];
	/* The mm of the ring's maker, to which the registered buffers belong. Only compared. */
	const void *mm;
	struct radix groups; /* struct uring_group by its id */
	struct uring_limits limits;
	struct radix personalities; /* struct cred by its number (from 1) */
	u32 nr_personalities, next_personality;
	spinlock_t cq_lock;        /* protects the members below */
	struct file *eventfd;      /* referenced, or NULL */
	u32 cq_tail;               /* the kernel's own, not masked */
	u64 counted;               /* completions, for counting timeouts */
	struct list_head overflow; /* uring_overflow.link */
	/* waiting polls and timeouts by uring_req.link, hashed by user_data */
	struct list_head waiting[URING_BUCKETS];
	/* timeouts that end after a number of completions, by uring_req.link, sorted by target */
	struct list_head counting;
	/* True while a task completes the timeouts whose target is reached */
	bool checking;
	/*
	 * by uring_req.link: cancelled polls that a worker has not ended yet, and direct transfers
	 */
	struct list_head ending;
	/* by uring_req.link: requests that wait until all earlier requests have finished */
	struct list_head drained;
	/* by uring_group.mapped: groups whose buffer ring lies in kernel memory */
	struct list_head mapped;
	/* DEFER_TASKRUN: requests that the issuer must run, by uring_req.deferred */
	struct list_head deferred;
	/* DEFER_TASKRUN: multishot polls whose events the issuer must report, by shot_link */
	struct list_head shots;
	/*
	 * without DEFER_TASKRUN: requests that their tasks must issue again, by uring_req.deferred
	 */
	struct list_head again;
	/* number of requests that have begun to wait and have not finished */
	u32 nr_active;
	u32 nr_draining;             /* those of them that have IOSQE_IO_DRAIN */
	bool dying;                  /* the ring's file was closed */
	struct wait_queue_head wait; /* for completions and deferred work */
	/* registered when the ring's first timeout on CLOCK_REALTIME starts */
	struct clock_watch watch;
};

struct uring_overflow {
	struct list_head link;
	struct io_uring_cqe cqe;
};

struct uring_chosen { /* the buffer chosen from a group */
	u64 addr;     /* in guest memory */
	u32 len;      /* bytes */
	u16 id;       /* buffer id */
	bool there;   /* a buffer is chosen */
};

enum uring_where { RUNNING, ON_WAITING, ON_DRAINED, ON_DISK };

struct uring_req {
	/*
	 * One reference for the task that runs the request or the list that has it, and one for an
	 * armed timer or poll.
	 */
	atomic_t refs;
	struct uring *ring;
	struct io_uring_sqe sqe; /* copy: the guest may change its entry */
	struct uring_req *next;  /* next in the chain (referenced) */
	/*
	 * This request's LINK_TIMEOUT (referenced), or NULL. It belongs to the task that runs the
	 * request.
	 */
	struct uring_req *limit;
	/* In a LINK_TIMEOUT that has started: the request that it limits (referenced). */
	struct uring_req *limited;
	/* credentials of the requested personality (referenced), or NULL: the task's */
	const struct cred *cred;
	struct file *file;  /* referenced; set by the first issue */
	struct file *other; /* splice: the source file; referenced */
	/* objects of the slots (referenced) if the two files are registered ones, else NULL */
	struct uring_rsrc *file_slot, *other_slot;
	/* registered buffer of sqe.buf_index (referenced), set at its first use */
	struct uring_rsrc *buffer;
	/* the submitting task, referenced while the request waits */
	struct task *task;
	struct list_head link; /* link, where, busy, active: under cq_lock */
	enum uring_where where;
	bool busy;     /* counted in task->uring_busy */
	bool active;   /* counted in ring->nr_active */
	bool draining; /* counted in ring->nr_draining, too */
	/* counted in @polls of the ring that @file is */
	bool polls_ring;
	bool cancelled; /* it will not wait again; under cq_lock */
	/* True if its task has exited, so that operations that need a task fail */
	bool orphan;
	int refused; /* -errno if it was refused, else 0 */
	bool notify; /* SEND_ZC: posts a second completion */
	/* True once uring_sock_ask_first() has waited, so that it does not wait again */
	bool polled_first;
	/* True if the transfer was short or never began, which breaks the chain */
	bool failed;
	/* readv, writev: imported at submission */
	struct uvec *vec;
	struct iov_iter iter;
	struct sock_header *header; /* sendmsg, recvmsg: read at submission */
	struct given_name *names;   /* paths, read at submission */
	union {
		struct open_how how;      /* OPENAT2: read at submission */
		struct epoll_event event; /* EPOLL_CTL: read at submission */
	};
	struct uring_chosen buf; /* IOSQE_BUFFER_SELECT, during an issue */
	/* SEND: part of a used buffer that was not sent yet */
	struct uring_buffer rest;
	u32 cflags; /* IORING_CQE_F_* of next completion */
	/* multishot poll: events to report; under cq_lock */
	u32 shot;
	/* True while POLL_REMOVE is changing this poll; under cq_lock */
	bool update;
	/* POLL_REMOVE: events that the poll gets; valid while @update; under cq_lock */
	u32 new_events;
	/* POLL_REMOVE: user_data that the poll gets; valid while @update; under cq_lock */
	u64 new_data;
	/* in ring->deferred or ring->again; under cq_lock */
	struct list_head deferred;
	struct list_head shot_link; /* in ring->shots; under cq_lock */
	/* number of issues that failed although the file was ready */
	u32 tries;
	s64 done; /* bytes moved so far */
	/* result to finish with in the request's task; URING_QUEUED: issue again */
	long result;
	struct async_poll poll;
	struct io_async async; /* used while ON_DISK */
	size_t want;           /* requested bytes */
	struct ktimer timer;
	/* timeout: value of ring->counted that ends it */
	u64 target;
	u64 deadline; /* ktime, ns; TIMEOUT_REMOVE: new time */
	/* timeout: the requested time in ns; multishot: the interval */
	u64 period;
	/*
	 * timeout: True if @period is a time of CLOCK_REALTIME, whose changes the timer follows
	 * (timeout.c)
	 */
	bool real;
	/* multishot timeout: True if it has expired, and a completion is due */
	bool rings;
	struct task_work work;
};

/*
 * True for requests that Linux keeps in separate lists. Cancelling such a request returns the
 * number of cancelled requests.
 */
static inline bool waits_apart(const struct uring_req *r)
{
	u8 op = r->sqe.opcode;

	return op == URING_OP_WAITID || op == URING_OP_FUTEX_WAIT || op == URING_OP_FUTEX_WAITV;
}

struct uring_op {
	int (*prep)(struct uring_req *r); /* 0 or -errno; may be NULL */
	/* Returns a result, or URING_QUEUED. NULL if the opcode is not supported. */
	long (*issue)(struct uring_req *r);
	bool file;   /* needs r->file */
	bool ioprio; /* uses sqe.ioprio itself */
	/* True if permitted on a ring with IORING_SETUP_IOPOLL */
	bool on_iopoll;
	bool select; /* permits IOSQE_BUFFER_SELECT */
	/*
	 * True if an error after the operation has begun is no failure, so that the chain continues
	 */
	bool soft;
};
extern const struct uring_op uring_ops[URING_OP_LAST];
static inline const struct uring_op *op_of(const struct uring_req *r)
{
	return &uring_ops[r->sqe.opcode];
}

/* setup.c */
extern const struct file_operations uring_fops;
extern struct list_head all_rings; /* by ring->all; under rings_lock */
extern spinlock_t rings_lock;
/* SINGLE_ISSUER: makes current the issuer, unless there is one. ring->lock is held. */
void uring_set_issuer(struct uring *u);
/* True if current may submit: the ring has no issuer, or it is current. ring->lock is held. */
bool uring_may_issue(const struct uring *u);
void uring_put(struct uring *u); /* drops a reference; may sleep */
/*
 * Charges kernel memory to all rings together, including the rings themselves. Returns 0, or
 * -ENOMEM if they would exceed a quarter of the memory. Neither this function nor uring_uncharge()
 * sleeps.
 */
int uring_charge(size_t bytes);
void uring_uncharge(size_t bytes);
/*
 * Allocates @n zeroed elements of @size bytes each, and charges them. Returns NULL if memory is
 * short. May sleep.
 */
void *uring_zalloc(size_t n, size_t size);
/* Frees and uncharges memory of uring_zalloc(), with the numbers of that call. @p may be NULL. */
void uring_free(void *p, size_t n, size_t size);
/* Makes zeroed memory of @size bytes that the guest can map. @m is zeroed. May sleep. */
int uring_map_make(struct uring_map *m, u64 size); /* 0 or -errno; free @m in both cases */
void uring_map_free(struct uring_map *m);
static inline struct uring_shared *shared_of(struct uring *u)
{
	return page_address(u->rings.pages[0]);
}
/* Returns the kernel's address of byte @off. What follows is contiguous only within its page. */
static inline void *map_at(const struct uring_map *m, u64 off)
{
	return (char *)page_address(m->pages[off >> PAGE_SHIFT]) + (off & ~PAGE_MASK);
}

/* ringfds.c: rings that a task has registered for itself. The table is current's own: no lock. */
/*
 * Returns the file of descriptor @fd, or with @registered of entry @fd of the table, referenced, or
 * ERR_PTR. The file may be no ring.
 */
struct file *uring_get_ring(int fd, bool registered);
/* Makes the task's empty table, which every task that makes a ring has. Returns 0 or -ENOMEM. */
int uring_rings_table(void);
long uring_rings_register(uaddr_t arg, u32 nr);
/*
 * Puts a file into a free slot, and takes over the reference, even on failure. Returns the slot's
 * number, or -EBUSY if there is no free slot.
 */
int uring_rings_place(struct file *f);
long uring_rings_unregister(uaddr_t arg, u32 nr);
void uring_rings_free(struct task *t); /* at @t's exit or exec */

/* register.c */
bool uring_permitted(const struct uring_req *r); /* True unless a restriction forbids it */
/*
 * Returns the credentials with number @id, referenced, or NULL. ring->lock is held for this
 * function and for uring_personalities_free().
 */
const struct cred *uring_personality(struct uring *u, u32 id);
void uring_personalities_free(struct uring *u);

/* cq.c */
struct uring_result {
	u64 user_data;
	s32 res;
	u32 flags; /* IORING_CQE_F_* */
};
/*
 * Posts a completion and wakes up waiters. If the queue is full, the completion is kept aside until
 * uring_flush_overflow(), or lost if memory is short. @counts: timeouts count it. Does not sleep.
 */
void uring_post(struct uring *u, struct uring_result res, bool counts);
/*
 * Posts a completion that is not the request's last. Returns false if there is no room: the
 * request's next completion must then be its last.
 */
bool uring_post_more(struct uring_req *r, long res, u32 flags);
/* Posts the completions that were kept aside, as far as they fit. */
void uring_flush_overflow(struct uring *u);
void uring_set_sq_flag(struct uring *u, u32 flag, bool on); /* @flag: IORING_SQ_*; atomic */
/* Signals the eventfd. cq_lock is held, so that the eventfd is not removed meanwhile. */
void uring_announce(struct uring *u);
/* Bytes of an entry of the queues. @setup_flags: IORING_SETUP_*. */
static inline u32 uring_cqe_size(u32 setup_flags)
{
	return setup_flags & IORING_SETUP_CQE32 ? 32 : 16;
}
static inline u32 uring_sqe_size(u32 setup_flags)
{
	return setup_flags & IORING_SETUP_SQE128 ? 128 : 64;
}
u32 uring_ready(struct uring *u); /* number of unread completions */

/* kbuf.c: groups of buffers. @r's group is that of sqe.buf_group. */
/* Chooses a buffer for r->buf, which stays in the group until it is used. Returns 0 or -ENOBUFS. */
int uring_choose(struct uring_req *r);
/* Forgets the chosen buffer, which stays in the group. */
void uring_unchoose(struct uring_req *r);
/*
 * Removes the chosen buffer, of which @n bytes were used, or its used part, from the group. Returns
 * the IORING_CQE_F_* for the completion, or 0 if none is chosen.
 */
u32 uring_use(struct uring_req *r, size_t n);
/*
 * Chooses as many buffers as @most bytes fill, at least one and at most @max, and stores them in
 * @vec. r->buf is the first. Returns their number, -ENOBUFS (no buffer) or -ENOENT (no group).
 */
int uring_choose_several(struct uring_req *r, u64 most, struct uvec *vec, u32 max);
/* As uring_use(), for the @nr buffers of @vec, of which @n bytes in all were used. */
u32 uring_use_several(struct uring_req *r, const struct uvec *vec, u32 nr, size_t n);
bool uring_group_empty(const struct uring_req *r); /* true also if there is no group */
/* True if the group is a buffer ring; false for a list of buffers, or if there is no group. */
bool uring_group_ring(const struct uring_req *r);
/* True if the unused rest of a used buffer stays in the group (IOU_PBUF_RING_INC). */
bool uring_group_inc(const struct uring_req *r);
void uring_groups_free(struct uring *u); /* all; ring->lock is held */
int provide_prep(struct uring_req *r);
long provide_issue(struct uring_req *r);
int remove_prep(struct uring_req *r);
long remove_issue(struct uring_req *r);
long uring_register_group(struct uring *u, uaddr_t arg);
long uring_unregister_group(struct uring *u, uaddr_t arg);
long uring_group_status(struct uring *u, uaddr_t arg);
/*
 * Returns the file of a buffer ring in kernel memory, for mmap(), referenced, and sets *pages to
 * its size in pages. Returns ERR_PTR on failure. Takes cq_lock alone.
 */
struct file *uring_group_file(struct uring *u, u64 id, u32 *pages);

/* defer.c */
static inline bool uring_defers(const struct uring *u)
{
	return u->flags & IORING_SETUP_DEFER_TASKRUN;
}
/* Queues @r->work for the issuer. Returns false if the ring is being closed. */
bool uring_defer(struct uring_req *r, void (*func)(struct task_work *w));
/*
 * Queues the events @mask of a multishot poll, which the issuer reports. Returns false if the ring
 * is being closed.
 */
bool uring_defer_shot(struct uring_req *r, u32 mask);
bool uring_has_deferred(struct uring *u); /* without a lock */
/*
 * True if a request of @t is queued for the issuer. Needed if an exec by another thread has since
 * given @t the leader's pid, so that it no longer equals the recorded issuer.
 */
bool uring_has_deferred_of(struct uring *u, const struct task *t);
/* Runs a limited number of queued items. ring->lock is not held. May sleep. */
void uring_run_deferred(struct uring *u);  /* called by the issuer */
void uring_drop_deferred(struct uring *u); /* for a ring that is being closed */

/* request.c */
/*
 * Runs a request and the rest of its chain, until a request waits. Takes over the reference to @r.
 * ring->lock is held.
 */
void uring_run(struct uring_req *r);
/*
 * Posts the result @res (-errno on failure) and drops the caller's reference. Returns the next
 * request of the chain, with its reference, which the caller must run, or NULL.
 */
struct uring_req *uring_finish(struct uring_req *r, long res);
/*
 * Finishes a request, as uring_finish(), in a context that may not run guests' requests (worker,
 * timer). The rest of the chain runs in its task. @res URING_QUEUED: the task issues @r again. Does
 * not take ring->lock.
 */
void uring_finish_elsewhere(struct uring_req *r, long res);
/* Finishes a request if no task is left that could run the rest of the chain. */
void uring_abandon(struct uring_req *r, long res);
/* Detaches the waiting requests of the exiting task @t. They end later, without it. */
void uring_orphan(struct uring *u, struct task *t);
/*
 * Ends @r (or NULL) and the requests that follow it, which have not begun, with -ECANCELED.
 * @silent: without completions. Drops the references.
 */
void uring_cancel_chain(struct uring_req *r, bool silent);
/*
 * Ends the whole chain, because one of its requests was refused. If the head has
 * IOSQE_CQE_SKIP_SUCCESS, only the refused request posts a completion.
 */
void uring_refuse_chain(struct uring_req *head);
void uring_req_put(struct uring_req *r); /* drops a reference */
/*
 * Lets the request wait for @events (EPOLL*) of r->file, and issues it again then. Returns
 * URING_QUEUED, 0 if the events are already pending, or -errno. Does not sleep for the events.
 */
long uring_wait_file(struct uring_req *r, u32 events);
/* As uring_wait_file(), for the file @f, to which @r holds a reference. */
long uring_wait_other(struct uring_req *r, struct file *f, u32 events);
/*
 * True if the request should fail with -EAGAIN: its file has O_NONBLOCK, and the operation has
 * failed many times although the file reports that it is ready.
 */
bool uring_in_vain(const struct uring_req *r);
/*
 * Returns the file of descriptor @fd, or with @fixed of registered file @fd, referenced. Returns
 * NULL if there is none.
 */
struct file *uring_file(struct uring *u, int fd, bool fixed);
/*
 * Issues the request again in two milliseconds, without sleeping. For files that report that they
 * are ready although the operation fails. Returns URING_QUEUED or -ECANCELED.
 */
long uring_wait_a_while(struct uring_req *r);
/*
 * Puts the request on the list for @where. Returns false if the request is cancelled or the ring is
 * being closed.
 */
bool uring_enlist(struct uring_req *r, enum uring_where where);
/*
 * Queues a request that has IOSQE_IO_DRAIN while others are active, or that follows a queued or
 * active one that has it. Returns true if the request must wait.
 */
bool uring_drain(struct uring_req *r);
bool uring_delist(struct uring_req *r);        /* false if another task delisted it */
bool uring_unlist_locked(struct uring_req *r); /* as uring_delist(); cq_lock is held */
/*
 * Returns a request that @match() accepts and whose task is to issue it again but has not done so
 * yet, or NULL. cq_lock is held.
 */
struct uring_req *uring_find_again(struct uring *u,
	bool (*match)(const struct uring_req *r, const void *arg), const void *arg);
/*
 * Cancels at most @max waiting requests that @match() accepts, and if @data is not NULL only those
 * with that user_data. Returns their number.
 */
u32 uring_cancel(struct uring *u, bool (*match)(const struct uring_req *r, const void *arg),
	const void *arg, const u64 *data, u32 max);
/* Returns the list of waiting requests with that user_data, and of others. Used under cq_lock. */
static inline struct list_head *uring_bucket(struct uring *u, u64 data)
{
	return &u->waiting[(data ^ data >> 8 ^ data >> 16 ^ data >> 32) % URING_BUCKETS];
}
/* Cancels a request. If it is not waiting, it will not wait again. */
void uring_cancel_one(struct uring_req *r);
/*
 * Runs @func(&r->work) in the request's task on its way to user mode, or, with DEFER_TASKRUN, in
 * the issuer. Passes on the caller's reference to @r. Does not sleep.
 */
void uring_run_in_task(struct uring_req *r, void (*func)(struct task_work *w));

/* timeout.c */
int timeout_prep(struct uring_req *r);
long timeout_issue(struct uring_req *r);
long timeout_remove_issue(struct uring_req *r);
int timeout_remove_prep(struct uring_req *r);
void timeout_init(struct uring *u); /* sets up u->watch */
/*
 * Stops the timer, and drops its reference to @r, which is not the last. Returns true if the timer
 * function will not run. cq_lock is held.
 */
bool timeout_stop(struct uring_req *r);
/* Returns the entry of ring->counting before which to insert the timeout. cq_lock is held. */
struct list_head *timeout_place(struct uring_req *r);
/* True if the timeout ends after a number of completions. */
static inline bool timeout_counts(const struct uring_req *r)
{
	return (u32)r->sqe.off && !(r->sqe.timeout_flags & URING_TIMEOUT_MULTISHOT);
}
int link_timeout_prep(struct uring_req *r);
long link_timeout_issue(struct uring_req *r);
/* Starts the LINK_TIMEOUT @lt of @r, which is waiting. @lt may be NULL. */
void limit_start(struct uring_req *r, struct uring_req *lt);
/*
 * Stops the LINK_TIMEOUT after its request has ended. Returns the result of the LINK_TIMEOUT:
 * -ECANCELED, or -ETIME if it has expired.
 */
long limit_stop(struct uring_req *lt);
/* Ends the timeouts whose target is reached by the number of completions so far. */
void timeouts_check(struct uring *u);

/* rsrc.c: registered files and buffers */
/* Drops a reference. The last one posts the completion for @tag. */
void uring_rsrc_put(struct uring_rsrc *n); /* @n may be NULL */
/*
 * Returns the file of descriptor @fd, or with @fixed of registered file @fd, referenced. Sets *slot
 * to the registered file's object, referenced. Returns NULL if there is no such file.
 */
struct file *uring_req_file(struct uring_req *r, int fd, bool fixed, struct uring_rsrc **slot);
bool uring_take_buffer(struct uring_req *r); /* sets r->buffer; false if none */
long uring_rsrc_register(struct uring *u, u32 op, uaddr_t arg, u32 nr);
void uring_rsrc_free(struct uring *u); /* unregisters all */
int files_update_prep(struct uring_req *r);
long files_update_issue(struct uring_req *r);
/*
 * Handles the result @fd of a system call that makes a descriptor for @r, or fails with -errno.
 * Without sqe.file_index returns @fd. Otherwise registers the file, closes the descriptor, and
 * returns 0, the slot's number (IORING_FILE_INDEX_ALLOC), or -errno.
 */
long uring_place_fd(struct uring_req *r, long fd);
/*
 * Registers a file, to which it takes a reference, in the slot that @index selects, in the format
 * of sqe.file_index. Returns the slot's number for IORING_FILE_INDEX_ALLOC, else 0, or -errno.
 */
long uring_place_file(struct uring *u, u32 index, struct file *f);
/* Empties slot @at. Returns 0, -ENXIO (no table), -EINVAL (no such slot) or -EBADF (empty). */
long uring_remove_file(struct uring *u, u32 at);

/*
 * With @on, keeps SIGPIPE and SIGXFSZ from current; without, lets them through again. For system
 * calls that Linux makes in a worker, where these signals do not reach the program.
 */
static inline void uring_quiet(bool on)
{
	if (on)
		current->flags |= PF_NO_XFSZ;
	else
		current->flags &= ~PF_NO_XFSZ;
}

/* names.c: system calls with paths, which are read when the request is submitted */
int openat_prep(struct uring_req *r);
long openat_issue(struct uring_req *r);
int openat2_prep(struct uring_req *r);
long openat2_issue(struct uring_req *r);
int statx_prep(struct uring_req *r);
long statx_issue(struct uring_req *r);
int renameat_prep(struct uring_req *r);
long renameat_issue(struct uring_req *r);
int unlinkat_prep(struct uring_req *r);
long unlinkat_issue(struct uring_req *r);
int mkdirat_prep(struct uring_req *r);
long mkdirat_issue(struct uring_req *r);
int symlinkat_prep(struct uring_req *r);
long symlinkat_issue(struct uring_req *r);
int linkat_prep(struct uring_req *r);
long linkat_issue(struct uring_req *r);
int fxattr_prep(struct uring_req *r);
long xattr_issue(struct uring_req *r);
int xattr_prep(struct uring_req *r);
void uring_names_free(struct uring_req *r); /* called with the last reference */

/* net.c: functions that bundle.c also uses */
/*
 * Called after a try has failed with -EAGAIN: waits for @events (EPOLL*) of the socket. @dontwait:
 * returns -EAGAIN instead of waiting. Returns 0 if the caller must try again, else the request's
 * result.
 */
long uring_sock_again(struct uring_req *r, u32 events, bool dontwait);
/*
 * Called before the first try: waits as uring_sock_again() does if sqe.ioprio has @flag. Returns 0
 * if the caller may try now, else the request's result.
 */
long uring_sock_ask_first(struct uring_req *r, u32 flag, u32 events, bool dontwait);
bool uring_sock_waits_all(const struct uring_req *r); /* true if MSG_WAITALL applies */
/* bundle.c */
static inline bool uring_bundles(const struct uring_req *r)
{
	return r->sqe.ioprio & URING_RECVSEND_BUNDLE;
}
long uring_send_chosen(struct uring_req *r); /* issue of a SEND with chosen buffers */
/*
 * Receives into several buffers, which it chooses and uses. Returns the number of bytes and sets
 * r->cflags, or returns -errno.
 */
long uring_receive_bundle(struct uring_req *r);

/* poll.c, rw.c, net.c, ops.c */
/*
 * Checks an operation that takes a descriptor by number: refuses registered files. Returns 0 or
 * -errno.
 */
int uring_plain_prep(struct uring_req *r);
int poll_add_prep(struct uring_req *r);
long poll_add_issue(struct uring_req *r);
int poll_remove_prep(struct uring_req *r);
long poll_remove_issue(struct uring_req *r);
long uring_sync_cancel(struct uring *u, uaddr_t arg); /* IORING_REGISTER_SYNC_CANCEL */
int cancel_prep(struct uring_req *r);
long cancel_issue(struct uring_req *r);
/* Reports the events of a multishot poll. Called by the issuer, without ring->lock. */
void uring_report_shots(struct uring_req *r);
int uring_check_fixed(struct uring_req *r); /* sqe.addr and len: 0 or -EFAULT */
int rw_prep(struct uring_req *r);
long rw_issue(struct uring_req *r);
int read_shots_prep(struct uring_req *r);
long read_shots_issue(struct uring_req *r);
void uring_header_free(struct uring_req *r); /* called with the last reference */
int net_prep(struct uring_req *r);
long send_issue(struct uring_req *r);
long recv_issue(struct uring_req *r);
long accept_issue(struct uring_req *r);
int accept_prep(struct uring_req *r);
long connect_issue(struct uring_req *r);
int name_prep(struct uring_req *r);
long bind_issue(struct uring_req *r);
int listen_prep(struct uring_req *r);
long listen_issue(struct uring_req *r);
int command_prep(struct uring_req *r);
long command_issue(struct uring_req *r);
int waitid_prep(struct uring_req *r);
long waitid_issue(struct uring_req *r);
int futex_wait_prep(struct uring_req *r);
long futex_wait_issue(struct uring_req *r);
int futex_waitv_prep(struct uring_req *r);
long futex_waitv_issue(struct uring_req *r);
long futex_wake_issue(struct uring_req *r);
int shutdown_prep(struct uring_req *r);
long shutdown_issue(struct uring_req *r);

#endif
