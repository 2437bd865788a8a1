/* SPDX-License-Identifier: MIT */
/*
 * run.c: RUN: its mounts and its command. After the command the mounts, and files and folders that
 * were made for them, are removed. So the layer contains only what the command has written.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/init/job.h"
#include "tools/nestctl/build/agent/agent.h"

#define SECRETS AGENT_FOLDER "/secrets"
#define MADE_MAX 512

/* Files and folders that were made for mounts, in order. */
static struct made {
	char *path;
	bool file;
} made[MADE_MAX];
static size_t nr_made;
/* targets of mounts, in their order */
static char *mounted[MADE_MAX];
static size_t nr_mounted;

static void note_made(const char *path, bool file)
{
	if (nr_made == MADE_MAX)
		fail_text("%s: too many mounts", path);
	made[nr_made++] = (struct made){ must(strdup(path)), file };
}

/* Makes the folder and its missing parents, and records the new ones. */
static void make_noted(const char *path)
{
	char *copy = must(strdup(path));

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (!mkdir(copy, 0755))
			note_made(copy, false);
		*p = c;
		if (!c)
			break;
	}
	free(copy);
}

/* Makes a target of a mount, a file or a folder, unless it exists. */
static void make_target(const char *path, bool file)
{
	char *copy, *slash;
	int fd;

	if (!file) {
		make_noted(path);
		return;
	}
	copy = must(strdup(path));
	slash = strrchr(copy, '/');
	if (slash && slash != copy) {
		*slash = '\0';
		make_noted(copy);
	}
	free(copy);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd >= 0) {
		note_made(path, true);
		close(fd);
	}
}

/* Mounts, and records the mount for unmount_all(). */
static void mount_at(const char *source, const char *target, const char *type, unsigned long flags,
	const char *data)
{
	if (mount(source, target, type, flags, data))
		fail(target);
	if (nr_mounted == MADE_MAX)
		fail_text("%s: too many mounts", target);
	mounted[nr_mounted++] = must(strdup(target));
}

/* Bind-mounts "SOURCE\tTARGET". */
static void bind_path(char *text, bool writable)
{
	char *target = strchr(text, '\t');
	struct stat st;

	if (!target)
		fail_text("%s: no target", text);
	*target++ = '\0';
	if (stat(text, &st))
		fail(text + (strncmp(text, AGENT_FOLDER, strlen(AGENT_FOLDER)) ?
					    0 :
					    strlen(AGENT_FOLDER)));
	make_target(target, !S_ISDIR(st.st_mode));
	mount_at(text, target, NULL, MS_BIND, NULL);
	if (!writable && mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		fail(target);
}

/* Bind-mounts a cache's folder, "SOURCE\tTARGET\tMODE\tOWNER". Makes it at its first use. */
static void bind_cache(char *text)
{
	char *target = strchr(text, '\t'), *mode = target ? strchr(target + 1, '\t') : NULL,
	     *owner = mode ? strchr(mode + 1, '\t') : NULL;
	uid_t uid;
	gid_t gid;

	if (!owner)
		fail_text("%s: no target", text);
	*mode++ = '\0';
	*owner++ = '\0';
	*target = '\0';
	if (!mkdir(text, 0755)) {
		job_owner(owner, &uid, &gid);
		if (chown(text, uid, gid) || chmod(text, (mode_t)strtoul(mode, NULL, 8)))
			fail(target + 1);
	}
	*target = '\t';
	bind_path(text, true);
}

static void mount_tmpfs(char *text)
{
	char *size = strchr(text, '\t');

	if (size)
		*size++ = '\0';
	make_target(text, false);
	mount_at("tmpfs", text, "tmpfs", 0, size && *size ? text_of("size=%s", size) : "");
}

/* Bind-mounts a secret's file, "NAME\tTARGET\tMODE\tOWNER". */
static void put_secret(char *text)
{
	char *target = strchr(text, '\t'), *mode = target ? strchr(target + 1, '\t') : NULL,
	     *owner = mode ? strchr(mode + 1, '\t') : NULL, *source;
	uid_t uid;
	gid_t gid;

	if (!owner)
		fail_text("%s: no target", text);
	*target++ = *mode++ = *owner++ = '\0';
	source = text_of(SECRETS "/%s", text);
	job_owner(owner, &uid, &gid);
	if (chown(source, uid, gid) || chmod(source, (mode_t)strtoul(mode, NULL, 8)))
		fail(target);
	make_target(target, true);
	mount_at(source, target, NULL, MS_BIND, NULL);
}

/* Writes the files of the stream into the tmpfs of secrets. */
static void read_secrets(void)
{
	static char to[] = "d" SECRETS, folder[] = "D";
	char *words[] = { to, folder, NULL };
	const struct agent_words w = { .words = words, .rest = words + 2 };
	int null;

	put_files(0, &w);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0)
		fail("/dev/null");
}

static void mount_all(const struct agent_words *w)
{
	static const char *const covers[] = { "/tmp", "/run" };

	for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++)
		umount2(covers[i], MNT_DETACH);
	for (char **word = w->words; *word; word++)
		switch (**word) {
		case 'b': bind_path(*word + 1, false); break;
		case 'c': bind_cache(*word + 1); break;
		case 't': mount_tmpfs(*word + 1); break;
		case 'f': put_secret(*word + 1); break;
		default: break;
		}
}

/* Undoes all mounts, and removes the targets that were made for them. */
static void unmount_all(void)
{
	while (nr_mounted)
		umount2(mounted[--nr_mounted], MNT_DETACH);
	while (nr_made) {
		const struct made *m = &made[--nr_made];
		struct stat st;

		/* keep a file into which the command has written */
		if (m->file && (lstat(m->path, &st) || st.st_size))
			continue;
		if (m->file)
			unlink(m->path);
		else
			rmdir(m->path);
	}
}

/*
 * Returns VAR=VALUE for "VAR\tNAME". The value comes from a file, since the host's ps would show a
 * value in the words.
 */
static char *secret_variable(char *text)
{
	static char value[65536];
	char *name = strchr(text, '\t');
	ssize_t n;
	int fd;

	if (!name)
		fail_text("%s: no secret", text);
	*name++ = '\0';
	fd = open(text_of(SECRETS "/%s", name), O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);
	if (n < 0)
		fail(name);
	close(fd);
	value[n] = '\0';
	return text_of("%s=%s", text, value);
}

/* Executes the command in the child. */
static void __attribute__((noreturn)) execute(const struct agent_words *w)
{
	struct job job = { .term = "dumb", .agent = -1, .argv = w->rest };
	size_t n = 0;

	for (char **word = w->words; *word; word++)
		n += **word == 'e' || **word == 'E';
	job.env = must(calloc(n + 1, sizeof(*job.env)));
	n = 0;
	for (char **word = w->words; *word; word++)
		if (**word == 'e')
			job.env[n++] = *word + 1;
		else if (**word == 'E')
			job.env[n++] = secret_variable(*word + 1);
	/* a name that every image resolves, unlike the kernel's default "(none)" */
	sethostname("localhost", 9);
	job.user = word_of(w, 'u');
	job.dir = word_of(w, 'w');
	job_exec(&job);
}

int run_command(const struct agent_words *w)
{
	int status;
	pid_t pid;

	resolv_take_note();
	read_secrets();
	mount_all(w);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid)
		execute(w);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("wait");
	/* kill the processes that the command has left; the kernel spares init */
	kill(-1, SIGKILL);
	unmount_all();
	resolv_restore();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
