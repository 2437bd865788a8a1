/* SPDX-License-Identifier: MIT */
/*
 * run.c: `nestctl run IMAGE [-- COMMAND...]`, a disposable instance. Makes the kernel's command
 * line from the options (parse.c).
 *
 * The kernel gets three files without names, through /proc/self/fd: the copy-on-write layer, the
 * initial archive with the built-in init (initrd.c), and pipes on which init reports the command's
 * status and receives signals. So no file is left behind, not even after SIGKILL. The kernel dies
 * with nestctl (attend.c).
 *
 * Terminal mode: con0 is the terminal, which the kernel makes raw and restores. Without -T nestctl
 * chooses this mode in three cases: with -t; if there is no COMMAND, and standard input and output
 * are a terminal; and if all three standard streams are one terminal, in whose foreground nestctl
 * is.
 *
 * Channel mode: con1 to con3 carry the three streams. Input goes through a pipe (pump.c), which
 * carries nothing until init reports on con5 that its consoles are raw: they would treat earlier
 * input as lines. Output goes through a pipe, too. So only the host's line discipline applies to a
 * terminal, and init is informed when a reader has gone or a disk is full. If output and errors are
 * one file, they share one channel, which keeps their order. In channel mode the kernel has a
 * process group of its own, and nestctl passes signals on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/run/audit.h"
#include "tools/nestctl/run/host_user.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/run/template.h"

void run_add(struct run *r, const char *param)
{
	if (r->argc == PARAMS_MAX + 20)
		die("%s: too many parameters", param);
	r->argv[r->argc++] = param;
}

const char *default_kernel(void)
{
	const char *env = getenv("NESTLING_KERNEL");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (env && *env)
		return env;
	if (n > 0) {
		self[n] = '\0';
		const char *beside =
			format("%.*s/nestling", (int)(strrchr(self, '/') - self), self);

		if (!access(beside, X_OK))
			return beside;
	}
	return find_program("nestling") ?: "nestling";
}

const char *fd_path(int fd)
{
	return format("/proc/self/fd/%d", fd);
}

/*
 * Returns the path of the layer: the file of --keep, or a new file without a name. If the file of
 * --keep is missing, the kernel makes it in version 3. Only if the image is a COW file itself,
 * nestctl makes it.
 */
static const char *open_cow(struct run *r)
{
	int fd;

	if (!r->cow) {
		fd = temporary_file("the copy-on-write layer");
		write_empty(fd, "the copy-on-write layer", r->image, FORMAT_NONE, 0);
		fcntl(fd, F_SETFD, 0);
		return fd_path(fd);
	}
	if (access(r->cow, F_OK) && errno == ENOENT && !image_is_raw(r->image)) {
		fd = output_open(r->cow);
		write_empty(fd, r->cow, r->image, FORMAT_NONE, 0);
		output_finish(fd, r->cow, false);
		layer_remember(r->cow, r->image);
	}
	return r->cow;
}

bool same_terminal(void)
{
	struct stat st[3];

	for (int i = 0; i < 3; i++)
		if (!isatty(i) || fstat(i, &st[i]))
			return false;
	return st[0].st_rdev == st[1].st_rdev && st[0].st_rdev == st[2].st_rdev;
}

bool in_background(void)
{
	pid_t foreground = tcgetpgrp(0);

	return foreground > 0 && foreground != getpgrp();
}

int kernel_pipe(int kept, int *end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fcntl(fds[kept], F_SETFD, 0);
	*end = fds[kept];
	return fds[!kept];
}

bool same_output(void)
{
	struct stat out, err;

	return !fstat(1, &out) && !fstat(2, &err) && out.st_dev == err.st_dev &&
	       out.st_ino == err.st_ino;
}

/* Adds the consoles of a command without a terminal, and its pumps. */
static void use_channels(struct run *r)
{
	r->fds[0] = pump_input(0, r->ready);
	r->fds[1] = pump_output(1, r->control_fd);
	if (!r->joined)
		r->fds[2] = pump_output(2, r->control_fd);
	if (r->verbose)
		run_add(r, "con0=null,fd:2");
	run_add(r, "con1=fd:0,null");
	run_add(r, "con2=null,fd:1");
	if (!r->joined)
		run_add(r, "con3=null,fd:2");
}

/* Dies unless --keep names a layer, or a file that can be made. */
static void check_keep(const struct run *r)
{
	const char *slash = strrchr(r->cow, '/');
	const char *dir = !slash          ? "." :
			  slash == r->cow ? "/" :
					    format("%.*s", (int)(slash - r->cow), r->cow);
	struct stat st;

	if (stat(r->cow, &st)) {
		if (errno != ENOENT || !*r->cow || access(dir, W_OK | X_OK))
			die("run: --keep '%s': %s", r->cow, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode))
		die("run: --keep %s: not a regular file", r->cow);
	if (access(r->cow, R_OK | W_OK))
		die("run: --keep %s: %s", r->cow, strerror(errno));
	if (st.st_size && image_is_raw(r->cow))
		die("run: --keep %s: not a copy-on-write layer", r->cow);
}

/* Sets r->terminal and r->joined. */
static void choose_terminal(struct run *r)
{
	if (r->want_terminal && !(isatty(0) && isatty(1)))
		die("run: -t: standard input and output are no terminal");
	r->terminal =
		!r->no_terminal && (r->want_terminal || (r->login && isatty(0) && isatty(1)) ||
					   (same_terminal() && !in_background()));
	r->joined = !r->terminal && same_output();
}

const char *without_commas(const char *path)
{
	char *text = xalloc(2 * strlen(path) + 1), *to = text;

	for (; *path; *to++ = *path++)
		if (*path == ',')
			*to++ = '\\';
	*to = '\0';
	return text;
}

void run_add_shares(struct run *r)
{
	for (int i = 0; i < r->nr_volumes; i++) {
		const struct volume *v = &r->volumes[i];

		run_add(r, format("hostfs%d%s%s=%s", i, v->file ? "f" : "", v->rdonly ? "r" : "",
				   v->host));
	}
}

void run_no_image(const struct run *r)
{
	int err = errno;

	if (err == ENOENT && !strchr(r->image_name, '/') && !access(r->image_name, F_OK))
		die("%s: no such image; the file here is ./%s", r->image_name, r->image_name);
	if (err == ENOENT && !strchr(r->image_name, '/'))
		die("%s: there is no such image; `nestctl images` lists them, `nestctl image "
		    "build` "
		    "and `nestctl pull` make one",
			r->image_name);
	die("%s: %s", r->image, strerror(err));
}

/* Completes r->argv and makes everything that the start needs. Dies on an error. */
static void prepare(struct run *r)
{
	if (access(r->image, R_OK))
		run_no_image(r);
	if (r->cow)
		check_keep(r);
	r->real_image = realpath(r->image, NULL);
	if (!r->real_image)
		die("%s: %s", r->image, strerror(errno));
	run_choose_cards(r);
	free(job_text(r, &r->job_size)); /* sets r->login */
	choose_terminal(r);
	if (r->machine)
		machine_settings(r);
	r->job = job_text(r, &r->job_size);
	r->status_fd = kernel_pipe(1, &r->status_end);
	r->control_fd = kernel_pipe(0, &r->control_end);
	fcntl(r->control_fd, F_SETFL, O_NONBLOCK); /* a hung instance must not block nestctl */
	r->ready = kernel_pipe(1, &r->ready_fd);

	r->disk_at = r->argc;
	run_add(r, "ubd0m=");
	r->initrd_at = r->argc;
	run_add(r, "initrd=");
	run_add_shares(r);
	/*
	 * no reboot in place: a second boot would lack the files without names. The kernel of a
	 * machine ends with this status instead, and attend.c starts the next one.
	 */
	run_add(r, r->machine ? format("noreboot=%d", MACHINE_RESTARTS) : "noreboot");
	run_add(r, "con=null");
	if (r->machine)
		machine_console(r);
	else if (r->terminal)
		run_add(r, "con0=fd:0,fd:1");
	else
		use_channels(r);
	/* attend() reads the reason of a failed start from the pipe */
	if (r->chosen && r->fds[2] == 2)
		r->fds[2] = pump_output(2, -1);
	run_add(r, format("con4=null,fd:%d", r->status_end));
	run_add(r, format("con5=fd:%d,fd:%d", r->control_end, r->ready_fd));
	run_add_cards(r);
	if (!r->verbose)
		run_add(r, "quiet");
	if (r->mem)
		run_add(r, format("mem=%s", r->mem));
	if (r->ncpus)
		run_add(r, format("ncpus=%s", r->ncpus));
	if (r->disk)
		run_add(r, format("layer_limit=%s", r->disk));
	if (r->pids)
		run_add(r, format("pids=%lu", r->pids));
	if (host_user_param(r->host_user))
		run_add(r, host_user_param(r->host_user));
	audit_prepare(r);
}

/* Sets the word of the first disk in r->argv, with a layer over the image. */
static void set_disk(struct run *r)
{
	/*
	 * Flag m: the kernel maps the image's pages if possible, otherwise its log has the reason.
	 * Flag k: a machine's next kernel opens the same file again. Flag x: nothing reads the
	 * file afterwards.
	 */
	r->argv[r->disk_at] = format("ubd0m%s=%s,%s",
		r->machine ? "k" :
		r->cow     ? "" :
			     "x",
		without_commas(open_cow(r)), without_commas(r->real_image));
}

void run_follow_name(struct run *r)
{
	char folder[PATH_MAX];
	ssize_t n =
		r->folder_fd < 0 ? -1 : readlink(fd_path(r->folder_fd), folder, sizeof(folder) - 1);
	const char *name, *old;

	folder[n > 0 ? n : 0] = '\0';
	name = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : "";
	if (!*name || !strcmp(name, r->name))
		return;
	for (int i = 0; i < r->argc; i++)
		if (!strncmp(r->argv[i], "umid=", 5))
			r->argv[i] = format("umid=%s", name);
	/* the instance's own layer is in its folder */
	old = format("%.*s/%s/layer", (int)(name - 1 - folder), folder, r->name);
	if (r->cow && !strcmp(r->cow, old)) {
		r->cow = format("%s/layer", folder);
		set_disk(r);
	}
	r->name = format("%s", name);
	/* the last kernel has left its folder, which was renamed: remove it */
	for (int i = 0; i < 2; i++)
		if (umid_home(i))
			umid_remove_dead(format("%s/%s", umid_home(i), name));
}

void prepare_boot(struct run *r)
{
	set_disk(r);
	r->argv[r->initrd_at] =
		format("initrd=%s", fd_path(initrd_make(r->job, r->job_size, r->agent)));
}

/* Reads $NESTLING_TEMPLATES: "off", or "now" for tests, which starts each run from a template. */
static void choose_templates(struct run *r)
{
	const char *how = getenv("NESTLING_TEMPLATES");

	if (!how || !*how)
		return;
	r->make_now = r->tell = !strcmp(how, "now");
	if (!r->make_now && strcmp(how, "off") != 0)
		die("NESTLING_TEMPLATES=%s: expected off or now", how);
	r->no_template = r->no_template || !r->make_now;
}

/* the run whose cidfile was written, by the process @own_pid */
static const struct run *with_cidfile;
static pid_t own_pid;

/* Removes the file of --cidfile if the start failed. */
static void end_cidfile(void)
{
	const struct run *r = with_cidfile;

	if (getpid() == own_pid && !r->begun && !pump_was_ready(r->ready))
		unlink(r->cidfile);
}

int run_here(struct run *r)
{
	int status;

	choose_templates(r);
	attend_prepare();
	prepare(r);
	if (r->cidfile) {
		run_write_cidfile(r, r->name);
		with_cidfile = r;
		own_pid = getpid();
		atexit(end_cidfile);
	}
	template_find(r);
	if (r->make_now && r->key && r->template <0) {
		template_make(r, true);
		template_find(r);
		if (r->key && r->template <0)
			warn("there is no template");
	}
	status = attend(r);
	if (r->key && r->template <0 && !r->make_now)
		template_make(r, false);
	return status;
}
