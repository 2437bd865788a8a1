/* SPDX-License-Identifier: MIT */
/*
 * audit.c: see audit.h.
 *
 *	kernel ────────┐
 *	slirp helper ──┤ pipe ── thread: numbers ──┬── FILE
 *	nestctl ───────┘                           └── fd:N
 *
 * The kernel has no descriptor of the files, so a guest that takes over the kernel cannot change
 * what was written. The pipe is non-blocking for its writers, so a slow reader or a full disk holds
 * up only this thread. Writers count the lines that have no room in the pipe, and later write a
 * line "lost" with their number. This thread counts the lines that an output does not take, writes
 * a line "lost" to it, and leaves a gap in its numbers.
 *
 * The size of a file is limited, so that a guest cannot fill the host's disk. A full FILE is
 * renamed to FILE.1, which replaces an older one, and a new FILE begins with a line "rotated". A
 * file that the caller has opened (fd:N), or that cannot be renamed, gets a line "full" instead,
 * and after that only the line "end".
 *
 * Invariants:
 * 1. Each line from the pipe is one line of each output, or is counted as lost for it.
 * 2. After a write that failed in the middle of a line, the next one begins with a new line.
 */
#include "tools/nestctl/run/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

#define OUTPUTS_MAX 4
#define PIPE_WANTED (1 << 20)
#define BATCH 65536
/* pause between reads, so that lines are written together */
#define NAP_MS 10
#define STEP_MS 100
/* seconds after which a reader that has read nothing is taken for dead */
#define DEAF_S 1
#define SIZE_DEFAULT (64ULL << 20)
#define SIZE_MIN (AUDIT_SIZE_MIN_KIB * 1024ULL)

static struct output {
	const char *name; /* as the user gave it */
	char *path;       /* absolute if rotation may rename it */
	bool bounded;     /* a regular file, so its size is limited */
	bool full;        /* gets only the line "end" */
	int fd;           /* -1: not yet open */
	int error;        /* errno of the last failed write */
	/* the output ends in the middle of a line */
	bool torn;
	/* number of missing lines; number of those that no line "lost" has reported yet */
	unsigned long lost, unreported;
	/* lines of older files that rotation has removed */
	unsigned long dropped;
} outputs[OUTPUTS_MAX];
static int nr_outputs;
static uint64_t size_max = SIZE_DEFAULT;
static bool size_is_given;

/* the ends of the pipe: nestctl reads @from and writes @to; the kernel writes @given */
static int from = -1, to = -1, given = -1;
/* the pipe is large enough for the lines that come during a nap */
static bool is_wide;
/* @number: the next line's. @missing: counts lines that writers have lost; atomic. */
static unsigned long number, missing;
static void (*listener)(const char *line);
static struct thread thread;
static unsigned pieces; /* counts writes to outputs; atomic */
static volatile sig_atomic_t dropping;

void audit_add(const char *text)
{
	struct output *o = &outputs[nr_outputs];
	char *rest;
	long fd;

	if (nr_outputs == OUTPUTS_MAX)
		die("run: --audit %s: no more than %d of them", text, OUTPUTS_MAX);
	if (!*text)
		die("run: --audit '': expected FILE or fd:N");
	*o = (struct output){ .name = text, .fd = -1 };
	nr_outputs++;
	if (strncmp(text, "fd:", 3))
		return;
	errno = 0;
	fd = strtol(text + 3, &rest, 10);
	if (text[3] < '0' || text[3] > '9' || *rest || errno || fd > INT_MAX)
		die("run: --audit %s: expected fd:N", text);
	if ((fcntl((int)fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		die("run: --audit %s: %s", text, strerror(EBADF));
	o->fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 3);
	if (o->fd < 0)
		die("run: --audit %s: %s", text, strerror(errno));
	if (fd > 2)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

bool audit_size(uint64_t size)
{
	if (size < SIZE_MIN)
		return false;
	size_max = size_is_given && size_max < size ? size_max : size;
	size_is_given = true;
	return true;
}

void audit_clear(void)
{
	nr_outputs = 0;
}

void audit_listen(void (*f)(const char *line))
{
	listener = f;
}

/* True if lines are to be carried: for an output, or for --learn. */
static bool is_wanted(void)
{
	return nr_outputs || listener;
}

/* ---- nestctl's own lines ---- */

/*
 * Begins a line in memory, with its time and event. The caller ends it by send_line(), or with "}"
 * and fclose(), and then frees *text.
 */
static FILE *begin_line(const char *event, char **text, size_t *size)
{
	FILE *f = open_memstream(text, size);
	struct timespec now;

	if (!f)
		die("out of memory");
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(f, "{\"time\":%ld.%06ld,\"event\":\"%s\"", (long)now.tv_sec, now.tv_nsec / 1000,
		event);
	return f;
}

/* Adds a field with a text value, or just the value if @key is NULL. */
static void add_text(FILE *f, const char *key, const char *value)
{
	char *text = NULL;
	size_t size;
	FILE *m = open_memstream(&text, &size);

	if (!m)
		die("out of memory");
	json_to(m);
	json_open(NULL, '[');
	json_text(NULL, value);
	json_close(']');
	json_to(NULL);
	if (fclose(m))
		die("out of memory");
	/* without JSON's brackets and newline */
	fprintf(f, "%s%s%s%.*s", key ? ",\"" : "", key ? key : "", key ? "\":" : "",
		(int)(size - 3), text + 1);
	free(text);
}

/* Ends a line and writes it to the pipe, or counts it as lost. Frees it. */
static void send_line(FILE *f, char **text, const size_t *size)
{
	if (fputs("}\n", f) < 0 || fclose(f))
		die("out of memory");
	/* a line longer than PIPE_BUF would not be written atomically: count it as lost */
	if (*size > PIPE_BUF || write(to, *text, *size) != (ssize_t)*size)
		__atomic_add_fetch(&missing, 1, __ATOMIC_RELAXED);
	free(*text);
}

/* Writes the line "start", with as much of the command as has room. */
static void tell_start(const struct run *r)
{
	char *text = NULL;
	size_t size;
	FILE *f = begin_line("start", &text, &size);
	long before;

	add_text(f, "image", r->real_image);
	fputs(",\"command\":[", f);
	for (int i = 0; r->command[i]; i++) {
		before = ftell(f);
		if (before > PIPE_BUF / 4 || strlen(r->command[i]) > PIPE_BUF / 12) {
			fputs("],\"cut\":true", f);
			send_line(f, &text, &size);
			return;
		}
		if (i)
			putc(',', f);
		add_text(f, NULL, r->command[i]);
	}
	putc(']', f);
	send_line(f, &text, &size);
}

void audit_report(const char *event, const char *key, const char *value)
{
	char *text = NULL;
	size_t size;
	FILE *f;

	if (to < 0)
		return;
	f = begin_line(event, &text, &size);
	add_text(f, key, value);
	send_line(f, &text, &size);
}

/* ---- outputs ---- */

/*
 * Waits for @wait_ms milliseconds at most (-1: without a limit). True once the output has room or
 * has failed.
 */
static bool has_room(const struct output *o, int wait_ms)
{
	return poll(&(struct pollfd){ .fd = o->fd, .events = POLLOUT }, 1, wait_ms) > 0;
}

/* Writes @buf. Returns the bytes written. If these are fewer than @n, o->error has the reason. */
static size_t write_out(struct output *o, const char *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t part = n - done;
		ssize_t got;

		if (dropping && !has_room(o, 0)) {
			o->error = ECANCELED;
			break;
		}
		/* poll() only promises room for PIPE_BUF bytes, and the write must not block */
		if (dropping && part > PIPE_BUF)
			part = PIPE_BUF;
		got = write(o->fd, buf + done, part);
		if (got >= 0) {
			done += (size_t)got;
			__atomic_add_fetch(&pieces, 1, __ATOMIC_RELAXED);
		} else if (errno == EAGAIN) {
			has_room(o, -1);
		} else if (errno != EINTR) {
			o->error = errno;
			break;
		}
	}
	return done;
}

/* Writes a line of this thread's own, which has no number. True if all of it was written. */
static bool put_line(struct output *o, const char *event, const char *key, unsigned long value)
{
	struct timespec now;
	size_t n, done;
	char *text;

	clock_gettime(CLOCK_REALTIME, &now);
	text = format("%s{\"time\":%ld.%06ld,\"event\":\"%s\",\"%s\":%lu}\n", o->torn ? "\n" : "",
		(long)now.tv_sec, now.tv_nsec / 1000, event, key, value);
	n = strlen(text);
	done = write_out(o, text, n);
	free(text);
	if (done)
		o->torn = done < n;
	return done == n;
}

/* Writes a line "lost" with the number of lines that the output lacks. True if it was written. */
static bool tell_gap(struct output *o)
{
	if (!put_line(o, "lost", "lines", o->unreported))
		return false;
	o->unreported = 0;
	return true;
}

/* Returns the number of newlines. */
static unsigned long lines_of(const char *buf, size_t n)
{
	unsigned long lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += buf[i] == '\n';
	return lines;
}

/* ---- the size limit ---- */

/* Returns the number of numbered lines in a file. */
static unsigned long lines_in(const char *path)
{
	static const char begin[] = "{\"seq\":";
	FILE *f = fopen(path, "re");
	unsigned long lines = 0;
	char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0)
		lines += !strncmp(line, begin, strlen(begin));
	free(line);
	if (f)
		fclose(f);
	return lines;
}

/* True if o->path is still the open file, which another run or the user may have renamed. */
static bool has_name(const struct output *o)
{
	struct stat ours, named;

	return !fstat(o->fd, &ours) && !lstat(o->path, &named) && ours.st_dev == named.st_dev &&
	       ours.st_ino == named.st_ino;
}

/* Begins a new file in place of a full one. True on success, otherwise o->error is set. */
static bool rotate(struct output *o)
{
	bool moves = has_name(o);
	char *old = format("%s.1", o->path);
	unsigned long gone = moves ? lines_in(old) : 0;
	int fd =
		moves && rename(o->path, old) ?
			-1 :
			open(o->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	free(old);
	if (fd < 0) {
		o->error = errno;
		return false;
	}
	close(o->fd);
	o->fd = fd;
	o->torn = false;
	o->dropped += gone;
	return put_line(o, "rotated", "dropped", o->dropped);
}

/* True if @n bytes may be written: the file has room, or a new file was begun. */
static bool make_room(struct output *o, size_t n)
{
	struct stat st;

	if (o->full)
		return false;
	if (!o->bounded || fstat(o->fd, &st) || (uint64_t)st.st_size + n <= size_max)
		return true;
	if (o->path && rotate(o))
		return true;
	if (!o->path)
		o->error = EFBIG;
	put_line(o, "full", "size", size_max);
	o->full = true;
	return false;
}

/*
 * Determines whether the output has a size limit and may be renamed. Only a file that the user has
 * named, and not through a symbolic link, may be renamed.
 */
static void look_at(struct output *o, bool opened)
{
	struct stat st;

	o->bounded = !fstat(o->fd, &st) && S_ISREG(st.st_mode);
	if (!o->bounded || !opened)
		return;
	o->path = realpath(o->name, NULL);
	if (o->path && !has_name(o)) {
		free(o->path);
		o->path = NULL;
	}
}

/* Writes lines to an output, or counts them as lost. */
static void give(struct output *o, const char *buf, size_t n)
{
	size_t done = 0;
	unsigned long lost;

	if (make_room(o, n) && (!o->unreported || tell_gap(o)))
		done = write_out(o, buf, n);
	if (done)
		o->torn = buf[done - 1] != '\n';
	lost = lines_of(buf + done, n - done);
	o->lost += lost;
	o->unreported += lost;
}

/* ---- the thread ---- */

/*
 * Appends @line with its number and a newline to @out. @line begins with '{' and has no newline.
 * Returns the bytes appended, or 0 if they exceed @room.
 */
static size_t add_numbered(char *out, size_t room, const char *line)
{
	int n = snprintf(out, room, "{\"seq\":%lu,%s\n", number, line + 1);
	const char *lost = strstr(line, ",\"event\":\"lost\",\"lines\":");

	number++;
	/* counted only directly after the time: text further on in the line may be a guest's */
	if (lost && lost < line + 40)
		__atomic_add_fetch(
			&missing, strtoul(strchr(lost, 'l') + 14, NULL, 10), __ATOMIC_RELAXED);
	if (listener)
		listener(line);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

/* Passes the complete lines of @buf to all outputs. Returns the bytes of these lines. */
static size_t take_lines(char *buf, size_t n)
{
	static char out[BATCH + BATCH / 2];
	size_t at = 0, used = 0;
	char *end;

	while ((end = memchr(buf + at, '\n', n - at))) {
		*end = '\0';
		if (sizeof(out) - used < PIPE_BUF + 64) {
			for (int i = 0; i < nr_outputs; i++)
				give(&outputs[i], out, used);
			used = 0;
		}
		/*
		 * a hostile guest may control the kernel: count text that is no audit line as lost
		 */
		if (buf[at] == '{' && end - (buf + at) <= PIPE_BUF)
			used += add_numbered(out + used, sizeof(out) - used, buf + at);
		else
			__atomic_add_fetch(&missing, 1, __ATOMIC_RELAXED);
		at = (size_t)(end - buf) + 1;
	}
	for (int i = 0; i < nr_outputs && used; i++)
		give(&outputs[i], out, used);
	return at;
}

/* The thread: carries lines until all writers have closed the pipe. */
static void *carry(void *arg)
{
	const struct timespec nap = { 0, NAP_MS * 1000000 };
	static char buf[BATCH];
	size_t held = 0, taken;
	ssize_t n;

	while ((n = get_some(from, buf + held, sizeof(buf) - held)) > 0) {
		held += (size_t)n;
		taken = take_lines(buf, held);
		if (!taken && held == sizeof(buf))
			taken = held; /* discard: no audit line is so long */
		held -= taken;
		memmove(buf, buf + taken, held);
		if (is_wide && !dropping)
			nanosleep(&nap, NULL);
	}
	return NULL;
}

void audit_prepare(struct run *r)
{
	int fds[2];

	if (size_is_given && !nr_outputs)
		die("run: --audit-size: needs --audit");
	if (!is_wanted())
		return;
	for (int i = 0; i < nr_outputs; i++) {
		struct output *o = &outputs[i];
		bool opened = o->fd < 0;

		if (opened)
			o->fd = open(o->name, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC,
				0600);
		if (o->fd < 0)
			die("run: --audit %s: %s", o->name, strerror(errno));
		look_at(o, opened);
	}
	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	from = fds[0];
	to = fds[1];
	is_wide = fcntl(to, F_SETPIPE_SZ, PIPE_WANTED) >= PIPE_WANTED;
	fcntl(to, F_SETFL, O_NONBLOCK);
	given = fcntl(to, F_DUPFD, 3);
	if (given < 0)
		die("%s", strerror(errno));
	run_add(r, format("audit=fd:%d", given));
	tell_start(r);
}

static void close_given(void)
{
	if (given >= 0)
		close(given);
	given = -1;
}

void audit_begin(bool again)
{
	if (from < 0)
		return;
	if (!again)
		close_given();
	thread_start(&thread, carry, NULL);
}

/* ---- the end ---- */

static void nothing(int sig)
{
}

/*
 * Waits for the thread's end. Once @hurry() is true, drops lines for a reader that reads nothing.
 */
static void join(bool (*hurry)(void))
{
	const struct sigaction sa = { .sa_handler = nothing };
	unsigned seen = 0, now;
	time_t since = 0;
	struct timespec t;

	sigaction(SIGALRM, &sa, NULL);
	do {
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = __atomic_load_n(&pieces, __ATOMIC_RELAXED);
		if (!hurry() || !since || now != seen) {
			seen = now;
			since = t.tv_sec;
		}
		if (t.tv_sec - since > DEAF_S) {
			dropping = 1;
			pthread_kill(thread.id, SIGALRM); /* interrupts a blocked write */
		}
	} while (!thread_join(&thread, STEP_MS));
}

/* Reports missing lines to the user. True if none are missing. */
static bool report(void)
{
	bool good = !missing;

	if (missing)
		warn("run: --audit: %lu lines are missing: they came faster than they were written",
			missing);
	for (int i = 0; i < nr_outputs; i++) {
		const struct output *o = &outputs[i];

		if (o->dropped)
			warn("run: --audit %s: %lu older lines made room for others (--audit-size)",
				o->name, o->dropped);
		if (!o->lost)
			continue;
		good = false;
		warn("run: --audit %s: %s: %lu lines are missing", o->name, strerror(o->error),
			o->lost);
	}
	return good;
}

bool audit_finish(int status, bool (*hurry)(void))
{
	char *text = NULL;
	size_t size, n;
	char *line;
	FILE *f;

	if (from < 0)
		return true;
	close_given();
	close(to);
	to = -1;
	join(hurry);
	f = begin_line("end", &text, &size);
	fprintf(f, ",\"status\":%d,\"lost\":%lu}", status, missing);
	if (fclose(f))
		die("out of memory");
	line = xalloc(size + 64);
	n = add_numbered(line, size + 64, text);
	for (int i = 0; i < nr_outputs; i++) {
		/* even a full file gets the end, with the number of lines that it lacks */
		if (outputs[i].full)
			outputs[i].full = outputs[i].bounded = false;
		give(&outputs[i], line, n);
	}
	free(line);
	free(text);
	return report();
}
