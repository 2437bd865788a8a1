/* SPDX-License-Identifier: MIT */
/* settings.c: applies the job's settings other than the command (the letters in job.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/init/job.h"

#define DATA_MAX 1024
#define SHM "/dev/shm"

/* Applies a flag word of mount(8), such as "ro", to *flags. False if @word is no such word. */
static bool is_flag(const char *word, unsigned long *flags)
{
	static const struct {
		const char *word;
		unsigned long set, clear;
	} words[] = { { "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY }, { "exec", 0, MS_NOEXEC },
		{ "noexec", MS_NOEXEC, 0 }, { "suid", 0, MS_NOSUID }, { "nosuid", MS_NOSUID, 0 },
		{ "dev", 0, MS_NODEV }, { "nodev", MS_NODEV, 0 }, { "noatime", MS_NOATIME, 0 } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i].word)) {
			*flags = (*flags | words[i].set) & ~words[i].clear;
			return true;
		}
	return false;
}

/* Mounts a tmpfs at "DIR[:OPTIONS]". False with errno. */
static bool mount_tmpfs(const char *text)
{
	unsigned long flags = MS_NOEXEC | MS_NOSUID | MS_NODEV;
	char *dir = strdup(text), *options = dir ? strchr(dir, ':') : NULL;
	char data[DATA_MAX] = "";
	bool done;

	if (!dir)
		return false;
	if (options)
		*options++ = '\0';
	for (char *word; options && (word = strsep(&options, ","));)
		if (*word && !is_flag(word, &flags) && strlen(data) + strlen(word) + 2 < DATA_MAX) {
			strcat(data, *data ? "," : "");
			strcat(data, word);
		}
	make_dirs(dir);
	done = !mount("tmpfs", dir, "tmpfs", flags, data);
	free(dir);
	return done;
}

/* Sets the size of /dev/shm. False with errno. */
static bool set_shm_size(const char *bytes)
{
	char data[64];

	snprintf(data, sizeof(data), "mode=1777,size=%s", bytes);
	return !mount(NULL, SHM, NULL, MS_REMOUNT, data);
}

/*
 * Sets "NAME=VALUE" in /proc/sys; a dot in NAME stands for a slash. Returns NULL, or the option
 * with NAME, and errno set.
 */
static const char *set_sysctl(const char *text)
{
	static char option[256];
	char path[256];
	size_t n = strcspn(text, "="), len = strlen(text + n + 1);
	ssize_t done = -1;
	int fd;

	snprintf(option, sizeof(option), "--sysctl %.*s", (int)n, text);
	snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)n, text);
	for (char *p = path; (p = strchr(p, '.'));)
		*p = '/';
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return option;
	done = write(fd, text + n + 1, len);
	close(fd);
	return done == (ssize_t)len ? NULL : option;
}

/* Applies one setting. Returns NULL, or what has failed, with errno set. */
static const char *apply(const char *s)
{
	switch (*s) {
	case 'a': hosts_add_line(s + 1); return NULL;
	case 'f': return mount_tmpfs(s + 1) ? NULL : s + 1;
	case 'b': return set_shm_size(s + 1) ? NULL : SHM;
	case 'y': return set_sysctl(s + 1);
	default: return NULL;
	}
}

const char *settings_apply(const struct job *job)
{
	bool read_only = false;

	for (int i = 0; i < job->nr_settings; i++) {
		const char *what = apply(job->settings[i]);

		if (what)
			return what;
		read_only = read_only || *job->settings[i] == 'r';
	}
	/* Create the command's folder; if that fails, the command's start reports it. */
	if (job->dir && !job->machine)
		make_dirs(job->dir);
	if (read_only && mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL))
		return "/";
	return NULL;
}

/* Removes the capabilities that are not in the mask from the bounding set. */
static bool limit_capabilities(const char *mask)
{
	const unsigned long long kept = strtoull(mask, NULL, 16);

	for (unsigned int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return false;
	return true;
}

const char *settings_limit(const struct job *job)
{
	for (int i = 0; i < job->nr_settings; i++) {
		unsigned long soft, hard;
		int resource;

		if (*job->settings[i] == 'c' && !limit_capabilities(job->settings[i] + 1))
			return "--cap-drop";
		if (sscanf(job->settings[i], "l%d %lu %lu", &resource, &soft, &hard) != 3)
			continue;
		const struct rlimit limit = { soft, hard };

		if (setrlimit(resource, &limit))
			return "--ulimit";
	}
	return NULL;
}
