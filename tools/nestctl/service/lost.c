/* SPDX-License-Identifier: MIT */
/*
 * lost.c: asks a detached instance whether the host has refused to store data that its guest wrote,
 * mostly for lack of room. The kernel reports such data when it ends, as in `nestctl run`. Since a
 * service runs for weeks, its supervisor also polls the kernel.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/service/service.h"

/* time to wait for a reply: short, as a hung instance must not hold up the supervisor */
#define ASK_MS 200

static char *ask(const char *folder)
{
	struct umid_console c;
	size_t len;
	char *text, *line;
	int err;

	if (!umid_is_served(folder) || !umid_try_connect(&c, folder))
		return NULL;
	c.wait_ms = ASK_MS;
	text = umid_ask(&c, "proc nestling/lost", &err, &len);
	close(c.fd);
	line = text && !err && *text ? format("%.*s", (int)strcspn(text, "\n"), text) : NULL;
	free(text);
	return line;
}

char *lost_ask(const char *name)
{
	/* kept: a supervisor asks all the time */
	static const char *homes[2];
	char *line = NULL, *folder;

	for (int i = 0; !line && i < 2; i++) {
		homes[i] = homes[i] ?: umid_home(i);
		if (!homes[i])
			continue;
		folder = format("%s/%s", homes[i], name);
		line = ask(folder);
		free(folder);
	}
	return line;
}
