/* SPDX-License-Identifier: MIT */
/*
 * uring.h: rings and requests of io_uring, shared by the files of kernel/io_uring only. docs/ipc.md
 * describes how these files work together.
 *
 * Locks: ring->lock, a mutex, for submission and registration; ring->cq_lock, a spinlock, for the
 * completion queue and the lists of waiting requests. A request that does not wait belongs to the
 * task that runs it.
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
/* Returned by an issue function: the result will come later. */
#define URING_QUEUED (1L << 40)

/*
 * The memory that the kernel and the guest share. The guest may write anything to it, so indexes
 * are read once and masked. Programs that provide this memory themselves rely on 64 bytes before
 * the completions.
 */
struct uring_shared {
	u32 sq_head, sq_tail, cq_head, cq_tail;
	u32 sq_mask, cq_mask, sq_entries, cq_entries;
	u32 sq_dropped, sq_flags, cq_flags, cq_overflow;
	struct io_uring_cqe cqes[] __aligned(64);
};
_Static_assert(offsetof(struct uring_shared, cqes) == 64 && sizeof(struct io_uring_cqe) == 16 &&
		       sizeof(struct io_uring_sqe) == 64,
	"ABI");

struct uring_map {         /* memory that the guest maps; immutable */
	struct file *file; /* NULL: the program's own pages */
	struct page **pages;
	u32 nr;
	size_t charged;
};

struct uring_buffer {
	u64 base, len;
};

struct uring_rsrc { /* a registered file or buffer (rsrc.c) */
	atomic_t refs;
	/* references to this object include one reference to the ring */
	struct uring *ring;
	/* user_data of the completion that is posted when it is freed; 0: none is posted */
	u64 tag;
	struct file *file; /* a reference; NULL: it is a buffer */
	struct uring_buffer buffer;
};
struct uring_table {
	struct uring_rsrc **slots; /* NULL: nothing is registered */
	u32 nr;
};

/* IORING_REGISTER_RESTRICTIONS: the operations that are permitted once the ring is enabled. */
struct uring_limits {
	bool registered, active;
	u64 register_ops, ops; /* bitmasks of permitted opcodes */
	u8 flags_allowed, flags_required;
};

struct uring {
	atomic_t refs; /* held by the file and by each request */
	/* number of requests that poll this ring; POLL_ADD limits it */
	atomic_t polls;
	/* number of expired timeouts, each of which ends a wait for more completions */
	atomic_t timeouts;
	/* clock of io_uring_enter()'s timeout; under lock */
	int clock;
	/* IORING_SETUP_*; R_DISABLED is cleared under lock */
	u32 flags;
	/* SINGLE_ISSUER: the task that made or enabled the ring; under lock. NULL: none yet */
	struct pid *issuer;
	/* SQPOLL: the process that made the ring; immutable */
	struct pid *owner;
	/* one of the owner's threads was asked to run sq_work; atomic */
	bool sq_asked;
	/* these two are written by the task that has set sq_asked */
	struct task_work sq_work;
	struct file *sq_file;       /* the ring's own file, a reference */
	u32 sq_entries, cq_entries; /* immutable */
	struct uring_map rings, sqes;
	/* offset of the submission array in the shared memory; 0: there is none */
	u32 array_at;
	struct list_head all; /* link in all_rings, under rings_lock */
	struct mutex lock;    /* for the members below */
	u32 sq_head;
	/* a request within a chain had IOSQE_IO_DRAIN, which also applies to the next request */
	bool drain_next;
	/* IOSQE_CQE_SKIP_SUCCESS was used, so completions of earlier requests cannot be counted */
	bool no_drain;
	struct uring_table files, buffers;
	u32 file_hint;            /* where the search for a free slot starts */
	u32 alloc_from, alloc_to; /* FILE_ALLOC_RANGE: slots to search */
	/* the limits of bounded and unbounded workers that the guest set; there are no workers */
	u32 workers[2];
	/* the mm that made the ring, and whose memory its registered buffers are; only compared */
	const void *mm;
	struct radix groups; /* uring_group by its number */
	struct uring_limits limits;
	struct radix personalities; /* struct cred by its number, from 1 */
	u32 nr_personalities, next_personality;
	spinlock_t cq_lock; /* for the members below */
	struct file *eventfd;
	u32 cq_tail;
	u64 counted;               /* completions that count for timeouts */
	struct list_head overflow; /* uring_overflow, which did not fit */
	/* polls and timeouts: uring_req.link, hashed by user_data */
	struct list_head waiting[URING_BUCKETS];
	/* timeouts that a number of completions ends, sorted by target */
	struct list_head counting;
	/* a task is completing the timeouts whose target is reached */
	bool checking;
	/* cancelled polls until the worker has ended them, and transfers at a disk */
	struct list_head ending;
	/* requests that wait until all earlier requests have finished, by uring_req.link */
	struct list_head drained;
	struct list_head mapped; /* uring_group in mapped memory: kbuf.c */
	/* DEFER_TASKRUN: requests that the issuer must run, by uring_req.deferred */
	struct list_head deferred;
	struct list_head shots; /* uring_req.shot_link of polls to report */
	/*
	 * without DEFER_TASKRUN: requests that their tasks must issue again, by uring_req.deferred
	 */
	struct list_head again;
	/* number of requests that have waited and have not finished */
	u32 nr_active;
	bool dying;
	struct wait_queue_head wait;
	/* registered when the first timeout of CLOCK_REALTIME starts */
	struct clock_watch watch;
};

struct uring_overflow {
	struct list_head link;
	struct io_uring_cqe cqe;
};

struct uring_chosen { /* the buffer chosen from a group */
	u64 addr;
	u32 len;
	u16 id;
	bool there;
};

enum uring_where { RUNNING, ON_WAITING, ON_DRAINED, ON_DISK };

struct uring_req {
	/*
	 * one reference for the task that runs it or its list, and one for an armed timer or poll
	 */
	atomic_t refs;
	struct uring *ring;
	struct io_uring_sqe sqe; /* a copy, since the guest may change it */
	struct uring_req *next;  /* next request of the chain */
	/*
	 * the LINK_TIMEOUT of this request, a reference; it belongs to the task that runs the
	 * request
	 */
	struct uring_req *limit;
	/* in a LINK_TIMEOUT that has started: the request that it ends, a reference */
	struct uring_req *limited;
	/* credentials of the requested personality, a reference; NULL: those of the task */
	const struct cred *cred;
	struct file *file;  /* a reference, taken by the first issue */
	struct file *other; /* splice: the other file, a reference */
	/* if the two files are registered ones: their slots' objects, references; else NULL */
	struct uring_rsrc *file_slot, *other_slot;
	/* the registered buffer of sqe.buf_index, a reference, from its first use on */
	struct uring_rsrc *buffer;
	/* the task that submitted the request, a reference while the request waits */
	struct task *task;
	struct list_head link; /* this and the next three under cq_lock */
	enum uring_where where;
	bool busy;   /* it is counted in task->uring_busy */
	bool active; /* it is counted in ring->nr_active */
	/* it is counted in `polls` of the ring that @file is */
	bool polls_ring;
	bool cancelled;
	/* its task has exited, so operations that need a task fail */
	bool orphan;
	int refused; /* -errno if it was refused, or 0 */
	bool notify; /* SEND_ZC: posts a second completion */
	bool polled_first;
	/* the transfer was short or never began, which breaks the chain */
	bool failed;
	/* readv, writev: imported at submission */
	struct uvec *vec;
	struct iov_iter iter;
	struct sock_header *header; /* sendmsg, recvmsg: read at submission */
	struct given_name *names;   /* paths, which were read at submission */
	union {
		struct open_how how;      /* OPENAT2: read at submission */
		struct epoll_event event; /* EPOLL_CTL: read at submission */
	};
	struct uring_chosen buf; /* IOSQE_BUFFER_SELECT: during an issue */
	/* SEND: the part of a used buffer that was not sent yet */
	struct uring_buffer rest;
	u32 cflags; /* IORING_CQE_F_* of its last completion */
	/* poll with several shots: events to report; under cq_lock */
	u32 shot;
	/* POLL_REMOVE is changing this poll; under cq_lock */
	bool update;
	u32 new_events; /* under cq_lock, as is new_data */
	u64 new_data;
	struct list_head deferred; /* under cq_lock, as is shot_link */
	struct list_head shot_link;
	/* failed issues although the file was ready */
	u32 tries;
	s64 done; /* bytes moved so far (MSG_WAITALL) */
	long result;
	struct async_poll poll;
	struct io_async async; /* for a request in ON_DISK */
	size_t want;           /* bytes requested */
	struct ktimer timer;
	/* a timeout: ends when ring->counted reaches this value */
	u64 target;
	u64 deadline;
	/* a timeout: the requested ns; with several shots the interval */
	u64 period;
	/* @period is a time of CLOCK_REALTIME, whose changes the timer follows (timeout.c) */
	bool real;
	bool rings; /* a shot of a repeated timeout is due */
	struct task_work work;
};

/*
 * True for requests that Linux keeps in lists of their own. A cancel of these returns their number.
 */
static inline bool waits_apart(const struct uring_req *r)
{
	u8 op = r->sqe.opcode;

	return op == URING_OP_WAITID || op == URING_OP_FUTEX_WAIT || op == URING_OP_FUTEX_WAITV;
}

struct uring_op {
	int (*prep)(struct uring_req *r); /* 0 or -errno; NULL op: no checks */
	/* Returns a result, or URING_QUEUED. NULL op: not supported. */
	long (*issue)(struct uring_req *r);
	bool file;   /* the operation needs r->file */
	bool ioprio; /* the operation itself uses sqe.ioprio */
	/* permitted on a ring with IORING_SETUP_IOPOLL */
	bool on_iopoll;
	bool select; /* IOSQE_BUFFER_SELECT is permitted */
	/* an error after the operation has begun is no failure: the chain continues */
	bool soft;
};
extern const struct uring_op uring_ops[URING_OP_LAST];
static inline const struct uring_op *op_of(const struct uring_req *r)
{
	return &uring_ops[r->sqe.opcode];
}

/* setup.c */
extern const struct file_operations uring_fops;
extern struct list_head all_rings; /* ring->all of each; under rings_lock */
extern spinlock_t rings_lock;
/* IORING_SETUP_SINGLE_ISSUER: sets the issuer; true if current may submit. */
void uring_set_issuer(struct uring *u);
bool uring_may_issue(const struct uring *u);
void uring_put(struct uring *u);
/*
 * Charges kernel memory of all rings together, including the rings themselves. Returns 0, or
 * -ENOMEM beyond a quarter of the memory.
 */
int uring_charge(size_t bytes);
void uring_uncharge(size_t bytes);
void *uring_zalloc(size_t n, size_t size); /* charged; NULL: no memory */
void uring_free(void *p, size_t n, size_t size);
int uring_map_make(struct uring_map *m, u64 size); /* 0 or -errno; free it in both cases */
void uring_map_free(struct uring_map *m);
static inline struct uring_shared *shared_of(struct uring *u)
{
	return page_address(u->rings.pages[0]);
}
static inline void *map_at(const struct uring_map *m, u64 off)
{
	return (char *)page_address(m->pages[off >> PAGE_SHIFT]) + (off & ~PAGE_MASK);
}

/* ringfds.c: rings that a task has registered for its own use */
struct file *uring_get_ring(int fd, bool registered); /* takes a reference; ERR_PTR */
/* Makes the task's empty table, which each task has that makes a ring. Returns 0 or -ENOMEM. */
int uring_rings_table(void);
long uring_rings_register(uaddr_t arg, u32 nr);
/*
 * Enters a file into a free slot and takes over the reference. Returns the slot's number or -errno.
 */
int uring_rings_place(struct file *f);
long uring_rings_unregister(uaddr_t arg, u32 nr);
void uring_rings_free(struct task *t);

/* register.c */
bool uring_permitted(const struct uring_req *r); /* true unless a restriction forbids it */
/*
 * Returns the credentials with number @id, with a reference, or NULL. ring->lock is held, as it is
 * for uring_personalities_free().
 */
const struct cred *uring_personality(struct uring *u, u32 id);
void uring_personalities_free(struct uring *u);

/* cq.c */
struct uring_result {
	u64 user_data;
	s32 res;
	u32 flags; /* IORING_CQE_F_* */
};
void uring_post(struct uring *u, struct uring_result res, bool counts);
/*
 * Posts a completion that is not the request's last. Returns false if there is no room: then the
 * request's next completion must be its last.
 */
bool uring_post_more(struct uring_req *r, long res, u32 flags);
void uring_flush_overflow(struct uring *u);
void uring_set_sq_flag(struct uring *u, u32 flag, bool on);
/* Signals the eventfd. Under cq_lock, so that the eventfd is not removed meanwhile. */
void uring_announce(struct uring *u);
static inline u32 uring_cqe_size(u32 setup_flags)
{
	return setup_flags & IORING_SETUP_CQE32 ? 32 : 16;
}
static inline u32 uring_sqe_size(u32 setup_flags)
{
	return setup_flags & IORING_SETUP_SQE128 ? 128 : 64;
}
u32 uring_ready(struct uring *u); /* completions that were not read yet */

/* kbuf.c */
int uring_choose(struct uring_req *r);
void uring_unchoose(struct uring_req *r);
u32 uring_use(struct uring_req *r, size_t n);
/*
 * Chooses as many buffers as @most bytes fill, at least one and at most @max, and stores them in
 * @vec. r->buf is the first. Returns their number, -ENOBUFS or -ENOENT.
 */
int uring_choose_several(struct uring_req *r, u64 most, struct uvec *vec, u32 max);
u32 uring_use_several(struct uring_req *r, const struct uvec *vec, u32 nr, size_t n);
bool uring_group_empty(const struct uring_req *r);
bool uring_group_ring(const struct uring_req *r); /* a ring, not a list */
/* True if the unused rest of a used buffer stays in the group. */
bool uring_group_inc(const struct uring_req *r);
void uring_groups_free(struct uring *u);
int provide_prep(struct uring_req *r);
long provide_issue(struct uring_req *r);
int remove_prep(struct uring_req *r);
long remove_issue(struct uring_req *r);
long uring_register_group(struct uring *u, uaddr_t arg);
long uring_unregister_group(struct uring *u, uaddr_t arg);
long uring_group_status(struct uring *u, uaddr_t arg);
/*
 * Returns the file of a buffer ring that the kernel allocated, with a reference, and its size in
 * pages, for mmap(). ERR_PTR.
 */
struct file *uring_group_file(struct uring *u, u64 id, u32 *pages);

/* defer.c */
static inline bool uring_defers(const struct uring *u)
{
	return u->flags & IORING_SETUP_DEFER_TASKRUN;
}
/* Queues @r->work for the issuer. Returns false if the issuer has exited. */
bool uring_defer(struct uring_req *r, void (*func)(struct task_work *w));
/* Queues @mask, to be reported by a poll with several shots. */
bool uring_defer_shot(struct uring_req *r, u32 mask);
bool uring_has_deferred(struct uring *u);
/*
 * True if requests wait for @t as the issuer, also if an exec of another thread's has since given
 * @t the leader's pid.
 */
bool uring_has_deferred_of(struct uring *u, const struct task *t);
void uring_run_deferred(struct uring *u);  /* called by the issuer */
void uring_drop_deferred(struct uring *u); /* of a ring that is being closed */

/* request.c */
/* Runs a request and the requests linked to it, until one waits. */
void uring_run(struct uring_req *r);
/*
 * Posts the result and drops the caller's reference. Returns the next request of the chain, which
 * the caller must run, or NULL.
 */
struct uring_req *uring_finish(struct uring_req *r, long res);
/*
 * Finishes a request in a context that may not run guests' requests (workers, timers). The rest of
 * the chain runs in its task.
 */
void uring_finish_elsewhere(struct uring_req *r, long res);
/* Finishes a request when no task remains that could run the rest of the chain. */
void uring_abandon(struct uring_req *r, long res);
/* Detaches the waiting requests of the exiting task @t, which will end later. */
void uring_orphan(struct uring *u, struct task *t);
void uring_cancel_chain(struct uring_req *r, bool silent);
/*
 * Ends the whole chain, because one of its requests was refused. If the head has
 * IOSQE_CQE_SKIP_SUCCESS, only the refused request posts a completion.
 */
void uring_refuse_chain(struct uring_req *head);
void uring_req_put(struct uring_req *r);
/*
 * Waits for events of r->file, and then issues the request again. Returns URING_QUEUED, 0 if the
 * events are pending already, or -errno.
 */
long uring_wait_file(struct uring_req *r, u32 events);
/* @r holds a reference to @f */
long uring_wait_other(struct uring_req *r, struct file *f, u32 events);
/*
 * True if the request must fail with -EAGAIN: its file has O_NONBLOCK, reports that it is ready,
 * and the operation has failed many times.
 */
bool uring_in_vain(const struct uring_req *r);
/*
 * Returns the file of a descriptor, or with @fixed a registered file, with a reference. NULL: there
 * is none.
 */
struct file *uring_file(struct uring *u, int fd, bool fixed);
/*
 * Waits two milliseconds and then issues the request again, for files that report readiness
 * although the operation fails. Returns URING_QUEUED or -ECANCELED.
 */
long uring_wait_a_while(struct uring_req *r);
/* Puts the request on a list. Returns false if the ring is being closed. */
bool uring_enlist(struct uring_req *r, enum uring_where where);
/*
 * Queues a request with IOSQE_IO_DRAIN, or one that comes after such a request. Returns true if the
 * request must wait.
 */
bool uring_drain(struct uring_req *r);
bool uring_delist(struct uring_req *r); /* false: another task delisted it */
bool uring_unlist_locked(struct uring_req *r);
/*
 * Returns a request that its task has been asked to issue again and has not issued yet, or NULL.
 * Under cq_lock.
 */
struct uring_req *uring_find_again(struct uring *u,
	bool (*match)(const struct uring_req *r, const void *arg), const void *arg);
/*
 * Ends at most @max waiting requests that @match() accepts, and if @data is not NULL only those
 * with that user_data. Returns how many.
 */
u32 uring_cancel(struct uring *u, bool (*match)(const struct uring_req *r, const void *arg),
	const void *arg, const u64 *data, u32 max);
static inline struct list_head *uring_bucket(struct uring *u, u64 data)
{
	return &u->waiting[(data ^ data >> 8 ^ data >> 16 ^ data >> 32) % URING_BUCKETS];
}
/* Ends a waiting request. If it is not waiting, it will not wait again. */
void uring_cancel_one(struct uring_req *r);
void uring_run_in_task(struct uring_req *r, void (*func)(struct task_work *w));

/* timeout.c */
int timeout_prep(struct uring_req *r);
long timeout_issue(struct uring_req *r);
long timeout_remove_issue(struct uring_req *r);
int timeout_remove_prep(struct uring_req *r);
void timeout_init(struct uring *u);
/* Stops the timer. Returns true if it will not run. Under cq_lock. */
bool timeout_stop(struct uring_req *r);
/* Returns the entry of ring->counting before which the timeout belongs. Under cq_lock. */
struct list_head *timeout_place(struct uring_req *r);
/* True if a number of completions ends the timeout. */
static inline bool timeout_counts(const struct uring_req *r)
{
	return (u32)r->sqe.off && !(r->sqe.timeout_flags & URING_TIMEOUT_MULTISHOT);
}
int link_timeout_prep(struct uring_req *r);
long link_timeout_issue(struct uring_req *r);
/* Starts the LINK_TIMEOUT @lt of @r, which is waiting. @lt may be NULL. */
void limit_start(struct uring_req *r, struct uring_req *lt);
/* Ends the LINK_TIMEOUT after its request has ended. Returns the result of the LINK_TIMEOUT. */
long limit_stop(struct uring_req *lt);
/* Ends the timeouts whose target was reached by the completions counted so far. */
void timeouts_check(struct uring *u);

/* rsrc.c: registered files and buffers */
void uring_rsrc_put(struct uring_rsrc *n); /* @n may be NULL */
/*
 * Returns the file of a descriptor, or with @fixed a registered file, with a reference. *slot gets
 * the registered file's object, with a reference. NULL: there is no such file.
 */
struct file *uring_req_file(struct uring_req *r, int fd, bool fixed, struct uring_rsrc **slot);
bool uring_take_buffer(struct uring_req *r); /* sets r->buffer; false: there is none */
long uring_rsrc_register(struct uring *u, u32 op, uaddr_t arg, u32 nr);
void uring_rsrc_free(struct uring *u);
int files_update_prep(struct uring_req *r);
long files_update_issue(struct uring_req *r);
/*
 * Places the descriptor @fd, which a system call has just made for @r; @fd may be its -errno.
 * Without sqe.file_index it returns @fd. Otherwise the file is registered instead, and the
 * descriptor closed: it returns 0, the slot's number (IORING_FILE_INDEX_ALLOC), or -errno.
 */
long uring_place_fd(struct uring_req *r, long fd);
/* Registers a file in the slot that @index selects as sqe.file_index does. */
long uring_place_file(struct uring *u, u32 index, struct file *f);
long uring_remove_file(struct uring *u, u32 at); /* 0 or -errno */

/*
 * Suppresses SIGPIPE and SIGXFSZ during a system call that Linux makes in a worker, whose signals
 * do not reach the program.
 */
static inline void uring_quiet(bool on)
{
	if (on)
		current->flags |= PF_NO_XFSZ;
	else
		current->flags &= ~PF_NO_XFSZ;
}

/* names.c: system calls with paths, which were read when the request was submitted */
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
void uring_names_free(struct uring_req *r);

/*
 * net.c: functions that bundle.c also needs. They return 0 if the caller must try again, or the
 * result.
 */
long uring_sock_again(struct uring_req *r, u32 events, bool dontwait);
long uring_sock_ask_first(struct uring_req *r, u32 flag, u32 events, bool dontwait);
bool uring_sock_waits_all(const struct uring_req *r);
/* bundle.c */
static inline bool uring_bundles(const struct uring_req *r)
{
	return r->sqe.ioprio & URING_RECVSEND_BUNDLE;
}
long uring_send_chosen(struct uring_req *r);
/*
 * Receives into several buffers, which it chooses and uses. Returns the length and sets r->cflags,
 * or returns -errno.
 */
long uring_receive_bundle(struct uring_req *r);

/* poll.c, rw.c, net.c, ops.c */
/* For operations on descriptors by number: refuses registered files. */
int uring_plain_prep(struct uring_req *r);
int poll_add_prep(struct uring_req *r);
long poll_add_issue(struct uring_req *r);
int poll_remove_prep(struct uring_req *r);
long poll_remove_issue(struct uring_req *r);
long uring_sync_cancel(struct uring *u, uaddr_t arg);
int cancel_prep(struct uring_req *r);
long cancel_issue(struct uring_req *r);
void uring_tell_shots(struct uring_req *r); /* reports a poll's shots; by the issuer */
int uring_check_fixed(struct uring_req *r); /* checks sqe.addr, len: 0 or -EFAULT */
int rw_prep(struct uring_req *r);
long rw_issue(struct uring_req *r);
int read_shots_prep(struct uring_req *r);
long read_shots_issue(struct uring_req *r);
void uring_header_free(struct uring_req *r);
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
