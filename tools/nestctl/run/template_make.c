/* SPDX-License-Identifier: MIT */
/*
 * template_make.c: makes a template in the background: a process boots its own instance, whose init
 * waits for a job, and makes the instance save itself.
 *
 * Only one process of a user at a time makes a template (the lock .making). If it is killed, its
 * kernel dies with it, and its files stay in a folder with a temporary name, which
 * templates_prune() removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/run/template.h"
#include "tools/nestctl/state/state.h"

#define BOOT_MS 60000
#define SAVE_MS 60000
#define HALT_MS 5000
#define ROOM (256UL << 20) /* bytes that stay free */

/* A template that is made. @said: memory file of messages. @ready: init's pipe. */
struct make {
	const struct run *r;
	/* name of the instance; after a failure, the reason for note_fault() */
	const char *name;
	const char *argv[PARAMS_MAX + 30];
	int argc;
	int said, ready;
	pid_t pid;
	struct state_new made;
};

static void add(struct make *m, const char *word)
{
	if (m->argc + 1 == sizeof(m->argv) / sizeof(m->argv[0]))
		die("%s: too many parameters", word);
	m->argv[m->argc++] = word;
}

/* ---- the instance ---- */

/* Returns a path for the kernel to a fresh layer without a name. */
static const char *layer(const char *image)
{
	int fd = temporary_file("the copy-on-write layer");

	write_empty(fd, "the copy-on-write layer", image, FORMAT_NONE, 0);
	fcntl(fd, F_SETFD, 0);
	return fd_path(fd);
}

/*
 * Copies the parameters of the run except those about its place on the host. The copied ones are
 * also in the template's key.
 */
static void write_argv(struct make *m)
{
	const struct run *r = m->r;
	int status, control, ready;

	kernel_pipe(1, &status);
	kernel_pipe(0, &control);
	m->ready = kernel_pipe(1, &ready);
	add(m, "nestling");
	for (int i = 1; i < r->argc; i++)
		if (i == r->disk_at)
			add(m, format("ubd0mx=%s,%s", layer(r->real_image),
				       without_commas(r->real_image)));
		else if (i == r->initrd_at)
			add(m, format("initrd=%s", fd_path(initrd_make(NULL, 0, NULL))));
		else if (!template_is_place(r->argv[i]))
			add(m, r->argv[i]);
	add(m, "con=null");
	add(m, format("con4=null,fd:%d", status));
	add(m, format("con5=fd:%d,fd:%d", control, ready));
	add(m, format("umid=%s", m->name));
	m->argv[m->argc] = NULL;
}

static void start(struct make *m)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	m->said = memfd_create("said", MFD_CLOEXEC);
	if (null < 0 || m->said < 0)
		die("%s", strerror(errno));
	m->pid = start_kernel(m->r, m->argv, (int[]){ null, null, m->said });
}

/* Returns the first line of the kernel's messages. */
static const char *why(const struct make *m)
{
	char *text = xalloc(4096);
	ssize_t n = pread(m->said, text, 4095, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return *text ? text : "its instance has ended";
}

/* Waits for the line by which init reports that it waits for a job. */
static void await(const struct make *m)
{
	static const char wanted[] = "waiting\n";
	int pidfd = (int)syscall(SYS_pidfd_open, m->pid, 0);
	struct pollfd p[2] = { { .fd = m->ready, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN } };

	for (size_t n = 0; n < strlen(wanted);) {
		char c;

		if (pidfd < 0 || poll(p, 2, BOOT_MS) <= 0)
			die("its instance does not come up");
		if (!(p[0].revents & POLLIN))
			die("%s", why(m));
		if (read(m->ready, &c, 1) != 1 || c != wanted[n++])
			die("its init sent an unexpected message");
	}
	close(pidfd);
}

/* Saves the instance into the template and halts it. */
static void save(const struct make *m)
{
	struct instance in = instance_find(m->name);
	struct umid_console c;
	char *text;
	size_t len;
	int err;

	umid_connect(&c, in.folder);
	c.wait_ms = SAVE_MS;
	text = umid_ask(&c, format("state save %s", m->made.made), &err, &len);
	if (!text || err)
		die("%s", text ? text : why(m));
	umid_ask(&c, "halt", &err, &len); /* the kernel removes its name */
	close(c.fd);
}

/* Waits for the kernel's end, and kills it if it takes too long. */
static void end(struct make *m)
{
	int pidfd = m->pid ? (int)syscall(SYS_pidfd_open, m->pid, 0) : -1;

	if (!m->pid)
		return;
	if (pidfd < 0 || poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, HALT_MS) <= 0)
		kill(m->pid, SIGKILL);
	while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
		;
	m->pid = 0;
}

/* ---- the template ---- */

static void write_text(const struct make *m, const char *name, const char *text)
{
	int fd = openat(m->made.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		die("%s: %s", name, strerror(errno));
	write_all(fd, text, strlen(text), name);
	close(fd);
}

static void make(void *arg)
{
	struct make *m = arg;
	const char *key;
	bool fault;

	write_argv(m);
	start(m);
	await(m);
	save(m);
	end(m);
	key = template_key(m->r);
	if (!key || strcmp(key, m->r->key) != 0)
		die("the image or a program changes");
	write_text(m, "key", key);
	template_remove(m->made.folder);
	state_publish(&m->made);
	/* never closed: the template stays locked until the process ends */
	if (template_open(key, &fault) < 0)
		die("it cannot be sealed");
}

/* Records in the template's folder why it could not be made, so that not every run tries again. */
static void note_fault(void *arg)
{
	struct make *m = arg;

	m->made = state_begin_at(template_folder(m->r->key));
	write_text(m, "key", m->r->key);
	write_text(m, "fault", m->name);
	template_remove(m->made.folder);
	state_publish(&m->made);
}

/* True if the disk has enough free space for a template. */
static bool has_room(const char *dir)
{
	struct statvfs st;

	return !statvfs(dir, &st) && (uint64_t)st.f_bavail * st.f_frsize >= ROOM;
}

/*
 * True if this process may make the template now: there is room, no other process makes one, and it
 * neither exists nor has failed within the last hour. Locks .making and prunes templates.
 */
static bool begin(const struct run *r)
{
	const char *dir = data_dir("templates");
	bool fault;
	int lock;

	make_dirs(format("%.*s", (int)(strrchr(dir, '/') - dir), dir));
	if ((mkdir(dir, 0700) && errno != EEXIST) || !has_room(dir))
		return false;
	/* never closed: the lock is held until the process ends */
	lock = open(format("%s/.making", dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return false;
	templates_prune();
	return template_open(r->key, &fault) < 0 && !fault;
}

static void make_all(void *arg)
{
	struct make *m = arg;
	const char *fault;

	if (!begin(m->r))
		return;
	m->made = state_begin_at(template_folder(m->r->key));
	m->name = format("template-%d", (int)getpid());
	fault = attempt(make, m);
	if (m->pid)
		kill(m->pid, SIGKILL);
	end(m);
	if (!fault) {
		templates_prune();
		return;
	}
	state_drop();
	m->name = fault;
	note_fault(m);
}

/* Leaves the terminal, the streams and the working directory of the run. */
static void leave(void)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close_range(3, ~0U, 0);
	gain_no_rights();
	if (chdir("/"))
		_exit(1);
	signal(SIGHUP, SIG_IGN);
}

void template_make(const struct run *r, bool wait)
{
	struct make m = { .r = r, .said = -1 };
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid > 0 && wait)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (pid)
		return;
	leave();
	exit(attempt(make_all, &m) != NULL);
}
