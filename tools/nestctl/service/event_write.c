/* SPDX-License-Identifier: MIT */
/*
 * event_write.c: records events in $XDG_DATA_HOME/nestling/events. Each nestctl and each supervisor
 * appends lines of JSON with docker's names to the file `log`. At EVENTS_SIZE bytes it is renamed
 * to `log.1`. Writers hold a lock (flock(2)) on the file `lock` meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/service.h"

#define EVENTS_SIZE (1 << 20)

/* Appends a line to the file `log`, which is renamed first if it is full. Errors are ignored. */
static void append(const char *line, size_t size)
{
	const char *dir = data_dir("events");
	const char *path = format("%s/log", dir);
	struct stat st;
	int lock, fd;

	make_dirs(dir);
	lock = open(format("%s/lock", dir), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return;
	service_flock(lock, LOCK_EX);
	if (!stat(path, &st) && st.st_size >= EVENTS_SIZE)
		rename(path, format("%s/log.1", dir));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && !fstat(fd, &st) && write(fd, line, size) != (ssize_t)size)
		/* the disk is full: remove the incomplete line */
		if (ftruncate(fd, st.st_size))
			perror("events");
	if (fd >= 0)
		close(fd);
	close(lock);
}

/* An event. Attributes of @s are added if it is not NULL. */
struct event {
	const char *type, *action, *name, *key, *value;
	const struct service *s;
};

static void put_attributes(const struct event *e)
{
	json_text("name", e->name);
	if (e->key)
		json_text(e->key, e->value);
	if (!e->s)
		return;
	if (e->s->spec.image)
		json_text("image", e->s->spec.image);
	for (char **l = e->s->spec.labels; l && *l; l++)
		json_text(format("%.*s", (int)strcspn(*l, "="), *l), strchr(*l, '=') + 1);
}

static void tell(void *arg)
{
	const struct event *e = arg;
	const int64_t now = now_ns();
	char *line = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&line, &size);

	if (!f)
		return;
	json_to(f);
	json_open(NULL, '{');
	json_text("Type", e->type);
	json_text("Action", e->action);
	json_text("ID", e->name);
	json_open("Actor", '{');
	json_text("ID", e->name);
	json_open("Attributes", '{');
	put_attributes(e);
	json_close('}');
	json_close('}');
	json_number("Time", now / 1000000000);
	json_number("TimeNano", now);
	json_close('}');
	json_to(NULL);
	if (!fclose(f))
		append(line, size);
	free(line);
}

void event_service(const struct service *s, const char *action, const char *key, const char *value)
{
	struct event e = { "container", action, s->name, key, value, s };

	attempt(tell, &e);
}

void event_thing(const char *type, const char *action, const char *name)
{
	struct event e = { type, action, name, NULL, NULL, NULL };

	attempt(tell, &e);
}
