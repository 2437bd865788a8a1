/* SPDX-License-Identifier: MIT */
/*
 * perf.c: the management console's command "perf", which `nestctl perf` uses.
 *
 *      perf start HZ | stop
 *      perf read           takes up to 512 samples and prints a line for each:
 *                          "Kn PID COMM PC ..."           in the kernel
 *                          "Un PID COMM FILE+OFFSET ..."  in a program
 *                          "Hn PID COMM FILE+OFFSET ..."  on the way to the kernel or back
 *                          "I N"                          N ticks have found a vCPU idle
 *                          "L N"                          N samples were dropped for lack of room
 *                          (n: number of ticks that the sample represents)
 *      perf open PATH      opens a file of the guest, and prints its number
 *      perf file N         prints the path of file N
 *      perf bytes N OFFSET prints up to 16 KiB of file N in hex
 *
 * PC, FILE (a file's number) and OFFSET in samples are hexadecimal, all other numbers decimal. The
 * innermost frame is first. A program's address outside of all files is ffffffffffffffff.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "drivers/perf/perf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/state/state.h"

#define BYTES_MOST 16384
#define SAMPLES_MOST 512 /* maximum in one reply */

/*
 * Prints a sample. Characters of the task's name that would break the line or `nestctl perf` are
 * replaced, since the guest chooses the name.
 */
static void print_sample(struct mconsole_call *c, struct perf_sample *s)
{
	for (char *p = s->comm; *p; p++)
		if (*p <= ' ' || *p == ';' || *p > '~')
			*p = '_';
	mconsole_print(c, "%c%u %u %s", s->kind, s->weight, s->pid, s->comm[0] ? s->comm : "_");
	for (u32 i = 0; i < s->n; i++) {
		if (s->kind != PERF_KERNEL && s->pc[i] != ~0UL)
			mconsole_print(c, " %lx+%lx", (unsigned long)(s->pc[i] >> 48),
				(unsigned long)(s->pc[i] & (BIT(48) - 1)));
		else
			mconsole_print(c, " %lx", (unsigned long)s->pc[i]);
	}
	mconsole_write(c, "\n", 1);
}

static void read_samples(struct mconsole_call *c)
{
	static struct perf_sample s; /* owned by the console's thread */
	u32 lost, idle = perf_idle();

	if (idle)
		mconsole_print(c, "I %u\n", idle);
	for (int i = 0; i < SAMPLES_MOST; i++) {
		bool some = perf_next(&s, &lost);

		if (lost)
			mconsole_print(c, "L %u\n", lost);
		if (!some)
			return;
		print_sample(c, &s);
	}
}

/*
 * A request that uses a file of the guest. A thread of its own executes it, since the server of a
 * file system of the guest may never answer. One such thread may run at a time.
 */
struct file_request {
	struct mconsole_call call;
	struct mconsole_packet from;
	/* True: opens @path. False: reads file @id at offset @off. */
	bool opens;
	u32 id;
	u64 off;
	char path[MCONSOLE_DATA];
	u8 buf[BYTES_MOST];
};
/* Atomic: a thread executes a request. */
static u32 file_busy;
/* number of threads that have not ended their reply */
static atomic_t file_replies;

static int file_thread(void *arg)
{
	static const char digits[] = "0123456789abcdef";
	struct file_request *r = arg;
	struct mconsole_call *c = &r->call;
	ssize_t n = r->opens ? perf_file_open(r->path) :
			       perf_file_read(r->id, r->buf, BYTES_MOST, r->off);

	/* before the reply, after which the client sends the next request */
	smp_store_release(&file_busy, 0);
	if (n < 0)
		mconsole_fail(c, (int)n, "%s", arch_strerror((int)n));
	else if (r->opens)
		mconsole_print(c, "%d", (int)n);
	for (ssize_t i = 0; !r->opens && i < n; i++) {
		char two[2] = { digits[r->buf[i] >> 4], digits[r->buf[i] & 15] };

		mconsole_write(c, two, 2);
	}
	mconsole_end(c, 0);
	atomic_dec(&file_replies);
	kfree(r);
	return 0;
}

/* Has a thread open @path or, if that is NULL, read file @id at offset @off, and reply. */
static void use_file(struct mconsole_call *c, const char *path, u32 id, u64 off)
{
	struct file_request *r;

	if (xchg(&file_busy, 1)) {
		mconsole_fail(c, -EBUSY, "perf: a file of the guest is still being read");
		return;
	}
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (r) {
		r->opens = path;
		if (path)
			strscpy(r->path, path, sizeof(r->path));
		r->id = id;
		r->off = off;
		atomic_inc(&file_replies);
		mconsole_take(&r->call, &r->from, c);
		if (kthread_run(file_thread, r, "perf"))
			return;
		atomic_dec(&file_replies);
		c->ended = false;
	}
	kfree(r);
	smp_store_release(&file_busy, 0);
	mconsole_fail(c, -ENOMEM, "perf: no memory");
}

/*
 * Parses one or two decimal numbers, parted by a blank; the second is 0 if missing. Returns false
 * on an error, or if the first is 2^31 or more.
 */
static bool numbers(const char *s, u64 v[2])
{
	char text[64];
	size_t n;

	scnprintf(text, sizeof(text), "%s", s);
	n = strcspn(text, " ");
	v[1] = 0;
	if (text[n] && kstrtou64(text + n + 1, 10, &v[1]))
		return false;
	text[n] = 0;
	return !kstrtou64(text, 10, &v[0]) && v[0] < 1UL << 31;
}

void mconsole_perf(struct mconsole_call *c)
{
	size_t word = strcspn(c->args, " ");
	const char *rest = c->args + word + (c->args[word] == ' ');
	char path[400];
	u64 v[2];
	int err;

	if (!strcmp(c->args, "read")) {
		read_samples(c);
	} else if (!strcmp(c->args, "stop")) {
		perf_stop();
	} else if (!strncmp(c->args, "open ", 5)) {
		use_file(c, rest, 0, 0);
	} else if (!numbers(rest, v)) {
		mconsole_fail(
			c, -EINVAL, "start HZ, stop, read, open PATH, file N or bytes N OFFSET");
	} else if (!strncmp(c->args, "start ", 6)) {
		err = perf_start((int)v[0]);
		if (err)
			mconsole_fail(c, err, "%s", arch_strerror(err));
	} else if (!strncmp(c->args, "file ", 5) && perf_file_path((u32)v[0], path, sizeof(path))) {
		mconsole_print(c, "%s", path);
	} else if (!strncmp(c->args, "bytes ", 6)) {
		use_file(c, NULL, (u32)v[0], v[1]);
	} else {
		mconsole_fail(c, -ENOENT, "no such word, or no such file");
	}
}

/* True if no file's request is under way, which a rollback in place would answer twice. */
static bool note(void)
{
	return !atomic_read(&file_replies);
}

STATE_PART(perf_files_state) = {
	.name = "perf files",
	.note = note,
};
