/* SPDX-License-Identifier: MIT */
/*
 * hosts.c: adds missing lines for localhost and the instance's own name to /etc/hosts, in the
 * instance's layer. If /etc/hosts is a symbolic link, it is left alone, since another program
 * manages the file.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/init/job.h"

#define HOSTS "/etc/hosts"
#define HOSTS_MAX (1 << 20)

static const char local[] = "127.0.0.1\tlocalhost\n"
			    "::1\tlocalhost ip6-localhost ip6-loopback\n"
			    "ff02::1\tip6-allnodes\n"
			    "ff02::2\tip6-allrouters\n";

/* True if a line of @text has the name @name. Modifies @text. */
static bool knows(char *text, const char *name)
{
	char *line, *word;

	while ((line = strsep(&text, "\n"))) {
		line[strcspn(line, "#")] = '\0';
		for (int n = 0; (word = strsep(&line, " \t\r"));) {
			if (*word && n++ && !strcasecmp(word, name))
				return true;
		}
	}
	return false;
}

static bool is_host_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	return *name;
}

/* Reads the file and terminates its text. NULL if the file is too large or unreadable. */
static char *read_hosts(int fd)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > HOSTS_MAX)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* True if the text has no line with the name. */
static bool lacks(const char *text, const char *name)
{
	char *copy = strdup(text);
	bool known = copy && knows(copy, name);

	free(copy);
	return copy && !known;
}

void hosts_add(const char *name)
{
	int fd;
	char *text;
	char more[sizeof(local) + 100] = "";
	size_t n;

	mkdir("/etc", 0755); /* a small image may lack it */
	fd = open(HOSTS, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
	text = fd < 0 ? NULL : read_hosts(fd);
	n = text ? strlen(text) : 0;
	if (text && n && text[n - 1] != '\n')
		strcat(more, "\n");
	n = strlen(more);
	if (text && lacks(text, "localhost"))
		strcat(more, local);
	if (text && is_host_name(name) && strlen(name) < 65 && lacks(text, name))
		sprintf(more + strlen(more), "127.0.1.1\t%s\n", name);
	if (strlen(more) > n && write(fd, more, strlen(more)) < 0)
		perror("init: " HOSTS);
	free(text);
	if (fd >= 0)
		close(fd);
}

/* True if a line of @text is @line. */
static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (!strncmp(text, line, n) && (text[n] == '\n' || !text[n]))
			return true;
	return false;
}

/* The line is added at the start of the file, since the first line with a name counts. */
void hosts_add_line(const char *line)
{
	int fd = open(HOSTS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
	char *text = fd < 0 ? NULL : read_hosts(fd), *all = NULL;

	if (text && !has_line(text, line) && asprintf(&all, "%s\n%s", line, text) > 0 &&
		pwrite(fd, all, strlen(all), 0) != (ssize_t)strlen(all))
		perror("init: " HOSTS);
	free(all);
	free(text);
	if (fd >= 0)
		close(fd);
}
