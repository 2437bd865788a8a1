/* SPDX-License-Identifier: MIT */
/*
 * template.c: `nestctl run` from a template.
 *
 * The key of a template is a text with everything on which the saved instance depends: the image,
 * its backing files, the kernel and nestctl (whose init runs in it), each with a line of its
 * device, inode, size and times; the host's boot id; the number of CPUs that nestctl may use; and
 * the parameters. A run uses a template if both keys are equal byte by byte. The files are not
 * checked further.
 *
 * Parameters about an instance's place on the host (its name, consoles, network cards, folders of
 * the host) are not part of the key: the restored kernel gets those of the new run. init reads its
 * job from the control pipe, and confirms it on another pipe.
 *
 * A template that cannot be used is removed, and the run boots. Until the instance runs, the
 * kernel's messages go to a memory file in place of standard error (fresh=FD).
 */
#include "tools/nestctl/run/template.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/init/job.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/run/run.h"

#define RESTORE_MS 10000
#define PIPE_ROOM 32768 /* any pipe has this much room */

/* ---- which runs can use a template ---- */

static bool begins(const char *word, const char *prefix)
{
	return !strncmp(word, prefix, strlen(prefix));
}

/* True for a word PREFIX[N]=VALUE, where N is a number. */
static bool is_device(const char *word, const char *prefix)
{
	size_t n = strlen(prefix);

	return begins(word, prefix) && word[n + strspn(word + n, "0123456789")] == '=';
}

bool template_is_place(const char *param)
{
	return begins(param, "umid=") || begins(param, "hostfs") || is_device(param, "con") ||
	       is_device(param, "ssl") || is_device(param, "eth") || begins(param, "audit=") ||
	       begins(param, "user=");
}

/* True for a parameter of the user's that templates support. */
static bool is_simple(const char *param)
{
	return begins(param, "umid=") || begins(param, "user=") || is_device(param, "eth") ||
	       begins(param, "seccomp=") || begins(param, "patch=") || begins(param, "mem=") ||
	       begins(param, "ncpus=");
}

/* True if the options of the run allow a template. */
static bool may_use(const struct run *r)
{
	if (r->no_template || r->verbose || r->cow || !*template_host())
		return false;
	for (int i = r->user_from; i < r->user_to; i++)
		if (!is_simple(r->argv[i]))
			return false;
	return true;
}

/* Adds the file's path and its line to the key. Dies if the file is missing. */
static void add_file(FILE *f, const char *what, const char *path)
{
	char *real = realpath(path, NULL);
	const char *line = real ? template_file_line(real) : NULL;

	if (!line)
		die("%s: %s", path, strerror(errno));
	fprintf(f, "%s %s\n%s\n", what, real, line);
	free(real);
}

const char *template_key(const struct run *r)
{
	char *text = NULL;
	cpu_set_t cpus;
	size_t size;
	FILE *f;

	if (!may_use(r))
		return NULL;
	f = open_memstream(&text, &size);
	if (!f)
		die("out of memory");
	add_file(f, "image", r->real_image);
	for (const char **path = image_backings(r->real_image); *path; path++)
		add_file(f, "backing", *path);
	add_file(f, "kernel", r->kernel);
	add_file(f, "nestctl", "/proc/self/exe");
	fprintf(f, "host %s\n", template_host());
	fprintf(f, "cpus %d\n", sched_getaffinity(0, sizeof(cpus), &cpus) ? 0 : CPU_COUNT(&cpus));
	for (int i = 1; i < r->argc; i++)
		if (i != r->disk_at && i != r->initrd_at && !template_is_place(r->argv[i]))
			fprintf(f, "%s\n", r->argv[i]);
	if (fclose(f))
		die("out of memory");
	return text;
}

static void find(void *arg)
{
	struct run *r = arg;

	if (!r->key)
		r->key = template_key(r);
	if (r->key)
		r->template = template_open(r->key, &r->no_template);
}

void template_find(struct run *r)
{
	r->template = -1;
	if (attempt(find, r) || r->no_template)
		r->key = NULL;
}

/* ---- starting from a template ---- */

/* A start from a template. @layer and @errors: descriptors for the kernel, or -1. */
struct start {
	struct run *r;
	const char *argv[PARAMS_MAX + 30];
	int argc, said; /* a memory file of messages */
	int layer, errors;
	pid_t pid;
};

static void add(struct start *s, const char *word)
{
	if (s->argc + 1 == sizeof(s->argv) / sizeof(s->argv[0]))
		die("%s: too many parameters", word);
	s->argv[s->argc++] = word;
}

/* Returns the parameter umid= with a random name, as the kernel would choose it. */
static const char *new_name(void)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char r[6];
	char *name = format("umid=......");

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		die("getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(r); i++)
		name[5 + i] = letters[r[i] % (sizeof(letters) - 1)];
	return name;
}

/* Sets the kernel's command line. */
static void write_argv(struct start *s)
{
	const struct run *r = s->r;
	bool named = false;

	add(s, "nestling");
	add(s, format("restore=%s", template_folder(r->key)));
	add(s, format("fresh=%d", s->errors));
	add(s, format("ubd0mx=%s,%s", fd_path(s->layer), without_commas(r->real_image)));
	for (int i = 1; i < r->argc; i++) {
		const char *word = r->argv[i];

		if (i == r->disk_at || i == r->initrd_at || !template_is_place(word))
			continue;
		named = named || begins(word, "umid=");
		if (!strcmp(word, "con3=null,fd:2"))
			word = format("con3=null,fd:%d", s->errors);
		add(s, word);
	}
	if (!named)
		add(s, new_name());
	s->argv[s->argc] = NULL;
}

/* Writes the job into the control pipe, from which init will read it. */
static void send_job(const struct run *r)
{
	char *line = format("j%zu\n", r->job_size);
	size_t n = strlen(line), all = n + r->job_size;
	struct iovec v[2] = { { line, n }, { (void *)r->job, r->job_size } };

	if (all > PIPE_ROOM && fcntl(r->control_fd, F_SETPIPE_SZ, JOB_MAX + 4096) < 0)
		die("no room for the job in a pipe");
	if (writev(r->control_fd, v, 2) != (ssize_t)all)
		die("no room for the job in a pipe");
	free(line);
}

/* Discards the bytes that a killed kernel or its run has left in a pipe. */
static void drain(int fd)
{
	char buf[4096];

	while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) > 0 &&
		read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Waits for init's message that it has the job. True if it came. */
static bool hears(const struct start *s)
{
	int pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	struct pollfd p[2] = { { .fd = s->r->ready, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN } };
	char text[4];
	size_t n = 0;

	while (pidfd >= 0 && n < sizeof(text)) {
		ssize_t got;

		if (poll(p, 2, RESTORE_MS) <= 0 || !(p[0].revents & POLLIN))
			break;
		got = read(s->r->ready, text + n, sizeof(text) - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (pidfd >= 0)
		close(pidfd);
	return n == sizeof(text) && !memcmp(text, "job\n", n);
}

/* Returns the kernel's messages as a text. */
static char *said(const struct start *s)
{
	char *text = xalloc(4096);
	ssize_t n = pread(s->said, text, 4095, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void begin(void *arg)
{
	struct start *s = arg;
	struct run *r = s->r;
	int fds[3] = { r->fds[0], r->fds[1], 0 };

	send_job(r);
	s->said = memfd_create("said", MFD_CLOEXEC);
	s->errors = fcntl(r->fds[2], F_DUPFD, 3);
	s->layer = temporary_file("the copy-on-write layer");
	if (s->said < 0 || s->errors < 0)
		die("%s", strerror(errno));
	fcntl(s->layer, F_SETFD, 0);
	write_argv(s);
	fds[2] = s->said;
	s->pid = start_kernel(r, s->argv, fds);
	if (!hears(s))
		die("%.*s", (int)strcspn(said(s), "\n"), said(s));
	put_all(2, said(s), strlen(said(s)), NULL); /* warnings, such as a missing card */
}

pid_t template_start(struct run *r)
{
	struct start s = { .r = r, .said = -1, .layer = -1, .errors = -1 };
	const char *fault = attempt(begin, &s);

	for (size_t i = 0; i < 3; i++)
		if ((int[]){ s.said, s.layer, s.errors }[i] >= 0)
			close((int[]){ s.said, s.layer, s.errors }[i]);
	close(r->template);
	r->template = -1;
	if (!fault) {
		r->key = NULL; /* no template needs to be made */
		return s.pid;
	}
	if (s.pid) {
		kill(s.pid, SIGKILL);
		while (waitpid(s.pid, NULL, 0) < 0 && errno == EINTR)
			;
		/* a port that another process has taken is no fault of the template */
		if (!strstr(fault, "hostfwd="))
			template_remove(template_folder(r->key));
	}
	if (r->tell)
		warn("template: %s", fault);
	drain(r->control_end);
	drain(r->ready);
	drain(r->status_fd);
	return 0;
}
