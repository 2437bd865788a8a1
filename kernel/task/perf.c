/* SPDX-License-Identifier: MIT */
/*
 * perf.c: perf_event_open(2): counts software events.
 *
 * The kernel counts for every task what a software event counts (time on a CPU, faults, switches,
 * moves to another vCPU). So an event is the difference of two values of such a count, its source:
 * one when the event begins to count, one when it stops or is read. This adds no cost to the paths
 * that count.
 *
 *	disabled   --enable-->    counting (base, base_time)
 *	counting   --disable-->   disabled; read and reset add up what was counted in between
 *	either     --its task ends, or must not be observed any more-->   gone
 *
 * An event of a group counts while it and its leader are enabled. With `inherit` each child task
 * gets an event of its own, which belongs to the parent's event (the root). These form groups as
 * their originals do. Enabling, reading and resetting the root applies to all of them. When a child
 * ends, its count is added to the root's.
 *
 * Time enabled and time running are the task's time on a CPU while the event counted, or for an
 * event of a vCPU the time of the clock.
 *
 * Locks: perf_lock (a mutex) protects everything here, task->perf included. It is taken inside
 * exec_hold(). So an exec after which a task may not be observed either comes before the check of
 * rights, or finds the event attached and detaches it.
 *
 * Not implemented: samples and the ring buffer (a sampling period is refused, mmap is ENODEV),
 * hardware, cache, trace and breakpoint events (ENOENT: no such device), events of a vCPU other
 * than its clock, exclude_user.
 */
#include <linux/eventpoll.h>
#include <linux/perf_event.h>

#include "gen/syscalls.h"
#include "kernel/lib/sysctl.h"
#include "kernel/task/internal.h"
#include "kernel/task/perf.h"
#include "kernel/task/perf_event.h"
#include "kernel/task/process.h"
#include "kernel/vfs/vfs.h"

/* Size in bytes of the structure in Linux 6.12; older headers have a smaller one. */
#define ATTR_KNOWN 136
#define READ_FORMATS 0x1fUL
#define SAMPLE_TYPES ((1UL << 25) - 1)
#define OPEN_FLAGS                                                                                 \
	(PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC)
#define FORMAT_LOST (1U << 4)
/* Maximum result of a read in bytes. It limits the size of a group. */
#define READ_MAX 16384

union attr {
	struct perf_event_attr a;
	u8 bytes[ATTR_KNOWN];
};

DEFINE_MUTEX(perf_lock);
static u64 last_id; /* under perf_lock */
/* Linux's default: without privileges only user code may be counted. */
static int perf_paranoid = 2;

/* ---- counting ---- */

/*
 * Returns the present value of what the event counts; always 0 for a kind of event that does not
 * occur, or that happens in the kernel if the event excludes the kernel.
 */
static u64 source(const struct perf_event *e)
{
	struct task *t = e->task;

	if (!t)
		return e->config == PERF_COUNT_SW_CPU_CLOCK ? ktime_get() : 0;
	switch (e->config) {
	case PERF_COUNT_SW_CPU_CLOCK:
	case PERF_COUNT_SW_TASK_CLOCK: return task_sched_runtime(t);
	case PERF_COUNT_SW_PAGE_FAULTS: return READ_ONCE(t->min_flt) + READ_ONCE(t->maj_flt);
	case PERF_COUNT_SW_PAGE_FAULTS_MIN: return READ_ONCE(t->min_flt);
	case PERF_COUNT_SW_PAGE_FAULTS_MAJ: return READ_ONCE(t->maj_flt);
	/* Switches and moves happen in the kernel, so they do not count as user code. */
	case PERF_COUNT_SW_CONTEXT_SWITCHES:
		return e->exclude_kernel ? 0 : READ_ONCE(t->nvcsw) + READ_ONCE(t->nivcsw);
	case PERF_COUNT_SW_CPU_MIGRATIONS: return e->exclude_kernel ? 0 : READ_ONCE(t->nr_moves);
	/* For alignment and emulation faults, which x86 does not have. */
	default: return 0;
	}
}

static u64 time_source(const struct perf_event *e)
{
	return e->task ? task_sched_runtime(e->task) : ktime_get();
}

/*
 * Adds the growth of the sources since the base to e->count and e->time. perf_lock is held, as for
 * all functions below.
 */
static void settle(struct perf_event *e)
{
	u64 now, time;

	assert_mutex_held(&perf_lock);
	if (!e->counting)
		return;
	now = source(e);
	time = time_source(e);
	e->count += now - e->base;
	e->time += time - e->base_time;
	e->base = now;
	e->base_time = time;
}

void perf_restate(struct perf_event *e)
{
	bool counting = e->enabled && e->leader->enabled && !e->gone;

	if (counting == e->counting)
		return;
	settle(e);
	e->counting = counting;
	e->base = source(e);
	e->base_time = time_source(e);
}

void perf_set_one(struct perf_event *e, bool on)
{
	struct perf_event *s;

	e->enabled = on;
	perf_restate(e);
	if (e->leader == e)
		list_for_each_entry(s, &e->group, group)
			perf_restate(s);
}

static void reset_one(struct perf_event *e)
{
	settle(e);
	e->count = 0;
}

enum op { OP_ENABLE, OP_DISABLE, OP_RESET };

static void apply_one(struct perf_event *e, enum op op)
{
	if (op == OP_RESET)
		reset_one(e);
	else
		perf_set_one(e, op == OP_ENABLE);
}

static void apply(struct perf_event *e, enum op op)
{
	struct perf_event *c;

	apply_one(e, op);
	list_for_each_entry(c, &e->children, sibling)
		apply_one(c, op);
}

static void apply_group(struct perf_event *e, enum op op)
{
	struct perf_event *s;

	apply(e->leader, op);
	list_for_each_entry(s, &e->leader->group, group)
		apply(s, op);
}

/* Sums up an event and the events that were inherited from it. @time in ns. perf_lock is held. */
static void totals(struct perf_event *e, u64 *count, u64 *time)
{
	struct perf_event *c;

	settle(e);
	*count = e->count;
	*time = e->time;
	list_for_each_entry(c, &e->children, sibling) {
		settle(c);
		*count += c->count;
		*time += c->time;
	}
}

/* ---- life ---- */

struct perf_event *perf_event_new(struct task *t)
{
	struct perf_event *e = kzalloc(sizeof(*e), GFP_KERNEL | __GFP_ACCOUNT);

	if (!e)
		return NULL;
	e->leader = e;
	INIT_LIST_HEAD(&e->group);
	INIT_LIST_HEAD(&e->children);
	INIT_LIST_HEAD(&e->sibling);
	if (t)
		get_task(t);
	e->task = t;
	return e;
}

int perf_bind(struct perf_event *e)
{
	struct task *t = e->task;

	e->id = ++last_id;
	if (!t)
		return 0;
	e->next_of_task = t->perf;
	WRITE_ONCE(t->perf, e);
	smp_mb();
	if (!(READ_ONCE(t->flags) & PF_EXITING))
		return 0;
	WRITE_ONCE(t->perf, e->next_of_task);
	return -ESRCH;
}

/* Removes @e from the list of its task. perf_lock is held. */
static void unbind(struct perf_event *e)
{
	struct perf_event **p;

	if (!e->task)
		return;
	for (p = &e->task->perf; *p; p = &(*p)->next_of_task)
		if (*p == e) {
			WRITE_ONCE(*p, e->next_of_task);
			return;
		}
}

/* Takes the event out of its group. If it is the leader, each other event becomes a leader. */
static void leave_group(struct perf_event *e)
{
	struct perf_event *s;

	if (e->leader != e) {
		list_del_init(&e->group);
		return;
	}
	while ((s = list_first_entry_or_null(&e->group, struct perf_event, group))) {
		list_del_init(&s->group);
		s->leader = s;
		perf_restate(s);
	}
}

static void event_free(struct perf_event *e)
{
	unbind(e);
	leave_group(e);
	list_del_init(&e->sibling);
	if (e->task)
		put_task(e->task);
	kfree(e);
}

void perf_event_end(struct perf_event *e)
{
	settle(e);
	if (e->root) {
		e->root->count += e->count;
		e->root->time += e->time;
		event_free(e);
		return;
	}
	unbind(e);
	e->gone = true;
	e->counting = false;
	put_task(e->task);
	e->task = NULL;
}

static int perf_release(struct inode *inode, struct file *f)
{
	struct perf_event *e = f->private_data, *c;

	mutex_lock(&perf_lock);
	while ((c = list_first_entry_or_null(&e->children, struct perf_event, sibling)))
		event_free(c);
	event_free(e);
	mutex_unlock(&perf_lock);
	return 0;
}

/* ---- file operations ---- */

/* Returns the number of bytes that a read of an event yields if its group has @members events. */
static u64 read_size(u32 format, u64 members)
{
	bool group = format & PERF_FORMAT_GROUP;
	u64 each = 1 + !!(format & PERF_FORMAT_ID) + !!(format & FORMAT_LOST);
	u64 head = group + !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED) +
		   !!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);

	return (head + each * (group ? members : 1)) * sizeof(u64);
}

static u32 put_times(u64 *to, u32 n, u32 format, u64 time)
{
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		to[n++] = time;
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		to[n++] = time;
	return n;
}

static u32 put_id(u64 *to, u32 n, const struct perf_event *e, u32 format)
{
	if (format & PERF_FORMAT_ID)
		to[n++] = e->id;
	if (format & FORMAT_LOST)
		to[n++] = 0;
	return n;
}

static u32 group_size(const struct perf_event *leader)
{
	struct perf_event *s;
	u32 n = 1;

	list_for_each_entry(s, &leader->group, group)
		n++;
	return n;
}

static void fill_single(struct perf_event *e, u64 *to)
{
	u64 time;

	totals(e, &to[0], &time);
	put_id(to, put_times(to, 1, e->format, time), e, e->format);
}

/* Fills in the values of the whole group of @e, whichever member @e is. */
static void fill_group(struct perf_event *e, u64 *to)
{
	struct perf_event *leader = e->leader, *s;
	u64 time, value;
	u32 n;

	to[0] = group_size(leader);
	totals(leader, &value, &time);
	n = put_times(to, 1, e->format, time);
	to[n] = value;
	n = put_id(to, n + 1, leader, e->format);
	list_for_each_entry(s, &leader->group, group) {
		totals(s, &to[n], &time);
		n = put_id(to, n + 1, s, e->format);
	}
}

static ssize_t perf_read(struct file *f, struct iov_iter *it, loff_t *pos)
{
	struct perf_event *e = f->private_data;
	ssize_t n;
	u64 *buf;

	mutex_lock(&perf_lock);
	n = (ssize_t)read_size(e->format, group_size(e->leader));
	buf = it->count < (u64)n ? NULL : kmalloc((size_t)n, GFP_KERNEL);
	if (!buf)
		n = it->count < (u64)n ? -ENOSPC : -ENOMEM;
	else if (e->format & PERF_FORMAT_GROUP)
		fill_group(e, buf);
	else
		fill_single(e, buf);
	mutex_unlock(&perf_lock);
	if (buf && copy_to_iter(buf, (size_t)n, it) != (size_t)n)
		n = -EFAULT;
	kfree(buf);
	return n;
}

static ssize_t perf_write(struct file *f, struct iov_iter *it, loff_t *pos)
{
	return -EINVAL;
}

static u32 perf_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLHUP; /* no ring buffer */
}

static long perf_switch(struct perf_event *e, enum op op, u64 flags)
{
	mutex_lock(&perf_lock);
	if (flags & PERF_IOC_FLAG_GROUP)
		apply_group(e, op);
	else
		apply(e, op);
	mutex_unlock(&perf_lock);
	return 0;
}

/*
 * Serves prctl(PR_TASK_PERF_EVENTS_*): enables or disables the events that count current and were
 * not inherited. (Linux does so for the events that current has opened.)
 */
void perf_switch_own(bool on)
{
	mutex_lock(&perf_lock);
	for (struct perf_event *e = current->perf; e; e = e->next_of_task)
		if (!e->root)
			apply(e, on ? OP_ENABLE : OP_DISABLE);
	mutex_unlock(&perf_lock);
}

static long perf_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct perf_event *e = f->private_data;

	switch (cmd) {
	case PERF_EVENT_IOC_ENABLE: return perf_switch(e, OP_ENABLE, arg);
	case PERF_EVENT_IOC_DISABLE: return perf_switch(e, OP_DISABLE, arg);
	case PERF_EVENT_IOC_RESET: return perf_switch(e, OP_RESET, arg);
	case PERF_EVENT_IOC_ID: return put_user(e->id, UADDR(arg)) ? -EFAULT : 0;
	case PERF_EVENT_IOC_REFRESH: /* only for events with samples */
	case PERF_EVENT_IOC_PERIOD:
	case PERF_EVENT_IOC_SET_FILTER:
	case PERF_EVENT_IOC_PAUSE_OUTPUT: return -EINVAL;
	case PERF_EVENT_IOC_SET_OUTPUT:
	case PERF_EVENT_IOC_SET_BPF: return -EOPNOTSUPP;
	default: return -ENOTTY;
	}
}

static const struct file_operations perf_fops = {
	.llseek = no_llseek,
	.read_iter = perf_read,
	.write_iter = perf_write,
	.poll = perf_poll,
	.ioctl = perf_ioctl,
	.release = perf_release,
};

/* ---- opening ---- */

static int too_big(uaddr_t ua)
{
	const u32 known = ATTR_KNOWN;

	return put_user(known, uaddr_add(ua, offsetof(struct perf_event_attr, size))) ? -EFAULT :
											-E2BIG;
}

static int max_sample_rate = 100000; /* kernel.perf_event_max_sample_rate */

/*
 * True if the request for samples is invalid. No samples are taken, but a request that Linux
 * rejects is -EINVAL in Nestling too.
 */
static bool wants_nonsense(const struct perf_event_attr *a)
{
	if (a->freq ? a->sample_freq > (u64)READ_ONCE(max_sample_rate) : a->sample_period >> 63)
		return true;
	if (a->use_clockid && a->clockid != CLOCK_MONOTONIC && a->clockid != CLOCK_MONOTONIC_RAW &&
		a->clockid != CLOCK_REALTIME && a->clockid != CLOCK_BOOTTIME &&
		a->clockid != CLOCK_TAI)
		return true;
	return a->sample_type & PERF_SAMPLE_STACK_USER &&
	       (a->sample_stack_user % 8 || a->sample_stack_user >= 65535);
}

/*
 * Reads the caller's attributes, of any size. Returns 0 or -errno, -E2BIG if they have an unknown
 * part.
 */
static int read_attr(union attr *to, uaddr_t ua)
{
	u32 size;
	int err;

	if (get_user(size, uaddr_add(ua, offsetof(struct perf_event_attr, size))))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	if (size < PERF_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return too_big(ua);
	memset(to, 0, sizeof(*to));
	err = copy_struct_from_user(to, sizeof(*to), ua, size);
	if (err)
		return err == -E2BIG ? too_big(ua) : err;
	if (to->a.__reserved_1 || to->a.__reserved_2 || to->a.__reserved_3 ||
		(to->a.sample_type & ~SAMPLE_TYPES) || (to->a.read_format & ~READ_FORMATS))
		return -EINVAL;
	if ((to->a.inherit_thread && !to->a.inherit) ||
		(to->a.remove_on_exec && to->a.enable_on_exec) ||
		(to->a.sigtrap && !to->a.remove_on_exec) || wants_nonsense(&to->a))
		return -EINVAL;
	return 0;
}

static bool may_all(void)
{
	return ns_capable(&init_user_ns, CAP_PERFMON) || ns_capable(&init_user_ns, CAP_SYS_ADMIN);
}

static int may_count(const struct perf_event_attr *a, bool whole_cpu)
{
	if (may_all())
		return 0;
	if (a->namespaces)
		return -EACCES;
	if (!a->exclude_kernel && perf_paranoid > 1)
		return -EACCES;
	return whole_cpu && perf_paranoid > 0 ? -EACCES : 0;
}

/* Checks whether this kernel can count such an event of a task, or of @cpu. Returns 0 or -errno. */
static int check_kind(const struct perf_event_attr *a, bool of_task, int cpu)
{
	if (a->type != PERF_TYPE_SOFTWARE || a->config > PERF_COUNT_SW_BPF_OUTPUT)
		return -ENOENT;
	if (a->sample_period || a->exclude_user)
		return -EOPNOTSUPP;
	if (of_task)
		return cpu == -1 ? 0 : -EOPNOTSUPP;
	return a->config == PERF_COUNT_SW_CPU_CLOCK || a->config == PERF_COUNT_SW_DUMMY ?
		       0 :
		       -EOPNOTSUPP;
}

static bool may_count_task(struct task *t)
{
	return t == current || ptrace_may_access(t, false) || may_all();
}

/* Returns the task to count, with a reference, or ERR_PTR. */
static struct task *task_to_count(pid_t nr)
{
	struct task *t = nr ? find_get_task(nr) : current;

	if (!t)
		return ERR_PTR(-ESRCH);
	if (!nr)
		get_task(t);
	if (!may_count_task(t)) {
		put_task(t);
		return ERR_PTR(-EACCES);
	}
	return t;
}

/* True if a read of @e, or of an event of the group that @e joins, would become too large. */
static bool too_many(const struct perf_event *e, const struct perf_event *leader)
{
	u64 members = group_size(leader) + 1;
	struct perf_event *s;

	if (read_size(e->format, members) > READ_MAX ||
		read_size(leader->format, members) > READ_MAX)
		return true;
	list_for_each_entry(s, &leader->group, group)
		if (read_size(s->format, members) > READ_MAX)
			return true;
	return false;
}

/*
 * Attaches @e to its task and to the group of @leader (may be NULL). Returns 0 or -errno. perf_lock
 * is held.
 */
static int join(struct perf_event *e, struct perf_event *leader)
{
	int err;

	if (leader && (leader->gone || leader->leader != leader || leader->task != e->task ||
			      (e->task && leader->inherit != e->inherit)))
		return -EINVAL;
	if (leader && too_many(e, leader))
		return -E2BIG;
	err = perf_bind(e);
	if (err)
		return err;
	if (leader) {
		e->leader = leader;
		list_add_tail(&e->group, &leader->group);
	}
	perf_restate(e);
	return 0;
}

static int join_locked(struct perf_event *e, struct perf_event *leader)
{
	int err;

	mutex_lock(&perf_lock);
	err = join(e, leader);
	mutex_unlock(&perf_lock);
	return err;
}

/*
 * Attaches the event to its task, after a second check of the rights. The task may have changed its
 * credentials since the lookup, and exec_hold() prevents an exec from now on. Returns 0 or -errno.
 */
static int join_task(struct perf_event *e, struct perf_event *leader)
{
	/* The caller has a reference to the task; e->task becomes NULL if the task ends. */
	struct task *t = e->task;
	int err = exec_hold(t);

	if (err)
		return err;
	err = may_count_task(t) ? join_locked(e, leader) : -EACCES;
	exec_release(t);
	return err;
}

/*
 * Makes the file of @e and installs a descriptor. Takes over @e, even on an error. Returns the
 * descriptor or -errno.
 */
static long install(struct perf_event *e, struct perf_event *leader, u32 flags)
{
	struct file *f;
	long err;
	int fd = anon_fd_prepare("[perf_event]", &perf_fops, e, O_RDWR | flags, &f);

	if (fd < 0) {
		if (e->task)
			put_task(e->task);
		kfree(e);
		return fd;
	}
	err = e->task ? join_task(e, leader) : join_locked(e, leader);
	if (err) {
		put_unused_fd(fd);
		fput(f);
		return err;
	}
	fd_install(fd, f);
	return fd;
}

/*
 * Makes the event and its descriptor. @t: the counted task or NULL. Returns the descriptor or
 * -errno.
 */
static long open_event(
	const struct perf_event_attr *a, struct task *t, struct perf_event *leader, u64 flags)
{
	struct perf_event *e = perf_event_new(t);

	if (!e)
		return -ENOMEM;
	e->config = (u32)a->config;
	e->format = (u32)a->read_format;
	e->inherit = a->inherit;
	e->inherit_thread = a->inherit_thread;
	e->on_exec = a->enable_on_exec;
	e->off_exec = a->remove_on_exec;
	e->exclude_kernel = a->exclude_kernel;
	e->enabled = !a->disabled;
	return install(e, leader, flags & PERF_FLAG_FD_CLOEXEC ? O_CLOEXEC : 0);
}

/*
 * Checks the arguments and opens the event. @nr: a pid, 0 for current, or -1 for all tasks on @cpu.
 * @group: a perf file, or no file. Returns a descriptor or -errno.
 */
static long open_checked(
	const struct perf_event_attr *a, pid_t nr, int cpu, struct fd *group, u64 flags)
{
	struct task *t = NULL;
	long ret;

	/* Only a leader can be pinned or exclusive. */
	if (group->file && !(flags & PERF_FLAG_FD_NO_GROUP) && (a->pinned || a->exclusive))
		return -EINVAL;
	if (nr != -1) {
		t = task_to_count(nr);
		if (IS_ERR(t))
			return PTR_ERR(t);
	}
	ret = -EINVAL;
	if (cpu < -1 || cpu >= nr_cpus || (!t && cpu == -1))
		goto out;
	ret = check_kind(a, t, cpu);
	if (ret)
		goto out;
	ret = open_event(a, t,
		group->file && !(flags & PERF_FLAG_FD_NO_GROUP) ? group->file->private_data : NULL,
		flags);
out:
	if (t)
		put_task(t);
	return ret;
}

long sys_perf_event_open(uaddr_t uattr, pid_t nr, int cpu, int group_fd, u64 flags)
{
	struct fd group = { NULL, false };
	union attr a;
	long ret;

	if (flags & ~(u64)OPEN_FLAGS)
		return -EINVAL;
	ret = read_attr(&a, uattr);
	if (!ret)
		ret = may_count(&a.a, nr == -1);
	if (ret)
		return ret;
	if (flags & PERF_FLAG_PID_CGROUP && (nr == -1 || cpu == -1))
		return -EINVAL;
	if (flags & (PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_OUTPUT))
		return -EOPNOTSUPP;
	if (group_fd != -1) {
		group = fdget(group_fd);
		if (!group.file)
			return -EBADF;
		if (group.file->f_op != &perf_fops) {
			fdput(group);
			return -EBADF;
		}
	}
	ret = open_checked(&a.a, nr, cpu, &group, flags);
	fdput(group);
	return ret;
}

static const struct sysctl sysctls[] = {
	SYSCTL_NUM("kernel/perf_event_max_sample_rate", max_sample_rate, 1, 0x7fffffff),
	SYSCTL_NUM("kernel/perf_event_paranoid", perf_paranoid, -1, 0x7fffffff),
};

static int perf_init(void)
{
	return sysctl_register(sysctls, ARRAY_SIZE(sysctls));
}
INITCALL(4, perf_init);
