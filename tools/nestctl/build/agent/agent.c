/* SPDX-License-Identifier: MIT */
/* agent.c: see agent.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/init/job.h"
#include "tools/nestctl/build/agent/agent.h"

#define ROOT AGENT_FOLDER "/root"

void fail_text(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(AGENT_FAILED);
}

void fail(const char *what)
{
	if (errno == ENOSPC)
		fail_text("%s: no room is left in the image; --size gives it more", what);
	fail_text("%s: %s", what, strerror(errno));
}

void *must(void *p)
{
	if (!p)
		fail_text("out of memory");
	return p;
}

char *text_of(const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return must(text);
}

/* Called by settings.c of the built-in init, which the agent contains. */
void make_dirs(const char *path)
{
	make_path(path);
}

const char *word_of(const struct agent_words *w, char letter)
{
	for (char **word = w->words; *word; word++)
		if (**word == letter)
			return *word + 1;
	return NULL;
}

void enter_root(const char *path)
{
	if (!strcmp(path, "/")) {
		path = ROOT;
		make_path(path);
		if (mount("/", path, NULL, MS_BIND, NULL))
			fail("the image's root");
	}
	if (chroot(path) || chdir("/"))
		fail("the image's root");
}

void mount_disks(const struct agent_words *w)
{
	for (char **word = w->words; *word; word++) {
		char *text = *word + 1, *flags, *device, *dir;

		if (**word != 's')
			continue;
		flags = strchr(text, '\t');
		device = text_of("%.*s", flags ? (int)(flags - text) : (int)strlen(text), text);
		dir = text_of(AGENT_FOLDER "/%s", device);
		make_path(dir);
		if (mount(text_of("/dev/%s", device), dir, "ext4", flags ? MS_RDONLY : 0, NULL))
			fail(device);
	}
}

/* Makes the folders that WORKDIR has named, in the image's root. */
static void make_folders(const struct agent_words *w)
{
	for (char **word = w->words; *word; word++)
		if (**word == 'W')
			make_path(*word + 1);
}

/* Makes the folders in a child, so that this process keeps its root. */
static void make_folders_apart(const struct agent_words *w)
{
	pid_t pid;
	int status;

	if (!word_of(w, 'W'))
		return;
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		enter_root("/");
		make_folders(w);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		_exit(AGENT_FAILED);
	umount2(ROOT, MNT_DETACH);
}

/* Carries out COPY --from: a child sends files of the second disk, this process writes them. */
static void copy_from(const struct agent_words *w)
{
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		fail("pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		close(fds[0]);
		enter_root(AGENT_FOLDER "/ubdb");
		get_files(fds[1], w, true);
		_exit(0);
	}
	close(fds[1]);
	enter_root("/");
	make_folders(w);
	put_files(fds[0], w);
	if (waitpid(pid, &status, 0) != pid || status)
		_exit(AGENT_FAILED);
}

/* Returns a descriptor of the stream: the disk of word i, or standard input. */
static int open_stream(const struct agent_words *w)
{
	const char *device = word_of(w, 'i');
	int fd = device ? open(text_of("/dev/%s", device), O_RDONLY | O_CLOEXEC) : 0;

	if (fd < 0)
		fail(device);
	return fd;
}

/* Splits the words at "--". */
static struct agent_words split(char **words)
{
	static char *none[] = { NULL };
	struct agent_words w = { .words = words, .rest = none };

	for (; *words; words++)
		if (!strcmp(*words, "--")) {
			*words = NULL;
			w.rest = words + 1;
			break;
		}
	return w;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	struct agent_words w;
	int stream;

	umask(022);
	w = split(argv + (argc > 1) + 1);
	make_path(AGENT_FOLDER);
	mount_disks(&w);
	if (!strcmp(verb, "run")) {
		make_folders_apart(&w);
		return run_command(&w);
	}
	if (!strcmp(verb, "from")) {
		copy_from(&w);
		return 0;
	}
	stream = open_stream(&w);
	enter_root("/");
	make_folders(&w);
	if (!strcmp(verb, "put"))
		put_files(stream, &w);
	else if (!strcmp(verb, "get") || !strcmp(verb, "list"))
		get_files(1, &w, !strcmp(verb, "get"));
	else if (strcmp(verb, "dirs") != 0)
		fail_text("no verb '%s'", verb);
	return 0;
}
