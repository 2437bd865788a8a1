/* SPDX-License-Identifier: MIT */
/*
 * machine.c: an image whose own init becomes process 1. Before that, the job's settings are written
 * to files: the host name, a password, ssh keys, a login on the console, and the seed of
 * cloud-init. All but the login are files in the instance's layer. The login is in /run, which
 * systemd leaves mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/init/job.h"

#define SEED "/var/lib/cloud/seed/nocloud"
#define UNIT "/run/systemd/system/getty@tty1.service.d"

/* Writes a file with mode @mode, and creates its folder. False with errno set. */
static bool write_file(const char *dir, const char *name, mode_t mode, const char *text)
{
	char path[512];
	size_t n = strlen(text);
	bool good;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	make_dirs(dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return false;
	good = !fchmod(fd, mode) && write(fd, text, n) == (ssize_t)n;
	return !close(fd) && good;
}

/* ---- the password ---- */

/*
 * Copies the lines of a file of users, and sets the hash of @user to @hash. True if @user has a
 * line.
 */
static bool copy_lines(FILE *from, FILE *to, const char *user, const char *hash)
{
	size_t n = strlen(user), room = 0;
	char *line = NULL;
	bool found = false;

	while (getline(&line, &room, from) > 0) {
		char *rest =
			strncmp(line, user, n) || line[n] != ':' ? NULL : strchr(line + n + 1, ':');

		if (rest)
			fprintf(to, "%s:%s%s", user, hash, rest);
		else
			fputs(line, to);
		found = found || rest;
	}
	free(line);
	return found;
}

/*
 * Replaces the hash of @user in file @path, which is /etc/shadow, or /etc/passwd if that is
 * missing.
 */
static bool set_hash(const char *path, const char *user, const char *hash)
{
	char new[64];
	struct stat st;
	FILE *from = fopen(path, "re"), *to;
	bool good;

	snprintf(new, sizeof(new), "%s.nestctl", path);
	if (!from || fstat(fileno(from), &st))
		return false;
	to = fopen(new, "we");
	if (!to) {
		fclose(from);
		return false;
	}
	errno = ENOENT;
	good = copy_lines(from, to, user, hash);
	fclose(from);
	/* A flush that failed need not make fclose() fail. */
	good = !fflush(to) && !ferror(to) && good;
	good = !fchmod(fileno(to), st.st_mode & 07777) &&
	       !fchown(fileno(to), st.st_uid, st.st_gid) && good;
	good = !fclose(to) && good && !rename(new, path);
	if (!good)
		unlink(new);
	return good;
}

/* Sets the password of "USER:HASH" to the hash. */
static bool set_password(const char *text)
{
	const char *hash = strchr(text, ':');
	char *user = strndup(text, (size_t)(hash - text));

	return user && set_hash(access("/etc/shadow", F_OK) ? "/etc/passwd" : "/etc/shadow", user,
			       hash + 1);
}

/* ---- keys ---- */

/* Adds lines to root's authorized keys, unless they exist. */
static bool add_keys(const char *keys)
{
	static const char dir[] = "/root/.ssh";
	static char old[65536];
	int fd;
	ssize_t n;
	bool good;

	make_dirs(dir);
	chmod(dir, 0700);
	fd = open("/root/.ssh/authorized_keys", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	n = read(fd, old, sizeof(old) - 1);
	old[n > 0 ? n : 0] = '\0';
	good = n >= 0;
	if (good && !strstr(old, keys))
		good = lseek(fd, 0, SEEK_END) >= 0 &&
		       dprintf(fd, "%s%s", n && old[n - 1] != '\n' ? "\n" : "", keys) > 0;
	return !close(fd) && good;
}

/* ---- the console ---- */

/*
 * Makes systemd's getty on the console log in @user, or prompt for a user if @user is empty. Sets
 * its TERM to the kind of the caller's terminal.
 */
static bool set_console(const struct job *job, const char *user)
{
	char unit[512];

	snprintf(unit, sizeof(unit), "[Service]\nEnvironment=TERM=%s\n%s%s%s", job->term,
		*user ? "ExecStart=\nExecStart=-/sbin/agetty --autologin " : "", user,
		*user ? " --noclear - $TERM\n" : "");
	return write_file(UNIT, "nestctl.conf", 0644, unit);
}

/* Writes "NAME\nTEXT" as a file of cloud-init's seed. */
static bool write_seed(const char *text)
{
	char name[64];
	size_t n = strcspn(text, "\n");

	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	return write_file(SEED, name, 0600, text + n + 1);
}

const char *machine_prepare(const struct job *job)
{
	char line[80];

	if (*job->hostname) {
		snprintf(line, sizeof(line), "%s\n", job->hostname);
		if (!write_file("/etc", "hostname", 0644, line))
			return "/etc/hostname";
	}
	for (int i = 0; i < job->nr_settings; i++) {
		const char *s = job->settings[i];

		if (*s == 'p' && !set_password(s + 1))
			return "--password";
		if (*s == 'k' && !add_keys(s + 1))
			return "--ssh-key";
		if (*s == 'g' && !set_console(job, s + 1))
			return UNIT;
		if (*s == 's' && !write_seed(s + 1))
			return SEED;
	}
	return NULL;
}

const char *machine_exec(const struct job *job)
{
	/* The names that Linux tries, in its order. */
	static const char *const names[] = { "/sbin/init", "/etc/init", "/bin/init" };
	static char *const none[] = { NULL };
	char *const *words = job->argv[0] ? job->argv : none;
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		return "/dev/console";
	if (fd > 2)
		close(fd);
	clearenv();
	setenv("HOME", "/", 1);
	setenv("TERM", "linux", 1);
	for (char **e = job->env; *e; e++)
		putenv(*e);
	if (*words && **words == '/') {
		execv(*words, words);
		return *words;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *argv[JOB_INIT_WORDS + 2] = { (char *)names[i] };

		for (size_t k = 0; k < JOB_INIT_WORDS && words[k]; k++)
			argv[k + 1] = words[k];
		execv(names[i], argv);
		if (errno != ENOENT)
			return names[i];
	}
	return "the image has no /sbin/init";
}
