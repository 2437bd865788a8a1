/* SPDX-License-Identifier: MIT */
/*
 * uring.h: rings and requests of io_uring, shared by the files of kernel/io_uring. docs/ipc.md
 * describes how they work together.
 *
 * Locks: ring->lock (mutex): submission and registration. ring->cq_lock (spin): the completion
 * queue, and the lists of waiting requests. A request that does not wait belongs to the task that
 * runs it.
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
/* result of an issue function: the real result comes later */
#define URING_QUEUED (1L << 40)

/*
 * The memory that kernel and guest share. A guest may write anything: indexes are read once and
 * masked. Programs that provide the memory rely on 64 bytes before the completions.
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

struct uring_map {         /* memory that the guest maps: immutable */
	struct file *file; /* NULL: pages of the program's own */
	struct page **pages;
	u32 nr;
	size_t charged;
};

struct uring_buffer {
	u64 base, len;
};

struct uring_rsrc { /* a registered file or buffer: rsrc.c */
	atomic_t refs;
	/* a reference on this object implies one on the ring */
	struct uring *ring;
	/* user data of the completion that is posted at its end; 0: there is none */
	u64 tag;
	struct file *file; /* a reference; NULL: a buffer */
	struct uring_buffer buffer;
};
struct uring_table {
	struct uring_rsrc **slots; /* NULL: none registered */
	u32 nr;
};

/* IORING_REGISTER_RESTRICTIONS: the operations that are allowed once the ring is enabled. */
struct uring_limits {
	bool registered, active;
	u64 register_ops, ops; /* bits */
	u8 flags_allowed, flags_required;
};

struct uring {
	atomic_t refs; /* the file, and each request */
	/* number of requests that poll this ring, which POLL_ADD bounds */
	atomic_t polls;
	/* number of timeouts that are over: these end a wait for more completions */
	atomic_t timeouts;
	/* clock of the timeout of enter; under lock */
	int clock;
	/* IORING_SETUP_*; R_DISABLED is cleared under lock */
	u32 flags;
	/* SINGLE_ISSUER: the task that made or enabled the ring; under lock */
	struct pid *issuer;
	/* SQPOLL: the process that made the ring; immutable */
	struct pid *owner;
	/* sq_work was given to one of the owner's threads; atomic */
	bool sq_asked;
	/* written, like sq_file, by the task that has set sq_asked */
	struct task_work sq_work;
	struct file *sq_file;       /* the ring's own, a reference */
	u32 sq_entries, cq_entries; /* immutable */
	struct uring_map rings, sqes;
	/* offset of the submission array in rings; 0: there is none */
	u32 array_at;
	struct list_head all; /* of every ring, under rings_lock */
	struct mutex lock;    /* below */
	u32 sq_head;
	/* IOSQE_IO_DRAIN was set within a chain, and applies to the next request */
	bool drain_next;
	/* IOSQE_CQE_SKIP_SUCCESS was used: earlier completions cannot be counted */
	bool no_drain;
	struct uring_table files, buffers;
	u32 file_hint;            /* start of the search for a free slot */
	u32 alloc_from, alloc_to; /* FILE_ALLOC_RANGE: where it looks */
	/* the most workers that there would be if there were any: bounded, unbounded */
	u32 workers[2];
	/* the mm whose buffers are registered with this ring; only compared */
	const void *mm;
	struct radix groups; /* of uring_group, by its number */
	struct uring_limits limits;
	struct radix personalities; /* of struct cred, from 1 on */
	u32 nr_personalities, next_personality;
	spinlock_t cq_lock; /* below */
	struct file *eventfd;
	u32 cq_tail;
	u64 counted;               /* completions that timeouts count */
	struct list_head overflow; /* of uring_overflow */
	/* polls and timeouts, by uring_req.link and hashed by user_data */
	struct list_head waiting[URING_BUCKETS];
	/* by target: timeouts that completions may end */
	struct list_head counting;
	/* a task is completing the timeouts whose count is reached */
	bool checking;
	/* cancelled polls until the worker has seen them, and transfers at a disk */
	struct list_head ending;
	/* requests that run when nothing waits any more, by uring_req.link */
	struct list_head drained;
	struct list_head mapped; /* of uring_group: kbuf.c */
	/* DEFER_TASKRUN: requests that the issuer has to run, by uring_req.deferred */
	struct list_head deferred;
	struct list_head shots; /* of uring_req.shot_link */
	/* without DEFER_TASKRUN: requests that their tasks have to run, by uring_req.deferred */
	struct list_head again;
	/* number of requests that wait, or have waited and have not finished */
	u32 nr_active;
	bool dying;
	struct wait_queue_head wait;
	/* is registered from the first CLOCK_REALTIME timeout on */
	struct clock_watch watch;
};

struct uring_overflow {
	struct list_head link;
	struct io_uring_cqe cqe;
};

struct uring_chosen { /* of a group */
	u64 addr;
	u32 len;
	u16 id;
	bool there;
};

enum uring_where { RUNNING, ON_WAITING, ON_DRAINED, ON_DISK };

struct uring_req {
	/* one for the runner or the list, and one for an armed timer or poll */
	atomic_t refs;
	struct uring *ring;
	struct io_uring_sqe sqe; /* a copy: read once */
	struct uring_req *next;  /* linked: runs after it */
	/* its LINK_TIMEOUT, a reference, which belongs to the task that runs it */
	struct uring_req *limit;
	/* of a LINK_TIMEOUT that has been started: the request that it ends, a reference */
	struct uring_req *limited;
	/* credentials of a personality, a reference; NULL: the task's */
	const struct cred *cred;
	struct file *file;  /* a reference, from the first issue on */
	struct file *other; /* of splice: the other file, a reference */
	/* the slots in which these are registered: references, or NULL */
	struct uring_rsrc *file_slot, *other_slot;
	/* the buffer of sqe.buf_index, a reference, once it is used */
	struct uring_rsrc *buffer;
	/* the submitter, a reference, while it waits */
	struct task *task;
	struct list_head link; /* under cq_lock, as the next three */
	enum uring_where where;
	bool busy;   /* counted in task->uring_busy */
	bool active; /* counted in ring->nr_active */
	/* counts in the polls of the ring that @file is */
	bool polls_ring;
	bool cancelled;
	/* its task has exited: operations that need a task fail */
	bool orphan;
	int refused; /* why it was never run, or 0 */
	bool notify; /* SEND_ZC: a second completion */
	bool polled_first;
	/* the transfer was short or was not begun: this breaks the chain */
	bool failed;
	/* readv and writev: imported at submission */
	struct uvec *vec;
	struct iov_iter iter;
	struct sock_header *header; /* sendmsg, recvmsg: copied at submission */
	struct given_name *names;   /* paths: copied at submission */
	union {
		struct open_how how;      /* OPENAT2: copied at submission */
		struct epoll_event event; /* EPOLL_CTL */
	};
	struct uring_chosen buf; /* IOSQE_BUFFER_SELECT: while it is issued */
	/* SEND: the unsent rest of a used buffer */
	struct uring_buffer rest;
	u32 cflags; /* of the last completion: IORING_CQE_F_* */
	/* polls with several shots: events to report, under cq_lock */
	u32 shot;
	/* POLL_REMOVE changes this poll; under cq_lock */
	bool update;
	u32 new_events; /* under cq_lock */
	u64 new_data;
	struct list_head deferred; /* under cq_lock, as the next */
	struct list_head shot_link;
	u32 tries; /* failed tries although its file was ready */
	s64 done;  /* bytes done so far (MSG_WAITALL) */
	long result;
	struct async_poll poll;
	struct io_async async; /* ON_DISK */
	size_t want;           /* requested bytes */
	struct ktimer timer;
	/* timeouts: the value of ring->counted that ends it */
	u64 target;
	u64 deadline;
	/* timeouts: the requested ns; with several shots, the interval */
	u64 period;
	/* @period is of CLOCK_REALTIME, which the timer follows (timeout.c) */
	bool real;
	bool rings; /* a ring is due */
	struct task_work work;
};

/* True for requests that Linux keeps in lists of their own: a cancel reports their number. */
static inline bool waits_apart(const struct uring_req *r)
{
	u8 op = r->sqe.opcode;

	return op == URING_OP_WAITID || op == URING_OP_FUTEX_WAIT || op == URING_OP_FUTEX_WAITV;
}

struct uring_op {
	int (*prep)(struct uring_req *r); /* 0 or -errno; NULL: nothing to check */
	/* Returns a result, or URING_QUEUED. NULL: not supported. */
	long (*issue)(struct uring_req *r);
	bool file;   /* r->file is needed */
	bool ioprio; /* sqe.ioprio is its own */
	/* permitted on a ring of IORING_SETUP_IOPOLL */
	bool on_iopoll;
	bool select; /* IOSQE_BUFFER_SELECT */
	/* an error returned after its start does not count as failure: the chain continues */
	bool soft;
};
extern const struct uring_op uring_ops[URING_OP_LAST];
static inline const struct uring_op *op_of(const struct uring_req *r)
{
	return &uring_ops[r->sqe.opcode];
}

/* setup.c */
extern const struct file_operations uring_fops;
extern struct list_head all_rings; /* of ring->all, under rings_lock */
extern spinlock_t rings_lock;
/* IORING_SETUP_SINGLE_ISSUER: only one task may submit. */
void uring_set_issuer(struct uring *u);
bool uring_may_issue(const struct uring *u);
void uring_put(struct uring *u);
/*
 * Charges kernel memory of all rings together, with the rings themselves: 0, or -ENOMEM at a
 * quarter of the memory.
 */
int uring_charge(size_t bytes);
void uring_uncharge(size_t bytes);
void *uring_zalloc(size_t n, size_t size); /* charged; NULL */
void uring_free(void *p, size_t n, size_t size);
int uring_map_make(struct uring_map *m, u64 size); /* 0 or -errno; to be freed in both cases */
void uring_map_free(struct uring_map *m);
static inline struct uring_shared *shared_of(struct uring *u)
{
	return page_address(u->rings.pages[0]);
}
static inline void *map_at(const struct uring_map *m, u64 off)
{
	return (char *)page_address(m->pages[off >> PAGE_SHIFT]) + (off & ~PAGE_MASK);
}

/* ringfds.c: rings that a task has registered for itself */
struct file *uring_get_ring(int fd, bool registered); /* a reference; ERR_PTR */
/* makes the empty table that each maker of a ring has: 0 or -ENOMEM */
int uring_rings_table(void);
long uring_rings_register(uaddr_t arg, u32 nr);
/* puts a file into a slot, and takes the reference; returns its number, or -errno */
int uring_rings_place(struct file *f);
long uring_rings_unregister(uaddr_t arg, u32 nr);
void uring_rings_free(struct task *t);

/* register.c */
bool uring_permitted(const struct uring_req *r); /* by the restrictions */
/*
 * Returns a reference to the credentials of that number, or NULL. ring->lock is held, also for
 * uring_personalities_free().
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
 * Posts a completion that is not the request's last. Returns false if there is no room, so that the
 * next completion must be the last.
 */
bool uring_post_more(struct uring_req *r, long res, u32 flags);
void uring_flush_overflow(struct uring *u);
void uring_set_sq_flag(struct uring *u, u32 flag, bool on);
/* signals the eventfd; under cq_lock, so that it stays */
void uring_announce(struct uring *u);
static inline u32 uring_cqe_size(u32 setup_flags)
{
	return setup_flags & IORING_SETUP_CQE32 ? 32 : 16;
}
static inline u32 uring_sqe_size(u32 setup_flags)
{
	return setup_flags & IORING_SETUP_SQE128 ? 128 : 64;
}
u32 uring_ready(struct uring *u); /* completions that the guest has not taken */

/* kbuf.c */
int uring_choose(struct uring_req *r);
void uring_unchoose(struct uring_req *r);
u32 uring_use(struct uring_req *r, size_t n);
/*
 * Chooses the buffers that @most bytes fill, at least one, at most @max. Returns their count,
 * -ENOBUFS, -ENOENT. r->buf is the first.
 */
int uring_choose_several(struct uring_req *r, u64 most, struct uvec *vec, u32 max);
u32 uring_use_several(struct uring_req *r, const struct uvec *vec, u32 nr, size_t n);
bool uring_group_empty(const struct uring_req *r);
bool uring_group_ring(const struct uring_req *r); /* no list */
/* the rest of a used buffer stays in the group */
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
 * Returns the file of a buffer ring that the kernel made, with a reference, and its size in pages,
 * for mmap. ERR_PTR.
 */
struct file *uring_group_file(struct uring *u, u64 id, u32 *pages);

/* defer.c */
static inline bool uring_defers(const struct uring *u)
{
	return u->flags & IORING_SETUP_DEFER_TASKRUN;
}
/* Queues @r->work for the issuer; false: the issuer has gone. */
bool uring_defer(struct uring_req *r, void (*func)(struct task_work *w));
/* Queues @mask, to be reported for a poll of several shots. */
bool uring_defer_shot(struct uring_req *r, u32 mask);
bool uring_has_deferred(struct uring *u);
/*
 * True if requests of @t wait: it was the issuer, also if exec has given it the leader's number
 * since.
 */
bool uring_has_deferred_of(struct uring *u, const struct task *t);
void uring_run_deferred(struct uring *u);  /* by the issuer */
void uring_drop_deferred(struct uring *u); /* of a ring that is being closed */

/* request.c */
/* Runs a request and the requests linked to it, until one waits. */
void uring_run(struct uring_req *r);
/*
 * Posts the result. Returns the next request of the chain, for the caller to run, or NULL. Takes
 * the caller's reference.
 */
struct uring_req *uring_finish(struct uring_req *r, long res);
/*
 * Finishes a request where guests' requests must not run (workers, timers): the rest of the chain
 * runs in its task.
 */
void uring_finish_elsewhere(struct uring_req *r, long res);
/* Finishes a request when no task is left to run the rest of the chain. */
void uring_abandon(struct uring_req *r, long res);
/* Detaches the waiting requests of the exiting task @t, which end later. */
void uring_orphan(struct uring *u, struct task *t);
void uring_cancel_chain(struct uring_req *r, bool silent);
/*
 * Ends the whole chain because a request of it was refused. If the head skips its success, only the
 * refused request reports.
 */
void uring_refuse_chain(struct uring_req *head);
void uring_req_put(struct uring_req *r);
/* Waits for events of r->file, then issues it again: URING_QUEUED, 0: they are there, -errno. */
long uring_wait_file(struct uring_req *r, u32 events);
long uring_wait_other(struct uring_req *r, struct file *f, u32 events); /* f: r has a reference */
/*
 * True if the file is open with O_NONBLOCK, reports that it is ready, and was tried many times:
 * -EAGAIN is the result.
 */
bool uring_in_vain(const struct uring_req *r);
/* Returns a reference to the file of a descriptor, or to a registered file; NULL. */
struct file *uring_file(struct uring *u, int fd, bool fixed);
/*
 * Waits two milliseconds, then issues the request again: URING_QUEUED or -ECANCELED. For files that
 * report readiness and yet fail.
 */
long uring_wait_a_while(struct uring_req *r);
/* Puts the request on a list; false: the ring is being closed. */
bool uring_enlist(struct uring_req *r, enum uring_where where);
/*
 * Queues a request with IOSQE_IO_DRAIN, or behind one. True: it waits until no other request does.
 */
bool uring_drain(struct uring_req *r);
bool uring_delist(struct uring_req *r); /* false: another task did */
bool uring_unlist_locked(struct uring_req *r);
/* Returns a request that its task is to issue again, and has not yet, or NULL; under cq_lock. */
struct uring_req *uring_find_again(struct uring *u,
	bool (*match)(const struct uring_req *r, const void *arg), const void *arg);
/*
 * Ends waiting requests that @match() accepts, with this user_data if @data is not NULL. Returns
 * their count (at most @max).
 */
u32 uring_cancel(struct uring *u, bool (*match)(const struct uring_req *r, const void *arg),
	const void *arg, const u64 *data, u32 max);
static inline struct list_head *uring_bucket(struct uring *u, u64 data)
{
	return &u->waiting[(data ^ data >> 8 ^ data >> 16 ^ data >> 32) % URING_BUCKETS];
}
/* Ends a waiting request, or keeps it from waiting again. */
void uring_cancel_one(struct uring_req *r);
void uring_run_in_task(struct uring_req *r, void (*func)(struct task_work *w));

/* timeout.c */
int timeout_prep(struct uring_req *r);
long timeout_issue(struct uring_req *r);
long timeout_remove_issue(struct uring_req *r);
int timeout_remove_prep(struct uring_req *r);
void timeout_init(struct uring *u);
/* stops the timer; true: it will not run. Under cq_lock */
bool timeout_stop(struct uring_req *r);
/* Returns the place of the timeout in ring->counting; under cq_lock. */
struct list_head *timeout_place(struct uring_req *r);
/* True if the timeout counts completions. */
static inline bool timeout_counts(const struct uring_req *r)
{
	return (u32)r->sqe.off && !(r->sqe.timeout_flags & URING_TIMEOUT_MULTISHOT);
}
int link_timeout_prep(struct uring_req *r);
long link_timeout_issue(struct uring_req *r);
/* Starts the LINK_TIMEOUT @lt of @r, which waits; without @lt does nothing. */
void limit_start(struct uring_req *r, struct uring_req *lt);
/* ends the LINK_TIMEOUT after the limited request; returns its result */
long limit_stop(struct uring_req *lt);
/* Ends the timeouts whose count is reached, after completions were counted. */
void timeouts_check(struct uring *u);

/* rsrc.c: registered files and buffers */
void uring_rsrc_put(struct uring_rsrc *n); /* NULL: nothing */
/*
 * Returns a reference to the file of a descriptor, or to a registered file, whose resource goes to
 * *@slot with a reference; or NULL.
 */
struct file *uring_req_file(struct uring_req *r, int fd, bool fixed, struct uring_rsrc **slot);
bool uring_take_buffer(struct uring_req *r); /* r->buffer is there */
long uring_rsrc_register(struct uring *u, u32 op, uaddr_t arg, u32 nr);
void uring_rsrc_free(struct uring *u);
int files_update_prep(struct uring_req *r);
long files_update_issue(struct uring_req *r);
/*
 * Places @fd, which a call has just made for @r, or its -errno. Returns it, or with sqe.file_index
 * registers the file instead of the descriptor: 0, the slot's number (IORING_FILE_INDEX_ALLOC), or
 * -errno.
 */
long uring_place_fd(struct uring_req *r, long fd);
/* Places a file. */
long uring_place_file(struct uring *u, u32 index, struct file *f);
long uring_remove_file(struct uring *u, u32 at); /* 0 or -errno */

/*
 * Suppresses SIGPIPE and SIGXFSZ of calls that Linux makes in a worker, whose signals do not reach
 * the program.
 */
static inline void uring_quiet(bool on)
{
	if (on)
		current->flags |= PF_NO_XFSZ;
	else
		current->flags &= ~PF_NO_XFSZ;
}

/* names.c: calls with paths, which were read when the request was submitted */
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

/* net.c: functions that bundle.c needs as well. 0: try again; or the result. */
long uring_sock_again(struct uring_req *r, u32 events, bool dontwait);
long uring_sock_ask_first(struct uring_req *r, u32 flag, u32 events, bool dontwait);
bool uring_sock_waits_all(const struct uring_req *r);
/* bundle.c */
static inline bool uring_bundles(const struct uring_req *r)
{
	return r->sqe.ioprio & URING_RECVSEND_BUNDLE;
}
long uring_send_chosen(struct uring_req *r);
/* Receives into buffers that are chosen and used. Returns the length, r->cflags; or -errno. */
long uring_receive_bundle(struct uring_req *r);

/* poll.c, rw.c, net.c, ops.c */
/* for calls with descriptors as numbers: refuses registered files */
int uring_plain_prep(struct uring_req *r);
int poll_add_prep(struct uring_req *r);
long poll_add_issue(struct uring_req *r);
int poll_remove_prep(struct uring_req *r);
long poll_remove_issue(struct uring_req *r);
long uring_sync_cancel(struct uring *u, uaddr_t arg);
int cancel_prep(struct uring_req *r);
long cancel_issue(struct uring_req *r);
void uring_tell_shots(struct uring_req *r); /* of a poll, by the issuer */
int uring_check_fixed(struct uring_req *r); /* sqe.addr, len, buf_index: 0 or -EFAULT */
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
