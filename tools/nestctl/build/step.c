/* SPDX-License-Identifier: MIT */
/*
 * step.c: see step.h. The kernel inherits the layer's descriptor. The layer has no name while the
 * instance writes to it, so a step that fails or is interrupted leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/step.h"
#include "tools/nestctl/build/words.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/core/word_list.h"

extern const char build_agent_start[], build_agent_end[];

/* Returns the path of the kernel beside nestctl; nestctl-image may be in another folder. */
static const char *kernel(void)
{
	const char *env = getenv("NESTLING_KERNEL"), *beside;

	if (env && *env)
		return env;
	beside = format(
		"%.*s/nestling", (int)(strrchr(nestctl_path, '/') - nestctl_path), nestctl_path);
	return !access(beside, X_OK) ? beside : default_kernel();
}

/* Returns the words of the child, ending in NULL. */
static char **command_line(const struct step *s)
{
	static const char *const fixed[] = { "run", "--bare", "--as-is", "-T", "--no-template" };
	char **argv = NULL;

	argv = words_add(argv, format("/proc/%d/exe", (int)getpid()));
	argv = words_add(argv, format("%s", nestctl_path));
	argv = words_add(argv, format("%s", command_verb(&cmd_build_step)));
	for (size_t i = 1; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		argv = words_add(argv, format("%s", fixed[i]));
	argv = words_add(argv, format("--kernel=%s", kernel()));
	if (s->mem)
		argv = words_add(argv, format("--mem=%s", s->mem));
	/* the agent needs no network, for which init would write name servers into the layer */
	if (!s->shown)
		argv = words_add(argv, format("--net=none"));
	if (s->layer)
		argv = words_add(argv, format("--keep=%s", fd_path(s->fd)));
	for (int i = 0; i < s->nr_disks; i++)
		argv = words_add(
			argv, format("--param=ubd%d%s=%s", i + 1, s->written >> i & 1 ? "" : "r",
				      without_commas(s->disks[i])));
	for (char **o = s->options; o && *o; o++)
		argv = words_add(argv, *o);
	argv = words_add(argv, format("%s", s->on->file));
	argv = words_add(argv, format("--"));
	argv = words_add(argv, format("agent"));
	for (char **w = s->words; *w; w++)
		argv = words_add(argv, *w);
	return argv;
}

void step_add_stream(struct step *s, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	/* round up to whole sectors of a disk */
	if (size < 0 || ftruncate(fd, (size + 4095) / 4096 * 4096))
		die("the files for an instance: %s", strerror(errno));
	s->words = words_add(s->words, format("iubd%c", 'b' + s->nr_disks));
	s->stream = fd;
	s->disks[s->nr_disks++] = fd_path(fd);
}

/*
 * Lets the child and its kernel inherit the files without names (@on), or no longer. A jailed
 * kernel cannot open descriptors of another process.
 */
static void pass_on(const struct step *s, bool on)
{
	if (s->layer)
		fcntl(s->fd, F_SETFD, on ? 0 : FD_CLOEXEC);
	if (s->stream)
		fcntl(s->stream, F_SETFD, on ? 0 : FD_CLOEXEC);
}

void step_start(struct step *s)
{
	int in[2], out[2] = { -1, -1 }, shown;

	s->fd = -1;
	if (s->layer) {
		s->fd = output_open(s->layer);
		write_empty(s->fd, s->layer, s->on->file, FORMAT_V4, 0);
	}
	signal(SIGPIPE, SIG_IGN);
	clean_up_when_ended();
	if (pipe2(in, O_CLOEXEC) || (!s->shown && pipe2(out, O_CLOEXEC)))
		die("pipe: %s", strerror(errno));
	s->said = s->shown && !s->quiet ? -1 : memfd_create("errors", MFD_CLOEXEC);
	shown = s->quiet ? s->said : 2;
	pass_on(s, true);
	s->pid = spawn((const char *const *)command_line(s),
		(const int[]){ in[0], s->shown ? shown : out[1], s->shown ? shown : s->said });
	pass_on(s, false);
	close(in[0]);
	if (!s->shown)
		close(out[1]);
	s->in = in[1];
	s->out = out[0];
}

/* Returns the last line of @text without "nestctl: ", which die() will add. */
static const char *last_line(char *text)
{
	size_t n = strlen(text);
	char *line;

	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = '\0';
	line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	return strncmp(line, "nestctl: ", 9) ? line : line + 9;
}

/* Prints the messages of a quiet step. */
static void show_all(int fd)
{
	char text[4096];
	off_t at = 0;

	for (ssize_t n; (n = pread(fd, text, sizeof(text), at)) > 0; at += n)
		fwrite(text, 1, (size_t)n, stderr);
}

int step_end(struct step *s, const char **why)
{
	int status;

	if (s->in >= 0)
		close(s->in);
	if (s->out >= 0)
		close(s->out);
	status = wait_for(s->pid);
	if (s->shown && s->quiet && status)
		show_all(s->said);
	if (why)
		*why = s->shown ? "" : last_line(program_said(s->said));
	if (s->said >= 0)
		close(s->said);
	if (status || !s->layer) {
		return status;
	}
	/* if another build has made an equal layer meanwhile, keep that: layers may be over it */
	if (access(s->layer, F_OK)) {
		output_finish(s->fd, s->layer, false);
		layer_remember(s->layer, s->on->file);
	}
	return status;
}

/* ---- the child ---- */

static int build_step(int argc, char **argv)
{
	static const struct agent agent = { build_agent_start, build_agent_end };
	struct run r;

	run_parse(&r, argc, argv);
	r.agent = &agent;
	return run_here(&r);
}

const struct command cmd_build_step = {
	.name = "build-step",
	.hidden = true,
	.run = build_step,
};
