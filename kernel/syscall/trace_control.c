/* SPDX-License-Identifier: MIT */
/*
 * trace_control.c: sets at run time which calls are traced: trace_control(), for
 * /proc/nestling/trace and the management console's command "trace". After "times", counts calls
 * and how long they take, instead of tracing them.
 *
 * Locks: control_lock admits one change at a time. A counter is written without a lock, by the vCPU
 * on which the call ended, so readers may miss the latest calls.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/internal.h"
#include "kernel/task/signal/signal.h"

/* The ring gets as many bytes as memory allows, between these two. */
#define RING_MOST (1UL << 20)
#define RING_LEAST (1UL << 16)
#define PART 65536 /* bytes read from the ring at once */

struct call_time {
	/* ns: time of all calls together; most: longest call, in ns */
	u64 calls, errors, ns, most;
};

static DEFINE_MUTEX(control_lock);
/* Times of calls, indexed by vCPU and call number; allocated once, under control_lock. */
static struct call_time *times;

/* ---- times ---- */

void trace_count_call(u32 nr, u64 ns, bool failed)
{
	struct call_time *t = READ_ONCE(times);

	if (!t)
		return;
	t += (u32)smp_processor_id() * NR_SYSCALLS + nr;
	t->calls++;
	t->errors += failed;
	t->ns += ns;
	t->most = max(t->most, ns);
}

int trace_times_line(int i, char *buf, size_t size)
{
	struct call_time all = { 0 }, *t = READ_ONCE(times);

	if (i < 0 || i >= NR_SYSCALLS || !t)
		return -1;
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		const struct call_time *one = &t[(u32)cpu * NR_SYSCALLS + (u32)i];

		all.calls += READ_ONCE(one->calls);
		all.errors += READ_ONCE(one->errors);
		all.ns += READ_ONCE(one->ns);
		all.most = max(all.most, READ_ONCE(one->most));
	}
	if (!all.calls)
		return 0;
	return scnprintf(buf, size, "%s %lu %lu %lu %lu\n", syscall_table[i].name,
		(unsigned long)all.calls, (unsigned long)all.errors, (unsigned long)(all.ns / 1000),
		(unsigned long)(all.most / 1000));
}

/* ---- tasks and calls ---- */

/*
 * Allocates the ring, or with @counts the counters, if there is none. control_lock is held. Returns
 * 0 or -ENOMEM.
 */
static int need_memory(bool counts)
{
	size_t size = RING_MOST;
	void *p;

	if (counts && !times) {
		p = kzalloc((size_t)nr_cpus * NR_SYSCALLS * sizeof(*times), GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		WRITE_ONCE(times, p);
	}
	if (counts || trace_ring_there())
		return 0;
	p = kmalloc_most(&size, RING_LEAST, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	trace_ring_set(p, size);
	return 0;
}

/* True if @t is thread @pid, or of process @pid. */
static bool is_of(const struct task *t, pid_t pid)
{
	return t->pid == pid || t->tgid == pid;
}

/* True if there is a process or thread @pid (in the initial namespace). tasklist_lock is held. */
static bool exists(pid_t pid)
{
	struct task *leader, *t;

	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node)
			if (is_of(t, pid))
				return true;
	return false;
}

/*
 * Sets traced_calls of the threads of process @pid, or of thread @pid, and clears it in all other
 * threads; @pid 0 clears it in all. Returns false, with no flag changed, if there is no such
 * process or thread. Takes tasklist_lock.
 */
static bool mark(pid_t pid)
{
	struct task *leader, *t;
	bool found;

	read_lock(&tasklist_lock);
	found = !pid || exists(pid);
	if (found)
		list_for_each_entry(leader, &all_processes, tasks)
			list_for_each_entry(t, &leader->signal->threads, thread_node)
				t->traced_calls = pid && is_of(t, pid);
	read_unlock(&tasklist_lock);
	return found;
}

/* Returns the number of the system call with this name, or -1. */
static int number_of(const char *name, size_t len)
{
	for (int i = 0; i < NR_SYSCALLS; i++)
		if (syscall_table[i].name && strlen(syscall_table[i].name) == len &&
			!strncmp(syscall_table[i].name, name, len))
			return i;
	return -1;
}

/*
 * Adds the calls of a list "NAME,..." to @f. Returns 0, or -EINVAL with the reason in @why, a
 * buffer of @size bytes.
 */
static int parse_names(struct trace_filter *f, const char *s, char *why, size_t size)
{
	f->some = true;
	while (*s) {
		size_t n = strcspn(s, ",");
		int nr = number_of(s, n);

		if (nr < 0) {
			scnprintf(why, size, "%.*s: no system call has this name",
				(int)min(n, (size_t)40), s);
			return -EINVAL;
		}
		f->calls[nr / 64] |= BIT(nr % 64);
		s += n + (s[n] == ',');
	}
	return 0;
}

/* Returns the next word of *s, which it terminates, and advances *s; or NULL. */
static char *next_word(char **s)
{
	char *word;

	while (**s == ' ')
		(*s)++;
	if (!**s)
		return NULL;
	word = *s;
	*s += strcspn(*s, " ");
	if (**s)
		*(*s)++ = 0;
	return word;
}

/*
 * Sets *f, which is zeroed, by the options "[pid=N] [follow] [only=NAME,...]". Modifies @text.
 * Returns as parse_names().
 */
static int parse_filter(struct trace_filter *f, char *text, char *why, size_t size)
{
	char *word;
	u64 pid;

	while ((word = next_word(&text))) {
		int err = 0;

		if (!strcmp(word, "follow")) {
			f->follow = true;
		} else if (!strncmp(word, "only=", 5)) {
			err = parse_names(f, word + 5, why, size);
		} else if (!strncmp(word, "pid=", 4) && !kstrtou64(word + 4, 10, &pid) && pid &&
			   pid < 1UL << 30) {
			f->pid = (pid_t)pid;
		} else {
			scnprintf(why, size, "%.60s: not pid=N, follow or only=NAME,...", word);
			err = -EINVAL;
		}
		if (err)
			return err;
	}
	return 0;
}

/*
 * Begins tracing calls or, with @counts, counting them. @text: options of parse_filter().
 * control_lock is held. Returns 0, or -errno with the reason in @why. @why is not written for
 * -ENOMEM.
 */
static int trace_calls(bool counts, char *text, char *why, size_t size)
{
	struct trace_filter f = { 0 };
	int err = parse_filter(&f, text, why, size);

	if (!err)
		err = need_memory(counts);
	if (err)
		return err;
	if (!mark(f.pid)) {
		scnprintf(why, size, "no task has the number %d", f.pid);
		return -ESRCH;
	}
	if (counts)
		memset(times, 0, (size_t)nr_cpus * NR_SYSCALLS * sizeof(*times));
	trace_filter = f;
	WRITE_ONCE(syscall_strace, counts ? TRACE_CALLS_TIMES : TRACE_CALLS_RING);
	arch_answers_revoke();
	return 0;
}

/*
 * Switches a tracepoint, or all, by the text "NAME on|off". control_lock is held. Returns as
 * trace_calls().
 */
static int switch_point(char *text, char *why, size_t size)
{
	char *name = next_word(&text), *how = next_word(&text);
	bool on = how && !strcmp(how, "on");
	int err;

	if (!how || (!on && strcmp(how, "off"))) {
		scnprintf(why, size, "point NAME on, or off");
		return -EINVAL;
	}
	err = on ? need_memory(false) : 0;
	if (!err && !trace_point_set(name, on)) {
		scnprintf(why, size, "%.40s: no tracepoint has this name", name);
		err = -ENOENT;
	}
	return err;
}

int trace_control(char *text, char *why, size_t size)
{
	char *verb = next_word(&text);
	int err = -EINVAL;

	scnprintf(why, size, "calls, times, point or off");
	mutex_lock(&control_lock);
	if (!verb)
		;
	else if (!strcmp(verb, "calls") || !strcmp(verb, "times"))
		err = trace_calls(*verb == 't', text, why, size);
	else if (!strcmp(verb, "point"))
		err = switch_point(text, why, size);
	else if (!strcmp(verb, "off")) {
		WRITE_ONCE(syscall_strace, 0);
		trace_point_set("all", false);
		err = 0;
	}
	mutex_unlock(&control_lock);
	if (err == -ENOMEM)
		scnprintf(why, size, "memory is short");
	return err;
}

/* ---- /proc/nestling ---- */

static int show_trace(struct seq *s, void *arg)
{
	char *buf = kmalloc(PART, GFP_KERNEL);
	u64 pos = 0, lost;
	size_t n;

	if (!buf)
		return -ENOMEM;
	while ((n = trace_read(&pos, buf, PART, &lost)) != 0 && s->len < RING_MOST)
		seq_write(s, buf, n);
	kfree(buf);
	return 0;
}

static int store_trace(char *text, size_t n, void *arg)
{
	char why[100];
	int err = trace_control(text, why, sizeof(why));

	if (err)
		pr_info("trace: %s\n", why);
	return err;
}

static int show_times(struct seq *s, void *arg)
{
	char buf[200];
	int n;

	for (int i = 0; (n = trace_times_line(i, buf, sizeof(buf))) >= 0; i++)
		seq_write(s, buf, (size_t)n);
	return 0;
}

static int show_points(struct seq *s, void *arg)
{
	const char *name, *text;

	for (int i = 0; (name = trace_point_name(i, &text)); i++)
		seq_printf(s, "%-8s %-3s %s\n", name,
			READ_ONCE(trace_points) & BIT(i) ? "on" : "off", text);
	return 0;
}

/* Serves a write to /proc/nestling/tracepoints: "NAME on", "NAME off", "all on" or "all off". */
static int store_points(char *text, size_t n, void *arg)
{
	char why[100] = "no memory for the ring";
	int err;

	mutex_lock(&control_lock);
	err = switch_point(text, why, sizeof(why));
	mutex_unlock(&control_lock);
	if (err)
		pr_info("trace: %s\n", why);
	return err;
}

static int trace_init(void)
{
	int err = proc_create("nestling/trace", 0600, show_trace, store_trace, NULL);

	if (!err)
		err = proc_create("nestling/times", 0400, show_times, NULL, NULL);
	if (!err)
		err = proc_create("nestling/tracepoints", 0600, show_points, store_points, NULL);
	return err;
}
INITCALL(4, trace_init);
